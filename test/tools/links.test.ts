import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check, linksIn } from '../../tools/links/links.ts';

const asked: string[] = [];
const server = createServer((request, response) => {
	asked.push(request.url ?? '');
	if (request.url === '/gone') response.writeHead(404).end();
	else if (request.url === '/cut') response.destroy();
	else response.end('<h2 id="here">Here</h2><a name="user-content-there">');
});
let base = '';
beforeAll(async () => {
	await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
	base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test('finds links without the punctuation around them', () => {
	expect(linksIn('See (https://a.example/x#y), "https://b.example/z". <https://c.example/>')).toEqual([
		'https://a.example/x#y',
		'https://b.example/z',
		'https://c.example/',
	]);
});

test('requests a page once, and looks for each of its anchors', async () => {
	const links = ['#here', '#there', '#nowhere', ''].map(anchor => `${base}/page${anchor}`);
	const found = await check([...links, ...links, `${base}/gone`, `${base}/cut`]);
	expect(asked.filter(path => path === '/page')).toHaveLength(1);
	expect(Object.fromEntries(found.map(({ link, broken }) => [link.slice(base.length), broken ?? 'well']))).toEqual({
		'/page': 'well',
		'/page#here': 'well',
		'/page#there': 'well',
		'/page#nowhere': 'the page has no such anchor',
		'/gone': 'the server says 404',
		'/cut': expect.any(String),
	});
});

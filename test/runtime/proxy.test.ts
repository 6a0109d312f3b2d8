// Which proxy the environment configures for an address.
import { afterEach, expect, test } from 'vitest';
import { Refusal } from '../../src/answer.ts';
import { proxiesIn } from '../../src/runtime/proxy.ts';

const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];
const before = Object.fromEntries(names.map(name => [name, process.env[name]]));

afterEach(() => {
	for (const name of names) delete process.env[name];
	for (const [name, value] of Object.entries(before)) if (value !== undefined) process.env[name] = value;
});

/** The library reads the process's own environment. */
async function proxyFor(address: string, environment: Record<string, string>): Promise<string | undefined> {
	for (const name of names) delete process.env[name];
	Object.assign(process.env, environment);
	return (await proxiesIn(environment))?.(address)?.href;
}

test('uses none if none is configured', async () => {
	expect(await proxiesIn({})).toBeUndefined();
	expect(await proxiesIn({ HTTPS_PROXY: '', NO_PROXY: '*' })).toBeUndefined();
});

test.each([
	['https://matrix.example.org', { HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
	['http://matrix.example.org', { HTTPS_PROXY: 'http://proxy:3128' }, undefined],
	['http://matrix.example.org', { HTTP_PROXY: 'proxy:3128' }, 'http://proxy:3128/'],
	['https://matrix.example.org', { ALL_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
	['https://matrix.example.org', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'example.net,.example.org' }, undefined],
	['https://matrix.example.org', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' }, undefined],
	['https://matrix.example.org:8448', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'matrix.example.org:443' }, 'http://p:1/'],
	// A homeserver on the same machine is not behind a proxy.
	['http://localhost:8008', { HTTP_PROXY: 'http://p:1' }, undefined],
	['http://127.0.0.1:8008', { HTTP_PROXY: 'http://p:1' }, undefined],
	['http://[::1]:8008', { HTTP_PROXY: 'http://p:1' }, undefined],
])('finds the proxy for %s in %j', async (address, environment, expected) => {
	expect(await proxyFor(address, environment as Record<string, string>)).toBe(expected);
});

test('refuses an unusable proxy in a sentence, without its credentials', async () => {
	await expect(proxiesIn({ HTTPS_PROXY: 'socks5://p:1080' })).rejects.toThrow(
		new Refusal('HTTPS_PROXY: socks5:// proxies are not supported, only http:// and https://.'),
	);
	await expect(proxiesIn({ http_proxy: 'http://user:secret@a b' })).rejects.toThrow(
		new Refusal('http_proxy: a b is not a proxy URL.'),
	);
});

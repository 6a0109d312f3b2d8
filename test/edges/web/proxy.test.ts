// Upstream's documents through the operator's proxy: only from addresses that have been checked.
import { once } from 'node:events';
import { createServer } from 'node:https';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Web } from '../../../src/ports/web.ts';
import { type PlayedProxy, playProxy } from '../../proxy.ts';
import { openUpstream } from './upstream.ts';
import { banned, openWorld, ours, type World } from './world.ts';

let world: World;
let proxy: PlayedProxy;
let port: number;
let closes: (() => void)[];

beforeEach(async () => {
	world = await openWorld();
	proxy = await playProxy('glia:open-sesame');
	closes = [];
	const server = createServer(world.authority.issue(['feed.test']), (request, response) => {
		if (request.url === '/moved') response.writeHead(302, { location: `https://inside.test:${port}/` }).end();
		else response.end('[]');
	});
	server.on('tlsClientError', () => {});
	server.listen(0, ours);
	await once(server, 'listening');
	closes.push(() => server.close());
	const address = server.address();
	port = typeof address === 'object' && address ? address.port : 0;
	world.zone.a('feed.test', ours);
	world.zone.a('inside.test', banned);
});

afterEach(async () => {
	for (const close of closes) close();
	await proxy.stop();
	await world.close();
});

/** Reads the feed at this path, by default through the proxy. Resolves with the error. */
async function read(path: string, proxyOf = (_address: string): URL | undefined => proxy.url): Promise<unknown> {
	const { settings } = await openUpstream(world);
	const releases = { address: `https://${path}`, hours: 1 };
	const web: Web = await world.web({ sources: { ...settings, releases } }, () => new Date(), { proxyOf });
	closes.push(web.close);
	await web.readNews();
	return web.sources().find(({ name }) => name === 'releases')?.trouble;
}

test('tunnels to the checked address, not to a name', async () => {
	await read(`feed.test:${port}/releases`);
	expect(proxy.asked).toContain(`CONNECT ${ours}:${port}`);
	expect(proxy.asked.filter(line => line.includes('test'))).toEqual([]);
	expect(world.dialled.filter(at => at === `${ours}:${port}`)).toEqual([]);
});

test('does not ask the proxy for a forbidden address', async () => {
	expect(await read(`inside.test:${port}/releases`)).toMatchObject({ trouble: { is: 'forbidden' } });
	expect(await read(`feed.test:${port}/moved`)).toMatchObject({ trouble: { is: 'forbidden' } });
	expect(proxy.asked.filter(line => line.includes(banned))).toEqual([]);
	expect(world.trespasses).toBe(0);
});

test('distinguishes a proxy that refuses or is down from a failing source', async () => {
	const stranger = new URL(proxy.url);
	stranger.password = 'wrong';
	expect(await read(`feed.test:${port}/releases`, () => stranger)).toMatchObject({
		trouble: { is: 'unreachable', code: 'PROXY_407' },
	});
	await proxy.stop();
	expect(await read(`feed.test:${port}/releases`)).toMatchObject({
		trouble: { is: 'unreachable', code: 'PROXY_AWAY' },
	});
});

test('checks watched servers without the proxy', async () => {
	world.zone.a('watched.test', ours);
	const web = await world.web({}, () => new Date(), { proxyOf: () => proxy.url });
	await web.observe('watched.test');
	expect(proxy.asked).toEqual([]);
	expect(world.dialled.length).toBeGreaterThan(0);
});

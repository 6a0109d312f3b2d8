// Unusual networks: only IPv6, a proxy that is the only one to know the names, no connection to the outside.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { playProxy } from '../proxy.ts';
import { answerTo, roomWith } from './answers.ts';
import { type Bot, type BotOptions, makeBot } from './bot.ts';
import { person } from './person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

let home: Homeserver;
let bot: Bot | undefined;

beforeAll(async () => {
	home = await sharedSynapse();
});

afterEach(async () => {
	await bot?.remove();
	bot = undefined;
	for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) delete process.env[name];
});

/** Starts a bot and waits for an answer in a room, and for one with files. */
async function answers(options: BotOptions): Promise<void> {
	bot = await makeBot(home, options);
	await bot.start();
	const alice = await person(home, 'alice');
	const room = await roomWith(bot, alice);
	const asked = await alice.say(room, '!echo here');
	await alice.waitFor(answerTo(asked, bot.userId), 20_000);
	const long = await alice.say(room, '!picture');
	await alice.waitFor(answerTo(long, bot.userId), 20_000);
	expect(await bot.stop()).toBe(0);
}

test('works with a homeserver on IPv6 only, without upstream', async () => {
	const { hostname, port } = new URL(home.url);
	const only: Server = createServer(socket => {
		const there = connect(Number(port), hostname);
		for (const side of [socket, there]) side.on('error', () => {});
		socket.pipe(there).pipe(socket);
	});
	only.listen({ port: 0, host: '::1', ipv6Only: true });
	await once(only, 'listening');
	try {
		await answers({ url: `http://[::1]:${(only.address() as AddressInfo).port}` });
	} finally {
		only.close();
	}
});

test('works with a homeserver whose name only the proxy knows', async () => {
	const proxy = await playProxy('glia:open-sesame', { 'matrix.invalid:8008': new URL(home.url).host });
	process.env.HTTP_PROXY = proxy.url.href;
	try {
		await answers({ url: 'http://matrix.invalid:8008' });
		expect(proxy.asked.length).toBeGreaterThan(10);
		expect(proxy.asked.every(line => / http:\/\/matrix\.invalid:8008\//.test(line))).toBe(true);
	} finally {
		await proxy.stop();
	}
});

test('refuses an unsupported kind of proxy in one sentence', async () => {
	process.env.HTTPS_PROXY = 'socks5://127.0.0.1:1080';
	bot = await makeBot(home);
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(bot.output().trim()).toBe('HTTPS_PROXY: socks5:// proxies are not supported, only http:// and https://.');
});

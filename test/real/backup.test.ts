// Backups of a running and of a stopped bot. If they are restored elsewhere, the keys are not used twice. A folder is
// copied by `npm start -- backup`, a database by its own tools.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { socketPath } from '../../src/edges/control/socket.ts';
import { type Bot, type BotOptions, makeBot } from './bot.ts';
import { stateKind } from './bot-state.ts';
import { startProxy } from './proxy.ts';
import { answered, type SecretPerson, secretPerson, secretRoom } from './secret-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

const main = join(import.meta.dirname, '../../src/main.ts');
let home: Homeserver;
let alice: SecretPerson;
let bots: Bot[] = [];

beforeAll(async () => {
	home = await sharedSynapse();
	alice = await secretPerson(home, 'alice');
});

afterEach(async () => {
	for (const bot of bots) await bot.remove();
	bots = [];
});

afterAll(() => alice?.stop());

async function newBot(options?: BotOptions): Promise<Bot> {
	const bot = await makeBot(home, options);
	bots.push(bot);
	return bot;
}

async function backup(bot: Bot, to: string): Promise<{ out: string; err: string; status: number }> {
	const child = spawn(process.execPath, [main, 'backup', to, '--config', bot.configPath]);
	let [out, err] = ['', ''];
	child.stdout.on('data', chunk => {
		out += chunk;
	});
	child.stderr.on('data', chunk => {
		err += chunk;
	});
	const [status] = await once(child, 'close');
	return { out, err, status };
}

function starts(folder: string): number[] {
	const devices = readdirSync(join(folder, 'crypto'));
	return devices.map(device => Number(readFileSync(join(folder, 'crypto', device, 'starts'), 'utf8')));
}

const leftIn = (bot: Bot) => readdirSync(join(bot.dir, 'data')).filter(name => name.startsWith('backup-'));

test('copies a running bot, which starts a new session when restored elsewhere', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	expect(await answered(alice, room, '!echo before')).toBe('echo before');
	const commands = Promise.all(
		Array.from({ length: 20 }, (_, index) => answered(alice, room, `!echo during ${index}`)),
	);
	await bot.state.copy({ running: true });
	expect(await commands).toEqual(Array.from({ length: 20 }, (_, index) => `echo during ${index}`));

	// The bot continues, and must be able to restart as usual afterwards.
	expect(await answered(alice, room, '!echo after')).toBe('echo after');
	await bot.stop();
	await bot.start();
	expect(await answered(alice, room, '!echo again')).toBe('echo again');
	expect(await bot.stop()).toBe(0);

	// On another machine, the copy replaces the store.
	await bot.state.restore();
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(bot.output()).toContain('The keys in the store are older than this session: a backup was restored');
	await bot.start();
	expect(await answered(alice, room, '!echo restored')).toBe('echo restored');
	expect(await answered(alice, room, '!status')).toMatch(/signed by my account/);
});

test('notices a restored copy even without a start in between', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	await bot.state.copy({ running: true });
	expect(await answered(alice, room, '!echo more')).toBe('echo more');
	await bot.kill();
	await bot.state.restore();
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(bot.output()).toContain('The keys in the store are older than this session');
});

test('moves a stopped bot without a new session', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	expect(await bot.stop()).toBe(0);
	await bot.state.copy();
	await bot.state.restore();
	await bot.start();
	expect(await answered(alice, room, '!echo moved')).toBe('echo moved');
	expect(await bot.stop()).toBe(0);
	await bot.start();
	expect(await answered(alice, room, '!echo again')).toBe('echo again');
});

// A dump does not show whether the bot is still running, and a killed bot leaves its mark.
test.runIf(stateKind === 'postgres')('starts a new session from the dump of a killed bot', async () => {
	const bot = await newBot();
	await bot.start();
	await secretRoom(alice, bot);
	await bot.kill();
	await bot.state.copy();
	await bot.state.restore();
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(bot.output()).toContain('The keys in the store are older than this session');
});

test.runIf(stateKind === 'postgres')("refuses the backup command, and names the database's own tool", async () => {
	const bot = await newBot();
	const to = join(bot.dir, 'copy');
	expect(await backup(bot, to)).toEqual({
		out: '',
		err: 'This store is in PostgreSQL: back it up with pg_dump, as described in docs/postgresql.md.\n',
		status: 1,
	});
	expect(existsSync(to)).toBe(false);
});

// The rest tests the backup command, which only a folder needs.
const onFolder = test.runIf(stateKind === 'sqlite');

onFolder('copies both databases completely, readable only by their owner, and leaves nothing behind', async () => {
	const bot = await newBot();
	await bot.start();
	await secretRoom(alice, bot);
	const to = join(bot.dir, 'backups/first');
	const { out, err, status } = await backup(bot, to);
	expect([err, status]).toEqual(['', 0]);
	expect(out).toMatch(/first: a backup of \S+data, made while the bot was running \(\d+\.\d MB\)\n$/);
	expect(readdirSync(to).sort()).toEqual(['crypto', 'glia.sqlite']);
	for (const file of ['glia.sqlite', `crypto/${readdirSync(join(to, 'crypto'))[0]}/matrix-sdk-crypto-wasm.sqlite3`]) {
		expect(statSync(join(to, file)).mode & 0o777).toBe(0o600);
		const database = new DatabaseSync(join(to, file), { readOnly: true });
		expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
		database.close();
	}
	expect(statSync(to).mode & 0o777).toBe(0o700);
	expect(leftIn(bot)).toEqual([]);
	// The count of starts increased here, not in the copy.
	expect(starts(join(bot.dir, 'data'))).toEqual([2]);
	expect(starts(to)).toEqual([1]);
});

onFolder('copies a killed bot too, and moves it without a new session', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	await bot.kill();
	const to = join(bot.dir, 'backup');
	const { out, status } = await backup(bot, to);
	expect([out, status]).toEqual([expect.stringMatching(/made while the bot was stopped/), 0]);
	await bot.state.restore();
	await bot.start();
	expect(await answered(alice, room, '!echo moved')).toBe('echo moved');
});

onFolder('makes no copy while the homeserver is down, because it would look like the store itself', async () => {
	const proxy = await startProxy(home.url, {});
	try {
		const bot = await newBot({ url: proxy.url });
		await bot.start();
		await secretRoom(alice, bot);
		proxy.leave();
		const to = join(bot.dir, 'copy');
		const { err, status } = await backup(bot, to);
		expect([err, status]).toEqual([
			expect.stringMatching(/^No backup was made: the homeserver must know about a copy .*, but does not respond: /),
			1,
		]);
		expect([existsSync(to), existsSync(`${to}.partial`), leftIn(bot)]).toEqual([false, false, []]);
		proxy.back();
		expect((await backup(bot, to)).status).toBe(0);
	} finally {
		await proxy.stop();
	}
});

onFolder('says in one sentence what cannot be done', async () => {
	const bot = await newBot();
	const refused = async (to: string) => {
		const { out, err, status } = await backup(bot, to);
		expect([out, status]).toEqual(['', 1]);
		return err;
	};
	expect(await refused(join(bot.dir, 'a'))).toMatch(/^There is no store in \S+\.\n$/);
	mkdirSync(join(bot.dir, 'there'));
	expect(await refused(join(bot.dir, 'there'))).toMatch(/already exists: name a folder that does not\.\n$/);
	await bot.start();
	writeFileSync(join(bot.dir, 'file'), '');
	expect(await refused(join(bot.dir, 'file/below'))).toMatch(/^No backup was made: /);
	// The bot deletes its copy once it notices that the command is gone.
	await expect.poll(() => leftIn(bot), { timeout: 60_000 }).toEqual([]);
	expect(statSync(socketPath(join(bot.dir, 'data'))).mode & 0o777).toBe(0o600);
	// Without the socket's file, the store is in use but nobody responds.
	rmSync(socketPath(join(bot.dir, 'data')));
	expect(await refused(join(bot.dir, 'b'))).toMatch(/is not responding on its control socket; stop it first/);
	// The socket of a killed bot is no obstacle.
	await bot.kill();
	createServer()
		.listen(socketPath(join(bot.dir, 'data')))
		.unref();
	await bot.start();
	expect((await backup(bot, join(bot.dir, 'c'))).status).toBe(0);
	chmodSync(bot.dir, 0o700);
});

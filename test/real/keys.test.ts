// The bot's keys, in files or in PostgreSQL: lost, restored, another account's, refused by the disk. Each time, the bot
// ends with one sentence, and there is a way out.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { roomWith } from './answers.ts';
import { type Bot, type BotOptions, makeBot } from './bot.ts';
import { stateKind } from './bot-state.ts';
import { login, type Person } from './person.ts';
import { startProxy } from './proxy.ts';
import { answered, answerTo, type SecretPerson, secretPerson, secretRoom } from './secret-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

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

/** The bot's !status, once it knows whether its device is signed. */
async function standing(room: string): Promise<string> {
	for (;;) {
		const status = await answered(alice, room, '!status');
		if (!/do not know yet whether my account/.test(status)) return status;
	}
}

/** The lines on standard error that are not from the log. */
function sentences(bot: Bot): string[] {
	const lines = bot.output().split('\n');
	return lines.filter(
		line => line !== '' && !line.startsWith('{') && !/^(thread|note:|stack|\s|panicked|Error|at )/i.test(line),
	);
}

/** The folder with the keys of the only device, if they are in files. */
function keyFolder(bot: Bot): string {
	const folder = join(bot.dir, 'data', 'crypto');
	return join(folder, readdirSync(folder)[0] ?? '');
}

function change(bot: Bot, more: Record<string, unknown>): void {
	writeFileSync(bot.configPath, JSON.stringify({ ...JSON.parse(readFileSync(bot.configPath, 'utf8')), ...more }));
}

function seeds(bot: Bot) {
	const main = join(import.meta.dirname, '../../src/main.ts');
	const args = [main, 'seeds', '--config', bot.configPath];
	return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

/** How many devices the bot has, how many of them its identity has signed, and its master key. */
async function identity(bot: Bot): Promise<{ devices: number; signed: number; master: string }> {
	const answer: Record<string, Record<string, Record<string, unknown>>> = await alice.plain.request(
		'POST',
		'/_matrix/client/v3/keys/query',
		{ device_keys: { [bot.userId]: [] } },
	);
	const keyOf = (of: string) => Object.keys(Object(answer[of]?.[bot.userId]?.keys))[0] ?? '';
	const devices = Object.values(Object(answer.device_keys?.[bot.userId])) as { signatures: object }[];
	const signed = devices.filter(({ signatures }) => keyOf('self_signing_keys') in Object(signatures)[bot.userId]);
	return { devices: devices.length, signed: signed.length, master: keyOf('master_keys') };
}

/** Waits until the homeserver shows the account like this. */
async function until(bot: Bot, wanted: Awaited<ReturnType<typeof identity>>): Promise<void> {
	const giveUp = Date.now() + 40_000;
	for (;;) {
		const found = await identity(bot);
		if (JSON.stringify(found) === JSON.stringify(wanted)) return;
		if (Date.now() > giveUp) expect(found).toEqual(wanted);
		await sleep(500);
	}
}

async function logoutEverywhere(bot: Bot): Promise<void> {
	const itself: Person = await login(home, bot.userId, bot.password);
	await itself.request('POST', '/_matrix/client/v3/logout/all', {});
}

test('locks the keys with a passphrase, and requires it', async () => {
	const bot = await newBot();
	change(bot, { encryption: { passphrase: 'open sesame' } });
	await bot.start();
	const room = await secretRoom(alice, bot);
	expect(await answered(alice, room, '!echo sealed')).toBe('echo sealed');
	await bot.stop();
	const printed = seeds(bot).stdout.trim().split(' ');
	expect(printed).toHaveLength(3);
	const kept = await bot.state.bytes('keys');
	expect(kept.length).toBeGreaterThan(1000);
	for (const secret of [room, ...printed]) expect(kept).not.toContain(secret);
	change(bot, { encryption: { passphrase: 'open barley' } });
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(sentences(bot).join()).toMatch(
		/^The bot's keys cannot be used: the passphrase does not match the (store in|key store of) /,
	);
	change(bot, { encryption: {} });
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(sentences(bot).join()).toMatch(/was created with a passphrase, but none was given\.$/);
	change(bot, { encryption: { passphrase: 'open sesame' } });
	await bot.start();
	expect(await answered(alice, room, '!echo opened')).toBe('echo opened');
});

test('stores readable keys without a passphrase, so that the test above can fail', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	expect(await answered(alice, room, '!echo open')).toBe('echo open');
	await bot.stop();
	expect(await bot.state.bytes('keys')).toContain(room);
});

// In a database, roles protect the keys.
test.runIf(stateKind === 'sqlite')('makes the key files readable only by their owner', async () => {
	const bot = await newBot();
	await bot.start();
	await bot.stop();
	const files = readdirSync(keyFolder(bot));
	expect(files).not.toEqual([]);
	for (const file of files) expect(statSync(join(keyFolder(bot), file)).mode & 0o077).toBe(0);
});

// In a database, the device is part of each row's key, so only the account can be wrong.
test.runIf(stateKind === 'postgres')('refuses keys of another account in a sentence', async () => {
	const bot = await newBot();
	await bot.start();
	await bot.stop();
	await bot.state.rows(`UPDATE key_owners SET "user" = '@other:example.org'`);
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(sentences(bot).at(-1)).toMatch(/belongs to @other:example\.org on device .*, not to @bot-.* on device/);
});

// Only folders can be mixed up, and only a folder can hold another library's file.
test.runIf(stateKind === 'sqlite')(
	'refuses keys of another device or of the native library in a sentence',
	async () => {
		const [bot, other] = [await newBot(), await newBot()];
		await bot.start();
		await other.start();
		await bot.stop();
		await other.stop();
		const mine = keyFolder(bot);
		rmSync(mine, { recursive: true });
		cpSync(keyFolder(other), mine, { recursive: true });
		bot.spawn();
		expect(await bot.ended()).toBe(1);
		expect(sentences(bot).at(-1)).toMatch(/belongs to @bot-.* on device .*, not to @bot-.* on device/);

		rmSync(mine, { recursive: true });
		mkdirSync(mine);
		writeFileSync(join(mine, 'matrix-sdk-crypto.sqlite3'), '');
		bot.spawn();
		expect(await bot.ended()).toBe(1);
		expect(sentences(bot).at(-1)).toMatch(/holds a store of the native library/);
	},
);

test('replaces lost keys with a new session, signed with the saved seeds', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	const before = await identity(bot);
	expect(before).toMatchObject({ devices: 1, signed: 1 });
	expect(seeds(bot).stderr).toMatch(/Another process is using the store/);
	await bot.stop();
	const printed = seeds(bot);
	expect(printed.stdout).toMatch(/^[\w+/]{43} [\w+/]{43} [\w+/]{43}\n$/);

	await bot.state.lose('keys');
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(sentences(bot).at(-1)).toMatch(
		/^The keys in the store are older than this session: .*the next time the bot starts, it logs in/,
	);

	await bot.start();
	const unsigned = /not signed by my account since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)/;
	const since = unsigned.exec(await standing(room))?.[1];
	expect(since).toBeDefined();
	await bot.stop();
	await bot.start();
	expect(unsigned.exec(await standing(room))?.[1]).toBe(since);
	expect(bot.output()).toMatch(/Set encryption.seeds, or set encryption.reset to true once/);
	await bot.stop();
	change(bot, { encryption: { seeds: printed.stdout.trim() } });
	await bot.start();
	expect(await standing(room)).toMatch(/, signed by my account/);
	// The lost session is logged out, so nobody continues to encrypt for it.
	await until(bot, { devices: 1, signed: 1, master: before.master });
	let status = '';
	while (!/My account/.test(status)) status = await answered(alice, room, '!status');
	// The other device is from the registration of the account, and has no keys.
	expect(status).toMatch(/My account: 2 devices, including this one/);
});

test('creates a new identity on a requested reset if keys and seeds are lost', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	const before = await identity(bot);
	await bot.stop();
	await bot.state.lose('all');
	change(bot, { encryption: { reset: true } });
	await bot.start();
	expect(await standing(room)).toMatch(/, signed by my account/);
	const after = await identity(bot);
	expect(after.master).not.toBe(before.master);
	await bot.stop();
	await bot.start();
	expect(await identity(bot)).toEqual(after);
});

test('replaces an ended session automatically with one signed by the same identity', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	const before = await identity(bot);
	await logoutEverywhere(bot);
	expect(await bot.ended()).toBe(1);
	await bot.start();
	expect(await standing(room)).toMatch(/, signed by my account/);
	expect(await identity(bot)).toEqual({ devices: 1, signed: 1, master: before.master });
});

test('notices a restored backup before using its keys', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	await bot.stop();
	await bot.state.copy();
	await bot.start();
	expect(await answered(alice, room, '!echo after the backup')).toBe('echo after the backup');
	await bot.stop();
	const said = (await alice.plain.messagesOf(room)).length;

	await bot.state.restore();
	const asked = await alice.say(room, '!echo to the restored');
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(sentences(bot).at(-1)).toMatch(/^The keys in the store are older than this session: a backup was restored/);
	expect(await alice.plain.messagesOf(room)).toHaveLength(said + 1);

	await bot.start();
	// The new session cannot read what was said to the old one, and says so once if an answer is missing. It can read
	// what is said now.
	await alice.waitFor(event => event.room_id === room && /I cannot read/.test(event.content.body ?? ''), 40_000);
	expect(alice.read.filter(answerTo(asked)).map(({ content }) => content.body)).toEqual([
		expect.stringMatching(/^I cannot read this message/),
	]);
	expect(await answered(alice, room, '!echo and now?')).toBe('echo and now?');
	expect(await standing(room)).toMatch(/, signed by my account/);
});

test('notices a copy of a running bot without a start in between, before using its keys', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	await bot.state.copy({ running: true });
	expect(await answered(alice, room, '!echo after the copy')).toBe('echo after the copy');
	await bot.kill();
	const said = (await alice.plain.messagesOf(room)).length;
	await bot.state.restore();
	await alice.say(room, '!echo to the restored');
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	expect(sentences(bot).at(-1)).toMatch(/^The keys in the store are older than this session: a backup was restored/);
	expect(await alice.plain.messagesOf(room)).toHaveLength(said + 1);
	await bot.start();
	expect(await answered(alice, room, '!echo and now?')).toBe('echo and now?');
	expect(alice.failed.filter(({ event }) => event.room_id === room)).toEqual([]);
});

test('repeats no answer or question after restoring a copy, and logs no crash', async () => {
	const bot = await newBot();
	await bot.start();
	const secret = await secretRoom(alice, bot);
	const open = await roomWith(bot, alice.plain);
	const inOpen = async (command: string) => {
		const event = await alice.plain.say(open, command);
		await alice.plain.waitFor(answerTo(event));
		return event;
	};
	await answered(alice, secret, '!echo before the copy');
	await inOpen('!echo before the copy');
	await bot.stop();
	await bot.state.copy();

	await bot.start();
	await alice.say(secret, 'only talk');
	const done: string[] = [];
	for (const command of ['!echo one', '!long 25 open', '!echo two']) {
		const asked = await alice.say(secret, command);
		await alice.waitFor(answerTo(asked));
		done.push(asked);
	}
	for (const command of ['!watch glia-test.invalid', '!long 25 open', '!echo one']) done.push(await inOpen(command));
	const unsealed = await alice.plain.say(secret, '!echo sent in the clear');
	await alice.waitFor(answerTo(unsealed));
	done.push(unsealed);
	await bot.stop();
	const repliesTo = async (room: string) =>
		(await alice.plain.messagesOf(room))
			.filter(({ sender, type }) => sender === bot.userId && type !== 'm.room.member')
			.map(({ content }) => content['m.relates_to']?.['m.in_reply_to']?.event_id ?? '');
	const before = [await repliesTo(secret), await repliesTo(open)];

	await bot.state.restore();
	const [away, awayInOpen] = [await alice.say(secret, '!echo away'), await alice.plain.say(open, '!echo away')];
	const awayUnsealed = await alice.plain.say(secret, '!echo away, sent in the clear');
	const from = bot.output().length;
	bot.spawn();
	expect([await bot.ended(), bot.output().slice(from)]).toEqual([1, expect.any(String)]);
	await bot.start();
	await alice.plain.waitFor(answerTo(awayInOpen), 40_000);
	await alice.waitFor(answerTo(awayUnsealed), 40_000);
	await alice.waitFor(event => event.room_id === secret && /I cannot read/.test(event.content.body ?? ''), 40_000);
	expect(await answered(alice, secret, '!echo again')).toBe('echo again');
	expect((await alice.plain.waitFor(answerTo(await inOpen('!servers')))).content.body).toContain('glia-test.invalid');
	// Leave time for anything else that the bot might say.
	await sleep(12_000);

	const again = async (room: string, earlier: string[] | undefined) =>
		(await repliesTo(room)).slice(earlier?.length).filter(event => done.includes(event) || event === '');
	// Unlike in the unencrypted room, what the commands changed there is lost, and the bot says so once.
	expect(await again(secret, before[0])).toEqual(['']);
	const lost = (event: { room_id?: string; content: { body?: string } }) =>
		event.room_id === secret && /restored from a backup/.test(event.content.body ?? '');
	expect(alice.read.filter(lost)).toHaveLength(1);
	expect(await again(open, before[1])).toEqual([]);
	const asks = (await repliesTo(secret)).slice(before[0]?.length);
	expect(asks.filter(event => event === away)).toHaveLength(1);
	const lines = bot.output().slice(from).split('\n');
	expect(lines.filter(line => /"level":"(error|fatal)"|"err"|"stack"|^\s+at /.test(line))).toEqual([]);
	expect(lines.filter(line => line !== '' && !line.startsWith('{'))).toEqual([
		expect.stringMatching(/^The keys in the store are older than this session: a backup was restored/),
	]);
}, 600_000);

test('stays silent until a restored copy is noticed late, and does not crash', async () => {
	const proxy = await startProxy(home.url, {});
	try {
		const bot = await newBot({ url: proxy.url });
		await bot.start();
		const room = await secretRoom(alice, bot);
		await bot.stop();
		await bot.state.copy();
		await bot.start();
		expect(await answered(alice, room, '!echo after the copy')).toBe('echo after the copy');
		await bot.stop();
		await bot.state.restore();
		const said = (await alice.plain.messagesOf(room)).length;
		const from = bot.output().length;
		// The number of starts is in the account data, which cannot be read for now.
		proxy.refuse(/\/account_data\//);
		await bot.start();
		const unsealed = await alice.plain.say(room, '!echo sent in the clear');
		await alice.say(room, '!echo encrypted');
		await vi.waitUntil(() => bot.output().slice(from).includes('staying silent in encrypted rooms'), 60_000);
		expect(await alice.plain.messagesOf(room)).toHaveLength(said + 2);
		proxy.refuse(undefined);
		expect(await bot.ended()).toBe(1);
		const lines = bot.output().slice(from).split('\n');
		expect(lines.filter(line => line !== '' && !line.startsWith('{'))).toEqual([
			expect.stringMatching(/^The keys in the store are older than this session: a backup was restored/),
		]);
		expect(lines.filter(line => /"stack"|"err"|fault/.test(line))).toEqual([]);
		expect(await alice.plain.messagesOf(room)).toHaveLength(said + 2);
		await bot.start();
		await alice.waitFor(answerTo(unsealed), 40_000);
	} finally {
		await proxy.stop();
	}
}, 600_000);

test('ends with one sentence and status 3 if the encryption library panics, and continues after a start', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	await alice.say(room, '!panic');
	expect(await bot.ended()).toBe(3);
	// The library's own message is printed too.
	const sentence = /^the encryption library panicked .*the process must be started again\.$/;
	expect(sentences(bot).filter(line => sentence.test(line))).toHaveLength(1);
	await bot.start();
});

test('ends with one sentence and status 3 if the keys cannot be written, and answers at the next start', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	const words = 'database or disk is full';
	if (stateKind === 'sqlite') await alice.say(room, '!fill');
	else await bot.state.refuse('key_records', words);
	const next = await alice.say(room, '!echo next');
	expect(await bot.ended()).toBe(3);
	const where = stateKind === 'sqlite' ? 'matrix-sdk-crypto-wasm\\.sqlite3' : 'the key store of device \\w+ in \\S+';
	const sentence = new RegExp(`${where} cannot be written \\(${words}\\); free space, then restart\\.$`);
	expect(sentences(bot).filter(line => sentence.test(line))).toHaveLength(1);
	if (stateKind === 'postgres') await bot.state.rows('DROP FUNCTION full_disk CASCADE');
	await bot.start();
	expect((await alice.waitFor(answerTo(next))).content.body).toBe('echo next');
	expect(alice.failed.filter(({ event }) => event.room_id === room)).toEqual([]);
});

// The bot cannot see the database's disk, which may have space again at any time, so it waits.
test.runIf(stateKind === 'postgres')('stays silent while the database has no space, and then answers', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	const said = (await alice.plain.messagesOf(room)).length;
	const from = bot.output().length;
	await bot.state.refuse('key_records', 'could not extend file: No space left on device', '53100');
	const asked = await alice.say(room, '!echo without space');
	const lost = () =>
		bot
			.output()
			.slice(from)
			.match(/No space left on device.*this replica no longer leads/g)?.length ?? 0;
	while (lost() < 2) await sleep(200);
	expect(await alice.plain.messagesOf(room)).toHaveLength(said + 1);
	await bot.state.rows('DROP FUNCTION full_disk CASCADE');
	expect((await alice.waitFor(answerTo(asked), 60_000)).content.body).toBe('echo without space');
	expect(await answered(alice, room, '!echo with space')).toBe('echo with space');
	expect(alice.failed.filter(({ event }) => event.room_id === room)).toEqual([]);
	expect(sentences(bot)).toEqual([]);
});

test('reports a second Glia on the same account in both, without logging either out', async () => {
	const bot = await newBot();
	await bot.start();
	const room = await secretRoom(alice, bot);
	const other = await newBot({ as: bot });
	await other.start();
	const loud = /another Glia is logged in to this account/;
	while (!loud.test(bot.output()) || !loud.test(other.output())) await sleep(200);
	expect((await identity(bot)).devices).toBe(2);
	expect(await answered(alice, room, '!status')).toMatch(/Another Glia is answering on my account, as session/);
	// The remaining bot logs out the other one at its next check, here at its start.
	await other.kill();
	await bot.stop();
	await bot.start();
	while ((await identity(bot)).devices > 1) await sleep(500);
	expect(bot.output()).toMatch(/logged out my earlier sessions/);
});

test('logs out the previous session if the token in the configuration changes', async () => {
	const bot = await newBot({ byToken: true });
	await bot.start();
	await secretRoom(alice, bot);
	await bot.stop();
	const before = await identity(bot);
	const { accessToken } = await login(home, bot.userId, bot.password);
	const { matrix } = JSON.parse(readFileSync(bot.configPath, 'utf8'));
	change(bot, { matrix: { ...matrix, accessToken } });
	await bot.start();
	await until(bot, { devices: 1, signed: 1, master: before.master });
});

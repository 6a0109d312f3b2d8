// Starts that cannot succeed and shutdowns that must: each with one clear sentence and the right exit status.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { answerTo, roomWith, tally } from './answers.ts';
import { type Bot, type BotOptions, makeBot } from './bot.ts';
import { stateKind } from './bot-state.ts';
import { login, person } from './person.ts';
import { startProxy } from './proxy.ts';
import { type Homeserver, sharedSynapse, startSynapse } from './synapse.ts';

/** How long a test may take on a busy machine, in milliseconds. */
const slow = 300_000;

let home: Homeserver;
let bots: Bot[] = [];

beforeAll(async () => {
	home = await sharedSynapse();
}, 120_000);

afterEach(async () => {
	for (const bot of bots) await bot.remove();
	bots = [];
});

async function newBot(options?: BotOptions, at: Homeserver = home): Promise<Bot> {
	const bot = await makeBot(at, options);
	bots.push(bot);
	return bot;
}

/** Starts a bot, in a room with one person. */
async function inRoom(options?: BotOptions) {
	const bot = await newBot(options);
	await bot.start();
	const alice = await person(home, 'alice');
	return { bot, alice, room: await roomWith(bot, alice) };
}

/** The same, but the bot is busy with a command that takes this many milliseconds. */
async function busy(ms: number) {
	const { bot, alice, room } = await inRoom();
	const asked = await alice.say(room, `!slow ${ms}`);
	await sleep(700);
	return { bot, alice, room, asked };
}

/** The lines on standard error that are not from the log. */
function sentences(bot: Bot): string[] {
	return bot
		.output()
		.split('\n')
		.filter(line => line !== '' && !line.startsWith('{'));
}

test.each([
	['a wrong password', { matrix: { password: 'wrong' } }, /refuses the login/],
	['a wrong token', { matrix: { accessToken: 'wrong' } }, /does not accept the access token/],
	['an unreachable homeserver', { url: 'http://127.0.0.1:9' }, /cannot be reached/],
	[
		'an unknown option',
		{ matrix: { hommeserver: 'x' } },
		/config\.yaml:1: matrix\.hommeserver: there is no such option/,
	],
])(
	'%s: ends with one sentence and exit status 1',
	async (_what, options, sentence) => {
		const bot = await newBot(options);
		bot.spawn();
		expect(await bot.ended()).toBe(1);
		expect(sentences(bot)).toEqual([expect.stringMatching(sentence)]);
	},
	slow,
);

test(
	'leaves no device behind if it fails after its login',
	async () => {
		const proxy = await startProxy(home.url, {});
		proxy.refuse(/\/sync/);
		const bot = await newBot({ url: proxy.url });
		const itself = await login(home, bot.userId, bot.password);
		const devices = async () =>
			(await itself.request<{ devices: object[] }>('GET', '/_matrix/client/v3/devices')).devices.length;
		const before = await devices();
		for (const _ of [1, 2]) {
			bot.spawn();
			expect(await bot.ended()).toBe(1);
			expect(await devices()).toBe(before);
		}
		expect(sentences(bot)).toEqual(Array(2).fill(expect.stringMatching(/cannot be reached: status 502/)));
		await proxy.stop();
	},
	slow,
);

test(
	"accepts a registration's token",
	async () => {
		const { bot, alice, room } = await inRoom({ byToken: true });
		const asked = await alice.say(room, '!echo by token');
		await alice.waitFor(answerTo(asked, bot.userId));
		expect(sentences(bot)).toEqual([]);
	},
	slow,
);

// With PostgreSQL, a second process becomes a replica.
test.runIf(stateKind === 'sqlite')(
	'refuses a second process on the same folder',
	async () => {
		const bot = await newBot();
		await bot.start();
		const first = bot.pid();
		const second = bot.spawn();
		const [status] = await once(second, 'exit');
		expect(status).toBe(1);
		expect(sentences(bot)).toEqual([
			expect.stringMatching(/^Another process is using the store in \S+; stop it first\.$/),
		]);
		process.kill(first ?? 0, 'SIGKILL');
	},
	slow,
);

test.runIf(stateKind === 'postgres')(
	'lets a second process on the same database wait silently, and take over if the first is killed',
	async () => {
		const { bot, alice, room } = await inRoom();
		const first = bot.pid() ?? 0;
		const waiting = bot.start();
		const leaders = () => bot.output().match(/this replica leads/g)?.length;
		while ((await bot.state.rows('SELECT id FROM replicas')).length < 2) await sleep(100);
		const asked = await alice.say(room, '!echo before');
		await alice.waitFor(answerTo(asked, bot.userId));
		expect(leaders()).toBe(1);
		process.kill(first, 'SIGKILL');
		const meanwhile = await alice.say(room, '!echo meanwhile');
		await waiting;
		await alice.waitFor(answerTo(meanwhile, bot.userId), 40_000);
		expect(leaders()).toBe(2);
		expect(sentences(bot)).toEqual([]);
	},
	slow,
);

test(
	'ends with a sentence on a revoked token, and logs in again with the password at the next start',
	async () => {
		const { bot, alice, room } = await inRoom();

		const itself = await login(home, bot.userId, bot.password);
		await itself.request('POST', '/_matrix/client/v3/logout/all', {});
		expect(await bot.ended()).toBe(1);
		expect(sentences(bot)).toEqual([
			expect.stringMatching(/revoked or has expired; the next time the bot starts, it logs in again/),
		]);
		const asked = await alice.say(room, '!echo later');
		await bot.start();
		await alice.waitFor(answerTo(asked, bot.userId));
	},
	slow,
);

test(
	'renews an expired session (soft logout) on the same device, unnoticed',
	async () => {
		const synapse = await startSynapse({ config: { session_lifetime: '8s' } });
		try {
			const bot = await newBot({}, synapse);
			await bot.start();
			// People's sessions expire too, so none of them may be needed for that long.
			const alice = await person(synapse, 'alice');
			const room = await roomWith(bot, alice);
			await sleep(8500);
			const password = 'a password of her own';
			const account = await synapse.registerUser('carol', password);

			const carol = await login(synapse, account.userId, password);
			const other = await roomWith(bot, carol);
			const asked = await carol.say(other, '!echo after');
			await carol.waitFor(answerTo(asked, bot.userId));
			expect(bot.output()).toContain('logged in again on the same device');
			expect(room).not.toBe(other);
			expect(sentences(bot)).toEqual([]);
		} finally {
			await synapse.stop();
		}
	},
	slow,
);

test.each(['SIGTERM', 'SIGINT'] as const)(
	'%s: finishes its work and exits with status 0',
	async signal => {
		const { bot, alice, asked } = await busy(1500);
		process.kill(bot.pid() ?? 0, signal);
		expect(await bot.ended()).toBe(0);
		await alice.waitFor(answerTo(asked, bot.userId), 3000);
		expect(sentences(bot)).toEqual([]);
	},
	slow,
);

test(
	'SIGTERM: drops a command that takes too long, and answers it after the next start',
	async () => {
		const { bot, alice, room, asked } = await busy(12_000);
		expect(await bot.stop()).toBe(0);
		expect(sentences(bot)).toEqual([]);
		expect((await tally(alice, room, bot.userId, [asked])).unanswered).toEqual([asked]);
		await bot.start();
		await alice.waitFor(answerTo(asked, bot.userId), 40_000);
	},
	slow,
);

test(
	'SIGTERM: ends a start that hangs',
	async () => {
		const asked = Promise.withResolvers<void>();
		const silent = createServer(() => asked.resolve()).listen(0, '127.0.0.1');
		await new Promise(resolve => silent.once('listening', resolve));
		const address = silent.address();
		const bot = await newBot({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` });
		bot.spawn();
		await asked.promise;
		expect(await bot.stop()).toBe(0);
		silent.close();
	},
	slow,
);

test(
	'SIGTERM: ends a start that hangs after its login',
	async () => {
		const proxy = await startProxy(home.url, {});
		const held = proxy.hold(/account_data\/io\.glia\.store/);
		const bot = await newBot({ url: proxy.url });
		bot.spawn();
		await held;
		expect(await bot.stop()).toBe(0);
		// It did not wait until the call timed out.
		expect(bot.output()).not.toContain('cannot tell yet from the homeserver');
		expect(sentences(bot)).toEqual([]);
		await proxy.stop();
	},
	slow,
);

test(
	'ends with a sentence if the store cannot be written',
	async () => {
		const { bot, alice, room } = await inRoom();
		await bot.stop();
		await bot.state.refuse('inbox', 'the disk is full');
		await alice.say(room, '!echo lost?');
		bot.spawn();
		expect(await bot.ended()).toBe(3);
		const sentence = `Incoming or outgoing messages cannot be stored in ${bot.state.place}: the disk is full`;
		expect(sentences(bot)).toEqual([expect.stringContaining(sentence)]);
	},
	slow,
);

/** Changes the `matrix` section of the configuration. */
function configure(bot: Bot, matrix: Record<string, unknown>): void {
	const config = JSON.parse(readFileSync(bot.configPath, 'utf8'));
	writeFileSync(bot.configPath, JSON.stringify({ ...config, matrix: { ...config.matrix, ...matrix } }));
}

/** The session in the store. Only call this while the bot is stopped. */
async function sessionOf(bot: Bot): Promise<Record<string, unknown>> {
	const [session] = await bot.state.rows('SELECT "user", homeserver, device, token FROM account');
	expect(session).toMatchObject({ user: bot.userId });
	return { ...session };
}

test.each([
	['by password', false],
	['by token', true],
])(
	'keeps everything under another address of the same homeserver (%s)',
	async (_how, byToken) => {
		const { bot, alice, room } = await inRoom({ byToken });
		const watching = await alice.say(room, '!watch glia-test.invalid');
		await alice.waitFor(answerTo(watching, bot.userId));
		await bot.stop();
		const before = await sessionOf(bot);
		const meanwhile = await alice.say(room, '!servers');
		const proxy = await startProxy(home.url, {});
		try {
			configure(bot, { homeserver: proxy.url });
			await bot.start();
			const answer = await alice.waitFor(answerTo(meanwhile, bot.userId));
			expect(answer.content.body).toContain('glia-test.invalid');
			await bot.stop();
			expect(await sessionOf(bot)).toEqual({ ...before, homeserver: proxy.url });
		} finally {
			await proxy.stop();
		}
	},
	slow,
);

test(
	'refuses another account on the same store in one sentence, even after its session ended',
	async () => {
		const bot = await newBot();
		await bot.start();
		await bot.stop();
		const other = await makeBot(home);
		bots.push(other);
		configure(bot, { user: other.userId, password: other.password });
		bot.spawn();
		expect(await bot.ended()).toBe(1);
		await bot.state.rows('UPDATE account SET token = NULL');
		bot.spawn();
		expect(await bot.ended()).toBe(1);
		const sentence = `The store belongs to ${bot.userId}, not to ${other.userId}; use another store.`;
		expect(sentences(bot)).toEqual([sentence, sentence]);
	},
	slow,
);

/** Waits until the bot has written a matching text. */
async function written(bot: Bot, text: RegExp): Promise<void> {
	for (const over = Date.now() + 20_000; !text.test(bot.output()); await sleep(50))
		if (Date.now() > over) throw new Error(`${text} was not written:\n${bot.output()}`);
}

test(
	'SIGHUP: reloads who may invite, the limits and the log level, and names options that need a restart',
	async () => {
		const bot = await newBot({ allow: ['nobody.example.org'] });
		await bot.start();
		const alice = await person(home, 'alice');
		const config = JSON.parse(readFileSync(bot.configPath, 'utf8'));
		const change = (more: (config: Record<string, Record<string, unknown>>) => void) => {
			more(config);
			writeFileSync(bot.configPath, JSON.stringify(config));
			process.kill(bot.pid() ?? 0, 'SIGHUP');
		};
		change(({ matrix = {} }) => {
			matrix.allow = [];
		});
		await written(bot, /the configuration has mistakes: nothing was reloaded/);
		change(({ matrix = {}, log = {}, live = {} }) => {
			matrix.allow = ['*'];
			matrix.device = 'Another';
			log.level = 'warn';
			live.seconds = 30;
		});
		await written(bot, /"options":\["matrix\.device","live\.seconds"\],"msg":"these options need a restart"/);
		expect(bot.output()).toMatch(/"changed":\["matrix\.allow","log\.level"\],"msg":"the configuration was reloaded"/);
		const room = await roomWith(bot, alice);
		const set = await alice.say(room, '!set');
		await alice.waitFor(answerTo(set, bot.userId), 10_000);
		expect(bot.output()).not.toContain('"command":"set"');
		change(({ log = {} }) => {
			log.level = 'info';
		});
		await written(bot, /"changed":\["log\.level"\],"msg":"the configuration was reloaded"/);
		const echo = await alice.say(room, '!echo again');
		await alice.waitFor(answerTo(echo, bot.userId), 10_000);
		expect(bot.output()).toMatch(/"command":"echo","outcome":"answered","ms":\d+,"msg":"handled a command"/);
		expect(await bot.stop()).toBe(0);
	},
	slow,
);

test(
	'finishes its work when the terminal is closed, as on SIGTERM',
	async () => {
		const bot = await newBot();
		const terminal = spawn('python3', ['-c', onTerminal, process.execPath, botProcess, bot.configPath]);
		let shown = '';
		terminal.stdout.on('data', chunk => {
			shown += chunk;
		});
		while (!shown.includes('in sync with the homeserver')) await sleep(50);
		// In text, because it is a terminal.
		expect(shown).toMatch(/INFO +in sync with the homeserver \(rooms: 0\)/);
		const alice = await person(home, 'alice');
		const room = await roomWith(bot, alice);
		const asked = await alice.say(room, '!slow 1500');
		await sleep(700);
		terminal.kill('SIGKILL');
		await alice.waitFor(answerTo(asked, bot.userId), 10_000);
		// Once it is gone, another bot can use its store; a replica may have to wait for it.
		for (;;) {
			const failure = await bot.start().catch((error: unknown) => String(error));
			if (failure === undefined) break;
			expect(failure).toContain('Another process is using the store');
		}
		expect(await bot.stop()).toBe(0);
	},
	slow,
);

/** Runs a program on its own terminal, and prints what it writes. The terminal ends with this process. */
const onTerminal = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    try:
        os.write(1, os.read(terminal, 4096))
    except OSError:
        break
`;
const botProcess = join(import.meta.dirname, 'bot-process.ts');

test(
	'notices within seconds that a quiet homeserver is back',
	async () => {
		const proxy = await startProxy(home.url, {});
		try {
			const { bot, alice, room } = await inRoom({ url: proxy.url });
			proxy.leave();
			const asked = await alice.say(room, '!slow 1');
			// By then, pauses that double each time would be half a minute long.
			await sleep(45_000);
			proxy.back();
			await alice.waitFor(answerTo(asked, bot.userId), 10_000);
		} finally {
			await proxy.stop();
		}
	},
	slow,
);

test.each([
	['everything but the keys', 'rows'],
	['the whole store', 'all'],
] as const)(
	'reports once to each room, and in the log and !status, that watches are gone after losing %s',
	async (_what, lost) => {
		const bot = await newBot();
		await bot.start();
		const alice = await person(home, 'alice');
		const rooms = [await roomWith(bot, alice), await roomWith(bot, alice, { encrypted: false })];
		for (const room of rooms) {
			const watching = await alice.say(room, '!watch glia-test.invalid');
			await alice.waitFor(answerTo(watching, bot.userId));
		}
		await bot.stop();
		expect(bot.output()).not.toContain('lost or emptied');
		await bot.state.lose(lost);
		await bot.start();
		const gone = (text: string | undefined) => /no longer watching any servers/.test(text ?? '');
		for (const room of rooms) {
			await alice.waitFor(({ room_id, content }) => room_id === room && gone(content.body));
			const asked = await alice.say(room, '!status');
			expect((await alice.waitFor(answerTo(asked, bot.userId))).content.body).toMatch(/lost or emptied/);
		}
		await bot.stop();
		expect(bot.output()).toMatch(/"level":"error".*lost or emptied/);
		await bot.start();
		const later = await alice.say(rooms[0] ?? '', '!servers');
		await alice.waitFor(answerTo(later, bot.userId));
		for (const room of rooms)
			expect((await alice.messagesOf(room)).filter(({ content }) => gone(content.body))).toHaveLength(1);
	},
	slow,
);

test(
	'stores nothing that people say among themselves',
	async () => {
		const { bot, alice, room } = await inRoom();
		const talk = 'the-planted-secret';
		const stored = async () => {
			const kept = await bot.state.bytes();
			// What the bot has to keep is here, so anything else would be here too.
			expect(kept).toContain(room);
			return kept.includes(talk);
		};
		for (let i = 0; i < 20; i++) await alice.say(room, `${talk} ${i}`);
		await alice.waitFor(answerTo(await alice.say(room, '!echo 1'), bot.userId));
		expect(await stored()).toBe(false);
		await bot.stop();
		// More messages than a sync returns, so the rest is read from the room's history.
		for (let i = 0; i < 120; i++) await alice.say(room, `${talk} ${i}`);
		await bot.start();
		await alice.waitFor(answerTo(await alice.say(room, '!echo 2'), bot.userId));
		expect(await stored()).toBe(false);
	},
	slow,
);

// Files, replies and edits with !why and !check on a real Synapse, in unencrypted and encrypted rooms. Each is answered
// once even if the bot is killed in between, and nothing of what was said is in the store.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { sealFile } from '../../src/edges/matrix/encryption.ts';
import { type Bot, makeBot } from './bot.ts';
import { type Content, type Person, person, type RoomEvent } from './person.ts';
import { answerTo, type SecretPerson, secretPerson } from './secret-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

const secret = 'planted-hunter2';
const log = [
	'2026-11-29 03:14:15,926 - synapse.app.homeserver - 1 - ERROR - main - ',
	`Error in configuration at 'experimental.msc3861' on ${secret}.example.org:`,
	'  experimental_features.msc3861 was removed. Use the matrix_authentication_service configuration instead.',
	'',
].join('\n');
const known = /msc3861/;
const yaml = `form_secret: ${secret}\npid_file: /data/x.pid\n`;
const refused = /would not start/;

let home: Homeserver;
let bot: Bot;

/** A person who writes unencrypted or encrypted. */
type Speaker = {
	userId: string;
	room: () => Promise<string>;
	say: (room: string, text: string, more?: Content) => Promise<string>;
	file: (room: string, name: string, text: string, more?: Content) => Promise<string>;
	waitFor: (fits: (event: RoomEvent) => boolean, timeout?: number) => Promise<RoomEvent>;
	/** All messages in a room that this person can read. */
	heard: (room: string) => Promise<RoomEvent[]>;
};

let alice: Person;
let sealed: SecretPerson;
let speakers: Record<'clear' | 'encrypted', Speaker>;

beforeAll(async () => {
	home = await sharedSynapse();
	bot = await makeBot(home, { script: [join(import.meta.dirname, 'bot-process.ts'), 'all'] });
	alice = await person(home, 'alice');
	sealed = await secretPerson(home, 'carol');
	await bot.start();
	const hello = (room: string) => (event: RoomEvent) =>
		event.room_id === room && /Hello, I am/.test(event.content.body ?? '');
	const named = (name: string) => ({ msgtype: 'm.file', body: name, filename: name });
	speakers = {
		clear: {
			userId: alice.userId,
			async room() {
				const room = await alice.createRoom({ invite: [bot.userId] });
				await alice.waitFor(hello(room));
				return room;
			},
			say: alice.say,
			async file(room, name, text, more = {}) {
				return alice.say(room, name, { ...named(name), url: await alice.upload(Buffer.from(text)), ...more });
			},
			waitFor: alice.waitFor,
			heard: async room => (await alice.messagesOf(room)).filter(({ type }) => type === 'm.room.message'),
		},
		encrypted: {
			userId: sealed.userId,
			async room() {
				const room = await sealed.createRoom([bot.userId]);
				await sealed.waitFor(hello(room));
				return room;
			},
			say: sealed.say,
			async file(room, name, text, more = {}) {
				const { bytes, info } = sealFile(Buffer.from(text));
				const file = { ...info, url: await sealed.plain.upload(bytes) };
				return sealed.say(room, name, { ...named(name), file, ...more });
			},
			waitFor: sealed.waitFor,
			heard: async room => sealed.read.filter(event => event.room_id === room),
		},
	};
});

afterAll(async () => {
	await sealed?.stop();
	await bot?.remove();
});

/** Every byte that the bot stores. */
async function kept(): Promise<string> {
	const bytes = await bot.state.bytes();
	// What the bot has to keep is here, so anything else would be here too.
	expect(bytes).toContain(bot.userId);
	return bytes;
}

const replyTo = (event: string): Content => ({ 'm.relates_to': { 'm.in_reply_to': { event_id: event } } });

describe.each(['clear', 'encrypted'] as const)('in a room in %s', kind => {
	test('reads captions, replies, edits, threads, and files before and after', async () => {
		const { room: makeRoom, say, file, waitFor } = speakers[kind];
		const room = await makeRoom();
		const answered = async (event: string) => (await waitFor(answerTo(event))).content.body ?? '';

		expect(await answered(await say(room, `!why ${log}`))).toMatch(known);
		expect(await answered(await file(room, 'a.log', log, { body: '!why docker' }))).toMatch(known);
		expect(await answered(await file(room, 'homeserver.yaml', yaml, { body: '!check' }))).toMatch(refused);

		const before = await file(room, 'before.log', log);
		expect(await answered(await say(room, '!why'))).toMatch(/I used `before\.log`, which you sent before/);
		const asks = await say(room, '!check 1.163');
		expect(await answered(asks)).toMatch(/script|skeleton/i);
		expect(await answered(await file(room, 'after.yaml', yaml))).toMatch(refused);

		expect(await answered(await say(room, '!why', replyTo(before)))).toMatch(known);
		const vague = await say(room, 'it does not start');
		await say(room, `* ${log}`, {
			'm.new_content': { msgtype: 'm.text', body: log },
			'm.relates_to': { rel_type: 'm.replace', event_id: vague },
		});
		expect(await answered(await say(room, '!why', replyTo(vague)))).toMatch(known);
		const inThread = { rel_type: 'm.thread', event_id: before, is_falling_back: true };
		const threaded = await say(room, '!why', {
			'm.relates_to': { ...inThread, 'm.in_reply_to': { event_id: before } },
		});
		expect(await answered(threaded)).toMatch(known);
		expect(await kept()).not.toContain(secret);
		expect(bot.output()).not.toContain(secret);
	});

	test('refuses a file that cannot be downloaded, is too large, was changed, or is not text', async () => {
		const { room: makeRoom, say, file, waitFor } = speakers[kind];
		const room = await makeRoom();
		const answered = async (event: string) => (await waitFor(answerTo(event))).content.body ?? '';
		expect(await answered(await file(room, 'big.log', 'a'.repeat(10_000_001), { body: '!why' }))).toMatch(/too large/);
		expect(await answered(await file(room, 'core', 'a\0b', { body: '!why' }))).toMatch(/not text/);
		const gone = { url: `mxc://${home.serverName}/nothingthere` };
		const missing = await say(room, '!why', { msgtype: 'm.file', filename: 'gone.log', ...gone });
		expect(await answered(missing)).toMatch(/no longer on the homeserver/);
		const [one, other] = [sealFile(Buffer.from(log)), sealFile(Buffer.from(log))];
		const wrong = { ...one.info, url: await alice.upload(other.bytes) };
		const forged = await say(room, '!why', { msgtype: 'm.file', filename: 'forged.log', file: wrong });
		expect(await answered(forged)).toMatch(/checksum or the key does not match/);
	});
});

test.each(['clear', 'encrypted'] as const)(
	'keeps a check of a watched server after a kill, in a room in %s',
	async kind => {
		const { room: makeRoom, say, file, waitFor } = speakers[kind];
		const room = await makeRoom();
		const answered = async (event: string) => (await waitFor(answerTo(event), 60_000)).content.body ?? '';
		await answered(await say(room, '!watch example.org docker version=1.98'));
		const whole = `server_name: ${secret}\nreport_stats: false\ndatabase: {name: psycopg2}\n`;
		const checked = await answered(await file(room, 'homeserver.yaml', whole, { body: '!check example.org' }));
		expect(checked).toContain('Kept for `example.org`');
		await bot.kill();
		await bot.start();
		expect(await answered(await say(room, '!upgrade example.org'))).toMatch(/Based on its configuration from \d{4}-/);
		expect(await kept()).not.toContain(secret);
		// What the script printed is sent as a command, then as a file.
		const numeric = '1.135.0/numeric-form-secret';
		const looked = await answered(await say(room, `!check example.org look python=3.13 ${numeric}`));
		expect(looked).toMatch(refused);
		await bot.kill();
		await bot.start();
		expect(await answered(await say(room, '!upgrade example.org'))).toMatch(/Based on a look at its configuration/);
		const again = await file(room, 'look.txt', 'look python=3.13 none\n', { body: '!check example.org' });
		expect(await answered(again)).toMatch(/Nothing here stops/);
		const others = await say(room, '!profile example.org forget configuration');
		expect(await answered(others)).not.toContain('Based on');
		expect(await answered(await say(room, '!upgrade example.org'))).not.toContain('Based on');
	},
	200_000,
);

test('answers each text and file once and in order despite kills, and stores none of them', async () => {
	const rooms = { clear: await speakers.clear.room(), encrypted: await speakers.encrypted.room() };
	const asked = { clear: [] as string[], encrypted: [] as string[] };
	for (let round = 0; round < 10; round++) {
		for (const kind of ['clear', 'encrypted'] as const) {
			const { say, file } = speakers[kind];
			const room = rooms[kind];
			asked[kind].push(
				round % 2 ? await say(room, `!why ${log}`) : await file(room, `${round}.log`, log, { body: '!why 1.163' }),
			);
		}
		await sleep(randomInt(400));
		await bot.kill();
		expect(await kept()).not.toContain(secret);
		await bot.start();
	}
	for (const kind of ['clear', 'encrypted'] as const) {
		const { waitFor, heard } = speakers[kind];
		for (const event of asked[kind]) expect((await waitFor(answerTo(event), 60_000)).content.body).toMatch(known);
		const answers = (await heard(rooms[kind])).flatMap(({ sender, content }) => {
			const to = content['m.relates_to']?.['m.in_reply_to']?.event_id;
			return sender === bot.userId && to !== undefined ? [to] : [];
		});
		expect(answers).toEqual(asked[kind]);
	}
	await bot.stop();
	expect(await kept()).not.toContain(secret);
	expect(bot.output()).not.toContain(secret);
}, 500_000);

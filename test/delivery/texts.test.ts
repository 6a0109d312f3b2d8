// Files and texts that people send with, before, after or without !check and !why: read when it is their turn, and
// never stored.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import type { Command } from '../../src/command.ts';
import { type Inbox, openInbox } from '../../src/delivery/inbox.ts';
import { meantForUs } from '../../src/delivery/meant.ts';
import { sealFile } from '../../src/edges/matrix/encryption.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Content, Failure } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { playHomeserver } from '../homeserver.ts';
import { known, knownCode, knownDistributions } from '../known.ts';
import { outside } from '../outside.ts';

const room = '!room:example.org';
const alice = '@alice:example.org';
const bob = '@bob:example.org';
const glia = '@glia:example.org';
const secret = 'planted-hunter2';
const log = `Traceback (most recent call last):\nValueError: ${secret}\n`;

let folder: string;
let store: Store;
let inbox: Inbox;
let clock: number;
let faults: unknown[];
let logged: string;
let played: ReturnType<typeof playHomeserver>;

const now = () => new Date(clock);

/** Reports what it received, by lengths and names only. */
const told: Command['run'] = ({ text, files = [], quoted, taken = [] }) => ({
	value: {},
	lead: [
		`text ${text.length}`,
		...files.map(file => `file ${file.name} ${file.text.length}`),
		...(quoted === undefined ? [] : [`quoted ${quoted.length}`]),
		...taken,
	].join('; '),
	sections: [],
	kind: 'answer',
});
const base = { summary: '', examples: [], changes: false };
const lacksText: Command['lacksText'] = (text, replies) => /^[\d. ]*$/.test(text) || (replies && text.length < 30);
const commands: Command[] = [
	{ ...base, name: 'why', usage: 'why', takesText: true, lacksText, run: told },
	{ ...base, name: 'check', usage: 'check', takesText: true, lacksText, run: told },
	{ ...base, name: 'upgrade', usage: 'upgrade', takesFile: true, run: told },
	{ ...base, name: 'status', usage: 'status', run: told },
	{
		...base,
		name: 'fail',
		usage: 'fail',
		takesText: true,
		run({ text }) {
			JSON.parse(text);
			throw new Error('unreachable');
		},
	},
];

function open(timeout?: number): Inbox {
	const health = { version: '0', startedAt: now(), lastSync: () => undefined };
	const ports = {
		knowledge: known(),
		code: knownCode(),
		distributions: knownDistributions(),
		commands,
		now,
		health,
		store,
		web: outside(now),
	};
	return openInbox({
		store,
		homeserver: played.port,
		respondent: {
			commands,
			ports: { ...ports, limits: usualLimits },
			log: { error: ({ err, ...fields }) => (logged += JSON.stringify(fields) + String(Object(err).stack)) },
		},
		rights: { bare: true, changes: 'state_default' },
		decided: () => undefined,
		fatal: error => faults.push(error),
		...(timeout !== undefined && { timeout }),
	});
}

beforeEach(async () => {
	[clock, faults, logged] = [Date.UTC(2026, 10, 21, 12), [], ''];
	folder = mkdtempSync(join(tmpdir(), 'glia-texts-'));
	store = await openStore(folder);
	played = playHomeserver(glia, now);
	played.createRoom(room, alice);
	played.admit(room, bob);
	played.invite(room, alice);
	await played.port.join(room, []);
	inbox = open();
	for (let i = 0; i < 2; i++) await hear();
	for (const gap of await store.gaps(now())) await store.fill(gap, { messages: [] }, now());
});

afterEach(async () => {
	await inbox.stop();
	await store.close();
	rmSync(folder, { recursive: true, force: true });
	expect(faults).toEqual([]);
});

/** Receives what was said since the last call, as a sync does. */
async function hear(): Promise<void> {
	const outcome = await played.port.sync(await store.token());
	if ('failure' in outcome) throw new Error('no sync');
	const batch = outcome.value;
	for (const news of batch.joined)
		news.messages = await meantForUs(news.messages, { store, homeserver: played.port, commands });
	await store.take(batch, now());
	clock += 1000;
}

/** Receives and decides. Delivers and returns the answers, each with the event that it answers. */
async function answers(): Promise<{ to: string | undefined; said: string }[]> {
	await hear();
	inbox.wake();
	for (let i = 0; (await store.counts()).inbox > 0; i++) {
		if (i > 2000) throw new Error('a message was not decided in time');
		await sleep(2);
	}
	const found: { to: string | undefined; said: string }[] = [];
	for (;;) {
		const [row] = await store.due(now(), [], 1);
		if (!row) return found;
		const { content } = row.kind === 'event' ? row.event : { content: {} as Content };
		const sent = await played.port.send(room, row.said, { type: 'm.room.message', content });
		await store.sent(row.id, 'value' in sent ? sent.value : undefined, now());
		found.push({ to: row.answers, said: String(content.body).replaceAll('`', '') });
	}
}

const bytes = () =>
	readdirSync(folder)
		.map(name => readFileSync(join(folder, name), 'latin1'))
		.join('');

const fileOf = (name: string, text: string | Uint8Array = log, more: Content = {}): Content => ({
	msgtype: 'm.file',
	body: name,
	filename: name,
	url: played.put(typeof text === 'string' ? Buffer.from(text) : text),
	...more,
});
const send = (content: Content, sender = alice, options = {}) => played.send(room, sender, content, options);
const say = (body: string, more: Content = {}, sender = alice) => send({ msgtype: 'm.text', body, ...more }, sender);
const replyTo = (event: string): Content => ({ 'm.relates_to': { 'm.in_reply_to': { event_id: event } } });
const inThread = (root: string): Content => ({
	'm.relates_to': {
		...{ rel_type: 'm.thread', event_id: root, is_falling_back: true },
		'm.in_reply_to': { event_id: root },
	},
});

test('answers a log without a command in a room of two, ignores other messages, and keeps neither', async () => {
	say(log);
	expect(await answers()).toEqual([]);
	played.kick(room, bob);
	const event = say(log);
	say('what a day');
	expect(await answers()).toEqual([{ to: event, said: `text ${log.length}` }]);
	expect(bytes()).not.toContain(secret);
	expect(bytes()).not.toContain('what a day');
});

test("answers others while one person's files cannot be fetched", async () => {
	await inbox.stop();
	inbox = open(10);
	const { fetch } = played.port;
	played.port.fetch = (file, ...rest) =>
		file.name === 'stuck.yaml' ? new Promise(() => undefined) : fetch(file, ...rest);
	for (let i = 0; i < 6; i++) send(fileOf('stuck.yaml', log, { body: '!check 1.98' }), bob);
	send(fileOf('homeserver.yaml', log, { body: '!check 1.98' }));
	await hear();
	inbox.wake();
	const said: string[] = [];
	for (let i = 0; !said.some(body => body.includes('file homeserver.yaml')); i++) {
		if (i > 500) throw new Error(`only said ${said.join()}`);
		await sleep(5);
		for (let [row] = await store.due(now(), [], 1); row; [row] = await store.due(now(), [], 1)) {
			if (row.kind === 'event') said.push(String(row.event.content.body));
			await store.sent(row.id, undefined, now());
		}
	}
	expect(said.filter(body => body.startsWith('Reading'))).not.toEqual([]);
});

describe('a command', () => {
	test('reads its own lines', async () => {
		const event = say(`!why 1.98\n${log}`);
		expect(await answers()).toEqual([{ to: event, said: `text ${`1.98\n${log.trim()}`.length}` }]);
	});

	test('reads the file whose caption it is', async () => {
		const event = send(fileOf('a.log', log, { body: '!why 1.98' }));
		expect(await answers()).toEqual([{ to: event, said: `text 4; file a.log ${log.length}` }]);
	});

	test('reads the file or message it replies to, in its latest edit, even if it replies to the edit', async () => {
		const file = send(fileOf('a.log'));
		const text = say(log);
		const edit = say('* shorter', {
			'm.new_content': { msgtype: 'm.text', body: 'shorter' },
			'm.relates_to': { rel_type: 'm.replace', event_id: text },
		});
		for (const event of [file, text, edit]) say('!why', replyTo(event), bob);
		expect((await answers()).map(({ said }) => said)).toEqual([
			`text 0; file a.log ${log.length}`,
			'text 0; quoted 7',
			'text 0; quoted 7',
		]);
	});

	test('reads only the text of another command that it replies to', async () => {
		const command = say('!check 1.98\nserver_name: x\n');
		await answers();
		say('!check 1.99', replyTo(command));
		expect((await answers()).map(({ said }) => said)).toEqual([`text 4; quoted ${'1.98\nserver_name: x'.length}`]);
	});

	test("reads files that its sender sent directly before or after it, and nobody else's files", async () => {
		send(fileOf('old.log'));
		say('good morning');
		send(fileOf('homeserver.yaml', 'a: 1\n'));
		send(fileOf('hers.yaml'), bob);
		send(fileOf('worker.yaml', 'b: 1\n'));
		const event = say('!check');
		const after = send(fileOf('late.yaml', 'c: 1\n'));
		say('thanks');
		send(fileOf('later.yaml', 'd: 1\n'));
		expect(await answers()).toEqual([
			{
				to: event,
				said: 'text 0; file homeserver.yaml 5; file worker.yaml 5; file late.yaml 5; I used homeserver.yaml, worker.yaml, late.yaml, which you sent with the command.',
			},
		]);
		// The late file was answered together with the command.
		expect(after).not.toBe('');
		expect(await answers()).toEqual([]);
	});

	test('is answered again for each file that arrives after the answer, with all files so far', async () => {
		const event = say('!check 1.98');
		expect(await answers()).toEqual([{ to: event, said: 'text 4' }]);
		played.calls.length = 0;
		const first = send(fileOf('homeserver.yaml', 'a: 1\n'));
		const other = send(fileOf('secret.log', 'x'), bob);
		expect(await answers()).toEqual([{ to: first, said: 'text 4; file homeserver.yaml 5' }]);
		const second = send(fileOf('worker.yaml', 'b: 1\n'));
		expect(await answers()).toEqual([{ to: second, said: 'text 4; file homeserver.yaml 5; file worker.yaml 5' }]);
		expect(other).not.toBe('');
		say('thanks');
		send(fileOf('picture of the server.txt'));
		expect(await answers()).toEqual([]);
	});

	test('reads no file with a command of its own, nor those directly after that file', async () => {
		const first = send(fileOf('homeserver.yaml', 'a: 1\n', { body: '!check 1.98' }));
		send(fileOf('worker.yaml', 'b: 1\n', { body: 'the worker' }));
		expect(await answers()).toEqual([
			{
				to: first,
				said: 'text 4; file homeserver.yaml 5; file worker.yaml 5; I used homeserver.yaml, worker.yaml, which you sent with the command.',
			},
		]);
		const late = send(fileOf('late.yaml', 'c: 1\n'));
		expect(await answers()).toEqual([
			{ to: late, said: 'text 4; file homeserver.yaml 5; file worker.yaml 5; file late.yaml 5' },
		]);
		send(fileOf('other.log', log, { body: '!why' }));
		const own = send(fileOf('own.log'));
		await answers();
		const event = say('!why');
		send(fileOf('b.log'));
		expect(await answers()).toEqual([
			{ to: event, said: expect.stringMatching(/^text 0; file own\.log \d+; file b\.log \d+; I used/) },
		]);
		expect(own).not.toBe('');
	});

	test('reads a file in a reply to it or to its answer, even from someone else and much later', async () => {
		const event = say('!why');
		await answers();
		clock += 3600_000;
		const answer = played.eventsOf(room).findLast(({ sender }) => sender === glia)?.id ?? '';
		say('talk');
		const one = send(fileOf('a.log', log, replyTo(event)), bob);
		const two = send(fileOf('b.log', log, replyTo(answer)));
		send(fileOf('c.log'));
		expect(await answers()).toEqual([
			{ to: one, said: `text 0; file a.log ${log.length}` },
			{ to: two, said: `text 0; file b.log ${log.length}` },
		]);
	});

	test("reads the thread's files in a thread, or else the message that started the thread", async () => {
		const root = send(fileOf('root.log'));
		send(fileOf('elsewhere.log'));
		const first = say('!why', inThread(root));
		send(fileOf('aside.log'));
		expect((await answers()).map(({ to, said }) => [to, said])).toEqual([
			[first, `text 0; file root.log ${log.length}; I used root.log, which starts this thread.`],
		]);
		send(fileOf('own.log', log, inThread(root)));
		const [answer] = await answers();
		expect(answer?.said).toBe(`text 0; file own.log ${log.length}`);
	});

	test('reads nothing that came long before or after it', async () => {
		send(fileOf('a.log'));
		clock += 11 * 60_000;
		const event = say('!why');
		expect(await answers()).toEqual([{ to: event, said: 'text 0' }]);
		clock += 11 * 60_000;
		send(fileOf('b.log'));
		expect(await answers()).toEqual([]);
	});

	test('is about the log if it is a question in a reply to one', async () => {
		const event = say(log, {}, bob);
		say('!why is that?', replyTo(event));
		say('glia: what does this mean?', replyTo(event));
		expect((await answers()).map(({ said }) => said)).toEqual([
			`text 8; quoted ${log.length}`,
			`text 0; quoted ${log.length}`,
		]);
	});

	test('is not needed for a log sent to the bot, but the bot asks about any other file', async () => {
		const mention = { 'm.mentions': { user_ids: [glia] } };
		send(fileOf('a.log', log, mention));
		send(fileOf('b.log', log, { body: 'glia: see this' }));
		send(fileOf('c.txt', 'hello', mention));
		expect((await answers()).map(({ said }) => said)).toEqual([
			`text 0; file a.log ${log.length}`,
			`text 0; file b.log ${log.length}`,
			expect.stringContaining('What is this file?'),
		]);
	});

	test('reads a file with !upgrade only if it is the caption or a reply', async () => {
		const file = send(fileOf('homeserver.yaml', 'a: 1\n'));
		say('!upgrade 1.98');
		say('!upgrade 1.98', replyTo(file));
		send(fileOf('homeserver.yaml', 'a: 1\n', { body: '!upgrade 1.99' }));
		played.calls.length = 0;
		expect((await answers()).map(({ said }) => said)).toEqual([
			'text 4',
			'text 4; file homeserver.yaml 5',
			'text 4; file homeserver.yaml 5',
		]);
		expect(played.calls.filter(call => call.startsWith('around'))).toEqual([]);
	});

	test('is answered with !upgrade, whatever it replies to', async () => {
		const redacted = say(log);
		played.redact(room, redacted);
		const picture = send({ ...fileOf('a.png'), msgtype: 'm.image' });
		for (const event of [redacted, picture, '$nothing']) say('!upgrade 1.98', replyTo(event));
		expect((await answers()).map(({ said }) => said)).toEqual(['text 4', 'text 4', 'text 4']);
	});

	test("does not mistake the bot's own messages for logs", async () => {
		const event = say('!status');
		await answers();
		const answer = played.eventsOf(room).findLast(({ sender }) => sender === glia)?.id ?? '';
		say('!why', replyTo(answer));
		expect((await answers()).map(({ said }) => said)).toEqual(['text 0']);
		expect(event).not.toBe('');
	});
});

describe('reading a file or message', () => {
	const said = async () => (await answers()).map(one => one.said);

	test.each<[string, () => Content, RegExp]>([
		['a picture', () => ({ ...fileOf('error.png'), msgtype: 'm.image' }), /cannot read images/],
		['a file larger than its event says', () => fileOf('a.log', Buffer.alloc(10_000_001, 'a')), /too large.*10 MB/],
		['a file declared to be large', () => fileOf('a.log', log, { info: { size: 11_000_000 } }), /too large/],
		[
			'a file that is gone',
			() => ({ ...fileOf('a.log'), url: 'mxc://example.org/gone' }),
			/no longer on the homeserver/,
		],
		[
			'a file without an mxc address',
			() => ({ ...fileOf('a.log'), url: 'https://example.org/x' }),
			/no longer on the homeserver/,
		],
		['an address with a path in it', () => ({ ...fileOf('a.log'), url: 'mxc://example.org/../x' }), /no longer on/],
		['a compressed file', () => fileOf('a.log.gz', gzipSync(log)), /compressed/],
		['a binary file', () => fileOf('core', Buffer.from([1, 2, 0, 3])), /not text/],
		['an empty file', () => fileOf('a.log', ' \n'), /is empty/],
	])('says why it cannot read %s', async (_what, content, words) => {
		const event = send(content());
		say('!why', replyTo(event));
		expect(await said()).toEqual([expect.stringMatching(words)]);
	});

	test('says why it cannot read an encrypted file whose bytes or key do not match', async () => {
		const sealed = sealFile(Buffer.from(log));
		const url = played.put(sealed.bytes);
		const good = { msgtype: 'm.file', body: 'a.log', file: { ...sealed.info, url } };
		const other = { ...good, file: { ...sealed.info, url: played.put(sealFile(Buffer.from(log)).bytes) } };
		for (const content of [good, other, { ...good, file: { url } }]) say('!why', replyTo(send(content)));
		expect(await said()).toEqual([
			`text 0; file a.log ${log.length}`,
			expect.stringContaining('checksum or the key does not match'),
			expect.stringContaining('checksum or the key does not match'),
		]);
	});

	test('says why it cannot read a message that is redacted, undecryptable, not a message, or not visible', async () => {
		const redacted = say(log);
		played.redact(room, redacted);
		const closed = send({ ciphertext: 'x' }, bob, { type: 'm.room.encrypted' });
		const place = send({ msgtype: 'm.location', body: 'here' });
		for (const event of [redacted, closed, place, '$nothing']) say('!why', replyTo(event));
		expect(await said()).toEqual([
			expect.stringContaining('was deleted'),
			expect.stringContaining('I do not have its key'),
			expect.stringContaining('neither text nor a file'),
			expect.stringContaining('cannot see that message'),
		]);
	});

	test('checks nothing if one of several files cannot be read', async () => {
		send(fileOf('homeserver.yaml', 'a: 1\n'));
		const gone = fileOf('worker.yaml');
		played.dropMedia(String(gone.url));
		send(gone);
		say('!check');
		expect(await said()).toEqual([expect.stringMatching(/worker\.yaml is no longer/)]);
	});

	test('tries again if a file is unavailable for now', async () => {
		const away: Failure = { kind: 'away', why: 'status 502' };
		let tries = 0;
		played.setTrouble(call => (call === 'fetch' && ++tries < 2 ? away : undefined));
		say('!why', replyTo(send(fileOf('a.log'))));
		expect(await said()).toEqual([`text 0; file a.log ${log.length}`]);
		expect(tries).toBe(2);
	});

	test('shows a hostile file name as text', async () => {
		const name = `${'x'.repeat(200)}\u202E**[a](https://example.org)@room\n`;
		say('!why', replyTo(send(fileOf(name, ''))));
		const [answer = ''] = await said();
		expect(answer.length).toBeLessThan(150);
	});
});

describe('texts', () => {
	const plant = () => {
		say(`!why\n${log}`);
		say(`!check 1.98\n\`\`\`\nserver_name: ${secret}\n\`\`\``);
		send(fileOf('a.log', log, { body: `!why ${secret}` }));
		say(`!fail {"password": ${secret}`);
		say(`glia: ${log}`);
		say(`!status\n\nBy the way, the password is ${secret}`);
		send({ msgtype: 'm.text', body: `!why ${log}` }, alice, { sealed: true });
		return 7;
	};

	test('are never stored: not in any file of the store, in answers, or in the log', async () => {
		const count = plant();
		await hear();
		expect(bytes()).not.toContain(secret);
		expect((await store.counts()).inbox).toBe(count);
		const all = await answers();
		expect(all).toHaveLength(count);
		expect(JSON.stringify(all)).not.toContain(secret);
		expect(bytes()).not.toContain(secret);
		await store.tidy();
		expect(bytes()).not.toContain(secret);
		expect(logged).toMatch(/SyntaxError\n +at JSON\.parse/);
		expect(logged).not.toContain(secret);
	});

	test('are read again after a restart, and answered once and in order', async () => {
		const count = plant();
		await hear();
		await inbox.stop();
		await store.close();
		store = await openStore(folder);
		inbox = open();
		const all = await answers();
		expect(all).toHaveLength(count);
		const order = played.eventsOf(room).map(({ id }) => id);
		const places = all.map(({ to }) => order.indexOf(to ?? ''));
		expect(places).toEqual([...places].sort((a, b) => a - b));
	});

	test('are not answered if redacted before their turn', async () => {
		const event = say(`!why\n${log}`);
		await hear();
		played.redact(room, event);
		expect(await answers()).toEqual([]);
	});

	test('have to be sent again if they are no longer visible', async () => {
		const event = say(`!why\n${log}`);
		await hear();
		played.setTrouble(call => (call === 'again' ? { kind: 'refused', code: 'M_NOT_FOUND', why: 'gone' } : undefined));
		expect(await answers()).toEqual([{ to: event, said: expect.stringContaining('send it again') }]);
	});

	test('are answered in the order of the room, whoever sends them', async () => {
		const events = [
			say(`!why\n${log}`),
			say('!status', {}, bob),
			send(fileOf('a.log', log, { body: '!why' }), bob),
			say('!status'),
		];
		played.setTrouble(() => undefined);
		expect((await answers()).map(({ to }) => to)).toEqual(events);
	});

	test('are given up if the homeserver responds to everything else', async () => {
		const event = say(`!why\n${log}`);
		say('!status', {}, bob);
		await hear();
		let tries = 0;
		played.setTrouble(call => (call === 'again' && ++tries ? { kind: 'limited', waitMs: 1 } : undefined));
		expect(await answers()).toEqual([
			{ to: event, said: expect.stringContaining('send it again') },
			{ to: expect.anything(), said: 'text 0' },
		]);
		expect(tries).toBeLessThan(50);
	});

	test('wait in order, silently, while the homeserver is down', async () => {
		say(`!why\n${log}`);
		say('!status');
		await hear();
		let away = true;
		played.setTrouble(call => (away && call === 'again' ? { kind: 'away', why: 'status 502' } : undefined));
		inbox.wake();
		await sleep(100);
		expect(await store.due(now(), [], 9)).toEqual([]);
		away = false;
		expect((await answers()).map(({ said }) => said)).toEqual([`text ${log.trim().length}`, 'text 0']);
	});
});

// Encrypted rooms on a real Synapse: conversations with clients that are not ours, and nothing readable on the wire.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { commands } from '../../commands/index.ts';
import { DeviceId, EncryptionSettings, RoomId, UserId } from '../../crypto/index.ts';
import { type Bot, makeBot } from './bot.ts';
import { login, type RoomEvent } from './person.ts';
import { answerTo, type SecretPerson, secretPerson } from './secret-person.ts';
import { strictPerson } from './strict-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

let home: Homeserver;
let bot: Bot;
let alice: SecretPerson;
const people: SecretPerson[] = [];

async function newPerson(name: string, ...more: [Parameters<typeof secretPerson>[2]?]): Promise<SecretPerson> {
	const person = await secretPerson(home, name, ...more);
	people.push(person);
	return person;
}

beforeAll(async () => {
	home = await sharedSynapse();
	bot = await makeBot(home);
	alice = await newPerson('alice');
	await bot.start();
});

afterAll(async () => {
	for (const person of people) await person.stop();
	await bot?.remove();
});

/** Creates an encrypted room with the bot, which has said hello there. */
async function secretRoom(version?: string): Promise<string> {
	const room = await alice.createRoom([bot.userId], version);
	await alice.waitFor(event => event.room_id === room && /Hello, I am/.test(event.content.body ?? ''));
	return room;
}

/** What the bot sent to a room, as the homeserver stores it. */
async function wireOf(room: string): Promise<RoomEvent[]> {
	const events = await alice.plain.messagesOf(room);
	return events.filter(event => event.sender === bot.userId && event.state_key === undefined);
}

describe.each(['10', '12'])('in a room of version %s', version => {
	test('answers every command, and sends only m.room.encrypted', async () => {
		const room = await secretRoom(version);
		const asked: string[] = [];
		for (const { name, examples } of commands) {
			if (name === 'leave') continue;
			asked.push(await alice.say(room, `!${examples[0] ?? name}`));
			asked.push(await alice.say(room, `!help ${name}`));
		}
		for (const command of ['echo hello', 'set', 'long 4', 'nonsense']) {
			asked.push(await alice.say(room, `${bot.userId}: ${command}`));
		}
		for (const event of asked) {
			const answer = await alice.waitFor(answerTo(event));
			expect(answer).toMatchObject({ sender: bot.userId, type: 'm.room.message' });
			expect(answer.content['m.mentions']).toBeDefined();
		}
		const said = await wireOf(room);
		expect(said.length).toBeGreaterThan(asked.length);
		expect([...new Set(said.map(({ type }) => type))]).toEqual(['m.room.encrypted']);
		expect(JSON.stringify(said)).not.toMatch(/io\.glia|formatted_body|hello/i);
		expect(alice.failed).toEqual([]);
		await alice.say(room, '!leave yes');
		await alice.plain.waitFor(
			event => event.room_id === room && event.state_key === bot.userId && event.content.membership === 'leave',
		);
	});
});

test('sends long answers, files and images encrypted', async () => {
	const room = await secretRoom();
	const long = await alice.say(room, '!long 200');
	await alice.waitFor(answerTo(long));
	const file = await alice.waitFor(event => event.content.msgtype === 'm.file' && event.room_id === room);
	expect(await alice.file(file)).toContain('# Part 200');
	const asked = await alice.say(room, '!picture');
	const picture = await alice.waitFor(event => event.content.msgtype === 'm.image');
	const info = { mimetype: 'image/gif', size: 23 };
	expect(picture.content).toMatchObject({
		body: 'dot.gif',
		info,
		'm.relates_to': { 'm.in_reply_to': { event_id: asked } },
	});
	expect(picture.content.url).toBeUndefined();
	expect((await alice.file(picture)).slice(0, 6)).toBe('GIF89a');
	const notes = await alice.waitFor(event => event.content.body === 'notes.txt');
	expect(await alice.file(notes)).toBe('füle');
	// The homeserver does not store the file in the clear.
	const { url = '' } = Object(notes.content.file) as { url?: string };
	const kept = await fetch(`${home.url}/_matrix/client/v1/media/download/${url.slice('mxc://'.length)}`, {
		headers: { authorization: `Bearer ${alice.accessToken}` },
	});
	expect(kept.headers.get('content-disposition') ?? '').not.toContain('notes');
	expect(await kept.text()).not.toContain('füle');
});

test('encrypts as soon as encryption is turned on', async () => {
	const room = await alice.plain.createRoom({ invite: [bot.userId] });
	await alice.waitFor(event => event.room_id === room && /Hello, I am/.test(event.content.body ?? ''));
	const content = { algorithm: 'm.megolm.v1.aes-sha2', rotation_period_msgs: 3 };
	await alice.plain.setState(room, 'm.room.encryption', '', content);
	while (!(await alice.client.crypto.isRoomEncrypted(room))) await sleep(50);
	for (let i = 0; i < 8; i++) {
		const asked = await alice.say(room, `!echo ${i}`);
		expect((await alice.waitFor(answerTo(asked))).content.body).toBe(`echo ${i}`);
	}
	const [hello, ...rest] = await wireOf(room);
	expect(hello?.type).toBe('m.room.message');
	expect([...new Set(rest.map(({ type }) => type))]).toEqual(['m.room.encrypted']);
	// The bot's key is rotated as often as the room requires.
	expect(new Set(rest.map(event => event.content.session_id)).size).toBe(3);
});

test('gives keys for later messages to new members and devices, but not to those who left', async () => {
	const room = await secretRoom();
	const before = await alice.say(room, '!echo before');
	await alice.waitFor(answerTo(before));
	const bob = await newPerson('bob');
	await alice.plain.invite(room, bob.userId);
	await bob.plain.join(room);
	const asked = await alice.say(room, '!echo for two');
	await alice.waitFor(answerTo(asked));
	expect((await bob.waitFor(answerTo(asked))).content.body).toBe('echo for two');

	const password = 'an old password';
	const account = await home.registerUser(`carol-${bob.userId.slice(5, 13)}`, password);
	const carol = await newPerson('carol', account);
	await alice.plain.invite(room, carol.userId);
	await carol.plain.join(room);
	const other = await login(home, carol.userId, password);
	const { userId, accessToken, deviceId } = other;
	const tablet = await newPerson('carol', { userId, accessToken, deviceId });
	const third = await alice.say(room, '!echo for all');
	expect((await carol.waitFor(answerTo(third))).content.body).toBe('echo for all');
	expect((await tablet.waitFor(answerTo(third))).content.body).toBe('echo for all');

	await alice.plain.kick(room, bob.userId);
	const last = await alice.say(room, '!echo without bob');
	await alice.waitFor(answerTo(last));
	const sessions = (await wireOf(room)).map(event => event.content.session_id);
	expect(sessions.at(-1)).not.toBe(sessions.at(-2));
});

test('has a device that others see as signed, and says so in !status', async () => {
	const answer: Record<string, Record<string, Record<string, Record<string, unknown>>>> = await alice.plain.request(
		'POST',
		'/_matrix/client/v3/keys/query',
		{ device_keys: { [bot.userId]: [] } },
	);
	const [selfSigning = ''] = Object.keys(Object(answer.self_signing_keys?.[bot.userId]?.keys));
	expect(selfSigning).toMatch(/^ed25519:/);
	const [device] = Object.values(Object(answer.device_keys?.[bot.userId])) as Record<string, Record<string, object>>[];
	expect(Object.keys(Object(device?.signatures?.[bot.userId]))).toContain(selfSigning);
	const room = await secretRoom();
	const [user, id] = [new UserId(bot.userId), new DeviceId(String(device?.device_id))];
	expect(await alice.machine.isDeviceSignedByOwner(user, id)).toBe(true);

	const asked = await alice.say(room, '!status');
	const status = (await alice.waitFor(answerTo(asked))).content.body ?? '';
	const [, fingerprint = ''] = /My device: `?([\w+/ ]+)`?, signed by my account/.exec(status) ?? [];
	expect(fingerprint.replaceAll(' ', '')).toBe(Object(device?.keys)[`ed25519:${id}`]);
});

test('talks to a client that accepts only signed devices (MSC4153)', async () => {
	const strict = await strictPerson(home, 'strict');
	const room = await strict.plain.createRoom({ encrypted: true, invite: [bot.userId] });
	await strict.waitFor(event => event.room_id === room && /Hello, I am/.test(event.content.body ?? ''));
	const asked = await strict.say(room, '!echo only for the signed');
	expect((await strict.waitFor(answerTo(asked))).content.body).toBe('echo only for the signed');
	expect(strict.failed).toEqual([]);
});

/** Sends messages with a key that the bot only receives from `share`. */
async function keptBack(room: string) {
	const id = new RoomId(room);
	const users = [new UserId(alice.userId), new UserId(bot.userId)];
	const requests = await alice.machine.shareRoomKey(id, users, new EncryptionSettings());
	expect(requests.length).toBeGreaterThan(0);
	return {
		async say(text: string): Promise<string> {
			const content = JSON.stringify({ msgtype: 'm.text', body: text, 'm.mentions': {} });
			const encrypted = await alice.machine.encryptRoomEvent(id, 'm.room.message', content);
			return alice.plain.send(room, 'm.room.encrypted', JSON.parse(encrypted));
		},
		async share(): Promise<void> {
			for (const request of requests) {
				await alice.client.sendToDevices(request.eventType, JSON.parse(request.body).messages);
				await alice.machine.markRequestAsSent(request.id, request.type, '{}');
			}
		},
	};
}

function notices(room: string): RoomEvent[] {
	return alice.read.filter(event => event.room_id === room && /I cannot read/.test(event.content.body ?? ''));
}

test('sends one notice for an unreadable message, and answers when its key arrives, even after a kill', async () => {
	const room = await secretRoom();
	const speech = await keptBack(room);
	const first = await speech.say('!echo one');
	const second = await speech.say('!echo two');
	const notice = await alice.waitFor(answerTo(first), 30_000);
	expect(notice.content).toMatchObject({ msgtype: 'm.notice', body: expect.stringMatching(/^I cannot read this/) });
	const third = await speech.say('!echo three');
	await bot.kill();
	await bot.start();
	await speech.share();
	for (const [event, body] of [
		[first, 'echo one'],
		[second, 'echo two'],
		[third, 'echo three'],
	] as const) {
		await alice.waitFor(answer => answerTo(event)(answer) && answer.content.body === body);
	}
	expect(notices(room)).toHaveLength(1);
});

test('waits silently for a key that arrives a little after its message', async () => {
	const room = await secretRoom();
	const speech = await keptBack(room);
	const asked = await speech.say('!echo late');
	await sleep(1000);
	expect(alice.read.some(answerTo(asked))).toBe(false);
	await speech.share();
	expect((await alice.waitFor(answerTo(asked))).content.body).toBe('echo late');
	expect(notices(room)).toEqual([]);
});

test('sends at most three notices for a flood of unreadable messages', async () => {
	const room = await secretRoom();
	for (let i = 0; i < 8; i++) {
		const content = {
			algorithm: 'm.megolm.v1.aes-sha2',
			ciphertext: 'AwgA',
			session_id: `invented ${i}`,
			device_id: 'X',
		};
		await alice.plain.send(room, 'm.room.encrypted', { ...content, sender_key: 'x' });
	}
	const asked = await alice.say(room, '!echo I am here');
	await alice.waitFor(answerTo(asked));
	await sleep(14_000);
	expect(notices(room)).toHaveLength(3);
});

test('answers unencrypted questions in an encrypted room encrypted, and refuses changes', async () => {
	const room = await secretRoom();
	const asks = await alice.plain.say(room, '!echo in the clear');
	expect((await alice.waitFor(answerTo(asks))).content.body).toBe('echo in the clear');
	const changes = await alice.plain.say(room, '!set');
	expect((await alice.waitFor(answerTo(changes))).content.body).toMatch(/your message was not/);
	const sealed = await alice.say(room, '!set');
	expect((await alice.waitFor(answerTo(sealed))).content.body).toBe('it is set');
	expect([...new Set((await wireOf(room)).map(({ type }) => type))]).toEqual(['m.room.encrypted']);
});

test('does not answer a replayed ciphertext, even after a restart', async () => {
	const room = await secretRoom();
	const asked = await alice.say(room, '!echo once');
	await alice.waitFor(answerTo(asked));
	const event = (await alice.plain.messagesOf(room)).find(({ event_id }) => event_id === asked);
	if (!event) throw new Error('the event is missing');
	const again = [await alice.plain.send(room, 'm.room.encrypted', event.content)];
	await bot.kill();
	await bot.start();
	again.push(await alice.plain.send(room, 'm.room.encrypted', event.content));
	const last = await alice.say(room, '!echo last');
	await alice.waitFor(answerTo(last));
	expect(alice.read.filter(read => again.some(copy => answerTo(copy)(read)))).toEqual([]);
});

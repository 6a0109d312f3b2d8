// Two machines that talk to each other, relayed by hand: they decrypt each other's messages, even after a restart.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
	Attachment,
	DeviceId,
	DeviceLists,
	EncryptedAttachment,
	EncryptionSettings,
	isStoreBehindServer,
	OlmMachine,
	RequestType,
	RoomId,
	UserId,
} from '../../crypto/index.ts';
import { wasm } from '../../crypto/wasm.ts';
import { type Homeserver, homeserver } from './homeserver.ts';

let root: string;
beforeAll(() => {
	root = mkdtempSync(join(tmpdir(), 'crypto-machine-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const BOT = new UserId('@bot:example.org');
const ALICE = new UserId('@alice:example.org');
const room = new RoomId('!room:example.org');

async function start(server: Homeserver, user: UserId, directory?: string): Promise<OlmMachine> {
	const machine = await OlmMachine.initialize(user, new DeviceId('D'), directory, '', 0);
	await server.send(machine, await machine.outgoingRequests());
	return machine;
}

/** What matrix-bot-sdk does before it encrypts. */
async function prepare(
	server: Homeserver,
	from: OlmMachine,
	to: readonly UserId[],
	settings = new EncryptionSettings(),
) {
	await from.updateTrackedUsers(to);
	const queries = (await from.outgoingRequests()).filter(({ type }) => type === RequestType.KeysQuery);
	await server.send(from, queries);
	const claim = await from.getMissingSessions(to);
	if (claim !== null) await server.send(from, [claim]);
	const shares = await from.shareRoomKey(room, to, settings);
	await server.send(from, shares);
	return shares;
}

/** Encrypts a message. Resolves with its event as a room shows it. */
async function say(server: Homeserver, from: OlmMachine, to: readonly UserId[], body: string): Promise<string> {
	await prepare(server, from, to);
	const content = JSON.parse(await from.encryptRoomEvent(room, 'm.room.message', JSON.stringify({ body })));
	return sealed(from, content);
}

function sealed(from: OlmMachine, content: object): string {
	const [sender, room_id] = [from.userId.toString(), room.toString()];
	return JSON.stringify({ type: 'm.room.encrypted', event_id: '$e', sender, room_id, origin_server_ts: 1, content });
}

async function read(machine: OlmMachine, event: string): Promise<string> {
	return JSON.parse((await machine.decryptRoomEvent(event, room)).event).content.body;
}

const sessionOf = (event: string): string => JSON.parse(event).content.session_id;

test('continues a conversation after a restart: old messages, new ones, the same key', async () => {
	const server = homeserver();
	const directory = join(root, 'conversation');
	const alice = await start(server, ALICE);
	let bot = await start(server, BOT, directory);
	await prepare(server, bot, [ALICE]);
	const first = await say(server, alice, [BOT], 'one');
	await server.sync(bot);
	expect(await read(bot, first)).toBe('one');
	const reply = await say(server, bot, [ALICE], 'two');
	const second = await say(server, alice, [BOT], 'three');
	await bot.close();

	bot = await start(server, BOT, directory);
	await server.sync(bot);
	expect([await read(bot, first), await read(bot, second)]).toEqual(['one', 'three']);
	const later = await say(server, bot, [ALICE], 'four');
	expect(sessionOf(later)).toBe(sessionOf(reply));
	await server.sync(alice);
	expect([await read(alice, reply), await read(alice, later)]).toEqual(['two', 'four']);
	expect(await bot.roomKeyCounts()).toEqual({ total: 2, backedUp: 0 });
	await bot.close();
});

test('throws an error with a code for what cannot be decrypted', async () => {
	const server = homeserver();
	const [alice, bot] = [await start(server, ALICE), await start(server, BOT)];
	const event = await say(server, alice, [], 'not for you');
	const error = await bot.decryptRoomEvent(event, room).catch(error => error);
	expect(error).toBeInstanceOf(Error);
	expect(error).toMatchObject({ name: 'MegolmDecryptionError', code: 'MissingRoomKey', message: /room key/i });
});

test('says who sent a decrypted event and how far to trust that', async () => {
	const server = homeserver();
	const [alice, bot] = [await start(server, ALICE), await start(server, BOT)];
	await prepare(server, bot, [ALICE]);
	const event = await say(server, alice, [BOT], 'hello');
	await server.sync(bot);
	const decrypted = await bot.decryptRoomEvent(event, room);
	expect(decrypted.sender.toString()).toBe(ALICE.toString());
	expect(decrypted.senderDevice?.toString()).toBe('D');
	expect(decrypted.senderCurve25519Key).toBe(alice.identityKeys.curve25519.toBase64());
	expect(decrypted.senderClaimedEd25519Key).toBe(alice.identityKeys.ed25519.toBase64());
	expect(decrypted.shieldState(true).message).toMatch(/unverified/);
});

test('returns to-device events as matrix-bot-sdk reads them: a JSON array', async () => {
	const server = homeserver();
	const [alice, bot] = [await start(server, ALICE), await start(server, BOT)];
	await say(server, alice, [BOT], 'key to come');
	const events = await server.sync(bot);
	expect(events).toMatchObject([{ type: 'm.room_key', content: { room_id: room.toString() } }]);
});

test('puts the type and transaction of a to-device request in its body too', async () => {
	const server = homeserver();
	const [, bot] = [await start(server, ALICE), await start(server, BOT)];
	const [request] = await prepare(server, bot, [ALICE]);
	expect(request).toMatchObject({ type: RequestType.ToDevice, eventType: 'm.room.encrypted' });
	expect(JSON.parse(request?.body ?? '')).toMatchObject({
		event_type: 'm.room.encrypted',
		txn_id: request?.txnId,
		messages: { [ALICE.toString()]: { D: expect.anything() } },
	});
	expect(request?.id).toBe(request?.txnId);
});

test('allows identifiers and settings to be reused after a call', async () => {
	const server = homeserver();
	const [, bot] = [await start(server, ALICE), await start(server, BOT)];
	const users = [ALICE, BOT];
	const settings = new EncryptionSettings();
	settings.algorithm = undefined;
	for (let i = 0; i < 3; i++) {
		await prepare(server, bot, users, settings);
		await bot.receiveSyncChanges('[]', new DeviceLists(users, users), {}, null);
	}
	expect(users.map(String)).toEqual(['@alice:example.org', '@bot:example.org']);
	expect(() => new UserId('alice')).toThrow(/sigil/);
	expect(BOT.localpart).toBe('bot');
});

test('accepts the rotation period in milliseconds, without overflow', async () => {
	const handed = vi
		.spyOn(wasm.OlmMachine.prototype, 'shareRoomKey')
		.mockImplementation(async (_room, _users, settings) => {
			rotations.push([settings.rotationPeriod, settings.rotationPeriodMessages]);
			return [];
		});
	const rotations: [bigint, bigint][] = [];
	const bot = await OlmMachine.initialize(BOT, new DeviceId('D'));
	for (const number of [604_800_000n, 2n ** 80n, -5n]) {
		const settings = new EncryptionSettings();
		settings.rotationPeriod = number;
		settings.rotationPeriodMessages = number;
		await bot.shareRoomKey(room, [], settings);
	}
	expect(rotations).toEqual([
		[604_800_000_000n, 604_800_000n],
		[2n ** 62n, 2n ** 62n],
		[0n, 0n],
	]);
	handed.mockRestore();
});

test('requires a new key instead of panicking if a key is used up', async () => {
	const server = homeserver();
	const [alice, bot] = [await start(server, ALICE), await start(server, BOT)];
	const settings = new EncryptionSettings();
	settings.rotationPeriodMessages = 1n;
	const encrypt = (text: string) => bot.encryptRoomEvent(room, 'm.room.message', JSON.stringify({ body: text }));
	await expect(encrypt('zero')).rejects.toMatchObject({ code: 'CRYPTO_ROOM_KEY_NOT_SHARED' });
	// Two concurrent messages both share the key before either is encrypted.
	await prepare(server, bot, [ALICE], settings);
	await prepare(server, bot, [ALICE], settings);
	const one = sealed(bot, JSON.parse(await encrypt('one')));
	await expect(encrypt('two')).rejects.toMatchObject({ code: 'CRYPTO_ROOM_KEY_NOT_SHARED' });
	const shares = await prepare(server, bot, [ALICE], settings);
	expect(shares).toHaveLength(1);
	const two = sealed(bot, JSON.parse(await encrypt('two')));
	await server.sync(alice);
	expect([await read(alice, one), await read(alice, two)]).toEqual(['one', 'two']);
});

test('shares one valid key between two concurrent messages', async () => {
	const server = homeserver();
	const [alice, bot] = [await start(server, ALICE), await start(server, BOT)];
	await prepare(server, bot, [ALICE]);
	await prepare(server, bot, [ALICE]);
	const texts = ['one', 'two', 'three'];
	const events: string[] = [];
	for (const body of texts) {
		events.push(sealed(bot, JSON.parse(await bot.encryptRoomEvent(room, 'm.room.message', JSON.stringify({ body })))));
	}
	await server.sync(alice);
	expect(await Promise.all(events.map(event => read(alice, event)))).toEqual(texts);
});

test('does not wait for users without known devices', async () => {
	const server = homeserver();
	const bot = await start(server, BOT);
	const asked = vi.spyOn(wasm.OlmMachine.prototype, 'getMissingSessions');
	await bot.updateTrackedUsers([ALICE]);
	expect(await bot.getMissingSessions([ALICE])).toBe(null);
	expect(asked.mock.calls.map(([users]) => users.length)).toEqual([0]);
	await start(server, ALICE);
	await server.send(bot, [bot.queryKeysForUsers([ALICE])]);
	expect(JSON.parse((await bot.getMissingSessions([ALICE]))?.body ?? '')).toMatchObject({
		one_time_keys: { [ALICE.toString()]: { D: 'signed_curve25519' } },
	});
	asked.mockRestore();
});

test('skips an empty sync, and processes anything new', async () => {
	const server = homeserver();
	const [alice, bot] = [await start(server, ALICE), await start(server, BOT)];
	const taken = vi.spyOn(wasm.OlmMachine.prototype, 'receiveSyncChanges');
	const clock = vi.spyOn(performance, 'now');
	const sync = async (
		counts: Record<string, number>,
		events = '[]',
		lists = new DeviceLists(),
		fallbacks = ['a', 'b'],
	) => {
		taken.mockClear();
		await bot.receiveSyncChanges(events, lists, counts, fallbacks);
		return taken.mock.calls.length;
	};
	const quiet = { signed_curve25519: 50, other: 1 };
	expect(await sync(quiet)).toBe(1);
	expect(await sync(quiet)).toBe(0);
	expect(await sync({ other: 1, signed_curve25519: 50 }, '[]', new DeviceLists(), ['b', 'a'])).toBe(0);
	expect(await sync({ ...quiet, signed_curve25519: 49 })).toBe(1);
	expect(await sync(quiet)).toBe(1);
	expect(await sync(quiet, '[]', new DeviceLists([ALICE]))).toBe(1);
	expect(await sync(quiet, '[]', new DeviceLists([], [ALICE]))).toBe(1);
	expect(await sync(quiet, '[]', new DeviceLists(), ['a'])).toBe(1);
	expect(await sync(quiet)).toBe(1);
	expect(await sync(quiet)).toBe(0);
	await server.send(bot, [bot.queryKeysForUsers([ALICE])]);
	expect(await sync(quiet)).toBe(1);
	await say(server, alice, [BOT], 'news');
	expect(await sync(quiet, JSON.stringify(server.take(bot).events))).toBe(1);
	expect(await sync(quiet)).toBe(0);
	clock.mockReturnValue(performance.now() + 61_000);
	expect(await sync(quiet)).toBe(1);
	vi.restoreAllMocks();
});

test('remembers "nothing to send" until something happens', async () => {
	const server = homeserver();
	const [alice, bot] = [await start(server, ALICE), await start(server, BOT)];
	const asked = vi.spyOn(wasm.OlmMachine.prototype, 'outgoingRequests');
	const types = async () => (await bot.outgoingRequests()).map(({ type }) => type);
	const settle = async () => {
		for (let i = 0; i < 3; i++) await server.sync(bot);
		expect(await types()).toEqual([]);
		asked.mockClear();
		expect(await types()).toEqual([]);
		expect(asked).not.toHaveBeenCalled();
	};
	await settle();
	await bot.updateTrackedUsers([ALICE]);
	expect(await types()).toEqual([RequestType.KeysQuery]);
	await settle();
	await bot.updateTrackedUsers([ALICE, BOT]);
	await bot.receiveSyncChanges('[]', new DeviceLists([ALICE]), { signed_curve25519: 50 }, ['signed_curve25519']);
	expect(await types()).toEqual([RequestType.KeysQuery]);
	await settle();
	await expect(read(bot, await say(server, alice, [], 'not for you'))).rejects.toThrow();
	asked.mockClear();
	expect(await types()).toEqual([]);
	expect(asked).toHaveBeenCalledOnce();
	await settle();
	await bot.receiveSyncChanges('[]', new DeviceLists(), { signed_curve25519: 20 }, ['signed_curve25519']);
	expect(await types()).toEqual([RequestType.KeysUpload]);
	await server.send(bot, await bot.outgoingRequests());
	await settle();
	vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000);
	expect(await types()).toEqual([]);
	expect(asked).toHaveBeenCalledOnce();
	vi.restoreAllMocks();
});

test('remembers "no session is missing" until something happens', async () => {
	const server = homeserver();
	const [, bot] = [await start(server, ALICE), await start(server, BOT)];
	await prepare(server, bot, [ALICE]);
	const asked = vi.spyOn(wasm.OlmMachine.prototype, 'getMissingSessions');
	expect([await bot.getMissingSessions([ALICE]), await bot.getMissingSessions([ALICE])]).toEqual([null, null]);
	expect(asked).toHaveBeenCalledOnce();
	const second = await OlmMachine.initialize(ALICE, new DeviceId('SECOND'));
	await server.send(second, await second.outgoingRequests());
	await server.sync(bot);
	expect(JSON.parse((await bot.getMissingSessions([ALICE]))?.body ?? '').one_time_keys).toEqual({
		[ALICE.toString()]: { SECOND: 'signed_curve25519' },
	});
	vi.restoreAllMocks();
});

test('returns signatures as plain values', async () => {
	const bot = await OlmMachine.initialize(BOT, new DeviceId('D'));
	const signatures = await bot.sign('{"a":1}');
	expect([signatures.isEmpty, signatures.count]).toEqual([false, 1n]);
	expect(signatures.get(ALICE)).toBe(null);
	const mine = signatures.get(BOT)?.['ed25519:D'];
	expect(mine).toMatchObject({ isValid: true, isInvalid: false, invalidSignatureSource: null });
	expect(mine?.signature?.toBase64()).toHaveLength(86);
	expect(bot.fingerprint.replaceAll(' ', '')).toBe(bot.identityKeys.ed25519.toBase64());
	expect(bot.fingerprint.split(' ')).toHaveLength(11);
});

test('notices that a store is from an old backup when it uploads keys', async () => {
	const server = homeserver();
	const [now, backup] = [join(root, 'now'), join(root, 'backup')];
	await (await start(server, BOT, now)).close();
	cpSync(now, backup, { recursive: true });
	const alice = await start(server, ALICE);
	await server.send(alice, [alice.queryKeysForUsers([BOT])]);
	const claim = await alice.getMissingSessions([BOT]);
	if (claim === null) throw new Error('no key was claimed');
	await server.send(alice, [claim]);
	const bot = await start(server, BOT, now);
	await server.sync(bot);
	await bot.close();
	const restored = await OlmMachine.initialize(BOT, new DeviceId('D'), backup, '', 0);
	await restored.receiveSyncChanges('[]', new DeviceLists(), { signed_curve25519: 49 }, ['signed_curve25519']);
	const error = await server.send(restored, await restored.outgoingRequests()).catch(error => error);
	expect(isStoreBehindServer(error)).toBe(true);
	expect(isStoreBehindServer({ ...error, statusCode: 500, body: error.body })).toBe(false);
	expect(isStoreBehindServer(Object.assign(new Error('no'), { statusCode: 400, body: { error: 'Bad JSON' } }))).toBe(
		false,
	);
	await restored.close();
});

test('decrypts a file, and refuses a changed one', () => {
	const file = new TextEncoder().encode('a file');
	const { encryptedData, mediaEncryptionInfo } = Attachment.encrypt(file);
	expect(encryptedData).not.toEqual(file);
	const info = mediaEncryptionInfo ?? '';
	const attachment = new EncryptedAttachment(encryptedData, info);
	expect(attachment.hasMediaEncryptionInfoBeenConsumed).toBe(false);
	expect(Attachment.decrypt(attachment)).toEqual(file);
	expect([attachment.mediaEncryptionInfo, attachment.hasMediaEncryptionInfoBeenConsumed]).toEqual([null, true]);
	expect(() => Attachment.decrypt(attachment)).toThrow();
	const changed = encryptedData.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
	expect(() => Attachment.decrypt(new EncryptedAttachment(changed, info))).toThrow();
});

test('sends keys to a user whose only device is dehydrated (MSC3814)', async () => {
	const person = new wasm.UserId('@dehydrated:example.org');
	const owner = await wasm.OlmMachine.initialize(person, new wasm.DeviceId('GONE'));
	const { uploadSigningKeysRequest } = await owner.bootstrapCrossSigning(true);
	const signing = JSON.parse(uploadSigningKeysRequest.body);
	const dehydrated = await owner.dehydratedDevices().create();
	const upload = await dehydrated.keysForUpload('kept', wasm.DehydratedDeviceKey.createRandomKey());
	const { device_id: id, device_keys: keys } = JSON.parse(upload.body);
	const user = new UserId('@dehydrated:example.org');
	const bot = await OlmMachine.initialize(new UserId('@keys:example.org'), new DeviceId('BOT'));
	const query = bot.queryKeysForUsers([user]);
	const shown = {
		device_keys: { [user.toString()]: { [id]: keys } },
		master_keys: { [user.toString()]: signing.master_key },
		self_signing_keys: { [user.toString()]: signing.self_signing_key },
	};
	await bot.markRequestAsSent(query.id, query.type, JSON.stringify(shown));
	const claim = await bot.getMissingSessions([user]);
	expect(JSON.parse(claim?.body ?? '{}').one_time_keys).toEqual({ [user.toString()]: { [id]: 'signed_curve25519' } });
	await bot.close();
});

// Two users with real keys: one writes to an encrypted room; the other does not fetch the room's key before the guide
// is followed. If they can read the message afterwards, keys and to-device messages have been moved.
import { randomUUID } from 'node:crypto';
import {
	DeviceId,
	DeviceLists,
	EncryptionSettings,
	OlmMachine,
	type Request,
	RequestType,
	RoomId,
	UserId,
} from '../../../crypto/index.ts';
import { ask, register } from './people.ts';

type Device = { user: UserId; token: string; machine: OlmMachine };

export type Secret = { writer: Device; reader: Device; room: string; event: string; said: string };

const v3 = '/_matrix/client/v3';
let looks = 0;

/** A new user, with a device whose keys are on the server. */
async function device(name: string): Promise<Device> {
	const { user, token, device: id } = await register(name, false);
	const userId = new UserId(user);
	const own = { user: userId, token, machine: await OlmMachine.initialize(userId, new DeviceId(id)) };
	await sendAll(own);
	return own;
}

async function sendAll(own: Device, requests?: readonly Request[]): Promise<void> {
	for (const request of requests ?? (await own.machine.outgoingRequests())) {
		const answer = await ask(...placeOf(request), own.token, JSON.parse(request.body));
		await own.machine.markRequestAsSent(request.id, request.type, JSON.stringify(answer));
	}
}

function placeOf(request: Request): [method: string, path: string] {
	switch (request.type) {
		case RequestType.KeysUpload:
			return ['POST', `${v3}/keys/upload`];
		case RequestType.KeysQuery:
			return ['POST', `${v3}/keys/query`];
		case RequestType.KeysClaim:
			return ['POST', `${v3}/keys/claim`];
		case RequestType.ToDevice:
			return ['PUT', `${v3}/sendToDevice/${request.eventType}/${request.txnId}`];
		default:
			throw new Error(`no request of type ${request.type} is expected`);
	}
}

/** Writes with a new key, which is sent to the reader. Resolves to the event ID. */
async function write({ writer, reader, room }: Pick<Secret, 'writer' | 'reader' | 'room'>, body: string) {
	const { machine, token } = writer;
	await machine.updateTrackedUsers([reader.user, writer.user]);
	await sendAll(writer);
	const claim = await machine.getMissingSessions([reader.user]);
	if (claim) await sendAll(writer, [claim]);
	const settings = new EncryptionSettings();
	settings.rotationPeriodMessages = 1n;
	await sendAll(writer, await machine.shareRoomKey(new RoomId(room), [reader.user], settings));
	const content = JSON.parse(
		await machine.encryptRoomEvent(new RoomId(room), 'm.room.message', JSON.stringify({ msgtype: 'm.text', body })),
	);
	const path = `${v3}/rooms/${encodeURIComponent(room)}/send/m.room.encrypted/${randomUUID()}`;
	return String((await ask('PUT', path, token, content)).event_id);
}

/** An encrypted room with a message whose key waits on the server. */
export async function writeInSecret(): Promise<Secret> {
	const [writer, reader] = [await device('dana'), await device('eli')];
	const encryption = { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } };
	const made = await ask('POST', `${v3}/createRoom`, writer.token, {
		preset: 'public_chat',
		initial_state: [encryption],
	});
	const room = String(made.room_id);
	await ask('POST', `${v3}/join/${encodeURIComponent(room)}`, reader.token, {});
	const said = 'Only for two: ÄÖ 猫';
	return { writer, reader, room, said, event: await write({ writer, reader, room }, said) };
}

/** The reader fetches to-device messages, and reads the old message and a new one. Throws if one cannot be read. */
export async function readInSecret(secret: Secret): Promise<void> {
	const fresh = `once more ${randomUUID()}`;
	const event = await write(secret, fresh);
	const { reader } = secret;
	// A first sync is answered from a cache for two minutes, unless it asks for something else.
	const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 1 + (looks++ % 50) } } }));
	const sync = await ask('GET', `${v3}/sync?timeout=0&filter=${filter}`, reader.token);
	const events = (sync.to_device as { events?: object[] } | undefined)?.events ?? [];
	const counts = (sync.device_one_time_keys_count ?? {}) as Record<string, number>;
	await reader.machine.receiveSyncChanges(JSON.stringify(events), new DeviceLists(), counts, []);
	await sendAll(reader);
	for (const [id, said] of [
		[secret.event, secret.said],
		[event, fresh],
	] as const) {
		const found = await ask(
			'GET',
			`${v3}/rooms/${encodeURIComponent(secret.room)}/event/${encodeURIComponent(id)}`,
			reader.token,
		);
		const read = await reader.machine.decryptRoomEvent(JSON.stringify(found), new RoomId(secret.room));
		if (JSON.parse(read.event).content.body !== said) throw new Error('the encrypted message has changed');
	}
}

// End-to-end encryption: decrypts what comes in, encrypts what goes out and exchanges keys. Replaces
// matrix-bot-sdk's, which requests the room's members before each message and does not support a passphrase.
import { mkdirSync } from 'node:fs';
import {
	Attachment,
	EncryptedAttachment,
	isCryptoError,
	isStoreBehindServer,
	type OlmMachine,
	onFatal,
} from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { DeviceStanding } from '../../command.ts';
import type { Config } from '../../config.ts';
import type { Content, RoomState, Sealed, Unreadable } from '../../ports/homeserver.ts';
import type { KeyStore } from '../../ports/keys.ts';
import type { Kept } from '../../ports/web.ts';
import type { Log } from '../../runtime/log.ts';
import { type Decrypter, openDecrypter } from './decrypt.ts';
import { type Identity, openIdentity } from './identity.ts';
import { isRecord, type Json, record } from './json.ts';
import { earlierSeeds, folderOf, keysIn, openKeys } from './keys.ts';
import { openRecipients, type Recipients } from './members.ts';
import { type Ask, type Courier, openCourier } from './outgoing-requests.ts';
import { openRestoreGuard } from './restore-guard.ts';
import { openRoomKeys, type RoomKeys } from './room-keys.ts';
import { openSessions, type Sessions } from './sessions.ts';
import { receiveToDevice, toDeviceEvents } from './to-device.ts';
import { openVerifications, type Verifications } from './verification.ts';

export type Encryption = {
	standing: () => DeviceStanding;
	/**
	 * Processes the keys that a sync brought and decrypts its timelines in place. `waiting` returns events that
	 * could not be decrypted before; those that can now be decrypted are in `opened`, by room.
	 */
	read: (sync: Json, waiting: () => Promise<Unreadable[]>) => Promise<DecryptedSync>;
	/** Decrypts events of one room in place; returns those that could not be decrypted. */
	open: (room: string, events: unknown) => Promise<Unreadable[]>;
	/** The event to send, encrypted as the room's state requires. */
	seal: (room: string, state: RoomState, event: Sealed) => Promise<Sealed>;
	/**
	 * Copies this device's keys into a folder laid out like the store's, and runs `meanwhile` while they cannot
	 * change. Once it resolves, the homeserver knows that this device is newer than the copy. Rejects if the
	 * homeserver could not be told.
	 */
	copyTo: (folder: string, meanwhile: () => Promise<void>) => Promise<void>;
	close: () => Promise<void>;
};

export type DecryptedSync = { unreadable: Map<string, Unreadable[]>; opened: Map<string, Json[]> };

type EncryptionSetup = Pick<Parameters<typeof openVerifications>[0], 'say' | 'refusal'> & {
	keys: KeyStore;
	user: string;
	device: string;
	config: Config['encryption'];
	kept: Kept;
	password: string | undefined;
	ask: Ask;
	log: Log;
	/** The process must end: keys can no longer be stored, or the library is broken. */
	broken: (error: Error) => void;
	/** The homeserver knows newer keys of this device than the store has. */
	behind: () => void;
};

/** Opens this device's keys, creating them if there are none. Throws a Refusal if they cannot be used. */
export async function openEncryption(given: EncryptionSetup): Promise<Encryption> {
	const { user, device, config, ask, log, password } = given;
	const machine = await openKeys(given.keys, given, config.passphrase);
	const forget = onFatal(given.broken);
	const courier = openCourier(machine, ask, error => {
		if (isStoreBehindServer(error)) given.behind();
	});
	const guard = openRestoreGuard({ ask, keys: given.keys, user, device, log, behind: given.behind });
	try {
		// The device's own keys must be uploaded before anything is signed. Later starts have nothing to upload.
		await courier.all();
	} catch (error) {
		if (isStoreBehindServer(error) || isCryptoError(error)) {
			guard.stop();
			forget();
			await machine.close();
			throw error;
		}
		log.warn({ err: error }, 'the keys of this device could not be uploaded yet');
	}
	const signature = openSignature(machine, device, given.kept);
	let stopped = false;
	const identity = identityOf({ ...given, broken: error => stopped || given.broken(error) }, machine, signature);
	const recipients = openRecipients(path => ask('GET', path));
	const keys = openRoomKeys(machine, courier, recipients);
	const decrypter = openDecrypter(machine, user, log);
	const verifications = openVerifications({ machine, courier, ask, user, log, say: given.say, refusal: given.refusal });
	const sessions = openSessions({ ask, user, device, password, log });
	const reader = openReader({ machine, courier, decrypter, verifications, sessions, recipients, keys, user, log });
	return {
		standing() {
			const mute = guard.uncounted();
			return {
				fingerprint: machine.fingerprint,
				...identity.standing(),
				...signature.standing(),
				...(mute && { mute: mute.why, muteBy: mute.by }),
				...sessions.standing(),
			};
		},
		read: (sync, waiting) => reader(sync, waiting, () => stopped),
		open: decrypter.open,
		async seal(room, state, event) {
			if (!(await guard.counted)) throw new Error('these keys are older than the device');
			await identity.tried;
			return keys.seal(room, state, event);
		},
		async copyTo(folder, meanwhile) {
			if (!(await guard.counted)) throw new Error('these keys are older than the device');
			const to = folderOf(folder, device);
			mkdirSync(to, { recursive: true, mode: 0o700 });
			await machine.copyStore(to, async () => {
				await keysIn(folder).keepStarts(device, (await given.keys.starts(device)) ?? 0);
				await meanwhile();
			});
			await guard.countAgain();
		},
		async close() {
			stopped = true;
			guard.stop();
			identity.stop();
			sessions.stop();
			forget();
			await machine.close();
			await guard.putAway();
		},
	};
}

function identityOf(given: EncryptionSetup, machine: OlmMachine, signature: Signature): Identity {
	const { keys, config, ask, user, log, password } = given;
	const { seeds, reset } = config;
	return openIdentity({
		machine,
		request: (method, path, body) => ask(method, path, body),
		means: { reset, ...(password && { password }), ...(seeds && { seeds }) },
		inherited: () => earlierSeeds(keys, given, config.passphrase),
		user,
		log,
		known: signed => void signature.note(signed).catch(given.broken),
	});
}

type Signature = {
	standing: () => Pick<DeviceStanding, 'master' | 'unsignedSince'>;
	/** Records whether the device is signed now. */
	note: (signed: boolean) => Promise<void>;
};

/** Since when the device has been unsigned. Persisted, because it has to outlive this process. */
function openSignature(machine: OlmMachine, device: string, kept: Kept): Signature {
	const key = `unsigned ${device}`;
	let unsignedSince: Date | undefined;
	let master: string | null = null;
	return {
		standing: () => ({ ...(master !== null && { master }), ...(unsignedSince && { unsignedSince }) }),
		async note(signed) {
			master = await machine.masterKey(machine.userId);
			const before = await kept.get(key);
			if (signed) unsignedSince = undefined;
			else unsignedSince = before ? new Date(before) : new Date();
			const text = unsignedSince?.toISOString() ?? '';
			if (text !== (before ?? '')) await kept.put(key, text);
		},
	};
}

type ReaderSetup = {
	machine: OlmMachine;
	courier: Courier;
	decrypter: Decrypter;
	verifications: Verifications;
	sessions: Sessions;
	recipients: Recipients;
	keys: RoomKeys;
	user: string;
	log: Log;
};

type SyncReader = (sync: Json, waiting: () => Promise<Unreadable[]>, stopped: () => boolean) => Promise<DecryptedSync>;

function openReader(given: ReaderSetup): SyncReader {
	const { machine, courier, decrypter, verifications, sessions, recipients, keys, user, log } = given;
	let first = true;

	async function takeKeys(sync: Json, stopped: () => boolean): Promise<Set<string>> {
		sessions.receive(toDeviceEvents(sync));
		const arrived = await receiveToDevice(machine, sync, log);
		if (arrived.changed.some(one => one.toString() === user)) sessions.changed();
		verifications.receive(arrived.events);
		// In the background: the next sync retries what failed.
		courier.all().catch((error: unknown) => {
			if (!stopped() && !isCryptoError(error)) log.debug({ err: error }, 'keys could not be sent yet');
		});
		return arrived.sessions;
	}

	async function readRooms(rooms: Json): Promise<DecryptedSync['unreadable']> {
		const unreadable: DecryptedSync['unreadable'] = new Map();
		for (const [room, news] of Object.entries(record(rooms.join))) {
			const timeline = record(record(news).timeline);
			const closed = await decrypter.open(room, timeline.events);
			if (closed.length > 0) unreadable.set(room, closed);
			const events = Array.isArray(timeline.events) ? timeline.events.filter(isRecord) : [];
			verifications.receiveInRoom(room, events);
			recipients.receive(room, events, timeline.limited === true);
		}
		for (const room of Object.keys(record(rooms.leave))) {
			recipients.drop(room);
			keys.drop(room);
		}
		return unreadable;
	}

	return async (sync, waiting, stopped) => {
		const arrived = await takeKeys(sync, stopped);
		const unreadable = await readRooms(record(sync.rooms));
		const opened: DecryptedSync['opened'] = new Map();
		// Try all of them the first time: their keys may have come just before a crash.
		const all = first || arrived.size > 0 ? await waiting() : [];
		for (const { room, session, raw } of all) {
			if (!first && !arrived.has(session)) continue;
			const { clear } = await decrypter.decrypt(room, JSON.parse(raw));
			if (clear) opened.set(room, [...(opened.get(room) ?? []), clear]);
		}
		first = false;
		return { unreadable, opened };
	};
}

/** Encrypts a file. Returns the bytes to upload, and the metadata that goes into the event next to their URL. */
export function sealFile(bytes: Uint8Array): { bytes: Buffer; info: Content } {
	const { encryptedData, mediaEncryptionInfo } = Attachment.encrypt(bytes);
	return { bytes: Buffer.from(encryptedData), info: JSON.parse(mediaEncryptionInfo ?? '{}') };
}

/** Decrypts what `sealFile` produced. Throws if the key is incomplete or the bytes do not match the hash. */
export function openFile(bytes: Uint8Array, info: Content): Uint8Array {
	return Attachment.decrypt(new EncryptedAttachment(bytes, JSON.stringify(info)));
}

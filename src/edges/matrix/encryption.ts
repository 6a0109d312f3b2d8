// Encryption of rooms: what comes in is decrypted, what goes out is encrypted, and keys travel in between. Our own way
// around matrix-bot-sdk's: it asks for the members of the room before each message, and knows no passphrase.
import { setTimeout as sleep } from 'node:timers/promises';
import {
	Attachment,
	DeviceLists,
	EncryptionSettings,
	HistoryVisibility,
	isCryptoError,
	isStoreBehindServer,
	onFatal,
	RoomId,
	UserId,
} from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { DeviceStanding } from '../../command.ts';
import type { Config } from '../../config.ts';
import type { Content, RoomState, Sealed, Unreadable } from '../../ports/homeserver.ts';
import type { Kept } from '../../ports/web.ts';
import type { Log } from '../../runtime/log.ts';
import { backoff } from '../../runtime/retry.ts';
import { decrypted, isRecord, record } from './events.ts';
import { failureOf } from './failure.ts';
import { openIdentity } from './identity.ts';
import { earlierSeeds, folderOf, openKeys } from './keys.ts';
import { openRecipients } from './members.ts';
import { type Ask, openCourier } from './outgoing-requests.ts';
import { countStart } from './restore-guard.ts';
import { openSessions } from './sessions.ts';
import { openVerifications } from './verification.ts';

type Json = Record<string, unknown>;

export type Encryption = {
	standing: () => DeviceStanding;
	/**
	 * Takes the keys that a sync brought and decrypts its timelines in place. `waiting` are events that could not be
	 * decrypted before; those that can be now are in `opened`, by room.
	 */
	read: (sync: Json, waiting: () => Promise<Unreadable[]>) => Promise<DecryptedSync>;
	/** Decrypts events of one room in place; gives those that could not be. */
	open: (room: string, events: unknown) => Promise<Unreadable[]>;
	/** The event as it goes out: encrypted, as the room's state asks. */
	seal: (room: string, state: RoomState, event: Sealed) => Promise<Sealed>;
	close: () => Promise<void>;
};

export type DecryptedSync = { unreadable: Map<string, Unreadable[]>; opened: Map<string, Json[]> };

type EncryptionSetup = Pick<Parameters<typeof openVerifications>[0], 'say' | 'refusal'> & {
	/** The store's folder, in which the keys have theirs. */
	store: string;
	user: string;
	device: string;
	config: Config['encryption'];
	kept: Kept;
	password: string | undefined;
	ask: Ask;
	log: Log;
	/** The process has to end: the keys cannot be kept any more, or the library is broken. */
	broken: (error: Error) => void;
	/** The homeserver knows newer keys of this device than the store has. */
	behind: () => void;
};

/** So often a message is encrypted anew when its key was used up in between. */
const maxAttempts = 5;
/** Tries to count a start before the operator hears of it. */
const quietAttempts = 4;
/** wasm's name for a message whose session belongs to somebody else than its sender. */
const mismatchedSender = 5;

/** Opens the keys of this device, or makes them. Throws a Refusal when they cannot be used. */
export async function openEncryption(given: EncryptionSetup): Promise<Encryption> {
	const { user, config, ask, log } = given;
	const machine = await openKeys(given.store, given, config.passphrase);
	const forget = onFatal(given.broken);
	const courier = openCourier(machine, ask, error => {
		if (isStoreBehindServer(error)) given.behind();
	});
	const recipients = openRecipients(path => ask('GET', path));
	let stopped = false;
	/** For whom, and how, each room's key was last shared. */
	const shared = new Map<string, string>();
	let first = true;
	/** Why it cannot be known whether these keys may be used. */
	let uncounted: string | undefined;
	const counted = count();

	try {
		// The device's own keys have to be there before anything is signed; later starts find nothing to send.
		await courier.all();
	} catch (error) {
		if (isStoreBehindServer(error) || isCryptoError(error)) {
			forget();
			await machine.close();
			throw error;
		}
		log.warn({ err: error }, 'the keys of this device could not be uploaded yet');
	}
	const { seeds, reset } = config;
	const identity = openIdentity({
		machine,
		request: (method, path, body) => ask(method, path, body),
		means: { reset, ...(given.password && { password: given.password }), ...(seeds && { seeds }) },
		inherited: () => earlierSeeds(given.store, given, config.passphrase),
		user,
		log,
		known: signed => void noteSigned(signed).catch(given.broken),
	});

	const verifications = openVerifications({ machine, courier, ask, user, log, say: given.say, refusal: given.refusal });
	let unsignedSince: Date | undefined;
	let master: string | null = null;

	/** Kept, since it is about the device and not about this start. */
	async function noteSigned(signed: boolean): Promise<void> {
		master = await machine.masterKey(machine.userId);
		const key = `unsigned ${given.device}`;
		const before = await given.kept.get(key);
		if (signed) unsignedSince = undefined;
		else unsignedSince = before ? new Date(before) : new Date();
		const text = unsignedSince?.toISOString() ?? '';
		if (text !== (before ?? '')) await given.kept.put(key, text);
	}

	const sessions = openSessions({ ask, user, device: given.device, password: given.password, log });

	/** Whether these keys may be used: once known, it holds. Tried again as long as the homeserver does not answer. */
	async function count(): Promise<boolean> {
		const waiting = 'this start cannot be counted: until it is, nothing is said in encrypted rooms';
		const folder = folderOf(given.store, given.device);
		for (let tries = 0; !stopped; tries++) {
			try {
				const newest = await countStart({ ask, folder, user, device: given.device });
				uncounted = undefined;
				if (!newest) given.behind();
				return newest;
			} catch (error) {
				const failure = failureOf(error);
				const why = 'why' in failure ? failure.why : 'it limits us';
				if (Object(error).statusCode >= 400 && Object(error).statusCode < 500 && tries >= quietAttempts) {
					// It will not: a restored backup then shows only when one-time keys are due.
					uncounted = undefined;
					log.error({ why }, 'the homeserver takes no account data: a restored backup may go unnoticed');
					return true;
				}
				if (tries === quietAttempts) log.error({ why }, waiting);
				if (tries >= quietAttempts) uncounted = why;
				await sleep(backoff(tries, Math.random()), undefined, { ref: false });
			}
		}
		return false;
	}

	/** Sends what waits, in the background: the next sync tries again what failed. */
	function send(): void {
		courier.all().catch((error: unknown) => {
			if (!stopped && !isCryptoError(error)) log.debug({ err: error }, 'keys could not be sent yet');
		});
	}

	async function takeKeys(sync: Json): Promise<Set<string>> {
		const events = record(sync.to_device).events;
		sessions.heed(Array.isArray(events) ? events : []);
		const lists = record(sync.device_lists);
		const changed = usersOf(lists.changed);
		if (changed.some(one => one.toString() === user)) sessions.changed();
		const arrived = await receive(Array.isArray(events) ? events : [], new DeviceLists(changed, usersOf(lists.left)), {
			counts: countsOf(sync.device_one_time_keys_count),
			fallbacks: textsOf(
				sync.device_unused_fallback_key_types ?? sync['org.matrix.msc2732.device_unused_fallback_key_types'],
			),
		});
		verifications.heed(arrived);
		send();
		return new Set(arrived.flatMap(event => sessionOf(event) ?? []));
	}

	/** What strangers send to the device must not keep the rest from it: what the machine rejects is left out. */
	async function receive(
		events: unknown[],
		lists: DeviceLists,
		{ counts, fallbacks }: { counts: Record<string, number>; fallbacks: string[] },
	): Promise<Json[]> {
		try {
			const read = JSON.parse(await machine.receiveSyncChanges(JSON.stringify(events), lists, counts, fallbacks));
			return Array.isArray(read) ? read.filter(isRecord) : [];
		} catch (error) {
			if (isCryptoError(error) || events.length === 0) throw error;
			log.warn({ err: error, events: events.length }, 'something sent to this device makes no sense');
			if (events.length === 1) return receive([], lists, { counts, fallbacks });
			const read: Json[] = [];
			for (const event of events) read.push(...(await receive([event], lists, { counts, fallbacks })));
			return read;
		}
	}

	/** The event decrypted; undefined for a forgery; or why it cannot be read. */
	async function decrypt(room: string, event: Json): Promise<{ clear?: Json & { [decrypted]: string }; why?: string }> {
		try {
			const read = await machine.decryptRoomEvent(JSON.stringify({ ...event, room_id: room }), new RoomId(room));
			if (read.shieldState(false).code === mismatchedSender) {
				log.warn({ room, event: event.event_id }, 'a message whose sender is not who encrypted it is ignored');
				return {};
			}
			const { type, content }: Json = JSON.parse(read.event);
			if (typeof type !== 'string') return {};
			const outer = record(event.content)['m.relates_to'];
			const clear = { ...(outer !== undefined && { 'm.relates_to': outer }), ...record(content) };
			return { clear: { ...event, type, content: clear, [decrypted]: messageOf(record(event.content)) } };
		} catch (error) {
			if (isCryptoError(error)) throw error;
			const { code, withheldCode } = Object(error);
			return { why: [code, withheldCode].filter(part => typeof part === 'string').join(' ') || 'unknown' };
		}
	}

	/** Decrypts in place; an event that cannot be read stays as it is. */
	async function open(room: string, events: unknown): Promise<Unreadable[]> {
		const unreadable: Unreadable[] = [];
		if (!Array.isArray(events)) return unreadable;
		for (const [index, event] of events.entries()) {
			if (!isEncrypted(event)) continue;
			const { clear, why } = await decrypt(room, event);
			if (clear) events[index] = clear;
			else if (why !== undefined && event.sender !== user) {
				const { event_id, sender, content, origin_server_ts: at } = event;
				const session = typeof content.session_id === 'string' ? content.session_id.slice(0, 100) : '';
				const time = typeof at === 'number' && at >= 0 && at < Date.now() ? new Date(at) : new Date();
				unreadable.push({ event: event_id, room, sender, at: time, session, why, raw: JSON.stringify(event) });
			}
		}
		return unreadable;
	}

	async function share(room: string, users: readonly string[], settings: EncryptionSettings): Promise<void> {
		const ids = usersOf(users);
		await machine.updateTrackedUsers(ids);
		await courier.queries();
		const mark = shareMark(users, settings, courier.answered());
		const claim = await machine.getMissingSessions(ids);
		if (claim) await courier.carry(claim);
		const requests = await machine.shareRoomKey(new RoomId(room), ids, settings);
		await Promise.all(requests.map(request => courier.carry(request)));
		shared.set(room, mark);
	}

	return {
		standing: () => ({
			fingerprint: machine.fingerprint,
			...identity.standing(),
			...(master !== null && { master }),
			...(unsignedSince && { unsignedSince }),
			...(uncounted !== undefined && { mute: uncounted }),
			...sessions.standing(),
		}),
		async read(sync, waiting) {
			const sessions = await takeKeys(sync);
			const unreadable: DecryptedSync['unreadable'] = new Map();
			const opened: DecryptedSync['opened'] = new Map();
			const rooms = record(sync.rooms);
			for (const [room, news] of Object.entries(record(rooms.join))) {
				const timeline = record(record(news).timeline);
				const closed = await open(room, timeline.events);
				if (closed.length > 0) unreadable.set(room, closed);
				const events = Array.isArray(timeline.events) ? timeline.events.filter(isRecord) : [];
				verifications.heedRoom(room, events);
				recipients.heed(room, events, timeline.limited === true);
			}
			for (const room of Object.keys(record(rooms.leave))) {
				recipients.drop(room);
				shared.delete(room);
			}
			// The first time all are tried: their keys may have come just before the process was killed.
			const all = first || sessions.size > 0 ? await waiting() : [];
			for (const { room, session, raw } of all) {
				if (!first && !sessions.has(session)) continue;
				const { clear } = await decrypt(room, JSON.parse(raw));
				if (clear) opened.set(room, [...(opened.get(room) ?? []), clear]);
			}
			first = false;
			return { unreadable, opened };
		},
		open,
		async seal(room, state, event) {
			if (!(await counted)) throw new Error('these keys are older than the device');
			await identity.tried;
			const settings = settingsOf(state.encryption ?? {}, state.visibility);
			for (let tries = 1; ; tries++) {
				const users = await recipients.of(room, state.visibility);
				await courier.queries();
				if (tries > 1 || shared.get(room) !== shareMark(users, settings, courier.answered())) {
					shared.delete(room);
					await share(room, users, settings);
				}
				try {
					const text = await machine.encryptRoomEvent(new RoomId(room), event.type, JSON.stringify(event.content));
					return { type: 'm.room.encrypted', content: JSON.parse(text) };
				} catch (error) {
					if (!isCryptoError(error) || error.code !== 'CRYPTO_ROOM_KEY_NOT_SHARED' || tries === maxAttempts)
						throw error;
				}
			}
		},
		async close() {
			stopped = true;
			identity.stop();
			sessions.stop();
			forget();
			await machine.close();
		},
	};
}

/** A file encrypted: what is uploaded, and what stands in the event beside its address. */
export function sealFile(bytes: Uint8Array): { bytes: Buffer; info: Content } {
	const { encryptedData, mediaEncryptionInfo } = Attachment.encrypt(bytes);
	return { bytes: Buffer.from(encryptedData), info: JSON.parse(mediaEncryptionInfo ?? '{}') };
}

function shareMark(users: readonly string[], settings: EncryptionSettings, devices: number): string {
	const { rotationPeriod, rotationPeriodMessages, historyVisibility } = settings;
	return JSON.stringify([users, `${rotationPeriod} ${rotationPeriodMessages}`, historyVisibility, devices]);
}

/** As the room asks. Its state is anybody's text: what is no sensible number is the usual one. */
function settingsOf(content: Content, visibility: RoomState['visibility']): EncryptionSettings {
	const settings = new EncryptionSettings();
	const { rotation_period_ms: ms, rotation_period_msgs: messages } = content;
	if (isCount(ms)) settings.rotationPeriod = BigInt(ms);
	if (isCount(messages)) settings.rotationPeriodMessages = BigInt(messages);
	if (visibility === 'world_readable') settings.historyVisibility = HistoryVisibility.WorldReadable;
	else if (visibility === 'invited') settings.historyVisibility = HistoryVisibility.Invited;
	else if (visibility === 'joined') settings.historyVisibility = HistoryVisibility.Joined;
	return settings;
}

function isCount(value: unknown): value is number {
	return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function isEncrypted(event: unknown): event is Json & { event_id: string; sender: string; content: Json } {
	return (
		isRecord(event) &&
		event.type === 'm.room.encrypted' &&
		event.state_key === undefined &&
		typeof event.event_id === 'string' &&
		typeof event.sender === 'string' &&
		isRecord(event.content) &&
		// A redacted one has nothing left to decrypt.
		Object.keys(event.content).length > 0
	);
}

/**
 * Which message of which session this is. Of one that could be decrypted both are true: its session signed the number,
 * which stands behind the version and a tag (0x08) at the beginning of the ciphertext, seven bits a byte.
 */
function messageOf({ session_id, ciphertext }: Json): string {
	const bytes = Buffer.from(String(ciphertext).slice(0, 16), 'base64');
	const end = bytes.findIndex((byte, at) => at > 1 && byte < 0x80);
	return `${session_id} ${bytes.subarray(2, end + 1).toString('hex')}`;
}

/** The session whose key an event to the device brings. */
function sessionOf({ type, content }: Json): string | undefined {
	if (type !== 'm.room_key' && type !== 'm.forwarded_room_key') return undefined;
	const session = record(content).session_id;
	return typeof session === 'string' ? session : undefined;
}

function usersOf(value: unknown): UserId[] {
	return textsOf(value).flatMap(text => {
		try {
			return [new UserId(text)];
		} catch {
			return [];
		}
	});
}

function countsOf(value: unknown): Record<string, number> {
	return Object.fromEntries(
		Object.entries(record(value)).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])),
	);
}

function textsOf(value: unknown): string[] {
	return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
}

// Decrypts encrypted events in place.
import { isCryptoError, type OlmMachine, RoomId } from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { Unreadable } from '../../ports/homeserver.ts';
import type { Log } from '../../runtime/log.ts';
import { type Came, decrypted } from './events.ts';
import { isRecord, type Json, record } from './json.ts';

/** The library's code for a message whose session belongs to someone other than its sender. */
const mismatchedSender = 5;

/** `clear`: the decrypted event; `why`: why it cannot be decrypted. An event with neither is forged or malformed. */
export type Decryption = { clear?: Json & { [decrypted]: Came }; why?: string };

export type Decrypter = {
	decrypt: (room: string, event: Json) => Promise<Decryption>;
	/** Decrypts events of one room in place; returns those that cannot be decrypted and leaves them as they are. */
	open: (room: string, events: unknown) => Promise<Unreadable[]>;
};

export function openDecrypter(machine: OlmMachine, user: string, log: Log): Decrypter {
	async function decrypt(room: string, event: Json): Promise<Decryption> {
		try {
			const read = await machine.decryptRoomEvent(JSON.stringify({ ...event, room_id: room }), new RoomId(room));
			if (read.shieldState(false).code === mismatchedSender) {
				log.warn({ room, event: event.event_id }, 'ignored a message that its sender did not encrypt');
				return {};
			}
			const { type, content }: Json = JSON.parse(read.event);
			if (typeof type !== 'string') return {};
			const outer = record(event.content)['m.relates_to'];
			const clear = { ...(outer !== undefined && { 'm.relates_to': outer }), ...record(content) };
			const came = { once: messageOf(record(event.content)), raw: JSON.stringify(event) };
			return { clear: { ...event, type, content: clear, [decrypted]: came } };
		} catch (error) {
			if (isCryptoError(error)) throw error;
			const { code, withheldCode } = Object(error);
			return { why: [code, withheldCode].filter(part => typeof part === 'string').join(' ') || 'unknown' };
		}
	}

	async function open(room: string, events: unknown): Promise<Unreadable[]> {
		const unreadable: Unreadable[] = [];
		if (!Array.isArray(events)) return unreadable;
		for (const [index, event] of events.entries()) {
			if (!isEncrypted(event)) continue;
			const { clear, why } = await decrypt(room, event);
			if (clear) events[index] = clear;
			else if (why !== undefined && event.sender !== user) unreadable.push(unreadableOf(room, event, why));
		}
		return unreadable;
	}

	return { decrypt, open };
}

type EncryptedEvent = Json & { event_id: string; sender: string; content: Json };

function unreadableOf(room: string, event: EncryptedEvent, why: string): Unreadable {
	const { event_id, sender, content, origin_server_ts: at } = event;
	const session = typeof content.session_id === 'string' ? content.session_id.slice(0, 100) : '';
	const time = typeof at === 'number' && at >= 0 && at < Date.now() ? new Date(at) : new Date();
	return { event: event_id, room, sender, at: time, session, why, raw: JSON.stringify(event) };
}

function isEncrypted(event: unknown): event is EncryptedEvent {
	return (
		isRecord(event) &&
		event.type === 'm.room.encrypted' &&
		event.state_key === undefined &&
		typeof event.event_id === 'string' &&
		typeof event.sender === 'string' &&
		isRecord(event.content) &&
		// A redacted event has nothing left to decrypt.
		Object.keys(event.content).length > 0
	);
}

/**
 * The Megolm session id and message index. Both are authentic if the event could be decrypted, because the
 * session signed the index. It follows the version and a tag (0x08) at the start of the ciphertext, as a varint
 * of seven bits per byte.
 */
function messageOf({ session_id, ciphertext }: Json): string {
	const bytes = Buffer.from(String(ciphertext).slice(0, 16), 'base64');
	const end = bytes.findIndex((byte, at) => at > 1 && byte < 0x80);
	return `${session_id} ${bytes.subarray(2, end + 1).toString('hex')}`;
}

// Sends events, encrypted if the room is, and files. Not with matrix-bot-sdk's sendEvent, whose transaction ids
// come from the clock: ours come from the message, so that a second attempt does not send it twice.
import type { Content, File, Homeserver, Outcome, Sealed } from '../../ports/homeserver.ts';
import { type Encryption, sealFile } from './encryption.ts';
import { isRecord } from './json.ts';
import type { RoomStates } from './room-states.ts';
import { done, roomPath, type Session, stringOf } from './session.ts';

/** Explains a login without keys. */
export const keyless =
	'this access token does not belong to a device: in encrypted rooms I can neither read nor write; use the password, or the token of a login';
const mute = { failure: { kind: 'keyless', why: keyless } } as const;
const unsealed = { failure: { kind: 'unsealed', why: 'the room is encrypted, but this message is not' } } as const;

type SenderSetup = {
	session: Session;
	states: RoomStates;
	encryption: Encryption | undefined;
	/** Called after an event has been sent in the clear. */
	sent: () => void;
};

export function openSender(given: SenderSetup): Pick<Homeserver, 'seal' | 'send' | 'upload'> {
	const { session, states, encryption } = given;

	async function seal(room: string, event: Sealed): Promise<Outcome<Sealed>> {
		if (isNeverEncrypted(event)) return { value: event };
		const state = await states.of(room);
		if ('failure' in state) return state;
		if (state.value.encryption === undefined) return { value: event };
		if (encryption === undefined) return mute;
		let sealed = event;
		const outcome = await session.call(done, async () => {
			sealed = await encryption.seal(room, state.value, event);
		});
		return 'failure' in outcome ? outcome : { value: sealed };
	}

	async function send(room: string, transaction: string, event: Sealed): Promise<Outcome<string>> {
		const { type, content } = event;
		if (type !== 'm.room.encrypted' && !isNeverEncrypted(event) && !states.isPlain(room)) {
			const state = await states.of(room);
			if ('failure' in state) return state;
			if (state.value.encryption) return unsealed;
		}
		const path = roomPath(room, `send/${encodeURIComponent(type)}/${encodeURIComponent(transaction)}`);
		const sent = await session.call(eventOf, client => client.doRequest('PUT', path, null, content));
		// Not for encrypted events: there, the sync that catches up costs a tenth of the CPU time of a command.
		if ('value' in sent && type !== 'm.room.encrypted') given.sent();
		return sent;
	}

	async function upload(room: string, file: File): Promise<Outcome<Content>> {
		const bytes = Buffer.from(file.text, file.encoding ?? 'utf8');
		const state = await states.of(room);
		if ('failure' in state) return state;
		if (state.value.encryption && encryption === undefined) return mute;
		const hidden = state.value.encryption && sealFile(bytes);
		const uploaded = await session.call(stringOf, client =>
			// The homeserver learns neither the type nor the name of an encrypted file.
			hidden ? client.uploadContent(hidden.bytes) : client.uploadContent(bytes, file.type, file.name),
		);
		if ('failure' in uploaded) return uploaded;
		const { value: url } = uploaded;
		const info = { mimetype: file.type, size: bytes.length };
		const where = hidden ? { file: { ...hidden.info, url } } : { url };
		const msgtype = file.type.startsWith('image/') ? 'm.image' : 'm.file';
		return { value: { msgtype, body: file.name, filename: file.name, ...where, info, 'm.mentions': {} } };
	}

	return { seal, send, upload };
}

/** Reactions are never encrypted: servers aggregate them by what they relate to. */
function isNeverEncrypted({ type }: Sealed): boolean {
	return type === 'm.reaction';
}

function eventOf(raw: unknown): string | undefined {
	return stringOf(isRecord(raw) ? raw.event_id : undefined);
}

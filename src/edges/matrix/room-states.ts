// The state of rooms as far as encryption needs it. A room that was ever encrypted stays so, whatever is said of it later.
import type { Outcome, RoomState } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import { refusedBy } from './rooms-api.ts';
import { objectOf, type Session } from './session.ts';

/** The settings of a room that was encrypted once, and whose state no longer tells them. */
const usualEncryption = { algorithm: 'm.megolm.v1.aes-sha2' };

export type RoomStates = {
	/** As the sync told it; of a room so new that it has told nothing, as the homeserver says. */
	of: (room: string) => Promise<Outcome<RoomState>>;
	/** A sync told that these rooms are encrypted. */
	noteEncrypted: (rooms: readonly string[]) => void;
	/** Whether it is known that a room is not encrypted, until a sync says otherwise. */
	isPlain: (room: string) => boolean;
};

export function openRoomStates({ call }: Session, store: Pick<Store, 'room' | 'wasEncrypted'>): RoomStates {
	/** A yes is for ever, a no until a sync says otherwise. */
	const encrypted = new Map<string, boolean>();

	async function of(room: string): Promise<Outcome<RoomState>> {
		const state: RoomState = (await store.room(room))?.state ?? {};
		const once = encrypted.get(room) ?? (await store.wasEncrypted(room));
		if (once || state.encryption) {
			encrypted.set(room, true);
			return { value: { encryption: usualEncryption, ...state } };
		}
		if (state.create !== undefined) {
			// A sync may have come in while the store was asked.
			if (!encrypted.has(room)) encrypted.set(room, false);
			return encrypted.get(room) ? of(room) : { value: state };
		}
		const asked = await call(objectOf, client => client.getRoomStateEvent(room, 'm.room.encryption', ''));
		if ('value' in asked) return { value: { ...state, encryption: asked.value } };
		return refusedBy(asked, ['M_NOT_FOUND']) ? { value: state } : asked;
	}

	return {
		of,
		noteEncrypted(rooms) {
			for (const room of rooms) encrypted.set(room, true);
		},
		isPlain: room => encrypted.get(room) === false,
	};
}

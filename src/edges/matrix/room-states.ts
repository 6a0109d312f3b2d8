// The room state that encryption needs. A room that was ever encrypted stays so, whatever its state says later.
import type { Outcome, RoomState } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import { refusedBy } from './rooms-api.ts';
import { objectOf, type Session } from './session.ts';

/** The settings of an encrypted room whose state no longer contains them. */
const usualEncryption = { algorithm: 'm.megolm.v1.aes-sha2' };

export type RoomStates = {
	/** The state according to syncs, or according to the homeserver for a room too new to have synced. */
	of: (room: string) => Promise<Outcome<RoomState>>;
	/** Records rooms that a sync showed to be encrypted. */
	noteEncrypted: (rooms: readonly string[]) => void;
	/** Whether a room is known to be unencrypted, until a sync says otherwise. */
	isPlain: (room: string) => boolean;
};

export function openRoomStates({ call }: Session, store: Pick<Store, 'room' | 'wasEncrypted'>): RoomStates {
	/** True is permanent; false holds until a sync says otherwise. */
	const encrypted = new Map<string, boolean>();

	async function of(room: string): Promise<Outcome<RoomState>> {
		const state: RoomState = (await store.room(room))?.state ?? {};
		const once = encrypted.get(room) ?? (await store.wasEncrypted(room));
		if (once || state.encryption) {
			encrypted.set(room, true);
			return { value: { encryption: usualEncryption, ...state } };
		}
		if (state.create !== undefined) {
			// A sync may have arrived while the store was queried.
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

// Rooms and account data, through matrix-bot-sdk's own methods.
import type { Homeserver, Outcome } from '../../ports/homeserver.ts';
import { isRecord } from './json.ts';
import { done, objectOf, type Session } from './session.ts';

/** The account data that holds the store's id. */
const markerType = 'io.glia.store';

export type RoomsApi = Pick<
	Homeserver,
	'join' | 'leave' | 'forget' | 'predecessor' | 'membership' | 'people' | 'marker' | 'mark' | 'joined'
>;

export function roomsApi({ call }: Session): RoomsApi {
	return {
		join: (room, via) => call(done, client => client.joinRoom(room, [...via])),
		leave: (room, why) => call(done, client => client.leaveRoom(room, why)),
		forget: room => call(done, client => client.forgetRoom(room)),
		async predecessor(room) {
			const create = await call(objectOf, client => client.getRoomStateEvent(room, 'm.room.create', ''));
			if ('failure' in create) return create;
			const { predecessor } = create.value;
			const named = isRecord(predecessor) ? predecessor.room_id : undefined;
			return { value: typeof named === 'string' ? named : undefined };
		},
		async membership(room, person) {
			const member = await call(objectOf, client => client.getRoomStateEvent(room, 'm.room.member', person));
			if ('failure' in member) return refusedBy(member, ['M_FORBIDDEN', 'M_NOT_FOUND']) ? { value: 'leave' } : member;
			const { membership } = member.value;
			return { value: typeof membership === 'string' ? membership : 'leave' };
		},
		people: room =>
			call(
				members => (Array.isArray(members) ? members.length : undefined),
				client => client.getJoinedRoomMembers(room),
			),
		async marker() {
			const found = await call(objectOf, client => client.getAccountData(markerType));
			if ('failure' in found) return refusedBy(found, ['M_NOT_FOUND']) ? { value: undefined } : found;
			const { id } = found.value;
			return { value: typeof id === 'string' ? id : '' };
		},
		mark: id => call(done, client => client.setAccountData(markerType, { id })),
		joined: () =>
			call(
				rooms => (Array.isArray(rooms) ? rooms.filter(room => typeof room === 'string') : undefined),
				client => client.getJoinedRooms(),
			),
	};
}

/** Whether the homeserver refused with one of these codes. */
export function refusedBy<T>(outcome: Outcome<T>, codes: readonly string[]): boolean {
	return 'failure' in outcome && outcome.failure.kind === 'refused' && codes.includes(outcome.failure.code);
}

// Room members: requested once, then updated from each sync.

import type { RoomState } from '../../ports/homeserver.ts';
import { isRecord } from './json.ts';

type Members = Map<string, string>;

export type Recipients = {
	/** The users who must be able to read a message sent now. Rejects if the homeserver does not list them. */
	of: (room: string, visibility: RoomState['visibility']) => Promise<string[]>;
	/** Processes a room's events from a sync. `limited`: some were left out. */
	receive: (room: string, events: readonly Record<string, unknown>[], limited: boolean) => void;
	/** Forgets a room that we left. */
	drop: (room: string) => void;
};

/** `ask` fetches a path of the client API. */
export function openRecipients(ask: (path: string) => Promise<unknown>): Recipients {
	const known = new Map<string, Promise<Members>>();

	async function fetchMembers(room: string): Promise<Members> {
		const answer = await ask(`/_matrix/client/v3/rooms/${encodeURIComponent(room)}/members?not_membership=leave`);
		if (!isRecord(answer) || !Array.isArray(answer.chunk)) throw new Error('the member list is invalid');
		const members: Members = new Map();
		for (const event of answer.chunk) note(members, event);
		return members;
	}

	return {
		async of(room, visibility) {
			let members = known.get(room);
			if (members === undefined) {
				members = fetchMembers(room);
				known.set(room, members);
				members.catch(() => known.delete(room));
			}
			// If history is visible from the invitation on, invited users need the keys too.
			const counts = visibility === 'joined' ? ['join'] : ['join', 'invite'];
			return [...(await members)].filter(([, membership]) => counts.includes(membership)).map(([user]) => user);
		},
		receive(room, events, limited) {
			if (limited) {
				known.delete(room);
				return;
			}
			const changes = events.filter(({ type }) => type === 'm.room.member');
			if (changes.length === 0) return;
			known.get(room)?.then(
				list => {
					for (const event of changes) note(list, event);
				},
				() => undefined,
			);
		},
		drop: room => void known.delete(room),
	};
}

function note(members: Members, event: unknown): void {
	if (!isRecord(event) || typeof event.state_key !== 'string' || !isRecord(event.content)) return;
	const { membership } = event.content;
	if (membership === 'join' || membership === 'invite') members.set(event.state_key, membership);
	else members.delete(event.state_key);
}

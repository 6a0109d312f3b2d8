// Who is in a room: asked for once, then kept true by what each sync brings.

import type { RoomState } from '../../ports/homeserver.ts';
import { isRecord } from './json.ts';

type Members = Map<string, string>;

export type Recipients = {
	/** Those who are to read what is said now. Rejects when the homeserver does not tell. */
	of: (room: string, visibility: RoomState['visibility']) => Promise<string[]>;
	/** What a sync brought about a room: its events, and whether some were left out. */
	heed: (room: string, events: readonly Record<string, unknown>[], limited: boolean) => void;
	/** Forgets a room that we are no longer in. */
	drop: (room: string) => void;
};

/** `ask` fetches a path of the client API. */
export function openRecipients(ask: (path: string) => Promise<unknown>): Recipients {
	const known = new Map<string, Promise<Members>>();

	async function fetchMembers(room: string): Promise<Members> {
		const answer = await ask(`/_matrix/client/v3/rooms/${encodeURIComponent(room)}/members?not_membership=leave`);
		if (!isRecord(answer) || !Array.isArray(answer.chunk)) throw new Error('an invalid member list');
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
			// Where people may read what was said since their invitation, they also need its keys from then on.
			const counts = visibility === 'joined' ? ['join'] : ['join', 'invite'];
			return [...(await members)].filter(([, membership]) => counts.includes(membership)).map(([user]) => user);
		},
		heed(room, events, limited) {
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

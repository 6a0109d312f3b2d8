// Follows room upgrades. The new room must name the old one as its predecessor, and the bot only leaves rooms
// that it joined for the move.

import { resumedIn } from '../bot/decide.ts';
import { levelToChange, mayInvite, powerOf } from '../bot/rights.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import { refusedInvitation } from '../messages/notices.ts';
import type { Failure, Homeserver, Outcome, RoomState } from '../ports/homeserver.ts';
import type { Move, Store } from '../ports/store.ts';
import { msUntil } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { maxPerHour, waitAfter } from './invitations.ts';

/** How long we try to join a replacement that does not let us in (ms). */
const gracePeriod = 14 * 24 * 3600_000;
/** The pause (ms) for a move that waits for an invitation, which is noticed at once; nothing else ends the wait. */
const invitationPause = 3600_000;
/** The pause (ms) for someone who has brought us into too many rooms. */
const limitPause = 600_000;

/** At most this many stopped guide sessions continue in the new room, because each sends a message there. */
const maxStopped = 5;

/** The shortest pause (ms): lets other moves go first even if the homeserver's rate limit asks for less. */
const minPause = 100;

type Moving = {
	store: Pick<
		Store,
		| 'moves'
		| 'nextMove'
		| 'moved'
		| 'joining'
		| 'leftRoom'
		| 'countJoin'
		| 'postponeMove'
		| 'dropMove'
		| 'awaitInvitation'
		| 'sessions'
		| 'stoppedSessions'
		| 'accepted'
		| 'room'
		| 'closeInvitation'
	>;
	knowledge: () => Knowledge;
	homeserver: Pick<Homeserver, 'user' | 'join' | 'leave' | 'predecessor' | 'membership'>;
	/** Who may invite the bot, and so bring it into another room. */
	allow: readonly string[];
	/** The power level needed to change things, if the operator has set one. */
	changes: number | 'state_default';
	now: () => Date;
	random: () => number;
	log: Log;
	moved: () => void;
	/** Called when a move is dropped. Its invitation becomes an ordinary one. */
	dropped: () => void;
	locked: (why: string) => void;
	stopping: () => boolean;
};

/** What is known about a move before acting on it. */
export type RoomFacts = {
	/** Whether we are already in the new room. */
	inside: boolean;
	/** Whether this move brought us there, on behalf of the person who replaced the room. */
	joined: boolean;
	/** The room that the new one says it replaces: this one, another or none, or not readable from here. */
	replaces: 'this' | 'other' | 'unreadable';
	/** Whether the operator allows the person who replaced the room, or invited us, to bring us there. */
	permitted: boolean;
	/** Whether that person has brought us into too many rooms lately. */
	limited: boolean;
	/** Whether the person who replaced the room may change the state of both rooms. */
	administrator: boolean;
};

export type Verdict =
	/** Move everything to the new room. */
	| 'follow'
	/** Move nothing and stay in the rooms we are in. */
	| 'stay'
	/** Leave the new room, which this move brought us into. */
	| 'leave'
	| 'join'
	/** Wait for an invitation from someone who may invite us. */
	| 'wait'
	/** Wait until the limit on joins allows another. */
	| 'wait for the limit'
	/** Try again once the new room can be read. */
	| 'again';

/** Decides what to do about a move. Pure. */
export function verdictOn({ inside, joined, replaces, permitted, limited, administrator }: RoomFacts): Verdict {
	if (inside) {
		if (replaces === 'this') return 'follow';
		if (replaces === 'unreadable') return 'again';
		if (joined) return 'leave';
		return administrator ? 'follow' : 'stay';
	}
	if (replaces === 'other') return 'stay';
	if (!permitted) return 'wait';
	return limited ? 'wait for the limit' : 'join';
}

/** Follows all moves that are due; returns the time (ms) until more are due. */
export async function followMoves(moving: Moving): Promise<number | undefined> {
	const { store, now, random, log, locked, stopping } = moving;
	for (;;) {
		// Asked again each time, because handling one move can change another.
		const [move] = await store.moves(now());
		if (!move) break;
		if (stopping()) return undefined;
		const outcome = await tryMove(move, moving);
		if (outcome === 'over') continue;
		const failure = 'failure' in outcome ? outcome.failure : undefined;
		if (failure?.kind === 'token') locked(failure.why);
		if (failure?.kind === 'stopped' || failure?.kind === 'token') return undefined;
		if (now().getTime() - move.since.getTime() > gracePeriod) {
			log.warn({ from: move.from, to: move.to, why: failure }, "a room's replacement does not let me in");
			await drop(move, moving);
			continue;
		}
		const wait = 'waitMs' in outcome ? outcome.waitMs : waitAfter(outcome.failure, move.tries, random());
		await store.postponeMove(move.from, new Date(now().getTime() + Math.max(wait, minPause)));
	}
	// Includes what was postponed before this run.
	return msUntil(await store.nextMove(), now());
}

/** `over`, or when to try again. */
type Try = 'over' | { waitMs: number } | { failure: Failure };

async function tryMove(move: Move, moving: Moving): Promise<Try> {
	const { store, homeserver, log, now } = moving;
	const read = await factsOf(move, moving);
	if ('failure' in read) return read;
	const facts = read.value;
	const { from, to, sender } = move;
	const verdict = verdictOn(facts);
	if (verdict === 'follow') {
		await follow(move, facts.replaces === 'this', moving);
		return 'over';
	}
	if (verdict === 'stay') {
		log.warn({ from, to, sender }, 'not following a room to a replacement that does not refer back to it');
		await drop(move, moving);
		return 'over';
	}
	if (verdict === 'leave') {
		log.warn({ from, to, sender }, "left a room's replacement because it does not refer back to that room");
		const left = await homeserver.leave(to);
		if ('failure' in left && left.failure.kind !== 'refused') return left;
		await store.leftRoom(to, now());
		await drop(move, moving);
		return 'over';
	}
	if (verdict === 'wait') {
		if (await store.awaitInvitation(from))
			log.warn({ from, to, sender }, 'someone who may not invite me replaced a room: waiting for an invitation');
		if (move.invitation) {
			const left = await homeserver.leave(to, refusedInvitation);
			if ('failure' in left && left.failure.kind !== 'refused') return left;
			await store.closeInvitation(to, false, now());
		}
		return { waitMs: invitationPause };
	}
	if (verdict === 'wait for the limit') return { waitMs: limitPause };
	if (verdict === 'again') return { failure: { kind: 'away', why: 'cannot read the new room yet' } };
	return join(move, moving);
}

async function join(move: Move, moving: Moving): Promise<Try> {
	const { store, homeserver, allow, log, now } = moving;
	const { from, to, via, invitation } = move;
	const person = bringerOf(move, allow) ?? move.sender;
	// With an invitation we would have joined anyway, so we do not leave, whatever the room says about the move.
	const joined = person !== invitation?.inviter;
	// Before the first attempt: after a crash the next start must know that this move brought us there.
	await store.joining(from, joined);
	const servers = new Set([via, ...(invitation ? [serverOf(invitation.inviter)] : [])]);
	const outcome = await homeserver.join(to, [...servers]);
	if ('value' in outcome) {
		await store.countJoin(person, now());
		return tryMove({ ...move, joined }, moving);
	}
	const { failure } = outcome;
	if (failure.kind !== 'refused') return outcome;
	await store.joining(from, false);
	if (failure.code === 'M_FORBIDDEN' && (await store.awaitInvitation(from)))
		log.info({ from, to }, 'a room was upgraded to one that does not let me in: waiting for an invitation');
	return outcome;
}

async function follow(move: Move, upgrade: boolean, { store, knowledge, log, now, moved }: Moving): Promise<void> {
	const { from, to } = move;
	const stopped = await store.stoppedSessions(from, maxStopped);
	const sessions = [...stopped, ...(await store.sessions(from))];
	const resumed = sessions.flatMap(session => resumedIn(to, session, { knowledge: knowledge() }) ?? []);
	await store.moved(move, now(), { resumed, merge: !upgrade });
	log.info({ from, to, merge: !upgrade }, 'followed a room to its replacement');
	moved();
}

async function drop({ from }: Move, { store, dropped }: Moving): Promise<void> {
	await store.dropMove(from);
	dropped();
}

async function factsOf(move: Move, moving: Moving): Promise<Outcome<RoomFacts>> {
	const { store, homeserver, allow, now } = moving;
	const { to, from, joined, invitation } = move;
	const membership = await homeserver.membership(to, homeserver.user);
	if ('failure' in membership) return membership;
	const inside = membership.value === 'join';
	const named = await homeserver.predecessor(to);
	if ('failure' in named && named.failure.kind !== 'refused') return named;
	// An invitation contains the new room's own claim, which can only be checked once we are inside.
	const room = 'value' in named ? (named.value ?? null) : inside ? undefined : invitation?.predecessor;
	const replaces = room === undefined ? 'unreadable' : room === from ? 'this' : 'other';
	const person = bringerOf(move, allow);
	const hour = new Date(now().getTime() - 3600_000);
	const limited = person !== undefined && (await store.accepted(person, hour)) >= maxPerHour;
	const facts = { inside, joined, replaces, permitted: person !== undefined, limited } as const;
	if (!inside || joined || replaces !== 'other') return { value: { ...facts, administrator: false } };
	const administrator = await isAdministrator(move, moving);
	return 'failure' in administrator ? administrator : { value: { ...facts, administrator: administrator.value } };
}

/** Whether the person who replaced the room may change the state of both rooms. */
async function isAdministrator({ from, to, sender }: Move, moving: Moving): Promise<Outcome<boolean>> {
	const { store, homeserver, changes } = moving;
	const member = await homeserver.membership(to, sender);
	if ('failure' in member) return member;
	if (member.value !== 'join') return { value: false };
	const rooms = [await store.room(from), await store.room(to)];
	// The sync that contains its state has not arrived yet.
	if (!rooms.every(room => room?.state.create)) return { failure: unknownRoom };
	return { value: rooms.every(room => mayChangeState(sender, changes, room?.state ?? {})) };
}

const unknownRoom: Failure = { kind: 'away', why: 'the state of the new room is not known yet' };

function mayChangeState(person: string, changes: number | 'state_default', state: RoomState): boolean {
	const needs = levelToChange('state_default', state);
	return powerOf(person, state) >= (changes === 'state_default' ? needs : Math.max(changes, needs));
}

/** Who brings us to the new room: the person who invited us or replaced the room, if the operator allows them. */
function bringerOf({ sender, invitation }: Move, allow: readonly string[]): string | undefined {
	const people = invitation ? [invitation.inviter, sender] : [sender];
	return people.find(person => mayInvite(allow, person));
}

function serverOf(person: string): string {
	return person.slice(person.indexOf(':') + 1);
}

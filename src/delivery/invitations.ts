// Accepts or refuses invitations one after another, so that a flood of them delays nothing else.

import type { LRUCache } from 'lru-cache';
import { mayInvite } from '../bot/rights.ts';
import { refusedInvitation, tooManyInvitations } from '../messages/notices.ts';
import type { Failure, Homeserver } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';
import { msUntil } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { backoff } from '../runtime/retry.ts';

/** At most this many rooms an hour are joined on one person's invitations. */
export const maxPerHour = 20;
/**
 * An invitation is dropped after this many attempts (about an hour) at which the homeserver responded to other requests:
 * the room's own server is probably down.
 */
const maxBroken = 60;
/** A homeserver that refuses may only not know the room yet, so this many refusals are retried. */
const maxRefusals = 3;

/** How often joining a room failed. Rate limits and outages of the homeserver do not count. */
export type JoinFailures = { refused: number; broken: number };

type Inviting = {
	store: Pick<Store, 'invitations' | 'nextInvitation' | 'accepted' | 'closeInvitation' | 'postponeInvitation'>;
	homeserver: Pick<Homeserver, 'join' | 'leave'>;
	allow: readonly string[];
	now: () => Date;
	random: () => number;
	/** By room; empty at start. */
	failures: LRUCache<string, JoinFailures>;
	/** Whether the homeserver responds to other requests. */
	hears: () => boolean;
	log: Log;
	locked: (why: string) => void;
	stopping: () => boolean;
};

/** Answers all invitations that are due; returns the time (ms) until more are due. */
export async function answerInvitations(inviting: Inviting): Promise<number | undefined> {
	const { store, homeserver, allow, now, random, failures, hears, log, locked, stopping } = inviting;
	for (const { room, inviter, tries } of await store.invitations(now())) {
		if (stopping()) return undefined;
		const hour = new Date(now().getTime() - 3600_000);
		const allowed = mayInvite(allow, inviter);
		const many = allowed && (await store.accepted(inviter, hour)) >= maxPerHour;
		const outcome =
			allowed && !many
				? await homeserver.join(room, [inviter.slice(inviter.indexOf(':') + 1)])
				: await homeserver.leave(room, many ? tooManyInvitations : refusedInvitation);
		if ('value' in outcome) {
			log.info({ room, inviter }, allowed && !many ? 'joined a room' : 'refused an invitation');
			failures.delete(room);
			await store.closeInvitation(room, allowed && !many, now());
			continue;
		}
		const wait = waitAfter(outcome.failure, tries, random());
		if (outcome.failure.kind === 'token') locked(outcome.failure.why);
		if (outcome.failure.kind === 'stopped' || outcome.failure.kind === 'token') return undefined;
		// A new invitation to the same room starts over.
		const before = (tries > 0 && failures.get(room)) || { refused: 0, broken: 0 };
		const failed = {
			refused: before.refused + (outcome.failure.kind === 'refused' ? 1 : 0),
			broken: before.broken + (outcome.failure.kind === 'away' && hears() ? 1 : 0),
		};
		if (failed.refused > maxRefusals || failed.broken > maxBroken) {
			failures.delete(room);
			log.warn({ room, inviter, why: outcome.failure }, 'an invitation could not be accepted');
			await store.closeInvitation(room, false, now());
			continue;
		}
		failures.set(room, failed);
		await store.postponeInvitation(room, new Date(now().getTime() + wait));
		// If the homeserver rate-limits us or is away, the other invitations would fare no better. If it responds to other
		// requests, only this room's own server may be down.
		if (outcome.failure.kind === 'limited' || (outcome.failure.kind === 'away' && !hears())) return wait;
	}
	// Includes what was postponed before this run.
	return msUntil(await store.nextInvitation(), now());
}

/** The delay (ms) before the next attempt. */
export function waitAfter(failure: Failure, tries: number, random: number): number {
	return failure.kind === 'limited' ? failure.waitMs : backoff(tries, random);
}

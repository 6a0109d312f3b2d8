// A room that was upgraded: the bot follows to the room that replaces it, if that room says the same.
import { resumedIn } from './inbox.ts';
import { waitAfter } from './invitations.ts';
import type { Knowledge } from './knowledge/shape.ts';
import type { Log } from './log.ts';
import type { Homeserver, Store } from './ports.ts';

/** A replacement that does not let us in is tried for so long (ms). */
const patience = 14 * 24 * 3600_000;

type Moving = {
	store: Pick<Store, 'moves' | 'moved' | 'postponeMove' | 'dropMove' | 'awaitInvitation' | 'walks'>;
	knowledge: () => Knowledge;
	homeserver: Pick<Homeserver, 'join' | 'leave' | 'predecessor'>;
	now: () => Date;
	random: () => number;
	log: Log;
	moved: () => void;
	locked: (why: string) => void;
	stopping: () => boolean;
};

/** Follows all upgrades that are due; gives the time (ms) until some are due again. */
export async function followMoves(moving: Moving): Promise<number | undefined> {
	const { store, homeserver, knowledge, now, random, log, locked, stopping } = moving;
	let next: number | undefined;
	for (const move of await store.moves(now())) {
		if (stopping()) return undefined;
		const joined = await homeserver.join(move.to, [move.via]);
		const named = 'failure' in joined ? joined : await homeserver.predecessor(move.to);
		if ('failure' in named) {
			const { failure } = named;
			if (failure.kind === 'token') locked(failure.why);
			if (failure.kind === 'stopped' || failure.kind === 'token') return undefined;
			if (now().getTime() - move.since.getTime() > patience) {
				log.warn({ ...move, why: failure }, 'the room that replaces another does not let us in');
				await store.dropMove(move.from);
				continue;
			}
			const uninvited = 'failure' in joined && failure.kind === 'refused' && failure.code === 'M_FORBIDDEN';
			if (uninvited && (await store.awaitInvitation(move.from)))
				log.info(
					{ from: move.from, to: move.to },
					'a room was upgraded to one that does not let me in: waiting for an invitation',
				);
			const wait = waitAfter(failure, move.tries, random());
			await store.postponeMove(move.from, new Date(now().getTime() + wait));
			next = Math.min(next ?? wait, wait);
			continue;
		}
		if (named.value !== move.from) {
			log.warn({ from: move.from, to: move.to }, 'a room claims to be replaced by one that says nothing of it');
			const left = await homeserver.leave(move.to);
			if ('failure' in left && left.failure.kind !== 'refused') continue;
			await store.dropMove(move.from);
			continue;
		}
		const walks = await store.walks(move.from);
		await store.moved(
			move,
			now(),
			walks.map(walk => resumedIn(move.to, walk, { knowledge: knowledge() })),
		);
		log.info({ from: move.from, to: move.to }, 'followed a room to the one that replaces it');
		moving.moved();
	}
	return next;
}

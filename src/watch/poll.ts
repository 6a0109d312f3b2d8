// Polls the servers that are due and puts alerts into the outbox.

import { alerts, facingOf } from '../advice/watch/alerts.ts';
import type { Carriers } from '../advice/watch/carrier.ts';
import { lastObserved, type Saw, sawOf } from '../advice/watch/history.ts';
import type { Observation } from '../advice/watch/observation.ts';
import { longestInterval, pauseAfter } from '../advice/watch/poll-interval.ts';
import type { Settings, Subscription, WatchedServer } from '../advice/watch/subscription.ts';
import { lookedAt, watchFrom } from '../advice/watch/subscription.ts';
import type { Answer } from '../answer.ts';
import { partOf, saidId } from '../bot/said-id.ts';
import type { Distributions } from '../knowledge/distributions.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import { alertWords } from '../messages/alerts.ts';
import { cardWords } from '../messages/status-card.ts';
import type { Store } from '../ports/store.ts';
import type { NumberedAlert, RootedSaying, WatchDecision, Watched } from '../ports/watch-store.ts';
import type { Web } from '../ports/web.ts';
import { matrixMessages } from '../render/matrix.ts';
import type { Log } from '../runtime/log.ts';
import { carriersFor } from './carriers.ts';

export type Watching = {
	store: Pick<
		Store,
		'dueServers' | 'nextLook' | 'serversNamed' | 'lookedAtSince' | 'watchedBy' | 'keepDecided' | 'keepLooks'
	>;
	web: Pick<Web, 'observe'>;
	/** The current knowledge, including news from upstream. */
	knowledge: () => Knowledge;
	/** Knowledge about distributions, opened when a server first needs it. */
	distributions: () => Distributions;
	now: () => Date;
	random: () => number;
	log: Log;
	/** Called when something was put into the outbox. */
	said: () => void;
	stopping: () => boolean;
	/**
	 * Whether the homeserver responds. Nothing is polled while it does not, so that rooms get current news rather
	 * than a backlog.
	 */
	listening: () => boolean;
	/** The interval between polls of a server (ms). */
	every: number;
};

/** Servers polled in one batch; the rest follow right after. */
const batchSize = 100;
/** Rooms handled in one transaction. Nothing else can write during it. */
const roomConcurrency = 20;
/** If this many servers are silent at once and no other server responds, our own network is probably down. */
const manySilent = 4;
/** How many servers that responded lately are polled again to confirm that, and how many they are picked from. */
const witnesses = { asked: 3, of: 200 };

/**
 * Polls what is due and queues what there is to report; returns the time (ms) until more is due, undefined while
 * the homeserver is away.
 */
export async function tick(watching: Watching): Promise<number | undefined> {
	const { store, now, stopping, every, listening } = watching;
	for (;;) {
		if (!listening()) return undefined;
		const begun = now();
		// After a clock is turned back, polls are scheduled too far in the future.
		const horizon = new Date(begun.getTime() + Math.max(2 * every, longestInterval));
		const due = await store.dueServers(begun, horizon, batchSize);
		if (due.length === 0 || stopping()) break;
		await lookAt(due, watching);
		if (stopping() || due.length < batchSize) break;
	}
	const next = await store.nextLook();
	return next && Math.max(next.getTime() - now().getTime(), 1000);
}

/** `at`: when the poll ended. */
type PolledServer = { server: WatchedServer; at: Date; saw: Saw | undefined; pause: number; responds: boolean };

async function look(server: WatchedServer, { web, now, random, every, log }: Watching): Promise<PolledServer> {
	try {
		const observation = await web.observe(server.server);
		const saw = sawOf(observation);
		const last = server.history.at(-1);
		const failures = (last?.is === 'silent' ? last.looks : 0) + (saw?.is === 'silent' ? 1 : 0);
		const pause = pauseAfter(observation, failures, { every, random: random() });
		return { server, at: now(), saw, pause, responds: responds(observation) };
	} catch (error) {
		// An internal error about one server does not affect the others. The server is polled again at the usual interval.
		log.error({ err: error, server: server.server }, 'could not poll a server because of an internal error');
		return { server, at: now(), saw: undefined, pause: every, responds: false };
	}
}

/** Whether the server was asked and responded. Our own limits and the operator's exclusions say nothing about it. */
function responds(observation: Observation): boolean {
	return !['unasked', 'excluded'].includes(observation.kind) && sawOf(observation)?.is !== 'silent';
}

async function lookAt(due: readonly WatchedServer[], watching: Watching): Promise<void> {
	const { store, every, log, stopping } = watching;
	const seen = await Promise.all(due.map(server => look(server, watching)));
	const silent = seen.filter(({ saw }) => saw?.is === 'silent').length;
	const cutOff = silent >= manySilent && !seen.some(one => one.responds) && !(await anyoneAnswers(due, watching));
	if (cutOff)
		log.warn({ servers: silent }, 'no server is responding: our own network may be down, so I report nothing');
	// Most polls lead to nothing. Store those in one transaction, since each transaction waits for the disk.
	const quiet: WatchedServer[] = [];
	// Read again: polls take seconds, and a `!watch` may have stored one of its own in the meantime.
	const current = new Map((await store.serversNamed(due.map(({ server }) => server))).map(one => [one.server, one]));
	for (const { server: before, at, saw, pause } of seen) {
		if (stopping()) break;
		const server = current.get(before.server) ?? before;
		const next = new Date(at.getTime() + (cutOff ? every : pause));
		quiet.push(...(await decide(lookedAt(server, cutOff ? undefined : saw, at, next), watching)));
	}
	if (quiet.length > 0) await store.keepLooks(quiet);
}

/**
 * Whether any other server that responded lately still responds. The few that are due may all be down independently,
 * and what we know about the others is older, so some of the others are polled again now.
 */
async function anyoneAnswers(due: readonly WatchedServer[], watching: Watching): Promise<boolean> {
	const { store, now, every } = watching;
	const names = new Set(due.map(({ server }) => server));
	const lately = await store.lookedAtSince(new Date(now().getTime() - 2 * every), witnesses.of);
	const answered = lately.filter(
		({ server, history }) =>
			!names.has(server) &&
			history.length > 0 &&
			history.at(-1)?.is !== 'silent' &&
			lastObserved(history)?.kind !== 'excluded',
	);
	const looks = answered.slice(0, witnesses.asked).map(server => look(server, watching));
	return (await Promise.all(looks)).some(one => one.responds);
}

/**
 * Decides for every room that watches the server, and stores the poll with the resulting messages, in one
 * transaction per `roomConcurrency` rooms. The server stays due until the last of them, so that a start after a crash
 * decides the rest. Returns polls that led to nothing, for the caller to store.
 */
async function decide(looked: WatchedServer, watching: Watching): Promise<WatchedServer[]> {
	const { store, now, said, stopping } = watching;
	let { next } = looked;
	for (let after = ''; ; ) {
		const rooms = await store.watchedBy(looked.server, after, roomConcurrency);
		if (stopping()) return [];
		const at = now();
		const decisions: WatchDecision[] = [];
		// From one edition: another may be loaded while the files about distributions are opened.
		const known = watching.knowledge();
		const carriers = await knownCarriers(rooms, watching);
		for (const watched of rooms) {
			try {
				const { ready, again } = decisionFor(watched, looked, { knowledge: known, carriers, now: at });
				// Quiet hours: what is held back now is decided again when they end.
				if (again !== undefined && again < next) next = again;
				if (ready) decisions.push(ready);
			} catch (error) {
				passOver(watched.subscription, error, watching);
			}
		}
		const last = rooms.length < roomConcurrency;
		if (last && decisions.length === 0) return [{ ...looked, next }];
		if (await keep(decisions, at, { ...looked, next: last ? next : at }, watching)) said();
		if (last) return [];
		after = rooms.at(-1)?.subscription.id ?? after;
	}
}

/** Knowledge about the distributions of these servers. If it cannot be opened, that is our fault, not theirs. */
async function knownCarriers(
	rooms: readonly Watched[],
	{ distributions, log }: Watching,
): Promise<Carriers | undefined> {
	try {
		return await carriersFor(
			rooms.map(({ subscription }) => subscription.facts),
			distributions,
		);
	} catch (error) {
		log.error(
			{ err: error },
			"cannot open the knowledge about distributions; telling rooms about upstream's releases instead",
		);
		return undefined;
	}
}

/** An internal error about one room does not affect the others. Its alerts are decided again at the next poll. */
function passOver({ room, server }: Subscription, error: unknown, { log }: Watching): void {
	log.error({ err: error, room, server }, 'could not tell a room about a server because of an internal error');
}

/** Why a room could not be told. Thrown through the store's transaction, but not a fault of the store. */
class Unsayable extends Error {
	readonly watch: Subscription;
	constructor(watch: Subscription, cause: unknown) {
		super('cannot be put into words', { cause });
		this.watch = watch;
	}
}

/** Stores decisions, leaving out those that cannot be put into words. Returns whether anything is said. */
async function keep(
	decisions: readonly WatchDecision[],
	at: Date,
	looked: WatchedServer,
	watching: Watching,
): Promise<boolean> {
	for (let left = [...decisions]; ; ) {
		try {
			await watching.store.keepDecided(left, at, looked);
			return left.length > 0;
		} catch (error) {
			if (!(error instanceof Unsayable)) throw error;
			passOver(error.watch, error.cause, watching);
			left = left.filter(({ watch }) => watch !== error.watch);
		}
	}
}

/** What one room is told now, and when the rest is due. */
function decisionFor(
	{ subscription, settings, said }: Watched,
	server: WatchedServer,
	given: { knowledge: Knowledge; carriers: Carriers | undefined; now: Date },
): { ready?: WatchDecision; again?: Date } {
	const watch = watchFrom(subscription, settings);
	const situation = { ...given, history: server.history, watch, said };
	const found = alerts(situation);
	const [again] = found.flatMap(({ notBefore }) => notBefore ?? []).sort();
	const ready = found.filter(({ notBefore }) => notBefore === undefined);
	const card = () => {
		return cardWords({
			facing: facingOf(situation),
			zone: watch.zone,
			opening: 'I could see it for the first time.',
			...(server.looked && { looked: server.looked }),
		});
	};
	return {
		...(again !== undefined && { again: new Date(again) }),
		...(ready.length > 0 && {
			ready: {
				watch: subscription,
				alerts: ready,
				say(numbered: readonly NumberedAlert[]) {
					try {
						return sayingsOf(subscription, numbered, settings, card);
					} catch (error) {
						throw new Unsayable(subscription, error);
					}
				},
			},
		}),
	};
}

/** One message for news and reminders, and one in each thread for what continues there. */
function sayingsOf(
	{ id, room, server }: Subscription,
	numbered: readonly NumberedAlert[],
	settings: Settings,
	card: () => Answer,
): RootedSaying[] {
	const threads = new Map<string | undefined, number[]>();
	const changed = numbered.some(({ alert }) => alert.rule === 'change');
	for (const [place, { alert, root }] of numbered.entries()) {
		// A reminder that is only in a thread would be missed, and what an upgrade solved belongs with the news of it.
		const isNews = alert.kind === 'reminder' || (changed && alert.kind === 'solved');
		const thread = isNews ? undefined : root;
		threads.set(thread, [...(threads.get(thread) ?? []), place]);
	}
	return [...threads].flatMap(([root, says]): RootedSaying[] => {
		const these = says.flatMap(place => numbered[place] ?? []);
		const first = these.some(({ alert }) => alert.rule === 'first');
		const answer = first ? card() : alertWords(server, these, settings.mention);
		const said = saidOf(
			these.map(({ alert }) => [id, alert.rule, alert.subject, alert.stage, alert.episode].join('\n')),
		);
		const { contents, files } = matrixMessages(answer, { always: settings.messages });
		const thread = root !== undefined && { continues: root };
		const texts = contents.map((content, part): RootedSaying => {
			const id = part === 0 ? said : partOf(said, part);
			const event = { type: 'm.room.message', content: { ...content, 'io.glia.said': id } };
			return { saying: { said: id, room, kind: 'event', event, ...thread }, says: part === 0 ? says : [] };
		});
		const attached = files.map((file, place): RootedSaying => {
			const id = partOf(said, contents.length + place);
			const content = { 'io.glia.said': id };
			return { saying: { said: id, room, kind: 'file', file, content, ...thread }, says: [] };
		});
		return [...texts, ...attached];
	});
}

/** The transaction id of a message, determined by the alerts in it and nothing else. */
function saidOf(identities: readonly string[]): string {
	return saidId('alerts', ...[...identities].sort());
}

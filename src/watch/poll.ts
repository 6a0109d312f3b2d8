// A tick in → what is seen of the servers whose time has come, and alerts into the outbox.

import { alerts, facingOf } from '../advice/watch/alerts.ts';
import type { Carriers } from '../advice/watch/carrier.ts';
import { type Saw, sawOf } from '../advice/watch/history.ts';
import { furthest, pauseAfter } from '../advice/watch/poll-interval.ts';
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
	store: Pick<Store, 'dueServers' | 'nextLook' | 'lookedAtSince' | 'watchedBy' | 'keepDecided' | 'keepLooks'>;
	web: Pick<Web, 'observe'>;
	/** What is known now: news of upstream included. */
	knowledge: () => Knowledge;
	/** What is known of distributions, opened when a server first needs it. */
	distributions?: () => Distributions;
	now: () => Date;
	random: () => number;
	log: Log;
	/** Called when something has been put into the outbox. */
	said: () => void;
	stopping: () => boolean;
	/** Whether the homeserver answers. While it does not, nothing is looked at: what rooms hear then is the present. */
	listening: () => boolean;
	/** Between two looks at a server (ms). */
	every: number;
};

/** How many servers are polled in one batch; the rest follow right after. */
const batchSize = 100;
/** How many rooms one transaction decides for: while it lasts, nobody else writes. */
const roomConcurrency = 20;
/** When this many servers are silent at once and nobody else answers either, it is we who are cut off. */
const manySilent = 4;
/** How many servers that answered lately are asked again before that is believed, and of how many they are chosen. */
const witnesses = { asked: 3, of: 200 };

/**
 * Looks at what is due and says what there is to say; gives the time (ms) until something is due again, undefined while
 * the homeserver is away.
 */
export async function tick(watching: Watching): Promise<number | undefined> {
	const { store, now, stopping, every, listening } = watching;
	for (;;) {
		if (!listening()) return undefined;
		const begun = now();
		// A clock that was turned back leaves looks in a future that is too far away.
		const horizon = new Date(begun.getTime() + Math.max(2 * every, furthest));
		const due = await store.dueServers(begun, horizon, batchSize);
		if (due.length === 0 || stopping()) break;
		await lookAt(due, watching);
		if (stopping() || due.length < batchSize) break;
	}
	const next = await store.nextLook();
	return next && Math.max(next.getTime() - now().getTime(), 1000);
}

type PolledServer = { server: WatchedServer; saw: Saw | undefined; pause: number };

async function look(server: WatchedServer, { web, random, every, log }: Watching): Promise<PolledServer> {
	try {
		const observation = await web.observe(server.server);
		const saw = sawOf(observation);
		const last = server.history.at(-1);
		const failures = (last?.is === 'silent' ? last.looks : 0) + (saw?.is === 'silent' ? 1 : 0);
		return { server, saw, pause: pauseAfter(observation, failures, { every, random: random() }) };
	} catch (error) {
		// An internal error about one server does not affect the others: it is polled again in its turn.
		log.error({ err: error, server: server.server }, 'could not poll a server because of an internal error');
		return { server, saw: undefined, pause: every };
	}
}

async function lookAt(due: readonly WatchedServer[], watching: Watching): Promise<void> {
	const { now, every, log, stopping } = watching;
	const seen = await Promise.all(due.map(server => look(server, watching)));
	const silent = seen.filter(({ saw }) => saw?.is === 'silent').length;
	const cutOff = silent >= manySilent && silent === seen.length && !(await anyoneAnswers(due, watching));
	if (cutOff) log.warn({ servers: silent }, 'no server answers: our own network may be down, so I report nothing');
	// Of most looks nothing follows. One transaction for all of these: each waits for the disk.
	const quiet: WatchedServer[] = [];
	for (const { server, saw, pause } of seen) {
		if (stopping()) break;
		const at = now();
		const next = new Date(at.getTime() + (cutOff ? every : pause));
		quiet.push(...(await decide(lookedAt(server, cutOff ? undefined : saw, at, next), watching)));
	}
	if (quiet.length > 0) await watching.store.keepLooks(quiet);
}

/**
 * Whether any server answers that was seen lately and is not among these. The few that are due may all be down by
 * themselves, while all others answer; those others were last asked before, so they are asked again now.
 */
async function anyoneAnswers(due: readonly WatchedServer[], { store, web, now, every }: Watching): Promise<boolean> {
	const names = new Set(due.map(({ server }) => server));
	const lately = await store.lookedAtSince(new Date(now().getTime() - 2 * every), witnesses.of);
	const answered = lately.filter(
		({ server, history }) => !names.has(server) && history.length > 0 && history.at(-1)?.is !== 'silent',
	);
	const looks = answered.slice(0, witnesses.asked).map(({ server }) => web.observe(server));
	return (await Promise.all(looks)).some(observation => sawOf(observation)?.is !== 'silent');
}

/**
 * Decides for every room that watches the server, and keeps the look together with what is said: a transaction for at
 * most `roomConcurrency` rooms. Until the last of them the server stays due, so that what a crash leaves undecided is
 * decided at the start. Gives back a look that nothing follows from; the caller keeps it.
 */
async function decide(looked: WatchedServer, watching: Watching): Promise<WatchedServer[]> {
	const { store, now, said, stopping } = watching;
	let { next } = looked;
	for (let after = ''; ; ) {
		const rooms = await store.watchedBy(looked.server, after, roomConcurrency);
		if (stopping()) return [];
		const at = now();
		const decisions: WatchDecision[] = [];
		const carriers = await knownCarriers(rooms, watching);
		for (const watched of rooms) {
			try {
				const { ready, again } = decisionFor(watched, looked, watching, at, carriers);
				// Somebody is asleep: what is not said now is decided again when they wake.
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

/** What is known of the distributions of these servers. What cannot be opened is a fault of ours, and not theirs. */
async function knownCarriers(
	rooms: readonly Watched[],
	{ distributions, log }: Watching,
): Promise<Carriers | undefined> {
	if (!distributions) return undefined;
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

/** Why a room could not be told: no fault of the store, though it comes out of its transaction. */
class Unsayable extends Error {
	readonly watch: Subscription;
	constructor(watch: Subscription, cause: unknown) {
		super('cannot be put into words', { cause });
		this.watch = watch;
	}
}

/** Keeps what was decided; what cannot be put into words is left out. Gives whether anything is said. */
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

/** What one room hears now, and when it wants to hear the rest. */
function decisionFor(
	{ subscription, settings, said }: Watched,
	server: WatchedServer,
	{ knowledge }: Watching,
	now: Date,
	carriers: Carriers | undefined,
): { ready?: WatchDecision; again?: Date } {
	const watch = watchFrom(subscription, settings);
	const situation = { knowledge: knowledge(), carriers, history: server.history, watch, said, now };
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

/** One message for what is new and for reminders, and one in each thread for what continues there. */
function sayingsOf(
	{ id, room, server }: Subscription,
	numbered: readonly NumberedAlert[],
	settings: Settings,
	card: () => Answer,
): RootedSaying[] {
	const threads = new Map<string | undefined, number[]>();
	const changed = numbered.some(({ alert }) => alert.rule === 'change');
	for (const [place, { alert, root }] of numbered.entries()) {
		// A reminder that stands only in a thread is missed; and what an upgrade solved is one piece of news with it.
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
		const { contents } = matrixMessages(answer, { always: settings.messages });
		return contents.map((content, part) => {
			const id = part === 0 ? said : partOf(said, part);
			const event = { type: 'm.room.message', content: { ...content, 'io.glia.said': id } };
			const saying = { said: id, room, kind: 'event' as const, event, ...(root !== undefined && { continues: root }) };
			return { saying, says: part === 0 ? says : [] };
		});
	});
}

/** The transaction id of a message: it follows from what the alerts in it are, and from nothing else. */
function saidOf(identities: readonly string[]): string {
	return saidId('alerts', ...[...identities].sort());
}

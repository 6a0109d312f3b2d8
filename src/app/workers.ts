// The bot's concurrent workers: receive, decide, deliver, watch and tidy; and which wakes which.
import { LRUCache } from 'lru-cache';
import type { Respondent } from '../bot/calls.ts';
import type { Ports } from '../command.ts';
import type { Config } from '../config.ts';
import { fillGaps, type ReadFailures } from '../delivery/backfill.ts';
import { type Inbox, openInbox } from '../delivery/inbox.ts';
import { answerInvitations, type JoinFailures } from '../delivery/invitations.ts';
import { meantForUs } from '../delivery/meant.ts';
import { announce, explain } from '../delivery/notices.ts';
import { type Outbox, openOutbox } from '../delivery/outbox.ts';
import { sweep } from '../delivery/retention.ts';
import { followMoves } from '../delivery/room-upgrades.ts';
import { takeIn } from '../delivery/sync.ts';
import type { Connection } from '../edges/matrix/homeserver.ts';
import type { Batch, Incoming } from '../ports/homeserver.ts';
import type { Counters } from '../ports/metrics.ts';
import type { Store } from '../ports/store.ts';
import type { SourceState } from '../ports/web.ts';
import type { Log } from '../runtime/log.ts';
import { openWorker, type Worker } from '../runtime/worker.ts';
import { tick } from '../watch/poll.ts';
import { tellOfUpstream } from '../watch/upstream-outage.ts';

const hour = 3600_000;
/**
 * A homeserver that has not responded for this long (ms) counts as away: what is decided meanwhile would arrive as
 * a backlog.
 */
const deafAfter = 3 * 60_000;
/** The longest interval (ms) between checks whether to tell rooms that upstream is unreachable, or reachable again. */
const upstreamPause = hour / 2;

/** What most workers need. */
export type Common = {
	store: Store;
	homeserver: Connection;
	now: () => Date;
	random: () => number;
	log: Log;
	/** Called when nothing works until someone acts. */
	locked: (why: string) => void;
	stopping: () => boolean;
	/** Waits for this long (ms), or until the end. */
	pause: (ms: number) => Promise<void>;
};

export type BotPorts = Ports & Pick<Parameters<typeof tick>[0], 'web'>;

type WorkersSetup = {
	config: Config;
	commands: Respondent['commands'];
	common: Common;
	ports: BotPorts;
	sources: () => readonly SourceState[];
	/** The interval between polls of a server (ms). */
	every: number;
	readNews: () => Promise<void>;
	/** When this login began. */
	loginSince: () => Date;
	end: (why: string) => void;
	fatal: (error: unknown) => void;
	/** Absent unless metrics are served. */
	counters: Counters | undefined;
	/** Called once, when the first sync has been processed. */
	inSync: () => void;
};

export type RunningWorkers = { inbox: Inbox; outbox: Outbox; others: readonly Worker[]; intake: Promise<void> } & {
	/** Milliseconds since the homeserver last responded to a sync; undefined before the first. */
	syncAge: () => number | undefined;
};

/** Whether the last sync was processed, and when the homeserver last responded. */
type Hearing = { ready: boolean; at: number };

export function startWorkers(setup: WorkersSetup): RunningWorkers {
	const { config, common, fatal } = setup;
	// Before the first sync, and after a failed one, a room may have become encrypted. Uses the monotonic clock,
	// because the wall clock may jump.
	const hearing: Hearing = { ready: false, at: Number.NEGATIVE_INFINITY };
	const listening = () => performance.now() - hearing.at < deafAfter;
	const { commands, ports, loginSince } = setup;
	const { store, homeserver, log } = common;
	const { counters } = setup;
	let sent = () => {};
	const outbox = openOutbox({
		...common,
		fatal,
		idle: () => sent(),
		ready: () => hearing.ready,
		loginSince,
		...(counters && { delivered: counters.delivered }),
	});
	const hears = () => hearing.ready;
	const inbox = openInbox({
		store,
		homeserver,
		respondent: {
			commands,
			ports,
			log,
			answered(command, outcome, ms) {
				log.info({ command, outcome, ms: Math.round(ms) }, 'handled a command');
				counters?.answered(command, outcome, ms);
			},
		},
		rights: config.matrix,
		hears,
		decided: outbox.wake,
		fatal,
	});
	const meant = (messages: readonly Incoming[]) => meantForUs(messages, { store, homeserver, commands });
	const rooms = roomWorkers(setup, { inbox, outbox, meant, hears });
	const watchers = watchWorkers(setup, outbox.wake, listening);
	for (const worker of [...Object.values(rooms), inbox, outbox, ...Object.values(watchers)]) worker.wake();
	const intake = takeIn({
		...common,
		meant,
		async untilSent(ms) {
			const { promise, resolve } = Promise.withResolvers<void>();
			sent = resolve;
			await Promise.race([promise, common.pause(ms)]);
		},
		unreachable: why => setup.end(`The homeserver ${config.matrix.homeserver} cannot be reached: ${why}.`),
		taken(batch, back) {
			if (!hearing.ready) {
				hearing.ready = true;
				outbox.wake();
			}
			const silent = !listening();
			if (hearing.at === Number.NEGATIVE_INFINITY) setup.inSync();
			hearing.at = performance.now();
			if (silent) for (const worker of [watchers.watch, watchers.upstream]) worker.wake();
			wakeFor(batch, inbox, rooms);
			if (back)
				outbox.back().then(() => {
					for (const worker of [rooms.gaps, rooms.invitations, rooms.moves]) worker.wake();
				}, fatal);
		},
		missed() {
			hearing.ready = false;
		},
	}).catch(fatal);
	return {
		inbox,
		outbox,
		others: [...Object.values(rooms), ...Object.values(watchers)],
		intake,
		syncAge: () => (hearing.at === Number.NEGATIVE_INFINITY ? undefined : performance.now() - hearing.at),
	};
}

type RoomWorkers = Record<'gaps' | 'invitations' | 'notices' | 'explanations' | 'moves', Worker>;

type Deciders = {
	inbox: Inbox;
	outbox: Outbox;
	meant: (messages: readonly Incoming[]) => ReturnType<typeof meantForUs>;
	/** Whether the last sync was processed. */
	hears: () => boolean;
};

function roomWorkers(setup: WorkersSetup, { inbox, outbox, meant, hears }: Deciders): RoomWorkers {
	const { config, common, ports, fatal } = setup;
	const { store, homeserver, now, log } = common;
	const said = outbox.wake;
	const failures = new Map<string, ReadFailures>();
	const joinFailures = new LRUCache<string, JoinFailures>({ max: 1000 });
	// The display name is last, and only there once it is known.
	const name = () => homeserver.names().slice(2)[0] ?? homeserver.names()[0] ?? 'Glia';
	const server = homeserver.names()[1]?.replace(/^@[^:]*:/, '');
	const reads = homeserver.device() !== undefined;
	const inviting = { ...common, failures: joinFailures, hears };
	const invitations = openWorker(() => answerInvitations({ ...inviting, allow: config.matrix.allow }), fatal);
	const moving = {
		...common,
		changes: config.matrix.changes,
		knowledge: () => ports.knowledge,
		moved: said,
		dropped: invitations.wake,
	};
	return {
		gaps: openWorker(() => fillGaps({ ...common, meant, filled: inbox.wake, failures, hears }), fatal),
		invitations,
		notices: openWorker(() => announce({ store, now, name, server, reads, log, said }), fatal),
		explanations: openWorker(() => explain({ store, homeserver, loginSince: setup.loginSince, now, said }), fatal),
		moves: openWorker(() => followMoves({ ...moving, allow: config.matrix.allow }), fatal),
	};
}

/** Wakes only workers that have something to do, because their queries would delay the answer to a command. */
function wakeFor({ joined, invited }: Batch, inbox: Inbox, rooms: RoomWorkers): void {
	const changed = joined.some(({ state }) => Object.keys(state).length > 0);
	if (joined.some(({ messages }) => messages.length > 0)) inbox.wake();
	if (changed || joined.some(({ gap }) => gap !== undefined)) rooms.gaps.wake();
	if (changed) rooms.notices.wake();
	if (joined.some(({ unreadable = [] }) => unreadable.length > 0)) rooms.explanations.wake();
	if (invited.length > 0) rooms.invitations.wake();
	if (changed || invited.length > 0) rooms.moves.wake();
}

type WatchWorkers = Record<'sweeper' | 'tidier' | 'reader' | 'watch' | 'upstream', Worker>;

function watchWorkers(setup: WorkersSetup, said: () => void, listening: () => boolean): WatchWorkers {
	const { config, common, ports, sources, every, fatal } = setup;
	const { store } = common;
	const knowledge = () => ports.knowledge;
	const distributions = () => ports.distributions;
	const sweeping = { ...common, graceDays: config.matrix.forgetAfterDays };
	const watching = { ...common, web: ports.web, knowledge, distributions, said, every, listening };
	const silence = { ...common, sources, listening, knowledge, said };
	return {
		sweeper: openWorker(() => sweep(sweeping).then(() => undefined), fatal, hour),
		tidier: openWorker(() => store.tidy().then(() => undefined), fatal),
		reader: openWorker(() => setup.readNews().then(() => undefined), fatal),
		watch: openWorker(() => tick(watching), fatal),
		upstream: openWorker(() => tellOfUpstream(silence), fatal, Math.min(upstreamPause, every)),
	};
}

// The bot in Matrix: opens the edges, starts everything, and stops it in order.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Respondent } from '../bot/calls.ts';
import { refusalToVerify } from '../bot/rights.ts';
import type { Ports } from '../command.ts';
import type { Config } from '../config.ts';
import { noticeLoss } from '../delivery/lost-store.ts';
import type { Control } from '../edges/control/socket.ts';
import { type Connection, connect } from '../edges/matrix/homeserver.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { Counters } from '../ports/metrics.ts';
import type { OperatorPort } from '../ports/operator.ts';
import type { Store } from '../ports/store.ts';
import type { Web } from '../ports/web.ts';
import type { Log } from '../runtime/log.ts';
import { proxiesIn } from '../runtime/proxy.ts';
import type { serveBackups } from './backup.ts';
import { type Ending, lastSteps } from './ending.ts';
import { type Outside, openOutside } from './live-knowledge.ts';
import { ownPassages } from './own-edition.ts';
import type { Supervision, Vitals } from './supervision.ts';
import { type BotPorts, type Common, type RunningWorkers, startWorkers } from './workers.ts';

/** The time allowed for pending deliveries at the end (ms). With closing, the process ends within ten seconds. */
const lastDeliveries = 7000;
const hour = 3600_000;

export type BotSetup = {
	commands: Respondent['commands'];
	ports: Ports;
	/** The interval between polls of a server (ms), overriding the configuration. */
	every?: number;
	/** Reads the configuration again; without it SIGHUP ends the process. */
	reread?: () => Config;
	/** Test doubles for servers and upstream. */
	played?: { web: Pick<Web, 'observe'>; knowledge: () => Knowledge; sources?: Web['sources'] };
};

/** The vitals of a bot that is not open yet. */
export function vitalsOf({ ports }: BotSetup): Vitals {
	return { syncAge: () => undefined, sources: () => [], knowledge: () => ports.knowledge };
}

/** Supervision as configured; its module is loaded only if needed. */
export async function supervise(
	{ health, store }: Config,
	{ ports }: BotSetup,
	base: Pick<Base, 'log' | 'store' | 'vitals'>,
): Promise<Supervision | undefined> {
	if (health.listen === undefined && !process.env.NOTIFY_SOCKET) return undefined;
	const { openSupervision } = await import('./supervision.ts');
	return openSupervision({
		...base,
		backups: !store.postgres,
		health,
		version: ports.health.version,
		now: ports.now,
		environment: process.env,
	});
}

type Base = {
	log: Log;
	store: Store;
	keys: KeyStore;
	/** The store's folder, from which backups are made; undefined if the store is in PostgreSQL. */
	folder: string | undefined;
	ending: Ending;
	vitals: Vitals;
	supervision: Supervision | undefined;
};

export type Bot = {
	/**
	 * `deliver`: sends what is pending; `abandon`: sends nothing, and ends the session if the start failed; `leave`:
	 * just stops, because another process continues.
	 */
	stop: (how: 'deliver' | 'abandon' | 'leave') => Promise<void>;
	/** Call when another process has put something into the outbox. */
	said: () => void;
};

/** Connects and starts everything; undefined if the process must end before that. */
export async function openBot(config: Config, setup: BotSetup, base: Base): Promise<Bot | undefined> {
	const { log, store, ending, vitals, supervision } = base;
	const counters = supervision?.counters;
	const { now, health, knowledge, code, distributions } = setup.ports;
	const { version } = health;
	const mayVerify = async (person: string, room: string | undefined) =>
		refusalToVerify(person, room === undefined ? undefined : ((await store.room(room))?.state ?? {}), config.matrix);
	const keysAlone = (await base.keys.has()) && (await store.owner()) === undefined;
	const proxyOf = await proxiesIn(process.env);
	const homeserver = await connect(config, {
		proxyOf,
		store,
		keys: base.keys,
		log,
		version,
		now,
		mayVerify,
		ending: ending.signal,
		locked: ending.end,
		fatal: ending.fatal,
	});
	if (!homeserver) return undefined;
	const account = await store.account();
	const common: Common = {
		store,
		homeserver,
		now,
		random: Math.random,
		log,
		locked: ending.end,
		stopping: () => ending.signal.aborted,
		// Uses a signal rather than a race against the end: each race would leave a listener behind until then. Before the
		// first sync nothing else keeps the process alive, so it must not be unreferenced.
		pause: ms => sleep(ms, undefined, { signal: ending.signal }).catch(() => undefined),
	};
	const storeLost = await noticeLossUntil(ending.signal, { ...common, keysAlone });
	if (ending.signal.aborted) {
		await homeserver.close();
		return undefined;
	}
	const own = { knowledge, code, distributions, passages: ownPassages };
	const outside = await openOutside(config, { own, kept: store.kept, version, now, log, proxyOf });
	const sources = setup.played?.sources ?? outside.web.sources;
	const every = setup.every ?? config.watch.hours * hour;
	const operating = await operatorOf(config, store, now);
	const running = startWorkers({
		config,
		commands: setup.commands,
		common,
		ports: portsOf(config, setup, { common, outside, every, sources, storeLost, counters, operator: operating?.port }),
		sources,
		every,
		readNews: () =>
			Promise.all([outside.web.readNews(), outside.web.readBundle(), outside.web.readEdition()]).then(() => undefined),
		loginSince: () => account?.since ?? new Date(0),
		end: ending.end,
		fatal: ending.fatal,
		counters,
		inSync: () => supervision?.inSync(),
	});
	vitals.syncAge = running.syncAge;
	vitals.sources = sources;
	vitals.knowledge = setup.played?.knowledge ?? outside.knowledge;
	const startedAt = now();
	const telling = operating?.openTelling({
		condition: () => ({ ...conditionOf({ homeserver, outside, sources, storeLost }), startedAt }),
		said: running.outbox.wake,
		fatal: ending.fatal,
	});
	const { folder } = base;
	const control = folder === undefined ? undefined : openControl({ folder, store, homeserver, now, log });
	return {
		said: running.outbox.wake,
		async stop(how) {
			(await control)?.close();
			await telling?.stop();
			await stopWork({ running, homeserver, outside }, how);
		},
	};
}

/** A homeserver that does not respond now must not hold up the end. */
async function noticeLossUntil(
	end: AbortSignal,
	looking: Parameters<typeof noticeLoss>[0] & { homeserver: Connection },
) {
	const close = () => void looking.homeserver.close().catch(() => undefined);
	if (end.aborted) close();
	end.addEventListener('abort', close, { once: true });
	try {
		return await noticeLoss(looking);
	} finally {
		end.removeEventListener('abort', close);
	}
}

type Faulty = { homeserver: Connection; outside: Outside; sources: Web['sources']; storeLost: Date | undefined };

/** The bot's condition, for finding faults to report to the operator's room. */
function conditionOf({ homeserver, outside, sources, storeLost }: Faulty) {
	const newer = outside.web.newerEdition();
	return {
		...homeserver.device(),
		...(storeLost && { storeLost }),
		...(newer !== undefined && { newer }),
		sources: sources(),
	};
}

type Work = { running: RunningWorkers; homeserver: Connection; outside: Outside };

async function stopWork({ running, homeserver, outside }: Work, how: Parameters<Bot['stop']>[0]): Promise<void> {
	const { inbox, outbox, others, intake } = running;
	if (how === 'deliver') {
		const begun = Date.now();
		await Promise.race([inbox.stop(), sleep(lastDeliveries, undefined, { ref: false })]);
		await outbox.stop(lastDeliveries - (Date.now() - begun));
	} else if (how === 'abandon') await homeserver.abandon();
	await homeserver.close();
	outside.web.close();
	const ends = [intake, outbox.stop(0), inbox.looked(), inbox.stop(), ...others.map(one => one.stop())];
	await Promise.race([Promise.all(ends), sleep(lastSteps, undefined, { ref: false })]);
}

/** The operator's port, if a room is configured; its module is loaded only then. */
async function operatorOf(config: Config, store: Store, now: () => Date) {
	const { room } = config.operator;
	if (room === undefined) return undefined;
	const { operatorPort, openTelling } = await import('./operator.ts');
	type Telling = Parameters<typeof openTelling>[0];
	return {
		port: operatorPort({ room, config, store, now }),
		openTelling: (more: Pick<Telling, 'condition' | 'said' | 'fatal'>) => openTelling({ room, store, now, ...more }),
	};
}

/** Records for the operator's room that this replica took over. */
export async function noteTaken({ operator }: Config, { kept }: Pick<Store, 'kept'>): Promise<void> {
	if (operator.room === undefined) return;
	const { noteTakeOver } = await import('../delivery/operator-notices.ts');
	await noteTakeOver(kept, new Date());
}

/** Records for the operator's room why the process ended, to be reported once the bot runs again. */
export async function noteEnd({ operator }: Config, { kept }: Pick<Store, 'kept'>, why: unknown): Promise<void> {
	if (operator.room === undefined || why === undefined) return;
	const { noteEnding } = await import('../delivery/operator-notices.ts');
	await noteEnding(kept, why instanceof Error ? why.message : String(why), new Date());
}

/** Opens the control socket. Called after the start, which need not wait for it: everything else works without it. */
async function openControl(serving: Parameters<typeof serveBackups>[0]): Promise<Control | undefined> {
	try {
		const { serveBackups } = await import('./backup.ts');
		return await serveBackups(serving);
	} catch (error) {
		serving.log.warn({ err: error }, 'cannot open the control socket: to make a backup, stop the bot');
		return undefined;
	}
}

type PortsSetup = {
	common: Common;
	outside: Outside;
	every: number;
	sources: Web['sources'];
	storeLost: Date | undefined;
	counters: Counters | undefined;
	operator: OperatorPort | undefined;
};

/** The ports that commands may use in rooms. */
function portsOf(config: Config, { ports: given, played }: BotSetup, setup: PortsSetup): BotPorts {
	const { common, outside, every, sources, storeLost, counters, operator } = setup;
	const { store, homeserver } = common;
	const { watch } = config;
	return {
		...given,
		get knowledge() {
			return played ? played.knowledge() : outside.knowledge();
		},
		get code() {
			return played ? given.code : outside.code();
		},
		get distributions() {
			return played ? given.distributions : outside.distributions();
		},
		...(operator && { operator }),
		store,
		web: counted(played ? played.web : outside.web, counters),
		limits: {
			every,
			keepDays: config.matrix.forgetAfterDays,
			// A getter, because a reload may change it.
			get perRoom() {
				return watch.perRoom;
			},
			get perPerson() {
				return watch.perPerson;
			},
		},
		health: {
			...given.health,
			...(storeLost && { storeLost }),
			lastSync: homeserver.lastSync,
			device: homeserver.device,
			sources,
			published: outside.published,
			newer: outside.web.newerEdition,
		},
	};
}

/** Counts each poll of a server. */
function counted(web: Pick<Web, 'observe'>, counters: Counters | undefined): Pick<Web, 'observe'> {
	if (!counters) return web;
	return {
		async observe(server, person) {
			const begun = performance.now();
			const observation = await web.observe(server, person);
			counters.looked(observation.kind, performance.now() - begun);
			return observation;
		},
	};
}

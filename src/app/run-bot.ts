// The bot in Matrix: the edges built, everything started and, at the end, stopped in order.
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../answer.ts';
import type { Respondent } from '../bot/calls.ts';
import { refusalToVerify } from '../bot/rights.ts';
import type { Ports } from '../command.ts';
import type { Config } from '../config.ts';
import { noticeLoss } from '../delivery/lost-store.ts';
import type { Control } from '../edges/control/socket.ts';
import { connect } from '../edges/matrix/homeserver.ts';
import { hasKeys } from '../edges/matrix/keys.ts';
import { writeTrouble } from '../edges/store/disk.ts';
import { openStore } from '../edges/store/store.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import type { Counters } from '../ports/metrics.ts';
import type { Store } from '../ports/store.ts';
import type { Web } from '../ports/web.ts';
import { type Log, openLog } from '../runtime/log.ts';
import type { serveBackups } from './backup.ts';
import { type Outside, openOutside } from './live-knowledge.ts';
import { ownPassages } from './own-edition.ts';
import { reload } from './reload.ts';
import type { Supervision, Vitals } from './supervision.ts';
import { type BotPorts, type Common, startWorkers } from './workers.ts';

/** What is in hand at the end may take so long (ms); with closing, the process is gone within ten seconds. */
const lastDeliveries = 7000;
const lastSteps = 1000;
const hour = 3600_000;
type BotSetup = {
	commands: Respondent['commands'];
	ports: Ports;
	/** Between two looks at a server (ms), instead of what the configuration says. */
	every?: number;
	/** Reads the configuration again; without it SIGHUP ends the process. */
	reread?: () => Config;
	/** The servers and what is known of upstream, as a test plays them. */
	played?: { web: Pick<Web, 'observe'>; knowledge: () => Knowledge; sources?: Web['sources'] };
};

/** The end of the process: what asks for it, and why. */
type Ending = {
	/** Resolves when somebody or something asks for the end. */
	asked: Promise<void>;
	/** Aborted at the same moment. */
	signal: AbortSignal;
	/** `why` ends the process as refused, in this sentence. */
	end: (why?: string) => void;
	fatal: (error: unknown) => void;
	reason: () => { sentence?: string; fault?: { error: unknown } };
	/** Gives the signals back to Node. */
	release: () => void;
};

/** `hangUp`: what SIGHUP does. */
function openEnding(log: Log, hangUp: (() => void) | undefined): Ending {
	const asked = Promise.withResolvers<void>();
	const shutdown = new AbortController();
	const reason: ReturnType<Ending['reason']> = {};
	const end = (why?: string) => {
		if (why !== undefined) reason.sentence ??= why;
		shutdown.abort();
		asked.resolve();
	};
	const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
	const onSignal = (signal: string) => {
		if (signal === 'SIGHUP' && hangUp) return hangUp();
		log.info({ signal }, 'stopping');
		end();
	};
	for (const signal of signals) process.on(signal, onSignal);
	return {
		asked: asked.promise,
		signal: shutdown.signal,
		end,
		fatal(error) {
			reason.fault ??= { error };
			end();
		},
		reason: () => reason,
		release() {
			for (const signal of signals) process.off(signal, onSignal);
		},
	};
}

/**
 * Joins Matrix until a signal; resolves to the exit status. Throws a Refusal when the start, or later the homeserver,
 * does not let it go on; other faults are on standard error in one sentence.
 */
export async function runMatrix(config: Config, setup: BotSetup): Promise<number> {
	const log = openLog(config.log.level, config.log.format);
	const store = await openStore(config.store.path);
	const { reread } = setup;
	// A terminal that is closed sends SIGHUP as well: then it means the end.
	const mayReload = reread && !process.stdin.isTTY && !process.stderr.isTTY;
	const ending = openEnding(log, mayReload ? () => reload(config, { log, reread }) : undefined);
	const vitals: Vitals = { syncAge: () => undefined, sources: () => [], knowledge: () => setup.ports.knowledge };
	let supervision: Supervision | undefined;
	try {
		supervision = await supervise(config, setup, { log, store, vitals });
		const bot = await openBot(config, setup, { log, store, ending, vitals, supervision });
		if (!bot) return 0;
		await ending.asked;
		supervision?.stopping();
		const { sentence, fault } = ending.reason();
		await bot.stop(fault === undefined && sentence === undefined);
	} finally {
		ending.release();
		supervision?.close();
		await store.close();
		// A command that does not end keeps the process no longer; its message is decided at the next start.
		setTimeout(() => process.exit(), lastSteps).unref();
	}
	const { sentence, fault } = ending.reason();
	if (fault !== undefined) {
		const { error } = fault;
		log.error({ err: error }, 'stopping for a fault of ours');
		const why = error instanceof Error ? error.message : String(error);
		process.stderr.write(`${faultSentence(error, why, config.store.path)}.\n`);
		return 3;
	}
	if (sentence !== undefined) throw new Refusal(sentence);
	return 0;
}

/** What the configuration asks for; loaded only then. */
async function supervise(
	{ health }: Config,
	{ ports }: BotSetup,
	base: Pick<Base, 'log' | 'store' | 'vitals'>,
): Promise<Supervision | undefined> {
	if (health.listen === undefined && !process.env.NOTIFY_SOCKET) return undefined;
	const { openSupervision } = await import('./supervision.ts');
	return openSupervision({ ...base, health, version: ports.health.version, now: ports.now, environment: process.env });
}

type Base = { log: Log; store: Store; ending: Ending; vitals: Vitals; supervision: Supervision | undefined };

/** Delivers what is in hand if `finish`, otherwise ends the session of a start that came to nothing. */
type Bot = { stop: (finish: boolean) => Promise<void> };

/** Connects and starts everything; undefined if the process is to end before that. */
async function openBot(config: Config, setup: BotSetup, base: Base): Promise<Bot | undefined> {
	const { log, store, ending, vitals, supervision } = base;
	const counters = supervision?.counters;
	const { now, health, knowledge, code, distributions } = setup.ports;
	const { version } = health;
	const mayVerify = async (person: string, room: string | undefined) =>
		refusalToVerify(person, room === undefined ? undefined : ((await store.room(room))?.state ?? {}), config.matrix);
	const keysAlone = hasKeys(config.store.path) && (await store.owner()) === undefined;
	const homeserver = await connect(config, {
		store,
		folder: config.store.path,
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
		// By the signal, not in a race with the end: each race would leave something behind until then.
		pause: ms => sleep(ms, undefined, { ref: false, signal: ending.signal }).catch(() => undefined),
	};
	const storeLost = await noticeLoss({ ...common, keysAlone });
	const own = { knowledge, code, distributions, passages: ownPassages };
	const outside = await openOutside(config, { own, kept: store.kept, version, now, log });
	const sources = setup.played?.sources ?? outside.web.sources;
	const every = setup.every ?? config.watch.hours * hour;
	const running = startWorkers({
		config,
		commands: setup.commands,
		common,
		ports: portsOf(config, setup, { common, outside, every, sources, storeLost, counters }),
		sources,
		every,
		readNews: () => Promise.all([outside.web.readNews(), outside.web.readBundle()]).then(() => undefined),
		loginSince: () => account?.since ?? new Date(0),
		end: ending.end,
		fatal: ending.fatal,
		counters,
		inSync: () => supervision?.inSync(),
	});
	vitals.syncAge = running.syncAge;
	vitals.sources = sources;
	vitals.knowledge = setup.played?.knowledge ?? outside.knowledge;
	const control = openControl({ folder: config.store.path, store, homeserver, log });
	return {
		async stop(finish) {
			const { inbox, outbox, others } = running;
			(await control)?.close();
			if (finish) {
				const begun = Date.now();
				await Promise.race([inbox.stop(), sleep(lastDeliveries, undefined, { ref: false })]);
				await outbox.stop(lastDeliveries - (Date.now() - begun));
			} else await homeserver.abandon();
			await homeserver.close();
			outside.web.close();
			const ends = [running.intake, outbox.stop(0), inbox.looked(), inbox.stop(), ...others.map(one => one.stop())];
			await Promise.race([Promise.all(ends), sleep(lastSteps, undefined, { ref: false })]);
		},
	};
}

/** After the start, which need not wait for it; without it everything else works. */
async function openControl(serving: Parameters<typeof serveBackups>[0]): Promise<Control | undefined> {
	try {
		const { serveBackups } = await import('./backup.ts');
		return await serveBackups(serving);
	} catch (error) {
		serving.log.warn({ err: error }, 'the control socket cannot be opened: a backup needs the bot to be stopped');
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
};

/** What commands may use, in rooms. */
function portsOf(config: Config, { ports: given, played }: BotSetup, setup: PortsSetup): BotPorts {
	const { common, outside, every, sources, storeLost, counters } = setup;
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
		store,
		web: counted(played ? played.web : outside.web, counters),
		limits: {
			every,
			keepDays: config.matrix.forgetAfterDays,
			// A reload may change them.
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
		},
	};
}

/** The web, each look at a server counted. */
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

/** Only the database's own faults are about the disk: sending the operator there for any other would mislead. */
function faultSentence(fault: unknown, why: string, path: string): string {
	// Those of the keys are whole sentences already.
	if (fault instanceof Error && fault.name === 'CryptoError') return why;
	const code = fault instanceof Error && 'code' in fault ? String(fault.code) : '';
	const isDisk = /^(ERR_SQLITE|ENOSPC|EIO|EROFS|EDQUOT|EACCES)/.test(code);
	const trouble = writeTrouble(path);
	if (isDisk || trouble !== undefined)
		return `What came in or goes out cannot be kept in ${path}: ${why}${trouble === undefined ? '' : `: ${trouble}`}`;
	return `Glia stops for a fault of its own, which the log describes: ${why}`;
}

// Runs the bot as one of several processes on a PostgreSQL database: leads, or polls servers and waits to take over.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { idleTransaction, inTurn, joinReplicas, type Leadership, type Replica } from '../edges/store/lease.ts';
import { isDatabaseError, placeOf, refusalOf } from '../edges/store/postgres.ts';
import { openPostgresStore } from '../edges/store/postgres-store.ts';
import { type Log, openLog } from '../runtime/log.ts';
import { type ProxyOf, proxiesIn } from '../runtime/proxy.ts';
import { openWorker } from '../runtime/worker.ts';
import type { PostgresAddress } from '../settings/postgres.ts';
import { tick } from '../watch/poll.ts';
import { type Bot, type BotSetup, noteEnd, noteTaken, openBot, supervise, vitalsOf } from './bot.ts';
import { type Ending, faultSentence, lastSteps, openEnd, openEnding, statusOf } from './ending.ts';
import { openOutside } from './live-knowledge.ts';
import { ownPassages } from './own-edition.ts';
import { openReach } from './reach.ts';
import { onHangUp } from './reload.ts';
import type { Supervision } from './supervision.ts';

/** How much longer a claim lasts than the poll it is for (ms). */
const claimSpare = 60_000;
/** The pause before a standby tries again to poll while nobody leads (ms). */
const standbyPause = 1000;
/** The pause (ms) after losing the lease: spares a database that refuses, and lets another replica lead. */
const afterLoss = 3000;
const hour = 3600_000;

/** Leads, or waits to, until a signal; resolves to the exit status. Throws a Refusal. */
export async function runReplica(config: Config, setup: BotSetup, address: PostgresAddress): Promise<number> {
	const log = openLog(config.log.level, config.log.format);
	// An unusable proxy is refused now, not when this replica takes over.
	const proxyOf = await proxiesIn(process.env);
	const { reach, close } = openReach(config.matrix.homeserver, {
		userAgent: `Glia/${setup.ports.health.version}`,
		proxyOf,
	});
	let bot: Bot | undefined;
	const replica = await joinReplicas({ address, reach, said: () => bot?.said(), log });
	const ending = openEnding(log, onHangUp(config, { log, reread: setup.reread }));
	try {
		while (!ending.signal.aborted) {
			const standby = openStandby(config, setup, { replica, address, log, ending, proxyOf });
			const leadership = await replica.lead(ending.signal).finally(standby.stop);
			if (leadership === undefined) break;
			log.info({ replica: replica.id }, 'this replica leads');
			await lead(config, setup, { leadership, replica, address, log, ending, opened: one => (bot = one) });
			bot = undefined;
			await leadership.release();
			if (leadership.lost.aborted) await sleep(afterLoss, undefined, { signal: ending.signal }).catch(() => undefined);
		}
	} finally {
		ending.release();
		await replica.close();
		await close();
		setTimeout(() => process.exit(), lastSteps).unref();
	}
	return statusOf(ending, log, (error, why) =>
		faultSentence(error, why, isDatabaseError(error) ? { place: placeOf(address) } : undefined),
	);
}

/**
 * This replica's claims on servers, which last a little longer than a poll may take. A poll that it began as a standby
 * may still be running when it leads, so the two claim under different names.
 */
function claimsOf({ watch }: Config, { id }: Replica, as: 'leader' | 'standby'): { poller: string; keep: number } {
	return { poller: `${id} ${as}`, keep: watch.lookSeconds * 1000 + claimSpare };
}

type Leading = {
	leadership: Leadership;
	replica: Replica;
	address: PostgresAddress;
	log: Log;
	ending: Ending;
	opened: (bot: Bot) => void;
};

/** Runs the bot until the lease is lost or the process must end. The reason is recorded in `ending`. */
async function lead(config: Config, setup: BotSetup, given: Leading): Promise<void> {
	const { leadership, replica, address, log, ending } = given;
	const { fence, lost } = leadership;
	const term = termOf(ending, lost, log);
	let supervision: Supervision | undefined;
	let reason: ReturnType<Ending['reason']> = {};
	try {
		const { store, keys } = await openPostgresStore({
			address,
			fence: {
				...fence,
				broken(error) {
					const why = refusalOf(error, address)?.message.replace(/\.$/, '');
					leadership.lose(why ?? `the database does not respond: ${String(error)}`);
				},
			},
			idle: idleTransaction,
			claims: claimsOf(config, replica, 'leader'),
			migrates: true,
		});
		try {
			if (leadership.tookOver) await noteTaken(config, store);
			const vitals = vitalsOf(setup);
			supervision = await supervise(config, setup, { log, store, vitals });
			const bot = await openBot(config, setup, {
				log,
				store,
				keys,
				folder: undefined,
				ending: term,
				vitals,
				supervision,
			});
			if (bot) {
				given.opened(bot);
				await term.asked;
				if (ending.signal.aborted) supervision?.stopping();
				const { sentence, fault } = term.reason();
				// Another replica continues with the session and its keys, so leave them alone.
				const leaves = lost.aborted || fault !== undefined;
				await bot.stop(leaves ? 'leave' : sentence === undefined ? 'deliver' : 'abandon');
				if (!lost.aborted) await noteEnd(config, store, fault === undefined ? sentence : fault.error);
			}
			// Copied before the store is closed, because whatever did not end in time then fails.
			reason = { ...term.reason() };
		} catch (error) {
			if (!lost.aborted) await noteEnd(config, store, error).catch(() => undefined);
			throw error;
		} finally {
			supervision?.close();
			await store.close();
		}
	} catch (error) {
		if (!lost.aborted) throw error;
		reason.fault ??= { error };
	}
	if (lost.aborted) {
		const { sentence, fault } = reason;
		// Nothing else logs what failed apart from the loss.
		const also = { ...(fault && { err: fault.error }), ...(sentence !== undefined && { sentence }) };
		log.warn({ why: Object(lost.reason).message, ...also }, 'this replica no longer leads');
		return;
	}
	if (reason.fault) ending.fatal(reason.fault.error);
	else if (reason.sentence !== undefined) ending.end(reason.sentence);
}

/** The end of one term: requested by the process, the loss of the lease, or the bot itself. */
function termOf(ending: Ending, lost: AbortSignal, log: Log): Ending {
	const term = openEnd(log);
	for (const signal of [ending.signal, lost]) {
		if (signal.aborted) term.end();
		signal.addEventListener('abort', () => term.end(), { once: true, signal: term.signal });
	}
	return { ...term, release: () => undefined };
}

type Standby = {
	replica: Replica;
	address: PostgresAddress;
	log: Log;
	ending: Ending;
	proxyOf: ProxyOf | undefined;
};

/** Polls servers for the leader while there is one. Each is claimed, so that no other replica polls it too. */
function openStandby(config: Config, setup: BotSetup, given: Standby): { stop: () => Promise<void> } {
	const { ending, ...beside } = given;
	const { replica, log } = beside;
	const stopped = new AbortController();
	const stopping = () => stopped.signal.aborted || ending.signal.aborted;
	const done = (async () => {
		while (!stopping()) {
			if (replica.isLed()) {
				try {
					await lookBeside(config, setup, { ...beside, stopping });
				} catch (error) {
					log.debug({ err: error }, 'this replica cannot poll servers now');
				}
			}
			await sleep(standbyPause, undefined, { signal: stopped.signal }).catch(() => undefined);
		}
	})();
	return {
		async stop() {
			stopped.abort();
			// A poll in progress does not hold up a takeover: its decisions are written in turn, or not at all.
			await Promise.race([done, sleep(lastSteps, undefined, { ref: false })]);
		},
	};
}

type Beside = Omit<Standby, 'ending'> & { stopping: () => boolean };

/** Polls servers until the leader is gone, or this process must lead or end. */
async function lookBeside(config: Config, setup: BotSetup, given: Beside): Promise<void> {
	const { replica, address, log, proxyOf, stopping } = given;
	const { now, health, knowledge, code, distributions } = setup.ports;
	const { store } = await openPostgresStore({
		address,
		fence: inTurn,
		idle: idleTransaction,
		claims: claimsOf(config, replica, 'standby'),
		migrates: false,
	});
	const failed = Promise.withResolvers<void>();
	const supervision = await supervise(config, setup, { log, store, vitals: vitalsOf(setup) });
	// A standby only has to wait, so it is ready at once.
	supervision?.inSync();
	try {
		const own = { knowledge, code, distributions, passages: ownPassages };
		const outside = await openOutside(config, { own, kept: store.kept, version: health.version, now, log, proxyOf });
		const watching = {
			store,
			web: setup.played?.web ?? outside.web,
			knowledge: setup.played?.knowledge ?? outside.knowledge,
			distributions: setup.played ? () => distributions : outside.distributions,
			now,
			random: Math.random,
			log,
			said: replica.tell,
			stopping,
			listening: replica.isLed,
			every: setup.every ?? config.watch.hours * hour,
		};
		const fatal = (error: unknown) => failed.reject(error);
		const watch = openWorker(() => tick(watching), fatal);
		const reader = openWorker(
			() => Promise.all([outside.web.readNews(), outside.web.readBundle()]).then(() => undefined),
			fatal,
		);
		for (const worker of [watch, reader]) worker.wake();
		const over = (async () => {
			while (!stopping() && replica.isLed()) await sleep(standbyPause, undefined, { ref: false });
		})();
		try {
			await Promise.race([over, failed.promise]);
		} finally {
			outside.web.close();
			await Promise.race([Promise.all([watch.stop(), reader.stop()]), sleep(lastSteps, undefined, { ref: false })]);
		}
	} finally {
		supervision?.close();
		await store.close();
	}
}

// Monitoring from outside: health and metrics over HTTP, and systemd. Loaded only if one of them is used.
import { standings } from '../advice/watch/standings.ts';
import type { WatchedServer } from '../advice/watch/subscription.ts';
import type { Config } from '../config.ts';
import { lastBackup } from '../delivery/last-backup.ts';
import { openMetrics } from '../edges/health/metrics.ts';
import { openNotifier } from '../edges/health/notify.ts';
import { openReadiness } from '../edges/health/readiness.ts';
import { serveHealth } from '../edges/health/server.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import type { Counters } from '../ports/metrics.ts';
import type { Store } from '../ports/store.ts';
import type { SourceState } from '../ports/web.ts';
import type { Log } from '../runtime/log.ts';
import { openLoop } from '../runtime/loop.ts';

/** What is monitored. Every part can be called from the start, though some have little to report at first. */
export type Vitals = {
	/** Milliseconds since the homeserver last responded to a sync; undefined before the first. */
	syncAge: () => number | undefined;
	sources: () => readonly SourceState[];
	knowledge: () => Knowledge;
};

type SupervisionSetup = {
	health: Config['health'];
	/** systemd's settings. */
	environment: Readonly<Record<string, string | undefined>>;
	version: string;
	vitals: Vitals;
	store: Store;
	/** Whether the bot makes backups; a database has its own. */
	backups: boolean;
	now: () => Date;
	log: Log;
};

export type Supervision = {
	/** Absent unless metrics are served. */
	counters?: Counters;
	/** Call when the first sync has been processed. */
	inSync: () => void;
	stopping: () => void;
	close: () => void;
};

/** Servers read at a time, so that others can write in between. */
const page = 500;

/** Throws a Refusal if it cannot listen on the address. */
export async function openSupervision(setup: SupervisionSetup): Promise<Supervision> {
	const { health, environment, log } = setup;
	const served = health.listen && (await openHealth(setup, health.listen));
	const notifier = environment.NOTIFY_SOCKET ? openNotifier(environment, process.pid, log) : undefined;
	return {
		...(served && { counters: served.counters }),
		inSync: () => notifier?.ready('in sync with the homeserver'),
		stopping: () => notifier?.stopping(),
		close() {
			notifier?.close();
			served?.close();
		},
	};
}

type ServedHealth = { counters: Counters; close: () => void };

async function openHealth(
	{ health, version, vitals, store, backups, now, log }: SupervisionSetup,
	listen: { host: string; port: number },
): Promise<ServedHealth> {
	const age = () => vitals.syncAge();
	const loop = openLoop();
	const metrics = openMetrics({
		version,
		syncAge: () => {
			const ms = age();
			return ms === undefined ? undefined : ms / 1000;
		},
		figures: () => store.figures(now()),
		sources: () => vitals.sources(),
		lastBackup: backups ? () => lastBackup(store.kept) : undefined,
		now,
		standings: health.servers
			? async () => standings(await allServers(store), vitals.knowledge(), now().toISOString().slice(0, 10))
			: undefined,
	});
	const troubles = openReadiness({
		store,
		syncAge: age,
		maxSyncAge: health.syncSeconds * 1000,
		now,
		steady: () => performance.now(),
	});
	try {
		const served = await serveHealth({ listen, loop, troubles, metrics, log });
		log.info({ host: listen.host, port: served.port }, 'serving health and metrics');
		return {
			counters: metrics,
			close() {
				served.close();
				loop.close();
			},
		};
	} catch (error) {
		loop.close();
		throw error;
	}
}

async function allServers(store: Pick<Store, 'serversAfter'>): Promise<WatchedServer[]> {
	const found: WatchedServer[] = [];
	for (let after = ''; ; ) {
		const servers = await store.serversAfter(after, page);
		found.push(...servers);
		if (servers.length < page) return found;
		after = servers.at(-1)?.server ?? after;
		// Let answers to people go first.
		await new Promise(resolve => setImmediate(resolve));
	}
}

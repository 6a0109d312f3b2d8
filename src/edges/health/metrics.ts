// The contents of /metrics, with the names and units that Prometheus recommends.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { severities } from '../../advice/watch/severity.ts';
import type { ServerStanding } from '../../advice/watch/standings.ts';
import type { Counters, Figures } from '../../ports/metrics.ts';
import type { SourceState } from '../../ports/web.ts';

/** Evaluated at each scrape. */
export type Measured = {
	version: string;
	/** Seconds since the homeserver last answered a sync; undefined before the first. */
	syncAge: () => number | undefined;
	figures: () => Promise<Figures>;
	sources: () => readonly SourceState[];
	/** When the last backup was made, if ever. Undefined if the database has its own backups. */
	lastBackup?: (() => Promise<Date | undefined>) | undefined;
	now: () => Date;
	/** Undefined: servers are not named. */
	standings: (() => Promise<readonly ServerStanding[]>) | undefined;
};

export type Metrics = Counters & { text: () => Promise<string>; contentType: string };

/** From a tenth of a millisecond, which most answers take, to the minute that a poll may take. */
const seconds = [0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];

export function openMetrics(measured: Measured): Metrics {
	const registry = new Registry();
	const registers = [registry];
	collectDefaultMetrics({ register: registry });
	// Gauges with a counter's suffix, which metrics linters reject; each has a twin without it.
	for (const name of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${name}_total`);
	const gauge = (name: string, help: string, ...labelNames: string[]) =>
		new Gauge({ name, help, labelNames, registers });
	gauge('glia_info', 'The version of Glia, as a label.', 'version').set({ version: measured.version }, 1);
	const commands = new Histogram({
		name: 'glia_command_duration_seconds',
		help: 'How long commands took, by command and outcome (answered, refused, failed).',
		labelNames: ['command', 'outcome'],
		buckets: seconds,
		registers,
	});
	const looks = new Counter({
		name: 'glia_looks_total',
		help: 'Checks of watched servers, by result (running, hidden, unreached, …).',
		labelNames: ['outcome'],
		registers,
	});
	const lookDuration = new Histogram({
		name: 'glia_look_duration_seconds',
		help: 'How long checks of watched servers took.',
		buckets: seconds.slice(2),
		registers,
	});
	const deliveries = new Counter({
		name: 'glia_deliveries_total',
		help: 'Messages delivered (sent) or permanently refused by the homeserver (given_up).',
		labelNames: ['outcome'],
		registers,
	});
	for (const outcome of ['sent', 'given_up']) deliveries.inc({ outcome }, 0);
	const refresh = [storeGauges(gauge), hearingGauges(gauge), backupGauge(gauge), standingGauges(gauge)];
	return {
		answered: (command, outcome, ms) => commands.observe({ command, outcome }, ms / 1000),
		looked(outcome, ms) {
			looks.inc({ outcome });
			lookDuration.observe(ms / 1000);
		},
		delivered: outcome => deliveries.inc({ outcome: outcome.replace(' ', '_') }),
		async text() {
			for (const one of refresh) await one(measured);
			return registry.metrics();
		},
		contentType: registry.contentType,
	};
}

type MakeGauge = (name: string, help: string, ...labels: string[]) => Gauge;
type Refresh = (measured: Measured) => Promise<void> | void;

function storeGauges(gauge: MakeGauge): Refresh {
	const rooms = gauge('glia_rooms', 'Rooms that the bot is in.');
	const watches = gauge('glia_watches', 'Subscriptions of rooms to servers.');
	const servers = gauge('glia_watched_servers', 'Servers that at least one room watches.');
	const inbox = gauge('glia_inbox_messages', 'Messages not processed yet (waiting).', 'state');
	const inboxAge = gauge('glia_inbox_oldest_seconds', 'Age of the oldest message not processed yet; 0 if none.');
	const gaps = gauge('glia_inbox_gaps', 'Gaps in rooms that are still being read.');
	const outbox = gauge(
		'glia_outbox_messages',
		'Messages to deliver: waiting, retrying after a failure, or given_up in the last few days.',
		'state',
	);
	const outboxAge = gauge('glia_outbox_oldest_seconds', 'Age of the oldest message not delivered yet; 0 if none.');
	const alerts = gauge('glia_alerts_open', 'Open alerts of all rooms.', 'severity');
	return async ({ figures }) => {
		const found = await figures();
		rooms.set(found.rooms);
		watches.set(found.watches);
		servers.set(found.servers);
		inbox.set({ state: 'waiting' }, found.inbox.waiting);
		inboxAge.set(found.inbox.oldest ?? 0);
		gaps.set(found.inbox.gaps);
		outbox.set({ state: 'waiting' }, found.outbox.waiting);
		outbox.set({ state: 'retrying' }, found.outbox.retrying);
		outbox.set({ state: 'given_up' }, found.outbox.givenUp);
		outboxAge.set(found.outbox.oldest ?? 0);
		for (const severity of severities) alerts.set({ severity }, found.alerts[severity]);
	};
}

function hearingGauges(gauge: MakeGauge): Refresh {
	const sync = gauge(
		'glia_sync_age_seconds',
		'Time since the homeserver last responded to a sync; absent before the first.',
	);
	const sourceAge = gauge(
		'glia_source_age_seconds',
		'Time since an upstream source was last read; absent if never.',
		'source',
	);
	const failures = gauge('glia_source_failures', 'Consecutive failures to read a source.', 'source');
	return ({ syncAge, sources, now }) => {
		const age = syncAge();
		if (age === undefined) sync.remove();
		else sync.set(age);
		// A source with nothing to read any more would otherwise keep its last values.
		sourceAge.reset();
		failures.reset();
		for (const { name, read, failures: count } of sources()) {
			const source = name.replaceAll(' ', '_');
			if (read) sourceAge.set({ source }, Math.max(0, (now().getTime() - read.getTime()) / 1000));
			failures.set({ source }, count);
		}
	};
}

function backupGauge(gauge: MakeGauge): Refresh {
	let backup: Gauge | undefined;
	return async ({ lastBackup }) => {
		if (!lastBackup) return;
		backup ??= gauge(
			'glia_last_backup_timestamp_seconds',
			'When the running bot was last backed up (Unix time); 0 for never. Absent with PostgreSQL.',
		);
		backup.set(((await lastBackup())?.getTime() ?? 0) / 1000);
	};
}

function standingGauges(gauge: MakeGauge): Refresh {
	const behind = gauge(
		'glia_server_releases_behind',
		'Lines of releases (1.x) newer than what a server runs.',
		'server',
	);
	const open = gauge(
		'glia_server_open_advisories',
		"Security advisories that a server's release is open to.",
		'server',
	);
	return async ({ standings }) => {
		if (!standings) return;
		const found = await standings();
		behind.reset();
		open.reset();
		for (const { server, releasesBehind, openAdvisories } of found) {
			behind.set({ server }, releasesBehind);
			open.set({ server }, openAdvisories);
		}
	};
}

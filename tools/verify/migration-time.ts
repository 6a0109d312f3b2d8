// Measures how long a release takes to migrate a database with a million rows: the migrations by its own log, the
// background updates by the clock.
import { environment, shimmed } from './machine/environment.ts';
import type { Case, Database, Filling } from './migration-cases.ts';
import { streamEnds } from './migration-fillings.ts';
import { start } from './start.ts';
import { type Place, prepared, releaseCalled, settle } from './trial.ts';

export type Measured = {
	/** Seconds by the name of the migration, like `main 77/05thread_notifications_backfill.sql`. */
	deltas: Map<string, number>;
	/** From the start of the process to the open port (seconds). */
	opens: number;
	/** From the open port until no background update is left (seconds), if the case names some. */
	background?: number;
	/** The background updates that ran, by name. */
	ran: Set<string>;
};

/** Taking longer than this on a million rows (seconds) is a finding rather than a measurement. */
const timeout = 1800;

export const engineNames = { sqlite: 'sqlite', postgres: 'postgresql 14' } as const;

let names = 0;

/** A database created by the previous release and then filled. Returns its name; every run starts from a copy. */
export async function filled(
	{ before, sequence }: Case,
	database: Database,
	{ sql, postgres = [] }: Filling,
	place: Place,
): Promise<string> {
	const engine = await place.engine(engineNames[database]);
	const of = await prepared(place, engineNames[database], [{ release: before, settle: true }]);
	const name = `filled_${names++}`;
	await engine.create(name, { of });
	for (const statement of sql) await engine.query(name, statement);
	if (database === 'postgres') {
		for (const statement of postgres) await engine.query(name, statement);
		if (sequence !== undefined) await engine.query(name, `SELECT setval('${sequence}', ${streamEnds})`);
	}
	await engine.query(name, 'ANALYZE');
	return name;
}

/** One start of the release on a copy of a filled database; with background updates if the case names some. */
export async function measure({ at, updates }: Case, database: Database, of: string, place: Place): Promise<Measured> {
	const engine = await place.engine(engineNames[database]);
	const name = `measured_${names++}`;
	await engine.create(name, { of });
	const python = await environment(releaseCalled(at, place.releases));
	const begun = performance.now();
	const started = await start({
		python,
		env: shimmed(at, undefined),
		dir: place.folder(name),
		database: engine.config(name),
		// With Synapse's default pauses: this is how long people wait.
		attempt: { config: { background_updates: {} }, files: {}, packages: [] },
		timeout,
	});
	if (!started.listens) throw new Error(`${at} does not start: ${started.error}`);
	const opened = performance.now();
	const left = updates?.[database] ? await settle(engine, name, timeout) : [];
	const ended = performance.now();
	await started.stop();
	if (left.length) throw new Error(`${at} does not finish ${left.join(', ')}`);
	const log = started.log();
	return {
		deltas: readDeltas(log),
		opens: (opened - begun) / 1000,
		...(updates?.[database] && { background: (ended - opened) / 1000 }),
		ran: new Set([...log.matchAll(/Starting update batch on background update '([^']+)'/g)].map(([, one = '']) => one)),
	};
}

const line = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) - (\S+) - (.*)$/;
/** Python migrations log under their own names: synapse.storage.v95_01_foreground_… */
const ofMigration = /^synapse\.storage\.(v\d+_|schema\.)/;

/** Seconds between the line that names a migration and the next one not logged by the migration itself. */
export function readDeltas(log: string): Map<string, number> {
	const deltas = new Map<string, number>();
	let running: { name: string; since: number } | undefined;
	for (const text of log.split('\n')) {
		const [, day, time, ms, logger = '', rest = ''] = line.exec(text) ?? [];
		if (day === undefined || ofMigration.test(logger)) continue;
		const now = Date.parse(`${day}T${time}.${ms}Z`);
		if (running) deltas.set(running.name, (deltas.get(running.name) ?? 0) + (now - running.since) / 1000);
		const name = /\b(?:Applying|Running) .*?(\d+\/[^/\s:]+\.(?:sql|py)(?:\.\w+)?)(?::run_\w+)?$/.exec(rest)?.[1];
		running = name === undefined ? undefined : { name: `main ${name}`, since: now };
	}
	return deltas;
}

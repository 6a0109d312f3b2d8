// How long a release migrates a database with a million rows: what its own log says of it.
import { environment, shimmed } from './machine/environment.ts';
import type { Case, Filling } from './migration-cases.ts';
import { start } from './start.ts';
import { type Place, prepared, releaseCalled, settle } from './trial.ts';

export type Measured = {
	/** Seconds by the name of the migration, like `main 77/05thread_notifications_backfill.sql`. */
	deltas: Map<string, number>;
	/** Seconds by the name of the background update. */
	updates: Map<string, number>;
};

/** An hour: what takes longer on a million rows is no measurement but a finding. */
const timeoutSeconds = 3600;

let copies = 0;

/** One start of the release on a database that was filled; background updates too, where the case names some. */
export async function measure(
	{ before, at, updates }: Case,
	database: 'sqlite' | 'postgres',
	filling: Filling,
	place: Place,
): Promise<Measured> {
	const engineName = database === 'sqlite' ? 'sqlite' : 'postgresql 14';
	const engine = await place.engine(engineName);
	const empty = await prepared(place, engineName, [{ release: before, settle: true }]);
	const name = `measured_${copies++}`;
	await engine.create(name, { of: empty });
	for (const statement of filling.sql) await engine.query(name, statement);
	await engine.query(name, 'ANALYZE');
	const started = await start({
		python: await environment(releaseCalled(at, place.releases)),
		env: shimmed(at, undefined),
		dir: place.folder(name),
		database: engine.config(name),
		timeout: timeoutSeconds,
	});
	if (!started.listens) throw new Error(`${at} does not start: ${started.error}`);
	const left = updates ? await settle(engine, name, timeoutSeconds) : [];
	await started.stop();
	if (left.length) throw new Error(`${at} does not finish ${left.join(', ')}`);
	return readLog(started.log());
}

const stamped = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) - (.*)$/;
const batch =
	/Running background update '([^']+)'\. Processed \d+ items in (\d+)ms|Updating '([^']+)'\. Updated \d+ items in (\d+)ms/;

/** The time between a migration's line and the next line of the log; the times that batches of updates name. */
export function readLog(log: string): Measured {
	const deltas = new Map<string, number>();
	const updates = new Map<string, number>();
	let running: { name: string; since: number } | undefined;
	for (const line of log.split('\n')) {
		const [, day, time, ms, rest = ''] = stamped.exec(line) ?? [];
		if (day === undefined) continue;
		const now = Date.parse(`${day}T${time}.${ms}Z`);
		if (running) deltas.set(running.name, (deltas.get(running.name) ?? 0) + (now - running.since) / 1000);
		const name = /\/?(\d+\/[^/\s:]+\.(?:sql|py)(?:\.\w+)?)(?::run_\w+)?$/.exec(rest)?.[1];
		running =
			name !== undefined && /(?:Applying|Running) /.test(rest) ? { name: `main ${name}`, since: now } : undefined;
		const [, oneName, oneMs, otherName, otherMs] = batch.exec(rest) ?? [];
		const update = oneName ?? otherName;
		if (update !== undefined) updates.set(update, (updates.get(update) ?? 0) + Number(oneMs ?? otherMs) / 1000);
	}
	return { deltas, updates };
}

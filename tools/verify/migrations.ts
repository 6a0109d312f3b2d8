// npm run verify -- migrations [case[/sqlite|/postgres]… | table]: fills databases with a million rows of one table,
// lets releases migrate them, and writes how long each migration and background update took to
// knowledge/synapse/migration-times.json.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { readKnowledge } from '../../src/knowledge/load.ts';
import { type MigrationTime, migrationTimesShape } from '../../src/knowledge/schema/migrations.ts';
import { type Case, cases, type Database } from './migration-cases.ts';
import { rows } from './migration-fillings.ts';
import { migrationTable } from './migration-table.ts';
import { engineNames, filled, type Measured, measure } from './migration-time.ts';
import { openPlace, type Place } from './trial.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const file = new URL('synapse/migration-times.json', folder);

/** How often each filling is migrated: at least twice in total, since the machine is shared. Pauses take minutes. */
function runsOf({ fillings, updates }: Case, database: Database): number {
	return updates?.[database] && fillings.length > 1 ? 1 : 2;
}

type Wanted = { one: Case; database: Database };

export async function measureMigrations(names: readonly string[]): Promise<number> {
	if (names[0] === 'table') {
		for (const row of migrationTable(readTimes().times)) console.log(row);
		return 0;
	}
	const all = cases.flatMap(one => one.databases.map(database => ({ one, database })));
	const isCalled = ({ one, database }: Wanted, name: string) => name === one.id || name === `${one.id}/${database}`;
	// In the given order, so that the more important ones can come first.
	const wanted = names.length ? names.flatMap(name => all.filter(each => isCalled(each, name))) : all;
	const unknown = names.find(name => !all.some(each => isCalled(each, name)));
	if (unknown !== undefined) {
		console.error(`No case is called ${unknown}. There are ${cases.map(({ id }) => id).join(', ')}.`);
		return 1;
	}
	const releases = readKnowledge(folder).releases.filter(({ withdrawn }) => !withdrawn);
	// Without fsync, the durations would be too short.
	const place = openPlace(releases, console.log, ['fsync=on']);
	process.once('SIGINT', () => process.exit(130));
	try {
		for (const { one, database } of wanted) keep(one.id, database, await timesOf(one, database, place));
	} finally {
		await place.close();
	}
	return 0;
}

function readTimes(): { machine: string; times: MigrationTime[] } {
	if (!existsSync(file)) return { machine: 'two cores, other work running', times: [] };
	return migrationTimesShape.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** Replaces earlier measurements of that case. Reads the file again each time: another run may have changed it. */
function keep(id: string, database: Database, measured: readonly MigrationTime[]): void {
	const { machine, times } = readTimes();
	const others = times.filter(time => time.case !== id || time.database !== database);
	writeFileSync(file, timesText(machine, [...others, ...measured]));
}

/** Each migration and the background updates, with the shortest and the longest time over all runs and fillings. */
async function timesOf(one: Case, database: Database, place: Place): Promise<MigrationTime[]> {
	const measured: Measured[] = [];
	const loads: number[] = [];
	for (const filling of one.fillings) {
		const name = await filled(one, database, filling, place);
		for (let run = 0; run < runsOf(one, database); run++) {
			const result = await measure(one, database, name, place);
			measured.push(result);
			loads.push(loadavg()[0] ?? 0);
			console.log(`${one.id} on ${database}, ${filling.affects} affected, load ${loads.at(-1)?.toFixed(1)}:`, result);
		}
	}
	const server = await serverWords(database, place);
	const common = { release: one.at, database, server, table: one.table, rows };
	const circumstances = { runs: measured.length, load: span(loads), date: new Date().toISOString().slice(0, 10) };
	const opens = span(measured.map(result => result.opens));
	const counted = [...new Set(measured.flatMap(({ deltas }) => [...deltas.keys()]))].filter(name =>
		one.deltas.some(begin => name.startsWith(begin)),
	);
	const background = measured.flatMap(result => result.background ?? []);
	const updates = one.updates?.[database];
	const missing = updates?.names.filter(name => !measured.some(({ ran }) => ran.has(name))) ?? [];
	if (missing.length) throw new Error(`${one.at} never ran ${missing.join(', ')}`);
	if (!counted.length && !updates) throw new Error(`no migration of ${one.id} ran on ${database}`);
	return [
		...counted.map(delta => {
			const seconds = span(measured.map(({ deltas }) => deltas.get(delta) ?? 0));
			return { case: one.id, delta, ...common, seconds, opens, ...circumstances };
		}),
		...(updates
			? [
					{
						case: one.id,
						delta: updates.queuedBy,
						updates: updates.names,
						...common,
						seconds: span(background),
						opens,
						...circumstances,
					},
				]
			: []),
	];
}

async function serverWords(database: Database, place: Place): Promise<string> {
	if (database === 'sqlite') return 'SQLite of Python 3.11';
	const engine = await place.engine(engineNames[database]);
	const [[version] = []] = await engine.query('postgres', 'SHOW server_version');
	return `PostgreSQL ${String(version)}, fsync on`;
}

/** Minimum and maximum, to two digits. */
function span(values: readonly number[]): [number, number] {
	const round = (value: number) => Number(value.toPrecision(2));
	return [round(Math.min(...values)), round(Math.max(...values))];
}

/** One line per measurement, in the order of cases. */
function timesText(machine: string, times: readonly MigrationTime[]): string {
	const order = cases.map(({ id }) => id);
	const sorted = [...times].sort(
		(a, b) => order.indexOf(a.case) - order.indexOf(b.case) || a.database.localeCompare(b.database),
	);
	const lines = sorted.map(time => JSON.stringify(time)).join(',\n');
	return `{"machine": ${JSON.stringify(machine)}, "times": [\n${lines}\n]}\n`;
}

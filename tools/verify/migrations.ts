// npm run verify -- migrations [case…]: fills databases with a million rows of one table, lets releases migrate them, and
// writes how long each migration and background update took to knowledge/synapse/migration-times.json.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { isCandidate } from '../../src/deployment/version.ts';
import { readKnowledge } from '../../src/knowledge/load.ts';
import { type MigrationTime, migrationTimesShape } from '../../src/knowledge/schema/migrations.ts';
import { type Case, cases, rows } from './migration-cases.ts';
import { measure } from './migration-time.ts';
import { openPlace, type Place } from './trial.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const file = new URL('synapse/migration-times.json', folder);

export async function measureMigrations(names: readonly string[]): Promise<number> {
	// As named, so that the more important can come first.
	const wanted = names.length ? names.flatMap(name => cases.filter(({ id }) => id === name)) : cases;
	if (!wanted.length) {
		console.error(`No case is called ${names.join(' or ')}. There are ${cases.map(({ id }) => id).join(', ')}.`);
		return 1;
	}
	const times = existsSync(file) ? migrationTimesShape.parse(JSON.parse(readFileSync(file, 'utf8'))).times : [];
	const releases = readKnowledge(folder).releases.filter(
		({ version, withdrawn }) => !withdrawn && !isCandidate(version),
	);
	// Durations would flatter without fsync.
	const place = openPlace(releases, console.log, ['fsync=on']);
	try {
		for (const one of wanted)
			for (const database of one.databases) {
				const measured = await rangesOf(one, database, place);
				const kept = times.filter(time => time.case !== one.id || time.database !== database);
				times.splice(0, times.length, ...kept, ...measured);
				writeFileSync(file, timesText(times));
			}
	} finally {
		await place.close();
	}
	return 0;
}

/** Each migration and update with the shortest and the longest time of all fillings. */
async function rangesOf(one: Case, database: 'sqlite' | 'postgres', place: Place): Promise<MigrationTime[]> {
	const seconds = new Map<string, number[]>();
	const note = (name: string, took: number) => seconds.set(name, [...(seconds.get(name) ?? []), took]);
	for (const filling of one.fillings)
		for (let run = 0; run < Math.ceil(2 / one.fillings.length); run++) {
			const { deltas, updates } = await measure(one, database, filling, place);
			for (const [name, took] of deltas) if (one.deltas.some(begin => name.startsWith(begin))) note(name, took);
			for (const [name, took] of updates) if (one.updates?.includes(name)) note(name, took);
			console.log(
				`${one.id} on ${database}, ${filling.affects} affected, load ${loadavg()[0]?.toFixed(1)}:`,
				Object.fromEntries(seconds),
			);
		}
	return [...seconds].map(([name, took]) => ({
		case: one.id,
		...(name.startsWith('main ') ? { delta: name } : { update: name }),
		release: one.at,
		database,
		table: one.table,
		rows,
		seconds: [round(Math.min(...took)), round(Math.max(...took))],
		runs: took.length,
		date: new Date().toISOString().slice(0, 10),
	}));
}

function round(seconds: number): number {
	return Number(seconds.toPrecision(2));
}

/** One line a measurement, in the order of cases. */
function timesText(times: readonly MigrationTime[]): string {
	const order = cases.map(({ id }) => id);
	const sorted = [...times].sort(
		(a, b) => order.indexOf(a.case) - order.indexOf(b.case) || a.database.localeCompare(b.database),
	);
	return `{"times": [\n${sorted.map(time => JSON.stringify(time)).join(',\n')}\n]}\n`;
}

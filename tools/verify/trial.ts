// Tests claims: releases open a database one after another, and the outcome is what the last one does.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Release } from '../../src/knowledge/schema/synapse.ts';
import { askAll, lineWith } from './asking.ts';
import { fill } from './fill.ts';
import { type Engine, postgresql, sqlite } from './machine/database.ts';
import { admits, environment, shimmed, Unavailable } from './machine/environment.ts';
import type { Claim, Opening, Outcome, Recipe } from './recipe.ts';
import { runProgram, start } from './start.ts';

export type Tried = { outcome: Outcome; error?: string };

export type Bench = {
	/** The outcome. Throws Unavailable, or an Error if an earlier start already failed. */
	attempt(claim: Claim): Promise<Tried>;
	close(): Promise<void>;
};

/** How many seconds the same background updates may stay queued before they count as stuck. */
const stuckAfter = 45;

/** Where tests run: folders, databases and servers that are removed with it. One start at a time. */
export function bench(releases: readonly Release[], tell: (line: string) => void): Bench {
	const place = openPlace(releases, tell);
	let starts = 0;
	return { attempt, close: place.close };

	async function attempt({ recipe }: Claim): Promise<Tried> {
		const { database, before, last, fake, attempt: configured, sql = [], asks = [], runs } = recipe;
		const interpreter = await interpreterFor(recipe, releases);
		const engine = await place.engine(database);
		const name = `trial_${starts++}`;
		const of = before.length ? await prepared(place, database, before) : undefined;
		await engine.create(name, { of, locale: configured?.locale });
		for (const statement of sql) await engine.query(name, statement);
		const how = {
			python: interpreter,
			env: shimmed(last.release, fake),
			dir: place.folder(name),
			database: engine.config(name),
			attempt: configured,
		};
		if (runs) return ranAs(recipe, await runProgram(how, runs));
		const started = await start(how);
		if (!started.listens) return { outcome: 'refuses', error: started.error };
		const left = last.settle ? await settle(engine, name) : [];
		if (last.events && !left.length) await fill(started.base, last.events);
		const wrong = recipe.asks ? await askAll(started, asks, recipe.watch) : undefined;
		await started.stop();
		if (wrong !== undefined) return { outcome: 'misbehaves', error: wrong };
		return left.length ? { outcome: 'stuck', error: `still queued: ${left.join(', ')}` } : { outcome: 'starts' };
	}
}

/** The outcome of a program that ran instead of the server. */
function ranAs({ watch }: Recipe, [output, status]: [string, number]): Tried {
	const bad = watch === undefined ? undefined : lineWith(output, watch);
	if (bad !== undefined) return { outcome: 'misbehaves', error: bad };
	return status === 0 ? { outcome: 'starts' } : { outcome: 'misbehaves', error: output.trim().slice(-500) };
}

/** The Python for a recipe's last release. If the release does not accept it, it is built around an older release. */
function interpreterFor({ last, python, attempt }: Recipe, releases: readonly Release[]): Promise<string> {
	const release = releaseCalled(last.release, releases);
	const older = python === undefined || admits(release, python) ? [] : releases.slice(0, releases.indexOf(release));
	const around = older.findLast(other => python !== undefined && admits(other, python));
	return environment(release, { ...attempt, python, around });
}

export function releaseCalled(version: string, releases: readonly Release[]): Release {
	const release = releases.find(other => other.version === version);
	if (!release) throw new Error(`no release ${version} is known`);
	return release;
}

/** The folder of all tests, the servers in it, and the databases that several claims share. */
export type Place = {
	releases: readonly Release[];
	tell: (line: string) => void;
	engine(database: Recipe['database']): Promise<Engine>;
	folder(name: string): string;
	/** Databases by engine and name; resolves once the database has been created. */
	made: Map<string, Promise<void>>;
	close(): Promise<void>;
};

export function openPlace(
	releases: readonly Release[],
	tell: (line: string) => void,
	settings: readonly string[] = [],
): Place {
	const root = mkdtempSync(join(tmpdir(), 'glia-verify-'));
	chmodSync(root, 0o755);
	process.once('exit', () => rmSync(root, { recursive: true, force: true }));
	const engines = new Map<Recipe['database'], Promise<Engine>>();
	const folder = (name: string): string => {
		const dir = join(root, name);
		mkdirSync(dir, { recursive: true });
		return dir;
	};
	return {
		releases,
		tell,
		folder,
		made: new Map(),
		engine(database) {
			const major = Number(database.split(' ')[1]);
			const opened = engines.get(database) ?? (major ? server(major, root, settings) : openSqlite(folder('sqlite')));
			engines.set(database, opened);
			return opened;
		},
		async close() {
			for (const engine of engines.values()) await engine.then(opened => opened.close()).catch(() => {});
			rmSync(root, { recursive: true, force: true });
		},
	};
}

async function openSqlite(folder: string): Promise<Engine> {
	return sqlite(folder);
}

async function server(major: number, root: string, settings: readonly string[]): Promise<Engine> {
	if (process.platform !== 'linux' || process.arch !== 'x64') {
		throw new Unavailable('there are PostgreSQL packages only for Linux on x64');
	}
	return postgresql(major, root, settings);
}

/** The name of a database that these releases have opened, one after another. */
export async function prepared(
	place: Place,
	database: Recipe['database'],
	openings: readonly Opening[],
): Promise<string> {
	const name = `after_${createHash('sha256').update(JSON.stringify(openings)).digest('hex').slice(0, 12)}`;
	const key = `${database} ${name}`;
	if (!place.made.has(key)) place.made.set(key, open(place, database, openings, name));
	await place.made.get(key);
	return name;
}

/** Lets the last of these releases open what the others left. Throws unless the outcome is as expected. */
async function open(
	place: Place,
	database: Recipe['database'],
	openings: readonly Opening[],
	name: string,
): Promise<void> {
	const opening = openings.at(-1);
	if (!opening) return;
	const { release, settle: settles, fails, sticks, events } = opening;
	const earlier = openings.slice(0, -1);
	const engine = await place.engine(database);
	await engine.create(name, { of: earlier.length ? await prepared(place, database, earlier) : undefined });
	place.tell(
		`  ${release} opens ${earlier.length ? `what ${earlier.at(-1)?.release} left` : 'a new database'} (${database})`,
	);
	const started = await start({
		python: await environment(releaseCalled(release, place.releases)),
		env: shimmed(release, undefined),
		dir: place.folder(name),
		database: engine.config(name),
	});
	if (fails && started.listens) await started.stop();
	if (fails && started.listens) throw new Error(`${release} should have failed on the database, but started`);
	if (fails) return;
	if (!started.listens) throw new Error(`${release} should have opened the database, but refused: ${started.error}`);
	if (events) await fill(started.base, events);
	const left = settles ? await settle(engine, name) : [];
	await started.stop();
	if (sticks && !left.length) throw new Error(`${release} should have got stuck, but finished its background updates`);
	if (left.length && !sticks)
		throw new Error(`${release} should have finished its background updates, but is stuck at ${left.join(', ')}`);
}

/** The background updates that stay queued; none if all finish. */
export async function settle(engine: Engine, name: string, timeout = stuckAfter): Promise<string[]> {
	let left = await engine.pending(name);
	let since = Date.now();
	while (left.length && Date.now() - since < timeout * 1000) {
		await sleep(250);
		const now = await engine.pending(name);
		if (now.join() !== left.join()) since = Date.now();
		left = now;
	}
	return left;
}

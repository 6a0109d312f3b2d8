// A machine that loses power: whatever a process wrote to the store without waiting for the disk is gone at its next
// start. Loaded into the bot by `NODE_OPTIONS=--import=…/power-cuts.ts`. The key store waits for the disk at every
// commit, so it is left alone.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';

/** SQLite's number for `PRAGMA synchronous = FULL`. */
const full = 2;
const STORE = 'glia.sqlite';
const files = [STORE, `${STORE}-wal`];

const { prepare } = DatabaseSync.prototype;
const { get } = StatementSync.prototype;
const databases = new WeakMap<StatementSync, DatabaseSync>();
/** Rows changed so far, as of the last commit that was seen. */
const changes = new WeakMap<DatabaseSync, number>();

DatabaseSync.prototype.prepare = function (sql, ...more) {
	const statement = prepare.call(this, sql, ...more);
	databases.set(statement, this);
	return statement;
};
for (const method of ['run', 'all'] as const) {
	const original = StatementSync.prototype[method] as (...values: unknown[]) => unknown;
	Object.assign(StatementSync.prototype, {
		[method](this: StatementSync, ...values: unknown[]) {
			const result = original.apply(this, values);
			const database = databases.get(this);
			if (database) committed(database);
			return result;
		},
	});
}

/**
 * Copies what a power cut leaves of the store in `from` to `to`, which may be the same folder. Returns whether
 * anything was lost. No process may have the store open.
 */
export function cutPower(from: string, to = from): boolean {
	const [kept] = copiesIn(from);
	if (kept === undefined) throw new Error(`nothing has reached the disk in ${from}`);
	const bytes = (folder: string) =>
		files.map(file => (existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'base64') : ''));
	const lost = bytes(from).join() !== bytes(join(from, kept)).join();
	for (const file of [...files, `${STORE}-shm`]) rmSync(join(to, file), { force: true });
	cpSync(join(from, kept), to, { recursive: true });
	return lost;
}

/** Loads this file into each bot that is started from now on. Call `cut` after each kill. */
export function powerCuts(): { cut: (folder: string) => void; text: () => string } {
	process.env.NODE_OPTIONS = `--import=${import.meta.url}`;
	let losses = 0;
	return {
		cut(folder) {
			if (cutPower(folder)) losses++;
		},
		text: () => `, with power cuts that lost writes ${losses} times`,
	};
}

/** Keeps a copy of the files if the process has just waited for the disk: all earlier commits are then on it too. */
function committed(database: DatabaseSync): void {
	const path = database.location();
	if (path === null || basename(path) !== STORE || database.isTransaction) return;
	const total = numberFrom(database, 'SELECT total_changes()');
	const before = changes.get(database) ?? 0;
	changes.set(database, total);
	if (total === before || numberFrom(database, 'PRAGMA synchronous') !== full) return;
	const folder = dirname(path);
	const [last, ...older] = copiesIn(folder);
	const unfinished = join(folder, 'unfinished');
	rmSync(unfinished, { recursive: true, force: true });
	mkdirSync(unfinished);
	for (const file of files)
		if (existsSync(join(folder, file))) copyFileSync(join(folder, file), join(unfinished, file));
	// Only a complete copy gets the name, because the process can be killed at any moment.
	renameSync(unfinished, join(folder, `durable ${last === undefined ? 1 : numberOf(last) + 1}`));
	for (const copy of older) rmSync(join(folder, copy), { recursive: true });
}

function numberOf(copy: string): number {
	return Number(copy.slice('durable '.length));
}

/** Newest first. */
function copiesIn(folder: string): string[] {
	return readdirSync(folder)
		.filter(name => name.startsWith('durable '))
		.sort((one, other) => numberOf(other) - numberOf(one));
}

function numberFrom(database: DatabaseSync, sql: string): number {
	const row = Reflect.apply(get, prepare.call(database, sql), []);
	return Number(Object.values(row ?? {})[0]);
}

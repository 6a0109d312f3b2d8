// Consistent copies of a database, whether or not it is in use.
import { chmodSync, closeSync, cpSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { Refusal } from '../../answer.ts';
import { missingStore } from './disk.ts';
import { takeFolder } from './sqlite.ts';

const name = 'glia.sqlite';

/** Copies the open database into a folder, page by page. Writes that happen in the meantime are included. */
export async function copyOpen(database: DatabaseSync, folder: string): Promise<void> {
	const to = join(folder, name);
	closeSync(openSync(to, 'wx', 0o600));
	await backup(database, to, { rate: 500 });
}

/** Copies a database that is not open. */
function copyClosed(from: string, to: string): void {
	// Create the file ourselves first, so that others can never read it.
	closeSync(openSync(to, 'wx', 0o600));
	const database = new DatabaseSync(from, { timeout: 2000 });
	try {
		database.prepare('VACUUM INTO ?').run(to);
	} finally {
		database.close();
	}
}

/** Copies each session's keys, except those in the folder `except`: the process that has them open copies them. */
export function copyKeys(store: string, to: string, except?: string): void {
	const from = join(store, 'crypto');
	if (!existsSync(from)) return;
	mkdirSync(join(to, 'crypto'), { recursive: true, mode: 0o700 });
	for (const device of readdirSync(from)) {
		if (device === except) continue;
		mkdirSync(join(to, 'crypto', device), { mode: 0o700 });
		for (const file of readdirSync(join(from, device))) {
			const [source, target] = [join(from, device, file), join(to, 'crypto', device, file)];
			if (file.endsWith('.sqlite3')) copyClosed(source, target);
			else if (!/-(?:wal|shm|journal)$/.test(file)) cpSync(source, target);
		}
	}
}

/** Copies a store that no bot is using into an existing folder. Throws a Refusal if it is in use or does not exist. */
export function copyClosedStore(store: string, to: string): void {
	const missing = missingStore(store);
	if (missing !== undefined) throw new Refusal(missing);
	const lock = takeFolder(join(store, 'lock.sqlite'));
	if (!lock) {
		throw new Refusal(
			`The bot that is using the store in ${store} is not responding on its control socket; stop it first, or run this as its user.`,
		);
	}
	try {
		copyClosed(join(store, name), join(to, name));
		copyKeys(store, to);
	} finally {
		lock.close();
	}
	chmodSync(to, 0o700);
}

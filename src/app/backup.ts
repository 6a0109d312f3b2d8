// Backups. `npm start -- backup` asks the running bot, which copies its store and keys as one unit. If no bot is
// running, the command makes the copy itself.
import { randomUUID } from 'node:crypto';
import {
	chmodSync,
	closeSync,
	cpSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Refusal } from '../answer.ts';
import type { Config } from '../config.ts';
import { noteBackup } from '../delivery/last-backup.ts';
import { askControl, type Control, type ControlReply, serveControl } from '../edges/control/socket.ts';
import type { Connection } from '../edges/matrix/homeserver.ts';
import { folderOf } from '../edges/matrix/keys.ts';
import { copyClosedStore, copyKeys } from '../edges/store/copy.ts';
import { makeFolder } from '../edges/store/disk.ts';
import type { Store } from '../ports/store.ts';
import type { Log } from '../runtime/log.ts';
import { megabytes } from '../text/format.ts';

type Serving = {
	/** The store's folder. */
	folder: string;
	store: Pick<Store, 'copyTo' | 'account' | 'kept'>;
	now: () => Date;
	homeserver: Pick<Connection, 'copyKeys'>;
	log: Log;
};

/** The prefix of unfinished copies. Those left behind by a killed process are deleted at the next start. */
const prefix = 'backup-';
/** Not every name with the prefix: `backup data/backup-2026-11-30` is a finished copy, and the operator's. */
const unfinished = /^backup-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Answers backup requests, one at a time. Undefined if the control socket cannot be opened. */
export async function serveBackups({ folder, store, homeserver, now, log }: Serving): Promise<Control | undefined> {
	for (const name of readdirSync(folder))
		if (unfinished.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
	let busy = false;

	async function copied(): Promise<string> {
		const copy = join(folder, `${prefix}${randomUUID()}`);
		mkdirSync(copy, { mode: 0o700 });
		try {
			const account = await store.account();
			copyKeys(folder, copy, account && basename(folderOf(folder, account.device)));
			await homeserver.copyKeys(copy, () => store.copyTo(copy));
			return copy;
		} catch (error) {
			rmSync(copy, { recursive: true, force: true });
			throw error;
		}
	}

	async function answer(over: Promise<boolean>): Promise<ControlReply> {
		if (busy) return { refused: 'another backup is running' };
		busy = true;
		try {
			const copy = await copied();
			const at = now();
			log.info({}, 'a backup was made');
			const ended = over.then(async kept => {
				rmSync(copy, { recursive: true, force: true });
				busy = false;
				if (kept) await noteBackup(store.kept, at);
				else log.warn({}, 'the client did not confirm that it kept the backup');
			});
			ended.catch((error: unknown) => log.warn({ err: error }, 'the time of the backup could not be stored'));
			return { folder: copy };
		} catch (error) {
			busy = false;
			log.warn({ err: error }, 'no backup was made');
			return { refused: error instanceof Error ? error.message : String(error) };
		}
	}

	return serveControl(folder, (_question, over) => answer(over), log);
}

/** Makes a backup in a folder that does not exist yet. Resolves to the exit status. Throws a Refusal. */
export async function runBackup(path: string, store: Config['store']): Promise<number> {
	if (store.postgres)
		throw new Refusal('This store is in PostgreSQL: back it up with pg_dump, as described in docs/postgresql.md.');
	const to = resolve(path);
	if (existsSync(to)) throw new Refusal(`${to} already exists: name a folder that does not.`);
	let asked: Awaited<ReturnType<typeof askControl>>;
	let partial: string | undefined;
	try {
		asked = await askControl(store.path, { ask: 'backup' });
		if (asked && 'refused' in asked.reply) throw new Refusal(`No backup was made: ${asked.reply.refused}.`);
		makeFolder(dirname(to));
		// A name of its own: another process may be making a backup in the same place.
		partial = mkdtempSync(`${to}.partial-`);
		if (asked && 'folder' in asked.reply) cpSync(asked.reply.folder, partial, { recursive: true });
		else copyClosedStore(store.path, partial);
		keep(partial);
		renameSync(partial, to);
		await asked?.keep();
	} catch (error) {
		if (partial !== undefined) rmSync(partial, { recursive: true, force: true });
		throw error instanceof Refusal ? error : new Refusal(`No backup was made: ${reason(error)}.`);
	} finally {
		asked?.hangUp();
	}
	const files = readdirSync(to, { recursive: true, encoding: 'utf8' });
	const bytes = files.reduce((sum, name) => sum + statSync(join(to, name)).size, 0);
	const how = asked ? 'while the bot was running' : 'while the bot was stopped';
	process.stdout.write(`${to}: a backup of ${store.path}, made ${how} (${megabytes(bytes)})\n`);
	return 0;
}

/** Restricts access to the owner, and syncs everything to disk, including folders. */
function keep(folder: string): void {
	const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
	for (const path of [...names.map(name => join(folder, name)), folder, dirname(folder)]) {
		if (path !== dirname(folder)) chmodSync(path, statSync(path).isDirectory() ? 0o700 : 0o600);
		const file = openSync(path, 'r');
		try {
			fsyncSync(file);
		} finally {
			closeSync(file);
		}
	}
}

function reason(error: unknown): string {
	const code = error instanceof Error && 'code' in error ? error.code : undefined;
	// SQLite's error code for a file that it may not open.
	const mayNot = code === 'ERR_SQLITE_ERROR' && Object(error).errcode === 14;
	if (mayNot || code === 'EACCES' || code === 'EPERM') return 'this user cannot read the store, or cannot write there';
	if (code === 'ENOSPC' || code === 'EDQUOT') return 'there is not enough space';
	if (code === 'EROFS') return 'the file system there is read-only';
	return error instanceof Error ? error.message : String(error);
}

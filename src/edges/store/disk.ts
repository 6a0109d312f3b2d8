// Folders and files: creates them, and says why the system refuses, from its error code. SQLite reports a full disk,
// but not a quota, and not which file it may not open.
import {
	accessSync,
	closeSync,
	constants,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readdirSync,
	rmSync,
	statSync,
	unlinkSync,
	writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Creates a folder, and those above it, accessible only by their owner. Not with `recursive`: where the system says
 * that there is nothing although the parent is there (/proc, an automounter), Node.js would try for ever.
 */
export function makeFolder(folder: string): void {
	if (!existsSync(folder)) {
		if (dirname(folder) !== folder) makeFolder(dirname(folder));
		try {
			mkdirSync(folder, { mode: 0o700 });
		} catch (error) {
			// Another process may have been faster.
			if (!existsSync(folder)) throw error;
		}
	}
	if (!statSync(folder).isDirectory()) throw new Error(`${folder} is a file, not a folder`);
}

/** Why this process cannot use an existing folder, or one of these files in it; undefined if it can. */
export function accessTrouble(folder: string, names: readonly string[]): string | undefined {
	const files = names.map(name => join(folder, name)).filter(path => existsSync(path));
	for (const path of [folder, ...files]) {
		try {
			if (statSync(path).isDirectory() !== (path === folder))
				return `${path} is a ${path === folder ? 'file, not a folder' : 'folder, not a file'}`;
			accessSync(path, constants.R_OK | constants.W_OK | (path === folder ? constants.X_OK : 0));
		} catch (error) {
			const code = error instanceof Error && 'code' in error ? error.code : undefined;
			if (code === 'EROFS') return `the file system of ${path} is read-only`;
			if (code === 'EACCES' || code === 'EPERM') return `this user needs read and write access to ${path}`;
			return undefined;
		}
	}
	return undefined;
}

/** Why this process cannot use a store's folder or the files in it; undefined if it can, or if there is none yet. */
export function storeTrouble(folder: string): string | undefined {
	return accessTrouble(folder, ['lock.sqlite', 'glia.sqlite', 'glia.sqlite-wal', 'glia.sqlite-shm']);
}

/** Why there is no store to open in a folder, as a sentence; undefined if there is one. */
export function missingStore(folder: string): string | undefined {
	if (existsSync(join(folder, 'glia.sqlite'))) return undefined;
	// A folder that this process may not enter looks empty.
	const trouble = storeTrouble(folder);
	return trouble === undefined
		? `There is no store in ${folder}.`
		: `The store's folder ${folder} cannot be used: ${trouble}.`;
}

/** What a store and a copy of one consist of. */
const ours = /^(?:crypto|(?:glia|lock)\.sqlite(?:-(?:wal|shm|journal))?)$/;

/**
 * Deletes what an interrupted copy of a store has left in a folder. Throws an Error, and deletes nothing, if there is
 * anything else.
 */
export function discardCopy(folder: string): void {
	if (!existsSync(folder)) return;
	const isCopy = statSync(folder).isDirectory() && readdirSync(folder).every(name => ours.test(name));
	if (!isCopy) throw new Error(`${folder}, where the copy is made first, has other contents: move it away`);
	rmSync(folder, { recursive: true });
}

/** A quota with room for a few bytes may not have room for a page of the database (bytes). */
const probeBytes = 1024 * 1024;

const sentences: Record<string, string> = {
	EDQUOT: 'the disk quota of this user is used up (EDQUOT); free space or raise the quota, then restart',
	ENOSPC: 'the disk is full (ENOSPC); free space, then restart',
	EROFS: 'the file system is read-only (EROFS)',
	EACCES: 'the folder is not writable (EACCES)',
	EIO: 'the disk is failing (EIO)',
	EFBIG: 'a file size limit was reached (EFBIG)',
};

/** What prevents this process from writing in a folder, in lower case without a full stop; undefined if nothing does. */
export function writeTrouble(folder: string, write: (path: string) => void = probe): string | undefined {
	try {
		write(join(folder, '.probe'));
		return undefined;
	} catch (error) {
		const code = error instanceof Error && 'code' in error ? String(error.code) : '';
		return sentences[code] ?? (error instanceof Error ? error.message : String(error));
	}
}

function probe(path: string): void {
	const file = openSync(path, 'w', 0o600);
	try {
		writeSync(file, Buffer.alloc(probeBytes));
		fsyncSync(file);
	} finally {
		closeSync(file);
		unlinkSync(path);
	}
}

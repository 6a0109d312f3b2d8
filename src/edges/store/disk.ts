// Why the disk refuses writes, from the system's error code: SQLite reports "full" but not a quota.
import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

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

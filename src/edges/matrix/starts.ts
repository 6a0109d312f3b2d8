// Starts, counted on disk and at the homeserver: a store from a backup has counted fewer, and its keys must not be used.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Ask } from './courier.ts';
import { isRecord } from './digest.ts';
import { failureOf } from './failure.ts';

type Counting = { ask: Ask; folder: string; user: string; device: string };

/**
 * Counts this start. False if the homeserver has counted more than the folder: then this is an old copy of it. One-time
 * keys show that only when new ones are due; until then messages would be encrypted with keys that were used before.
 * Rejects when the homeserver does not answer.
 */
export async function countStart({ ask, folder, user, device }: Counting): Promise<boolean> {
	const file = join(folder, 'starts');
	const here = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) || 0 : 0;
	const parts = [user, `io.glia.starts.${device}`].map(encodeURIComponent);
	const path = `/_matrix/client/v3/user/${parts[0]}/account_data/${parts[1]}`;
	const there = await ask('GET', path).then(countOf, (error: unknown) => {
		const failure = failureOf(error);
		if (failure.kind === 'refused' && failure.code === 'M_NOT_FOUND') return 0;
		throw error;
	});
	if (there > here) return false;
	// First here: killed in between, the next start is ahead of the homeserver, never behind it.
	write(file, `${here + 1}\n`);
	await ask('PUT', path, { count: here + 1 });
	return true;
}

function countOf(answer: unknown): number {
	const count = isRecord(answer) ? answer.count : undefined;
	return typeof count === 'number' && Number.isSafeInteger(count) ? count : 0;
}

function write(file: string, text: string): void {
	const half = `${file}.new`;
	const open = openSync(half, 'w', 0o600);
	writeSync(open, text);
	fsyncSync(open);
	closeSync(open);
	renameSync(half, file);
}

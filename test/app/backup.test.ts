// A backup that is refused leaves other people's folders alone, and one that succeeds leaves nothing beside it.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runBackup, serveBackups } from '../../src/app/backup.ts';
import { type Control, type ControlReply, serveControl } from '../../src/edges/control/socket.ts';
import type { Store } from '../../src/ports/store.ts';
import { silence } from '../../src/runtime/log.ts';

let folder: string;
let control: Control | undefined;

const backUp = (to: string) => runBackup(join(folder, to), { path: join(folder, 'store') });
const serve = async (reply: ControlReply) => {
	control = await serveControl(join(folder, 'store'), async () => reply, silence);
};

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'glia-'));
	mkdirSync(join(folder, 'store'));
});

afterEach(async () => {
	await control?.close();
	rmSync(folder, { recursive: true });
});

test('does not remove the unfinished copy of another backup to the same place', async () => {
	await serve({ refused: 'another backup is running' });
	mkdirSync(join(folder, 'kept.partial'));
	writeFileSync(join(folder, 'kept.partial/glia.sqlite'), 'theirs');
	await expect(backUp('kept')).rejects.toThrow('another backup is running');
	expect(readdirSync(join(folder, 'kept.partial'))).toEqual(['glia.sqlite']);
	expect(readdirSync(folder).sort()).toEqual(['kept.partial', 'store']);
});

test('leaves nothing beside the backup, not even after an error', async () => {
	mkdirSync(join(folder, 'copy'));
	writeFileSync(join(folder, 'copy/glia.sqlite'), 'ours');
	await serve({ folder: join(folder, 'copy') });
	await backUp('new/kept');
	expect(readdirSync(join(folder, 'new'))).toEqual(['kept']);
	expect(readdirSync(join(folder, 'new/kept'))).toEqual(['glia.sqlite']);
	await control?.close();
	await serve({ folder: join(folder, 'no-such-folder') });
	await expect(backUp('new/other')).rejects.toThrow('No backup was made');
	expect(readdirSync(join(folder, 'new'))).toEqual(['kept']);
	expect(existsSync(join(folder, 'new/other'))).toBe(false);
});

test('refuses a file as its target, or in its path', async () => {
	await serve({ folder: join(folder, 'store') });
	writeFileSync(join(folder, 'file'), 'precious');
	await expect(backUp('file')).rejects.toThrow(/file already exists/);
	await expect(backUp('file/copy')).rejects.toThrow(/file is a file, not a folder/);
});

test('deletes only its own unfinished copies from the store when the bot starts', async () => {
	const store = join(folder, 'store');
	const left = `backup-${randomUUID()}`;
	for (const name of [left, 'backup-2026-11-30', 'backup-of-yesterday']) mkdirSync(join(store, name));
	const never = async () => Promise.reject(new Error('nobody asked for a copy'));
	control = await serveBackups({
		folder: store,
		store: { copyTo: never, account: never, kept: { get: never, put: never } as unknown as Store['kept'] },
		now: () => new Date(),
		homeserver: { copyKeys: never },
		log: silence,
	});
	expect(readdirSync(store).sort()).toEqual(['backup-2026-11-30', 'backup-of-yesterday', 'control.sock']);
});

// The control socket: the client reports whether it has saved what it received, and hanging up is not an error.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askControl, type Control, serveControl, socketPath } from '../../../src/edges/control/socket.ts';
import type { Log } from '../../../src/runtime/log.ts';

let folder: string;
let control: Control | undefined;
let over: Promise<boolean>[];
let logged: string[];

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), 'glia-control-'));
	[over, logged] = [[], []];
	const note = (_: object, text: string) => logged.push(text);
	const log = { debug: note, info: note, warn: note, error: note } as unknown as Log;
	control = await serveControl(
		folder,
		async (_question, end) => {
			over.push(end);
			return { folder: 'copy' };
		},
		log,
	);
});

afterEach(async () => {
	await control?.close();
	rmSync(folder, { recursive: true });
});

test('distinguishes a saved copy from one that was not saved', async () => {
	const first = await askControl(folder, { ask: 'backup' });
	expect(first?.reply).toEqual({ folder: 'copy' });
	await first?.keep();
	first?.hangUp();
	expect(await over[0]).toBe(true);
	const second = await askControl(folder, { ask: 'backup' });
	second?.hangUp();
	expect(await over[1]).toBe(false);
	expect(logged).toEqual([]);
});

test('does not mistake other messages for a confirmation', async () => {
	const socket = connect(socketPath(folder));
	socket.write('{"ask":"backup"}\n');
	await new Promise(resolve => socket.once('data', resolve));
	socket.end('{"kept":false}\n');
	expect(await over[0]).toBe(false);
});

test('returns nothing if no bot is running', async () => {
	await control?.close();
	expect(await askControl(folder, { ask: 'backup' })).toBeUndefined();
});

// Starts on which the homeserver does not say whether the store was lost.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bot, password, type Served, serve } from '../edges/matrix/served.ts';

const root = join(import.meta.dirname, '../..');
const away = { status: 502, body: {} };
const isMarker = (path: string) => path.endsWith('/account_data/io.glia.store');

let served: Served;
let folder: string;

beforeEach(async () => {
	served = await serve();
	folder = mkdtempSync(join(tmpdir(), 'glia-run-'));
});

afterEach(async () => {
	await served.stop();
	rmSync(folder, { recursive: true });
});

/** Starts the bot. `over`: its exit status and output, once it has ended. */
function start() {
	const config = join(folder, 'config.yaml');
	const matrix = { homeserver: served.url, user: bot, password, allow: ['*'] };
	writeFileSync(config, JSON.stringify({ matrix, store: { path: './data' }, live: { enabled: false } }));
	const child = spawn(process.execPath, ['src/main.ts', '--config', config], {
		cwd: root,
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let output = '';
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding('utf8').on('data', more => {
			output += more;
		});
	return { child, over: once(child, 'close').then(([status]) => ({ status, output })) };
}

test('wait until it does', async () => {
	let asked = 0;
	const { promise, resolve } = Promise.withResolvers<void>();
	served.setWay(path => {
		if (path === 'sync') resolve();
		return isMarker(path) && ++asked <= 2 ? away : undefined;
	});
	const { child, over } = start();
	await Promise.race([promise, over]);
	child.kill();
	expect(await over).toMatchObject({ status: 0 });
	expect(served.calls).toContain('sync');
}, 120_000);

test('say so if the keys turn out to be outdated in the meantime', async () => {
	let asked = 0;
	served.setWay(path => {
		if (isMarker(path)) asked++;
		if (isMarker(path)) return away;
		if (!path.includes('/account_data/io.glia.starts')) return undefined;
		return asked > 0 ? { status: 200, body: { count: 99 } } : away;
	});
	const { status, output } = await start().over;
	expect(output).toContain('The keys in the store are older than this session');
	expect(status).toBe(1);
	expect(served.calls).not.toContain('sync');
}, 120_000);

// What systemd is told through its own program; here one that records its arguments.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Notifier, openNotifier } from '../../../src/edges/health/notify.ts';
import { type Log, silence } from '../../../src/runtime/log.ts';

let folder: string;
let notifier: Notifier | undefined;
const { PATH } = process.env;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'glia-notify-'));
	const program = join(folder, 'systemd-notify');
	writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$@" >> "${folder}/told"\necho >> "${folder}/told"\n`);
	chmodSync(program, 0o755);
	process.env.PATH = `${folder}:${PATH}`;
});

afterEach(() => {
	notifier?.close();
	vi.restoreAllMocks();
	process.env.PATH = PATH;
	rmSync(folder, { recursive: true });
});

const told = () =>
	existsSync(join(folder, 'told')) ? readFileSync(join(folder, 'told'), 'utf8').trim().split('\n') : [];

async function until(fits: () => boolean): Promise<void> {
	while (!fits()) await sleep(20);
}

function open(environment: Record<string, string>, log: Log = silence): Notifier {
	notifier = openNotifier(environment, 42, log);
	return notifier;
}

test('sends ready once, then watchdog messages, then stopping', async () => {
	const notifier = open({ WATCHDOG_USEC: '300000', WATCHDOG_PID: '42' });
	notifier.ready('in sync');
	await until(() => told().length >= 3);
	expect(told()[0]).toBe('READY=1|STATUS=in sync|');
	expect(new Set(told().slice(1))).toEqual(new Set(['WATCHDOG=1|']));
	notifier.stopping();
	await until(() => told().includes('STOPPING=1|'));
});

test('sends no watchdog message while the event loop is blocked', async () => {
	const notifier = open({ WATCHDOG_USEC: '300000' });
	notifier.ready('in sync');
	await until(() => told().length >= 2);
	const before = told().length;
	const over = performance.now() + 1000;
	while (performance.now() < over);
	expect(told().length).toBeLessThanOrEqual(before + 1);
});

test('sends no watchdog messages unless systemd expects them from this process', async () => {
	for (const environment of [{}, { WATCHDOG_USEC: '150000', WATCHDOG_PID: '43' }, { WATCHDOG_USEC: '0' }]) {
		rmSync(join(folder, 'told'), { force: true });
		const notifier = open(environment);
		notifier.ready('in sync');
		await until(() => told().length > 0);
		await sleep(300);
		notifier.close();
		expect(told()).toEqual(['READY=1|STATUS=in sync|']);
	}
});

test('logs once that the program is missing', async () => {
	process.env.PATH = '/nowhere';
	const logged: string[] = [];
	const notifier = open({}, { ...silence, error: (_fields, text) => logged.push(text) });
	notifier.ready('in sync');
	await until(() => logged.length > 0);
	notifier.stopping();
	await sleep(200);
	expect(logged).toEqual(['systemd-notify failed: cannot tell systemd that the service is up']);
});

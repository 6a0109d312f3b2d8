// The bot as systemd starts it: what the real systemd-notify sends to systemd's socket.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Bot, makeBot } from './bot.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

const hasNotify = spawnSync('systemd-notify', ['--version']).status === 0;

/** Receives datagrams, which Node.js cannot do on such a socket, and prints each on a line. */
const receiver = `
import socket, sys
at = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
at.bind(sys.argv[1])
print("listening", flush=True)
while True:
    data, _ = at.recvmsg(4096, 1024)[0:2]
    print(data.decode().replace("\\n", " "), flush=True)
`;

let home: Homeserver;
let bot: Bot;
let systemd: ChildProcess;
let folder: string;
let heard = '';

beforeAll(async () => {
	home = await sharedSynapse();
});

afterEach(async () => {
	for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'GLIA_HEALTH_LISTEN']) delete process.env[name];
	systemd?.kill('SIGKILL');
	await bot?.remove();
	rmSync(folder, { recursive: true, force: true });
});

async function listen(): Promise<void> {
	folder = mkdtempSync(join(tmpdir(), 'glia-systemd-'));
	heard = '';
	process.env.NOTIFY_SOCKET = join(folder, 'notify');
	systemd = spawn('python3', ['-c', receiver, process.env.NOTIFY_SOCKET], { stdio: ['ignore', 'pipe', 'inherit'] });
	systemd.stdout?.setEncoding('utf8').on('data', text => {
		heard += text;
	});
	while (!heard.includes('listening')) await sleep(20);
}

const signs = () => heard.split('WATCHDOG=1').length - 1;

test('reports ready, watchdog and stopping, or logs that systemd-notify is missing', async () => {
	await listen();
	process.env.WATCHDOG_USEC = '600000';
	bot = await makeBot(home);
	await bot.start();
	if (!hasNotify) {
		while (!bot.output().includes('systemd-notify failed')) await sleep(50);
		return;
	}
	while (signs() < 3) await sleep(50);
	expect(heard).toMatch(/^listening\nREADY=1 STATUS=in sync with the homeserver/);
	// In a stopped process, the event loop is stopped too.
	process.kill(bot.pid() ?? 0, 'SIGSTOP');
	await sleep(500);
	const before = signs();
	await sleep(1500);
	expect(signs()).toBe(before);
	process.kill(bot.pid() ?? 0, 'SIGCONT');
	while (signs() === before) await sleep(50);
	expect(await bot.stop()).toBe(0);
	while (!heard.includes('STOPPING=1')) await sleep(50);
});

test('never reports ready if it cannot start', async () => {
	await listen();
	bot = await makeBot(home, { matrix: { password: 'wrong' } });
	bot.spawn();
	expect(await bot.ended()).toBe(1);
	await sleep(300);
	expect(heard).toBe('listening\n');
});

// Ten thousand played homeservers, a tenth of them slow: Glia's look beside bare undici at the same addresses.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Listening } from './played-servers.ts';
import type { Round } from './poller.ts';

const atOnce = 200;
/** Milliseconds that a slow server takes. */
const slow = 2000;

/** Two rounds over all servers: first with the delegation, then as every hour. */
export async function benchPoll(servers = 10_000): Promise<void> {
	const played = spawn(process.execPath, [join(import.meta.dirname, 'played-servers.ts'), String(slow)], {
		stdio: ['pipe', 'pipe', 'inherit'],
	});
	try {
		const [line = ''] = await linesOf(played.stdout, 1);
		const listening = JSON.parse(line) as Listening;
		const bare = await poll('bare', servers, listening);
		const glia = await poll('glia', servers, listening);
		console.log(`poll: ${servers} servers, every tenth takes ${slow} ms, ${atOnce} at once`);
		for (const name of ['first', 'again']) {
			const [theirs, ours] = [named(bare, name), named(glia, name)];
			const ratio = theirs.seconds / ours.seconds;
			const work = ours.cpu / theirs.cpu;
			const what = name === 'first' ? 'first look (delegation and version)' : 'every later look (version)';
			console.log(
				`  ${what}: throughput ${ratio.toFixed(2)} × bare undici's${name === 'again' ? ' (goal: 0.8)' : ''}, processor ${work.toFixed(2)} ×`,
				`\n    bare undici ${told(theirs)}\n    Glia        ${told(ours)}`,
			);
		}
	} finally {
		played.stdin.end();
	}
}

function told({ seconds, cpu, longest, p99, failed, megabytes }: Round): string {
	return `${seconds.toFixed(1)} s (${cpu.toFixed(1)} s of processor), a healthy server p99 ${p99} ms, at most ${longest} ms, ${megabytes} MB, ${failed} failed`;
}

function named(rounds: readonly Round[], name: string): Round {
	const round = rounds.find(round => round.name === name);
	if (!round) throw new Error(`no round ${name}`);
	return round;
}

async function poll(kind: 'bare' | 'glia', servers: number, listening: Listening): Promise<Round[]> {
	const child = spawn(
		process.execPath,
		[join(import.meta.dirname, 'poller.ts'), kind, String(servers), String(atOnce), JSON.stringify(listening)],
		{ stdio: ['ignore', 'pipe', 'inherit'] },
	);
	const [line = ''] = await linesOf(child.stdout, 1);
	return JSON.parse(line) as Round[];
}

async function linesOf(stream: NodeJS.ReadableStream, count: number): Promise<string[]> {
	const lines: string[] = [];
	for await (const line of createInterface({ input: stream })) if (lines.push(line) === count) break;
	return lines;
}

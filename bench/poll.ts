// Ten thousand simulated homeservers, a tenth of them slow: Glia's checks compared with bare undici's requests.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Round } from './poller.ts';

const concurrency = 200;
/** How long a slow server takes to respond, in milliseconds. */
const slow = 2000;

/** Alternates rounds over all servers: one with the delegation, then two like later checks; the better one counts. */
export async function benchPoll(servers = 10_000): Promise<void> {
	const played = spawn(process.execPath, [join(import.meta.dirname, 'played-servers.ts'), String(slow)], {
		stdio: ['pipe', 'pipe', 'inherit'],
	});
	const { value: listening = '' } = await createInterface({ input: played.stdout })[Symbol.asyncIterator]().next();
	const pollers = { bare: poller('bare', servers, listening), glia: poller('glia', servers, listening) };
	const rounds: { bare: Round[]; glia: Round[] } = { bare: [], glia: [] };
	for (let turn = 0; turn < 3; turn++) {
		for (const kind of ['bare', 'glia'] as const) rounds[kind].push(await pollers[kind].round());
	}
	for (const { end } of Object.values(pollers)) end();
	played.stdin.end();
	console.log(`poll: ${servers} servers, every tenth takes ${slow} ms, ${concurrency} at once`);
	for (const name of ['first', 'again'] as const) {
		const [theirs, ours] = [best(rounds.bare, name), best(rounds.glia, name)];
		const what = name === 'first' ? 'first look (delegation and version)' : 'every later look (version)';
		const goal = name === 'again' ? ' (goal: 0.8)' : '';
		console.log(
			`  ${what}: throughput ${(theirs.begunAfter / ours.begunAfter).toFixed(2)} × bare undici's while there is more to do${goal}, ${(theirs.seconds / ours.seconds).toFixed(2)} × to the end of the round, processor ${(ours.cpu / theirs.cpu).toFixed(2)} ×`,
			`\n    bare undici ${told(theirs)}\n    Glia        ${told(ours)}`,
		);
	}
}

function best(rounds: readonly Round[], name: string): Round {
	const [round] = rounds.filter(round => round.name === name).sort((a, b) => a.seconds - b.seconds);
	if (!round) throw new Error(`there was no round called ${name}`);
	return round;
}

function told({ seconds, begunAfter, cpu, longest, p99, failed, megabytes }: Round): string {
	return `${seconds.toFixed(1)} s, the last begun after ${begunAfter.toFixed(1)} s (${cpu.toFixed(1)} s of processor), a healthy server p99 ${p99} ms, at most ${longest} ms, ${megabytes} MB, ${failed} failed`;
}

function poller(kind: 'bare' | 'glia', servers: number, listening: string) {
	const child = spawn(
		process.execPath,
		[join(import.meta.dirname, 'poller.ts'), kind, String(servers), String(concurrency), listening],
		{ stdio: ['pipe', 'pipe', 'inherit'] },
	);
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	return {
		async round(): Promise<Round> {
			child.stdin.write('go\n');
			const { value, done } = await lines.next();
			if (done) throw new Error(`the ${kind} poller ended`);
			return JSON.parse(value) as Round;
		},
		end: () => child.stdin.end(),
	};
}

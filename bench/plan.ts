// How long it takes to decide and word a plan, and to start the program for a single answer.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plan } from '../src/advice/upgrade/plan.ts';
import { openKnowledge } from '../src/knowledge/compiled.ts';
import { planWords } from '../src/messages/plan.ts';
import { buildProgram } from '../test/program.ts';
import { program, quantile } from './room.ts';

/** Measures the largest plan, and `say` as a whole process compared with a Node.js that does nothing. */
export async function benchPlan(): Promise<void> {
	const knowledge = await openKnowledge(new URL('../knowledge/', import.meta.url));
	const stable = knowledge.releases
		.filter(({ version, withdrawn }) => !withdrawn && !version.includes('rc'))
		.map(({ version }) => version);
	const way = { from: '0.0.1', to: stable.at(-1) ?? '', profile: new Map(), today: '2026-11-21' };
	const times: number[] = [];
	for (let i = 0; i < 200; i++) {
		const begun = performance.now();
		planWords(plan(way, knowledge), []);
		times.push(performance.now() - begun);
	}
	console.log(
		`largest plan (0.0.1 → ${way.to}) decided and worded: first ${times[0]?.toFixed(1)} ms, p50 ${quantile(times, 0.5).toFixed(2)} ms (goal: under 5)`,
	);
	const dir = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	const file = process.env.GLIA_TEST_PROGRAM ?? buildProgram(dir);
	const [say, oneFile, nothing]: number[][] = [[], [], []];
	for (let i = 0; i < 10; i++) {
		say?.push(timeOf([...program, 'say', '!upgrade 1.56 1.69']));
		oneFile?.push(timeOf([file, 'say', '!upgrade 1.56 1.69']));
		nothing?.push(timeOf(['-e', '0']));
	}
	console.log(
		`say, the whole process: p50 ${quantile(say ?? [], 0.5).toFixed(0)} ms; of one file: ${quantile(oneFile ?? [], 0.5).toFixed(0)} ms; a Node that does nothing: ${quantile(nothing ?? [], 0.5).toFixed(0)} ms`,
	);
	rmSync(dir, { recursive: true, force: true });
}

function timeOf(args: string[]): number {
	const begun = performance.now();
	execFileSync(process.execPath, args, { stdio: 'ignore' });
	return performance.now() - begun;
}

// The commands in the jobs of docs/pipelines.md work, and fail if they should.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'glia-pipelines-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = readFileSync(join(root, 'docs/pipelines.md'), 'utf8');
const jobs = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, yaml = '']) => parse(yaml));
const commands = [
	...jobs[0].jobs.check.steps.flatMap(({ run }: { run?: string }) => run ?? []),
	...jobs[1]['synapse-configuration'].script,
].filter((line: string) => line.includes(' check '));

test('has one command for each forge', () => {
	expect(commands).toHaveLength(2);
});

test.each(commands)('%s', command => {
	const words = String(command)
		.replace(/^.* -- /, '')
		.split(' ');
	const run = (extra: string) => {
		writeFileSync(
			join(folder, 'homeserver.yaml'),
			`server_name: x\nreport_stats: false\ndatabase: { name: sqlite3 }\n${extra}`,
		);
		const named = words.map(word => (word.includes('homeserver.yaml') ? join(folder, 'homeserver.yaml') : word));
		return spawnSync(process.execPath, ['src/start.cjs', ...named], { cwd: root, encoding: 'utf8' });
	};
	expect(run('')).toMatchObject({ status: 0, stdout: expect.stringContaining('Nothing here stops') });
	expect(run('invite_3pid_guest: true\n')).toMatchObject({
		status: 2,
		stdout: expect.stringContaining('would not start'),
	});
	expect(run('smtp_host: x\n').status).toBe(0);
});

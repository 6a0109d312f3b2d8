// Runs processes until they exit.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type Surroundings = { env?: NodeJS.ProcessEnv; cwd?: string; uid?: number; gid?: number };

/** Resolves to the standard output. Rejects with the end of all output unless the process exits with 0. */
export async function run(command: string, args: readonly string[], around: Surroundings = {}): Promise<string> {
	const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...around });
	let said = '';
	let all = '';
	child.stdout.setEncoding('utf8').on('data', text => {
		said += text;
		all += text;
	});
	child.stderr.setEncoding('utf8').on('data', text => {
		all += text;
	});
	const [status] = await once(child, 'close');
	if (status !== 0)
		throw new Error(`${command} ${args[0] ?? ''} failed: ${all.trim().split('\n').slice(-12).join('\n')}`);
	return said;
}

// Runs processes to their end: returns their output, or throws an error with it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type Surroundings = { env?: NodeJS.ProcessEnv; cwd?: string; uid?: number; gid?: number };

/** Its standard output. Throws an Error with the end of its output unless it exits with 0. */
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

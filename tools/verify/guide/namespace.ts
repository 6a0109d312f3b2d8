// Runs one of our programs in its own namespaces: nothing outside sees what it mounts or starts, and all of it ends
// with the program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const apart = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child'];

/** Resolves to the program's exit status and standard error. Its standard output goes to ours. */
export async function inNamespaces(
	program: URL,
	args: readonly string[],
): Promise<{ status: number | null; said: string }> {
	const child = spawn('unshare', [...apart, process.execPath, '--no-warnings', fileURLToPath(program), ...args], {
		stdio: ['ignore', 'inherit', 'pipe'],
	});
	let said = '';
	child.stderr.setEncoding('utf8').on('data', text => (said += text));
	const [status] = (await once(child, 'close')) as [number | null];
	return { status, said };
}

// One shell into which every block of a guide is pasted, as readers do: folder, variables and options stay from block
// to block, and a command that reads its input consumes the lines that were pasted after it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export type Shell = {
	/** Pastes a block. Resolves to its output; rejects if a command failed, or consumed the lines after it. */
	paste(block: string, more?: { typed?: string; answers?: string[]; mayFail?: boolean }): Promise<string>;
	end(): void;
};

const timeout = 1_200_000;

/**
 * Opens the shell in `cwd`. `typed` is typed after a block was pasted; `answers` are typed one by one, each when a
 * password is requested.
 */
export function openShell(cwd: string, env: NodeJS.ProcessEnv): Shell {
	// Through `cat`, so that its input is a pipe from which programs can read all lines, as from a terminal.
	const shell = spawn('bash', ['-c', 'cat | exec bash --norc --noprofile'], {
		cwd,
		env,
		stdio: ['pipe', 'pipe', 'pipe'],
	});
	let said = '';
	let heard: () => void = () => undefined;
	for (const stream of [shell.stdout, shell.stderr])
		stream.setEncoding('utf8').on('data', text => {
			said += text;
			heard();
		});
	shell.once('close', () => {
		said += '\n@@closed\n';
		heard();
	});
	// Reports which command failed, and continues like a reader's shell. `set -e` would hide what comes after.
	shell.stdin.write(
		`exec 2>&1 9>&1\nset -E\nGLIA_NL=$'\\n'\ntrap 'printf "@@failed %s %s\\n" "$?" "\${BASH_COMMAND//$GLIA_NL/ }" >&9' ERR\n`,
	);
	return {
		async paste(block, { typed = '', answers = [], mayFail = false } = {}) {
			said = '';
			const mark = `@@end-${randomBytes(6).toString('hex')}`;
			const until = Date.now() + timeout;
			const hear = async (isHeard: () => boolean) => {
				while (!isHeard()) {
					if (said.includes('@@closed')) throw new Error(`the shell has ended:\n${block}\n${said.slice(-3000)}`);
					if (Date.now() > until)
						throw new Error(`a command does not end, or consumed the lines after it:\n${block}\n${said.slice(-3000)}`);
					await new Promise<void>(done => {
						const timer = setTimeout(done, 1000);
						heard = () => {
							clearTimeout(timer);
							done();
						};
					});
				}
			};
			shell.stdin.write(`${block.trimEnd()}\n`);
			for (const [index, answer] of answers.entries()) {
				await hear(() => (said.match(/^(?:Enter password|Enter it again).*: ?$/gm) ?? []).length > index);
				shell.stdin.write(`${answer}\n`);
			}
			// Without a terminal, a program reads ahead: what follows its last answer must not be there yet.
			if (answers.length) await new Promise(done => setTimeout(done, 3000));
			shell.stdin.write(`${typed}printf '%s\\n' ${mark}\n`);
			await hear(() => said.includes(`${mark}\n`));
			// Finding nothing is not a failure.
			const failed = [...said.matchAll(/^@@failed (\d+) (.*)$/gm)].filter(
				([, , command = '']) => !/^grep\b/.test(command),
			);
			const all = said.replace(/^@@(?:failed|end).*\n?/gm, '');
			if (failed[0] && !mayFail)
				throw new Error(`“${failed[0][2]}” ended with ${failed[0][1]}:\n${block}\n${all.slice(-3000)}`);
			return all;
		},
		end: () => void shell.kill(),
	};
}

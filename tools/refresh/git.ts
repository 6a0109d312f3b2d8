// Git commands that a refresh runs in a clone.
import { execFileSync } from 'node:child_process';

export type Git = (args: readonly string[], input?: string) => Buffer;

/** Runs git in this folder. The result throws if git exits with an error. */
export function openGit(folder: string): Git {
	return (args, input = '') => execFileSync('git', ['-C', folder, ...args], { input, maxBuffer: 2 ** 31 });
}

/** The texts of these objects (`<commit>:<path>`), in order; undefined if there is no such object. */
export function textsOf(git: Git, names: readonly string[]): (string | undefined)[] {
	const answer = git(['cat-file', '--batch'], names.map(name => `${name}\n`).join(''));
	let at = 0;
	return names.map(() => {
		const end = answer.indexOf('\n', at);
		const header = answer.toString('utf8', at, end);
		at = end + 1;
		if (header.endsWith(' missing')) return undefined;
		const size = Number(header.split(' ').at(-1));
		const text = answer.toString('utf8', at, at + size);
		at += size + 1;
		return text;
	});
}

/** Whether a clone has this path on its current branch. */
export function hasPath(git: Git, path: string): boolean {
	try {
		return git(['ls-tree', '--name-only', 'HEAD', path]).toString().trim() === path;
	} catch {
		return false;
	}
}

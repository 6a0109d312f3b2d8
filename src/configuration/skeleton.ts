// Parses the skeleton script's output (knowledge/skeleton.py): several files in one text, without values but with
// line numbers.
import type { GivenFile } from './files.ts';
import type { UnreadableYaml } from './limits.ts';

const header = /^--- # file (\d+)(?:: (.*))?$/;

/** The files in a skeleton, and those the script could not read; undefined if the text is not a skeleton. */
export function filesOfSkeleton(
	text: string,
): { files: GivenFile[]; failed: (UnreadableYaml & { file: string })[] } | undefined {
	const lines = text.replace(/\r\n?/g, '\n').split('\n');
	const starts = lines.flatMap((line, index) => (header.test(line) ? [index] : []));
	if (starts.length === 0) return undefined;
	const files: GivenFile[] = [];
	const failed: (UnreadableYaml & { file: string })[] = [];
	for (const [index, start] of starts.entries()) {
		const [, number = '', problem] = header.exec(lines[start] ?? '') ?? [];
		const file = `file ${number}`;
		const own = lines.slice(start + 1, starts[index + 1]);
		if (problem === undefined) files.push({ name: file, text: own.join('\n'), skeleton: { lineOf: lineNumbers(own) } });
		else if (problem !== 'empty') failed.push({ file, ...failureOf(problem) });
	}
	return { files, failed };
}

/** A comment after each key has its original line; list elements belong to the key before them. */
function lineNumbers(lines: readonly string[]): (line: number) => number {
	let last = 1;
	const numbers = lines.map(line => {
		const written = / {2}# (\d{1,7})$/.exec(line)?.[1];
		last = written === undefined ? last : Number(written);
		return last;
	});
	return line => numbers[line - 1] ?? last;
}

/** Only what the script itself can print: the text was pasted by someone, and nothing else in it is quoted. */
function failureOf(problem: string): UnreadableYaml {
	const line = /^is (?:no|not valid) YAML, see line (\d{1,7})$/.exec(problem)?.[1];
	if (line !== undefined) return { why: 'It is not YAML.', line: Number(line) };
	if (problem.startsWith('cannot be read')) return { why: 'The script could not read it.', limit: true };
	return { why: 'It is too large or too deeply nested for the script.', limit: true };
}

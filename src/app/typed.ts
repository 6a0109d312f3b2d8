// What people type or paste into the terminal. A pasted log is one input, not a command on each of its lines.
import type { Interface } from 'node:readline/promises';

/** Make the terminal mark the start and end of what is pasted (xterm's bracketed paste, mode 2004). */
const markPastes = '\u001B[?2004h';
const markNoPastes = '\u001B[?2004l';

type Terminal = { input: NodeJS.ReadableStream; output: NodeJS.WritableStream; isDumb: boolean };

/**
 * The inputs until the terminal or readline closes: each line, or each paste whole, with what is typed after it up to
 * Enter. A paste that ends with a line end needs no Enter. Terminals that do not mark pastes send single lines.
 */
export async function* typedInto(lines: Interface, { input, output, isDumb }: Terminal): AsyncGenerator<string> {
	const ready: string[] = [];
	let begun: string[] = [];
	let pasting = false;
	let closed = false;
	let wake = () => {};
	const submit = () => {
		if (begun.length > 0) ready.push(begun.join('\n'));
		begun = [];
		wake();
	};
	lines.on('line', line => {
		begun.push(line);
		if (!pasting) submit();
	});
	// readline turns the marks into keys of its own, which it ignores.
	input.on('keypress', (_: unknown, key?: { name?: string }) => {
		if (key?.name === 'paste-start') pasting = true;
		if (key?.name !== 'paste-end') return;
		pasting = false;
		if (lines.line === '') submit();
	});
	lines.on('close', () => {
		closed = true;
		submit();
	});
	if (!isDumb) output.write(markPastes);
	try {
		while (true) {
			const next = ready.shift();
			if (next !== undefined) yield next;
			else if (closed) return;
			else
				await new Promise<void>(done => {
					wake = done;
				});
		}
	} finally {
		if (!isDumb) output.write(markNoPastes);
	}
}

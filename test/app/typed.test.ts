// What a terminal sends: lines, and pastes between its marks.

import { createInterface } from 'node:readline/promises';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { typedInto } from '../../src/app/typed.ts';

const pasted = (text: string) => `\u001B[200~${text}\u001B[201~`;

/** The inputs that this becomes, and what is written to the terminal. */
async function inputsOf(sent: readonly string[]): Promise<{ inputs: string[]; written: string }> {
	const [input, output] = [new PassThrough(), new PassThrough()];
	const lines = createInterface({ input, output, terminal: true });
	const inputs: string[] = [];
	const reading = (async () => {
		for await (const one of typedInto(lines, { input, output, isDumb: false })) inputs.push(one);
	})();
	for (const piece of sent) input.write(piece);
	input.end();
	await reading;
	return { inputs, written: String(output.read()) };
}

test('gives each typed line by itself', async () => {
	expect((await inputsOf(['!he', 'lp\r', '\r!status\r'])).inputs).toEqual(['!help', '', '!status']);
});

test.each(['\r', '\n', '\r\n'])('gives a paste as one input (line ends %j)', async end => {
	const log = ['!why Traceback (most recent call last):', '  File "x.py"', '', 'KeyError: 1'].join(end);
	const lines = log.replaceAll(end, '\n');
	expect((await inputsOf([pasted(log + end), '!help\r'])).inputs).toEqual([lines, '!help']);
});

test('gives a paste with what is typed before and after it', async () => {
	expect((await inputsOf(['!why ', pasted('a\rb'), ' c\r', '!help\r'])).inputs).toEqual(['!why a\nb c', '!help']);
	expect((await inputsOf([pasted('!why a\r'), '!help\r'])).inputs).toEqual(['!why a', '!help']);
});

test('gives what was pasted if the terminal closes, and turns the marks off', async () => {
	const { inputs, written } = await inputsOf(['\u001B[200~!why a\rb\r']);
	expect(inputs).toEqual(['!why a\nb']);
	expect(written.indexOf('\u001B[?2004h')).toBeLessThan(written.indexOf('\u001B[?2004l'));
});

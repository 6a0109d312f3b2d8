// Which commands are in a message; a pasted log counts as one too.
import { describe, expect, test } from 'vitest';
import { commands } from '../../commands/index.ts';
import { callsIn } from '../../src/bot/calls.ts';

describe('a log pasted instead of a command', () => {
	const traceback = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no';
	const reads = (body: string, mentioned = false) =>
		callsIn({ body, mentioned }, { commands, names: ['glia', '@glia:example.org'], bare: true });

	test.each([
		[`glia: ${traceback}`, false],
		[`!glia ${traceback}`, false],
		[`@glia:example.org ${traceback}`, true],
		[`@glia:example.org: ${traceback}`, false],
		[`what is this?\n${traceback}`, true],
	])('is answered like !why: %j', (body, mentioned) => {
		const [call, more] = reads(body, mentioned);
		expect(more).toBeUndefined();
		expect(call?.name).toBe('why');
		expect(call?.text).toContain('Traceback (most recent call last):\n  File "x.py"');
	});

	test('is ignored if it is not for the bot', () => expect(reads(traceback)).toEqual([]));
	test('is not found in a conversation about errors', () => {
		expect(reads('glia: there was an Error yesterday')[0]?.name).toBe('there');
	});
});

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

describe('the text after a command', () => {
	const read = (body: string, mentioned = false) => {
		const names = ['glia', '@glia:whyte.org', '@glia:checkout.org', 'Synapse check', 'İİ'];
		return callsIn({ body, mentioned }, { commands, names, bare: true }).map(({ name, text }) => [name, text]);
	};

	test.each([
		['@glia:whyte.org: why M_FORBIDDEN', ['why', 'M_FORBIDDEN']],
		['@glia:whyte.org why why is\nthis so', ['why', 'why is\nthis so']],
		['[Glia](https://matrix.to/#/@glia:checkout.org): check 1.98 1.163', ['check', '1.98 1.163']],
		['[why not](https://matrix.to/#/@glia:whyte.org) why x', ['why', 'x']],
		['Synapse check: check 1.98', ['check', '1.98']],
		['Synapse check check 1.98', ['check', '1.98']],
		['İİ: why abc', ['why', 'abc']],
		['! Why\u00a0x\r\ny', ['why', 'x\r\ny']],
		['!w\u200bhy a\nb', ['why', 'a\nb']],
		['!why', ['why', '']],
		['!glia !why why', ['why', 'why']],
		['!glia ! why x', ['why', 'x']],
		['!glia', ['help', '']],
	])('does not begin inside the name of the bot: %j', (body, call) => expect(read(body)).toEqual([call]));

	test('is the same after a mention', () => {
		expect(read('Synapse check check 1.98', true)).toEqual([['check', '1.98']]);
		expect(read('talk\n@glia:whyte.org: why x', true)).toEqual([['why', 'x']]);
	});
});

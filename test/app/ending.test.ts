// Why a process ended, and its last words.
import { expect, test } from 'vitest';
import { Refusal } from '../../src/answer.ts';
import { type Ending, faultSentence, openEnd, statusOf } from '../../src/app/ending.ts';
import { silence } from '../../src/runtime/log.ts';

function ending(log = silence): Ending {
	return { ...openEnd(log), release: () => undefined };
}

/** A log, and what was written to it. */
function logged() {
	const lines: unknown[] = [];
	const write = ({ err, why }: { err?: unknown; why?: unknown }) => void lines.push(err ?? why);
	return { lines, log: { ...silence, warn: write, error: write } };
}

test('logs every reason to stop except the one for which the process ends', () => {
	const { lines, log } = logged();
	const end = ending(log);
	end.end();
	end.end('The keys are old.');
	expect(lines).toEqual([]);
	const faults = [new Error('the store is closed'), new Error('broken')];
	for (const fault of faults) end.fatal(fault);
	end.end('The token has expired.');
	expect(lines).toEqual([...faults, 'The token has expired.']);
});

test('logs what fails after the first fault, once', () => {
	const { lines, log } = logged();
	const end = ending(log);
	const [first, second] = [new Error('first'), new Error('second')];
	end.fatal(first);
	expect(lines).toEqual([]);
	end.fatal(second);
	end.end('The keys are old.');
	expect(lines).toEqual([second, 'The keys are old.']);
});

test('does not mistake a failure during the shutdown for the reason', () => {
	const end = ending();
	end.end('The keys are old.');
	end.fatal(new Error('the store is closed'));
	expect(() => statusOf(end, silence, faultSentence)).toThrow(new Refusal('The keys are old.'));
});

test('names a fault that came first as the reason, whatever follows', () => {
	const end = ending();
	end.fatal(new Error('broken'));
	end.end('The keys are old.');
	const said: string[] = [];
	const write = process.stderr.write;
	process.stderr.write = text => said.push(String(text)) > 0;
	try {
		expect(statusOf(end, silence, faultSentence)).toBe(3);
	} finally {
		process.stderr.write = write;
	}
	expect(said).toEqual(['Glia is stopping because of an internal error; see the log for details: broken.\n']);
});

test.each([
	[
		'the store',
		new Error('no space'),
		{ place: 'db:5432/glia' },
		'Incoming or outgoing messages cannot be stored in db:5432/glia: no space',
	],
	[
		'a disk that is full',
		new Error('no space'),
		{ place: './data', trouble: 'it is full' },
		'Incoming or outgoing messages cannot be stored in ./data: no space: it is full',
	],
	[
		'the keys, whose error is already a sentence',
		Object.assign(new Error('x'), { name: 'CryptoError' }),
		{ place: 'a' },
		'no',
	],
	[
		'anything else',
		new Error('x'),
		undefined,
		'Glia is stopping because of an internal error; see the log for details: no',
	],
])('blames %s in its last words', (_, fault, unstored, words) => {
	const why = words.includes('no space') ? 'no space' : 'no';
	expect(faultSentence(fault, why, unstored)).toBe(words);
});

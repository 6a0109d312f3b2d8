// A guide promises in words that a command prints nothing; a trial can only check that if it recognises the words.
import { expect, test } from 'vitest';
import { openKnowledge } from '../../../../src/knowledge/compiled.ts';
import { allStages } from '../../../../src/knowledge/guide-stages.ts';
import { promisesSilence } from '../../../../tools/verify/guide/silence.ts';

test.each([
	['Nothing should be printed.', true],
	['Nothing should be printed. Anything that is listed is still connected; stop it.', true],
	['No line contains `MISSING`.', false],
	[undefined, false],
])('%s: %s', (see, silent) => expect(promisesSilence({ see })).toBe(silent));

test('every guide that expects no output says so in the words that a test checks', async () => {
	const { guides } = await openKnowledge(new URL('../../../../knowledge/', import.meta.url));
	const expectations = guides.flatMap(guide =>
		allStages(guide).flatMap(({ id, steps }) =>
			steps.flatMap(({ see }) => (see === undefined ? [] : [{ where: `${guide.id}/${id}`, see }])),
		),
	);
	const silent = expectations.filter(({ see }) => promisesSilence({ see }));
	expect(silent.length).toBeGreaterThan(5);
	const otherWords = expectations.filter(({ see }) =>
		/\b(?:nothing\b[^.]*\b(?:print|output|show)|no output|empty output)/i.test(see),
	);
	expect(otherWords.filter(({ see }) => !promisesSilence({ see }))).toEqual([]);
});

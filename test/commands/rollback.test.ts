import { expect, test } from 'vitest';
import { rollback } from '../../commands/rollback.ts';
import { Refusal } from '../../src/answer.ts';
import { asked } from '../asked.ts';
import { known, releases } from '../known.ts';

const knowledge = known({
	releases: releases(
		{ version: '1.60.0', schema: 70, schemaCompat: 69 },
		{ version: '1.61.0', schema: 71, schemaCompat: 69 },
		{ version: '1.62.0', schema: 72, schemaCompat: 71 },
	),
});
const said = (text: string) => rollback.run(asked(text), { knowledge });

test('says how far you can roll back', () => {
	expect(said('1.62').value).toMatchObject({ release: '1.62.0', floor: '1.61.0' });
	expect(said('1.62 1.60').value).toMatchObject({ to: '1.60.0', canReturn: false });
	expect(said('1.62 1.61').value).toMatchObject({ to: '1.61.0', canReturn: true });
});

test.each([
	['', 'Give the current release'],
	['1.61 1.62', '1.62.0 is newer than 1.61.0'],
	['1.61 1.61.0', 'Both are 1.61.0'],
	['1.62 1.61 1.60', 'Give the current release'],
	['1.62 docker', 'Give the current release'],
	['example.org', 'Give the current release'],
])('refuses %s: %s', (text, words) => {
	expect(() => said(text)).toThrow(Refusal);
	expect(() => said(text)).toThrow(words);
});

test('says that the oldest release has nowhere to go back to', () =>
	expect(said('1.60').value).toMatchObject({ release: '1.60.0', floor: '1.60.0' }));

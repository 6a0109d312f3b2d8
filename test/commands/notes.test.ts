import { expect, test } from 'vitest';
import { notes } from '../../commands/notes.ts';
import { Refusal } from '../../src/answer.ts';
import { asked } from '../asked.ts';
import { known, knownDistributions, note, releases } from '../known.ts';

const knowledge = known({
	releases: releases('1.60.0', '1.61.0', '1.61.1', '1.62.0rc1'),
	notes: [note('1.61.0/mail', { must: true, applies: { all: ['email'] } }), note('1.61.1/fix'), note('1.62.0/coming')],
});
const said = (text: string) => notes.run(asked(text), { knowledge, distributions: knownDistributions() });
const idsOf = async (text: string) => ((await said(text)).value.notes as { id: string }[]).map(({ id }) => id);

test('shows all patch releases for a version of two parts, and one for a version of three', async () => {
	expect((await idsOf('1.61')).sort()).toEqual(['1.61.0/mail', '1.61.1/fix']);
	expect(await idsOf('1.61.1')).toEqual(['1.61.1/fix']);
});

test('accepts `latest` for the newest release', async () =>
	expect(await idsOf('latest')).toEqual(await idsOf('1.61.1')));

test('hides what a fact rules out, and says so', async () => {
	expect(await idsOf('1.61.0 no-email')).toEqual([]);
	expect((await said('1.61.0 no-email')).value.hidden).toMatchObject([{ id: '1.61.0/mail', because: ['no-email'] }]);
});

test("shows a candidate's notes under its release", async () =>
	expect(await idsOf('1.62.0rc1')).toEqual(['1.62.0/coming']));

test.each([
	['', 'Which release?'],
	['example.org', 'Which release?'],
	['1.60 1.61', 'One release at a time'],
])('refuses “%s”: %s', async (text, words) => {
	await expect(said(text)).rejects.toThrow(Refusal);
	await expect(said(text)).rejects.toThrow(words);
});

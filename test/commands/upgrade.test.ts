import { describe, expect, test } from 'vitest';
import { upgrade } from '../../commands/upgrade.ts';
import { Refusal } from '../../src/answer.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import { asked } from '../asked.ts';
import { known, knownCode, knownDistributions, note, releases } from '../known.ts';

const now = () => new Date('2026-11-29T12:00:00Z');
const knowledge = known({
	releases: releases('1.60.0', '1.61.0', '1.62.0'),
	notes: [note('1.61.0/mail', { must: true, applies: { all: ['email'] } }), note('1.62.0/all', { must: true })],
});
const said = async (text: string) =>
	await upgrade.run(asked(text), {
		knowledge,
		code: knownCode(),
		distributions: knownDistributions(),
		store: openLater(),
		now,
	});
const stepsOf = async (text: string) =>
	((await said(text)).value.steps as { id: string }[]).map(({ id }) => id).filter(id => !id.endsWith('/switch'));

test('upgrades to the newest release by default', async () => {
	expect((await said('1.60')).value).toMatchObject({ from: '1.60.0', to: '1.62.0' });
	expect(await stepsOf('1.60 1.61')).toEqual(['1.61.0/mail', '1.61.0/try']);
});

test('is shorter with facts', async () =>
	expect(await stepsOf('1.60 1.62 no-email')).toEqual(['1.62.0/all', '1.62.0/try']));

describe('refuses', () => {
	test.each([
		['', 'From which release?'],
		['1.62', 'the newest release I know'],
		['1.61 1.61', 'Both are 1.61.0'],
		['1.62 1.60', 'The older one comes first'],
		['1.60 1.61 1.62', 'is a third'],
		['example.org', 'is not watching'],
	])('“%s”, with “%s”', async (text, words) => {
		await expect(said(text)).rejects.toThrow(Refusal);
		await expect(said(text)).rejects.toThrow(words);
	});
});

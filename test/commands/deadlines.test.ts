import { expect, test } from 'vitest';
import { deadlines } from '../../commands/deadlines.ts';
import { Refusal } from '../../src/answer.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import { asked } from '../asked.ts';
import { known, note, releases } from '../known.ts';

const now = () => new Date('2026-11-29T12:00:00Z');
const promise = (subject: string, more: object = {}) => ({
	deadline: { subject, at: { date: '2027-01-01' }, promised: 'It goes.', ...more },
});
const knowledge = known({
	releases: releases('1.60.0', '1.61.0'),
	notes: [
		note('1.60.0/mail', { applies: { all: ['email'] }, ...promise('the old mailer') }),
		note('1.60.0/gone', promise('the old log', { landed: '1.61.0' })),
	],
});
const said = (text: string) => deadlines.run(asked(text), { knowledge, store: openLater(), now });
const subjects = async (text: string) =>
	((await said(text)).value.deadlines as { subject: string }[]).map(({ subject }) => subject);

test('lists pending deadlines, and with all also those that have taken effect', async () => {
	expect(await subjects('')).toEqual(['the old mailer']);
	expect((await subjects('all')).sort()).toEqual(['the old log', 'the old mailer']);
});

test('leaves out deadlines that the facts rule out', async () => expect(await subjects('no-email')).toEqual([]));

test.each([
	['1.60', '!upgrade 1.60'],
	['a.example b.example', 'One server at a time'],
	['a.example', 'is not watching'],
])('refuses “%s” with “%s”', async (text, words) => {
	await expect(said(text)).rejects.toThrow(Refusal);
	await expect(said(text)).rejects.toThrow(words);
});

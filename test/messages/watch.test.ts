// The open alerts in a room: the most urgent first, and what to do about them last.
import { expect, test } from 'vitest';
import { openWords } from '../../src/messages/watch.ts';

type Open = Parameters<typeof openWords>[0][number];

function open(number: number, more: Partial<Open> = {}): Open {
	const about = { rule: 'advisory', id: `CVE-${number}`, rating: 'high', name: 'Hole' };
	return {
		...{ id: `${number}`, number, server: 'example.org', rule: 'advisory', subject: `CVE-${number}`, stage: 'open' },
		...{ severity: 'severe', at: '2026-11-29T12:00:00.000Z', about, reminders: 0, episode: 'e' },
		...more,
	} as unknown as Open;
}

test('says in the last line what to do about the urgent servers, and how to silence the rest', () => {
	const { sections, lead } = openWords([open(3), open(4, { server: 'b.example.org', severity: 'info' })], 2);
	expect(lead).toBe('**1 alert open, plus 1 informational.**');
	expect(sections.map(({ title }) => title)).toEqual(['`example.org` (1)', '`b.example.org`: informational (1)', '']);
	expect(sections.at(-1)?.markdown).toBe(
		'Upgrade plan: `!upgrade example.org`\\\n`!ack 3` stops the reminders for an alert; `!snooze 7d 3` postpones it.',
	);
});

test('suggests no upgrade for an acknowledged alert', () => {
	const acked = open(3, { acked: { at: '2026-11-29T12:00:00.000Z', by: '@a:x' } as never });
	expect(openWords([acked], 1).sections.at(-1)?.markdown).not.toContain('!upgrade');
});

test('gives a question about a deadline no time, which may have passed since it was asked', () => {
	const about = { rule: 'deadline', name: 'old things', stage: 'd14' } as const;
	const words = (stage: string) =>
		openWords([open(1, { rule: 'deadline', about, stage })], 1)
			.sections.map(({ markdown }) => markdown)
			.join();
	expect(words('ask')).toContain('#1 May apply: old things');
	expect(words('d14')).toContain('#1 Within two weeks: old things');
});

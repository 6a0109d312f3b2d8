// How alerts become one message: new ones in full, reminders as a list, and what the room is asked.
import { expect, test } from 'vitest';
import type { Alert } from '../../src/advice/watch/alerts.ts';
import { alertWords } from '../../src/messages/alerts.ts';

function alert(subject: string, more: Partial<Alert> = {}): Alert {
	return {
		watch: 'w',
		rule: 'advisory',
		subject,
		stage: 'open',
		episode: 'e',
		kind: 'new',
		severity: 'warning',
		about: { rule: 'advisory', id: subject, rating: 'moderate', name: 'Hole' },
		details: { is: 'unclear', running: '1.0.0', written: `More about ${subject}` },
		...more,
	};
}

const numbered = (...alerts: Alert[]) => alerts.map((one, i) => ({ alert: one, number: i + 1 }));

test('puts a single alert in one paragraph, and mentions whom the room wants if it is severe enough', () => {
	const words = alertWords('example.org', numbered(alert('CVE-1')), '@a:x');
	expect(words.sections).toEqual([]);
	expect(words.lead).toMatch(
		/^\*\*⚠️ `example\.org`: Vulnerable to `CVE-1` \(moderate\): Hole\*\* · #1\n\n.*`More about CVE-1`/,
	);
	expect(words.mention).toEqual(['@a:x']);
	const news = alertWords(
		'example.org',
		numbered(alert('1.1', { rule: 'release', severity: 'info', about: { rule: 'release', newest: '1.1.0' } })),
		'@a:x',
	);
	expect(news.mention).toBeUndefined();
	expect(news.lead).not.toContain('!ack');
});

test('lists reminders at the end, without their texts', () => {
	const { sections, lead } = alertWords(
		'example.org',
		numbered(alert('CVE-1', { kind: 'reminder' }), alert('CVE-2'), alert('CVE-3', { kind: 'reminder' })),
		undefined,
	);
	expect(lead).toContain('⚠️ `example.org`: Vulnerable to `CVE-2` (moderate): Hole (plus 2 more alerts)');
	expect(sections.map(({ title }) => title)).toEqual(['Security #2', 'Still open (2)', '']);
	expect(sections.at(-1)?.markdown).toMatch(/^Upgrade plan: `!upgrade example\.org`\n\n✅ or `!ack`/);
	expect(sections[1]?.markdown).toBe(
		'* ⚠️ Vulnerable to `CVE-1` (moderate): Hole · #1\n* ⚠️ Vulnerable to `CVE-3` (moderate): Hole · #3',
	);
	expect(JSON.stringify(sections)).not.toContain('More about CVE-1');
});

test('puts the first of several alerts in the headline, and the others under their titles', () => {
	const { sections, lead } = alertWords('example.org', numbered(alert('CVE-1'), alert('CVE-2')), undefined);
	expect(lead).toContain('Vulnerable to `CVE-1` (moderate): Hole (plus 1 more alert)');
	expect(sections.map(({ markdown }) => markdown.includes('**Vulnerable to'))).toEqual([false, true, false]);
	expect(sections[0]?.markdown).toContain('More about CVE-1');
});

test('counts what is resolved apart from the other alerts', () => {
	const solved = (subject: string) => alert(subject, { kind: 'solved', severity: 'info' });
	const headOf = (...alerts: Alert[]) => alertWords('example.org', numbered(...alerts), undefined).lead.split('\n')[0];
	expect(headOf(alert('CVE-1'), solved('CVE-2'), solved('CVE-3'), alert('CVE-4'))).toMatch(
		/Vulnerable to `CVE-1` .* \(plus 1 more alert\); 2 alerts resolved\*\*$/,
	);
	expect(headOf(solved('CVE-2'), solved('CVE-3'))).toMatch(/: No longer .*; 1 more resolved\*\*$/);
	expect(headOf(solved('CVE-2'), alert('CVE-1', { kind: 'reminder' }))).toMatch(/\(plus 1 more alert\)\*\*$/);
});

test('groups vulnerabilities fixed by one release, with their numbers', () => {
	const hole = (id: string, fixedIn: string) =>
		alert(id, { details: { is: 'advisory', running: { version: '1.0.0', standing: 'release' }, fixedIn } });
	const closed = ['CVE-1', 'CVE-2', 'CVE-3'].map(id => hole(id, '1.1.0'));
	const told = numbered(...closed, hole('CVE-4', '1.2.0'));
	const { sections } = alertWords('example.org', told, undefined);
	expect(sections.map(({ title }) => title)).toEqual(['Security (3)', 'Security #4', '']);
	expect(sections[0]?.markdown).toMatch(
		/^It runs 1\.0\.0; fixed in 1\.1\.0\.\n\n\* ⚠️ Vulnerable to `CVE-1` .* · #1\n.*#2\n.*#3$/,
	);
	// The text of the headline's alert is right below it, because it has no title of its own.
	const headed = alertWords('example.org', numbered(hole('CVE-4', '1.2.0'), ...closed), undefined);
	expect(headed.lead).toContain('CVE-4');
	expect(headed.sections.map(({ title }) => title)).toEqual(['Security #1', 'Security (3)', '']);
	const two = alertWords('example.org', numbered(...closed.slice(0, 2)), undefined).sections;
	expect(two.map(({ title }) => title)).toEqual(['Security #1', 'Security #2', '']);
});

test("does not repeat a deadline's subject under its own title", () => {
	const subject = 'The old door';
	const deadline = {
		...{ id: 'x', subject, at: { vague: 'no date given' }, promised: subject, concerned: true, announced: '1.0.0' },
		...{ replacedBy: 'the new door', landed: null, slipped: false, options: [], sources: [] },
	} as unknown as Extract<NonNullable<Alert['details']>, { is: 'deadline' }>['deadline'];
	const about = { rule: 'deadline' as const, name: subject, stage: 'announced' } as Alert['about'];
	const one = alert('old-door', { rule: 'deadline', about, details: { is: 'deadline', deadline } });
	const { lead } = alertWords('example.org', numbered(one), undefined);
	expect(lead).toContain('Deadline announced: The old door');
	expect(lead).toContain('\n\nNo date given. Replacement: the new door.');
	expect(lead.match(/old door/g)).toHaveLength(1);
});

test('puts a reminder in one line, with what to do', () => {
	const { sections, lead } = alertWords('example.org', numbered(alert('CVE-1', { kind: 'reminder' })), undefined);
	expect(sections).toEqual([]);
	expect(lead).toMatch(
		/^\*\*⚠️ Still open: `example\.org`: Vulnerable to `CVE-1` \(moderate\): Hole\*\* · #1\n\nUpgrade plan: `!upgrade example\.org` ✅ or `!ack`[^\n]*$/,
	);
});

test('reports an upgrade together with what it solved', () => {
	const changed = alert('1.1', { severity: 'info', about: { rule: 'release', newest: '1.1.0' } });
	const { lead } = alertWords('example.org', numbered(changed, alert('CVE-1', { kind: 'solved' })), undefined);
	expect(lead).toMatch(/; 1 alert resolved\*\*/);
});

test('says that only some of it is uncertain if some of it is certain', () => {
	const asks = alert('CVE-1', { ask: ['workers'] });
	expect(alertWords('example.org', numbered(asks), undefined).lead).toContain('whether this affects it');
	expect(alertWords('example.org', numbered(asks, alert('CVE-2')), undefined).lead).toContain(
		'whether all of this affects it. Tell me, for example `!profile example.org workers`',
	);
});

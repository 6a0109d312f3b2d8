import { expect, test } from 'vitest';
import { compareFacts, factsByEntry, factsOf } from '../../../tools/facts/facts.ts';

const file = (text: string) =>
	factsByEntry('notes/1.66.0.yaml', `notes:\n  - id: a\n    options: [email]\n    text: |\n      ${text}\n`);
const differences = (before: string, after: string) => compareFacts(file(before), file(after));

test('finds no difference in a rewording that keeps every fact', () => {
	const before = 'Set `email.smtp_host` before 1.66.0, at the latest on 2022-08-31: it takes 30 seconds.';
	const after = 'By 2022-08-31, and before 1.66.0, set `email.smtp_host`. This takes 30 seconds.';
	expect(differences(before, after)).toEqual([]);
});

test.each([
	['an option', 'Set `email.smtp_host`.', 'Set `email.smtp_port`.', 'code email.smtp_host'],
	['a version', 'Take 1.66.1.', 'Take 1.66.2.', 'version 1.66.1'],
	['a candidate', 'Take 1.66.1rc1.', 'Take 1.66.1rc2.', 'version 1.66.1rc1'],
	['a number', 'Wait 45 s.', 'Wait 54 s.', 'number 45'],
	['a number in words', 'Wait ten minutes.', 'Wait some minutes.', 'number ten'],
	['a link', 'See https://example.org/a.', 'See https://example.org/b.', 'link https://example.org/a.'],
	['an advisory', 'It closes CVE-2022-31052.', 'It closes CVE-2022-31053.', 'advisory CVE-2022-31052'],
	['a date', 'It ends in 2027-01.', 'It ends in 2027-02.', 'date 2027-01'],
	['a proposal', 'MSC3861 is on.', 'It is on.', 'proposal MSC3861'],
])('notices the loss of %s', (_, before, after, fact) => {
	expect(differences(before, after).flatMap(({ lost }) => lost)).toContain(fact);
	expect(differences(after, before).flatMap(({ added }) => added)).toContain(fact);
});

test("treats each line of a code block as a fact, without the block's indentation", () => {
	expect([...factsOf('Type:\n\n```\nsystemctl stop synapse\n\n  --now\n```\n\nand wait.')]).toEqual([
		'line systemctl stop synapse',
		'line   --now',
	]);
});

test('treats values other than prose as facts, and notices a missing entry', () => {
	const entry = 'notes/1.66.0.yaml a';
	expect(compareFacts(file('x y'), factsByEntry('notes/1.66.0.yaml', 'notes: []'))).toEqual([
		{ entry, lost: ['notes.id a', 'notes.options email'], added: [] },
	]);
});

test('compares text that is typed or matched line by line', () => {
	const guide = (commands: string) =>
		factsByEntry('guides/a.yaml', `steps:\n  - id: s\n    commands: |\n      ${commands}\n`);
	expect(compareFacts(guide('echo "log in"'), guide('echo "login in"'))).toEqual([
		{ entry: 'guides/a.yaml s', lost: ['line echo "log in"'], added: ['line echo "login in"'] },
	]);
});

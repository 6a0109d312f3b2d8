// The text of a distribution's entry: who refuses, and what must be done before the upgrade.
import { expect, test } from 'vitest';
import { type EntryTold, entryText } from '../../src/messages/distribution-entries.ts';

const entry = (more: Partial<EntryTold>): EntryTold => ({
	id: 'x',
	date: '2026-01-01',
	title: 'Something changes',
	breaking: true,
	concerned: true,
	components: [],
	text: 'It changes.',
	sources: [],
	...more,
});

test.each([
	[{}, 'values', 'The playbook stops before it changes anything, until the values are correct.'],
	[{}, 'variables', 'While an old variable is set, the playbook stops before it changes anything.'],
	[{}, 'data', 'The playbook stops if it finds the old state on the server.'],
	[{ chart: '26.1.0' }, 'values', 'The chart fails before it changes anything, until the values are correct.'],
])('says who refuses: %j, %s', (more, refuses, says) => {
	expect(entryText(entry({ ...more, refuses }))).toContain(says);
});

test('says what to do before pulling the playbook or upgrading the chart', () => {
	expect(entryText(entry({ first: 'Back up.' }))).toContain('**Before you pull:** Back up.');
	expect(entryText(entry({ chart: '26.1.0', first: 'Back up.' }))).toContain('**Before you upgrade:** Back up.');
});

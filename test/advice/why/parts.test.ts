// Fragments of messages, as people quote them when they report a failed upgrade.
import { expect, test } from 'vitest';
import { catalogueOf } from '../../../src/advice/why/catalogue.ts';
import { diagnose } from '../../../src/advice/why/diagnose.ts';
import { entriesWithPart } from '../../../src/advice/why/parts.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);
const answer = (text: string) => diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches;

test.each([
	['EXPKEYSIG', 'symptom/archive-key-expired'],
	['event_push_summary_unique_index2', 'fault/1.85.0/schema-delta'],
	['temp_user_filters.user_id', 'fault/1.86.0/sqlite-user-filters'],
	['_encodeName', 'symptom/twisted-24-10'],
	['MSC4108 requires MSC3861', 'fault/1.136.0/msc4108-needs-msc3861'],
	['msc3861 was removed', 'symptom/msc3861-removed'],
	['TOO NEW for the\nserver to understand', 'symptom/too-new'],
])('recognises %s, but only as a guess', (text, id) => {
	const [best] = answer(text);
	expect(best?.entry.id).toBe(id);
	expect(best).toMatchObject({ by: 'words', sure: false });
});

test('ignores single words and parts that are too short', () => {
	const { entries } = catalogueOf(knowledge, code);
	for (const text of ['requires', 'Database', 'must be', 'int()', `EXPKEYSIG ${'x'.repeat(200)}`])
		expect(entriesWithPart(text, entries)).toEqual([]);
	expect(entriesWithPart('EXPKEYSIG', entries)).toHaveLength(1);
});

test('ignores a part that many messages share', () => {
	const { entries } = catalogueOf(knowledge, code);
	expect(entriesWithPart('No module named', entries).length).toBeGreaterThan(3);
	expect(answer('has no attribute').filter(({ by }) => by === 'words')).toEqual([]);
});

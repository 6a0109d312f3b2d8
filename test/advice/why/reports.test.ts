// Fragments of errors that people reported after upgrades, with the first answer to each; docs/why.md has them as a table.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnose } from '../../../src/advice/why/diagnose.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);
const page = readFileSync(new URL('../../../docs/why.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `+ ?(.+?) ?`+ \| `(.+?)` \|/gm)].map(([, text = '', id = '']) => ({ text, id }));

test('has at least twenty reports', () => expect(rows.length).toBeGreaterThanOrEqual(20));

test.each(rows)('$text', ({ text, id }) => {
	const [best] = diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches;
	expect(best?.entry.id).toBe(id);
});

// What releases printed when started with a mistake (test/real/refused-starts.ts): the right cause comes first.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnose } from '../../../src/advice/why/diagnose.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);

type Refused = { name: string; release: string; wanted: { id: string } | { option: string }; text: string };
const { texts } = JSON.parse(readFileSync(new URL('refused-starts.json', import.meta.url), 'utf8')) as {
	texts: Refused[];
};

test('has at least forty cases', () => expect(texts.length).toBeGreaterThanOrEqual(40));

test.each(texts)('$name ($release)', ({ wanted, text }) => {
	const [best] = diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches;
	expect(best?.by).toBe('text');
	if ('id' in wanted) expect(best?.entry.id).toBe(wanted.id);
	else expect(best?.options, best?.entry.id).toContain(wanted.option);
});

// What a sure answer must not be given to: lines of servers that are well, and errors of other programs.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnose } from '../../../src/advice/why/diagnose.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
const { lines } = read('harmless-lines.json') as { lines: { text: string }[] };
const { texts } = read('unrelated-texts.json') as { texts: string[] };

/** Of each the answer, where that is a cause and sure of itself. */
const sureOf = (all: readonly string[]) =>
	all.flatMap(text => {
		const [best] = diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches;
		return best?.sure && best.entry.rank !== 'harmless' ? [`${best.entry.id}: ${text.slice(0, 120)}`] : [];
	});

test('a thousand lines that releases print while they are well', { timeout: 30_000 }, () => {
	expect(lines.length).toBeGreaterThanOrEqual(1000);
	expect(sureOf(lines.map(({ text }) => text))).toEqual([]);
});

test('all of these lines together are no cause', () => {
	const all = lines.map(({ text }) => text).join('\n');
	expect(sureOf([all])).toEqual([]);
});

test('two hundred errors of nginx, Docker, PostgreSQL, bridges and others', () => {
	expect(texts.length).toBeGreaterThanOrEqual(200);
	expect(sureOf(texts).length).toBeLessThanOrEqual(1);
});

// Texts that must not get a certain answer: lines from healthy servers, and errors from other programs.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnose } from '../../../src/advice/why/diagnose.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
const { lines } = read('harmless-lines.json') as { lines: { release: string; text: string }[] };
const { texts } = read('unrelated-texts.json') as { texts: string[] };

/** The answers that claim a cause with certainty. */
const sureOf = (all: readonly string[]) =>
	all.flatMap(text => {
		const [best] = diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches;
		return best?.sure && best.entry.rank !== 'harmless' ? [`${best.entry.id}: ${text.slice(0, 120)}`] : [];
	});

/** A row of the table in docs/why.md: how many texts, and how many of them get a certain cause. */
function claimed(what: string): { texts: number; sure: number } {
	const page = readFileSync(new URL('../../../docs/why.md', import.meta.url), 'utf8');
	const [, texts, sure] = new RegExp(`^\\| ${what}[^|]* \\| ([\\d,]+) \\| (\\d+) \\|`, 'm').exec(page) ?? [];
	return { texts: Number(texts?.replaceAll(',', '')), sure: Number(sure) };
}

test('claims no cause with certainty for a thousand lines that healthy releases print', { timeout: 30_000 }, () => {
	expect(lines.length).toBeGreaterThanOrEqual(1000);
	expect(new Set(lines.map(({ release }) => release)).size).toBeGreaterThanOrEqual(5);
	expect(claimed('lines from healthy servers')).toEqual({ texts: lines.length, sure: 0 });
	expect(sureOf(lines.map(({ text }) => text))).toEqual([]);
});

test('claims no cause with certainty for all of these lines together', () => {
	const all = lines.map(({ text }) => text).join('\n');
	expect(sureOf([all])).toEqual([]);
});

test('claims at most one cause with certainty for two hundred errors from nginx, Docker and other programs', () => {
	expect(texts.length).toBeGreaterThanOrEqual(200);
	const sure = sureOf(texts);
	expect(sure.length).toBeLessThanOrEqual(1);
	expect(claimed('errors from other programs')).toEqual({ texts: texts.length, sure: sure.length });
});

test.each([
	[
		'a package in what pip prints',
		'Collecting matrix-synapse\nRequirement already satisfied: beautifulsoup4 in ./lib\nERROR: x',
	],
	[
		"a module's own mistake",
		'synapse.module_api - 5 - ERROR - main - Traceback (most recent call last):\n  File "/opt/mine.py", line 3, in check\nTypeError: cannot unpack non-iterable NoneType object',
	],
	["another program's unit", 'nextcloud-cron.service: start operation timed out. Terminating.'],
])('does not take %s for a message of Synapse', (_, text) => expect(sureOf([text])).toEqual([]));

test('is certain of a package if the whole message is there', () => {
	const text = "synapse.util.check_dependencies.DependencyException: ['beautifulsoup4']";
	const [best] = diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches;
	expect(best).toMatchObject({ entry: { id: 'note/1.163.0/url-preview-beautifulsoup' }, sure: true });
});

test('a text of hyphens takes about as long as one of underscores', () => {
	const spent = (unit: string) => {
		const text = `password authentication failed\n${unit.repeat(4_000_000 / unit.length)}`;
		const before = process.cpuUsage();
		diagnose({ text, versions: [], profile: new Map() }, knowledge, code);
		const { user, system } = process.cpuUsage(before);
		return user + system;
	};
	spent('a_');
	expect(spent('a-')).toBeLessThan(10 * spent('a_'));
});

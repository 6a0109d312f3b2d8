// Messages that a pager or `systemctl status` cut off at the width of the terminal.
import { expect, test } from 'vitest';
import { cutMatches } from '../../../src/advice/why/cut-lines.ts';
import { diagnose, type WhyMatch } from '../../../src/advice/why/diagnose.ts';
import { refusalTexts } from '../../../src/advice/why/refusals.ts';
import { squeeze } from '../../../src/advice/why/template.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);
const best = (text: string): WhyMatch | undefined =>
	diagnose({ text, versions: [], profile: new Map() }, knowledge, code).matches[0];

/** The lines as a terminal of this width shows them. */
const cut = (text: string, width: number, mark: string) =>
	text
		.split('\n')
		.map(line => (line.length > width ? line.slice(0, width - mark.length) + mark : line))
		.join('\n');

const journal = (text: string) => text.replace(/^/gm, 'Nov 29 09:00:00 host synapse[12]: ');

const open =
	'Error in configuration:\n  You have enabled open registration without any verification. This is a known vector for spam and abuse.';
const tooNew =
	'synapse.storage.prepare_database.UpgradeDatabaseException: Cannot use this database as it is too new for the server to understand';

test.each(['>', '…', '...'])('recognises the beginning of a message before %s', mark => {
	for (const width of [110, 130]) {
		const match = best(cut(journal(open), width, mark));
		expect(match?.entry.id).toContain('You have enabled open registration');
		expect(match).toMatchObject({ by: 'text', cut: true, sure: true });
	}
	expect(best(cut(journal(tooNew), 150, mark))).toMatchObject({ entry: { id: 'symptom/too-new' }, sure: true });
});

test('recognises a message that is cut off within a value', () => {
	const text =
		'psycopg2.errors.UndefinedTable: Expected database schema version 72 but got 69, and a long path to something';
	expect(best(cut(text, 72, '>'))).toMatchObject({ entry: { id: 'symptom/worker-before-main' }, cut: true });
});

test('is not certain of a beginning that messages share, or that is short', () => {
	expect(best('2026-11-29 09:00:00 - synapse - ERROR - main - Database schema delta 7>')?.sure).not.toBe(true);
	expect(best('You have enabled open registration wi>')?.sure).not.toBe(true);
});

test('looks only at lines that are cut off, and at the end of them', () => {
	const templates = [{ pieces: ['Cannot use this database as it is too new for the server to understand'] }];
	const many = (text: string) => cutMatches(text, templates).length;
	expect(many('ValueError: Cannot use this database as it is too n>')).toBe(1);
	expect(many('ValueError: Cannot use this database as it is too n')).toBe(0);
	expect(many('ValueError: Cannot use this database as it is too old>')).toBe(0);
	expect(many('ValueError: Cannot use this database as it is too new for the server to understand>')).toBe(0);
});

test('is never certain of another message than the one that is cut off', () => {
	const wrong: string[] = [];
	const bare = (text: string) => squeeze(text.replace(/\{\}|%\(\w+\)[sdr]|%[sdr]/g, '')).join();
	let certain = 0;
	for (const [i, { text, sites }] of refusalTexts(code).entries()) {
		if (i % 5 > 0) continue;
		const line = `synapse.config._base.ConfigError: ${text.replaceAll('{}', 'x')}`;
		for (const width of [80, 110, 140]) {
			if (line.length <= width) continue;
			const match = best(cut(line, width, '>'));
			if (!match?.sure || !match.cut) continue;
			certain++;
			const own = match.refusal ?? match.entry;
			// A message may be the beginning of a later release's.
			const isRight = own.of === 'refusal' && bare(own.refusal.text).startsWith(bare(text));
			const curated = match.entry.of !== 'refusal';
			if (!isRight && !curated) wrong.push(`${width} ${sites[0]?.file} ${text} -> ${match.entry.id}`);
		}
	}
	expect(wrong).toEqual([]);
	expect(certain).toBeGreaterThan(30);
});

// What a curator would have found in the list for a new release: if its notes are removed, the list has a source of
// each of them, and at most the same number of passages that need no note.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { compare, finalOf, type Version } from '../../../src/deployment/version.ts';
import { readCode } from '../../../src/knowledge/code-reading.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { readFiles, unreadIn } from '../../../src/knowledge/load.ts';
import { coveredBy, nameOf } from '../../../src/knowledge/schema/coverage.ts';
import { codePassageName } from '../../../src/knowledge/upstream/code-passages.ts';

const real = new URL('../../../knowledge/', import.meta.url);
type Waivers = { waivers: { release?: Version; releases?: string }[] };

/** A copy of the knowledge as if nobody had read anything newer than `last`. */
function strippedAfter(last: Version): URL {
	const home = mkdtempSync(join(tmpdir(), 'glia-stripped-'));
	onTestFinished(() => rmSync(home, { recursive: true }));
	cpSync(fileURLToPath(real), home, { recursive: true });
	const synapse = join(home, 'synapse');
	for (const below of ['notes', 'faults'])
		for (const name of readdirSync(join(synapse, below)))
			if (isAfter(name.replace(/\.yaml$/, ''), last)) rmSync(join(synapse, below, name));
	const keep = (
		name: string,
		change: (text: string) => string,
		isKept: (waiver: Waivers['waivers'][number]) => boolean,
	) => {
		const { waivers } = parse(change(readFileSync(join(synapse, name), 'utf8'))) as Waivers;
		writeFileSync(join(synapse, name), stringify({ waivers: waivers.filter(isKept) }));
	};
	for (const name of readdirSync(synapse).filter(name => /^waivers.*\.yaml$/.test(name)))
		keep(
			name,
			text => text,
			({ release = '' }) => !isAfter(String(release), last),
		);
	// Waivers that were extended to a newer release end with the last one that was read.
	const bounded = (text: string) =>
		text.replace(/<=\d+\.\d+\.\d+/g, bound => (isAfter(bound.slice(2), last) ? `<=${last}` : bound));
	const begins = (releases = '') => /^>?=?(\d+\.\d+\.\d+)/.exec(releases)?.[1];
	keep('code/waivers.yaml', bounded, ({ releases }) => !isAfter(begins(releases) ?? '0.0.0', last));
	return pathToFileURL(`${home}/`);
}

function isAfter(version: Version, last: Version): boolean {
	return compare(finalOf(version), last) > 0;
}

test.each([
	['1.162.0', '1.163.2'],
	['1.163.2', '1.164.0'],
])('from %s to %s', (last, next) => {
	const inRange = ({ release }: { release: Version }) => isAfter(release, last) && compare(finalOf(release), next) <= 0;
	const stripped = strippedAfter(last);
	const { files } = readFiles(stripped);
	const code = openCode(real);
	const listed = {
		documents: unreadIn(files).filter(inRange).map(nameOf),
		code: readCode(stripped, files, code).unread.filter(inRange).map(codePassageName),
	};

	const whole = readFiles(real).files;
	const own = whole.notes.filter(inRange).flatMap(file => file.value.notes.map(note => ({ file, note })));
	expect(own.length).toBeGreaterThan(5);
	const named = own.map(({ file, note }) => {
		const documents = note.covers.map(cover => nameOf(coveredBy(cover, file.release)));
		const alone = { ...whole, faults: [], lifecycles: [], notes: [{ ...file, value: { notes: [note] } }] };
		const inCode = readCode(stripped, alone, code).named.map(codePassageName);
		return [
			...documents.filter(name => listed.documents.includes(name)),
			...inCode.filter(name => listed.code.includes(name)),
		];
	});
	expect(own.filter((_, index) => named[index]?.length === 0).map(({ note }) => note.id)).toEqual([]);

	const asking = new Set(named.flat()).size;
	expect(listed.documents.length + listed.code.length - asking).toBeLessThanOrEqual(asking);
});

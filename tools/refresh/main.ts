// npm run refresh -- [--read DATE] [--knowledge FOLDER] <source>…: reads Synapse's documents and code, and the
// changelogs in clones of the playbook and of the charts, writes the generated part of the knowledge, and prints what
// is left to read. DATE is the day on which the sources were fetched, if that is not today. Curated files are never
// touched. To remove releases that were written by mistake, delete releases.json and the `code` folder, then refresh
// from a clone.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Refusal } from '../../src/answer.ts';
import { readCode } from '../../src/knowledge/code-reading.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { readFiles } from '../../src/knowledge/load.ts';
import {
	type Passage,
	type Release,
	releasesFileShape,
	upstreamFileShape,
} from '../../src/knowledge/schema/synapse.ts';
import { readArguments, refuse } from '../arguments.ts';
import { refreshCode } from './code.ts';
import { distributionIn, refreshDistribution } from './distributions.ts';
import { type Generated, merge } from './merge.ts';
import { isRole } from './playbook-variables.ts';
import { openSource, type Source } from './source.ts';
import { newsOf, workOf } from './work.ts';

const usage = `
  npm run refresh -- SOURCE… [--read DAY]           read clones or unpacked archives of Synapse, clones of
                     [--knowledge FOLDER]           matrix-docker-ansible-deploy or ess-helm, and list what is unread

For example: npm run refresh -- ../sources/matrix_synapse-1.164.0 --read 2026-11-20`;

const { values, positionals } = readArguments(usage, { read: { type: 'string' }, knowledge: { type: 'string' } });
if (!positionals.length) refuse('Which source?', usage);
if (values.read !== undefined && !/^\d{4}-\d\d-\d\d$/.test(values.read))
	refuse(`A day looks like 2026-11-20, not ${values.read}.`);
const knowledge = values.knowledge
	? pathToFileURL(`${resolve(values.knowledge)}/`)
	: new URL('../../knowledge/', import.meta.url);
const folder = new URL('synapse/', knowledge);
const releasesFile = new URL('releases.json', folder);
const upstreamFile = new URL('upstream.json', folder);

function readBefore(): Generated {
	const parse = (file: URL, absent: unknown): unknown =>
		existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : absent;
	const { read, releases } = releasesFileShape.parse(parse(releasesFile, { read: '0000-01-01', releases: [] }));
	return { read, releases, passages: upstreamFileShape.parse(parse(upstreamFile, { passages: [] })).passages };
}

function opened(folder: string): Source {
	try {
		return openSource(folder);
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		return refuse(error.message);
	}
}

/** One item per line, so that a diff shows only what changed. */
function write(file: URL, head: string, key: string, items: readonly (Release | Passage)[]): void {
	const lines = items.map(item => JSON.stringify(item)).join(',\n');
	writeFileSync(file, `{${head}"${key}": [\n${lines}\n]}\n`);
}

const read = values.read ?? new Date().toISOString().slice(0, 10);
const roles = positionals.filter(folder => !distributionIn(folder) && isRole(folder));
const named = positionals
	.filter(folder => !roles.includes(folder))
	.map(folder => ({ folder, distribution: distributionIn(folder) }));
// First, so that nothing is written if a folder is not a source.
const sources = named.flatMap(({ folder, distribution }) => (distribution ? [] : [opened(folder)]));
for (const { folder: clone, distribution } of named)
	if (distribution)
		for (const line of refreshDistribution(distribution, clone, knowledge, values.read, roles)) console.log(line);
if (!sources.length) process.exit();

const before = readBefore();
const after = merge(sources, before, read);
const { releases } = releasesFileShape.parse({ read: after.read, releases: after.releases });
write(releasesFile, `"read": ${JSON.stringify(after.read)}, `, 'releases', releases);
write(upstreamFile, '', 'passages', upstreamFileShape.parse({ passages: after.passages }).passages);
refreshCode(sources, new URL('code/', folder), line => console.error(line));
const { files, mistakes } = readFiles(knowledge);
// A file with mistakes covers nothing, so its passages are listed as unread again: say why first.
for (const mistake of mistakes) console.error(`left out: ${mistake}`);
const reading = readCode(knowledge, files, openCode(knowledge));
for (const line of [...newsOf(before, after), ...workOf(files, reading)]) console.log(line);

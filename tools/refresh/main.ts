// npm run refresh -- [--read DATE] <source>… : reads Synapse's sources, writes what is generated of the knowledge,
// and prints what is left to read. Curated files are never touched. To forget releases written by mistake, delete
// releases.json before a refresh from a clone.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readFiles } from '../../src/knowledge/read.ts';
import { type Passage, type Release, releasesFileShape, upstreamFileShape } from '../../src/knowledge/shape.ts';
import { type Generated, merge } from './merge.ts';
import { openSource } from './source.ts';
import { newsOf, workOf } from './work.ts';

const folder = new URL('../../knowledge/synapse/', import.meta.url);
const releasesFile = new URL('releases.json', folder);
const upstreamFile = new URL('upstream.json', folder);

function readBefore(): Generated {
	const parse = (file: URL, absent: unknown): unknown =>
		existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : absent;
	const { read, releases } = releasesFileShape.parse(parse(releasesFile, { read: '0000-01-01', releases: [] }));
	return { read, releases, passages: upstreamFileShape.parse(parse(upstreamFile, { passages: [] })).passages };
}

/** One line an item, so that a difference shows what changed and no more. */
function write(file: URL, head: string, key: string, items: readonly (Release | Passage)[]): void {
	const lines = items.map(item => JSON.stringify(item)).join(',\n');
	writeFileSync(file, `{${head}"${key}": [\n${lines}\n]}\n`);
}

const { values, positionals } = parseArgs({ options: { read: { type: 'string' } }, allowPositionals: true });
if (!positionals.length || (values.read !== undefined && !/^\d{4}-\d\d-\d\d$/.test(values.read))) {
	console.error('usage: npm run refresh -- [--read 2026-11-20] <clone or unpacked archive>…');
	process.exit(1);
}
const before = readBefore();
const after = merge(positionals.map(openSource), before, values.read);
const { releases } = releasesFileShape.parse({ read: after.read, releases: after.releases });
write(releasesFile, `"read": ${JSON.stringify(after.read)}, `, 'releases', releases);
write(upstreamFile, '', 'passages', upstreamFileShape.parse({ passages: after.passages }).passages);
const { files } = readFiles(new URL('../', folder));
for (const line of [...newsOf(before, after), ...workOf(files)]) console.log(line);

// npm run mark-read -- 1.66.0 … | all | waivers | mdad | ess: marks what these files cover as read in its current form,
// by writing the current hashes into them. Run it after reading: it cannot know whether anyone actually has.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { compare, isVersion } from '../../src/deployment/version.ts';
import { upstreamFileShape } from '../../src/knowledge/schema/synapse.ts';
import { readArguments, refuse } from '../arguments.ts';
import { stamp } from './stamp.ts';
import { markDistribution } from './stamp-distribution.ts';

const folder = new URL('../../knowledge/synapse/', import.meta.url);
const notesFolder = new URL('notes/', folder);
const usage = `
  npm run mark-read -- RELEASE… | all [waivers] [mdad] [ess]   mark what these files cover as read in its current form

For example: npm run mark-read -- 1.164.0 waivers`;
const asked = readArguments(usage, {}).positionals;
if (!asked.length) refuse('Which release?', usage);
const { passages } = upstreamFileShape.parse(JSON.parse(readFileSync(new URL('upstream.json', folder), 'utf8')));

function namesIn(where: URL, pattern: RegExp): string[] {
	return existsSync(where) ? readdirSync(where).flatMap(name => pattern.exec(name)?.[1] ?? []) : [];
}

let problems = 0;
for (const name of ['mdad', 'ess'] as const)
	if (asked.includes(name)) problems += markDistribution(name, new URL(`../distributions/${name}/`, folder));

const files = asked.flatMap(word => {
	if (word === 'mdad' || word === 'ess') return [];
	if (word === 'waivers') return namesIn(folder, /^(waivers.*\.yaml)$/).map(name => ({ file: new URL(name, folder) }));
	const releases =
		word === 'all'
			? namesIn(notesFolder, /^(.*)\.yaml$/)
					.filter(isVersion)
					.sort(compare)
			: [word];
	return releases.map(release => ({ file: new URL(`${release}.yaml`, notesFolder), release }));
});
for (const { file, release } of files.map(each => ({ release: undefined, ...each }))) {
	const name = file.pathname.split('/').at(-1);
	if (!existsSync(file)) {
		console.error(`${name} does not exist`);
		problems++;
		continue;
	}
	const before = readFileSync(file, 'utf8');
	const stamped = stamp(before, release, passages);
	if (stamped.text !== before) writeFileSync(file, stamped.text);
	console.log(`${name}: ${stamped.changed} marked as read, ${stamped.unchanged} already were`);
	for (const { line, column, message, nearest } of stamped.problems) {
		problems++;
		console.error(`${name}:${line}:${column} ${message}`);
		for (const { document, release: of, heading, under, part, bullet } of nearest) {
			const names =
				document === 'upgrade.md'
					? { section: of === release ? undefined : of, heading, under }
					: { release: of, part, bullet };
			const words = Object.entries(names).flatMap(([key, word]) => (word ? [`${key}: ${JSON.stringify(word)}`] : []));
			console.error(`\tperhaps { document: ${document}, ${words.join(', ')} }`);
		}
	}
}
process.exitCode = problems ? 1 : 0;

// npm run compile: checks the knowledge and writes the generated files: the one that the bot starts with, and the schemas
// for editors. Run it after every change to the knowledge or to a shape; a test fails otherwise.
import { writeFileSync } from 'node:fs';
import { compile } from '../../src/knowledge/compiled.ts';
import { readDistributions } from '../../src/knowledge/read-distributions.ts';
import { editorSchemas } from './editor-schema.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const root = new URL('../', folder);

for (const [path, text] of editorSchemas()) writeFileSync(new URL(path, root), text);
try {
	const { notes, advisories, unread } = await compile(folder);
	console.log(
		`${notes.length} notes, ${advisories.length} advisories; ${unread.length} passages of upstream are unread`,
	);
	const { mdad, ess } = readDistributions(folder);
	console.log(`mdad: ${mdad.entries.length} entries, ${mdad.unread.length} sections are unread`);
	console.log(`ess: ${ess.entries.length} entries, ${ess.unread.length} bullets are unread`);
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}

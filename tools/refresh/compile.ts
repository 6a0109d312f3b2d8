// npm run compile : checks the knowledge and writes what follows from it: the file that the bot starts with, and the
// schemas for editors. To be run whenever a file of the knowledge or a shape has changed; a test says so otherwise.
import { mkdirSync, writeFileSync } from 'node:fs';
import { compile } from '../../src/knowledge/compiled.ts';
import { readDistributions } from '../../src/knowledge/read-distributions.ts';
import { editorSchemas } from './editor-schema.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const schemas = new URL('schema/', folder);

mkdirSync(schemas, { recursive: true });
for (const [name, text] of editorSchemas()) writeFileSync(new URL(name, schemas), text);
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

// npm run compile: checks the knowledge and writes the generated files: the compiled knowledge, the schemas for
// editors, and docs/note-fields.md. Run it after every change to the knowledge or to a shape; a test fails otherwise.
import { writeFileSync } from 'node:fs';
import { compile } from '../../src/knowledge/compiled.ts';
import { readDistributions } from '../../src/knowledge/read-distributions.ts';
import { readArguments } from '../arguments.ts';
import { editorSchemas } from './editor-schema.ts';
import { noteFieldsPage } from './note-fields.ts';

readArguments('\n  npm run compile   check the knowledge and write the generated files', {}, 0);
const folder = new URL('../../knowledge/', import.meta.url);
const root = new URL('../', folder);

for (const [path, text] of editorSchemas()) writeFileSync(new URL(path, root), text);
writeFileSync(new URL('docs/note-fields.md', root), noteFieldsPage());
// Check both, even if one has mistakes: neither refers to the other.
await report(async () => {
	const { notes, advisories, unread } = await compile(folder);
	return `${notes.length} notes, ${advisories.length} advisories; ${unread.length} upstream passages are unread`;
});
await report(() => {
	const { mdad, ess } = readDistributions(folder);
	return `mdad: ${mdad.entries.length} entries, ${mdad.unread.length} sections are unread
ess: ${ess.entries.length} entries, ${ess.unread.length} bullets are unread`;
});

async function report(check: () => string | Promise<string>): Promise<void> {
	try {
		console.log(await check());
	} catch (error) {
		console.error(error instanceof Error ? error.message : error);
		process.exitCode = 1;
	}
}

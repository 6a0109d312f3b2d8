import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { compiledText, fingerprint, openKnowledge, readCompiled } from '../../src/knowledge/compiled.ts';
import { readKnowledge } from '../../src/knowledge/read.ts';
import { folderOf, noteText } from './folder.ts';

const real = new URL('../../knowledge/', import.meta.url);

/** A folder whose compiled file says something that its notes do not, so that it shows which of them was used. */
function compiledFolder(): URL {
	const folder = folderOf({ 'synapse/notes/1.66.0.yaml': noteText() });
	const knowledge = readKnowledge(folder);
	const marked = { ...knowledge, notes: knowledge.notes.map(note => ({ ...note, title: 'compiled' })) };
	writeFileSync(new URL('compiled.json', folder), compiledText(fingerprint(folder), marked));
	return folder;
}

async function titleIn(folder: URL): Promise<string | undefined> {
	return (await openKnowledge(folder)).notes.at(0)?.title;
}

describe('the compiled knowledge', () => {
	test('is what the files say: otherwise run npm run compile', () => {
		expect(readCompiled(real)?.from).toBe(fingerprint(real));
		expect(JSON.stringify(readCompiled(real)?.knowledge)).toBe(JSON.stringify(readKnowledge(real)));
	});

	test('is used while its files are those it was made from, whatever their times', async () => {
		const folder = compiledFolder();
		utimesSync(new URL('synapse/notes/1.66.0.yaml', folder), 0, 0);
		expect(await titleIn(folder)).toBe('compiled');
	});

	test('is left aside when a file changed, came or went', async () => {
		const changed = compiledFolder();
		writeFileSync(new URL('synapse/notes/1.66.0.yaml', changed), noteText({ title: 'Feed the doves' }));
		expect(await titleIn(changed)).toBe('Feed the doves');

		const come = compiledFolder();
		writeFileSync(new URL('synapse/waivers.yaml', come), 'waivers: []\n');
		expect(await titleIn(come)).toBe('Feed the pigeons');

		const gone = compiledFolder();
		const note = fileURLToPath(new URL('synapse/notes/1.66.0.yaml', gone));
		renameSync(note, note.replace('.yaml', '.off'));
		expect(await titleIn(gone)).toBe(undefined);
	});

	test('does not hide a mistake in what changed', async () => {
		const folder = compiledFolder();
		writeFileSync(new URL('synapse/notes/1.66.0.yaml', folder), noteText({ must: 'perhaps' }));
		await expect(openKnowledge(folder)).rejects.toThrow(
			'synapse/notes/1.66.0.yaml:4:11 expected true or false, got perhaps',
		);
	});

	test('need not be there', async () => {
		expect(await titleIn(folderOf({ 'synapse/notes/1.66.0.yaml': noteText() }))).toBe('Feed the pigeons');
	});
});

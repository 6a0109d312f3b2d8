import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { compiledText, fingerprint, openKnowledge, readCompiled } from '../../src/knowledge/compiled.ts';
import { readKnowledge } from '../../src/knowledge/load.ts';
import { folderOf, noteText } from './folder.ts';

const real = new URL('../../knowledge/', import.meta.url);

/** A folder whose compiled file differs from its notes, to show which of the two was used. */
function compiledFolder(): URL {
	const folder = folderOf({ 'synapse/notes/1.66.0.yaml': noteText() });
	const knowledge = readKnowledge(folder);
	const marked = { ...knowledge, notes: knowledge.notes.map(note => ({ ...note, title: 'compiled' })) };
	writeFileSync(new URL('compiled.json', folder), compiledText({ from: fingerprint(folder), knowledge: marked }));
	return folder;
}

async function titleIn(folder: URL): Promise<string | undefined> {
	return (await openKnowledge(folder)).notes.at(0)?.title;
}

describe('the compiled knowledge', () => {
	test('is written if missing or stale, and says the same as the files', async () => {
		await openKnowledge(real);
		expect(readCompiled(real)?.from).toBe(fingerprint(real));
		expect(JSON.stringify(readCompiled(real)?.knowledge)).toBe(JSON.stringify(readKnowledge(real)));
	});

	test('is written once, without leftovers', async () => {
		const folder = folderOf({ 'synapse/notes/1.66.0.yaml': noteText() });
		await sleep(150);
		await openKnowledge(folder);
		const { mtimeNs } = statSync(new URL('compiled.json', folder), { bigint: true });
		await openKnowledge(folder);
		expect(statSync(new URL('compiled.json', folder), { bigint: true }).mtimeNs).toBe(mtimeNs);
		expect(readdirSync(folder)).toEqual(['compiled.json', 'synapse']);
	});

	test('only costs time if it is incomplete or cannot be written', async () => {
		const broken = folderOf({ 'synapse/notes/1.66.0.yaml': noteText() });
		writeFileSync(new URL('compiled.json', broken), '{"from": "');
		expect(await titleIn(broken)).toBe('Feed the pigeons');

		const unwritable = folderOf({ 'synapse/notes/1.66.0.yaml': noteText() });
		mkdirSync(new URL('compiled.json', unwritable));
		expect(await titleIn(unwritable)).toBe('Feed the pigeons');
	});

	test('is used while its files are unchanged, whatever their times', async () => {
		const folder = compiledFolder();
		utimesSync(new URL('synapse/notes/1.66.0.yaml', folder), 0, 0);
		expect(await titleIn(folder)).toBe('compiled');
	});

	test('is ignored if a file was changed, added or removed', async () => {
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

	test('is used without reading the files while the file system reports no change', async () => {
		const folder = folderOf({ 'synapse/notes/1.66.0.yaml': noteText() });
		const note = new URL('synapse/notes/1.66.0.yaml', folder);
		utimesSync(note, 1000, 1000);
		await sleep(150);
		await openKnowledge(folder);
		const compiled = readCompiled(folder);
		// If the files were read, the other `from` would show that this was compiled from other files.
		const text = readFileSync(new URL('compiled.json', folder), 'utf8');
		writeFileSync(
			new URL('compiled.json', folder),
			text.replace(compiled?.from ?? '?', 'another').replace('Feed the pigeons', 'compiled'),
		);
		expect(await titleIn(folder)).toBe('compiled');
		// The size and the modification time are the same: only the change time differs.
		writeFileSync(note, noteText({ title: 'Feed the puffins' }));
		utimesSync(note, 1000, 1000);
		expect(await titleIn(folder)).toBe('Feed the puffins');
	});

	test('is checked again if a file changed at the moment of the check', async () => {
		const folder = folderOf({ 'synapse/notes/1.66.0.yaml': noteText() });
		await openKnowledge(folder);
		const text = readFileSync(new URL('compiled.json', folder), 'utf8');
		writeFileSync(
			new URL('compiled.json', folder),
			text.replace(readCompiled(folder)?.from ?? '?', 'another').replace('Feed the pigeons', 'compiled'),
		);
		expect(await titleIn(folder)).toBe('Feed the pigeons');
	});

	test('does not hide a mistake in a changed file', async () => {
		const folder = compiledFolder();
		writeFileSync(new URL('synapse/notes/1.66.0.yaml', folder), noteText({ must: 'perhaps' }));
		await expect(openKnowledge(folder)).rejects.toThrow(
			'synapse/notes/1.66.0.yaml:4:11 expected true or false, got perhaps',
		);
	});

	test('may be missing', async () => {
		expect(await titleIn(folderOf({ 'synapse/notes/1.66.0.yaml': noteText() }))).toBe('Feed the pigeons');
	});
});

// A simulated publisher of knowledge: small files, a key, bundles and their signatures.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { type Bundle, bundleText } from '../src/knowledge/bundle.ts';
import { tableFile } from '../src/knowledge/code-tables.ts';
import { type Edition, openEdition } from '../src/knowledge/edition.ts';
import { noteText, releases } from './knowledge/folder.ts';

const states: Record<string, unknown> = {
	options: { file: 'synapse/config/pigeons.py', default: 3 },
	refusals: { in: 'read_config', raises: 'ConfigError' },
	dependencies: '>=1.0',
	routes: 'any',
	deltas: { tables: { pigeons: ['create'] } },
	builds: { number: '22.04' },
	admin: 'any',
	values: { refuses: ['text'] },
};

const distributions: Record<string, unknown> = {
	'mdad/upstream': { commit: '0'.repeat(40), read: '2022-09-06', passages: [], synapse: [] },
	'mdad/commits': { '2022-09-06': '000000000' },
	'mdad/variables': { commit: '0'.repeat(40), roles: {}, families: [], refused: {}, names: ['pigeons_enabled'] },
	'ess/upstream': { read: '2022-09-06', passages: [], charts: [] },
	archives: { archives: [] },
};

/** The files of a small edition: five notes whose titles end in `mark`, and an option called `mark`. */
export function filesOf(mark: string, read = '2022-09-06'): Map<string, string> {
	const notes = ['1.64.0', '1.65.0', '1.66.0'].map((release): [string, string] => [
		`synapse/notes/${release}.yaml`,
		noteText({ title: `Feed the pigeons ${mark}` }),
	]);
	const more = noteText({ id: 'doves', title: `Feed the doves ${mark}` }).replace('notes:\n', '');
	const tables = Object.entries(states).map(([name, state]): [string, string] => [
		tableFile(name),
		JSON.stringify({ read: ['1.64.0', '1.65.0'], entries: [{ key: mark, changes: [['1.65.0', state]] }] }),
	]);
	return new Map([
		['synapse/releases.json', JSON.stringify({ read, releases })],
		['synapse/upstream.json', JSON.stringify({ passages: [] })],
		...notes.map(([name, text]): [string, string] => [name, name.includes('1.64') ? text : text + more]),
		...tables,
		...Object.entries(distributions).map(([name, value]): [string, string] => [
			`distributions/${name}.json`,
			JSON.stringify(value),
		]),
	]);
}

export function folderWith(files: ReadonlyMap<string, string>): URL {
	const folder = temporary();
	for (const [name, text] of files) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	}
	return pathToFileURL(`${folder}/`);
}

export function temporary(): string {
	const folder = mkdtempSync(join(tmpdir(), 'glia-published-'));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

export function editionWith(files: ReadonlyMap<string, string>): Promise<Edition> {
	return openEdition(folderWith(files));
}

export type Publisher = {
	/** The public key as in a configuration. */
	key: string;
	privateKey: KeyObject;
	sign: (text: string) => string;
	/** A bundle; `more` overrides the defaults. */
	bundle: (mark: string, more?: Partial<Bundle>) => string;
};

export function openPublisher(): Publisher {
	const { privateKey, publicKey } = generateKeyPairSync('ed25519');
	return {
		key: Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64'),
		privateKey,
		sign: text => `${sign(null, Buffer.from(text), privateKey).toString('base64')}\n`,
		bundle(mark, more = {}) {
			return bundleText({
				author: 'The pigeon fanciers',
				made: '2022-09-07T10:00:00Z',
				horizon: { release: '1.66.0', read: '2022-09-06' },
				glia: '1.0.0',
				files: filesOf(mark),
				...more,
			});
		},
	};
}

export function sha256(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}

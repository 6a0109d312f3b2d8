// The knowledge as the bot starts with it: from one compiled file, or from the files themselves if any has changed.
// Reading and checking hundreds of YAML files takes most of a second, which a question on a terminal should not wait.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Knowledge, Passage } from './schema/synapse.ts';

/** `from` is the fingerprint of the files it was compiled from. */
export type Compiled = { from: string; knowledge: Knowledge };

const file = 'compiled.json';

/** Throws as readKnowledge does, when the files have changed since and have mistakes. */
export async function openKnowledge(folder: URL): Promise<Knowledge> {
	const from = fingerprint(folder);
	const compiled = readCompiled(folder);
	if (compiled?.from === from) return compiled.knowledge;
	const { readKnowledge } = await import('./load.ts');
	const knowledge = readKnowledge(folder);
	try {
		writeCompiled(folder, from, knowledge);
	} catch {
		// An unwritable folder (a read-only image, another user's checkout) costs a second at each start, nothing else.
	}
	return knowledge;
}

/** What was compiled last, up to date or not; undefined if nothing was, or if it cannot be read. */
export function readCompiled(folder: URL): Compiled | undefined {
	const compiled = new URL(file, folder);
	if (!existsSync(compiled)) return undefined;
	try {
		return JSON.parse(readFileSync(compiled, 'utf8')) as Compiled;
	} catch {
		return undefined;
	}
}

/** Writes the compiled file atomically: a reader, or a second writer, sees the old one or the new one, never half. */
export function writeCompiled(folder: URL, from: string, knowledge: Knowledge): void {
	const partial = fileURLToPath(new URL(`${file}.${process.pid}`, folder));
	try {
		writeFileSync(partial, compiledText(from, knowledge));
		renameSync(partial, fileURLToPath(new URL(file, folder)));
	} finally {
		rmSync(partial, { force: true });
	}
}

/** Every passage of upstream's that a refresh has seen, read or not. */
export function readPassages(folder: URL): Passage[] {
	const file = new URL('synapse/upstream.json', folder);
	return (JSON.parse(readFileSync(file, 'utf8')) as { passages: Passage[] }).passages;
}

/** The text of the compiled file: an item a line, so that what two curators add does not stand in one line. */
export function compiledText(from: string, knowledge: Knowledge): string {
	const entries = Object.entries(knowledge).map(([key, value]) => {
		const lines = Array.isArray(value)
			? `[\n${value.map(item => JSON.stringify(item)).join(',\n')}\n]`
			: JSON.stringify(value);
		return `${JSON.stringify(key)}: ${lines}`;
	});
	return `{"from": ${JSON.stringify(from)}, "knowledge": {\n${entries.join(',\n')}\n}}\n`;
}

/**
 * The hash of everything knowledge is read from: contents, not times, which a checkout sets as it likes. Generated
 * schemas, the compiled file itself and the tables of Synapse's code (but for that of the migrations) are not read from.
 */
export function fingerprint(folder: URL): string {
	const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.map(name => name.replaceAll('\\', '/'))
		.filter(
			name => /\.(yaml|json)$/.test(name) && name !== file && !/^(schema|synapse\/code)\/(?!deltas\.json$)/.test(name),
		);
	const hash = createHash('sha256');
	for (const name of names.sort())
		hash
			.update(name)
			.update('\0')
			.update(readFileSync(new URL(name, folder)))
			.update('\0');
	return hash.digest('hex');
}

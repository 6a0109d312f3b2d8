// The knowledge as the bot starts with it: from one compiled file, or from the files themselves if any has changed.
// Reading and checking hundreds of YAML files takes most of a second, which a question on a terminal should not wait.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hashOf } from './folder.ts';
import type { Knowledge, Passage } from './schema/synapse.ts';

/**
 * `from` is the fingerprint of the files it was compiled from. `seen`: what the file system said of them, and when (ms
 * since 1970); while it says the same, nobody reads them all to take their fingerprint.
 */
export type Compiled = { from: string; seen?: FolderState; knowledge: Knowledge };
type FolderState = { at: number; files: string };

const file = 'compiled.json';
/** File systems count time in steps of some milliseconds: a file may change twice within one and look the same. */
const clockStep = 100;

/** Throws as readKnowledge does, when the files have changed since and have mistakes. */
export async function openKnowledge(folder: URL): Promise<Knowledge> {
	const seen = look(folder);
	const compiled = readCompiled(folder);
	if (compiled?.seen?.files === seen.files && seen.newest < compiled.seen.at - clockStep) return compiled.knowledge;
	const from = fingerprint(folder);
	const isCurrent = compiled?.from === from;
	// To write down what changed just now would not spare the next start its reading.
	if (isCurrent && seen.newest >= seen.at - clockStep) return compiled.knowledge;
	const knowledge = isCurrent ? compiled.knowledge : (await import('./load.ts')).readKnowledge(folder);
	try {
		writeCompiled(folder, { from, seen: { at: seen.at, files: seen.files }, knowledge });
	} catch {
		// An unwritable folder (a read-only image, another user's checkout) costs a second at each start, nothing else.
	}
	return knowledge;
}

/** Compiles the folder whatever was compiled before. Throws as readKnowledge does. */
export async function compile(folder: URL): Promise<Knowledge> {
	const { at, files } = look(folder);
	const from = fingerprint(folder);
	const knowledge = (await import('./load.ts')).readKnowledge(folder);
	writeCompiled(folder, { from, seen: { at, files }, knowledge });
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
function writeCompiled(folder: URL, compiled: Compiled): void {
	const partial = fileURLToPath(new URL(`${file}.${process.pid}`, folder));
	try {
		writeFileSync(partial, compiledText(compiled));
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
export function compiledText({ from, seen, knowledge }: Compiled): string {
	const entries = Object.entries(knowledge).map(([key, value]) => {
		const lines = Array.isArray(value)
			? `[\n${value.map(item => JSON.stringify(item)).join(',\n')}\n]`
			: JSON.stringify(value);
		return `${JSON.stringify(key)}: ${lines}`;
	});
	const head = [`"from": ${JSON.stringify(from)}`, ...(seen ? [`"seen": ${JSON.stringify(seen)}`] : [])];
	return `{${head.join(', ')}, "knowledge": {\n${entries.join(',\n')}\n}}\n`;
}

/**
 * The hash of everything knowledge is read from: contents, not times, which a checkout sets as it likes. Generated
 * schemas, the compiled file itself, the tables of Synapse's code (but for that of the migrations) and distributions are
 * not read from.
 */
export function fingerprint(folder: URL): string {
	return hashOf(folder, namesIn(folder));
}

function namesIn(folder: URL): string[] {
	return readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.map(name => name.replaceAll('\\', '/'))
		.filter(
			name =>
				/\.(yaml|json)$/.test(name) &&
				name !== file &&
				!/^(schema|distributions|synapse\/code)\/(?!deltas\.json$)/.test(name),
		)
		.sort();
}

/** Names, sizes and the times of changes (`ctime`, which nobody can set), and the newest of them in ms since 1970. */
function look(folder: URL): FolderState & { newest: number } {
	const at = Date.now();
	const path = fileURLToPath(folder);
	let newest = 0;
	const files = namesIn(folder).map(name => {
		const { size, ctimeMs } = statSync(path + name);
		newest = Math.max(newest, ctimeMs);
		return `${name} ${size} ${ctimeMs}`;
	});
	return { at, newest, files: createHash('sha256').update(files.join('\n')).digest('hex') };
}

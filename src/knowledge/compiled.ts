// Opens the knowledge from one compiled file, or from its source files if any of them has changed. Reading and checking
// hundreds of YAML files takes most of a second, which is too long for a command in a terminal.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hashOf } from './folder.ts';
import type { Knowledge, Passage } from './schema/synapse.ts';

/**
 * `from` is the fingerprint of the source files. `seen`: their file system state and when it was read (ms since
 * 1970); as long as that is unchanged, the files need not be read for a fingerprint.
 */
export type Compiled = { from: string; seen?: FolderState; knowledge: Knowledge };
type FolderState = { at: number; files: string };

const file = 'compiled.json';
/** In ms. Timestamps have a resolution of some milliseconds, so a file may change twice without a new one. */
const clockStep = 100;

/** Throws like readKnowledge if the files have changed and contain mistakes. */
export async function openKnowledge(folder: URL): Promise<Knowledge> {
	const seen = look(folder);
	const compiled = readCompiled(folder);
	if (compiled?.seen?.files === seen.files && seen.newest < compiled.seen.at - clockStep) return compiled.knowledge;
	const from = fingerprint(folder);
	const isCurrent = compiled?.from === from;
	// A state that has only just changed would not spare the next start any work, so do not write it.
	if (isCurrent && seen.newest >= seen.at - clockStep) return compiled.knowledge;
	const knowledge = isCurrent ? compiled.knowledge : (await import('./load.ts')).readKnowledge(folder);
	try {
		writeCompiled(folder, { from, seen: { at: seen.at, files: seen.files }, knowledge });
	} catch {
		// If the folder is not writable (a read-only image, another user's checkout), each start just takes a second
		// longer.
	}
	return knowledge;
}

/** Compiles the folder unconditionally. Throws like readKnowledge. */
export async function compile(folder: URL): Promise<Knowledge> {
	const { at, files } = look(folder);
	const from = fingerprint(folder);
	const knowledge = (await import('./load.ts')).readKnowledge(folder);
	writeCompiled(folder, { from, seen: { at, files }, knowledge });
	return knowledge;
}

/** The last compiled file, up to date or not; undefined if there is none or it cannot be read. */
export function readCompiled(folder: URL): Compiled | undefined {
	const compiled = new URL(file, folder);
	if (!existsSync(compiled)) return undefined;
	try {
		return JSON.parse(readFileSync(compiled, 'utf8')) as Compiled;
	} catch {
		return undefined;
	}
}

/** Writes the compiled file atomically: readers and other writers see the old or the new file, never half of one. */
function writeCompiled(folder: URL, compiled: Compiled): void {
	const partial = fileURLToPath(new URL(`${file}.${process.pid}`, folder));
	try {
		writeFileSync(partial, compiledText(compiled));
		renameSync(partial, fileURLToPath(new URL(file, folder)));
	} finally {
		rmSync(partial, { force: true });
	}
}

/** Every upstream passage that a refresh has seen, whether or not a curator has read it. */
export function readPassages(folder: URL): Passage[] {
	const file = new URL('synapse/upstream.json', folder);
	return (JSON.parse(readFileSync(file, 'utf8')) as { passages: Passage[] }).passages;
}

/** The text of the compiled file, one item per line, so that a diff shows what changed. */
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
 * A hash of the contents of all source files, but not of their timestamps, which a checkout changes. Leaves out what is
 * not compiled: generated schemas, the compiled file itself, distributions, and the tables of Synapse's code, except
 * the one of migrations.
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

/** A hash of names, sizes and change times (`ctime`, which nobody can set), and the newest of these (ms since 1970). */
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

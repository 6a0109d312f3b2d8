// Merges files as Synapse does: main files, a worker's own on top of them, logging configurations separately.
import type { UnreadableYaml } from './limits.ts';
import { type Duplicate, type MappingEntry, parseYaml, type Skeleton, type Value } from './yaml.ts';

/** `name` is shown to the administrator unchanged. `skeleton`: its values are hidden. */
export type GivenFile = { name: string; text: string; skeleton?: Skeleton };
export type Part = 'main' | 'worker' | 'log-config';
/** What one process reads: the merged mapping. */
export type Process = { part: Part; name: string; value: Value };

export type Configuration = {
	processes: Process[];
	/** Whether complete files of this kind were given. */
	has: Record<Part, boolean>;
	/** Whether what is not written here may be elsewhere. */
	excerpt: boolean;
	/** Whether the deployment may have such files that were not given. */
	mayHave: { worker: boolean };
	duplicates: Duplicate[];
	/** Blocks of an earlier file that a later one repeats only in part: the rest of them is lost. */
	replaced: ReplacedBlock[];
	unreadable: (UnreadableYaml & { file: string })[];
	/** Files that Synapse ignores, because they contain no mapping of options to values. */
	ignored: { file: string; line: number }[];
};

export type ReplacedBlock = {
	path: string;
	/** The block that replaces it. */
	file: string;
	line: number;
	over: { file: string; line: number };
	/** The names in it that are lost. */
	lost: string[];
};

type ReadFile = { name: string; root: Extract<Value, { kind: 'mapping' }> };

/**
 * Merges files as Synapse does: top-level keys of a later main file replace those of an earlier one, and each
 * worker's file goes on top of the main files separately. `workers: false`: there are no other workers. `excerpt`:
 * what is not in these texts may be elsewhere.
 */
export function configurationOf(
	files: readonly GivenFile[],
	{ workers, excerpt }: { workers?: boolean | undefined; excerpt?: boolean } = {},
): Configuration {
	const read: ReadFile[] = [];
	const duplicates: Duplicate[] = [];
	const unreadable: Configuration['unreadable'] = [];
	const ignored: Configuration['ignored'] = [];
	for (const { name, text, skeleton } of files) {
		const parsed = parseYaml(text, name, skeleton);
		if ('why' in parsed) {
			unreadable.push({ ...parsed, file: name });
			continue;
		}
		duplicates.push(...parsed.duplicates);
		const [root, second] = parsed.documents;
		if (second)
			unreadable.push({
				file: name,
				why: 'It has several documents (`---`), and Synapse reads only one.',
				line: second.line,
			});
		// Synapse prints that it ignores a file that is not a mapping, and continues.
		else if (root?.kind === 'mapping') read.push({ name, root });
		else if (root && root.kind !== 'null') ignored.push({ file: name, line: root.line });
	}
	const logs = read.filter(isLogging);
	const rest = read.filter(file => !logs.includes(file));
	const own = rest.filter(file => isWorker(file, rest));
	const shared = rest.filter(file => !own.includes(file)).map(({ root }) => root);
	const main = merged(shared);
	const processes: Process[] = [
		...(main ? [{ part: 'main' as const, name: 'main', value: main }] : []),
		...own.map(({ name, root }) => ({
			part: 'worker' as const,
			name: textOf(root, 'worker_name') ?? name,
			value: merged(main ? [main, root] : [root]) ?? root,
		})),
		...logs.map(({ name, root }) => ({ part: 'log-config' as const, name, value: root })),
	];
	return {
		processes,
		has: { main: main !== undefined && !excerpt, worker: own.length > 0, 'log-config': logs.length > 0 },
		mayHave: { worker: workers ?? (main ? speaksOfWorkers(main) : true) },
		excerpt: excerpt === true,
		duplicates,
		replaced: [...replacedIn(shared), ...own.flatMap(({ root }) => (main ? replacedIn([main, root]) : []))],
		unreadable,
		ignored,
	};
}

/** Synapse merges files by their top-level keys only, so a block in a later file replaces the whole block. */
function replacedIn(roots: readonly Extract<Value, { kind: 'mapping' }>[]): ReplacedBlock[] {
	const before = new Map<string, MappingEntry>();
	return roots.flatMap(({ entries }) =>
		entries.flatMap(entry => {
			const earlier = before.get(entry.key);
			before.set(entry.key, entry);
			if (earlier?.value.kind !== 'mapping' || entry.value.kind !== 'mapping') return [];
			const kept = new Set(entry.value.entries.map(({ key }) => key));
			const lost = earlier.value.entries.flatMap(({ key }) => (kept.has(key) ? [] : [key]));
			const { key: path, file, line } = entry;
			return lost.length ? [{ path, file, line, over: { file: earlier.file, line: earlier.line }, lost }] : [];
		}),
	);
}

function entryOf(root: Value, key: string): MappingEntry | undefined {
	return root.kind === 'mapping' ? root.entries.find(entry => entry.key === key) : undefined;
}

function textOf(root: Value, key: string): string | undefined {
	const value = entryOf(root, key)?.value;
	return value?.kind === 'string' ? value.value : undefined;
}

/**
 * A worker's file names its app and has no server name. The first file is a worker's only if the rest of the
 * configuration is in other files: `*.yaml` may list a worker's file before `homeserver.yaml`.
 */
function isWorker({ root }: ReadFile, files: readonly ReadFile[]): boolean {
	const app = entryOf(root, 'worker_app');
	if (!app || entryOf(root, 'server_name')) return false;
	if (app.value.kind === 'string' && app.value.value === 'synapse.app.homeserver') return false;
	if (root !== files[0]?.root) return true;
	return files.some(file => entryOf(file.root, 'server_name')) && !mainOptions.some(key => entryOf(root, key));
}

/** Options that a worker's own file does not have. */
const mainOptions = ['database', 'listeners'];

/** A Python logging configuration: `version: 1` with handlers, loggers or a root. Before 1.54: `structured`, `drains`. */
function isLogging({ root }: ReadFile): boolean {
	if (entryOf(root, 'structured') && entryOf(root, 'drains')) return true;
	const version = entryOf(root, 'version')?.value;
	return version?.kind === 'number' && ['handlers', 'loggers', 'root', 'formatters'].some(key => entryOf(root, key));
}

function merged(
	roots: readonly Extract<Value, { kind: 'mapping' }>[],
): Extract<Value, { kind: 'mapping' }> | undefined {
	const [first] = roots;
	if (!first) return undefined;
	const entries = new Map(roots.flatMap(({ entries }) => entries.map(entry => [entry.key, entry] as const)));
	return { ...first, entries: [...entries.values()] };
}

/** Workers leave traces in the shared files, which every process reads. */
function speaksOfWorkers(main: Value): boolean {
	return [
		'instance_map',
		'stream_writers',
		'worker_replication_secret',
		'federation_sender_instances',
		'pusher_instances',
	].some(key => entryOf(main, key) !== undefined);
}

// Files as Synapse merges them: main files, a worker's own over them, logging configurations beside.
import {
	type Duplicate,
	type MappingEntry,
	parseYaml,
	type Skeleton,
	type UnreadableYaml,
	type Value,
} from './yaml.ts';

/** `name` is shown to the administrator as it stands. `skeleton`: its values are hidden. */
export type GivenFile = { name: string; text: string; skeleton?: Skeleton };
export type Part = 'main' | 'worker' | 'log-config';
/** What one process reads: the mapping that is left after merging. */
export type Process = { part: Part; name: string; value: Value };

export type Configuration = {
	processes: Process[];
	/** Whether whole files of this kind were given. */
	has: Record<Part, boolean>;
	/** Whether what is not written here may stand elsewhere. */
	excerpt: boolean;
	/** Whether the deployment may have such files that were not given. */
	mayHave: { worker: boolean };
	duplicates: Duplicate[];
	/** Blocks of an earlier file of which a later one has only a part: the rest of them no longer counts. */
	replaced: ReplacedBlock[];
	unreadable: (UnreadableYaml & { file: string })[];
	/** Files that Synapse ignores, since they hold no mapping of options to values. */
	ignored: { file: string; line: number }[];
};

export type ReplacedBlock = {
	path: string;
	/** Where the block stands that counts. */
	file: string;
	line: number;
	over: { file: string; line: number };
	/** The names below it that are gone. */
	lost: string[];
};

type ReadFile = { name: string; root: Extract<Value, { kind: 'mapping' }> };

/**
 * Puts files together as Synapse does: top-level keys of a later main file replace those of an earlier one, and each
 * worker's file goes over the main files by itself. `workers: false` says that there are none besides; `excerpt`: what
 * is not written in these texts may stand elsewhere.
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
		// Synapse says on its standard output that it ignores a file that is no mapping, and goes on.
		else if (root?.kind === 'mapping') read.push({ name, root });
		else if (root && root.kind !== 'null') ignored.push({ file: name, line: root.line });
	}
	const logs = read.filter(isLogging);
	const rest = read.filter(file => !logs.includes(file));
	const own = rest.filter((file, index) => isWorker(file, index));
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

/** Synapse puts files together by their top-level keys alone, so a block of a later file takes the place of the whole. */
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

/** A worker's file names its app and no server; the first file is the main one whatever it says. */
function isWorker({ root }: ReadFile, index: number): boolean {
	const app = entryOf(root, 'worker_app');
	if (!app || index === 0) return false;
	if (app.value.kind === 'string' && app.value.value === 'synapse.app.homeserver') return false;
	return !entryOf(root, 'server_name');
}

/** Python's logging configuration: `version: 1` with handlers, loggers or a root. */
function isLogging({ root }: ReadFile): boolean {
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

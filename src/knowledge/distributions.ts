// Knowledge about distributions, loaded on first use, since most plans are only about Synapse.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Folder, folderAt, hashOf } from './folder.ts';
import type { Chart, ChartKnowledge, PlaybookKnowledge } from './schema/distribution.ts';

export type Distributions = {
	/** The playbook matrix-docker-ansible-deploy. */
	mdad(): Promise<PlaybookKnowledge>;
	/** The charts of Element Server Suite Community. */
	ess(): Promise<ChartKnowledge>;
	/** Chart versions, oldest first. Does not load the rest. */
	chartNames(): readonly string[];
	/** The commits that reached the playbook's main branch on each day: their first nine digits, separated by spaces. */
	commits(): Promise<Readonly<Record<string, string>>>;
	/** Every variable name that the playbook and its roles know or reject. */
	variables(): Promise<PlaybookVariables>;
	/** Which Synapse versions third-party package archives had, and when. */
	archives(): Promise<readonly Archive[]>;
};

export type Archive = {
	/** The word people ask for it by. */
	word: string;
	name: string;
	url: string;
	/** What the dates mean. */
	date: string;
	/** The day up to which it was read. */
	read: string;
	/** Whether no release is missing from the first one on. */
	isWhole: boolean;
	/** Oldest first. */
	releases: readonly {
		date: string;
		version: string;
		branch?: string;
		/** The commit that brought it, or the pull request, like `#484430`. */
		at?: string;
	}[];
};

export type PlaybookVariables = {
	/** The commit it was read at. */
	commit: string;
	/** Roles in other repositories: the version that the playbook requires, and the one that was read, if any. */
	roles: Readonly<Record<string, { wants: string; read: string | null }>>;
	/** Families that are rejected as a whole: `matrix_dimension_*`. */
	families: readonly string[];
	/** Rejected name → the names that replace it, and the variable without which the role's checks do not run. */
	refused: Readonly<Record<string, readonly [now: string, guard: string]>>;
	names: readonly string[];
};

type DistributionTypes = { mdad: PlaybookKnowledge; ess: ChartKnowledge };

/** `where` is the knowledge folder; a URL ends in a slash. Loading throws like readKnowledge. */
export function openDistributions(where: URL | Folder): Distributions {
	return {
		mdad: once(() => open(where, 'mdad')),
		ess: once(() => open(where, 'ess')),
		chartNames: memoized(() => table<{ charts: Chart[] }>(where, 'ess/upstream').charts.map(({ chart }) => chart)),
		commits: once(async () => table<Record<string, string>>(where, 'mdad/commits')),
		variables: once(async () => table<PlaybookVariables>(where, 'mdad/variables')),
		archives: once(async () => table<{ archives: Archive[] }>(where, 'archives').archives),
	};
}

function memoized<Value>(make: () => Value): () => Value {
	let made: { value: Value } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
	let made: Promise<Value> | undefined;
	return () => {
		made ??= make();
		return made;
	};
}

function table<Value>(where: URL | Folder, name: string): Value {
	const file = `distributions/${name}.json`;
	const text = (where instanceof URL ? folderAt(where) : where).text(file);
	if (text === undefined) throw new Error(`${file} does not exist`);
	return JSON.parse(text) as Value;
}

/** Loads the compiled file, or the source files if any of them has changed. */
async function open<Name extends keyof DistributionTypes>(
	where: URL | Folder,
	name: Name,
): Promise<DistributionTypes[Name]> {
	if (!(where instanceof URL)) return read(where, name);
	const own = new URL(`distributions/${name}/`, where);
	if (!existsSync(own)) return read(where, name);
	const from = fingerprint(own);
	const file = new URL('compiled.json', own);
	const compiled = parsed<{ from: string; knowledge: DistributionTypes[Name] }>(file);
	if (compiled?.from === from) return compiled.knowledge;
	const knowledge = await read(where, name);
	const partial = fileURLToPath(new URL(`compiled.json.${process.pid}`, own));
	try {
		writeFileSync(partial, JSON.stringify({ from, knowledge }));
		renameSync(partial, fileURLToPath(file));
	} catch {
		// If the folder is not writable, each start just takes a moment longer.
	} finally {
		rmSync(partial, { force: true });
	}
	return knowledge;
}

async function read<Name extends keyof DistributionTypes>(
	where: URL | Folder,
	name: Name,
): Promise<DistributionTypes[Name]> {
	const { readDistributions } = await import('./read-distributions.ts');
	return readDistributions(where)[name] as DistributionTypes[Name];
}

function parsed<Value>(file: URL): Value | undefined {
	if (!existsSync(file)) return undefined;
	try {
		return JSON.parse(readFileSync(file, 'utf8')) as Value;
	} catch {
		return undefined;
	}
}

/** The fingerprint of a distribution's source files, without the large tables. */
function fingerprint(folder: URL): string {
	const names = readdirSync(folder).filter(
		name => /\.(yaml|json)$/.test(name) && !/^(compiled|commits|variables)\.json$/.test(name),
	);
	return hashOf(folder, names.sort());
}

/** The Synapse version that the playbook installed on a day; undefined before the first known one. */
export function synapseOn(day: string, { synapse }: Pick<PlaybookKnowledge, 'synapse'>): string | undefined {
	return synapse.findLast(({ date }) => date <= day)?.synapse;
}

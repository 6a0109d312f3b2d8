// What Synapse's code says in each release, read by the Python scripts in code/ and stored as tables of changes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { collapse, expand, type States, type Table } from '../../src/configuration/timeline.ts';
import { compare, finalOf, isCandidate, type Version } from '../../src/deployment/version.ts';
import { documentedDefaults } from './documented.ts';
import type { Source } from './source.ts';

/** The tables, one file each; code/read.py describes `options` and the rest. */
export const tables = ['options', 'refusals', 'dependencies', 'routes', 'deltas', 'builds', 'admin'] as const;
export type TableName = (typeof tables)[number];
type State = Record<string, unknown> | string;
export type Tables = Record<TableName, Table<State>>;

const scripts = new URL('code/', import.meta.url);
/** The oldest release whose code is read. */
const oldest = '1.0.0';
const schema = 'schema/synapse-config.schema.yaml';
const wanted = new RegExp(
	`^(${[
		'synapse/(config|app|storage/engines)/\\w+\\.py',
		'synapse/storage/(prepare_database|database)\\.py',
		'synapse/storage/((data_stores|databases)/\\w+/)?schema/(?!.*full_schemas/).*\\.(py|sql|sqlite|postgres)',
		'synapse/util/check_dependencies\\.py',
		'synapse/python_dependencies\\.py',
		'synapse/handlers/(password_policy|oidc|oidc_handler|saml|saml_handler)\\.py',
		'synapse/http/site\\.py',
		'synapse/rest/admin/\\w+\\.py',
		'synapse/(rest/media/v1|media)/storage_provider\\.py',
		'rust/Cargo\\.toml',
		'docs/workers\\.(md|rst)',
		'pyproject\\.toml',
		'setup\\.py',
		'scripts-dev/build_debian_packages(\\.py)?',
		schema.replaceAll('.', '\\.'),
	].join('|')})$`,
);

/** A hash of the scripts. If they have changed, so may have their results, and everything in a source is read again. */
function fingerprint(): string {
	const hash = createHash('sha256');
	for (const name of readdirSync(scripts)
		.filter(name => name.endsWith('.py'))
		.sort())
		hash.update(name).update(readFileSync(new URL(name, scripts)));
	return hash.digest('hex').slice(0, 12);
}

/**
 * Reads what is new in the sources and writes the tables in `folder`. Needs `python3` on the PATH. Throws an Error that
 * names the releases and the file if code cannot be parsed.
 */
export function refreshCode(sources: readonly Source[], folder: URL, log: (line: string) => void): Tables {
	const by = fingerprint();
	const before = readTables(folder);
	const states = Object.fromEntries(
		tables.map(name => [name, before ? expand(before.tables[name]) : new Map()]),
	) as Record<TableName, States<State>>;
	const known = new Set(before?.by === by ? before.tables.options.read : []);
	for (const source of sources) {
		const asked = [...source.versions.keys()]
			.filter(version => compare(version, oldest) >= 0 && !known.has(version) && isWanted(version, source))
			.sort(compare);
		for (let at = 0; at < asked.length; at += 10) {
			const some = asked.slice(at, at + 10);
			log(`code of ${some[0]} to ${some.at(-1)}`);
			for (const { version, ...found } of readReleases(source, some)) {
				for (const name of tables) states[name].set(version, new Map(Object.entries(found[name])));
			}
		}
	}
	for (const name of tables) forgetCandidates(states[name]);
	carryDocumented(states.options);
	const after = Object.fromEntries(tables.map(name => [name, collapse(states[name])])) as Tables;
	writeTables(folder, by, after);
	return after;
}

/** A candidate counts only until its release is out: in a clone, if it is newer than every release there. */
function isWanted(version: Version, { versions }: Source): boolean {
	if (!isCandidate(version)) return true;
	return ![...versions.keys()].some(other => !isCandidate(other) && compare(other, version) > 0);
}

function forgetCandidates(states: States<State>): void {
	for (const version of [...states.keys()])
		if (
			isCandidate(version) &&
			[...states.keys()].some(other => !isCandidate(other) && compare(other, finalOf(version)) >= 0)
		)
			states.delete(version);
}

type Found = Record<TableName, Record<string, State>> & { version: Version };

function readReleases(source: Source, versions: readonly Version[]): Found[] {
	const jobs = versions.map(version => {
		const paths = source.paths(version).filter(path => wanted.test(path));
		return { version, files: source.read([version], paths).get(version) ?? new Map<string, string>() };
	});
	const input = jobs.map(({ version, files }) => `${JSON.stringify({ version, files: Object.fromEntries(files) })}\n`);
	const script = new URL('read.py', scripts).pathname;
	const { status, stdout, stderr, error } = spawnSync('python3', ['-B', script], {
		input: input.join(''),
		encoding: 'utf8',
		maxBuffer: 2 ** 30,
	});
	if (error) throw new Error(`python3 could not be started, and it is needed to parse the code: ${error.message}`);
	if (status !== 0) throw new Error(`the code of ${versions[0]} to ${versions.at(-1)} could not be read:\n${stderr}`);
	const found = stdout
		.trim()
		.split('\n')
		.map(line => JSON.parse(line) as Found);
	for (const one of found) {
		const text = jobs.find(({ version }) => version === one.version)?.files.get(schema);
		if (text !== undefined) addDocumented(one.options, documentedDefaults(text));
	}
	return found;
}

/**
 * Adds the schema's default and type where they differ from the code's. An option that only the schema names has the
 * schema as its file; one that only the code reads is marked as undocumented.
 */
function addDocumented(options: Record<string, State>, documented: ReturnType<typeof documentedDefaults>): void {
	for (const [path, state] of Object.entries(options))
		if (typeof state === 'object' && !documented.has(path)) options[path] = { ...state, undocumented: true };
	for (const [path, { default: value, type }] of documented) {
		const known = (options[path] ?? { file: schema }) as Record<string, unknown>;
		options[path] = {
			...known,
			...(value !== undefined && !isSame(value, known.default) && { documented: value }),
			...(type !== undefined && !isSame(type, known.type) && { documentedType: type }),
		};
	}
}

function isSame(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}

/** Archives do not contain the schema. What it said about an option still applies as long as the code is the same. */
function carryDocumented(states: States<State>): void {
	let before: Map<string, State> | undefined;
	for (const version of [...states.keys()].sort(compare)) {
		const options = states.get(version) ?? new Map<string, State>();
		const isDocumented = [...options.values()].some(state => typeof state === 'object' && 'documentedType' in state);
		if (!isDocumented && before) {
			for (const [path, state] of before) {
				const now = options.get(path);
				const onlyDocumented = typeof state === 'object' && state.file === schema;
				if (now === undefined ? onlyDocumented : isSame(codeOf(now), codeOf(state))) options.set(path, state);
			}
		}
		if (isDocumented || before) before = options;
	}
}

function codeOf(state: State): State {
	if (typeof state === 'string') return state;
	const { documented: _, documentedType: __, undocumented: ___, ...code } = state;
	return code;
}

function readTables(folder: URL): { by: string; tables: Tables } | undefined {
	if (!tables.every(name => existsSync(new URL(`${name}.json`, folder)))) return undefined;
	const files = tables.map(name => [name, JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))] as const);
	const by = new Set(files.map(([, file]) => file.by));
	return { by: by.size === 1 ? [...by][0] : '', tables: Object.fromEntries(files) as Tables };
}

/** One entry per line, so that a diff between two refreshes shows only what changed. */
function writeTables(folder: URL, by: string, after: Tables): void {
	mkdirSync(folder, { recursive: true });
	for (const name of tables) {
		const { read, entries } = after[name];
		const lines = entries.map(entry => JSON.stringify(entry)).join(',\n');
		writeFileSync(
			new URL(`${name}.json`, folder),
			`{"by": ${JSON.stringify(by)},\n"read": ${JSON.stringify(read)},\n"entries": [\n${lines}\n]}\n`,
		);
	}
}

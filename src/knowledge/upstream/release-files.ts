// What the code of one release enforces, and its database schema numbers, read from its files.
import type { Release } from '../schema/synapse.ts';

export type ReleaseFacts = Omit<Release, 'version' | 'date' | 'withdrawn'>;

/** The files that facts are read from; most releases have only some of them. */
export const factFiles = [
	'synapse/__init__.py',
	'setup.py',
	'pyproject.toml',
	'synapse/storage/engines/postgres.py',
	'synapse/storage/engines/sqlite.py',
	'synapse/storage/engines/sqlite3.py',
	'synapse/storage/schema/__init__.py',
	'synapse/storage/prepare_database.py',
	'synapse/storage/__init__.py',
	'synapse/app/homeserver.py',
	'rust/Cargo.toml',
] as const;

/** A release's facts from the texts of its files. A minimum that nothing checks is left out. */
export function factsOf(files: ReadonlyMap<string, string>): ReleaseFacts {
	const file = (path: (typeof factFiles)[number]) => files.get(path) ?? '';
	const schemaFiles = [
		file('synapse/storage/schema/__init__.py'),
		file('synapse/storage/prepare_database.py'),
		file('synapse/storage/__init__.py'),
		file('synapse/app/homeserver.py'),
	];
	return present({
		schema: first(schemaFiles, text => numberIn(text, /^SCHEMA_VERSION = (\d+)/m)),
		schemaCompat: first(schemaFiles, text => numberIn(text, /^SCHEMA_COMPAT_VERSION = (?:\(\s*(?:#.*\s+)*)?(\d+)/m)),
		python: pythonFloor(file('synapse/__init__.py'), file('setup.py'), file('pyproject.toml')),
		postgresql: postgresqlFloor(file('synapse/storage/engines/postgres.py')),
		sqlite: sqliteFloor(file('synapse/storage/engines/sqlite.py') || file('synapse/storage/engines/sqlite3.py')),
		rust: /^rust-version = "([\d.]+)"/m.exec(file('rust/Cargo.toml'))?.[1],
	});
}

function first<Value>(texts: readonly string[], find: (text: string) => Value | undefined): Value | undefined {
	for (const text of texts) {
		const found = find(text);
		if (found !== undefined) return found;
	}
	return undefined;
}

function numberIn(text: string, pattern: RegExp): number | undefined {
	const found = pattern.exec(text)?.[1];
	return found === undefined ? undefined : Number(found);
}

/**
 * The higher of the minimum in the package's metadata and the one that the code checks at startup: upstream raised one
 * without the other more than once (1.32, 1.119, 1.142). Minor versions only: the patch level in `^3.7.1` was for a
 * development tool.
 */
function pythonFloor(init: string, setup: string, project: string): string | undefined {
	const stated = [
		/^if (?:sys\.version_info|py_version) < \((\d+), (\d+)\)/m.exec(init),
		/python_requires\s*=\s*["'](?:~=|>=)\s*(\d+)\.(\d+)/.exec(setup),
		/^(?:python|requires-python) = ["'](?:\^|>=|~=)\s*(\d+)\.(\d+)/m.exec(project),
	].flatMap(found => (found ? [{ major: Number(found[1]), minor: Number(found[2]) }] : []));
	const [highest] = stated.sort((a, b) => b.major - a.major || b.minor - a.minor);
	return highest && `${highest.major}.${highest.minor}`;
}

/** In psycopg2's numbering 90500 is 9.5 and 100000 is 10. */
function postgresqlFloor(engine: string): string | undefined {
	const found = numberIn(engine, /if (?:not allow_outdated_version and )?self\._version < (\d+):\s+raise/);
	if (found === undefined) return undefined;
	const major = Math.floor(found / 10_000);
	return major < 10 ? `${major}.${Math.floor(found / 100) % 100}` : String(major);
}

function sqliteFloor(engine: string): string | undefined {
	const [, numbers] = /if (?:version|sqlite3\.sqlite_version_info) < \(([\d, ]+)\):\s+raise/.exec(engine) ?? [];
	return numbers?.split(/,\s*/).join('.').replace(/\.0$/, '');
}

/** Drops keys without a value: an absent fact means that the release does not have it. */
function present(facts: { [Key in keyof ReleaseFacts]: ReleaseFacts[Key] | undefined }): ReleaseFacts {
	return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

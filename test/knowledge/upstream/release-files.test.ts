import { expect, test } from 'vitest';
import { factsOf } from '../../../src/knowledge/upstream/release-files.ts';

const postgres = 'synapse/storage/engines/postgres.py';
const sqlite = 'synapse/storage/engines/sqlite.py';

// How the code of different years states the same facts.
test.each([
	[{ 'synapse/app/homeserver.py': 'SCHEMA_VERSION = 1\n' }, { schema: 1 }],
	[{ 'synapse/storage/__init__.py': '# times\nSCHEMA_VERSION = 14\n' }, { schema: 14 }],
	[{ 'synapse/storage/prepare_database.py': 'SCHEMA_VERSION = 59\n' }, { schema: 59 }],
	[
		{ 'synapse/storage/schema/__init__.py': 'SCHEMA_VERSION = 60\nSCHEMA_COMPAT_VERSION = 59\n' },
		{ schema: 60, schemaCompat: 59 },
	],
	[
		{
			'synapse/storage/schema/__init__.py':
				'SCHEMA_VERSION = 94  # keep\nSCHEMA_COMPAT_VERSION = (\n    # since 80 no crumbs\n    # and no 99\n    84\n)\n',
		},
		{ schema: 94, schemaCompat: 84 },
	],
	[
		{ 'synapse/__init__.py': 'if sys.version_info < (3, 5):\n', 'setup.py': 'python_requires="~=3.5",' },
		{ python: '3.5' },
	],
	[
		{ 'synapse/__init__.py': 'if sys.version_info < (3, 5):\n', 'setup.py': 'python_requires="~=3.6",' },
		{ python: '3.6' },
	],
	[
		{ 'synapse/__init__.py': 'if py_version < (3, 8):\n', 'pyproject.toml': 'python = "^3.10.0"\n' },
		{ python: '3.10' },
	],
	[{ 'synapse/__init__.py': 'if py_version < (3, 8):\n', 'pyproject.toml': 'python = "^3.7.1"\n' }, { python: '3.8' }],
	[{ 'pyproject.toml': 'requires-python = ">=3.10.0,<4.0.0"\n' }, { python: '3.10' }],
	[{ [postgres]: 'if self._version < 90500:\n    raise RuntimeError()' }, { postgresql: '9.5' }],
	[{ [postgres]: 'if not allow_outdated_version and self._version < 140000:\n    raise X()' }, { postgresql: '14' }],
	// Only a workaround for what older versions cannot do, not a minimum.
	[{ [postgres]: 'return self._version >= 90500\nif self._version < 90500:\n    return None' }, {}],
	[{ [sqlite]: 'if version < (3, 11, 0):\n    raise RuntimeError()' }, { sqlite: '3.11' }],
	[{ [sqlite]: 'if sqlite3.sqlite_version_info < (3, 37, 2):\n    raise RuntimeError()' }, { sqlite: '3.37.2' }],
	[{ 'rust/Cargo.toml': 'edition = "2021"\nrust-version = "1.58.1"\n' }, { rust: '1.58.1' }],
	[{}, {}],
])('%o', (files, facts) => {
	expect(factsOf(new Map(Object.entries(files)))).toEqual(facts);
});

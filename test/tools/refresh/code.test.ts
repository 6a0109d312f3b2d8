// The tables of Synapse's code, read from small simulated clones and archives.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { refreshCode, type Tables } from '../../../tools/refresh/code.ts';
import { openSource } from '../../../tools/refresh/source.ts';

type Written = Record<string, string>;

function folderOf(files: Written = {}): string {
	const folder = mkdtempSync(join(tmpdir(), 'glia-code-'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	write(folder, files);
	return folder;
}

function write(folder: string, files: Written): void {
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	}
}

const options = (body: string) => `
from ._base import Config, ConfigError

class PigeonConfig(Config):
    section = "pigeon"

    def read_config(self, config, **kwargs):
${body.replace(/^(?=.)/gm, '        ')}
`;

const base = (version: string): Written => ({
	'CHANGES.md': '',
	'pyproject.toml': `[project]\nname = "matrix-synapse"\nversion = "${version}"\nrequires-python = ">=3.10"\ndependencies = [\n    "Twisted>=21.2",\n]\n`,
	'synapse/__init__.py': '',
});

const first: Written = {
	...base('1.2.0'),
	'synapse/config/pigeon.py': options('self.seed = config.get("seed", "corn")\nself.old = config.get("old_seed")\n'),
	'docs/workers.md': '### `synapse.app.generic_worker`\n\nThese endpoints:\n\n    ^/_matrix/client/v1/pigeons$\n',
	'synapse/storage/schema/main/delta/90/01_pigeons.sql': 'CREATE TABLE pigeons (name TEXT);\n',
	'scripts-dev/build_debian_packages.py': 'DISTS = (\n    "debian:trixie",  # (EOL 2028-08)\n)\n',
	'synapse/rest/admin/pigeons.py':
		'class A:\n    PATTERNS = admin_patterns("/pigeons$", "v2")\n    def f(self):\n        raise SynapseError(400, "No such pigeon")\n',
};
const second: Written = {
	...first,
	...base('1.3.0'),
	'synapse/config/pigeon.py': options(
		'self.seed = config.get("seed", "maize")\nif config.get("old_seed"):\n    raise ConfigError("old_seed is gone: %s" % (1,))\n',
	),
	'docs/workers.md':
		'### `synapse.app.generic_worker`\n\nThese endpoints:\n\n    ^/_matrix/client/v1/pigeons$\n\nAdditionally for GET requests:\n\n    ^/_matrix/client/v1/owls$\n',
	'rust/Cargo.toml': '[package]\nrust-version = "1.85.0"\n',
};

function cloneOf(releases: Record<string, Written>): string {
	const folder = folderOf();
	const git = (...args: string[]) =>
		execFileSync('git', ['-C', folder, '-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args]);
	git('init', '-q');
	for (const [version, files] of Object.entries(releases)) {
		write(folder, files);
		git('add', '.');
		git('commit', '-qm', version);
		git('tag', `v${version}`);
	}
	return folder;
}

const quiet = () => {};
const archivesOf = (...releases: Written[]) => releases.map(files => openSource(folderOf(files)));

function stateOf(tables: Tables, table: keyof Tables, key: string): unknown {
	return tables[table].entries.find(entry => entry.key === key)?.changes;
}

function textsIn(folder: string): Written {
	return Object.fromEntries(readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('the tables of the code', () => {
	test('record from which release on each state holds', () => {
		const tables = refreshCode(archivesOf(first, second), pathToFileURL(`${folderOf()}/`), quiet);
		const file = 'synapse/config/pigeon.py';
		expect(stateOf(tables, 'options', 'seed')).toEqual([
			['1.2.0', { file, default: 'corn' }],
			['1.3.0', { file, default: 'maize' }],
		]);
		expect(stateOf(tables, 'options', 'old_seed')).toEqual([
			['1.2.0', { file, default: null }],
			['1.3.0', { file, default: null, refused: true }],
		]);
		expect(stateOf(tables, 'refusals', `${file} old_seed is gone: {}`)).toMatchObject([
			['1.3.0', { raises: 'ConfigError' }],
		]);
		expect(stateOf(tables, 'routes', 'generic_worker ^/_matrix/client/v1/owls$')).toEqual([['1.3.0', 'GET']]);
		expect(stateOf(tables, 'dependencies', 'rust')).toEqual([['1.3.0', '>=1.85.0']]);
		expect(stateOf(tables, 'dependencies', 'python')).toEqual([['1.2.0', '>=3.10']]);
		expect(stateOf(tables, 'deltas', 'main 90/01_pigeons.sql')).toEqual([
			['1.2.0', { tables: { pigeons: ['create'] } }],
		]);
		expect(stateOf(tables, 'builds', 'debian:trixie')).toEqual([['1.2.0', { end: '2028-08' }]]);
		expect(stateOf(tables, 'admin', 'endpoint ^/_synapse/admin/v2/pigeons$')).toEqual([['1.2.0', 'any']]);
		expect(stateOf(tables, 'admin', 'pigeons.py No such pigeon')).toEqual([['1.2.0', '400']]);
	});

	describe('have the fields of pydantic models', () => {
		const model = (body: string, given = 'Pigeons(**config.get("pigeons", {}))') => {
			const file = 'synapse/config/pigeon.py';
			const text = `from synapse.util.pydantic_models import ParseModel\n${body}${options(given)}`;
			const util = 'Grams = Annotated[StrictInt, BeforeValidator(Config.parse_size), int_schema(ge=0)]\n';
			const source = { ...first, [file]: text, 'synapse/config/_util.py': util };
			const tables = refreshCode(archivesOf(source), pathToFileURL(`${folderOf()}/`), quiet);
			return Object.fromEntries(
				tables.options.entries.map(({ key, changes }) => {
					const { file: _, ...state } = Object(changes[0]?.[1]);
					return [key, state];
				}),
			);
		};
		const transport = `
class Pigeon(ParseModel):
    name: StrictStr
    ring: StrictStr | None = Field(default=None)
`;

		test('that a validator of another model creates from its values', () => {
			const found = model(`${transport}
class Pigeons(ParseModel):
    flock: list[dict[str, Any]] = []

    @field_validator("flock")
    @classmethod
    def check(cls, flock):
        for pigeon in flock:
            Pigeon(**pigeon)
        return flock
`);
			expect(found).toMatchObject({
				'pigeons.flock': { type: 'list', default: [] },
				'pigeons.flock[].name': { type: 'string', accepts: ['string'], required: true },
				'pigeons.flock[].ring': { type: 'string', accepts: ['null', 'string'], default: null },
			});
		});

		test('but not of a model that nothing creates', () => {
			const found = model(`${transport}
class Pigeons(ParseModel):
    flock: list = []

    @model_validator(mode="after")
    def check(self):
        return self
`);
			expect(Object.keys(found)).toEqual(['pigeons', 'pigeons.flock']);
		});

		test('that a validator of the whole model reads before validation', () => {
			const found = model(`
class Pigeons(ParseModel):
    flock: list = []

    @model_validator(mode="before")
    @classmethod
    def check(cls, given):
        given.get("old_flock")
        return given
`);
			expect(Object.keys(found)).toContain('pigeons.old_flock');
		});

		test('with the type that is written if it is parsed before validation', () => {
			const found = model(`from ._util import Grams

class Pigeons(ParseModel):
    weight: Annotated[Grams, Field(ge=1)] = 300
    age: Annotated[int, BeforeValidator(Config.parse_duration)]
    wings: Annotated[StrictInt, Field(ge=0)] = 2
`);
			expect(found).toMatchObject({
				'pigeons.weight': { type: 'size', accepts: ['size'], default: 300 },
				'pigeons.age': { type: 'duration', accepts: ['duration'], required: true },
				'pigeons.wings': { type: 'integer', accepts: ['integer'], default: 2 },
			});
		});

		test('under the names that the configuration uses', () => {
			const found = model(`
class Pigeons(ParseModel):
    kind: StrictStr = Field("dove", alias="class")
`);
			expect(found).toMatchObject({ 'pigeons.class': { type: 'string', default: 'dove' } });
			expect(found).not.toHaveProperty(['pigeons.kind']);
		});
	});

	test('have the same bytes from a clone or archives, at once or one by one', () => {
		const [clone, whole, apart] = [folderOf(), folderOf(), folderOf()];
		refreshCode([openSource(cloneOf({ '1.2.0': first, '1.3.0': second }))], pathToFileURL(`${clone}/`), quiet);
		refreshCode(archivesOf(second, first), pathToFileURL(`${whole}/`), quiet);
		for (const source of archivesOf(first, second)) refreshCode([source], pathToFileURL(`${apart}/`), quiet);
		expect(Object.keys(textsIn(clone))).toHaveLength(7);
		expect(textsIn(whole)).toEqual(textsIn(clone));
		expect(textsIn(apart)).toEqual(textsIn(clone));
	});

	test('include a candidate until its release is out', () => {
		const folder = pathToFileURL(`${folderOf()}/`);
		const candidate = { ...second, ...base('1.3.0rc1') };
		expect(refreshCode(archivesOf(first, candidate), folder, quiet).options.read).toEqual(['1.2.0', '1.3.0rc1']);
		const tables = refreshCode(archivesOf(second), folder, quiet);
		expect(tables.options.read).toEqual(['1.2.0', '1.3.0']);
		expect(stateOf(tables, 'dependencies', 'rust')).toEqual([['1.3.0', '>=1.85.0']]);
	});

	test("carry a clone's schema over to archives while the code is the same", () => {
		const schema = 'properties:\n  seed: { type: string, default: wheat }\n  unknown: { type: integer }\n';
		const documented = { ...first, 'schema/synapse-config.schema.yaml': schema };
		const later: Written = {
			...first,
			...base('1.3.0'),
			'synapse/config/pigeon.py': options('self.seed = config.get("seed", "corn")\nconfig.get("old_seed", 5)\n'),
		};
		const folder = pathToFileURL(`${folderOf()}/`);
		refreshCode([openSource(cloneOf({ '1.2.0': documented }))], folder, quiet);
		const tables = refreshCode(archivesOf(later), folder, quiet);
		const file = 'synapse/config/pigeon.py';
		expect(stateOf(tables, 'options', 'seed')).toEqual([
			['1.2.0', { file, default: 'corn', documented: 'wheat', documentedType: 'string' }],
		]);
		expect(stateOf(tables, 'options', 'unknown')).toMatchObject([['1.2.0', { documentedType: 'integer' }]]);
		expect(stateOf(tables, 'options', 'old_seed')).toEqual([
			['1.2.0', { file, default: null, undocumented: true }],
			['1.3.0', { file, default: 5 }],
		]);
	});

	test('name a file that cannot be parsed, and keep the old tables', () => {
		const folder = folderOf();
		refreshCode(archivesOf(first), pathToFileURL(`${folder}/`), quiet);
		const before = textsIn(folder);
		const broken = { ...second, 'synapse/config/pigeon.py': 'class (:\n' };
		expect(() => refreshCode(archivesOf(broken), pathToFileURL(`${folder}/`), quiet)).toThrow(
			/1\.3\.0[\s\S]*synapse\/config\/pigeon\.py/,
		);
		expect(textsIn(folder)).toEqual(before);
	});

	test('need python3, and say so', () => {
		const sources = archivesOf(first);
		vi.stubEnv('PATH', folderOf());
		onTestFinished(() => void vi.unstubAllEnvs());
		expect(() => refreshCode(sources, pathToFileURL(`${folderOf()}/`), quiet)).toThrow(/python3 could not be started/);
	});
});

describe('reads from the code', () => {
	/** The options that one release reads, by path. */
	function read(body: string, more: Written = {}): Record<string, unknown> {
		const release = { ...base('1.2.0'), 'synapse/config/pigeon.py': options(body), ...more };
		const { options: table } = refreshCode(archivesOf(release), pathToFileURL(`${folderOf()}/`), quiet);
		return Object.fromEntries(
			table.entries.map(({ key, changes }) => {
				const { file: _, ...state } = Object(changes[0]?.[1]) as Record<string, unknown>;
				return [key, state];
			}),
		);
	}

	test.each<[string, string, Record<string, unknown>]>([
		['a default', 'config.get("a", 3)', { a: { default: 3 } }],
		['a fallback', 'config.get("a") or [1]', { a: { default: [1] } }],
		['a required key', 'config["a"]', { a: { required: true } }],
		['a key whose presence is checked first', 'x = config["a"] if "a" in config else None', { a: {} }],
		[
			'a duration',
			'self.parse_duration(config.get("a", "5m"))',
			{ a: { default: '5m', type: 'duration', accepts: ['duration'] } },
		],
		['a section', 's = config.get("s") or {}\ns.get("a")', { s: { default: {} }, 's.a': { default: null } }],
		['elements', 'for x in config.get("l", []):\n    x["a"]', { l: { default: [] }, 'l[].a': { required: true } }],
		[
			"members with the admin's own names",
			'for k, v in config.get("m", {}).items():\n    v.get("a")',
			{ m: { default: {} }, 'm.*.a': { default: null } },
		],
		[
			'names built from a list',
			'for n in ("a", "b"):\n    config.get(n + "_path")',
			{ a_path: { default: null }, b_path: { default: null } },
		],
		[
			'a nested function',
			'def part(n):\n    return config.get(n, 1)\npart("a")\npart("b")',
			{ a: { default: 1 }, b: { default: 1 } },
		],
		['a refusal', 'if config.get("a"):\n    raise ConfigError("no")', { a: { default: null, refused: true } }],
		[
			'a refusal in a section that may be missing',
			's = config.get("s") or {}\nif "a" in s:\n    raise ConfigError("no")',
			{ s: { default: {} }, 's.a': { refused: 'present' } },
		],
		[
			'a warning about anything but null, and one about true',
			'x = config.get("a")\nif x is not None:\n    logger.warning("old")\nif config.get("b"):\n    logger.warning("old")',
			{ a: { default: null, warned: 'not null' }, b: { default: null, warned: true } },
		],
		[
			'the widest of several conditions',
			'if config.get("a"):\n    logger.warning("old")\nif "a" in config:\n    logger.warning("old")',
			{ a: { default: null, warned: 'present' } },
		],
		[
			'no refusal for a combination of two',
			'if config.get("a") and config.get("b"):\n    raise ConfigError("no")',
			{ a: { default: null }, b: { default: null } },
		],
	])('%s', (_, body, expected) => {
		expect(read(body)).toEqual(expected);
	});

	test('listeners as each process of old releases reads them', () => {
		const app =
			'class A:\n    def f(self, listener_config):\n        listener_config.get("tag", 1)\n        for res in listener_config["resources"]:\n            res.get("compress", False)\n';
		expect(
			read('for l in config.get("listeners", []):\n    l.get("tls", False)', { 'synapse/app/homeserver.py': app }),
		).toEqual({
			listeners: { default: [] },
			'listeners[].resources': { required: true },
			'listeners[].resources[].compress': { default: false },
			'listeners[].tag': { default: 1 },
			'listeners[].tls': { default: false },
		});
	});

	test("the configuration of Synapse's own mapping providers", () => {
		const provider =
			'class JinjaOidcMappingProvider:\n    @staticmethod\n    def parse_config(config):\n        def part(name):\n            if name not in config:\n                return None\n            return config[name]\n        part("localpart_template")\n        config.get("subject_claim", "sub")\n';
		const found = read('p = config.get("oidc_config") or {}\np.get("user_mapping_provider")', {
			'synapse/handlers/oidc.py': provider,
		});
		expect(Object.keys(found)).toEqual([
			'oidc_config',
			'oidc_config.user_mapping_provider',
			'oidc_config.user_mapping_provider.config.localpart_template',
			'oidc_config.user_mapping_provider.config.subject_claim',
		]);
	});
});

// Synapse releases, each installed once, with packages from its time, into its own environment.
import { createHash, randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { compare, type Version } from '../../../src/deployment/version.ts';
import type { Release } from '../../../src/knowledge/schema/synapse.ts';
import { run } from './process.ts';

/** The folder for what is kept between runs: environments, servers, results. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'glia-verify');

/** The reason why something cannot be tried on this machine, in a sentence. */
export class Unavailable extends Error {}

/** Every release since 1.0.0 runs on it, given packages from its time. */
const usualPython = '3.11';

/** Restores what Python has dropped since old releases, and fakes database versions that are not installed. */
const shim = `import os, sys

if os.environ.get("GLIA_REVIVE") and sys.version_info >= (3, 10):
    import collections, collections.abc, inspect
    for name in collections.abc.__all__:
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
    if not hasattr(inspect, "getargspec"):
        ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
        inspect.getargspec = lambda function: ArgSpec(*inspect.getfullargspec(function)[:4])

if os.environ.get("GLIA_SQLITE"):
    import sqlite3
    said = os.environ["GLIA_SQLITE"]
    for module in sqlite3, sqlite3.dbapi2:
        module.sqlite_version = said
        module.sqlite_version_info = tuple(map(int, (said + ".0.0").split(".")[:3]))

if os.environ.get("GLIA_POSTGRESQL"):
    import psycopg2, psycopg2.extensions
    major, minor = map(int, os.environ["GLIA_POSTGRESQL"].split("."))
    class Older(psycopg2.extensions.connection):
        server_version = major * 10000 + minor * 100
    connect = psycopg2.connect
    psycopg2.connect = lambda *args, **named: connect(*args, **{"connection_factory": Older, **named})
`;

/** What some options need to be read at all: SAML, OpenID Connect, tokens, tracing, error reports, previews. */
export const extras = [
	'authlib',
	'pysaml2',
	'sentry-sdk',
	'opentracing',
	'jaeger-client',
	'lxml',
	'pytz',
	'beautifulsoup4',
	// Required by Synapse's extra for SAML.
	'lxml-stubs',
];

type Wanted = {
	/** More packages, as for pip. */
	packages?: readonly string[];
	/** The last day from which packages are taken. */
	until?: string | undefined;
	/** Packages that are removed again. */
	without?: readonly string[] | undefined;
	/** The version, like 3.8. */
	python?: string | undefined;
	/** For a Python below the release's minimum: an older release that still accepts it and provides the dependencies. */
	around?: Release | undefined;
};

/** The Python of an environment with this release, which is created if it does not exist. */
export async function environment(
	release: Release,
	{ packages = [], until, without = [], python = usualPython, around }: Wanted = {},
): Promise<string> {
	const wanted = [...requirements(release.version, packages), ...packages];
	const day = until ?? dayOf(release.date);
	const key = createHash('sha256')
		.update(JSON.stringify([wanted, day, shim, around?.version, ...without]))
		.digest('hex')
		.slice(0, 8);
	const home = join(cache, `synapse-${release.version}-python${python}-${key}`);
	const interpreter = pythonIn(home);
	if (existsSync(interpreter)) return interpreter;
	mkdirSync(cache, { recursive: true });
	const uv = await installer();
	// pyenv only provides a Python if it is told which one.
	const env = { env: { ...process.env, PYENV_VERSION: python } };
	const half = `${home}.${randomUUID()}`;
	const install = (what: readonly string[], last: string) =>
		run(uv, ['pip', 'install', '--quiet', '--python', pythonIn(half), '--exclude-newer', last, ...what], env);
	try {
		await run(uv, ['venv', '--quiet', '--no-python-downloads', '--python', python, half], env).catch(() => {
			throw new Unavailable(`there is no Python ${python} here`);
		});
		if (admits(release, python)) await install(wanted, day);
		else if (around) {
			// No installer installs a release on a Python below its minimum, so its files replace an older release's.
			await install(requirements(around.version), dayOf(around.date));
			const [to, from] = [await packagesOf(pythonIn(half)), await packagesOf(await environment(release, { packages }))];
			const own = (name: string) => /^(synapse|matrix_synapse-.*\.dist-info)$/.test(name);
			for (const name of readdirSync(to).filter(own)) rmSync(join(to, name), { recursive: true });
			for (const name of readdirSync(from).filter(own)) cpSync(join(from, name), join(to, name), { recursive: true });
		} else throw new Unavailable(`no older release accepts Python ${python}`);
		if (without.length) await run(uv, ['pip', 'uninstall', '--quiet', '--python', pythonIn(half), ...without], env);
		const place = await packagesOf(pythonIn(half));
		writeFileSync(join(place, 'glia_verify.py'), shim);
		writeFileSync(join(place, 'glia_verify.pth'), 'import glia_verify\n');
		renameSync(half, home);
	} finally {
		rmSync(half, { recursive: true, force: true });
	}
	return interpreter;
}

/** The environment variables for running this release. */
export function shimmed(release: Version, fake: { of: string; version: string } | undefined): NodeJS.ProcessEnv {
	return {
		...process.env,
		// Old releases cause many warnings with the libraries of their time.
		PYTHONWARNINGS: 'ignore',
		...(compare(release, '1.18.0') < 0 && { GLIA_REVIVE: 'yes' }),
		...(fake && { [`GLIA_${fake.of.toUpperCase()}`]: fake.version }),
	};
}

/** The last day from which packages are taken: dependencies have no upper bounds, and older builds have no wheels. */
function dayOf(released: string): string {
	const soonAfter = new Date(Date.parse(released) + 10 * 24 * 3600 * 1000).toISOString().slice(0, 10);
	return soonAfter > '2023-02-01' ? soonAfter : '2023-02-01';
}

/** What to install with a release. Leaves out packages from its ten days that broke it, unless they are requested. */
function requirements(version: Version, packages: readonly string[] = []): string[] {
	const named = (name: string) => packages.some(wanted => wanted.toLowerCase().startsWith(name));
	const old = compare(version, '1.56.0') < 0 && !named('jinja2') ? ['jinja2<3.1', 'markupsafe<2.1'] : [];
	const brokenByTwisted = compare(version, '1.111.1') >= 0 && compare(version, '1.119.0') < 0;
	const twisted = brokenByTwisted && !named('twisted') ? ['twisted<24.10'] : [];
	// The only release within ten days before pydantic 2 that does not forbid it.
	const pydantic = version === '1.86.0' && !named('pydantic') ? ['pydantic<2'] : [];
	// PostgreSQL's driver as a wheel, so that no compiler is needed.
	return [`matrix-synapse[redis]==${version}`, ...old, ...twisted, ...pydantic, 'psycopg2-binary'];
}

/** Whether the release's package can be installed on this Python. */
export function admits({ python: floor }: Release, python: string): boolean {
	const minor = (number: string) => Number(number.split('.')[1] ?? 0);
	return floor === undefined || minor(python) >= minor(floor);
}

function pythonIn(home: string): string {
	return join(home, 'bin', 'python');
}

async function packagesOf(interpreter: string): Promise<string> {
	return (await run(interpreter, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])).trim();
}

/** uv, which unlike pip can ignore what was published after a day. */
async function installer(): Promise<string> {
	const home = join(cache, 'uv');
	const uv = join(home, 'bin', 'uv');
	if (!existsSync(uv)) {
		await run('python3', ['-m', 'venv', home]);
		await run(pythonIn(home), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'uv']);
	}
	return uv;
}

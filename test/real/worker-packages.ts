// What a Synapse with workers needs besides Synapse, unpacked once into a cache folder without installing anything.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../tools/verify/machine/process.ts';
import { SYNAPSE } from './synapse.ts';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'glia-tests');

/** Debian packages, including libraries that may be missing on a machine. */
const debian = ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1', 'nginx'];

export type Packages = {
	/** A Python with Synapse, its Redis client and psycopg2. */
	python: string;
	redis: string;
	nginx: string;
	/** The folder with Redis's libraries, for its `LD_LIBRARY_PATH`. */
	libraries: string;
};

/** Fetches what is missing. Throws if a package index cannot be reached. */
export async function packages(): Promise<Packages> {
	const [venv, root] = [await environment(), await unpacked()];
	const libraries = join(root, 'usr', 'lib');
	const folders = readdirSync(libraries, { withFileTypes: true }).filter(entry => entry.isDirectory());
	return {
		python: join(venv, 'bin', 'python'),
		redis: join(root, 'usr', 'bin', 'redis-server'),
		nginx: join(root, 'usr', 'sbin', 'nginx'),
		libraries: folders.map(({ name }) => join(libraries, name)).join(':'),
	};
}

async function environment(): Promise<string> {
	return once(`workers-synapse-${SYNAPSE}`, async half => {
		await run('python3', ['-I', '-m', 'venv', half]);
		const pip = ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--quiet'];
		const wanted = [`matrix-synapse[redis]==${SYNAPSE}`, 'psycopg2-binary'];
		await run(join(half, 'bin', 'python'), [...pip, '--only-binary', ':all:', ...wanted]);
	});
}

/** Unpacks the packages instead of installing them, because the system would start an installed server. */
async function unpacked(): Promise<string> {
	return once('workers-debian', async half => {
		await run('apt-get', ['download', '--quiet', ...debian], { cwd: half });
		for (const name of readdirSync(half).filter(name => name.endsWith('.deb')))
			await run('dpkg', ['-x', join(half, name), half]);
	});
}

/** A folder that is only used once complete. `fill` fills it in place, because an environment contains its own path. */
async function once(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
	const folder = join(cache, name);
	const done = join(folder, '.done');
	if (existsSync(done)) return folder;
	console.error(`Fetching ${name}, once.`);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	await fill(folder);
	writeFileSync(`${done}.new`, '');
	renameSync(`${done}.new`, done);
	return folder;
}

// Fetches the source archive of a Synapse release from the package index and unpacks it. Nothing is built: pip would
// build what it downloads as source, and Synapse's build downloads a Rust toolchain.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { isVersion, type Version } from '../../src/deployment/version.ts';
import { readArguments, refuse } from '../arguments.ts';

/** The needed part of a project's page in the index's JSON form (PEP 691). */
const page = z.object({
	files: z.array(z.object({ filename: z.string(), url: z.string(), hashes: z.record(z.string(), z.string()) })),
});

/** The base URL of the package index that pip is configured to use, read from its help text. */
export function packageIndex(python: string): string {
	const help = execFileSync(python, ['-I', '-m', 'pip', 'download', '--help'], {
		encoding: 'utf8',
		// Wide enough for each option to fit on one line.
		env: { ...process.env, COLUMNS: '10000' },
	});
	const url = /--index-url <url>.*?\(default (https?:\/\/[^\s)]+)\)/.exec(help)?.[1];
	if (!url) throw new Error(`${python} -m pip does not say which package index it uses`);
	return url.replace(/\/+$/, '');
}

/**
 * The folder `matrix_synapse-<release>` in `into`, with the unpacked archive; fetched if it is missing. Throws an
 * Error if the index cannot be reached, does not have the release, or sends something else.
 */
export async function fetchArchive(release: Version, into: string, python = 'python3'): Promise<string> {
	const home = join(into, `matrix_synapse-${release}`);
	if (existsSync(home)) return home;
	const project = `${packageIndex(python)}/matrix-synapse/`;
	const listing = await get(project, 'application/vnd.pypi.simple.v1+json');
	const { files } = page.parse(JSON.parse(listing.toString('utf8')));
	const names = [`matrix_synapse-${release}.tar.gz`, `matrix-synapse-${release}.tar.gz`];
	const file = files.find(({ filename }) => names.includes(filename));
	if (!file) throw new Error(`The package index has no source archive of Synapse ${release}.`);
	const archive = await get(new URL(file.url, project).href, '*/*');
	const hash = createHash('sha256').update(archive).digest('hex');
	if (hash !== file.hashes.sha256) throw new Error(`${file.filename} is not what the package index says it is.`);
	const half = `${home}.${process.pid}`;
	mkdirSync(half, { recursive: true });
	try {
		const path = join(half, file.filename);
		writeFileSync(path, archive);
		execFileSync(python, ['-I', '-m', 'tarfile', '-e', path, half], { stdio: ['ignore', 'ignore', 'pipe'] });
		renameSync(path.replace(/\.tar\.gz$/, ''), home);
		return home;
	} finally {
		rmSync(half, { recursive: true, force: true });
	}
}

/** Downloads a file from the index. Tries three times. */
async function get(url: string, accept: string): Promise<Buffer> {
	for (let tries = 1; ; tries++) {
		try {
			const response = await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(120_000) });
			if (!response.ok) throw new Error(`HTTP ${response.status}`);
			return Buffer.from(await response.arrayBuffer());
		} catch (error) {
			if (tries < 3) continue;
			const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined };
			const why = cause instanceof Error ? cause.message : message;
			throw new Error(`${url} cannot be fetched: ${why}`, { cause: error });
		}
	}
}

if (import.meta.main) {
	const usage = `
  npm run archive -- RELEASE [FOLDER]   fetch the source archive of a Synapse release and unpack it into FOLDER

For example: npm run archive -- 1.164.0 ../sources`;
	const [release, folder = '.'] = readArguments(usage, {}, 2).positionals;
	if (release === undefined) refuse('Which release?', usage);
	if (!isVersion(release)) refuse(`A release looks like 1.164.0, not ${release}.`);
	await fetchArchive(release, resolve(folder)).then(console.log, error =>
		refuse(error instanceof Error ? error.message : String(error)),
	);
}

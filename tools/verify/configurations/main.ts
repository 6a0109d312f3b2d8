// npm run verify -- configurations [release…]: reads the configurations in cases.yaml with real releases, and writes
// the results to tried.json. A unit test compares them with !check.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { compare } from '../../../src/deployment/version.ts';
import { readKnowledge } from '../../../src/knowledge/load.ts';
import { environment, shimmed, Unavailable } from '../machine/environment.ts';
import { type Case, casesFileShape } from './shapes.ts';

/** What a release said about a case: null, or the refusal. */
export type Tried = Record<string, Record<string, string | null>>;

const here = new URL('./', import.meta.url);

export function readCases(): { releases: string[]; base: string; cases: Case[] } {
	return casesFileShape.parse(parse(readFileSync(new URL('cases.yaml', here), 'utf8')));
}

export function readTried(): Tried {
	return JSON.parse(readFileSync(new URL('tried.json', here), 'utf8'));
}

/** The files of a case by name, as in a deployment; `$DIR` is their folder. */
export function filesOf({ main = '', without = [], worker, files = {} }: Case, base: string): Record<string, string> {
	const own = [...main.matchAll(/^([a-z_0-9]+):/gm)].map(([, key]) => key);
	const kept = base.split('\n').filter(line => {
		const key = line.split(':', 1)[0] ?? '';
		return !without.includes(key) && (main.startsWith('server_name') || !own.includes(key));
	});
	return {
		'homeserver.yaml': `${kept.join('\n')}${main}\n`,
		...(worker !== undefined && { 'worker.yaml': `${worker}\n` }),
		...files,
	};
}

/** Reads every case with each release. Resolves to the exit status. */
export async function tryConfigurations(releases: readonly string[]): Promise<number> {
	const { releases: usual, base, cases } = readCases();
	const known = readKnowledge(new URL('../../../knowledge/', import.meta.url));
	const tried = readTried();
	const asked = (version: string) =>
		cases
			.filter(({ since }) => since === undefined || compare(since, version) <= 0)
			.map(one => ({
				case: one.id,
				files: filesOf(one, base),
				processes: [['homeserver.yaml'], ...(one.worker === undefined ? [] : [['homeserver.yaml', 'worker.yaml']])],
			}));
	for (const version of releases.length ? releases : usual) {
		const release = known.releases.find(other => other.version === version);
		if (!release) throw new Unavailable(`${version} is not a known release of Synapse.`);
		const python = await environment(release);
		const { stdout, stderr, status } = spawnSync(python, [fileURLToPath(new URL('probe.py', here))], {
			input: JSON.stringify(asked(version)),
			encoding: 'utf8',
			env: shimmed(version, undefined),
			maxBuffer: 100_000_000,
		});
		if (status !== 0) throw new Error(`${version}: ${stderr.slice(-1000)}`);
		const said = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Record<string, string | null>;
		tried[version] = Object.fromEntries(
			Object.entries(said).map(([id, why]) => [id, why === null ? null : firstLine(why)]),
		);
		console.log(`${version}: ${Object.values(said).filter(Boolean).length} of ${cases.length} refused`);
		// After each one, so that minutes of work are not lost.
		const sorted = Object.fromEntries(Object.entries(tried).sort(([a], [b]) => compare(a, b)));
		writeFileSync(new URL('tried.json', here), `${JSON.stringify(sorted, null, '\t')}\n`);
	}
	return 0;
}

/** Enough of a refusal to recognise it, without the temporary folder. */
function firstLine(why: string): string {
	return (why.split('\n').find(line => line.trim() !== '') ?? '').replace(/\/tmp\/\w+/g, '$DIR').slice(0, 160);
}

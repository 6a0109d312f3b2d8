// What is known of distributions, opened when somebody first asks: a plan for Synapse alone must not pay for it.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compareCharts } from '../deployment/chart.ts';
import type { Chart, ChartKnowledge, PlaybookKnowledge } from './schema/distribution.ts';

export type Distributions = {
	/** The playbook matrix-docker-ansible-deploy. */
	mdad(): Promise<PlaybookKnowledge>;
	/** The charts of Element Server Suite Community. */
	ess(): Promise<ChartKnowledge>;
	/** The day on which each commit of the playbook got to its main branch: day → first nine digits, between spaces. */
	commits(): Promise<Readonly<Record<string, string>>>;
};

type DistributionTypes = { mdad: PlaybookKnowledge; ess: ChartKnowledge };

/** `folder` is that of all knowledge. Asking throws an Error that lists every mistake in the files, as readKnowledge does. */
export function openDistributions(folder: URL): Distributions {
	return {
		mdad: once(() => open(folder, 'mdad')),
		ess: once(() => open(folder, 'ess')),
		commits: once(async () => {
			const file = new URL('distributions/mdad/commits.json', folder);
			return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
		}),
	};
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
	let made: Promise<Value> | undefined;
	return () => {
		made ??= make();
		return made;
	};
}

/** From the compiled file, or from the files themselves if any has changed. */
async function open<Name extends keyof DistributionTypes>(folder: URL, name: Name): Promise<DistributionTypes[Name]> {
	const own = new URL(`distributions/${name}/`, folder);
	const from = fingerprint(own);
	const file = new URL('compiled.json', own);
	const compiled = read<{ from: string; knowledge: DistributionTypes[Name] }>(file);
	if (compiled?.from === from) return compiled.knowledge;
	const { readDistributions } = await import('./read-distributions.ts');
	const knowledge = readDistributions(folder)[name] as DistributionTypes[Name];
	const partial = fileURLToPath(new URL(`compiled.json.${process.pid}`, own));
	try {
		writeFileSync(partial, JSON.stringify({ from, knowledge }));
		renameSync(partial, fileURLToPath(file));
	} catch {
		// An unwritable folder costs a moment at each start, nothing else.
	} finally {
		rmSync(partial, { force: true });
	}
	return knowledge;
}

function read<Value>(file: URL): Value | undefined {
	if (!existsSync(file)) return undefined;
	try {
		return JSON.parse(readFileSync(file, 'utf8')) as Value;
	} catch {
		return undefined;
	}
}

function fingerprint(folder: URL): string {
	const hash = createHash('sha256');
	for (const name of readdirSync(folder).sort())
		if (/\.(yaml|json)$/.test(name) && !/^(compiled|commits|variables)\.json$/.test(name))
			hash
				.update(name)
				.update('\0')
				.update(readFileSync(new URL(name, folder)))
				.update('\0');
	return hash.digest('hex');
}

/** The Synapse that the playbook installed on a day; undefined before the first that is known. */
export function synapseOn(day: string, { synapse }: Pick<PlaybookKnowledge, 'synapse'>): string | undefined {
	return synapse.findLast(({ date }) => date <= day)?.synapse;
}

/** The chart as it was released. */
export function chartNamed(version: string, { charts }: Pick<ChartKnowledge, 'charts'>): Chart | undefined {
	return charts.find(({ chart }) => compareCharts(chart, version) === 0);
}

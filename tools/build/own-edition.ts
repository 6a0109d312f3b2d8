// The knowledge in the single-file program; replaces src/app/own-edition.ts.
import { names, text } from 'glia:pieces';
import { openCode } from '../../src/knowledge/code-tables.ts';
import type { Distributions } from '../../src/knowledge/distributions.ts';
import type { Edition } from '../../src/knowledge/edition.ts';
import type { Knowledge, Passage } from '../../src/knowledge/schema/synapse.ts';

const folder = { text, names: (below: string) => names.filter(name => name.startsWith(below)) };

export async function openOwnEdition(): Promise<Edition> {
	const { knowledge } = parsed<{ knowledge: Knowledge }>('compiled.json');
	return { knowledge, code: openCode(folder), distributions, passages: ownPassages };
}

export function ownPassages(): readonly Passage[] {
	return parsed<{ passages: Passage[] }>('synapse/upstream.json').passages;
}

const distributions: Distributions = {
	mdad: once(() => parsed<{ knowledge: Awaited<ReturnType<Distributions['mdad']>> }>(compiledOf('mdad')).knowledge),
	ess: once(() => parsed<{ knowledge: Awaited<ReturnType<Distributions['ess']>> }>(compiledOf('ess')).knowledge),
	chartNames: () =>
		parsed<{ knowledge: Awaited<ReturnType<Distributions['ess']>> }>(compiledOf('ess')).knowledge.charts.map(
			({ chart }) => chart,
		),
	commits: once(() => parsed('distributions/mdad/commits.json')),
	variables: once(() => parsed('distributions/mdad/variables.json')),
	archives: once(
		() => parsed<{ archives: Awaited<ReturnType<Distributions['archives']>> }>('distributions/archives.json').archives,
	),
};

function compiledOf(name: string): string {
	return `distributions/${name}/compiled.json`;
}

function once<Value>(make: () => Value): () => Promise<Value> {
	let made: { value: Value } | undefined;
	return async () => {
		made ??= { value: make() };
		return made.value;
	};
}

function parsed<Value>(name: string): Value {
	return JSON.parse(text(name) ?? '') as Value;
}

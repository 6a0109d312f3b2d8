// Whether !check says of each tried value what the release said: the same configurations, put together here once more.
import { check } from '../../../src/advice/check/check.ts';
import { nearest } from '../../../src/arguments/nearest.ts';
import type { Code } from '../../../src/configuration/code.ts';
import { configurationOf } from '../../../src/configuration/files.ts';
import { parsePath } from '../../../src/configuration/path.ts';
import type { ValueKind, ValueState } from '../../../src/configuration/wrong-values.ts';
import type { Version } from '../../../src/deployment/version.ts';
import type { Knowledge } from '../../../src/knowledge/schema/synapse.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Mapping = { [key: string]: Json };
export type Contexts = {
	base: Mapping;
	sections: Record<string, { value: Json; with?: Mapping; without?: string[]; worker?: boolean }>;
};
type Kinds = readonly (readonly [ValueKind, Json])[];

/** As values.py has them. */
export const triedValues: Kinds = [
	['null', null],
	['true', true],
	['false', false],
	['zero', 0],
	['negative', -5],
	['integer', 7777],
	['float', 1.5],
	['empty string', ''],
	['digits', '5'],
	['duration', '10m'],
	['size', '50M'],
	['text', 'text'],
	['empty list', []],
	['strings', ['text']],
	['numbers', [7777]],
	['nulls', [null]],
	['mappings', [{ a: 'b' }]],
	['empty mapping', {}],
	['mapping', { a: 'b' }],
];

export type Disagreement = { path: string; kind: ValueKind; release: boolean; check: boolean; says: string };

/** Each pair of which the two say different things; `unjudged` are those that !check names as open. */
export function disagreements(
	found: Record<string, ValueState>,
	{
		contexts,
		options: paths,
		version,
		knowledge,
		code,
	}: { contexts: Contexts; options: readonly string[]; version: Version; knowledge: Knowledge; code: Code },
): { pairs: number; wrong: Disagreement[] } {
	const options = code.options();
	const values = code.values();
	const wrong: Disagreement[] = [];
	let pairs = 0;
	for (const path of paths)
		for (const [kind, value] of triedValues) {
			const text = configurationText(contexts, path, value);
			if (text === undefined) continue;
			pairs++;
			const files = [{ name: 'homeserver.yaml', text }];
			const checked = check(
				{ configuration: configurationOf(files), profile: new Map(), options, values, to: version, nearest },
				knowledge,
			);
			const release = found[path]?.refuses.includes(kind) === true;
			const says = checked.findings
				.filter(finding => finding.kind === 'refuses')
				.map(({ option, why, note }) => `${option} ${why ?? note?.id ?? ''}`)
				.join('; ');
			if (checked.refuses !== release) wrong.push({ path, kind, release, check: checked.refuses, says });
		}
	return { pairs, wrong };
}

/** A homeserver.yaml with one value; undefined where its place cannot hold it. JSON is YAML. */
function configurationText({ base, sections }: Contexts, path: string, value: Json): string | undefined {
	const segments = parsePath(path) ?? [];
	const own = segments.length > 1 ? sections[segments[0] ?? ''] : undefined;
	const config: Mapping = structuredClone(base);
	for (const key of own?.without ?? []) delete config[key];
	Object.assign(config, structuredClone(own?.with ?? {}));
	if (own) config[segments[0] ?? ''] = structuredClone(own.value);
	return put(config, segments, value) ? JSON.stringify(config, null, 1) : undefined;
}

function put(root: Mapping, segments: readonly string[], value: Json): boolean {
	let here: Json = root;
	for (const [i, name] of segments.entries()) {
		if (typeof here !== 'object' || here === null || Array.isArray(here) !== (name === '[]')) return false;
		const container = here as Mapping;
		const key: string = name === '[]' ? '0' : name === '*' ? (Object.keys(container)[0] ?? 'w') : name;
		if (i === segments.length - 1) {
			container[key] = value;
			return true;
		}
		container[key] ??= segments[i + 1] === '[]' ? [] : {};
		here = container[key] ?? null;
	}
	return false;
}

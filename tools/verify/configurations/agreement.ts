// npm run verify -- agreement [release…]: checks whether !check agrees with the release about each value that `values`
// tried, in the same configurations, which are built again here. Prints the differences, and writes their number to
// agreement.json.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { check } from '../../../src/advice/check/check.ts';
import { nearest } from '../../../src/arguments/nearest.ts';
import type { Code } from '../../../src/configuration/code.ts';
import { configurationOf } from '../../../src/configuration/files.ts';
import { parsePath } from '../../../src/configuration/path.ts';
import type { ValueKind, ValueState } from '../../../src/configuration/wrong-values.ts';
import type { Version } from '../../../src/deployment/version.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { readKnowledge } from '../../../src/knowledge/load.ts';
import type { Knowledge, Release } from '../../../src/knowledge/schema/synapse.ts';
import { environment, extras, shimmed, Unavailable } from '../machine/environment.ts';
import { measured, questionOf } from './values.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Mapping = { [key: string]: Json };
export type Contexts = {
	base: Mapping;
	sections: Record<
		string,
		{
			value: Json;
			with?: Mapping | undefined;
			without?: string[] | undefined;
			worker?: boolean | undefined;
		}
	>;
};
type Kinds = readonly (readonly [ValueKind, Json])[];

/** The same as in values.py. */
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

export type Disagreement = {
	path: string;
	kind: ValueKind;
	release: boolean;
	check: boolean;
	says: string;
	/** The whole configuration. */
	text: string;
};

/** Each pair on which the two disagree. */
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
			if (checked.refuses !== release) wrong.push({ path, kind, release, check: checked.refuses, says, text });
		}
	return { pairs, wrong };
}

/** A homeserver.yaml with one value; undefined if it cannot be placed. JSON is YAML. */
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

/**
 * For one release: how many configurations were tried, and how many only one of the two refuses. `values` reads one
 * section at a time. `asked`: how many that only !check refused the release then read as a whole.
 */
export type Agreement = { pairs: number; onlyRelease: number; asked?: number; onlyCheck: number };
const file = new URL('agreement.json', import.meta.url);

export function readAgreement(): Record<Version, Agreement> {
	return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** What the release says when it reads each of these as at startup: null, or the refusal. */
async function readWhole(release: Release, asked: readonly Disagreement[]): Promise<(string | null)[]> {
	const python = await environment(release, { packages: extras });
	const cases = asked.map(({ text }, index) => ({
		case: String(index),
		files: { 'homeserver.yaml': text },
		processes: [['homeserver.yaml']],
	}));
	const { stdout, stderr, status } = spawnSync(python, [fileURLToPath(new URL('probe.py', import.meta.url))], {
		input: JSON.stringify(cases),
		encoding: 'utf8',
		env: shimmed(release.version, undefined),
		maxBuffer: 100_000_000,
	});
	if (status !== 0) throw new Error(`${release.version}: ${stderr.slice(-1000)}`);
	const said = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Record<string, string | null>;
	return asked.map((_, index) => said[String(index)]?.split('\n')[0]?.slice(0, 160) ?? null);
}

/** Exits with 1 if !check refuses what a release accepts: a false alarm is worse than silence. */
export async function compareValues(releases: readonly string[]): Promise<number> {
	const folder = new URL('../../../knowledge/', import.meta.url);
	const knowledge = readKnowledge(folder);
	const code = openCode(folder);
	const all = readAgreement();
	for (const version of releases.length ? releases : code.values().read) {
		const release = knowledge.releases.find(other => other.version === version);
		if (!release) throw new Unavailable(`${version} is not a known release of Synapse.`);
		const question = questionOf(code.options(), version, false);
		const { found, skipped } = await measured(release, { ...question, before: {} });
		const isTried = (path: string) => !(/[.[]/.test(path) && (path.split(/[.[]/, 1)[0] ?? '') in skipped);
		const options = question.options.filter(isTried);
		const { pairs, wrong } = disagreements(found, { contexts: question, options, version, knowledge, code });
		const [asked, onlyRelease] = [wrong.filter(({ check }) => check), wrong.filter(({ check }) => !check)];
		const whole = await readWhole(release, asked);
		const onlyCheck = asked.filter((_, index) => whole[index] === null);
		for (const [index, { path, kind }] of asked.entries())
			if (whole[index] !== null)
				console.log(`${version}: refused when read as a whole: ${path}, ${kind}: ${whole[index]}`);
		all[version] = { pairs, onlyRelease: onlyRelease.length, asked: asked.length, onlyCheck: onlyCheck.length };
		for (const { path, kind, says } of onlyCheck)
			console.log(`${version}: only !check refuses ${path}, ${kind}: ${says}`);
		for (const [path, list] of Map.groupBy(onlyRelease, ({ path }) => path))
			console.log(`${version}: only the release refuses ${path}: ${list.map(({ kind }) => kind).join(', ')}`);
		console.log(`${version}: ${JSON.stringify(all[version])}`);
	}
	writeFileSync(file, `${JSON.stringify(all, null, '\t')}\n`);
	return Object.values(all).some(({ onlyCheck }) => onlyCheck > 0) ? 1 : 0;
}

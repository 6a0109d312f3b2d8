// Values of a kind that a release refuses, and required members, according to tests of real releases.
import { type Decision, decide, select } from '../../configuration/condition.ts';
import { optionAt, plainDefaults } from '../../configuration/options.ts';
import { parsePath, writePath } from '../../configuration/path.ts';
import {
	neededPaths,
	type RefusedKind,
	refusing,
	statesAround,
	type ValueKind,
	type ValueState,
	valueKind,
} from '../../configuration/wrong-values.ts';
import type { Value } from '../../configuration/yaml.ts';
import type { Version } from '../../deployment/version.ts';
import type { CheckRequest, Finding, Unjudged } from './findings.ts';
import type { WrittenOption } from './written-options.ts';

export type WrongValues = {
	findings: Finding[];
	unjudged: Unjudged[];
	/** Whether this option was tested, so that no other check has to guess. */
	isTried: (written: WrittenOption) => boolean;
};

/** Checks every written value, and every element of a plain list, against the table. */
export function wrongValues(written: readonly WrittenOption[], request: CheckRequest): WrongValues {
	const { values: table, to } = request;
	if (!table) return { findings: [], unjudged: [], isTried: () => false };
	const places = written.flatMap(({ path, value, file, line }) => [
		{ path, value, file, line },
		...(value.kind === 'list'
			? value.items.map(item => ({ path: `${path}[]`, value: item, file: item.file, line: item.line }))
			: []),
	]);
	const findings: Finding[] = [];
	const unjudged: Unjudged[] = [];
	for (const { path, value, file, line } of places) {
		const is = judged(path, value, request);
		const place = { option: path, file, line };
		if (is === true) findings.push({ kind: 'refuses', ...place, is: value.kind, accepts: acceptedBy(path, request) });
		else if (is === 'unknown') unjudged.push({ ...place, why: 'undecided' });
	}
	findings.push(...missingMembers(request));
	return { findings, unjudged, isTried: ({ path }) => statesAround(table, path, to) !== undefined };
}

function judged(path: string, value: Value, request: CheckRequest): Decision['is'] {
	const { values: table, to } = request;
	if (isGone(path, request)) return false;
	const kind = valueKind(value, to);
	const state = table && statesAround(table, path, to)?.[0];
	const said = kind && table && refusing(table, path, kind, to);
	if (!kind || !said || !state || said.is === false || hasExceptions(kind, value, state, to)) return false;
	return said.is === 'unknown' ? 'unknown' : isOn(said, request);
}

/**
 * Whether the release no longer reads the option. Not all releases were tested, so the newest tested one before it may
 * still have read it.
 */
function isGone(path: string, { options, to }: CheckRequest): boolean {
	const option = path.replace(/\[\]$/, '');
	return options.byPath.has(option) && !optionAt(options, option, to);
}

/** Whether some words or numbers of this kind are accepted after all, so that the value may be one of them. */
function hasExceptions(kind: ValueKind, value: Value, { words = [], shapes = [] }: ValueState, to: Version): boolean {
	// Python parses ` 5 `, `+5` and `1_000` as numbers.
	if (
		kind === 'text' &&
		words.length > 0 &&
		value.kind === 'string' &&
		/^[\s\d+._-]*\d[\s\d._]*[a-zA-Z]?\s*$/.test(value.value)
	)
		return true;
	const kinds = words.map(word => valueKind({ kind: 'string', value: word, file: '', line: 0, column: 0 }, to));
	if (kind === 'text') return shapes.length > 0 || kinds.includes('text');
	if (kind === 'float') return words.some(word => /^\d+\.\d+$/.test(word));
	const isWhole = kind === 'integer' || kind === 'zero' || kind === 'negative';
	// If `"9"` is accepted, some numbers may be.
	return kinds.includes(isWhole ? 'digits' : kind);
}

/** Whether these files switch on everything that the refusal depends on. */
function isOn({ switches, unless }: RefusedKind, { configuration, options, to }: CheckRequest): Decision['is'] {
	const question = { configuration, defaultOf: plainDefaults(options), release: to };
	const on = switches.map(option => decide({ option, is: true }, question).is);
	const off = unless.map(option => decide({ option, is: false }, { ...question, defaultOf: () => null }).is);
	if (on.includes(false) || off.includes(true)) return false;
	return on.includes('unknown') || off.includes('unknown') ? 'unknown' : true;
}

/** Sections without a member that the release requires. */
function missingMembers(request: CheckRequest): Finding[] {
	const { values: table, configuration, to } = request;
	if (!table) return [];
	return neededPaths(table, to).flatMap((path): Finding[] => {
		const segments = parsePath(path) ?? [];
		const key = segments.at(-1) ?? '';
		const parent = writePath(segments.slice(0, -1));
		const said = isGone(path, request) ? undefined : refusing(table, path, 'absent', to);
		if (parent === '' || !said || isOn(said, request) !== true) return [];
		const { matches } = select(parent, 'any', configuration, undefined);
		return matches.flatMap(({ value }): Finding[] =>
			value.kind === 'mapping' &&
			value.entries.length > 0 &&
			!value.entries.some(entry => entry.key === key || entry.key === '<<')
				? [{ kind: 'refuses', option: path, file: value.file, line: value.line, reason: 'missing-member' }]
				: [],
		);
	});
}

const names: readonly [string, readonly ValueKind[]][] = [
	['null', ['null']],
	['boolean', ['true', 'false']],
	['number', ['float']],
	['integer', ['integer']],
	['duration', ['duration']],
	['size', ['size']],
	['string', ['text']],
	['list', ['strings', 'mappings', 'numbers', 'nulls']],
	['mapping', ['mapping', 'empty mapping']],
];

/** The kinds that the option accepts, as answers name them. */
function acceptedBy(path: string, { values: table, options, to }: CheckRequest): string[] {
	const state = table && statesAround(table, path, to)?.[0];
	const documented = options.byPath.get(path)?.changes.findLast(([, is]) => is !== null)?.[1];
	const kinds = [documented?.accepts ?? documented?.documentedType ?? documented?.type ?? []].flat();
	if (kinds.length || !state) return kinds;
	return names.flatMap(([name, tried]) => (tried.some(kind => !state.refuses.includes(kind)) ? [name] : []));
}

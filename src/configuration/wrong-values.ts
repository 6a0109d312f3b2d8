// Which kinds of value an option refuses, according to tests of real releases (npm run verify -- values).
import type { Version } from '../deployment/version.ts';
import { compare } from '../deployment/version.ts';
import { memo } from '../runtime/memo.ts';
import { stateAt, type Table, type TimelineEntry } from './timeline.ts';
import type { Value } from './yaml.ts';

/** The kinds that were tested; `text` is `text`, `duration` is `10m`: see tools/verify/configurations/values.py. */
export type ValueKind =
	| 'absent'
	| 'null'
	| 'true'
	| 'false'
	| 'zero'
	| 'negative'
	| 'integer'
	| 'float'
	| 'empty string'
	| 'digits'
	| 'duration'
	| 'size'
	| 'text'
	| 'empty list'
	| 'strings'
	| 'numbers'
	| 'nulls'
	| 'mappings'
	| 'empty mapping'
	| 'mapping';

export type ValueState = {
	/** Empty: tested, and nothing is refused. */
	refuses: ValueKind[];
	/** Kinds that are refused only while another option is on. */
	switched?: Record<string, ValueKind[]>;
	/** The same for an option that is on unless it is set to false. */
	unless?: Record<string, ValueKind[]>;
	/**
	 * Strings that are accepted although strings in general are refused: words, and the names of forms, such as `url`.
	 */
	words?: string[];
	shapes?: string[];
	/** A mapping that refuses unknown members. */
	closed?: true;
};

/** Lists are distinguished by their contents; mixed lists and dates were not tested. */
export function valueKind(value: Value, release: Version): ValueKind | undefined {
	switch (value.kind) {
		case 'null':
			return 'null';
		case 'boolean':
			return value.value ? 'true' : 'false';
		case 'number':
			if (!value.integer) return 'float';
			return value.value === 0 ? 'zero' : value.value < 0 ? 'negative' : 'integer';
		case 'string':
			return textKind(value.value, release);
		case 'list': {
			const kinds = new Set(value.items.map(({ kind }) => kind));
			const [only] = kinds;
			if (!only) return 'empty list';
			return kinds.size === 1
				? ({ string: 'strings', number: 'numbers', null: 'nulls', mapping: 'mappings' } as const)[only as 'string']
				: undefined;
		}
		case 'mapping':
			return value.entries.length ? 'mapping' : 'empty mapping';
		default:
			return undefined;
	}
}

function textKind(text: string, release: Version): ValueKind {
	if (text === '') return 'empty string';
	if (/^\d+$/.test(text)) return 'digits';
	if (/^\d+[smhdwy]$/.test(text)) return 'duration';
	// Before 1.93.0 `4G` was not a size.
	const size = compare(release, '1.93.0') < 0 ? /^\d+[KM]$/ : /^\d+[KMGT]$/;
	return size.test(text) ? 'size' : 'text';
}

/** How releases reacted to one kind. It only applies if all of `switches` are on and none of `unless` is off. */
export type RefusedKind = { is: boolean | 'unknown'; switches: string[]; unless: string[] };

/** Undefined: this option was not tested in releases around this one. */
export function refusing(
	table: Table<ValueState>,
	path: string,
	kind: ValueKind,
	release: Version,
): RefusedKind | undefined {
	const around = statesAround(table, path, release);
	if (!around) return undefined;
	const is = around.map(({ refuses }) => refuses.includes(kind));
	if (is.every(one => !one)) return { is: false, switches: [], unless: [] };
	if (!is.every(Boolean)) return { is: 'unknown', switches: [], unless: [] };
	// Between two tested releases, the conditions of both must hold.
	const gates = (of: readonly ValueState['switched'][]) => [
		...new Set(
			of.flatMap(own => Object.entries(own ?? {}).flatMap(([option, kinds]) => (kinds.includes(kind) ? [option] : []))),
		),
	];
	return {
		is: true,
		switches: gates(around.map(({ switched }) => switched)),
		unless: gates(around.map(({ unless }) => unless)),
	};
}

/** The states in the newest release tested up to this one, and in the next tested release. */
export function statesAround(table: Table<ValueState>, path: string, release: Version): ValueState[] | undefined {
	const entry = byPath(table).get(path);
	const before = table.read.findLast(version => compare(version, release) <= 0);
	if (!entry || before === undefined) return undefined;
	const own = stateAt(entry.changes, before);
	if (!own) return undefined;
	const next = before === release ? undefined : table.read.find(version => compare(version, release) > 0);
	const later = next === undefined ? undefined : stateAt(entry.changes, next);
	return later ? [own, later] : [own];
}

const byPath = memo(
	({ entries }: Table<ValueState>): ReadonlyMap<string, TimelineEntry<ValueState>> =>
		new Map(entries.map(entry => [entry.key, entry])),
);

/** Every option that this release requires in its section. */
export function neededPaths(table: Table<ValueState>, release: Version): string[] {
	return table.entries.flatMap(({ key }) => (refusing(table, key, 'absent', release)?.is === true ? [key] : []));
}

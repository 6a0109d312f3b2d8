// Durations and sizes as Synapse parses them (Config.parse_duration, Config.parse_size in synapse/config/_base.py).
import type { Value } from './yaml.ts';

const second = 1000;
const units: Record<string, number> = {
	ms: 1,
	s: second,
	m: 60 * second,
	h: 3600 * second,
	d: 24 * 3600 * second,
	w: 7 * 24 * 3600 * second,
	y: 365 * 24 * 3600 * second,
};
const sizes: Record<string, number> = {
	K: 1024,
	KiB: 1024,
	M: 1024 ** 2,
	MiB: 1024 ** 2,
	G: 1024 ** 3,
	GiB: 1024 ** 3,
	T: 1024 ** 4,
	TiB: 1024 ** 4,
};

/**
 * A value as a number: milliseconds for a duration, bytes for a size, or a plain number as it is. Undefined for
 * anything else.
 */
export function amountOf(value: Value): number | undefined {
	if (value.kind === 'number') return value.value;
	return value.kind === 'string' ? amountIn(value.value) : undefined;
}

/** The same for a string: `10m`, `50MiB`, `300`. */
export function amountIn(text: string): number | undefined {
	const match = /^\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(ms|[smhdwy]|[KMGT](?:iB)?)?\s*$/.exec(text);
	if (!match) return undefined;
	const [, digits, unit] = match;
	const factor = unit === undefined ? 1 : (units[unit] ?? sizes[unit] ?? Number.NaN);
	return Number(digits) * factor;
}

/** What counts as set: a value that Python considers true, anything but null, or the presence of the option. */
export type WhenSet = true | 'not null' | 'present';

/** Whether the code's own test considers it set. */
export function isSet(value: Value, asked: WhenSet): boolean {
	if (asked === 'present') return true;
	if (value.kind === 'null') return false;
	if (asked === 'not null') return true;
	if (value.kind === 'mapping') return value.entries.length > 0;
	if (value.kind === 'list') return value.items.length > 0;
	if (value.kind === 'string') return value.value !== '';
	return value.kind === 'hidden' || (value.kind === 'date' ? true : Boolean(value.value));
}

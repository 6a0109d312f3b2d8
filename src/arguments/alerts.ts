// Parses how people refer to alerts: numbers, and for how long to snooze.

import { isSnoozeOver } from '../advice/watch/alerts.ts';
import { Refusal } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import { isVersion } from '../deployment/version.ts';
import type { Release } from '../knowledge/schema/synapse.ts';
import { dayBegins } from '../text/local-time.ts';
import { code, quoted } from '../text/markdown.ts';

const spans: Record<string, number> = { h: 1, d: 24, w: 7 * 24 };

/** Until when to snooze: a time (ISO 8601, UTC), or a release. `rest` are the words after it. */
export function readSnooze(
	words: readonly string[],
	now: Date,
	zone: string,
	releases: readonly Release[],
): { until: { until: string } | { version: Version }; rest: string[] } {
	const example = `${code('!snooze 7d')}, ${code('!snooze 2w 12')}, ${code('!snooze until 2027-01-15')} or ${code('!snooze until 1.170')}`;
	const [first = '', second = '', ...more] = words.map(word => word.toLowerCase());
	const [, number, unit = ''] = /^(\d{1,3})([hdw])$/.exec(first) ?? [];
	if (number !== undefined) {
		const hours = Number(number) * (spans[unit] ?? 1);
		if (hours === 0 || hours > 366 * 24) throw new Refusal(`Between an hour and a year: ${example}`);
		const until = new Date(now.getTime() + hours * 3600_000).toISOString();
		return { until: { until }, rest: words.slice(1) };
	}
	if (first === 'until') {
		const rest = more.length ? words.slice(2) : [];
		if (/^\d{4}-\d\d-\d\d$/.test(second)) {
			const named = Date.parse(second);
			if (Number.isNaN(named) || new Date(named).toISOString().slice(0, 10) !== second)
				throw new Refusal(`${quoted(second)} is not a date.`);
			const at = dayBegins(second, zone);
			if (at <= now) throw new Refusal(`${quoted(second)} has passed. ${example}`);
			return { until: { until: at.toISOString() }, rest };
		}
		const release = second.replace(/^v/, '').replace(/^\d+\.\d+$/, '$&.0');
		if (isVersion(release)) {
			const out = releases.find(({ version }) => isSnoozeOver({ version: release }, version));
			if (out) throw new Refusal(`Synapse ${out.version} is already out. ${example}`);
			return { until: { version: release }, rest };
		}
	}
	throw new Refusal(`Until when? ${example}`);
}

/** Alert numbers, as `12` or `#12`; refuses anything else. */
export function readNumbers(words: readonly string[]): number[] {
	return words
		.flatMap(word => word.split(','))
		.filter(Boolean)
		.map(word => {
			const [, number] = /^#?(\d{1,6})$/.exec(word) ?? [];
			if (number === undefined)
				throw new Refusal(`${quoted(word)} is not the number of an alert. ${code('!alerts')} shows them.`);
			return Number(number);
		});
}

/** The open alerts that a person means: by number, by the message replied to, or the only one there is. */
export function chosen<One extends { number: number }>(
	open: readonly One[],
	numbers: readonly number[],
	here: readonly One[],
	example: string,
): One[] {
	if (!open.length) throw new Refusal('Nothing is open in this room.');
	const missing = numbers.find(number => !open.some(one => one.number === number));
	if (missing !== undefined)
		throw new Refusal(`There is no open alert #${missing} in this room. ${code('!alerts')} shows what is open.`);
	if (numbers.length) return open.filter(({ number }) => numbers.includes(number));
	if (here.length) return open.filter(({ number }) => here.some(one => one.number === number));
	if (open.length === 1) return [...open];
	throw new Refusal(
		`Which one? ${open.length} are open: reply to the alert, or give its number, for example ${code(example)}. ${code('!alerts')} shows them.`,
	);
}

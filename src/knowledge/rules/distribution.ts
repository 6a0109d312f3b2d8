// Rules for distribution entries beyond the shape of each, one function per rule.

import type { z } from 'zod';
import type {
	chartFileShape,
	chartUpstreamShape,
	chartWaiversShape,
	enabledFileShape,
	playbookFileShape,
	playbookUpstreamShape,
} from '../schema/distribution.ts';
import type { YamlFile } from '../schema/yaml-file.ts';
import { isBreakingPart } from '../upstream/chart-log.ts';

export type DistributionFiles = {
	mdad: {
		upstream: z.infer<typeof playbookUpstreamShape>;
		entries: readonly (YamlFile<z.infer<typeof playbookFileShape>> & { base: string })[];
		enabled: readonly YamlFile<z.infer<typeof enabledFileShape>>[];
	};
	ess: {
		upstream: z.infer<typeof chartUpstreamShape>;
		entries: readonly (YamlFile<z.infer<typeof chartFileShape>> & { base: string })[];
		waivers: readonly YamlFile<z.infer<typeof chartWaiversShape>>[];
	};
};

type DistributionRule = (files: DistributionFiles) => string[];

/** The identity of a section of the playbook's changelog. */
export function sectionName({ date, heading }: { date: string; heading: string }): string {
	return `${date} › ${heading}`;
}

/** The identity of a bullet of the charts' changelog. */
export function bulletName({ chart, part, bullet }: { chart: string; part: string; bullet: string }): string {
	return `${chart} › ${part} › ${bullet}`;
}

type PlaceOf = (...path: PropertyKey[]) => string;
type CoverPlace = { name: string; read: string; at: PlaceOf };

/** The passages that each entry and each waiver covers. */
function coversOf({ mdad, ess }: DistributionFiles): { mdad: CoverPlace[]; ess: CoverPlace[] } {
	return {
		mdad: mdad.entries.flatMap(({ value, at }) =>
			value.entries.flatMap((entry, index) =>
				entry.covers.map(({ date = entry.date, heading, read }, cover) => ({
					name: sectionName({ date, heading }),
					read,
					at: (...path) => at('entries', index, 'covers', cover, ...path),
				})),
			),
		),
		ess: [
			...ess.entries.flatMap(({ value, at }) =>
				value.entries.flatMap((entry, index) =>
					entry.covers.map(
						({ chart = entry.chart, part, bullet, read }, cover): CoverPlace => ({
							name: bulletName({ chart, part, bullet }),
							read,
							at: (...path) => at('entries', index, 'covers', cover, ...path),
						}),
					),
				),
			),
			...ess.waivers.flatMap(({ value, at }) =>
				value.waivers.map(
					(waiver, index): CoverPlace => ({
						name: bulletName(waiver),
						read: waiver.read,
						at: (...path) => at('waivers', index, ...path),
					}),
				),
			),
		],
	};
}

/** The sections and bullets that no entry or waiver covers. */
export function unreadSections(files: DistributionFiles) {
	const covers = coversOf(files);
	const [sections, bullets] = [covers.mdad, covers.ess].map(list => new Set(list.map(({ name }) => name)));
	return {
		mdad: files.mdad.upstream.passages.filter(passage => !sections?.has(sectionName(passage))),
		ess: files.ess.upstream.passages.filter(passage => !bullets?.has(bulletName(passage))),
	};
}

/** Everything that an entry or waiver covers exists, and has not changed since it was read. */
export const coversAreRead: DistributionRule = files => {
	const covers = coversOf(files);
	const hashes = {
		mdad: new Map(files.mdad.upstream.passages.map(passage => [sectionName(passage), passage.hash])),
		ess: new Map(files.ess.upstream.passages.map(passage => [bulletName(passage), passage.hash])),
	};
	return (['mdad', 'ess'] as const).flatMap(of =>
		covers[of].flatMap(({ name, read, at }) => {
			const hash = hashes[of].get(name);
			if (hash === undefined) return [`${at()} gone: upstream has no ${name}`];
			return hash === read ? [] : [`${at('read')} changed since read: ${name} is now "${hash}", read was "${read}"`];
		}),
	);
};

/** An entry is in the file of its year, or of its chart's major version. */
export const entriesStandInTheirFile: DistributionRule = ({ mdad, ess }) => [
	...mdad.entries.flatMap(({ base, value, at }) =>
		value.entries.flatMap(({ date }, index) =>
			date.startsWith(`${base}-`) ? [] : [`${at('entries', index, 'date')} expected a day in ${base}, got ${date}`],
		),
	),
	...ess.entries.flatMap(({ base, value, at }) =>
		value.entries.flatMap(({ chart }, index) =>
			chart.startsWith(`${base}.`) ? [] : [`${at('entries', index, 'chart')} expected a chart ${base}.x, got ${chart}`],
		),
	),
];

export const entryIdsAreUnique: DistributionRule = ({ mdad, ess }) => {
	const seen = new Set<string>();
	const twice = (id: string, place: string) => {
		const before = seen.has(id);
		seen.add(id);
		return before ? [`${place} expected an id of its own, got ${id} for the second time`] : [];
	};
	return [
		...mdad.entries.flatMap(({ value, at }) =>
			value.entries.flatMap(({ date, id }, i) => twice(`mdad/${date}/${id}`, at('entries', i, 'id'))),
		),
		...ess.entries.flatMap(({ value, at }) =>
			value.entries.flatMap(({ chart, id }, i) => twice(`ess/${chart}/${id}`, at('entries', i, 'id'))),
		),
	];
};

/** A breaking entry says what to do and whether that can wait; an entry that refuses is breaking. */
export const breakingSaysWhatToDo: DistributionRule = ({ mdad, ess }) =>
	[...mdad.entries, ...ess.entries].flatMap(({ value, at }) =>
		value.entries.flatMap((entry, index) => [
			...(entry.breaking && entry.do === undefined
				? [`${at('entries', index)} expected do: what affected people should do about it, got nothing`]
				: []),
			...(entry.breaking && entry.waits === undefined
				? [`${at('entries', index)} expected waits: whether you can update first and act later, got nothing`]
				: []),
			...(entry.refuses !== undefined && !entry.breaking
				? [`${at('entries', index, 'breaking')} expected breaking: true, since there is a refusal, got false`]
				: []),
			...(entry.refuses !== undefined && entry.waits
				? [`${at('entries', index, 'waits')} expected waits: false, since it refuses until this is done, got true`]
				: []),
		]),
	);

/** A curator cannot play down what upstream's heading calls breaking. */
export const upstreamsBreaksAreBreaking: DistributionRule = ({ mdad, ess }) => [
	...mdad.entries.flatMap(({ value, at }) =>
		value.entries.flatMap((entry, index) =>
			!entry.breaking && entry.covers.some(({ heading }) => isCalledBreaking(heading))
				? [`${at('entries', index, 'breaking')} expected breaking: true, as upstream's heading says, got false`]
				: [],
		),
	),
	...ess.entries.flatMap(({ value, at }) =>
		value.entries.flatMap((entry, index) =>
			!entry.breaking && entry.covers.some(({ part }) => isBreakingPart(part))
				? [`${at('entries', index, 'breaking')} expected breaking: true, as the part of the log says, got false`]
				: [],
		),
	),
];

/**
 * `(BC Break)`, `(Backward Compatibility Break)`, `(Potential Backward Compatibility Break)`; removals are
 * breaking too.
 */
export function isCalledBreaking(heading: string): boolean {
	return (
		/\((?:[\w ]+ )?(?:BC|(?:backward )?compatibility) break\)/i.test(heading) ||
		/\b(?:has|have) been removed from the playbook\b/i.test(heading)
	);
}

export const distributionRules: readonly DistributionRule[] = [
	coversAreRead,
	entriesStandInTheirFile,
	entryIdsAreUnique,
	breakingSaysWhatToDo,
	upstreamsBreaksAreBreaking,
];

// Rules across knowledge files, beyond the shape of each; one function per rule.
import { isSystem } from '../../deployment/facts.ts';
import { compare, finalOf, isCandidate, isWithin, lineOf, type Version } from '../../deployment/version.ts';
import { coveredBy, nameOf, waivedBy } from '../schema/coverage.ts';
import { migratedTables } from '../schema/migrations.ts';
import type { NoteFile } from '../schema/synapse.ts';
import { type Files, type KnowledgeRule, mayBeBroken } from './rule.ts';

/** Every note, with a function for positions in it. */
function allNotes({ notes: files }: Files) {
	return files.flatMap(file =>
		file.value.notes.map((note, index) => ({
			note,
			release: file.release,
			at: (...path: PropertyKey[]) => file.at('notes', index, ...path),
		})),
	);
}

/** `1.66.0` of `1.66.0/email-delegation`. */
function releaseOf(id: string): string {
	return id.replace(/\/.*/, '');
}

function knows({ releases }: Files): (version: Version) => boolean {
	const known = new Set(releases.map(release => release.version));
	return version => known.has(version);
}

/** A notes file is named after a release, which may only have candidates so far. */
export function filesAreReleases(files: Files): string[] {
	const known = new Set(files.releases.map(release => finalOf(release.version)));
	return files.notes
		.filter(({ release }) => !known.has(release) || isCandidate(release))
		.map(({ release, at }) => `${at()} expected a file named for a release, got ${release}`);
}

export function idsAreUnique(files: Files): string[] {
	const ids = files.notes.map(file => ({
		file,
		ids: file.value.notes.map((note, index) => [note.id, ['notes', index, 'id']] as const),
	}));
	const stops = files.ways.map(file => ({
		file,
		ids: file.value.stops.map((stop, index) => [stop.id, ['stops', index, 'id']] as const),
	}));
	return [...ids, ...stops].flatMap(({ file, ids: own }) =>
		own
			.filter(([id], index) => own.findIndex(([other]) => other === id) < index)
			.map(([id, path]) => `${file.at(...path)} expected an id of its own, got ${id} for the second time`),
	);
}

/** Without a source, nobody could check or correct a note. */
export function notesHaveSources(files: Files): string[] {
	return allNotes(files)
		.filter(({ note }) => !note.covers.length && !note.code.length)
		.map(({ at }) => `${at()} expected covers, or code if no document mentions it, got neither`);
}

/** `possible` says from which release on something can be done in advance, so it is only for `before` steps. */
export function possibleIsAhead(files: Files): string[] {
	return allNotes(files).flatMap(({ note, release, at }) => {
		if (note.possible === undefined) return [];
		if (note.when !== 'before') return [`${at('possible')} expected possible only with when: before, got ${note.when}`];
		if (compare(note.possible, release) <= 0) return [];
		return [`${at('possible')} expected a release up to ${release}, got ${note.possible}`];
	});
}

export function refusingIsMust(files: Files): string[] {
	return allNotes(files)
		.filter(({ note }) => note.refuses && !note.must)
		.map(({ at }) => `${at('must')} expected must: true, since the release does not start without it, got false`);
}

/** A `before` step must say what to do. */
export function beforeSaysWhatToDo(files: Files): string[] {
	return allNotes(files)
		.filter(({ note }) => note.when === 'before' && note.text.split(/\s+/).length < 10)
		.map(({ at }) => `${at('text')} expected a text that says what to do (ten words or more), got fewer`);
}

export function versionsExist(files: Files): string[] {
	const exists = knows(files);
	const mistakes: string[] = [];
	const check = (version: Version | undefined, place: () => string) => {
		if (version !== undefined && !exists(version))
			mistakes.push(`${place()} expected a release that exists, got ${version}`);
	};
	for (const { note, at } of allNotes(files)) {
		check(note.possible, () => at('possible'));
		check(note.deadline?.landed, () => at('deadline', 'landed'));
	}
	for (const { value, at } of files.ways) {
		for (const [index, stop] of value.stops.entries()) {
			for (const key of ['first', 'best', 'last'] as const) check(stop[key], () => at('stops', index, key));
		}
		for (const [index, { floor }] of value.rollbackFloors.entries())
			check(floor, () => at('rollbackFloors', index, 'floor'));
	}
	for (const { value, at } of files.advisories) {
		for (const [index, range] of value.patched.entries()) {
			for (const version of range.match(/\d[^\s,]*/g) ?? []) check(version, () => at('patched', index));
		}
	}
	return mistakes;
}

export function stopsAreInOrder(files: Files): string[] {
	return files.ways.flatMap(({ value, at }) =>
		value.stops.flatMap(({ first, best, last }, index) =>
			compare(first, best) <= 0 && compare(best, last) <= 0
				? []
				: [`${at('stops', index)} expected first ≤ best ≤ last, got ${first}, ${best}, ${last}`],
		),
	);
}

/** `tells` names existing notes that waiting can satisfy, so none without which Synapse does not start. */
export function stopsTellNotes(files: Files): string[] {
	const refuses = new Map(allNotes(files).map(({ note, release }) => [`${release}/${note.id}`, note.refuses]));
	return files.ways.flatMap(({ value, at }) =>
		value.stops.flatMap(({ tells }, index) =>
			tells.flatMap((id, i) => {
				const place = at('stops', index, 'tells', i);
				if (!refuses.has(id))
					return mayBeBroken(files, 'notes', releaseOf(id))
						? []
						: [`${place} expected the ID of a note, like 1.66.0/email-delegation, but there is no ${id}`];
				return refuses.get(id)
					? [`${place} expected a note that no longer matters after waiting, but Synapse does not start without ${id}`]
					: [];
			}),
		),
	);
}

const order: readonly NoteFile['when'][] = ['before', 'switch', 'after'];

/**
 * A plan shows only the last note of a story, so a release's notes on one story are in the order of `when`. A deadline
 * cannot land before the release that announces it.
 */
export function storiesAreInOrder(files: Files): string[] {
	const last = new Map<string, { when: NoteFile['when']; release: Version }>();
	return allNotes(files).flatMap(({ note, release, at }) => {
		const mistakes: string[] = [];
		const before = note.story === undefined ? undefined : last.get(note.story);
		if (note.story !== undefined) last.set(note.story, { when: note.when, release });
		if (before?.release === release && order.indexOf(before.when) > order.indexOf(note.when)) {
			mistakes.push(
				`${at('when')} expected the story's notes of one release in the order ${order.join(', ')}, got ${note.when} after ${before.when}`,
			);
		}
		const landed = note.deadline?.landed;
		if (landed !== undefined && compare(landed, release) < 0) {
			mistakes.push(
				`${at('deadline', 'landed')} expected ${release} or later, since this release announces it, got ${landed}`,
			);
		}
		return mistakes;
	});
}

/** Everything that a note or waiver covers exists, and has not changed since it was read. */
export function coversAreRead(files: Files): string[] {
	const passages = new Map(files.passages.map(passage => [nameOf(passage), passage]));
	const notes = allNotes(files).flatMap(({ note, release, at }) =>
		note.covers.map((cover, index) => ({
			name: nameOf(coveredBy(cover, release)),
			read: cover.read,
			place: (...path: PropertyKey[]) => at('covers', index, ...path),
		})),
	);
	const waivers = files.waivers.flatMap(({ value, at }) =>
		value.waivers.map((waiver, index) => ({
			name: nameOf(waivedBy(waiver)),
			read: waiver.read,
			place: (...path: PropertyKey[]) => at('waivers', index, ...path),
		})),
	);
	return [...notes, ...waivers].flatMap(({ name, read, place }) => {
		const passage = passages.get(name);
		if (!passage) return [`${place()} gone: upstream has no ${name}`];
		if (passage.hash === read) return [];
		return [`${place('read')} changed since read: ${name} is now "${passage.hash}", read was "${read}"`];
	});
}

/** A passage has notes or one waiver, not both: a waiver says that nobody needs to know. */
export function waiversAreNeeded(files: Files): string[] {
	const answered = new Map<string, string>();
	for (const { note, release } of allNotes(files)) {
		for (const cover of note.covers)
			answered.set(nameOf(coveredBy(cover, release)), `covered by ${release}/${note.id}`);
	}
	return files.waivers.flatMap(({ value, at }) =>
		value.waivers.flatMap((waiver, index) => {
			const name = nameOf(waivedBy(waiver));
			const by = answered.get(name);
			answered.set(name, 'already waived');
			return by
				? [`${at('waivers', index)} expected a waiver of something that nothing else covers, but ${name} is ${by}`]
				: [];
		}),
	);
}

/** No release is both affected and patched. */
export function patchesAreNotAffected(files: Files): string[] {
	return files.advisories.flatMap(({ value, at }) => {
		const both = files.releases.find(
			({ version }) =>
				value.affected.some(range => isWithin(version, range)) && value.patched.some(range => isWithin(version, range)),
		);
		return both ? [`${at('patched')} expected releases that are not affected, got ${both.version}, which is both`] : [];
	});
}

export function advisoriesHaveNames(files: Files): string[] {
	return files.advisories
		.filter(({ id }) => !/^(CVE-\d{4}-\d{4,}|GHSA(-[23456789cfghjmpqrvwx]{4}){3}|synapse-\d[a-z0-9.-]*)$/.test(id))
		.map(
			({ id, at }) =>
				`${at()} expected a file named CVE-2023-32323, GHSA-xxxx-xxxx-xxxx or synapse-1.5.0-subject, got ${id}`,
		);
}

export function supportEndsAfterRelease(files: Files): string[] {
	return files.lifecycles.flatMap(({ value, at }) =>
		value.releases
			.map(({ version, released, ends }, index) => ({ version, released, ends, index }))
			.filter(({ released, ends }) => ends <= released)
			.map(
				({ released, ends, index }) => `${at('releases', index, 'ends')} expected a day after ${released}, got ${ends}`,
			),
	);
}

/** Packages are for systems that the fact `os` can name. */
export function packagedSystemsAreFacts(files: Files): string[] {
	return files.lifecycles.flatMap(({ of, value, at }) =>
		value.releases.flatMap(({ version, packages }, index) =>
			packages === undefined || isSystem(`${of}-${version}`)
				? []
				: [`${at('releases', index, 'version')} expected a system with packages, like debian-14, got ${of}-${version}`],
		),
	);
}

/** Backported fixes released after the next release of their line. */
const laterThanNext: readonly Version[] = ['0.33.2.1', '0.34.0.1'];

/** Within a minor line release dates rise with the versions, apart from exceptions, each of which must be needed. */
export function datesRise({ releases }: Files): string[] {
	const stable = releases.filter(({ version }) => !isCandidate(version));
	const falls = stable.filter(({ version, date }, index) => {
		const next = stable[index + 1];
		return next && lineOf(next.version) === lineOf(version) && next.date < date;
	});
	const fallen = falls.map(release => release.version);
	const wrong = fallen.filter(version => !laterThanNext.includes(version));
	const unneeded = laterThanNext.filter(
		version => releases.some(release => release.version === version) && !fallen.includes(version),
	);
	return [
		...wrong.map(
			version => `synapse/releases.json expected dates that rise within a line, got ${version} after the next release`,
		),
		...unneeded.map(
			version => `src/knowledge/rules/synapse.ts unnecessary exception: ${version} is not later than the next release`,
		),
	];
}

/** Only a note that refuses can be tested as one, with at most one entry for each of its cases. */
export function claimsAreOfRefusals(files: Files): string[] {
	const refusing = allNotes(files).flatMap(({ note, release }) => (note.refuses ? [`${release}/${note.id}`] : []));
	return files.claims.flatMap(({ value, at }) => {
		const entries = (['refusals', 'untried'] as const).flatMap(list =>
			value[list].map((entry, index) => ({
				note: entry.note,
				of: 'case' in entry ? `${entry.note}, ${entry.case}` : entry.note,
				place: at(list, index, 'note'),
			})),
		);
		return entries.flatMap(({ note, of, place }, index) => {
			if (!refusing.includes(note)) {
				const isKnown = !mayBeBroken(files, 'notes', releaseOf(note));
				return isKnown ? [`${place} expected a note that refuses, got ${note}`] : [];
			}
			const first = entries.findIndex(entry => entry.of === of);
			return first < index ? [`${place} expected one entry for a note or its case, got ${of} for the second time`] : [];
		});
	});
}

/** Every fault trial is for a known fault, and a fault has at most one trial. */
export const faultTrialsAreOfFaults: KnowledgeRule = files => {
	const { claims, faults } = files;
	const known = new Set(faults.flatMap(({ release, value }) => value.faults.map(({ id }) => `${release}/${id}`)));
	return claims.flatMap(({ value, at }) =>
		value.faults.flatMap(({ fault }, index) => {
			const place = at('faults', index, 'fault');
			if (!known.has(fault))
				return mayBeBroken(files, 'faults', releaseOf(fault)) ? [] : [`${place} expected a known fault, got ${fault}`];
			const first = value.faults.findIndex(other => other.fault === fault);
			return first < index ? [`${place} expected one entry for a fault, got ${fault} for the second time`] : [];
		}),
	);
};

/** Each table that a migration touches is classed as large or small; an unclassed one would silently count as small. */
export const migratedTablesAreClassed: KnowledgeRule = ({ deltas, largeTables }) =>
	largeTables.flatMap(({ value: { tables, small }, name }) =>
		[...migratedTables(deltas)].flatMap(([table, delta]) =>
			table in tables || small.includes(table)
				? []
				: [`${name} expected every table that a migration touches, but ${table} is missing (${delta})`],
		),
	);

/** A measured migration exists in the code and is about a large table, so that plans find it. */
export const measuredMigrationsExist: KnowledgeRule = ({ times, deltas, largeTables }) => {
	const known = new Set(deltas.entries.map(({ key }) => key));
	const large = new Set(largeTables.flatMap(({ value: { tables } }) => Object.keys(tables)));
	return times.flatMap(({ delta, table, case: name }) => [
		...(known.has(delta)
			? []
			: [`synapse/migration-times.json expected a migration in the code, got ${delta} in ${name}`]),
		...(large.has(table) ? [] : [`synapse/migration-times.json expected a large table, got ${table} in ${name}`]),
	]);
};

/** A name is in at most one change, or among those that never existed. */
export const renamedOnce: KnowledgeRule = ({ renamed }) =>
	renamed.flatMap(({ value: { never, changes }, at }) => {
		const seen = new Set(Object.keys(never));
		return changes.flatMap(({ names }, index) =>
			Object.keys(names).flatMap(name => {
				const before = seen.has(name);
				seen.add(name);
				return before ? [`${at('changes', index, 'names', name)} expected each name once, got ${name} again`] : [];
			}),
		);
	});

/** A renamed family of variables becomes another family. */
export const familiesStayFamilies: KnowledgeRule = ({ renamed }) =>
	renamed.flatMap(({ value: { changes }, at }) =>
		changes.flatMap(({ names }, index) =>
			Object.entries(names).flatMap(([old, value]) => {
				const now = typeof value === 'string' ? value : value?.new;
				return now === undefined || old.endsWith('*') === now.endsWith('*')
					? []
					: [`${at('changes', index, 'names', old)} expected * at the end of both names or of none, got ${now}`];
			}),
		),
	);

/** A fault is in the file of the first affected release, and its fix is not an affected release. */
export const faultsStandWhereTheyBegin: KnowledgeRule = ({ faults, releases }) => {
	const known = new Set(releases.map(({ version }) => version));
	return faults.flatMap(({ name, release, value, at }) =>
		value.faults.flatMap(({ id, broken, fixed }, i) => {
			const says = (what: string) => `${at('faults', i)} ${what}`;
			const first = /^>?=?(\d\S*)/.exec(broken[0] ?? '')?.[1];
			return [
				...(first === release
					? []
					: [says(`expected ${name} to be named for ${first}, the first release that has ${id}`)]),
				...(known.has(release) ? [] : [says(`expected a known release, got ${release}`)]),
				...(fixed === undefined || known.has(fixed) ? [] : [says(`expected a known release as the fix, got ${fixed}`)]),
				...(fixed !== undefined && broken.some(range => isWithin(fixed, range))
					? [says(`expected ${fixed} to be free of ${id}, which it fixes`)]
					: []),
			];
		}),
	);
};

export const faultIdsAreUnique: KnowledgeRule = ({ faults, symptoms }) => [
	...faults.flatMap(({ value, at }) =>
		twice(value.faults.map(({ id }) => id)).map(i => `${at('faults', i, 'id')} expected an id of its own`),
	),
	...symptoms.flatMap(({ value, at }) =>
		twice(value.symptoms.map(({ id }) => id)).map(i => `${at('symptoms', i, 'id')} expected an id of its own`),
	),
];

function twice(ids: readonly string[]): number[] {
	return ids.flatMap((id, i) => (ids.indexOf(id) === i ? [] : [i]));
}

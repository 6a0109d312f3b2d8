// Small knowledge for tests, built where it is asserted.
import type { Advisory, Knowledge, Note, Passage, Release, Stop, Unread } from '../src/knowledge/schema/synapse.ts';

/** A note; only what the test is about needs to be said. */
export function note(id: `${string}/${string}`, more: Partial<Note> = {}): Note {
	return {
		id,
		release: id.split('/')[0] ?? '',
		when: 'switch',
		must: false,
		refuses: false,
		options: [],
		endpoints: [],
		metrics: [],
		title: id,
		text: `Text of ${id}.`,
		sources: [],
		...more,
	};
}

export function advisory(id: string, affected: string[], more: Partial<Advisory> = {}): Advisory {
	return {
		id,
		severity: 'moderate',
		affected,
		patched: [],
		aliases: [],
		fixed: '2022-01-01',
		published: '2022-01-01',
		title: id,
		text: id,
		links: [],
		...more,
	};
}

/** Releases: a version, or a version with what is known of it. Dates are a day apart. */
export function releases(...list: (string | (Partial<Release> & { version: string }))[]): Release[] {
	return list.map((release, i) => {
		const date = new Date(Date.UTC(2022, 0, 1 + i)).toISOString().slice(0, 10);
		return typeof release === 'string' ? { version: release, date } : { date, ...release };
	});
}

/** A passage that nobody has read. */
export function unread(release: string, more: Partial<Unread> = {}): Unread {
	const passage: Passage = { document: 'CHANGES.md', release, url: 'https://example.org/changes', hash: '000000' };
	return { ...passage, part: 'Features', bullet: '#1', ...more };
}

type Given = {
	releases?: Release[];
	notes?: Note[];
	advisories?: Advisory[];
	stops?: Stop[];
	unread?: Unread[];
	rollbackFloors?: Knowledge['rollbackFloors'];
	lifecycles?: Knowledge['lifecycles'];
	verified?: Knowledge['verified'];
	guides?: Knowledge['guides'];
	tried?: Knowledge['tried'];
	renamed?: Knowledge['renamed'];
	unclear?: NonNullable<Knowledge['unclear']>;
};

export function known(given: Given = {}): Knowledge {
	return {
		releases: releases('1.0.0', '1.1.0', '1.2.0', '1.3.0'),
		read: '2026-11-20',
		notes: [],
		advisories: [],
		stops: [],
		rollbackFloors: [],
		lifecycles: {},
		verified: [],
		unread: [],
		guides: [],
		tried: [],
		renamed: [],
		...given,
	};
}

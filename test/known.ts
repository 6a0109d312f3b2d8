// Small knowledge for tests, built next to the assertions.
import type { Code } from '../src/configuration/code.ts';
import { type OptionState, optionsOf } from '../src/configuration/options.ts';
import { collapse, type Table } from '../src/configuration/timeline.ts';
import type { Distributions, PlaybookVariables } from '../src/knowledge/distributions.ts';
import type { ChartKnowledge, PlaybookEntry, PlaybookKnowledge } from '../src/knowledge/schema/distribution.ts';
import type { Advisory, Knowledge, Note, Passage, Release, Stop, Unread } from '../src/knowledge/schema/synapse.ts';

/** A note; a test only gives what it is about. */
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

/** Releases: a version, or a version with what is known about it. Dates are a day apart. */
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
	installs?: Knowledge['installs'];
	migrations?: Knowledge['migrations'];
	queued?: Knowledge['queued'];
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
	faults?: Knowledge['faults'];
	unclear?: NonNullable<Knowledge['unclear']>;
};

export function known(given: Given = {}): Knowledge {
	return {
		releases: releases('1.0.0', '1.1.0', '1.2.0', '1.3.0'),
		read: '2026-11-20',
		notes: [],
		effects: [],
		advisories: [],
		faults: [],
		symptoms: [],
		stops: [],
		rollbackFloors: [],
		lifecycles: {},
		installs: {},
		migrations: [],
		queued: [],
		verified: [],
		unread: [],
		guides: [],
		tried: [],
		renamed: [],
		...given,
	};
}

/** The states of one table: release → key → state. */
type Said<State> = Record<string, Record<string, State>>;
type StateOf<Name extends keyof Code> = Name extends 'options'
	? OptionState
	: ReturnType<Code[Name]> extends Table<infer State>
		? State
		: never;

/** What the code of each release says. Tables that are not given are empty. */
export function knownCode(given: { [Name in keyof Code]?: Said<StateOf<Name>> } = {}): Code {
	const table = <State>(said: Said<State> = {}): Table<State> =>
		collapse(new Map(Object.entries(said).map(([version, states]) => [version, new Map(Object.entries(states))])));
	return {
		options: () => optionsOf(table(given.options)),
		values: () => table(given.values),
		refusals: () => table(given.refusals),
		dependencies: () => table(given.dependencies),
		routes: () => table(given.routes),
		deltas: () => table(given.deltas),
		builds: () => table(given.builds),
		admin: () => table(given.admin),
	};
}

/** A breaking entry of the playbook, such as `mdad/2026-01-10/one`; a test only gives what it is about. */
export function playbookEntry(id: string, more: Partial<PlaybookEntry> = {}): PlaybookEntry {
	const date = /\d{4}-\d\d-\d\d/.exec(id)?.[0] ?? '';
	return {
		id,
		date,
		added: date,
		breaking: true,
		waits: false,
		title: id,
		text: `Text of ${id}.`,
		do: `Do of ${id}.`,
		components: [],
		uses: [],
		unless: [],
		unlessEmpty: [],
		sources: [],
		...more,
	};
}

/** What is known about distributions; by default nothing. */
export function knownDistributions(
	given: {
		mdad?: Partial<PlaybookKnowledge>;
		ess?: Partial<ChartKnowledge>;
		commits?: Record<string, string>;
		variables?: Partial<PlaybookVariables>;
	} = {},
): Distributions {
	return {
		mdad: async () => ({
			commit: '0'.repeat(40),
			read: '2026-11-20',
			entries: [],
			enabled: [],
			derived: [],
			required: [],
			synapse: [],
			unread: [],
			...given.mdad,
		}),
		chartNames: () => (given.ess?.charts ?? []).map(({ chart }) => chart),
		ess: async () => ({ read: '2026-11-20', entries: [], charts: [], unread: [], ...given.ess }),
		commits: async () => given.commits ?? {},
		archives: async () => [],
		variables: async () => ({ commit: '', roles: {}, families: [], refused: {}, names: [], ...given.variables }),
	};
}

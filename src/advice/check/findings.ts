// What !check finds: as values, without a word.
import type { Configuration } from '../../configuration/files.ts';
import type { Options } from '../../configuration/options.ts';
import type { Table } from '../../configuration/timeline.ts';
import type { ValueState } from '../../configuration/wrong-values.ts';
import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import type { Note } from '../../knowledge/schema/synapse.ts';

export const findingKinds = [
	'refuses',
	'removed',
	'renamed',
	'deprecated',
	'default-changed',
	'unknown',
	'misplaced',
	'duplicate',
	'replaced',
	'invalid',
	'without-effect',
] as const;
export type FindingKind = (typeof findingKinds)[number];

export type Finding = {
	kind: FindingKind;
	option: string;
	file: string;
	line: number;
	/** Tells several on one line apart. */
	column?: number;
	/** The release from which on it is so. */
	release?: Version;
	/** Of an unknown name: the known one that it may stand for; of a misplaced one: where it belongs. */
	nearest?: string;
	/** What stands in its place now. */
	replacedBy?: string;
	/** The note that tells of it. */
	note?: Note;
	/** Of an invalid value: what it is, and what it may be. */
	is?: string;
	accepts?: readonly string[];
	/** Of another default. */
	before?: unknown;
	after?: unknown;
	/** Of a duplicate: the line that it overrides. */
	first?: number;
	/** Of a block that takes the place of an earlier file's: where that stands, and which of its options are gone. */
	over?: { file: string; line: number };
	lost?: readonly string[];
	/** What refuses it where no note tells: there is no server name, or this release always writes this stream itself. */
	reason?: 'no-name' | 'fixed-stream' | 'missing-member' | 'unknown-member';
	/** Why, as a clause without any word of the configuration: of a file that is no YAML, of what no note tells. */
	why?: string;
};

export type Derived = { fact: string; file: string; line: number };
/** What the files leave open; `note`: whether this refusal holds, `file` and `line` then say nothing. */
export type Unjudged = { file: string; line: number; option: string; why: 'hidden' | 'undecided'; note?: Note };
export type Checked = {
	to: Version;
	from?: Version;
	findings: Finding[];
	/** Whether the target would refuse to start. */
	refuses: boolean;
	unjudged: Unjudged[];
	/** Each note, and by its key each fault, whose condition the files decide; what they leave open is absent. */
	decided: ReadonlyMap<string, boolean>;
	/** Notes that refuse, and do not refuse these files although they concern them. */
	starts: ReadonlySet<string>;
};

export type CheckRequest = {
	configuration: Configuration;
	profile: Profile;
	options: Options;
	/** What releases said to values of every kind; absent: only what their code shows counts. */
	values?: Table<ValueState>;
	/** Absent: the question is about the target alone. */
	from?: Version;
	to: Version;
	/** The nearest of these names to a misspelt one. */
	nearest: (name: string, names: readonly string[]) => string | undefined;
};

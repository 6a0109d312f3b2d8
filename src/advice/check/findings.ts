// What !check finds, as data without words, and where.
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
	/** Distinguishes several findings on one line. */
	column?: number;
	/** The first release in which it applies. */
	release?: Version;
	/** For an unknown name: a similar known one; for a misplaced one: where it belongs. */
	nearest?: string;
	replacedBy?: string;
	note?: Note;
	/** For an invalid value: its kind, and the accepted kinds. */
	is?: string;
	accepts?: readonly string[];
	/** For a changed default. */
	before?: unknown;
	after?: unknown;
	/** For a duplicate: the line that it overrides. */
	first?: number;
	/** For a block that replaces an earlier file's: where that one is, and which of its options are lost. */
	over?: { file: string; line: number };
	lost?: readonly string[];
	/**
	 * Why it is refused, if no note says so: for example, there is no server name, or this release has a fixed
	 * writer for this stream. For `unreadable`, the file is not YAML, and `why` is a sentence.
	 */
	reason?: 'no-name' | 'fixed-stream' | 'missing-member' | 'unknown-member' | 'unreadable';
	/** The reason as a clause without any words of the configuration, for invalid YAML or what no note covers. */
	why?: string;
};

export function placeOf({ file, line, option }: Pick<Finding, 'file' | 'line' | 'option'>): string {
	return `${file} ${line} ${option}`;
}

/** The same with the column, because one line may hold several elements of a list. */
export function spotOf(place: Pick<Finding, 'file' | 'line' | 'column' | 'option'>): string {
	return `${placeOf(place)} ${place.column}`;
}

export type Derived = { fact: string; file: string; line: number };
/** What the files leave open. With `note`: whether its refusal applies; `file` and `line` have no meaning then. */
export type Unjudged = {
	file: string;
	line: number;
	option: string;
	why: 'hidden' | 'undecided' | 'unreadable';
	note?: Note;
};
export type Checked = {
	to: Version;
	from?: Version;
	findings: Finding[];
	/** Whether the target would refuse to start. */
	refuses: boolean;
	unjudged: Unjudged[];
	/** Notes by id and faults by key whose condition the files decide; undecided ones are absent. */
	decided: ReadonlyMap<string, boolean>;
	/** Refusals that do not prevent the start with these files, although the notes apply to them. */
	starts: ReadonlySet<string>;
};

export type CheckRequest = {
	configuration: Configuration;
	profile: Profile;
	options: Options;
	/** How releases reacted to values of every kind; if absent, only what their code shows counts. */
	values?: Table<ValueState>;
	/** Absent: the question is only about the target. */
	from?: Version;
	to: Version;
	/** The name most similar to a misspelt one. */
	nearest: (name: string, names: readonly string[]) => string | undefined;
};

// What the planner adds to the notes, as data; messages/switch.ts words the title, text and clauses of such a step.

import type { Version } from '../../deployment/version.ts';
import type { Note, Stop } from '../../knowledge/schema/synapse.ts';
import type { Migrating } from './migrating.ts';
import type { StartLimit } from './start-limit.ts';
import type { NoPackage, SwitchCommands } from './switch-commands.ts';

/** What to try once the target is running; `updates` are commands that count the remaining background updates. */
type Trying = { kind: 'try'; media: boolean; bridges: boolean; federation: boolean; updates: string[] };

/** `isStart`: before the first switch. `skipped`: what happens if you continue too early. */
type Wait = {
	kind: 'wait';
	at: Version;
	isStart?: boolean;
	waitFor: string;
	why: string;
	skipped: Consequence;
	lines: string[];
	/** Background updates that the releases up to here queue, if their duration was measured. */
	queued?: Migrating['queued'];
	stuck?: { lines: string[]; text: string };
};

/** A note whose condition no configuration decides, as part of the step that checks all of them. */
export type OutsideCheck = Pick<Note, 'id' | 'release' | 'when' | 'title' | 'text'> & { onlyIf: string };

/** Where to look for what the configuration files do not say. */
export type FoundIn = NonNullable<Note['foundIn']>;

export type StepTask =
	/** `commands`: absent without a matching recipe. `migrating`: without what earlier and later steps cover. */
	| { kind: 'switch'; to: Version; commands?: SwitchCommands; migrating?: Partial<Migrating> }
	| Wait
	| Trying
	| { kind: 'no-package'; lacking: NoPackage }
	| { kind: 'start-limit'; limit: StartLimit }
	| { kind: 'outside'; places: readonly FoundIn[]; checks: readonly OutsideCheck[] }
	/** Systems by name: those with packages of the target, and the last release of those whose packages ended. */
	| {
			kind: 'which-system';
			to: Version;
			built: readonly string[];
			ended: readonly EndedSystem[];
			likely?: LikelySystem;
	  };

/** A system without packages after `last`. */
type EndedSystem = { name: string; last: Version };

/** The ended system whose own archive has the stated PostgreSQL. */
export type LikelySystem = EndedSystem & { os: string; postgres: string };

/** What skipping a required stop, or its wait, can do to the database or the start. */
export type Consequence = 'sticks' | 'ruins' | 'refuses';

export function consequence({ ruins, sticks }: Pick<Stop, 'ruins' | 'sticks'>): Consequence {
	if (sticks) return 'sticks';
	return ruins ? 'ruins' : 'refuses';
}

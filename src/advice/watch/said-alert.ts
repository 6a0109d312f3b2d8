// What a room was told about a server, and how a condition that is true now continues it.
import type { Version } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { type AlertCondition, type AlertSubject, floorFacts } from './alert-condition.ts';
import type { Rule, Severity } from './severity.ts';

/** A condition that the room was told about, with what was said and how people reacted. Times are ISO 8601, UTC. */
export type SaidAlert = {
	rule: Rule;
	subject: string;
	episode: string;
	/** The last stage reported, and when the room last heard of it. */
	stage: string;
	at: string;
	reminders: number;
	severity: Severity;
	about: AlertSubject;
	acked?: true;
	snoozed?: { until: string } | { version: Version };
	solved?: string;
	/** Only shown in a status card, so there is no message to reply to. */
	unsaid?: true;
};

type NamedSubject = Pick<AlertCondition, 'rule' | 'subject' | 'aliases'>;

/** Whether they are about the same thing, under any of its names. */
export function isSame(
	{ rule, subject, aliases = [] }: NamedSubject,
	other: Pick<SaidAlert, 'rule' | 'subject'>,
): boolean {
	return rule === other.rule && (subject === other.subject || aliases.includes(other.subject));
}

export function openOf(said: readonly SaidAlert[], condition: NamedSubject): SaidAlert | undefined {
	return said.find(other => isSame(condition, other) && other.solved === undefined);
}

/** The condition under the name that the room knows: an advisory may get its CVE ID after it was reported. */
export function asTold(condition: AlertCondition, said: readonly SaidAlert[]): AlertCondition {
	const { aliases = [], shared } = condition;
	const told =
		openOf(said, condition) ??
		(aliases.length ? said.findLast(other => isSame(condition, other)) : undefined) ??
		said.find(other => other.subject === shared && other.rule === condition.rule && isAbout(condition, other));
	return told && told.subject !== condition.subject ? { ...condition, subject: told.subject } : condition;
}

/** Whether what the room was told under a shared name was this, or upstream's words about all of it. */
function isAbout({ about }: AlertCondition, { about: told }: SaidAlert): boolean {
	if (about.rule !== 'distribution' || told.rule !== 'distribution') return false;
	return told.told === true || told.name === about.name;
}

/** Rules that end silently: a release was superseded, or upstream said more. */
export const endSilently: readonly Rule[] = ['release', 'withdrawn', 'unclear', 'distribution'];

/** What keeps coming and going is reported again at most once in this time (ms). */
const week = 7 * 24 * 3600_000;

/**
 * The episode of a condition that is not open; undefined if the room has heard enough of it. `observed`: the
 * observation or statement that it follows from.
 */
export function episodeOf(
	condition: AlertCondition,
	observed: string,
	said: readonly SaidAlert[],
	now: Date,
): string | undefined {
	const before = said.filter(other => isSame(condition, other));
	const isNew = (episode: string | undefined) => !before.some(other => other.episode === episode);
	if (isNew(observed)) return observed;
	const back = endSilently.includes(condition.rule) ? takenBack(condition, said)?.solved : before.at(-1)?.solved;
	const ends = before.filter(({ solved }) => solved && Math.abs(now.getTime() - Date.parse(solved)) < week);
	return back === undefined || !isNew(back) || ends.length > 1 ? undefined : back;
}

/** What the room was told of the withdrawal of this release, which is out again. */
function takenBack({ about }: AlertCondition, said: readonly SaidAlert[]): SaidAlert | undefined {
	if (about.rule !== 'release') return undefined;
	return said.findLast(other => other.rule === 'withdrawn' && other.subject === about.newest);
}

/** Whether the knowledge has what an alert is about. If not, nothing shows that it is over. */
export function isInKnowledge({ rule, subject }: SaidAlert, knowledge: Knowledge): boolean {
	switch (rule) {
		case 'advisory':
			return knowledge.advisories.some(({ id, aliases }) => id === subject || aliases.includes(subject));
		case 'fault':
			return knowledge.faults.some(({ id }) => id === subject);
		case 'deadline':
			return knowledge.notes.some(({ id, story = id, deadline }) => deadline && story === subject);
		case 'lifecycle':
			return Object.entries(knowledge.lifecycles).some(([product, { releases }]) =>
				releases.some(({ version }) => `${product}-${version}` === subject),
			);
		case 'floor': {
			// The files of the newest release may not have been read yet.
			const newest = stable(knowledge.releases).at(-1);
			return Object.entries(floorFacts).some(([of]) => {
				return subject.startsWith(`${of}-`) && newest?.[of as keyof typeof floorFacts] !== undefined;
			});
		}
		default:
			return true;
	}
}

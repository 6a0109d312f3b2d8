// What a room should be told now about a server it watches: what is true, minus what it has heard, outside quiet hours.

import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, isCandidate } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import type { Quiet } from '../../text/local-time.ts';
import { dayIn, quietUntil } from '../../text/local-time.ts';
import { type CheckRecord, decidedBy } from '../check/record.ts';
import { plan } from '../upgrade/plan.ts';
import type { AlertCondition, AlertSubject, Details, Facing } from './alert-condition.ts';
import { ends, judged, ladders, newestOf } from './alert-condition.ts';
import { isKnown, nameOf } from './build.ts';
import type { Carriers } from './carrier.ts';
import { conditionsOf } from './conditions.ts';
import { isStillAhead } from './deadline-conditions.ts';
import type { LookRun, Running, ToldVersion } from './history.ts';
import { isAhead, runningOf } from './history.ts';
import type { SaidAlert } from './said-alert.ts';
import { asTold, endSilently, episodeOf, isInKnowledge, isSame, openOf } from './said-alert.ts';
import { decidedBySeen, deploymentFrom } from './seen-facts.ts';
import type { Rule, Severity } from './severity.ts';
import { severities } from './severity.ts';

/** A room's subscription to a server; times are ISO 8601, UTC. */
export type Watch = {
	/** Permanent, even if the room is upgraded. */
	id: string;
	server: string;
	profile: Profile;
	told?: ToldVersion;
	/** When a person last changed what is known about the server. */
	changed: string;
	/** The release that the room was last told about; absent until a poll finds one. */
	heard?: Version;
	zone: string;
	quiet?: Quiet;
	smallest: Severity;
	checks?: readonly CheckRecord[];
};

/** An alert. Its identity is `watch`, `rule`, `subject`, `stage` and `episode`, and never changes. */
export type Alert = {
	watch: string;
	/** `first`: a poll found out for the first time what is running. `change`: another release is running now. */
	rule: Rule | 'first' | 'change';
	subject: string;
	stage: string;
	episode: string;
	kind: 'new' | 'stage' | 'reminder' | 'solved';
	severity: Severity;
	about: AlertSubject;
	/** Absent if nothing is said. */
	details?: Details;
	/** Recorded but not said: the status card shows it, or a more important alert does. */
	unsaid?: true;
	/** Not before this time (ISO 8601, UTC), because of the room's quiet hours. */
	notBefore?: string;
	ask?: string[];
	/** The release that this tells the room about. */
	heard?: Version;
};

export type Situation = {
	knowledge: Knowledge;
	/** Knowledge about distributions; absent if no server needs it. */
	carriers?: Carriers | undefined;
	history: readonly LookRun[];
	watch: Watch;
	said: readonly SaidAlert[];
	now: Date;
	/** The room gets a status card anyway, so nothing that is true now is news. */
	card?: boolean;
};

/** Days until the first reminder, the second, and each further one. */
const reminderDays: Record<Severity, readonly number[]> = {
	severe: [3, 7, 14, 30],
	warning: [14, 30, 60, 90],
	info: [30, 60, 90],
};
/** A reminder also covers alerts for which this share of the interval has passed, so that they coincide later on. */
const together = 0.5;

const day = 24 * 3600_000;

/**
 * Everything the room should be told now. What has become true and then false again in between is not reported.
 * Alerts with `unsaid` only change what is recorded.
 */
export function alerts(situation: Situation): Alert[] {
	const { watch, history, now } = situation;
	const running = runningOf(history, watch.told, now);
	const facing = facingOf(situation);
	const all = conditionsOf(facing)
		.filter(({ onlyIfTold }) => onlyIfTold === undefined || wasTold(situation.said, onlyIfTold))
		.map(condition => asTold(condition, situation.said));
	const found = all.filter(({ unsure }) => !unsure);
	const first = watch.heard === undefined && running !== undefined;
	const change = first ? firstOf(situation, running) : changeOf(situation, facing);
	const current = [
		...(change ? [change] : []),
		...told(found, situation, facing, first || situation.card === true),
		...solved(all, situation, facing, change !== undefined || situation.card === true),
	];
	const quiet = quietUntil(now, watch.quiet, watch.zone)?.toISOString();
	return current.map(alert => {
		const urgent = ['advisory', 'fault'].includes(alert.rule) && alert.severity === 'severe' && alert.kind !== 'solved';
		return quiet === undefined || alert.unsaid || urgent ? alert : { ...alert, notBefore: quiet };
	});
}

export function facingOf({ watch, history, knowledge, carriers, now }: Omit<Situation, 'said'>): Facing {
	const today = dayIn(now, watch.zone);
	const { checks = [] } = watch;
	const deployment = deploymentFrom(watch.profile, history, checks, today);
	const checked = decidedBy(checks, { knowledge, profile: deployment.profile, today });
	// A check may be months old, while the server's own responses are current.
	const decided = new Map([...checked.decided, ...decidedBySeen(history, knowledge)]);
	return {
		server: watch.server,
		running: runningOf(history, watch.told, now),
		history,
		told: watch.told !== undefined,
		...deployment,
		...(carriers && { carriers }),
		...(watch.checks && { checks }),
		...(decided.size > 0 && { decided }),
		...(checked.starts.size > 0 && { starts: checked.starts }),
		knowledge,
		now,
		today,
	};
}

/** What has begun, come closer, or needs repeating. */
function told(found: readonly AlertCondition[], situation: Situation, facing: Facing, card: boolean): Alert[] {
	const { watch, said, now } = situation;
	const muted = mutedBy(found, said);
	const speaks = found.some(condition => {
		if (isUnwanted(condition, watch) || muted(condition)) return false;
		const open = openOf(said, condition);
		return open && !open.acked && !isSnoozed(open, situation.knowledge, now) && remindsNow(condition, open, now, 1);
	});
	return found.flatMap((condition): Alert[] => {
		const open = openOf(said, condition);
		if (card) {
			// The status card, or the first poll, shows the present; what the room already knows is not repeated.
			if (open) return [];
			const observed = observedAt(watch, facing, condition);
			const episode = episodeOf(condition, observed, said, now) ?? observed;
			return [alertOf(condition, watch, episode, condition.stage, 'new', true)];
		}
		if (isUnwanted(condition, watch) || muted(condition)) return [];
		if (!open) {
			const episode = episodeOf(condition, observedAt(watch, facing, condition), said, now);
			if (episode === undefined) return [];
			return [alertOf(condition, watch, episode, condition.stage, 'new', condition.stale)];
		}
		if (isSnoozed(open, situation.knowledge, now)) return [];
		const order = ladders[condition.rule];
		if (order.indexOf(condition.stage) > order.indexOf(open.stage)) {
			if (open.acked && !ends.includes(condition.stage)) return [];
			return [alertOf(condition, watch, open.episode, condition.stage, 'stage')];
		}
		if (open.acked || !speaks || !remindsNow(condition, open, now, together)) return [];
		return [alertOf(condition, watch, open.episode, `${open.stage}+${open.reminders + 1}`, 'reminder')];
	});
}

/** Whether the room does not want to hear of anything this minor. */
function isUnwanted({ severity }: { severity: Severity }, { smallest }: Watch): boolean {
	return severities.indexOf(severity) < severities.indexOf(smallest);
}

/** Whether the room was told that this release is out. */
function wasTold(said: readonly SaidAlert[], version: Version): boolean {
	return said.some(({ about }) => about.rule === 'release' && about.newest === version);
}

/** The time of the observation or statement that a condition follows from; empty if neither matters. */
function observedAt(watch: Watch, { running, history, now }: Facing, { rule }: AlertCondition): string {
	// This does not depend on the running release, and is reported only once.
	if (rule === 'distribution') return '';
	const observed = rule === 'unseen' || rule === 'mixture';
	const since = rule === 'unseen' ? (history.at(-1)?.since ?? watch.changed) : (running?.since ?? watch.changed);
	return !observed && watch.changed > since && !isAhead(watch.changed, now) ? watch.changed : since;
}

function alertOf(
	{ rule, subject, severity, about, details, ask }: AlertCondition,
	watch: Watch,
	episode: string,
	stage: string,
	kind: Alert['kind'],
	unsaid = false,
): Alert {
	return {
		watch: watch.id,
		rule,
		subject,
		stage,
		episode,
		kind,
		severity,
		about,
		...(unsaid ? { unsaid: true as const } : { details: details() }),
		...(ask && { ask }),
	};
}

/**
 * An alert about a severe vulnerability names the newest release if that fixes it, so the release is not
 * announced separately. A minimum version that rules out the newest release mutes the same product's end of
 * support.
 */
function mutedBy(found: readonly AlertCondition[], said: readonly SaidAlert[]): (condition: AlertCondition) => boolean {
	const severe = found.some(
		condition =>
			condition.rule === 'advisory' &&
			condition.severity === 'severe' &&
			condition.closed &&
			!openOf(said, condition)?.acked,
	);
	const floors = found.filter(({ rule }) => rule === 'floor').map(({ subject }) => subject.split('-')[0]);
	return ({ rule, subject }) =>
		(rule === 'release' && severe) || (rule === 'lifecycle' && floors.includes(subject.split('-')[0]));
}

export function isSnoozed({ snoozed }: SaidAlert, { releases }: Knowledge, now: Date): boolean {
	if (snoozed === undefined) return false;
	if ('until' in snoozed) return now.toISOString() < snoozed.until;
	return !releases.some(({ version }) => isSnoozeOver(snoozed, version));
}

/** Whether this release ends a snooze until a release. */
export function isSnoozeOver(snoozed: { version: Version }, release: Version): boolean {
	return !isCandidate(release) && compare(release, snoozed.version) >= 0;
}

/** Whether this share of the time until its next reminder has passed (1: all of it). */
function remindsNow(
	condition: AlertCondition,
	{ at, reminders, snoozed }: SaidAlert,
	now: Date,
	part: number,
): boolean {
	// A snooze that has ended is always followed by a reminder.
	if (snoozed !== undefined) return true;
	if (!condition.reminds) return false;
	const days = reminderDays[condition.severity];
	const wait = days[Math.min(reminders, days.length - 1)] ?? 90;
	const passed = now.getTime() - Date.parse(at);
	// It was reported before the clock was turned back.
	return passed >= wait * day * part || passed < -day;
}

const needRelease: readonly Rule[] = ['release', 'withdrawn', 'advisory', 'fault', 'unclear', 'deadline', 'floor'];
function solved(found: readonly AlertCondition[], situation: Situation, facing: Facing, changed: boolean): Alert[] {
	const { watch, said, knowledge } = situation;
	const { running } = facing;
	// A person who takes a fact back gets a card, and need not keep the alert. A question stays open too, since the
	// answer may still come, and once it had ended nothing more would be said in its episode.
	const staysOpen = !situation.card;
	const over: Details = { is: 'solved', ...(running && { running: nameOf(running, knowledge) }) };
	return (
		said
			.filter(open => open.solved === undefined)
			.filter(open => !found.some(condition => isSame(condition, open) && (!condition.unsure || staysOpen)))
			.filter(open => isInKnowledge(open, knowledge) || isBefore(open, running) || !staysOpen)
			// With an unknown release, or several, we cannot say that anything is over.
			.filter(({ rule }) => (judged(facing) && !running?.mixture) || !needRelease.includes(rule))
			.map((open): Alert => {
				// A question is not solved, and a release superseded by the next one, or by the upgrade, is not news.
				const shown = situation.card === true || (open.unsaid === true && changed);
				const isOver = isInKnowledge(open, knowledge) && !isStillAhead(open, facing);
				const unsaid =
					!isOver || endSilently.includes(open.rule) || open.stage === 'ask' || shown || isUnwanted(open, watch);
				return {
					watch: watch.id,
					rule: open.rule,
					subject: open.subject,
					stage: 'solved',
					episode: open.episode,
					kind: 'solved',
					severity: 'info',
					about: open.about,
					...(unsaid ? { unsaid: true as const } : { details: over }),
				};
			})
	);
}

/** Whether the room last heard of it before this release was running. */
function isBefore({ at }: SaidAlert, running: Running | undefined): boolean {
	return running !== undefined && at < running.since;
}

/** A poll found out what is running, and the room was never told: it gets its status card now. */
function firstOf({ watch, card, knowledge }: Situation, running: Running): Alert {
	const { version, since } = running;
	return {
		watch: watch.id,
		rule: 'first',
		subject: version,
		stage: 'seen',
		episode: since,
		kind: 'new',
		severity: 'info',
		about: { rule: 'first', running: nameOf(running, knowledge) },
		heard: version,
		...(card && { unsaid: true as const }),
	};
}

/** The server was upgraded or rolled back since the room was last told. */
function changeOf({ watch, knowledge, card, said }: Situation, facing: Facing): Alert | undefined {
	const { running } = facing;
	if (!running || watch.heard === undefined || running.version === watch.heard) return undefined;
	// In a mixture the version varies from poll to poll. The mixture is reported instead, and what remains of it later.
	if (running.mixture) return undefined;
	const wasMixed = said.some(({ rule, solved }) => rule === 'mixture' && solved === undefined);
	const [from, to] = [watch.heard, running.version];
	const isJudged = [from, to].every(version => isKnown(version, knowledge.releases));
	const unsaid = card || wasMixed || watch.smallest !== 'info';
	return {
		watch: watch.id,
		rule: 'change',
		subject: `${from}→${to}`,
		stage: 'seen',
		episode: running.since,
		kind: 'new',
		severity: 'info',
		about: {
			rule: 'change',
			from: nameOf({ version: from }, knowledge),
			to: nameOf(running, knowledge),
			judged: isJudged,
		},
		...(unsaid
			? { unsaid: true as const }
			: {
					details: isJudged
						? changed(from, to, facing)
						: { is: 'unjudged', judged: judged(facing) !== undefined, newest: newestOf(knowledge) },
				}),
		heard: to,
	};
}

/** What the change means now; `from` may be the newer release. */
function changed(from: Version, to: Version, { profile, decided, starts, today, knowledge }: Facing): Details {
	const [lower, upper] = compare(to, from) > 0 ? [from, to] : [to, from];
	const way = plan({ from: lower, to: upper, profile, decided, starts, today }, knowledge);
	const after = way.steps.filter(({ when, must, generated }) => when === 'after' && must && !generated);
	return { is: 'changed', way, after };
}

// A room's subscriptions and settings, as stored and as used to decide alerts.

import type { Profile } from '../../deployment/facts.ts';
import { isContradiction, parseStored, profileOf, unknownDeployment } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import type { CheckRecord } from '../check/record.ts';
import type { Watch } from './alerts.ts';
import type { LookRun, Saw, ToldVersion } from './history.ts';
import { withLook } from './history.ts';
import type { Severity } from './severity.ts';

/** A room's subscription to a server. `facts` are statements as people type them. */
export type Subscription = {
	/** Permanent, even if the room is upgraded. */
	id: string;
	room: string;
	server: string;
	facts: readonly string[];
	told?: ToldVersion;
	changed: Date;
	/** Who started it. */
	by?: string;
	/** The release that the room was last told about. */
	heard?: Version;
	/** The results of checking its configuration: at most one check of files and one look. */
	checks?: readonly CheckRecord[];
};

/** The operator's limits. */
export type Limits = {
	/** The interval between polls of a server that answers (ms). */
	every: number;
	/** At most this many servers watched by a room, and watches started by one person. */
	perRoom: number;
	perPerson: number;
	/** How long a room is remembered after the bot leaves it (days). */
	keepDays: number;
};

/** The limits without a configuration. */
export const usualLimits: Limits = { every: 3600_000, perRoom: 100, perPerson: 300, keepDays: 7 };

/** A room's settings; empty until someone changes them. */
export type Settings = {
	bare?: boolean;
	messages?: 'notice' | 'text';
	zone?: string;
	quiet?: string;
	severity?: Severity;
	/** A Matrix user id. */
	mention?: string;
};

/** A watched server: the results of polls, and when the next poll is due. */
export type WatchedServer = { server: string; history: readonly LookRun[]; looked?: Date; next: Date };

/** Facts were checked when they were stated. If a later edition finds them contradictory, nothing is known. */
export function profileFrom(facts: readonly string[]): Profile {
	const profile = profileOf(facts.flatMap(fact => parseStored(fact) ?? []));
	return isContradiction(profile) ? unknownDeployment : profile;
}

export function watchFrom(
	{ id, server, facts, told, changed, heard, checks }: Subscription,
	settings: Settings,
): Watch {
	return {
		id,
		server,
		profile: profileFrom(facts),
		...(told && { told }),
		changed: changed.toISOString(),
		...(heard !== undefined && { heard }),
		...(checks && { checks }),
		zone: settings.zone ?? 'UTC',
		...(settings.quiet !== undefined && { quiet: settings.quiet }),
		smallest: settings.severity ?? 'info',
	};
}

/** The server after one more poll; `saw` is undefined if the poll showed nothing. */
export function lookedAt(server: WatchedServer, saw: Saw | undefined, at: Date, next: Date): WatchedServer {
	const history = saw ? withLook(server.history, saw, at.toISOString()) : server.history;
	return { server: server.server, history, looked: at, next };
}

/** Merges facts: new statements take precedence, and earlier ones stay if they do not contradict them. */
export function withFacts(before: readonly string[], now: readonly string[]): string[] {
	const facts = [...now];
	const named = now.map(fact => parseStored(fact)?.fact);
	for (const fact of before) {
		const term = parseStored(fact);
		if (!term || named.includes(term.fact)) continue;
		const together = profileOf([...facts, fact].flatMap(text => parseStored(text) ?? []));
		if (!isContradiction(together)) facts.push(fact);
	}
	return facts.sort();
}

// What a room keeps about a server, and how it wants to be spoken to: as it is stored, and as alerts are decided from it.

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
	/** The same for ever, also when the room moves. */
	id: string;
	room: string;
	server: string;
	facts: readonly string[];
	told?: ToldVersion;
	changed: Date;
	/** Who began it. */
	by?: string;
	/** The release of which the room has heard. */
	heard?: Version;
	/** What checks of its configuration left: at most one of files and one look. */
	checks?: readonly CheckRecord[];
};

/** What the operator allows. */
export type Limits = {
	/** Between two looks at a server that answers (ms). */
	every: number;
	/** How many servers a room may watch, and how many watches one person may have begun. */
	perRoom: number;
	perPerson: number;
	/** How long a room that the bot has left is remembered (days). */
	keepDays: number;
};

/** The limits where no configuration says others. */
export const usualLimits: Limits = { every: 3600_000, perRoom: 100, perPerson: 300, keepDays: 7 };

/** What people set for a room; empty until they do. */
export type Settings = {
	bare?: boolean;
	messages?: 'notice' | 'text';
	zone?: string;
	quiet?: string;
	severity?: Severity;
	/** A person's Matrix id. */
	mention?: string;
};

/** A server that somebody watches: what looks at it saw, and when it is looked at again. */
export type WatchedServer = { server: string; history: readonly LookRun[]; looked?: Date; next: Date };

/** Facts were checked when they were said; should a later edition find a contradiction in them, it knows nothing. */
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

/** The server after one more look; `saw` is undefined when the look told nothing. */
export function lookedAt(server: WatchedServer, saw: Saw | undefined, at: Date, next: Date): WatchedServer {
	const history = saw ? withLook(server.history, saw, at.toISOString()) : server.history;
	return { server: server.server, history, looked: at, next };
}

/**
 * The facts with more of them: what is said now counts, and what was said before stays as far as it does not
 * contradict that.
 */
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

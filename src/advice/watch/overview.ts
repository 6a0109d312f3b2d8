// A watched server's state at a glance, as a value: the content of its status card.

import { concern } from '../../deployment/condition.ts';
import { isAbove, type Version } from '../../deployment/version.ts';
import type { Advisory } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { isAffected } from '../upgrade/advisories.ts';
import type { Deadline } from '../upgrade/deadlines.ts';
import { type Plan, plan } from '../upgrade/plan.ts';
import { type Rollback, rollback } from '../upgrade/rollback.ts';
import { type Facing, judged } from './alert-condition.ts';
import { nextDeadlines, overdue } from './deadline-conditions.ts';
import type { Running } from './history.ts';
import { behind } from './release-conditions.ts';

/** At most this many deadlines, and facts to ask for, are shown on a card. */
const maxShown = 4;

export type Overview = {
	running: Running;
	newest: Version | undefined;
	behind: { releases: number; days: number };
	/** The vulnerabilities of the release, and how many of them are high or critical. */
	open: Advisory[];
	severe: number;
	/** `risk`: a severe vulnerability. `late`: another vulnerability, or a newer release. */
	state: 'risk' | 'late' | 'fine';
	/** The upgrade to the newest release; absent if that is already running. */
	way?: Plan;
	deadlines: Deadline[];
	/** What should have stopped working by now but still works. */
	overdue: Deadline[];
	rollback: Rollback;
	/** The facts that would decide most, the most useful first. */
	ask: string[];
};

/** Undefined if nobody knows what is running, or if we do not know that release. */
export function overviewOf(facing: Facing): Overview | undefined {
	const { profile, decided, starts, knowledge, today } = facing;
	const running = judged(facing);
	if (!running) return undefined;
	const { version } = running;
	const newest = stable(knowledge.releases).at(-1)?.version;
	const open = knowledge.advisories.filter(
		advisory => isAffected(advisory, version) && concern(advisory.applies, profile).is !== false,
	);
	const severe = open.filter(({ severity }) => severity === 'critical' || severity === 'high').length;
	const isLate = newest !== undefined && isAbove(newest, version);
	const way = isLate ? plan({ from: version, to: newest, profile, decided, starts, today }, knowledge) : undefined;
	const deadlines = nextDeadlines(facing, maxShown);
	return {
		running,
		newest,
		behind: behind(version, knowledge, today),
		open,
		severe,
		state: severe ? 'risk' : open.length || isLate ? 'late' : 'fine',
		...(way && { way }),
		deadlines,
		overdue: overdue(facing),
		rollback: rollback(version, undefined, knowledge),
		ask: asked(way, deadlines, facing),
	};
}

/** What the steps and deadlines ask for, most frequent first. */
function asked(way: Plan | undefined, deadlines: readonly Deadline[], { profile }: Facing): string[] {
	const times = new Map<string, number>();
	const bySteps = way?.steps.flatMap(({ ask }) => ask ?? []) ?? [];
	const byDeadlines = deadlines.flatMap(({ concerned, applies }) => {
		const found = concerned === 'unknown' ? concern(applies, profile) : undefined;
		return found?.is === 'unknown' ? found.ask : [];
	});
	for (const fact of [...bySteps, ...byDeadlines]) times.set(fact, (times.get(fact) ?? 0) + 1);
	const ordered = [...times].sort(([, a], [, b]) => b - a);
	return ordered.slice(0, maxShown).map(([fact]) => fact);
}

// What is true about a watched server and worth knowing, with one function per rule. alerts.ts decides who still has
// to be told, and messages/alerts.ts words it.

import { type AlertCondition, type Facing, judged } from './alert-condition.ts';
import { nameOf } from './build.ts';
import { lifecycles, promises } from './deadline-conditions.ts';
import { distributionBreaks } from './distribution-conditions.ts';
import { floors, release, withdrawn } from './release-conditions.ts';
import { advisories, faults, unclear } from './security-conditions.ts';
import { severities } from './severity.ts';

/** Everything that is true now, worst first, after a mixture if there is one, since that explains the rest. */
export function conditionsOf(facing: Facing): AlertCondition[] {
	const found = [...unseen(facing), ...mixture(facing), ...lifecycles(facing), ...distributionBreaks(facing)];
	const running = judged(facing);
	if (running) {
		const at = { ...facing, running: running.version, named: nameOf(running, facing.knowledge) };
		found.push(
			...withdrawn(at),
			...advisories(at),
			...faults(at),
			...unclear(at),
			...promises(at),
			...floors(at),
			...release(at),
		);
	}
	const weight = ({ rule, severity }: AlertCondition) =>
		rule === 'mixture' ? severities.length : severities.indexOf(severity);
	return found.sort(
		(a, b) => weight(b) - weight(a) || a.rule.localeCompare(b.rule) || a.subject.localeCompare(b.subject),
	);
}

function mixture({ running }: Facing): AlertCondition[] {
	if (!running?.mixture) return [];
	const { lowest, highest } = running.mixture;
	return [
		{
			rule: 'mixture',
			subject: 'versions',
			stage: 'seen',
			severity: 'warning',
			reminds: false,
			about: { rule: 'mixture', lowest, highest },
			details: () => ({ is: 'mixture', lowest }),
		},
	];
}

/** A server counts as unseen after a day and three polls: one failed poll may be our own fault. */
const unseenAfter = { hours: 24, looks: 3 };

function unseen({ history, told, now }: Facing): AlertCondition[] {
	const last = history.at(-1);
	// The person who stated the version knows that it cannot be seen.
	if (!last || last.is === 'synapse' || (told && last.is !== 'other')) return [];
	const hours = (now.getTime() - Date.parse(last.since)) / 3_600_000;
	if (last.is !== 'other' && (hours < unseenAfter.hours || last.looks < unseenAfter.looks)) return [];
	const { is, since, observed } = last;
	return [
		{
			rule: 'unseen',
			subject: is,
			stage: 'long',
			severity: 'warning',
			reminds: false,
			about: { rule: 'unseen', is, since },
			details: () => ({ is: 'unseen', ...(observed && { observed }) }),
		},
	];
}

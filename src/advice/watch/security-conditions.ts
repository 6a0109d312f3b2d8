// Vulnerabilities and severe faults of the release that a watched server runs.

import { concern } from '../../deployment/condition.ts';
import { profileKey } from '../../deployment/facts.ts';
import { isAbove } from '../../deployment/version.ts';
import type { Advisory } from '../../knowledge/schema/synapse.ts';
import { memoByText } from '../../runtime/memo.ts';
import { fixedIn, isAffected } from '../upgrade/advisories.ts';
import { faultsOf, type PlannedFault } from '../upgrade/faults.ts';
import { type AlertCondition, type At, newestOf } from './alert-condition.ts';
import type { Severity } from './severity.ts';

const advisorySeverity: Record<Advisory['severity'], Severity> = {
	critical: 'severe',
	high: 'severe',
	moderate: 'warning',
	low: 'info',
};

export function advisories({ running, named, knowledge, profile }: At): AlertCondition[] {
	const newest = newestOf(knowledge);
	return knowledge.advisories.flatMap((advisory): AlertCondition[] => {
		if (!isAffected(advisory, running)) return [];
		const concerned = concern(advisory.applies, profile);
		if (concerned.is === false) return [];
		const severity = advisorySeverity[advisory.severity];
		const asks = concerned.is === 'unknown' && severity !== 'severe';
		const fix = fixedIn(advisory, running, knowledge.releases);
		return [
			{
				rule: 'advisory',
				subject: advisory.id,
				aliases: advisory.aliases,
				stage: asks ? 'ask' : 'open',
				severity: asks ? 'info' : severity,
				reminds: !asks && severity !== 'info',
				about: { rule: 'advisory', id: advisory.id, rating: advisory.severity, name: advisory.title },
				details: () => ({
					is: 'advisory',
					running: named,
					...(fix && { fixedIn: fix }),
					...(advisory.links[0] !== undefined && { link: advisory.links[0] }),
				}),
				...(concerned.is === 'unknown' && { ask: concerned.ask }),
				...(isAbove(newest, running) && !isAffected(advisory, newest) && { closed: true as const }),
			},
		];
	});
}

/** Shared, because thousands of rooms watch servers with the same release and facts. */
const severeFaults = memoByText<At['knowledge'], PlannedFault[]>(500);

function severeFaultsOf({ running, knowledge, profile, decided }: At): PlannedFault[] {
	const make = () =>
		faultsOf(running, { at: 'start', profile, decided }, knowledge).filter(({ severity }) => severity === 'severe');
	return decided?.size ? make() : severeFaults(knowledge, `${running} ${profileKey(profile)}`, make);
}

/** Severe faults of the running release. Noticeable ones do not raise alerts; `!notes` lists them. */
export function faults(at: At): AlertCondition[] {
	const { running } = at;
	return severeFaultsOf(at).map((fault): AlertCondition => {
		const asks = fault.concerned === 'unknown';
		return {
			rule: 'fault',
			subject: fault.id,
			stage: asks ? 'ask' : 'open',
			severity: asks ? 'info' : fault.danger === 'data' ? 'severe' : 'warning',
			reminds: !asks,
			about: { rule: 'fault', version: running, name: fault.title },
			details: () => ({ is: 'fault', text: fault.text, ...(fault.take !== null && { take: fault.take }) }),
			...(fault.ask && { ask: fault.ask }),
		};
	});
}

/** Severe advisories whose affected releases are unclear, reported once in upstream's words. */
export function unclear({ running, knowledge }: At): AlertCondition[] {
	return (knowledge.unclear ?? [])
		.filter(({ severity, rated }) => rated && (severity === 'critical' || severity === 'high'))
		.filter(({ id }) => !knowledge.advisories.some(advisory => advisory.id === id && isAffected(advisory, running)))
		.map(
			({ id, aliases, severity, title, links, written }): AlertCondition => ({
				rule: 'unclear',
				subject: id,
				aliases,
				stage: 'published',
				severity: 'warning',
				reminds: false,
				about: { rule: 'unclear', id, rating: severity, name: title },
				details: () => ({
					is: 'unclear',
					running,
					written,
					...(links[0] !== undefined && { link: links[0] }),
				}),
			}),
		);
}

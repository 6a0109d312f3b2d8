// What new releases mean for a watched server: a release is out, was withdrawn, or needs more than the server has.

import { holds } from '../../deployment/condition.ts';
import { compare, isAbove, lineOf, type Version } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { daysBetween } from '../../text/local-time.ts';
import { plan } from '../upgrade/plan.ts';
import { type AlertCondition, type At, floorFacts, newestOf } from './alert-condition.ts';
import { carrierOf } from './carrier.ts';
import { stageOf } from './deadline-conditions.ts';

/** A new line of releases is news, and so is a patch release of the running line; those of other lines are not. */
export function release(at: At): AlertCondition[] {
	const { running, knowledge } = at;
	const carrier = carrierOf(at);
	const carried = carrier && 'newest' in carrier ? carrier : undefined;
	// A release that the distribution does not have yet is not news to its users.
	const newest = carried?.newest ?? newestOf(knowledge);
	if (!isAbove(newest, running)) return [];
	const line = lineOf(newest);
	const own = line === lineOf(running);
	// Rooms that were told about the withdrawn release must be told about its replacement.
	const wasTakenBack = knowledge.releases.some(({ version, deleted }) => deleted && lineOf(version) === line);
	const first = stable(knowledge.releases).find(({ version }) => lineOf(version) === line);
	const news = own ? newest : (first?.version ?? newest);
	return [
		{
			rule: 'release',
			subject: own || wasTakenBack ? newest : line,
			stage: 'out',
			severity: 'info',
			reminds: false,
			about: { rule: 'release', newest, ...(carried && { by: carried.of, as: carried.as }) },
			details: () => {
				const way = plan(
					{ from: running, to: newest, profile: at.profile, decided: at.decided, starts: at.starts, today: at.today },
					knowledge,
				);
				const fresh = way.deadlines.filter(
					({ announced, concerned }) => announced !== null && lineOf(announced) === line && concerned === true,
				);
				return {
					is: 'release',
					way,
					...(carrier && { carrier }),
					...(!own && news !== newest && { first: { line, version: news } }),
					// Do not repeat what is near enough for an alert of its own.
					announces: fresh.filter(deadline => stageOf(deadline, newest, at) === undefined),
				};
			},
		},
	];
}

/** A release that upstream deleted. Told to rooms that run it, and to rooms that were told it is out. */
export function withdrawn({ running, knowledge }: At): AlertCondition[] {
	const newest = newestOf(knowledge);
	return knowledge.releases
		.filter(({ version, deleted }) => deleted && compare(version, running) >= 0)
		.map(({ version }): AlertCondition => {
			const runs = version === running;
			return {
				rule: 'withdrawn',
				subject: version,
				stage: 'gone',
				severity: runs ? 'warning' : 'info',
				reminds: false,
				...(!runs && { onlyIfTold: version }),
				about: { rule: 'withdrawn', version },
				details: () => ({ is: 'withdrawn', runs, newest }),
			};
		});
}

/** What the newest release needs and the deployment is known not to have. */
export function floors({ running, knowledge, profile }: At): AlertCondition[] {
	const releases = stable(knowledge.releases);
	return (['python', 'postgresql', 'sqlite'] as const).flatMap((of): AlertCondition[] => {
		// The files of a release are read after it is out, and may not be there yet.
		const newest = releases.findLast(release => release[of] !== undefined);
		const min = newest?.[of];
		if (!newest || min === undefined || !isAbove(newest.version, running)) return [];
		const { is } = holds(`${floorFacts[of]}>=${min}`, profile);
		// No minimum applies with the other database, or if it comes with an image.
		if (is === true || (is === false && profile.get(floorFacts[of]) === undefined)) return [];
		const at = releases.find(release => release[of] === min)?.version ?? newest.version;
		return [
			{
				rule: 'floor',
				subject: `${of}-${min}`,
				stage: 'newest',
				severity: 'warning',
				reminds: true,
				...(is === 'unknown' && { unsure: true as const }),
				about: { rule: 'floor', of, min },
				details: () => ({ is: 'floor', from: at }),
			},
		];
	});
}

/** How far behind a release is: in lines of releases, and in days since the next release came out. */
export function behind(running: Version, knowledge: Knowledge, today: string): { releases: number; days: number } {
	const newest = newestOf(knowledge);
	const newer = stable(knowledge.releases).filter(({ version }) => isAbove(version, running));
	const lines = new Set(newer.map(({ version }) => lineOf(version)).filter(line => line !== lineOf(running)));
	const [next] = newer;
	return {
		releases: isAbove(newest, running) ? lines.size : 0,
		days: next ? Math.max(0, daysBetween(next.date, today)) : 0,
	};
}

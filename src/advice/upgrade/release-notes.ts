// The value that answers !notes: what releases require of one deployment.

import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { finalOf, isCandidate, type Version } from '../../deployment/version.ts';
import type { Knowledge, Release } from '../../knowledge/schema/synapse.ts';
import { faultsOf, type PlannedFault, worstFirst } from './faults.ts';
import { stepOf } from './note-steps.ts';
import { type Hidden, horizon, type Plan } from './plan.ts';
import type { Step } from './step.ts';
import { inPlace } from './step-order.ts';
import { triedOf } from './trials.ts';
import { unreadOf } from './unread.ts';

export type ReleaseNotes = {
	format: 1;
	release: Version;
	/** All releases covered, if a line was asked for. */
	releases: Version[];
	facts: Partial<Omit<Release, 'version'>>;
	/** The release's candidates; for a release that is not out yet, all there are. */
	candidates: Pick<Release, 'version' | 'date'>[];
	notes: Step[];
	hidden: Hidden[];
	faults: PlannedFault[];
	unread: Plan['unread'];
	horizon: Plan['horizon'];
};

/** The faults of several releases of one line, each once, for the newest release that has it. */
function faultsOfAll(versions: readonly Version[], profile: Profile, known: Knowledge): PlannedFault[] {
	const all = versions.flatMap(version => faultsOf(version, { at: 'target', profile }, known));
	return all.filter((fault, i) => all.findLastIndex(({ id }) => id === fault.id) === i).sort(worstFirst);
}

/** Everything these releases (one, or the patch releases of one line) require of one deployment. */
export function releaseNotes(versions: readonly Version[], profile: Profile, known: Knowledge): ReleaseNotes {
	const last = versions.at(-1) ?? '';
	const release = known.releases.find(({ version }) => version === last);
	const { version: _, ...facts } = release ?? { version: last };
	const hidden: Hidden[] = [];
	const notes: Step[] = [];
	for (const note of known.notes.filter(({ release: of }) => versions.includes(of))) {
		const concerned = concern(note.applies, profile);
		if (concerned.is === false)
			hidden.push({ id: note.id, title: note.title, because: concerned.because, sources: note.sources });
		else {
			const asking =
				concerned.is === true ? { concerned: true as const } : { concerned: 'unknown' as const, ask: concerned.ask };
			const step = stepOf({ ...note, possible: undefined }, asking, '0.0.0', [{ from: '0.0.0', to: last }]);
			notes.push({ ...step, ...triedOf(note.id, known.verified) });
		}
	}
	return {
		format: 1,
		release: last,
		releases: [...versions],
		facts,
		candidates: known.releases.filter(({ version }) => isCandidate(version) && finalOf(version) === last),
		notes: inPlace(notes, profile, known),
		hidden,
		faults: faultsOfAll(versions, profile, known),
		unread: unreadOf(known.unread.filter(({ release: of }) => versions.includes(finalOf(of)))),
		horizon: horizon(known),
	};
}

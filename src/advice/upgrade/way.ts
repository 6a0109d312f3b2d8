// What a plan is asked for: two releases, one deployment, and what its configuration shows of it.

import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';

/** Notes and faults have ids of their own, and some are the same. */
export function faultKey(id: string): string {
	return `fault ${id}`;
}

export type Way = {
	from: Version;
	to: Version;
	profile: Profile;
	/** `2026-11-21` */
	today: string;
	/** By id of a note, or the key of a fault: whether the configuration says that it concerns this deployment. Absent: it says nothing. */
	decided?: ReadonlyMap<string, boolean> | undefined;
	/** Ids of notes that refuse, where the configuration shows that this one starts all the same. */
	starts?: ReadonlySet<string> | undefined;
	/** Ids of notes about options that `from` does not have. */
	young?: ReadonlySet<string> | undefined;
};

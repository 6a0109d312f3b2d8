// The input of a plan: two releases, one deployment, and what its configuration shows.

import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';

/** The key of a fault in maps that also contain note ids, since the ids may coincide. */
export function faultKey(id: string): string {
	return `fault ${id}`;
}

export type Way = {
	from: Version;
	to: Version;
	profile: Profile;
	/** `2026-11-21` */
	today: string;
	/**
	 * By note id or fault key: whether the configuration shows that it applies to this deployment. Absent: it does
	 * not say.
	 */
	decided?: ReadonlyMap<string, boolean> | undefined;
	/** Ids of refusals that the configuration shows do not prevent the start. */
	starts?: ReadonlySet<string> | undefined;
	/** Ids of notes about options that `from` does not have. */
	young?: ReadonlySet<string> | undefined;
};

// The systems for which upstream builds packages of a release.

import type { Version } from '../../deployment/version.ts';
import { compare } from '../../deployment/version.ts';
import type { Knowledge, Lifecycle } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';

/** A system for which upstream builds, or has built, packages. */
export type System = {
	/** As in the fact `os`: `debian-12`. */
	os: string;
	/** `Debian 12`. */
	name: string;
	family: 'debian' | 'ubuntu';
	/** The release day of the system itself. */
	released: string;
	packages: NonNullable<Lifecycle['releases'][number]['packages']>;
};

const families = { debian: 'Debian', ubuntu: 'Ubuntu' } as const;

/** The systems, Debian before Ubuntu, oldest first. */
export const systemsOf = memo((lifecycles: Knowledge['lifecycles']): readonly System[] =>
	(['debian', 'ubuntu'] as const).flatMap(family =>
		(lifecycles[family]?.releases ?? [])
			.flatMap(({ version, released, packages }) =>
				packages
					? [{ os: `${family}-${version}`, name: `${families[family]} ${version}`, family, released, packages }]
					: [],
			)
			.sort((a, b) => Number(a.os.split('-')[1]) - Number(b.os.split('-')[1])),
	),
);

export function isBuilt({ packages }: System, version: Version): boolean {
	if (compare(version, packages.first) < 0) return false;
	return !('last' in packages) || compare(version, packages.last) <= 0;
}

/**
 * Whether the package of that release certainly works on the system as released. A package depends on the Python of
 * the day it was built: before the system's release, that may have been an older one, which `apt` does not accept.
 */
export function isSurelyBuilt(system: System, version: Version, day: string | undefined): boolean {
	return isBuilt(system, version) && day !== undefined && day >= system.released;
}

const dependent: readonly unknown[] = ['debian', 'distro', 'nix'];

/** Whether packages of this `install` depend on the system's Python and SQLite: `apt` and Nix check the versions. */
export function dependsOnSystem(install: unknown): boolean {
	return dependent.includes(install);
}

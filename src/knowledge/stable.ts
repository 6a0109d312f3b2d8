// The releases that can be run: neither candidates nor withdrawn.

import { isCandidate } from '../deployment/version.ts';
import { memo } from '../runtime/memo.ts';
import type { Release } from './schema/synapse.ts';

export function isStable({ version, withdrawn }: Release): boolean {
	return !withdrawn && !isCandidate(version);
}

/** Memoised, because every answer needs it several times. */
export const stable = memo((releases: readonly Release[]): readonly Release[] => releases.filter(isStable));

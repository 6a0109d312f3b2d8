// Playbook days and charts that nobody should update past until something has been done.
import type { PlaybookEntry } from '../../knowledge/schema/distribution.ts';

export type DistributionHalt = Pick<PlaybookEntry, 'id' | 'date' | 'title' | 'onlyIf' | 'first'> & {
	concerned: true | 'unknown';
	components: string[];
};

/** The entries among those shown that require something first, in order. */
export function haltsOf(entries: readonly DistributionHalt[]): DistributionHalt[] {
	return entries
		.filter(({ first }) => first !== undefined)
		.map(({ id, date, title, concerned, onlyIf, first, components }) => ({
			id,
			date,
			title,
			concerned,
			...(onlyIf !== undefined && { onlyIf }),
			first,
			components,
		}));
}

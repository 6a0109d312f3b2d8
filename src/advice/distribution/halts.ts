// What nobody should pull past, before something is done: days of the playbook, and charts.
import type { PlaybookEntry } from '../../knowledge/schema/distribution.ts';

export type DistributionHalt = Pick<PlaybookEntry, 'id' | 'date' | 'title' | 'onlyIf' | 'first'> & {
	concerned: true | 'unknown';
	components: string[];
};

/** Of the entries shown, those that ask for something first, in their order. */
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

// Breaking changes of a server's distribution, reported on their day whether or not a release came with them.
import type { AlertCondition, Facing } from './alert-condition.ts';
import { recentBreaks } from './carrier.ts';

/** Reported once, because nothing shows whether a server has been updated since. */
export function distributionBreaks(facing: Facing): AlertCondition[] {
	const found = recentBreaks(facing);
	if (!found) return [];
	const { of } = found;
	return found.changes.map((change): AlertCondition => {
		const { key, shared, when, title, sure, told, waits, id } = change;
		return {
			rule: 'distribution',
			subject: `${of} ${key}`,
			...(shared !== undefined && { shared: `${of} ${shared}` }),
			// It may have been one of several.
			...(id !== undefined && shared === undefined && { aliases: [`${of} ${key} ${id}`] }),
			stage: 'changed',
			severity: sure && waits === false ? 'warning' : 'info',
			reminds: false,
			about: { rule: 'distribution', of, when, name: title, ...(told && { told }) },
			details: () => ({ is: 'distribution', of, change }),
		};
	});
}

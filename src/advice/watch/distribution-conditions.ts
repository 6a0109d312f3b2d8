// What the distribution that a server lives by broke on its own account: news on its day, whether or not a release came with it.
import type { AlertCondition, Facing } from './alert-condition.ts';
import { recentBreaks } from './carrier.ts';

/** Told once: nothing shows whether a server's people have updated since. */
export function distributionBreaks(facing: Facing): AlertCondition[] {
	const found = recentBreaks(facing);
	if (!found) return [];
	const { of } = found;
	return found.changes.map((change): AlertCondition => {
		const { key, when, title, sure, told, waits } = change;
		return {
			rule: 'distribution',
			subject: `${of} ${key}`,
			stage: 'changed',
			severity: sure && waits === false ? 'warning' : 'info',
			reminds: false,
			about: { rule: 'distribution', of, when, name: title, ...(told && { told }) },
			details: () => ({ is: 'distribution', of, change }),
		};
	});
}

// Words for the results of running releases.
import type { Trial } from '../advice/upgrade/trials.ts';
import { memo } from '../runtime/memo.ts';
import { quoted } from '../text/markdown.ts';

/** What happened, when, and the releases' own messages: one sentence for each day of trials; empty without trials. */
export function trialWords(tried: readonly Trial[]): string[] {
	const days = [...new Set(tried.map(({ date }) => date))];
	return days.map(day => {
		const parts = new Set(tried.filter(({ date }) => date === day).map(happened));
		return `Tested on ${day}: ${[...parts].join('; ')}.`;
	});
}

const happened = memo(({ says, error, faked, outcome }: Trial): string => {
	const words = error && outcome === 'refuses' ? `, with ${quoted(error, 160)}` : '';
	return `${says}${words}${faked ? ' (simulated, because nothing that old was available)' : ''}`;
});

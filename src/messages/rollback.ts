// The words of !rollback.
import type { Rollback } from '../advice/upgrade/rollback.ts';
import { trialWords } from '../advice/upgrade/trials.ts';
import type { Answer, Section } from '../answer.ts';
import { list } from '../text/format.ts';
import { code } from '../text/markdown.ts';

function furthest({ release, floor, unsure }: Rollback, could: string): string {
	if (floor !== release)
		return `From ${release} you ${could} go back to ${floor}${unsure ? ', perhaps further' : ' at most'}.`;
	return unsure
		? `How far one can go back from ${release} is not known.`
		: `From ${release} no older release starts again.`;
}

export function rollbackWords(result: Rollback & { format: 1 }, taken: readonly string[]): Answer {
	const { release, to, canReturn, floor, cautions, by } = result;
	const could = by ? 'could probably' : 'can';
	const verdict =
		to === undefined
			? furthest(result, could)
			: canReturn === 'unknown'
				? `Not known: whether ${to} still starts after ${release}.`
				: canReturn
					? by
						? `Probably: by the schema of ${by}, ${to} still starts after ${release}.`
						: `Yes: ${to} still starts after ${release}.`
					: `No: after ${release}, ${to} does not start. ${floor} is the oldest that does.`;
	// Several releases may warn of one loss.
	const texts = Map.groupBy(cautions, ({ text }) => text);
	const sections: Section[] = cautions.length
		? [
				{
					title: `What going back does not undo (${texts.size})`,
					mark: '⚠️',
					markdown: list([...texts].map(([text, same]) => `${text} (${same.map(({ id }) => code(id)).join(', ')})`)),
					fold: false,
				},
			]
		: [];
	const care =
		'“It starts” is not “nothing is lost”: background updates that only the newer release knows stop all others of the older one, and rooms of a version that it does not know vanish from sync. A backup from before the switch is the sure way.';
	return {
		value: result,
		lead: [`**${verdict}**`, result.floorWhy, ...trialWords(result.tried ?? []), ...taken, care].join('\n\n'),
		sections,
		kind: 'answer',
	};
}

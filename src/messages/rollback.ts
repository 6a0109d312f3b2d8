// The words of !rollback.
import type { FloorReason, Rollback } from '../advice/upgrade/rollback.ts';
import type { Answer, Section } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import { enumerate, list } from '../text/format.ts';
import { trialWords } from './trials.ts';

/** Why nothing older than the floor surely starts, as sentences. */
export function floorWords({ release, reason, by, unsure = [] }: Rollback): string {
	const guess = by ? ` The schema of ${release} itself is not known here: this is inferred from that of ${by}.` : '';
	return `${reasonWords(release, reason, unsure)}${guess}`;
}

function reasonWords(release: Version, reason: FloorReason, unsure: readonly Version[]): string {
	const [oldest, newest] = [unsure[0], unsure.at(-1)];
	const range = oldest === newest ? oldest : `${oldest} to ${newest}`;
	const open =
		oldest === undefined ? '' : ` Whether ${range} still ${oldest === newest ? 'starts' : 'start'} is not known.`;
	switch (reason.is) {
		case 'nothing-older':
			return 'Nothing older is known.';
		case 'curated':
			return reason.because;
		case 'schema-unknown':
			return `Nothing is known yet of the schema of ${release}.${open}`;
		case 'none-refuses':
			return `No older release is known to refuse a database that ${release} has opened.${open}`;
		case 'blocking-unknown':
			return `Nothing is known of the schema of ${reason.blocking} and older.`;
		case 'schema':
			return `Once ${release} has opened the database, only releases that know schema version ${reason.needed}${reason.atLeast ? ' or newer' : ''} start on it; ${reason.blocking} knows only ${reason.knows} and refuses to start.${open}`;
	}
}

/** For programs: the sentences in the place of what they were made from. */
export function rollbackValue(rollback: Rollback): Omit<Rollback, 'reason'> & { floorWhy: string } {
	const { reason: _, ...value } = rollback;
	return { ...value, floorWhy: floorWords(rollback) };
}

function furthest({ release, floor, unsure }: Rollback, could: string): string {
	if (floor !== release)
		return `From ${release} you ${could} go back to ${floor}${unsure ? ', perhaps further' : ' at most'}.`;
	return unsure
		? `How far you can go back from ${release} is not known.`
		: `From ${release} no older release starts again.`;
}

export function rollbackWords(result: Rollback, taken: readonly string[]): Answer {
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
					markdown: list(
						[...texts].map(
							([text, same]) => `${text} (${enumerate([...new Set(same.map(({ id }) => id.split('/')[0] ?? ''))])})`,
						),
					),
					fold: false,
				},
			]
		: [];
	const care =
		'That it starts does not mean that nothing is lost: a background update that only the newer release knows blocks all those of the older one, and rooms with a version it does not know vanish from sync. A backup from before the switch is the safe way.';
	return {
		value: { format: 1, ...rollbackValue(result) },
		lead: [`**${verdict}**`, floorWords(result), ...trialWords(result.tried ?? []), ...taken, care].join('\n\n'),
		sections,
		kind: 'answer',
	};
}

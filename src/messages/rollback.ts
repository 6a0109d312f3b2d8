// Words for !rollback.
import type { FloorReason, Rollback } from '../advice/upgrade/rollback.ts';
import type { Answer, Section } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import { enumerate, list } from '../text/format.ts';
import { trialWords } from './trials.ts';

/** Why no release older than the floor is certain to start, as sentences. */
export function floorWords({ release, reason, by, unsure = [] }: Rollback): string {
	const guess = by
		? ` I do not know the schema of ${release} itself, so I inferred this from the schema of ${by}.`
		: '';
	return `${reasonWords(release, reason, unsure)}${guess}`;
}

function reasonWords(release: Version, reason: FloorReason, unsure: readonly Version[]): string {
	const [oldest, newest] = [unsure[0], unsure.at(-1)];
	const range = oldest === newest ? oldest : `${oldest} to ${newest}`;
	const open =
		oldest === undefined ? '' : ` It is not known whether ${range} still ${oldest === newest ? 'starts' : 'start'}.`;
	switch (reason.is) {
		case 'nothing-older':
			return 'I know of no older release.';
		case 'curated':
			return reason.because;
		case 'schema-unknown':
			return `I do not know the schema of ${release} yet.${open}`;
		case 'none-refuses':
			return `I know of no older release that refuses a database that ${release} has opened.${open}`;
		case 'blocking-unknown':
			return `I do not know the schema of ${reason.blocking} and older releases.`;
		case 'schema':
			return `Once ${release} has opened the database, only releases that support schema version ${reason.needed}${reason.atLeast ? ' or newer' : ''} start on it; ${reason.blocking} supports only ${reason.knows} and refuses to start.${open}`;
	}
}

/** For programs, with sentences instead of the values they are derived from. */
export function rollbackValue(rollback: Rollback): Omit<Rollback, 'reason'> & { floorWhy: string } {
	const { reason: _, ...value } = rollback;
	return { ...value, floorWhy: floorWords(rollback) };
}

function oldestWords({ release, floor, unsure }: Rollback, could: string): string {
	if (floor !== release)
		return `From ${release} you ${could} go back ${unsure ? `to ${floor}, perhaps further` : `as far as ${floor}`}.`;
	return unsure
		? `It is not known how far you can go back from ${release}.`
		: `You cannot go back from ${release}: no older release starts.`;
}

export function rollbackWords(result: Rollback, taken: readonly string[]): Answer {
	const { release, to, canReturn, floor, cautions, by } = result;
	const could = by ? 'could probably' : 'can';
	const verdict =
		to === undefined
			? oldestWords(result, could)
			: canReturn === 'unknown'
				? `It is not known whether ${to} still starts after ${release}.`
				: canReturn
					? by
						? `Probably: judging by the schema of ${by}, ${to} still starts after ${release}.`
						: `Yes: ${to} still starts after ${release}.`
					: `No: after ${release}, ${to} does not start. ${floor} is the oldest that does.`;
	// Several releases may warn of the same loss.
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
		'A successful start does not mean that nothing is lost: the older release gets stuck on background updates that it does not recognise, and rooms whose version it does not support disappear from sync. The safe way to go back is to restore a backup from before the upgrade.';
	return {
		value: { format: 1, ...rollbackValue(result) },
		lead: [`**${verdict}**`, floorWords(result), ...trialWords(result.tried ?? []), ...taken, care].join('\n\n'),
		sections,
		kind: 'answer',
	};
}

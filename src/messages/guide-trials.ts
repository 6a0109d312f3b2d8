// Which parts of a guide were run, and what stood in for the real thing.
import type { Guided, GuidedStage } from '../advice/guide/guide.ts';
import type { Section } from '../answer.ts';
import { allStages } from '../knowledge/guide-stages.ts';
import type { Tried } from '../knowledge/schema/synapse.ts';
import { count, enumerate, list } from '../text/format.ts';

/** Whether a stage was tested, and which parts of it were not. */
export function triedWords({ tried, untried }: GuidedStage): string {
	const lines = [
		...trials(tried),
		...(untried.length
			? [tried.length ? 'Not all of this was tested as written.' : 'We have not tested this.', ...untried]
			: []),
		...(tried.length || untried.length ? [] : ['We have not tested this yet.']),
	];
	return `*${lines.join(' ')}*`;
}

/** One sentence for all trials of a stage: the days, the versions, and whether the machine was simulated. */
function trials(tried: readonly Tried[]): string[] {
	if (!tried.length) return [];
	const days = [...new Set(tried.map(({ date }) => date))].sort();
	const versions = [...new Set(tried.map(trial => enumerate(Object.entries(trial.versions).map(versionWords))))];
	const more = versions.length > 4 ? `; and ${count(versions.length - 4, 'other combination')}` : '';
	const played = tried.some(trial => trial.played !== undefined) ? ', on a simulated machine' : '';
	return [`Tested on ${enumerate(days)} with ${versions.slice(0, 4).join('; ')}${more}${played}.`];
}

/** What stood in for the real thing in the tests. */
export function playedSection(guided: Guided): Section[] {
	const all = allStages(guided);
	const tried = all.filter(stage => stage.tried.length).length;
	// Trials of one guide share most of these sentences.
	const played = new Set(
		all.flatMap(({ tried }) => tried).flatMap(trial => (trial.played ?? '').split(/(?<=\.) (?=[A-Z])/)),
	);
	if (!tried) return [];
	const failures = all.flatMap(stage => stage.failures);
	const seen = failures.filter(failure => failure.tried.length).length;
	const lines = [
		`${tried === all.length ? `All ${tried}` : `${tried} of the ${all.length}`} stages here, including clean-up and rollbacks, were run with exactly these commands.`,
		...(failures.length
			? [
					`${seen === failures.length ? `All ${seen}` : `${seen} of the ${failures.length}`} errors were reproduced, and their messages matched those given here.`,
				]
			: []),
		...([...played].some(Boolean) ? [[...played].filter(Boolean).join(' ')] : []),
	];
	return [{ title: 'How this was tested', markdown: list(lines), fold: true }];
}

const programs: Record<string, string> = { postgresql: 'PostgreSQL', synapse: 'Synapse', sqlite: 'SQLite' };

function versionWords([of, version]: [string, string]): string {
	return `${programs[of] ?? of} ${version}`;
}

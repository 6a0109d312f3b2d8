// Words for faults: which release to choose instead, and what is broken in the one asked about.
import type { PlannedFault, Soundness } from '../advice/upgrade/faults.ts';
import type { Section } from '../answer.ts';
import { count } from '../text/format.ts';
import { type Danger, link } from './sections.ts';
import { allOf, appliesClause } from './whose.ts';

/**
 * Shown at the top of a plan: a severe fault of a release where the upgrade stops, and what to choose instead. A
 * clause longer than `maxClause` characters becomes “some”.
 */
export function faultLines(faults: readonly PlannedFault[], maxClause = Number.POSITIVE_INFINITY): Danger[] {
	const severe = faults.filter(({ severity, at }) => severity === 'severe' && at !== 'start');
	return severe.map(fault => {
		const { release, take, title, at } = fault;
		const whose = whoseFault(fault);
		const none = at === 'stop' ? 'Continue as soon as the wait is over.' : 'No release fixes it yet.';
		const instead = take === null ? none : `Use ${take} instead.`;
		const where = at === 'stop' ? ` (a stop on the way)` : '';
		const broken = whose && whose.length <= maxClause ? `has a serious bug that affects you if ${whose}` : 'is broken';
		const some = whose.length > maxClause ? ' for some servers' : '';
		const text = `**${release}${where} ${broken}${some}: ${title}.** ${instead}`;
		return { mark: fault.concerned === true && at !== 'stop' ? '🔴' : '🟡', text };
	});
}

/** Who is affected by a fault, as a clause that continues “if”; empty if everyone is. */
function whoseFault({ concerned, applies, ask, onlyIf }: PlannedFault): string {
	if (concerned === true) return '';
	return allOf([applies && ask && appliesClause(applies), onlyIf]);
}

/** All faults along the way, folded: symptoms and remedies. `oneRelease`: all are of the one release asked about. */
export function faultSection(faults: readonly PlannedFault[], oneRelease = false): Section[] {
	if (faults.length === 0) return [];
	// A fault of both the start and the target is shown once, for the target.
	const once = faults.filter((fault, i) => faults.findIndex(({ id }) => id === fault.id) === i);
	const lines = once.map(fault => {
		const { release, title, text, fixed, at, sources } = fault;
		const whose = whoseFault(fault);
		const cured = fixed === null ? 'not fixed yet' : `fixed in ${fixed}`;
		const mark = fault.severity === 'severe' ? '🔴 ' : '';
		const role = oneRelease ? '' : ` (${{ start: 'current', stop: 'a stop on the way', target: 'the target' }[at]})`;
		const links = sources.map(({ document, section, url }) => link(`${document} ${section}`, url)).join(', ');
		return `${mark}**${release}${role}: ${title}** (${cured})${whose ? `\n\nOnly if ${whose}.` : ''}\n\n${text.trim()}${links ? `\n\nUpstream: ${links}` : ''}`;
	});
	const severe = once.filter(({ severity }) => severity === 'severe').length;
	return [
		{
			title: `Known bugs (${once.length}${severe ? `, ${severe} severe` : ''})`,
			markdown: lines.join('\n\n'),
			fold: true,
		},
	];
}

/** “1.163.2 is 37 days old; 8 of the 10 previous release series got their last patch within a week of release.” */
export function soundnessLine({ release, age, settledWithinWeek, lines }: Soundness): string {
	const before = lines
		? `; ${settledWithinWeek === lines ? `all ${lines}` : `${settledWithinWeek} of the ${lines}`} previous release series got their last patch within a week of release`
		: '';
	return `${release} is ${count(age, 'day')} old${before}.`;
}

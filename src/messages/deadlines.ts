// Words for !deadlines, and for a deadline anywhere.
import type { Deadline } from '../advice/upgrade/deadlines.ts';
import { earliest } from '../advice/upgrade/deadlines.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Answer, Section } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import { compare } from '../deployment/version.ts';
import { capital, count, list, sentence, small } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { horizonLine } from './sections.ts';
import { appliesClause } from './whose.ts';

/** When a deadline takes effect, as upstream wrote it. */
export function dueWords({ at, orLater, estimate, slipped, landed, withdrawn }: Deadline): string {
	const date = at.date && `${at.date.length > 7 ? 'on' : 'in'} ${at.date}`;
	const release = at.version && `in ${at.version}${orLater ? ' or later' : ''}`;
	const vague = at.vague && (/^no date/.test(at.vague) ? at.vague : `“${at.vague}”`);
	const when = [release, date, vague].filter(Boolean).join(', ');
	const expected = estimate ? ` (about ${estimate}, an estimate)` : '';
	const due = at.vague ? when : `removal ${slipped ? 'was ' : ''}due ${when}`;
	const announced = at.vague ? 'removal was announced' : `removal was announced for ${when.replace(/^(?:in|on) /, '')}`;
	if (withdrawn) return `${announced}, but the announcement was withdrawn: ${small(withdrawn.replace(/\.$/, ''))}`;
	if (landed && landed === at.version) return `dropped in ${landed}, as announced`;
	if (landed) return `${due}; dropped in ${landed}${slipped ? ', later than announced' : ''}`;
	if (slipped) return `${due}${expected}; overdue, but still working (may stop working in any release)`;
	return `${at.vague ? when : `to be dropped ${when}`}${expected}`;
}

/** What upstream announced, or what an end of support means. */
export function promisedWords({ promised }: Pick<Deadline, 'promised'>): string {
	if (typeof promised === 'string') return promised;
	if (promised.is === 'support') {
		const { product, version, ends, over, dropped } = promised;
		const follows = dropped
			? 'The newest Synapse no longer starts on it.'
			: 'Synapse usually drops a version a few releases after that.';
		return `${product} ${version} ${over ? 'got' : 'gets'} its last security fixes on ${ends}. ${follows}`;
	}
	const { system } = promised;
	return 'until' in promised
		? `Upstream's build list gives ${promised.until} (the end of life of ${promised.because}) as the end date for ${system}; ${promised.newest} still has packages for it.`
		: `Upstream built packages for ${system} up to ${promised.last}; ${promised.without ?? 'newer releases'} and newer have none.`;
}

/** For programs, with sentences instead of the values they are derived from. */
export function deadlineValue(deadline: Deadline): Omit<Deadline, 'promised'> & { promised: string } {
	return { ...deadline, promised: promisedWords(deadline) };
}

export function deadlineLine(deadline: Deadline): string {
	// The end of something Synapse runs on is not an announcement by Synapse, so its date needs an explanation.
	const isPromise = deadline.announced !== null;
	const what = isPromise
		? `**${capital(deadline.subject)}**: ${dueWords(deadline)}.`
		: `**${promisedWords(deadline)}**`;
	return [what, ...aroundWords(deadline)].join(' ');
}

/** The same for a place below a title that already names the subject. */
export function deadlineText(deadline: Deadline): string {
	const what = deadline.announced === null ? promisedWords(deadline) : `${capital(dueWords(deadline))}.`;
	return [what, ...aroundWords(deadline)].join(' ');
}

function aroundWords({ replacedBy, concerned, applies }: Deadline): string[] {
	const who = concerned === 'unknown' && applies ? [`Only if ${appliesClause(applies)}.`] : [];
	const instead = replacedBy ? [sentence(`Replacement: ${replacedBy}`)] : [];
	return [...instead, ...who];
}

export function deadlineSection(found: readonly Deadline[], to: Version): Section[] {
	if (!found.length) return [];
	// Those with no date that have not landed would fill half the section; `!deadlines` lists their replacements.
	const isSomeDay = ({ at, landed }: Deadline) => at.vague !== undefined && landed === null;
	const someDay = found.filter(isSomeDay).map(({ subject }) => subject);
	const lines = [
		...found.filter(deadline => !isSomeDay(deadline)).map(deadlineLine),
		...(someDay.length ? [`No date yet (see \`!deadlines\` for replacements): ${someDay.join('; ')}.`] : []),
	];
	return [{ title: `Will stop working after ${to} (${found.length})`, markdown: list(lines), fold: true }];
}

/** At most this many dated deadlines are unfolded, so that a phone, which opens at the end of an answer, shows them. */
const near = 3;

type Deadlines = { all: boolean; today: string; horizon: Plan['horizon']; server?: string; note?: string };

export function deadlinesWords(found: readonly Deadline[], { all, today, horizon, server, note }: Deadlines): Answer {
	// What has landed only in release candidates is still to come for everyone else.
	const isOver = ({ landed, withdrawn }: Deadline) =>
		withdrawn !== undefined || (landed !== null && compare(landed, horizon.release) <= 0);
	const open = found.filter(deadline => !isOver(deadline));
	const over = found.filter(isOver);
	const overdue = open.filter(({ slipped, at }) => slipped || (at.date !== undefined && earliest(at.date) <= today));
	const dated = open.filter(deadline => !overdue.includes(deadline) && !deadline.at.vague);
	const vague = open.filter(deadline => !overdue.includes(deadline) && deadline.at.vague);
	const later = dated.slice(near);
	const parts: [string, readonly Deadline[]][] = [
		['Next', dated.slice(0, near)],
		['Later', later],
		['No date yet', vague],
		['Overdue, but still working', overdue],
		[server === undefined ? 'Already dropped, or no longer planned' : 'In force in newer releases', over],
	];
	const next = dated[0] ?? overdue[0];
	const result = open.length
		? `${count(open.length, 'pending deadline')}${next ? `. Next: ${next.subject}` : ''}`
		: 'no pending deadlines';
	const sections = parts
		.filter(([, some]) => some.length)
		.map(
			([title, some]): Section => ({
				title: `${title} (${some.length})`,
				markdown: list(some.map(deadlineLine)),
				fold: (some === over && server === undefined) || some === later || some === vague || some === overdue,
			}),
		);
	const of = server === undefined ? '' : `${code(server)}: `;
	const lead = [`**${of}${result}.**`, note, horizonLine({ horizon, gaps: [] })].filter(Boolean).join('\n\n');
	return {
		value: { format: 1, ...(server !== undefined && { server }), horizon, deadlines: found.map(deadlineValue) },
		lead,
		title: all ? 'All deadlines' : 'Deadlines',
		sections,
		kind: 'answer',
	};
}

// Words for checking a vars.yml against the playbook. They repeat names of variables, but never values.
import type { PlaybookPlan } from '../advice/distribution/playbook.ts';
import type { VarsChecked, VarsFact, VarsFinding } from '../advice/distribution/vars.ts';
import type { Answer, Section } from '../answer.ts';
import type { PlaybookEntry } from '../knowledge/schema/distribution.ts';
import { count, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { entrySections, entryValue, haltSection, type SortedEntries, sorted } from './distribution-entries.ts';
import { breaksFold, changeBoxes, restFold } from './distribution-screen.ts';
import { fateWords } from './playbook.ts';

type VarsContext = {
	/** The day up to which the playbook is known. */
	read: string;
	/** The changes since a day, if one is known. */
	since?: PlaybookPlan | undefined;
	facts: readonly VarsFact[];
	unreadable: readonly { file: string; line?: number; why: string }[];
	entries: readonly PlaybookEntry[];
	taken: readonly string[];
	all: boolean;
	/** The command as typed, without the prefix and `all`. */
	asked: string;
};

/** At most this many lines per group on the first screen. */
const maxFindings = 40;

export function varsWords(checked: VarsChecked, around: VarsContext): Answer {
	const { findings, unjudged } = checked;
	const refuses = checked.refuses || around.unreadable.length > 0;
	const { since, read } = around;
	const stops = findings.filter(({ kind }) => kind === 'refuses');
	const fails = findings.filter(({ kind }) => kind === 'undefined');
	const idle = findings.filter(({ kind }) => kind !== 'refuses' && kind !== 'undefined');
	const shown = since && sorted(since.entries);
	const sections = [
		...(around.unreadable.length
			? [{ title: 'Cannot be read', mark: '🔴', markdown: list(around.unreadable.map(unreadableWords)), fold: false }]
			: []),
		...group('The playbook stops at', '🔴', stops, around),
		...group('Fails where it is used', '🟡', fails, around),
		...group('No effect', '🟡', idle, around),
		...(since && shown ? sinceSections(since, shown, around) : []),
		...unjudgedSection(unjudged),
		...(around.all
			? []
			: [{ title: '', markdown: nowWords(around, { refuses, fails: fails.length > 0, shown }), fold: false }]),
	];
	return {
		value: {
			format: 1,
			distribution: 'mdad',
			...(since && { from: since.from }),
			to: read,
			profile: Object.fromEntries(around.facts.map(({ fact }) => [fact.replace(/^no-/, ''), !fact.startsWith('no-')])),
			derived: around.facts.flatMap(({ fact, variable }) =>
				variable ? [{ fact, file: variable.file, line: variable.line }] : [],
			),
			findings: findings.map(finding => findingValue(finding, around.entries)),
			refuses,
			unjudged: [...around.unreadable.map(({ file, line = 1, why }) => ({ file, line, option: '', why })), ...unjudged],
			...(since && { entries: since.entries.map(entryValue), hidden: since.hidden }),
		},
		lead: [
			`**${verdict(stops.length + around.unreadable.length, fails.length, idle.length, shown?.sure.length)}**`,
			...around.taken,
			...(around.facts.length ? [`Found in the file: ${around.facts.map(({ fact }) => code(fact)).join(', ')}.`] : []),
			`I know the playbook as of ${read}.`,
		].join('\n\n'),
		title: 'vars.yml',
		sections,
		kind: 'answer',
		...(!around.all && { brief: true as const }),
		...(refuses && { wouldRefuse: true as const }),
	};
}

/** The changes since a day: boxes to tick, with the rest folded. */
function sinceSections(since: PlaybookPlan, shown: SortedEntries, { all, asked }: VarsContext): Section[] {
	if (all) return [...haltSection(since.halts), ...entrySections(shown, true)];
	const screen = { shown, halts: since.halts, migration: undefined, unread: [], others: [], all: `!${asked} all` };
	const open = changeBoxes(screen, { halts: 4, boxes: 8 });
	return [...open.map(markdown => ({ title: '', markdown, fold: false })), ...breaksFold(screen), ...restFold(screen)];
}

/** The last line is the next thing to do. */
function nowWords(
	{ since, asked, unreadable }: VarsContext,
	{ refuses, fails, shown }: { refuses: boolean; fails: boolean; shown: SortedEntries | undefined },
): string {
	const [first] = unreadable;
	if (first)
		return `**Now:** fix ${code(first.line === undefined ? first.file : `${first.file}:${first.line}`)}, and send it again.`;
	if (refuses) return '**Now:** fix what it stops at, and send the file again.';
	if (fails) return '**Now:** fix the values that use removed variables, and send the file again.';
	if (!since)
		return `**Now:** give the date of your last update to see the breaking changes since then: ${code('!check mdad 2025-06-01')}.`;
	const breaks = shown ? shown.sure.length + shown.perhaps.length : 0;
	return breaks
		? `**Now:** read “Breaking changes in full”. For every detail: ${code(`!${asked} all`)}`
		: `**Now:** pull, and run ${code('just install-all')}.`;
}

function verdict(stops: number, fails: number, idle: number, breaking: number | undefined): string {
	const parts = [
		...(stops
			? [`The playbook stops at ${count(stops, 'thing')} in this file`]
			: ["The playbook's own variable checks pass"]),
		...(fails ? [`${count(fails, 'value uses', 'values use')} a removed variable`] : []),
		...(idle ? [`${count(idle, 'variable has', 'variables have')} no effect`] : []),
		...(breaking ? [`${count(breaking, 'breaking change affects', 'breaking changes affect')} it`] : []),
	];
	return `${parts.join('; ')}.`;
}

function unreadableWords({ file, line, why }: { file: string; line?: number; why: string }): string {
	return `${code(line === undefined ? file : `${file}:${line}`)}: ${why}`;
}

function group(
	title: string,
	mark: string,
	findings: readonly VarsFinding[],
	{ entries }: Pick<VarsContext, 'entries'>,
): Section[] {
	if (!findings.length) return [];
	const lines = findings
		.slice(0, maxFindings)
		.map(finding => `${code(`${finding.file}:${finding.line}`)} ${findingWords(finding, entries)}`);
	const more = findings.length > maxFindings ? [`and ${findings.length - maxFindings} more`] : [];
	return [{ title: `${title} (${findings.length})`, mark, markdown: list([...lines, ...more]), fold: false }];
}

function findingWords(finding: VarsFinding, entries: readonly PlaybookEntry[]): string {
	const { kind, option, replacedBy, nearest, fate, note, why, wants, ifOn, first } = finding;
	const entry = entries.find(({ id }) => id === note);
	const told = entry ? ` ${entry.date}: ${entry.title}.` : '';
	if (why === 'migration-missing')
		return `${code(option)} is missing. When you have read what affects you, set it to ${code(wants ?? '')}.`;
	if (why === 'migration')
		return `${code(option)} is older than ${code(wants ?? '')}: read what has changed since, then raise it.`;
	if (why === 'values')
		return `${option ? `${code(option)}: ` : ''}${told.trim()} ${entry?.do?.replace(/\s*\n\s*/g, ' ') ?? ''}`;
	if (why === 'required') return `${code(option)} is missing: the playbook needs it.`;
	if (why === 'not-among') return `${code(option)} must be one of ${(wants ?? '').split(' or ').map(code).join(', ')}.`;
	if (kind === 'undefined') return usesWords(finding);
	if (kind === 'duplicate')
		return `${code(option)} is set twice (first on line ${first}); only the last one takes effect.`;
	if (kind === 'unknown') {
		const meant = nearest === undefined ? '' : ` Did you mean ${code(nearest)}?`;
		return `${code(option)} is not a variable of the playbook, which silently ignores it.${meant}`;
	}
	const when = ifOn === undefined ? '' : ` It is used only if ${code(ifOn)}.`;
	if (fate) return `${fateWords(fate)}${when}`;
	const became =
		replacedBy === undefined
			? 'was removed without a replacement.'
			: `is now ${replacedBy.split(' or ').map(code).join(' or ')}.`;
	return `${code(option)} ${became}${told}${when}`;
}

function usesWords({ option, uses = '', replacedBy }: VarsFinding): string {
	const now =
		replacedBy === undefined
			? 'was removed without a replacement'
			: `is ${replacedBy.split(' or ').map(code).join(' or ')} now`;
	return `The value of ${code(option)} uses ${code(uses)}, which ${now}: the playbook fails when it renders it.`;
}

function findingValue(finding: VarsFinding, entries: readonly PlaybookEntry[]): Record<string, unknown> {
	const { kind, option, file, line, nearest, replacedBy, note, wants, ifOn, uses } = finding;
	const sources = entries.find(({ id }) => id === note)?.sources ?? [];
	return {
		kind,
		option,
		file,
		line,
		...(nearest !== undefined && { nearest }),
		...(replacedBy !== undefined && { replacedBy }),
		...(uses !== undefined && { uses }),
		...(wants !== undefined && !wants.includes(' or ') && { replacement: `${option}: ${wants}` }),
		...(ifOn !== undefined && { onlyIf: ifOn }),
		...(note !== undefined && { note }),
		text: findingWords(finding, entries),
		sources,
	};
}

function unjudgedSection(unjudged: VarsChecked['unjudged']): Section[] {
	if (!unjudged.length) return [];
	const lines = unjudged.map(({ file, line, option, why }) => {
		const reason =
			why === 'own' ? 'your own, or from a role I do not know' : 'from a role I have not read at the required version';
		return `${code(`${file}:${line}`)} ${code(option)}: ${reason}`;
	});
	return [{ title: `Could not check (${unjudged.length})`, markdown: list(lines), fold: true }];
}

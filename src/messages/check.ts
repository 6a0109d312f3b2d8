// Words for !check: findings by effect, each with its place, but never a value from the configuration.
import type { Checked, Derived, Finding, Unjudged } from '../advice/check/findings.ts';
import type { ProxyChecked } from '../advice/check/proxy.ts';
import { believedFor, type CheckRecord, isBelieved } from '../advice/check/record.ts';
import type { Answer, Section } from '../answer.ts';
import type { Configuration } from '../configuration/files.ts';
import type { Profile } from '../deployment/facts.ts';
import { profileJson } from '../deployment/facts.ts';
import type { Note } from '../knowledge/schema/synapse.ts';
import { count, enumerate, list, sentence } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { contradictedWords } from './given-files.ts';
import { routeJson, routeSections, routesVerdict, uncheckedJson } from './proxy-routes.ts';
import { factWord } from './sections.ts';
import { aKind, kindsInWords } from './value-kinds.ts';
import { typedFact } from './whose.ts';

type CheckContext = {
	derived: readonly Derived[];
	/** Facts from the files that a person denied. */
	contradicted: readonly string[];
	profile: Profile;
	taken: readonly string[];
	configuration: Pick<Configuration, 'ignored' | 'has' | 'processes' | 'unreadable'>;
	/** What the reverse proxy does, if its files were given. */
	routes?: ProxyChecked;
	/** The watched server whose configuration it is. */
	server?: string;
};

/** At most this many lines per group on the first screen. */
const maxShown = 8;

const groups: readonly { kinds: readonly Finding['kind'][]; title: string; mark?: string; fold: boolean }[] = [
	{ kinds: ['refuses'], title: 'Prevents startup', mark: '🔴', fold: false },
	{
		kinds: ['unknown', 'misplaced', 'duplicate', 'replaced', 'invalid', 'without-effect', 'removed', 'renamed'],
		title: 'Not what you meant',
		mark: '🟡',
		fold: false,
	},
	{ kinds: ['deprecated'], title: 'Works, but will be removed', fold: true },
	{ kinds: ['default-changed'], title: 'Has a new default', fold: true },
];

export function checkWords(checked: Checked, around: CheckContext): Answer {
	const { configuration, routes } = around;
	// A proxy's files alone say nothing about whether Synapse starts.
	const isOnlyProxy = routes !== undefined && !configuration.processes.length && !configuration.unreadable.length;
	const { findings, to, from, refuses } = checked;
	const unjudged = isOnlyProxy ? [] : checked.unjudged;
	const sections = groups.flatMap(({ kinds, ...group }): Section[] => {
		const own = findings.filter(({ kind }) => kinds.includes(kind));
		return own.length ? sectionsOf(own, group, to) : [];
	});
	const lead = [
		`**${[...(isOnlyProxy ? [] : [verdict(checked)]), ...routesVerdict(routes, to)].join(' ')}**`,
		...around.taken,
		...configuration.ignored.map(({ file }) => `${code(file)} has no options: Synapse ignores it, and so do I.`),
		...contradictedWords(around.contradicted),
		factsLine(around),
	];
	return {
		value: {
			format: 1,
			...(from !== undefined && { from }),
			to,
			profile: profileJson(around.profile),
			derived: around.derived,
			findings: [
				...findings.map(finding => findingJson(finding, to)),
				...(routes?.findings.map(finding => routeJson(finding, to)) ?? []),
			],
			refuses,
			unjudged: [...unjudged.map(unjudgedJson), ...uncheckedJson(routes)],
		},
		lead: lead.filter(Boolean).join('\n\n'),
		title: `Check: ${from === undefined ? to : `${from} → ${to}`}`,
		sections: [
			...sections,
			...routeSections(routes, to),
			...whatToWrite(findings),
			...unjudgedSection(unjudged),
			...(isOnlyProxy ? [] : [next(checked, around)]),
		],
		kind: 'answer',
		...(refuses && { wouldRefuse: true }),
	};
}

/** The result in the first 60 characters. */
function verdict({ findings, to, unjudged }: Checked): string {
	const refusals = findings.filter(({ kind }) => kind === 'refuses');
	const files = refusals.filter(({ reason }) => reason === 'unreadable').length;
	const stops = refusals.length - files;
	const others = findings.filter(({ kind }) => groups[1]?.kinds.includes(kind)).length;
	const open = unjudged.filter(({ why }) => why === 'undecided').length;
	const more = others ? `${count(others, 'line')} may not do what you meant` : '';
	const causes = [
		...(files ? [`it cannot read ${count(files, 'file')}`] : []),
		...(stops ? [`${count(stops, 'setting')} ${stops === 1 ? 'prevents' : 'prevent'} it`] : []),
	];
	if (causes.length) return `${to} would not start: ${causes.join(', and ')}.${more && ` ${more}.`}`;
	const start = open
		? `I see nothing that stops ${to} from starting, but I could not check ${count(open, 'setting')}.`
		: `Nothing here stops ${to} from starting.`;
	return `${start}${more && ` ${more}.`}`;
}

function sectionsOf(
	findings: readonly Finding[],
	group: Omit<(typeof groups)[number], 'kinds'>,
	to: string,
): Section[] {
	const lines = findings.map(
		finding => `${place(finding, !finding.note && whyOf(finding) !== undefined)}${findingText(finding, to)}`,
	);
	const mark = group.mark && { mark: group.mark };
	const title = `${group.title} (${lines.length})`;
	if (group.fold || lines.length <= maxShown) return [{ title, ...mark, markdown: list(lines), fold: group.fold }];
	const rest = lines.slice(maxShown);
	return [
		{ title, ...mark, markdown: list(lines.slice(0, maxShown)), fold: false },
		// What stops the start is never folded.
		{ title: `${group.title}: ${rest.length} more`, markdown: list(rest), fold: group.mark !== '🔴' },
	];
}

/** With `clause`, the text continues after the option, as in “`a` is missing”. */
function place({ file, line, option }: Pick<Finding, 'file' | 'line' | 'option'>, clause = false): string {
	const where = file === '' ? '' : `${code(line ? `${file}:${line}` : file)} `;
	return `${where}${option === '' ? '' : `${code(option)}${clause ? '' : ':'} `}`;
}

const reasons: Record<Exclude<NonNullable<Finding['reason']>, 'unreadable'>, string> = {
	'no-name': 'is missing, and no release starts without it',
	'unknown-member': 'is unknown to this release, and its section accepts no unknown names',
	'missing-member': 'is missing, but its section needs it',
	'fixed-stream': 'is not a stream that workers in this release can write',
};

function whyOf({ reason, why }: Finding): string | undefined {
	return reason === undefined || reason === 'unreadable' ? why : reasons[reason];
}

/** A finding as a sentence. It may name options and kinds of values, but never a value itself. */
export function findingText(finding: Finding, to: string): string {
	const { release, nearest, note, first } = finding;
	const why = whyOf(finding);
	const since = release === undefined ? '' : ` in ${release}`;
	switch (finding.kind) {
		case 'refuses':
			if (note) return `${note.title.replace(/\.$/, '')} (needed from ${note.release} on).`;
			if (why !== undefined) return sentence(why);
			if (finding.accepts)
				return `${to} accepts only ${kindsInWords(finding.accepts)}, but this is ${aKind(finding.is ?? '')}.`;
			return `refused since ${release ?? to}. Delete it.`;
		case 'unknown':
			if (release !== undefined) return `unknown to ${to}, which ignores it; added${since}.`;
			return nearest === undefined
				? `unknown to ${to}, which ignores it.`
				: `unknown to ${to}, which ignores it. Did you mean ${code(nearest)}?`;
		case 'misplaced':
			return `ignored here; it belongs at ${code(nearest ?? '')}.`;
		case 'duplicate':
			return `also on line ${first ?? 0}; only this one takes effect.`;
		case 'replaced':
			return replacedText(finding);
		case 'invalid':
			return `this is ${aKind(finding.is ?? '')}, but ${to} expects ${kindsInWords(finding.accepts ?? [])}.`;
		case 'removed':
			return `removed in ${release ?? to} and no longer has any effect. Delete it.${instead(finding)}`;
		case 'renamed':
			return `${sentence(why ?? `renamed${since}`)}${instead(finding)}`;
		case 'deprecated':
			return note?.deadline
				? `${sentence(note.deadline.promised)}${instead(finding)}`
				: `deprecated.${instead(finding)}`;
		case 'default-changed':
			return `the default changed to ${shown(finding.after)}${since} (previously ${shown(finding.before)}); your own value still applies.`;
		case 'without-effect':
			return `has no effect: ${sentence(why ?? 'nothing reads it')}`;
	}
}

/** At most this many lost options are named. */
const maxLost = 6;

function replacedText({ over, lost = [] }: Finding): string {
	const names = lost.slice(0, maxLost).map(name => code(name));
	const more = lost.length - names.length;
	const gone = enumerate([...names, ...(more > 0 ? [`${more} more`] : [])]);
	return `replaces the whole block in ${code(`${over?.file}:${over?.line}`)}: ${gone} no longer ${lost.length === 1 ? 'applies' : 'apply'}. Keep the whole block in one file.`;
}

function instead({ replacedBy }: Finding): string {
	return replacedBy === undefined ? '' : ` Replacement: ${sentence(replacedBy)}`;
}

/** One of Synapse's defaults, which is not a secret. */
function shown(value: unknown): string {
	const text = JSON.stringify(value) ?? 'null';
	return code(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}

/** YAML in a note that can be pasted as it is. */
export function replacementOf({ text }: Note): string | undefined {
	return /^```ya?ml\n([\s\S]*?)^```/m.exec(text)?.[1]?.trimEnd();
}

function findingJson(finding: Finding, to: string): Record<string, unknown> {
	const { kind, option: name, file, line, release, nearest, note, replacedBy, before, after, first } = finding;
	const replacement = note && replacementOf(note);
	return {
		kind,
		option: name,
		file,
		line,
		...(release !== undefined && { release }),
		...(nearest !== undefined && { nearest }),
		...(replacement !== undefined && { replacement }),
		...(replacedBy !== undefined && { replacedBy }),
		...(first !== undefined && { first }),
		...(before !== undefined && { before, after }),
		...(note && { note: note.id }),
		text: kind === 'refuses' && note ? note.text : findingText(finding, to).replaceAll('`', ''),
		sources: note?.sources ?? [],
	};
}

/** What is open about a place without a note. */
const openWords: Record<Unjudged['why'], string> = {
	hidden: 'hidden, so it could not be checked',
	// The effect depends on the release, or on another option that is not known.
	undecided: 'it is not known whether this release accepts a value of this type here',
	unreadable: 'it cannot be read, so nothing in it could be checked',
};

function unjudgedJson({ file, line, option: name, why, note }: Unjudged): Record<string, unknown> {
	const words = note ? (note.onlyIf ?? note.title) : { ...openWords, hidden: 'its value is hidden' }[why];
	return { file, line, option: name, why: words.replaceAll('`', ''), ...(note && { note: note.id }), kind: why };
}

/** What the notes behind the refusals say to do. */
function whatToWrite(findings: readonly Finding[]): Section[] {
	const notes = [...new Set(findings.flatMap(({ kind, note }) => (kind === 'refuses' && note ? [note] : [])))];
	return notes.length
		? [
				{
					title: 'How to fix it',
					markdown: notes.map(({ title, text }) => `**${title}**\n\n${text}`).join('\n\n'),
					fold: true,
				},
			]
		: [];
}

function unjudgedSection(unjudged: readonly Unjudged[]): Section[] {
	if (!unjudged.length) return [];
	const lines = unjudged.map(({ note, why, ...at }) =>
		note
			? `${note.title} (${code(`!notes ${note.release}`)})${note.onlyIf ? `: only if ${note.onlyIf}` : ''}`
			: `${place(at)}${openWords[why]}`,
	);
	return [{ title: `Could not check (${lines.length})`, markdown: list(lines), fold: true }];
}

function factsLine({ derived }: CheckContext): string {
	const facts = [...new Set(derived.filter(({ line }) => line > 0).map(({ fact }) => typedFact(fact)))];
	return facts.length ? `Found in the configuration: ${enumerate(facts)}.` : '';
}

/** What to do next. It comes last, because rooms open at the end of a message. */
function next({ to, from, refuses }: Checked, { profile, server }: CheckContext): Section {
	const facts = Object.entries(profileJson(profile)).map(factWord);
	const plan = `!upgrade ${server === undefined ? [from ?? '<from>', to, ...facts].join(' ') : `${server} ${to}`}`;
	const fixFirst = refuses ? 'Fix what prevents startup, then check again. ' : '';
	return { title: 'Next', markdown: `${fixFirst}For the full plan: ${code(plan)}`, fold: false };
}

const kindWords: Record<CheckRecord['by'], string> = {
	files: 'its configuration',
	excerpt: 'a part of its configuration',
	skeleton: 'the skeleton of its configuration',
	look: 'a look at its configuration',
};

/** The checks of a server's configuration that a plan uses, and those too old for that. */
export function checksWords(records: readonly CheckRecord[], today: string, server: string): string[] {
	return records.map(record => {
		const what = `${kindWords[record.by]} from ${record.day}`;
		return isBelieved(record, today)
			? `Based on ${what}.`
			: `${what.charAt(0).toUpperCase()}${what.slice(1)} is more than ${believedFor} days old, so I no longer use it: check it again with ${code(`!check ${server}`)}.`;
	});
}

/** What was stored about a check of a server, or why nothing was: `not` is a keyword or a sentence. */
export function recordWords(about: { server: string } & ({ record: CheckRecord } | { not: string })): string {
	const server = code(about.server);
	if ('record' in about) {
		const { facts, conditions } = about.record;
		const parts = [
			...(facts.length ? [count(facts.length, 'fact')] : []),
			`the result${Object.keys(conditions).length === 1 ? '' : 's'} for ${count(Object.keys(conditions).length, 'condition')}`,
		];
		return `Kept for ${server} for ${believedFor} days: ${parts.join(' and ')}, without any values. ${code(`!upgrade ${about.server}`)}, deadlines and alerts use them; ${code(`!profile ${about.server} forget configuration`)} deletes them.`;
	}
	const why =
		about.not === 'unwatched'
			? `this room is not watching it; ${code(`!watch ${about.server}`)} changes that`
			: about.not === 'unreadable'
				? 'I cannot read this as its configuration'
				: about.not;
	return `Nothing is kept for ${server}: ${sentence(why)}`;
}

// Words for a guide: the whole guide as one answer, a single stage, and a known error with its cure.

import type {
	FoundFailure,
	Guided,
	GuidedFailure,
	GuidedStage,
	GuidedStep,
	GuidedWay,
	GuideRefusal,
} from '../advice/guide/guide.ts';
import type { Answer, Section } from '../answer.ts';
import { parseTerm } from '../deployment/facts.ts';
import { count, enumerate, list } from '../text/format.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';
import { playedSection, triedWords } from './guide-trials.ts';
import { appliesClause, typedFact } from './whose.ts';

/** What the command found out in addition to the guide, for the places where a reader needs it. */
export type Around = {
	/** Lines for the top, before the guide's own dangers; each may begin with a mark. */
	dangers?: readonly string[];
	/** How the typed words were understood. */
	taken?: readonly string[];
	sections?: readonly Section[];
	/** The command as typed, so that the reader can repeat it with more words: `postgres 15 17`. */
	asked: string;
	/** Whether to attach the whole guide as a Markdown file too. */
	file?: boolean;
	/** A session starts below the answer. It shows the stages one by one, with their files, and the way back. */
	begun?: boolean;
};

/** One sentence that says why a guide does not apply. */
export function guideRefusalWords(refusal: GuideRefusal): string {
	if (typeof refusal === 'string') return refusal;
	const { way, because, possible } = refusal;
	const others = possible.length ? ` Possible: ${possible.map(id => code(`way=${id}`)).join(', ')}.` : '';
	return `“${way}” is not possible here (${because.map(typedFact).join(', ')}).${others}`;
}

/** The whole guide for one deployment; if a session starts below it, without what that shows. */
export function guideWords(guided: Guided, around: Around): Answer {
	const { title } = guided;
	const lead = [
		guideLead(guided),
		guided.summary,
		costLine(guided),
		...(around.taken ?? []),
		asking(guided, around.asked),
	]
		.filter(Boolean)
		.join('\n\n');
	const stages = [...guided.stages, ...guided.cleanUp].map((stage, i) => stageSection(stage, i + 1));
	const answer = (work: readonly Section[]): Answer => ({
		value: guided,
		lead,
		title,
		sections: aroundWork(work, guided, around),
		kind: 'answer',
	});
	const whole = answer([...stages, ...wayBackSections(guided)]);
	const files = [...(around.begun ? [] : filesOf(guided)), ...(around.file ? [wholeGuide(whole)] : [])];
	const shown = around.begun ? answer([titlesOf(stages)]) : whole;
	return files.length ? { ...shown, files } : shown;
}

function aroundWork(work: readonly Section[], guided: Guided, around: Around): Section[] {
	const dangers = [...(around.dangers ?? []), ...ownDangers(guided)];
	return [
		...(dangers.length ? [{ title: 'Risks', markdown: list(dangers), fold: false }] : []),
		...waysSection(guided),
		...work,
		...(around.sections ?? []),
		...namesSection(guided),
		...playedSection(guided),
		...hiddenSection(guided),
		...sourcesSection(guided),
	];
}

function titlesOf(stages: readonly Section[]): Section {
	// The mark comes last, because otherwise the numbers would not form a list.
	const lines = stages.map(({ title, mark }) => (mark ? `${title} ${mark}` : title));
	return { title: `The ${count(stages.length, 'stage')}`, markdown: lines.join('\n'), fold: true };
}

export function guideLead({ title, stages, cleanUp, ways, way, ask }: Guided): string {
	const chosen = ways.find(({ id }) => id === way);
	const parts = [count(stages.length + cleanUp.length, 'stage'), ...(chosen?.cost ? [costWords(chosen.cost)] : [])];
	const several = ways.length > 1 ? ` via ${lower(chosen?.title ?? '')}` : '';
	return `**${title}${several}: ${parts.filter(Boolean).join(', ')}${ask.length ? `; ${count(ask.length, 'detail')} still missing` : ''}.**`;
}

/** How the cost is estimated, if the size is not known. */
function costLine({ ways, way }: Guided): string {
	const cost = ways.find(({ id }) => id === way)?.cost;
	if (!cost || costWords(cost)) return '';
	return `${cost.says} Add the size for an estimate, for example ${code('size=20G')}.`;
}

function lower(text: string): string {
	return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function costWords({ gigabytes, minutes }: NonNullable<GuidedWay['cost']>): string {
	return [
		...(minutes ? [`${minutes[0]} to ${minutes[1]} minutes of downtime`] : []),
		...(gigabytes === undefined ? [] : [`${gigabytes} GB of free disk space`]),
	].join(', ');
}

export function ownDangers({ dangers, noReturn, stages, cleanUp }: Guided): string[] {
	const numbered = [...stages, ...cleanUp];
	const place = (id: string) => numbered.findIndex(stage => stage.id === id) + 1;
	const begins = stages.find(({ down }) => down === 'begins');
	const ends = stages.findLast(({ down }) => down === 'ends');
	const down =
		begins && ends ? [`🔴 The server is down from stage ${place(begins.id)} to stage ${place(ends.id)}.`] : [];
	const pointOfNoReturn = noReturn
		? [`⚠️ Stage ${place(noReturn.stage)} is the point of no return: ${noReturn.why}`]
		: [];
	return [...down, ...pointOfNoReturn, ...dangers.map(text => `⚠️ ${text}`)];
}

function waysSection({ ways, way }: Guided): Section[] {
	const possible = ways.filter(other => other.possible !== false);
	if (possible.length < 2) return [];
	const lines = possible.map(({ id, title, fits, cost }) => {
		const name = id === way ? `**${title}** (used here)` : `${title} (${code(`way=${id}`)})`;
		const numbers = cost && costWords(cost);
		return `${name}: ${fits}${cost ? ` ${cost.says}` : ''}${numbers ? ` With your size: ${numbers}.` : ''}`;
	});
	const others = ways.filter(other => other.possible === false);
	const not = others.map(({ title, because }) => `${lower(title)} (${(because ?? []).map(typedFact).join(', ')})`);
	const rest = not.length ? `\n\nNot possible here: ${not.join(', ')}.` : '';
	return [{ title: `Ways to do it (${possible.length})`, markdown: `${list(lines)}${rest}`, fold: true }];
}

/** A stage with its number; marked if it cannot be undone or takes the server down. */
export function stageSection(stage: GuidedStage, number?: number): Section {
	const mark = stage.noReturn !== undefined ? '⚠️' : stage.down === 'begins' ? '🔴' : undefined;
	const title = number === undefined ? stage.title : `${number}. ${stage.title}`;
	return { title, ...(mark && { mark }), markdown: stageText(stage), fold: true };
}

/** Why, what to do, what to expect, what may go wrong, and whether it was tested. */
export function stageText(stage: GuidedStage): string {
	return [stageWork(stage), ...failureTexts(stage.failures), triedWords(stage)].filter(Boolean).join('\n\n');
}

/** Why, what to do and what to expect. */
export function stageWork(stage: GuidedStage): string {
	const parts = [
		conditionWords(stage),
		stage.why,
		...(stage.noReturn === undefined ? [] : [`⚠️ **Point of no return:** ${stage.noReturn}`]),
		...piecesOf(stage.steps).map(piece => ('file' in piece ? fileText(piece.file, piece.parts) : stepText(piece.step))),
	];
	return parts.filter(Boolean).join('\n\n');
}

function conditionWords(one: GuidedStage | GuidedStep): string {
	if (one.concerned === true) return '';
	return `*If ${appliesClause(one.applies)}:*`;
}

function block(text: string, language: string): string {
	return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

type GuidePiece = { step: GuidedStep } | { file: string; parts: GuidedStep[] };

/** Steps in order; consecutive parts of one file form one piece. */
function piecesOf(steps: readonly GuidedStep[]): GuidePiece[] {
	const pieces: GuidePiece[] = [];
	for (const step of steps) {
		const { file, text, commands, edit, see } = step;
		const last = pieces.at(-1);
		if (!file || text || commands || edit || see) pieces.push({ step });
		else if (last && 'file' in last && last.file === file.name) last.parts.push(step);
		else pieces.push({ file: file.name, parts: [step] });
	}
	return pieces;
}

function fileText(name: string, parts: readonly GuidedStep[]): string {
	return `${code(name)}:\n\n${block(wholeOf(parts), languageOf(name))}`;
}

/** The parts of a file as one text. A part that may not apply to this deployment is commented out. */
function wholeOf(parts: readonly GuidedStep[]): string {
	const texts = parts.map(part => {
		const text = part.file?.text.trimEnd() ?? '';
		if (part.concerned === true) return text;
		// Markdown is not rendered inside a comment of a file.
		const when = appliesClause(part.applies).replaceAll('`', '');
		return [`Only if ${when}:`, ...text.split('\n')].map(line => `# ${line}`.trimEnd()).join('\n');
	});
	return texts.join('\n\n');
}

function stepText(step: GuidedStep): string {
	const { text, commands, language, edit, file, see, shows } = step;
	// The expected output first: after a clause about a failure, it would read as the output of the failure.
	const seen = [
		...(shows.length ? [`The output should contain ${enumerate(shows.map(shown => code(shown)))}.`] : []),
		...(see ? [see] : []),
	];
	return [
		conditionWords(step),
		text ?? '',
		commands ? block(commands, language) : '',
		edit ? `In ${code(edit.file)}:\n\n${block(edit.diff, 'diff')}` : '',
		file ? `${code(file.name)}:\n\n${block(file.text, languageOf(file.name))}` : '',
		seen.length ? `✅ ${seen.join(' ')}` : '',
	]
		.filter(Boolean)
		.join('\n\n');
}

function languageOf(name: string): string {
	if (/\.ya?ml$/.test(name)) return 'yaml';
	return /\.(sh|service)$/.test(name) ? 'bash' : 'text';
}

export function failureTexts(failures: readonly GuidedFailure[]): string[] {
	return failures.length ? [`**If it goes wrong**\n\n${list(failures.map(failureLine))}`] : [];
}

function failureLine(failure: GuidedFailure): string {
	// Not after the cure: that may end in a code block, and words after the last fence would leave the block open.
	const tried = failure.tried.length ? ' (reproduced in our tests)' : '';
	return `${code(failure.text)}${tried}: ${failure.cause} ${indented(failure.cure)}`;
}

/** Indents code blocks so that they belong to their list item. */
function indented(text: string): string {
	return text.split('\n').join('\n  ');
}

/** A known error that someone pasted: its cause and its cure. */
export function foundWords({ stage, failure }: FoundFailure): string {
	const seen = failure.tried.length ? ' We have reproduced this error, with the same message.' : '';
	return `**${escapeMarkdown(stage.title)}:** ${quoted(failure.text, 200)}\n\n${failure.cause}\n\n${failure.cure}${seen ? `\n\n${seen.trim()}` : ''}`;
}

export function wayBackSections({ wayBack: { before, again, after }, noReturn, stages }: Guided): Section[] {
	const numberOf = (stage: GuidedStage) => stages.findIndex(({ id }) => id === stage.from) + 1;
	return [
		...wayBackSection(
			noReturn ? 'Rollback before the point of no return' : 'Rollback',
			before,
			spans(before, numberOf),
		),
		...againSection(again, stage => `From stage ${numberOf(stage)} on`),
		...wayBackSection('Rollback after the point of no return', after),
	];
}

/** How to remove what an attempt left behind. After the point of no return, that deletes the only copy of new data. */
export function againSection(stages: readonly GuidedStage[], at?: (stage: GuidedStage) => string): Section[] {
	return wayBackSection('Before you try again', stages, at).map(section => ({
		...section,
		markdown: `Do this only if nothing has been started on the new server. If something has, that server holds the only copy of what has been written since.\n\n${section.markdown}`,
	}));
}

/** Each way back applies until the next one starts: the earlier one would restart what must stay stopped. */
function spans(stages: readonly GuidedStage[], numberOf: (stage: GuidedStage) => number) {
	return (stage: GuidedStage): string => {
		const first = numberOf(stage);
		const later = stages.map(numberOf).filter(number => number > first);
		const last = later.length ? Math.min(...later) - 1 : undefined;
		if (last === undefined) return `From stage ${first} on`;
		return last === first ? `Stage ${first}` : `Stages ${first} to ${last}`;
	};
}

/** The stages of a way back; `at` says at which stages of the guide each applies. */
export function wayBackSection(
	title: string,
	stages: readonly GuidedStage[],
	at?: (stage: GuidedStage) => string,
): Section[] {
	if (!stages.length) return [];
	const texts = stages.map(stage => {
		const heading = at ? `${at(stage)}: ${lower(stage.title)}` : stage.title;
		return `**${heading}**\n\n${stageText(stage)}`;
	});
	return [{ title, markdown: texts.join('\n\n'), fold: true }];
}

function namesSection({ parameters }: Guided): Section[] {
	if (!parameters.length) return [];
	const lines = parameters.map(({ name, value, by, means, lookup }) => {
		const what = value === null ? `unknown, so ${code(name.toUpperCase())} stands in for it` : code(value);
		const how = { stated: ' (as you said)', fact: '', default: ' (the default)', unknown: '' }[by];
		return `${code(name)}, ${means}: ${what}${how}.${lookup ? ` ${lookup}` : ''}`;
	});
	return [{ title: `Names in the commands (${lines.length})`, markdown: list(lines), fold: true }];
}

function asking(guided: Guided, asked: string): string {
	const { ask, parameters } = guided;
	const open = ask.map(name => {
		const parameter = parameters.find(other => other.name === name);
		return parameter?.values ? `${code(`${name}=${parameter.values.join('|')}`)}` : code(name);
	});
	const questions = open.length ? [`For commands that you can run as they are, add ${enumerate(open)}.`] : [];
	return [...questions, usualWords(guided, asked)].filter(Boolean).join(' ');
}

export function usualWords({ parameters }: Guided, asked: string): string {
	const open = parameters.filter(({ value }) => value === null).map(({ name }) => name.toUpperCase());
	// A default that contains an unknown name would not work if it were copied.
	const isWhole = (value: string | null) => !open.some(name => value?.includes(name));
	const usual = parameters
		.filter(({ by, value }) => by === 'default' && isWhole(value))
		.map(({ name, value }) => `${name}=${value}`);
	if (!usual.length) return '';
	const some = usual.slice(0, 4).map(name => code(name));
	return `This uses default names (${some.join(', ')}${usual.length > 4 ? ' …' : ''}); add your own, for example ${code(`!${asked} ${usual[0]}`)}.`;
}

/** Stages that a fact excludes. Stages for other layouts are not worth mentioning. */
function hiddenSection({ hidden: all }: Guided): Section[] {
	// Checks for facts rather than for parameters that are not listed, because derived parameters never are.
	const hidden = all.filter(({ because }) => because.some(term => parseTerm(term) !== undefined));
	if (!hidden.length) return [];
	const lines = hidden.map(({ title, because }) => `${title}: ${because.map(typedFact).join(', ')}`);
	return [
		{
			title: `Does not apply to you (${hidden.length})`,
			markdown: `Left out because of what you said:\n\n${list(lines)}`,
			fold: true,
		},
	];
}

function sourcesSection({ sources }: Guided): Section[] {
	if (!sources.length) return [];
	return [{ title: 'Sources', markdown: list(sources.map(url => `<${url}>`)), fold: true }];
}

/** YAML is always attached, other files from this many characters on: shorter ones can be copied from their stage. */
const minFile = 1500;

/** Files that the guide tells the reader to write, each joined from its parts: configurations and long files. */
export function filesOf({ stages, cleanUp }: Pick<Guided, 'stages' | 'cleanUp'>): NonNullable<Answer['files']> {
	const parts = new Map<string, GuidedStep[]>();
	for (const step of [...stages, ...cleanUp].flatMap(({ steps }) => steps))
		if (step.file) parts.set(step.file.name, [...(parts.get(step.file.name) ?? []), step]);
	const files = [...parts].map(([name, steps]) => ({
		name: name.split('/').at(-1) ?? name,
		type: /\.ya?ml$/.test(name) ? 'application/yaml' : 'text/plain',
		text: `${wholeOf(steps)}\n`,
	}));
	return files.filter(({ type, text }) => type === 'application/yaml' || text.length >= minFile);
}

/** The answer as a Markdown file to keep or print. */
function wholeGuide({ title = '', lead, sections }: Answer): NonNullable<Answer['files']>[number] {
	const slug = title
		.toLowerCase()
		.replace(/[^a-z0-9.]+/g, '-')
		.replace(/^[-.]+|(?<![-.])[-.]+$/g, '');
	const parts = sections.map(
		section => `## ${section.mark ? `${section.mark} ` : ''}${section.title}\n\n${section.markdown}`,
	);
	return { name: `${slug}.md`, type: 'text/markdown', text: `${[`# ${title}`, lead, ...parts].join('\n\n')}\n` };
}

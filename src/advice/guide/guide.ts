// A guide adapted to one deployment: the chosen way, the stages that apply with every name filled in, and what to ask.

import type { Profile } from '../../deployment/facts.ts';
import { profileJson } from '../../deployment/facts.ts';
import { allStages } from '../../knowledge/guide-stages.ts';
import { namesIn, placeholder } from '../../knowledge/schema/parameter.ts';
import type {
	Guide,
	GuideCondition,
	GuideFailure,
	GuideStep,
	Parameter,
	Stage,
	Tried,
	WayBackStage,
} from '../../knowledge/schema/synapse.ts';
import type { Applicability, GuideSituation, Values } from './parameters.ts';
import { filled, stands, valuesOf } from './parameters.ts';

/** `unknown` says what would decide it; what does not apply is hidden. */
export type Concerned = { concerned: true } | { concerned: 'unknown'; ask: string[]; applies: GuideCondition };

export type GuidedStep = Concerned & Omit<GuideStep, 'applies' | 'ways'>;

export type GuidedFailure = Pick<GuideFailure, 'id' | 'text' | 'cause' | 'cure' | 'untried'> & {
	/** The error text to find: `…` stands for names and numbers that differ between deployments. */
	found: string;
	tried: Tried[];
};

export type GuidedStage = Concerned & {
	id: string;
	title: string;
	why: string;
	down?: 'begins' | 'ends' | undefined;
	noReturn?: string | undefined;
	/** For a way back: the first stage whose work it undoes. */
	from?: string | undefined;
	steps: GuidedStep[];
	failures: GuidedFailure[];
	/** Where and with what it was run; empty if it never was. */
	tried: Tried[];
	/** Why it was not run, fully or in part. */
	untried: string[];
};

export type GuidedWay = {
	id: string;
	title: string;
	fits: string;
	possible: true | false | 'unknown';
	because?: string[];
	/** The cost in words, and in numbers if the size of the database is known. */
	cost?: { says: string; gigabytes?: number; minutes?: [number, number] };
};

/** A parameter's value here; null if it is unknown and asked for. */
export type GuidedParameter = {
	name: string;
	value: string | null;
	by: 'stated' | 'fact' | 'default' | 'unknown';
	means: string;
	lookup?: string;
	example?: string;
	values?: string[];
};

/** The guide's own sentence, or a requested way that is not possible: why not, and which ways are. */
export type GuideRefusal = string | { way: string; because: string[]; possible: string[] };

/** Stages that lead back: before the point of no return, to clean up before a second attempt, and after that point. */
export type GuidedWayBack = { before: GuidedStage[]; again: GuidedStage[]; after: GuidedStage[] };

export type Guided = {
	format: 1;
	guide: string;
	title: string;
	summary: string;
	profile: Record<string, string | boolean>;
	parameters: GuidedParameter[];
	/** Names of parameters and facts that would make the guide more precise, parameters first. */
	ask: string[];
	/** Why this guide must not be followed here; if there is any reason, there are no stages. */
	refused: GuideRefusal[];
	way: string;
	ways: GuidedWay[];
	dangers: string[];
	stages: GuidedStage[];
	cleanUp: GuidedStage[];
	wayBack: GuidedWayBack;
	/** The stage after which going back loses something. */
	noReturn: { stage: string; why: string } | null;
	hidden: { id: string; title: string; because: string[] }[];
	sources: string[];
};

/** Stated parameter values by name, as parsed by `readValue`, and `way`. */
export type Asking = { stated: ReadonlyMap<string, string>; profile: Profile };

/** The guide for this deployment. `tried` may include trials of other guides. */
export function guideFor(guide: Guide, { stated, profile }: Asking, tried: readonly Tried[]): Guided {
	const unchosen: GuideSituation = { profile, values: valuesOf(guide, stated, profile) };
	const ways = guide.ways.map(way => ({ way, standing: stands(way.applies, unchosen) }));
	const chosen = chooseWay(guide, ways, unchosen);
	// Once more, because parameters may follow from the way.
	const values = valuesOf(guide, new Map([...stated, ['way', chosen.id]]), profile);
	const situation: GuideSituation = { profile, values };
	const names = new Set<string>();
	const text = (words: string) => {
		for (const name of namesIn(words)) names.add(name);
		return filled(words, values);
	};
	const hidden: Guided['hidden'] = [];
	const own = tried.filter(trial => trial.guide === guide.id && sameDeployment(trial, values));
	const stagesOf = (stages: readonly (Stage | WayBackStage)[]) =>
		stages.flatMap(stage => guidedStage(stage, { situation, tried: own, hidden, text }) ?? []);
	const refused: GuideRefusal[] = [
		...guide.refuses.filter(({ when }) => stands(when, situation).is === true).map(({ says }) => text(says)),
		...impossible(chosen, ways, text),
	];
	const stages = refused.length ? [] : stagesOf(guide.stages);
	const turning = stages.find(({ noReturn }) => noReturn !== undefined);
	const cleanUp = refused.length ? [] : stagesOf(guide.cleanUp);
	const wayBack = refused.length
		? { before: [], again: [], after: [] }
		: {
				before: stagesOf(guide.wayBack.before),
				again: stagesOf(guide.wayBack.again),
				after: stagesOf(guide.wayBack.after),
			};
	const shown = guide.parameters.filter(({ derived }) => !derived);
	const used = withAsked(names, allStages({ stages, cleanUp, wayBack }), guide, values);
	const asked = shown.filter(({ name, optional }) => !optional && !values.has(name) && used.has(name));
	const open = [...stages, ...stages.flatMap(({ steps }) => steps)].flatMap(one =>
		one.concerned === 'unknown' ? one.ask : [],
	);
	return {
		format: 1,
		guide: guide.id,
		title: text(guide.title),
		summary: text(guide.summary),
		profile: profileJson(profile),
		parameters: shown
			.filter(({ name, values: closed }) => used.has(name) || (closed !== undefined && values.has(name)))
			.map(parameter => guidedParameter(parameter, values, text)),
		ask: [...new Set([...asked.map(({ name }) => name), ...open])],
		refused,
		way: chosen.id,
		ways: ways.map(({ way, standing }) => ({
			id: way.id,
			title: text(way.title),
			fits: text(way.fits),
			possible: standing.is,
			...(standing.is === false && { because: standing.because }),
			...(way.cost && { cost: costOf(way.cost, values, text) }),
		})),
		dangers: guide.dangers
			.filter(({ applies, ways: only }) => onWay(only, chosen.id) && stands(applies, situation).is !== false)
			.map(danger => text(danger.text)),
		stages,
		cleanUp,
		wayBack,
		noReturn: turning?.noReturn === undefined ? null : { stage: turning.id, why: turning.noReturn },
		hidden,
		sources: guide.sources,
	};
}

type JudgedWay = { way: Guide['ways'][number]; standing: Applicability };

/** The stated way; otherwise the first preferred one that fits, or else the first that fits. */
function chooseWay(guide: Guide, ways: readonly JudgedWay[], situation: GuideSituation): Guide['ways'][number] {
	const stated = situation.values.get('way')?.value;
	const possible = ways.filter(({ standing }) => standing.is !== false).map(({ way }) => way);
	const first = guide.ways[0];
	if (!first) throw new TypeError(`${guide.id} has no way`);
	return (
		guide.ways.find(({ id }) => id === stated) ??
		possible.find(({ prefer }) => prefer && stands(prefer, situation).is === true) ??
		possible[0] ??
		first
	);
}

function impossible(
	chosen: Guide['ways'][number],
	ways: readonly JudgedWay[],
	text: (words: string) => string,
): GuideRefusal[] {
	const standing = ways.find(({ way }) => way === chosen)?.standing;
	if (standing?.is !== false) return [];
	const possible = ways.filter(other => other.standing.is !== false).map(({ way }) => way.id);
	return [{ way: text(chosen.title), because: standing.because, possible }];
}

function onWay(ways: readonly string[] | undefined, way: string): boolean {
	return ways === undefined || ways.includes(way);
}

function concernedBy(applies: GuideCondition | undefined, situation: GuideSituation): Concerned | string[] {
	const standing = stands(applies, situation);
	if (standing.is === false) return standing.because;
	if (standing.is === true || !applies) return { concerned: true };
	return { concerned: 'unknown', ask: standing.ask, applies };
}

type GuideRequest = {
	situation: GuideSituation;
	tried: readonly Tried[];
	/** Collects what is hidden. */
	hidden: Guided['hidden'];
	/** Fills in the values. */
	text: (words: string) => string;
};

function guidedStage(
	stage: Stage | WayBackStage,
	{ situation, tried, hidden, text }: GuideRequest,
): GuidedStage | undefined {
	const way = situation.values.get('way')?.value ?? '';
	if (!onWay(stage.ways, way)) return undefined;
	const concerned = concernedBy(stage.applies, situation);
	if (Array.isArray(concerned)) {
		hidden.push({ id: stage.id, title: text(stage.title), because: concerned });
		return undefined;
	}
	return {
		id: stage.id,
		title: text(stage.title),
		why: text(stage.why),
		...concerned,
		...(stage.down && { down: stage.down }),
		...(stage.noReturn && { noReturn: text(stage.noReturn) }),
		...('from' in stage && { from: stage.from }),
		steps: stage.steps
			.filter(step => onWay(step.ways, way))
			.flatMap(({ applies, ways: _, ...step }): GuidedStep[] => {
				const own = concernedBy(applies, situation);
				return Array.isArray(own) ? [] : [{ ...filledStep(step, text), ...own }];
			}),
		failures: stage.failures
			.filter(({ applies }) => stands(applies, situation).is !== false)
			.map(({ id, text: words, cause, cure, untried }) => ({
				id,
				text: text(words),
				found: words.replace(placeholder, '…'),
				cause: text(cause),
				cure: text(cure),
				...(untried && { untried: text(untried) }),
				tried: tried.filter(({ of }) => of === id),
			})),
		tried: tried.filter(({ of }) => of === stage.id),
		untried: stage.untried
			.filter(({ applies }) => stands(applies, situation).is !== false)
			.map(({ because }) => text(because)),
	};
}

function filledStep(
	step: Omit<GuideStep, 'applies' | 'ways'>,
	text: (words: string) => string,
): Omit<GuideStep, 'applies' | 'ways'> {
	const { edit, file } = step;
	return {
		...step,
		...(step.text && { text: text(step.text) }),
		...(step.commands && { commands: text(step.commands) }),
		...(edit && { edit: { file: text(edit.file), diff: text(edit.diff) } }),
		...(file && { file: { name: text(file.name), text: text(file.text) } }),
		...(step.see && { see: text(step.see) }),
		shows: step.shows.map(text),
	};
}

/** A trial covers a deployment whose values, apart from versions, match those the trial names. */
function sameDeployment({ with: by }: Tried, values: Values): boolean {
	const versions = ['from', 'to'];
	return Object.entries(by).every(([name, value]) => versions.includes(name) || values.get(name)?.value === value);
}

function guidedParameter(parameter: Parameter, values: Values, text: (words: string) => string): GuidedParameter {
	const { name, means, lookup, example, values: closed } = parameter;
	const known = values.get(name);
	return {
		name,
		value: known?.value ?? null,
		by: known?.by ?? 'unknown',
		means: text(means),
		...(lookup && { lookup: text(lookup) }),
		...(example && { example }),
		...(closed && { values: closed }),
	};
}

/** The names in shown texts and open conditions, the names that other parameters depend on, and stated ones. */
function withAsked(
	names: ReadonlySet<string>,
	stages: readonly GuidedStage[],
	guide: Guide,
	values: Values,
): Set<string> {
	const all = new Set([...names, ...stages.flatMap(askedIn)]);
	for (const parameter of guide.parameters.toReversed()) {
		if (!all.has(parameter.name)) continue;
		const value = values.get(parameter.name);
		if (parameter.derived || !value)
			for (const name of namesIn(JSON.stringify([parameter.follows, parameter.default]))) all.add(name);
		else if (value.by === 'default')
			for (const name of namesIn(parameter.default ?? '')) if (!values.has(name)) all.add(name);
	}
	for (const [name, { by }] of values) if (by === 'stated' && name !== 'way') all.add(name);
	return all;
}

function askedIn(stage: GuidedStage): string[] {
	return [stage, ...stage.steps].flatMap(one => (one.concerned === 'unknown' ? one.ask : []));
}

function costOf(
	{ says, disk, minutes }: NonNullable<Guide['ways'][number]['cost']>,
	values: Values,
	text: (words: string) => string,
): NonNullable<GuidedWay['cost']> {
	const size = Number(values.get('size')?.value ?? Number.NaN);
	if (Number.isNaN(size)) return { says: text(says) };
	const rounded = (number: number) => (number < 10 ? Math.ceil(number * 10) / 10 : Math.ceil(number));
	return {
		says: text(says),
		...(disk && { gigabytes: rounded(disk.perGB * size + disk.plus) }),
		...(minutes && {
			minutes: [
				Math.ceil(minutes.perGB[0] * size + minutes.plus[0]),
				Math.ceil(minutes.perGB[1] * size + minutes.plus[1]),
			] as [number, number],
		}),
	};
}

/**
 * The stages that lead back from the current position. `reached` is the index in `stages` of the last one
 * started, or -1. Empty if nothing has been changed yet.
 */
export function wayBackFrom({ stages, wayBack, noReturn }: Guided, reached: number): GuidedStage[] {
	const place = (id: string | undefined) => stages.findIndex(stage => stage.id === id);
	if (noReturn && reached >= place(noReturn.stage)) return wayBack.after;
	const places = wayBack.before.map(({ from }) => place(from)).filter(at => at <= reached);
	return wayBack.before.filter(({ from }) => place(from) === Math.max(...places));
}

/** What to clean up before a second attempt; `reached` as in `wayBackFrom`. */
export function leftBehind({ stages, wayBack }: Guided, reached: number): GuidedStage[] {
	return wayBack.again.filter(({ from }) => stages.findIndex(({ id }) => id === from) <= reached);
}

/** A known error found in a pasted text, and its stage. */
export type FoundFailure = { stage: GuidedStage; failure: GuidedFailure };

/** The known errors in a pasted text: those of the current stage first, then all others, longest match first. */
export function failuresIn(guided: Guided, at: string | undefined, pasted: string): FoundFailure[] {
	const said = plain(pasted);
	const all = allStages(guided);
	const found = all.flatMap(stage =>
		stage.failures.filter(({ found: wanted }) => isIn(plain(wanted), said)).map(failure => ({ stage, failure })),
	);
	return found.sort(
		(a, b) => Number(b.stage.id === at) - Number(a.stage.id === at) || b.failure.text.length - a.failure.text.length,
	);
}

/** Whether a text contains the words of a failure as written in its file. */
export function knownBy(failure: string, pasted: string): boolean {
	return isIn(plain(failure.replace(placeholder, '…')), plain(pasted));
}

/** On one line, with plain quotation marks and without terminal control sequences and JSON escapes. */
function plain(text: string): string {
	return (
		text
			// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences begin with one
			.replace(/\u001B\[[0-9;]*[A-Za-z]/g, '')
			// Ansible reports what a command said as JSON.
			.replace(/\\([\\"])/g, '$1')
			.replace(/\\[nt]/g, ' ')
			.replace(/[“”„«»]/g, '"')
			.replace(/[‘’]/g, "'")
			.replace(/\s+/g, ' ')
			.toLowerCase()
	);
}

/** Whether all pieces between the gaps (`…`) occur in order. Not a pattern, since anyone may paste anything. */
function isIn(wanted: string, said: string): boolean {
	let from = 0;
	for (const piece of wanted.split('…').map(part => part.trim())) {
		const at = said.indexOf(piece, from);
		if (at < 0) return false;
		from = at + piece.length;
	}
	return true;
}

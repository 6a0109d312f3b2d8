// Rules within a guide beyond its shape: every name is known, every id is unique, every error can be found.
import { isClosed, isOpen, parseTerm } from '../../deployment/facts.ts';
import { namesIn, parameterTerm, readValue } from '../schema/parameter.ts';
import { guideShellRules } from './guide-shell.ts';
import { eachGuide, stagesOf, textsOf } from './guide-stages.ts';
import type { KnowledgeRule } from './rule.ts';

/** A parameter does not have a fact's name; it has either a kind or a list of values, and its default is valid. */
export const parametersAreSound = eachGuide(({ value: { parameters }, at }) =>
	parameters.flatMap((parameter, index) => {
		const { name, kind, values, derived, follows, default: usual, example } = parameter;
		const mistakes: string[] = [];
		const place = (...path: PropertyKey[]) => at('parameters', index, ...path);
		if (name === 'way' || isClosed(name) || isOpen(name) || parseTerm(name))
			mistakes.push(`${place('name')} expected a name that no fact has, got ${name}`);
		if (parameters.findIndex(other => other.name === name) < index)
			mistakes.push(`${place('name')} expected a name of its own, got ${name} for the second time`);
		if ((kind !== undefined) === (values !== undefined) && !derived)
			mistakes.push(`${place()} expected either a kind or values for ${name}`);
		if (example !== undefined && readValue(parameter, example) === undefined)
			mistakes.push(`${place('example')} expected a value that ${name} accepts, got ${example}`);
		for (const given of [usual, ...follows.map(({ is }) => is)])
			if (
				given !== undefined &&
				!derived &&
				!namesIn(given).length &&
				readValue(parameter, inUnits(given, kind)) === undefined
			)
				mistakes.push(`${place()} expected values that ${name} accepts, got ${given}`);
		return mistakes;
	}),
);

/** Parameters in commands and files are not optional, because unknown ones appear there as words in capitals. */
export const neededIsAsked = eachGuide(({ value, at }) => {
	const needed = new Set([
		...stagesOf(value).flatMap(({ stage }) =>
			stage.steps.flatMap(({ commands = '', edit, file }) =>
				namesIn([commands, edit?.file, edit?.diff, file?.name, file?.text].join('\n')),
			),
		),
		...value.parameters.flatMap(({ default: usual = '' }) => namesIn(usual)),
	]);
	return value.parameters.flatMap(({ name, optional, default: usual }, index) =>
		optional && usual === undefined && needed.has(name)
			? [`${at('parameters', index, 'optional')} expected false, because commands need ${name}`]
			: [],
	);
});

function inUnits(text: string, kind: string | undefined): string {
	return kind === 'size' ? `${text}G` : text;
}

/** Every name in braces or in a condition is a parameter of the guide. */
export const namesAreKnown = eachGuide(({ value, at }) => {
	const known = new Set(['way', ...value.parameters.map(({ name }) => name)]);
	return textsOf(value).flatMap(({ text, path }) => {
		const inside = namesIn(text).filter(name => !known.has(name));
		const key = path.at(-2);
		const isTerm = (key === 'all' || key === 'any') && !parseTerm(text);
		const [, name = ''] = isTerm ? (parameterTerm.exec(text) ?? []) : [];
		const wrong = [...inside, ...(isTerm && !known.has(name) ? [name] : [])];
		return wrong.map(unknown => `${at(...path)} expected a parameter of this guide, got ${unknown}`);
	});
});

/** A parameter only follows from earlier ones, because they are evaluated in order. */
export const parametersFollowInOrder = eachGuide(({ value: { parameters }, at }) =>
	parameters.flatMap(({ follows, default: usual }, index) => {
		const before = new Set(['way', ...parameters.slice(0, index).map(({ name }) => name)]);
		const all = textsOf({ follows, default: usual });
		return all.flatMap(({ text, path }) => {
			const names = [...namesIn(text), ...compared(text, path)];
			return names
				.filter(name => parameters.some(other => other.name === name) && !before.has(name))
				.map(name => `${at('parameters', index, ...path)} expected an earlier parameter, got ${name}`);
		});
	}),
);

function compared(text: string, path: readonly PropertyKey[]): string[] {
	if (!path.includes('when') || parseTerm(text)) return [];
	const [, name] = parameterTerm.exec(text) ?? [];
	return name === undefined ? [] : [name];
}

/** Conditions compare parameters that have a list of values with those values, and `way` with existing ways. */
export const valuesAreKnown = eachGuide(({ value, at }) => {
	const ways = value.ways.map(({ id }) => id);
	const closed = new Map([
		['way', ways],
		...value.parameters.flatMap(({ name, values }) => (values ? [[name, values] as const] : [])),
	]);
	const conditions = textsOf(value).flatMap(({ text, path }) => {
		const key = path.at(-2);
		if ((key !== 'all' && key !== 'any') || parseTerm(text)) return [];
		const [, name = '', , right = ''] = parameterTerm.exec(text) ?? [];
		const allowed = closed.get(name);
		if (!allowed || right.includes('{')) return [];
		const wrong = right.split('|').filter(word => !allowed.includes(word));
		return wrong.map(word => `${at(...path)} expected one of ${allowed.join(', ')}, got ${word}`);
	});
	const named = textsOf(value).flatMap(({ text, path }) =>
		path.at(-2) === 'ways' && path.length > 2 && !ways.includes(text)
			? [`${at(...path)} expected one of the ways ${ways.join(', ')}, got ${text}`]
			: [],
	);
	return [...conditions, ...named];
});

export const guideIdsAreUnique = eachGuide(({ value, at }) => {
	const ids = [
		...stagesOf(value).flatMap(({ stage, path }) => [
			{ id: stage.id, path: [...path, 'id'] },
			...stage.failures.map(({ id }, index) => ({ id, path: [...path, 'failures', index, 'id'] })),
		]),
	];
	return ids
		.filter(({ id }, index) => ids.findIndex(other => other.id === id) < index)
		.map(({ id, path }) => `${at(...path)} expected an id of its own, got ${id} for the second time`);
});

/** A guide with a point of no return has a way back from beyond it. */
export const returnIsTold = eachGuide(({ value, at }) => {
	const turning = value.stages.flatMap(({ noReturn }, index) => (noReturn === undefined ? [] : [index]));
	if (turning.length && !value.wayBack.after.length)
		return [`${at('wayBack', 'after')} expected a way back after the point of no return, got none`];
	return [];
});

/** Every way back starts at a stage of the guide. */
export const waysBackBeginAtStages = eachGuide(({ value, at }) =>
	(['before', 'again'] as const).flatMap(list =>
		value.wayBack[list].flatMap(({ from }, index) =>
			value.stages.some(({ id }) => id === from)
				? []
				: [`${at('wayBack', list, index, 'from')} expected the id of a stage, got ${from}`],
		),
	),
);

/** An error is found by its text, so enough of it must be literal. */
export const failuresCanBeFound = eachGuide(({ value, at }) =>
	stagesOf(value).flatMap(({ stage, path }) =>
		stage.failures.flatMap(({ text }, index) => {
			const longest = Math.max(...text.split(/…|\{[a-z][a-z0-9-]*\}/).map(piece => piece.trim().length));
			return longest >= 8
				? []
				: [`${at(...path, 'failures', index, 'text')} expected eight characters or more without a gap, got ${text}`];
		}),
	),
);

/** Every step says or does something. */
export const stepsDoSomething = eachGuide(({ value, at }) =>
	stagesOf(value).flatMap(({ stage, path }) =>
		stage.steps.flatMap(({ text, commands, edit, file, see }, index) =>
			text || commands || edit || file || see
				? []
				: [`${at(...path, 'steps', index)} expected something to do, got nothing`],
		),
	),
);

export const diffsAreDiffs = eachGuide(({ value, at }) =>
	stagesOf(value).flatMap(({ stage, path }) =>
		stage.steps.flatMap(({ edit }, index) => {
			const wrong = edit?.diff.split('\n').find(line => line !== '' && !/^[ +-]/.test(line));
			return wrong === undefined
				? []
				: [
						`${at(...path, 'steps', index, 'edit', 'diff')} expected lines that begin with a space, - or +, got ${wrong}`,
					];
		}),
	),
);

export const guideRules: readonly KnowledgeRule[] = [
	parametersAreSound,
	neededIsAsked,
	namesAreKnown,
	parametersFollowInOrder,
	valuesAreKnown,
	guideIdsAreUnique,
	returnIsTold,
	waysBackBeginAtStages,
	failuresCanBeFound,
	stepsDoSomething,
	diffsAreDiffs,
	...guideShellRules,
];

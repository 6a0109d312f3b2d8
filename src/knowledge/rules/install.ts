// Rules for install recipes beyond the shape of each.
import { closedFacts } from '../../deployment/facts.ts';
import { isWithin } from '../../deployment/version.ts';
import type { Recipe } from '../schema/install.ts';
import { placeholder } from '../schema/install-line.ts';
import type { Files, KnowledgeRule } from './rule.ts';

const ways: readonly string[] = closedFacts.install.values;

/** A recipe is named after a value of `install`; if there is any recipe, there is one for each value. */
export function recipesAreWays({ installs, broken }: Files): string[] {
	if (!installs.length) return [];
	const named = installs
		.filter(({ install }) => !ways.includes(install))
		.map(
			({ install, at }) => `${at()} expected a file named for a way to install (${ways.join(', ')}), got ${install}`,
		);
	const missing = ways.filter(
		way => !broken.has(`install/${way}.yaml`) && !installs.some(({ install }) => install === way),
	);
	return [
		...named,
		...missing.map(way => `install/${way}.yaml:1:1 expected a recipe for each way to install, got none`),
	];
}

/** Every release available this way is in exactly one range, both of commands and of images. */
export function spansMeetOnce({ installs, releases }: Files): string[] {
	return installs.flatMap(({ value, at }) =>
		(['switch', 'images'] as const).flatMap(key => {
			const spans = value[key];
			if (!spans) return [];
			const wrong = releases.find(
				({ version }) => spans.filter(({ releases: span }) => !span || isWithin(version, span)).length !== 1,
			);
			return wrong
				? [`${at(key)} expected exactly one span for each release, got none or several for ${wrong.version}`]
				: [];
		}),
	);
}

/** A placeholder needs the recipe's field that fills it. */
const needs: Partial<Record<string, keyof Recipe>> = {
	image: 'images',
	codename: 'codenames',
	frozen: 'frozen',
	pin: 'pins',
	extras: 'extras',
};

export function placeholdersAreFilled({ installs }: Files): string[] {
	return installs.flatMap(({ value, at }) =>
		value.switch.flatMap((commands, span) =>
			partsOf(commands).flatMap(({ list, part, index }) => {
				const words = typeof part === 'string' ? [part] : [...part.lines, ...conditionsOf(part)];
				const names = words.flatMap(text => [...text.matchAll(placeholder)].map(([, name]) => name ?? ''));
				return names
					.filter(name => {
						const key = needs[name];
						const found = key && value[key];
						return key !== undefined && (found === undefined || (Array.isArray(found) && !found.length));
					})
					.map(
						name =>
							`${at('switch', span, list, index)} expected ${needs[name]} in this file, from which {${name}} is filled`,
					);
			}),
		),
	);
}

/** The commands that fetch a release and those that install it, each with its list and its index there. */
function partsOf({ fetch = [], lines }: Recipe['switch'][number]) {
	const of = (list: 'fetch' | 'lines', parts: typeof lines) => parts.map((part, index) => ({ list, part, index }));
	return [...of('fetch', fetch), ...of('lines', lines)];
}

/** The conditions of a part, written like the placeholders they test. */
function conditionsOf(part: object): string[] {
	return Object.entries(part).flatMap(([key, name]) => (key === 'lines' ? [] : [`{${name}}`]));
}

/** A pin that applies to no known release is probably a typo. */
export function pinsConcernReleases({ installs, releases }: Files): string[] {
	return installs.flatMap(({ value, at }) =>
		value.pins.flatMap((pin, index) =>
			releases.some(({ version }) => isWithin(version, pin.releases))
				? []
				: [`${at('pins', index, 'releases')} expected a range that contains a release, got ${pin.releases}`],
		),
	);
}

export const installRules: readonly KnowledgeRule[] = [
	recipesAreWays,
	spansMeetOnce,
	placeholdersAreFilled,
	pinsConcernReleases,
];

// What must hold of the install recipes, beyond the shape of each.
import { closedFacts } from '../../deployment/facts.ts';
import { isWithin } from '../../deployment/version.ts';
import type { Recipe } from '../schema/install.ts';
import { placeholder } from '../schema/install-line.ts';
import type { Files, KnowledgeRule } from './rule.ts';

const ways: readonly string[] = closedFacts.install.values;

/** A recipe is named for a value of `install`; once there is one, there is one for each. */
export function recipesAreWays({ installs }: Files): string[] {
	if (!installs.length) return [];
	const named = installs
		.filter(({ install }) => !ways.includes(install))
		.map(
			({ install, at }) => `${at()} expected a file named for a way to install (${ways.join(', ')}), got ${install}`,
		);
	const missing = ways.filter(way => !installs.some(({ install }) => install === way));
	return [
		...named,
		...missing.map(way => `install/${way}.yaml:1:1 expected a recipe for each way to install, got none`),
	];
}

/** Every release that can be had this way has exactly one span, of commands and of images. */
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

/** What a line is filled with has to stand in the recipe. */
const needs: Partial<Record<string, keyof Recipe>> = {
	image: 'images',
	codename: 'codenames',
	frozen: 'frozen',
	pin: 'pins',
	extras: 'extras',
};

export function placeholdersAreFilled({ installs }: Files): string[] {
	return installs.flatMap(({ value, at }) =>
		value.switch.flatMap(({ lines }, span) =>
			lines.flatMap((part, index) => {
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
							`${at('switch', span, 'lines', index)} expected ${needs[name]} in this file, which {${name}} is filled from`,
					);
			}),
		),
	);
}

/** The condition of a part, written like the placeholder that it asks about. */
function conditionsOf(part: object): string[] {
	return Object.entries(part).flatMap(([key, name]) => (key === 'lines' ? [] : [`{${name}}`]));
}

/** A pin of releases that nobody knows is one of a typing mistake. */
export function pinsConcernReleases({ installs, releases }: Files): string[] {
	return installs.flatMap(({ value, at }) =>
		value.pins.flatMap((pin, index) =>
			releases.some(({ version }) => isWithin(version, pin.releases))
				? []
				: [`${at('pins', index, 'releases')} expected a range that some release is in, got ${pin.releases}`],
		),
	);
}

export const installRules: readonly KnowledgeRule[] = [
	recipesAreWays,
	spansMeetOnce,
	placeholdersAreFilled,
	pinsConcernReleases,
];

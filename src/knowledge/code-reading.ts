// Checks that every difference in Synapse's code is either named by a note or fault of its release, or waived by class.
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Code } from '../configuration/code.ts';
import { compare, isWithin, lineOf, type Version } from '../deployment/version.ts';
import type { Files } from './rules/rule.ts';
import type { FaultFile } from './schema/fault.ts';
import { prose, range } from './schema/fields.ts';
import type { NoteFile } from './schema/synapse.ts';
import { readYaml, type YamlFile } from './schema/yaml-file.ts';
import { type CodePassage, codeChanges, codeKinds, codePassages } from './upstream/code-passages.ts';

const pattern = z.string().refine(isPattern, { error: 'a regular expression' });

/** Why nobody needs to know about one class of differences. `key` must match the whole key; if absent, it matches any. */
export const codeWaiverShape = z.strictObject({
	kind: z.enum(codeKinds).describe('What kind of difference.'),
	change: z.array(z.enum(codeChanges)).min(1).optional().describe('Which changes. Leave it out for all of them.'),
	key: pattern.optional().describe('A regular expression for the whole key. Leave it out for all keys.'),
	releases: range.describe('The releases that somebody has read.'),
	because: prose.describe('Why nobody needs to know.'),
});
type CodeWaiver = z.infer<typeof codeWaiverShape>;
export const codeWaiversFileShape = z.strictObject({
	waivers: z.array(codeWaiverShape).describe('Classes of code differences that need no note.'),
});

/** Differences between Synapse's code and its configuration schema, each with its reason (`code/documented.yaml`). */
export const documentedFileShape = z.strictObject({
	differences: z
		.array(
			z.strictObject({
				of: z
					.enum(['default', 'type', 'unread', 'undocumented'])
					.describe('The default; the type; unread: only the schema names it; undocumented: only the code reads it.'),
				option: z.string().min(1).describe('A regular expression for the whole path.'),
				because: prose.describe('Why they disagree, and which is right.'),
			}),
		)
		.describe("Where Synapse's code and its configuration schema disagree."),
});

export type CodeReading = {
	/** Neither named nor waived. */
	unread: CodePassage[];
	named: CodePassage[];
	waived: CodePassage[];
	/** Unnecessary waivers, and mistakes in their file. */
	mistakes: string[];
};

const waiversFile = 'synapse/code/waivers.yaml';

/** `folder` is the knowledge folder; `files` is what readFiles found in it. */
export function readCode(folder: URL, files: Files, code: Code): CodeReading {
	const mistakes: string[] = [];
	const where = new URL(waiversFile, folder);
	const file = existsSync(where)
		? readYaml(waiversFile, readFileSync(where, 'utf8'), codeWaiversFileShape, mistakes)
		: undefined;
	return { ...sorted(codePassages(code), files, file, mistakes) };
}

function sorted(
	passages: readonly CodePassage[],
	files: Files,
	file: YamlFile<{ waivers: CodeWaiver[] }> | undefined,
	mistakes: string[],
): CodeReading {
	const isNamed = namesIn(files);
	const named = passages.filter(isNamed);
	const open = passages.filter(passage => !named.includes(passage));
	const waivers = (file?.value.waivers ?? []).map(waiver => ({ waiver, matches: matcher(waiver), used: false }));
	const waived = open.filter(passage => {
		const fitting = waivers.filter(({ matches }) => matches(passage));
		for (const one of fitting) one.used = true;
		return fitting.length > 0;
	});
	for (const [index, { used }] of waivers.entries())
		if (!used)
			mistakes.push(
				`${file?.at('waivers', index)} expected a waiver that matches something, got one that matches nothing`,
			);
	const isWaived = new Set(waived);
	return { unread: open.filter(passage => !isWaived.has(passage)), named, waived, mistakes };
}

function isPattern(text: string): boolean {
	try {
		return new RegExp(text) !== undefined;
	} catch {
		return false;
	}
}

function matcher({ kind, change, key, releases }: CodeWaiver): (passage: CodePassage) => boolean {
	const whole = key === undefined ? undefined : new RegExp(`^(?:${key})$`, 's');
	return passage =>
		passage.kind === kind &&
		(change === undefined || change.includes(passage.change)) &&
		(whole === undefined || whole.test(passage.key)) &&
		isWithin(passage.release, releases);
}

/** Whether a note of the passage's line, or a fault that starts in it, names what the passage is about. */
function namesIn(files: Files): (passage: CodePassage) => boolean {
	const notes = Map.groupBy(
		files.notes.flatMap(({ release, value }) => value.notes.map(note => ({ note, line: lineOf(release) }))),
		({ line }) => line,
	);
	const faults = Map.groupBy(
		files.faults.flatMap(({ release, value }) => value.faults.map(fault => ({ fault, line: lineOf(release) }))),
		({ line }) => line,
	);
	const builds = files.lifecycles.flatMap(({ of, value }) =>
		value.releases.flatMap(({ name, version, packages }) =>
			packages ? [{ system: `${of}:${(name ?? version).toLowerCase().split(' ')[0]}`, packages }] : [],
		),
	);
	return passage => {
		const line = lineOf(passage.release);
		if (passage.kind === 'build' && builds.some(({ system, packages }) => tellsBuild(passage, system, packages)))
			return true;
		return (
			(notes.get(line) ?? []).some(({ note }) => isNamedBy(passage, note)) ||
			(faults.get(line) ?? []).some(({ fault }) => isNamedByFault(passage, fault))
		);
	};
}

type Packages = { first: Version; last?: Version | undefined };

/** Whether a system's lifecycle already says which release has its first or last packages. */
function tellsBuild({ key, change, release }: CodePassage, system: string, packages: Packages): boolean {
	if (key !== system) return false;
	if (change === 'added') return packages.first === release;
	return packages.last !== undefined && compare(packages.last, release) < 0;
}

function isNamedBy(passage: CodePassage, note: NoteFile): boolean {
	const { kind, key } = passage;
	const words = `${note.title}\n${note.text}\n${note.onlyIf ?? ''}`;
	switch (kind) {
		case 'option':
			return note.options.some(option => isSameOrBelow(key, option));
		case 'refusal':
			return (
				hasMessage(words, key) ||
				(note.refuses &&
					(passage.options ?? []).some(path => note.options.some(option => isSameOrBelow(path, option)))) ||
				(note.refuses && note.options.some(option => hasWord(key, option.split('.').at(-1) ?? option)))
			);
		case 'dependency':
			return hasWord(words.replaceAll('_', '-'), key.split('/').at(-1) ?? key);
		case 'route':
			return note.endpoints.some(endpoint => isSameRoute(key, endpoint)) || words.includes(routeOf(key));
		case 'delta':
			return note.code.some(path => path.replace(/@.*$/, '').endsWith(`/delta/${key.split(' ').at(-1)}`));
		case 'build':
			return hasWord(words, key.split(':').at(-1) ?? key);
		case 'admin':
			return (
				note.endpoints.some(endpoint => key === `endpoint ${endpoint}`) ||
				note.code.some(path => path.replace(/@.*$/, '').endsWith(`/rest/admin/${key.split(' ')[0]}`)) ||
				hasMessage(words, key)
			);
	}
}

function isNamedByFault(passage: CodePassage, fault: FaultFile): boolean {
	const words = [fault.title, fault.text, ...fault.errors].join('\n');
	const { kind, key } = passage;
	if (kind === 'option') return words.includes(`\`${plain(key)}\``);
	return kind === 'refusal' || kind === 'admin' ? hasMessage(words, key) : false;
}

function plain(path: string): string {
	return path
		.replaceAll('[]', '')
		.replace(/\.\*(?=\.|$)/g, '')
		.replaceAll('"', '');
}

/** Whether a note that names a section covers an option in it. Experimental options must be named themselves. */
function isSameOrBelow(path: string, option: string): boolean {
	const [own, named] = [plain(path), plain(option)];
	return own === named || (named !== 'experimental_features' && own.startsWith(`${named}.`));
}

function hasWord(text: string, word: string): boolean {
	const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
	return new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`, 'i').test(text);
}

/** Whether the text quotes a key's message: its longest literal part. */
function hasMessage(text: string, key: string): boolean {
	const message = key.slice(key.indexOf(' ') + 1);
	const longest =
		message
			.split('{}')
			.sort((a, b) => b.length - a.length)[0]
			?.trim() ?? '';
	return longest.length >= 20 && text.replace(/\s+/g, ' ').includes(longest);
}

function routeOf(key: string): string {
	return key.slice(key.indexOf('^'));
}

/** Whether a note's pattern and a worker's route start with the same fixed path. */
function isSameRoute(key: string, endpoint: string): boolean {
	const named = new Set(expanded(endpoint).map(fixedPart));
	return expanded(routeOf(key))
		.map(fixedPart)
		.some(part => part.split('/').length > 4 && named.has(part));
}

/** `^/client/(v1|v3)/x` → one pattern for each alternative. Groups that contain patterns stay as they are. */
function expanded(pattern: string): string[] {
	const found = /\(([\w./-]+(?:\|[\w./-]+)+)\)/.exec(pattern);
	if (!found?.[1]) return [pattern];
	const [whole, alternatives] = found;
	return alternatives.split('|').flatMap(one => expanded(pattern.replace(whole, one)));
}

function fixedPart(pattern: string): string {
	return (/^\^?[^([$*\\]*?(?=\.\*|[([$*\\]|$)/.exec(pattern)?.[0] ?? pattern).replace(/\/$/, '');
}

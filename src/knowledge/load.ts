// Loads and checks the knowledge. If there are mistakes, loading fails with a list of all of them.

import type { z } from 'zod';
import { compare, isVersion, type Version } from '../deployment/version.ts';
import { tableFile } from './code-tables.ts';
import { type Folder, folderAt } from './folder.ts';
import { recipeOf } from './guide-hash.ts';
import { rules } from './rules/index.ts';
import type { Files } from './rules/rule.ts';
import { claimsFileShape } from './schema/claims.ts';
import { optionNamesShape } from './schema/code.ts';
import { coveredBy, nameOf, waivedBy } from './schema/coverage.ts';
import { faultsFileShape, symptomsFileShape } from './schema/fault.ts';
import { type Guide, guideShape, type Tried, triedFileShape } from './schema/guide.ts';
import { recipeShape } from './schema/install.ts';
import {
	deltasShape,
	largeTablesShape,
	migrationsOf,
	migrationTimesShape,
	queuedUpdatesOf,
} from './schema/migrations.ts';
import { renamedFileShape, renamedIn } from './schema/playbook-variable.ts';
import {
	advisoryShape,
	effectsFileShape,
	type Knowledge,
	lifecycleShape,
	type Passage,
	releaseFileShape,
	releasesFileShape,
	type Source,
	upstreamFileShape,
	verifiedFileShape,
	waiversFileShape,
	waysFileShape,
} from './schema/synapse.ts';
import { readYaml, type YamlFile } from './schema/yaml-file.ts';

/**
 * All knowledge below this folder, in version order. Throws one Error that lists every mistake, one per line, as
 * `synapse/notes/1.150.0.yaml:9:5 expected …, got …`. Missing files count as empty.
 */
export function readKnowledge(folder: URL | Folder): Knowledge {
	const { files, read, mistakes } = readFiles(folder);
	// Every rule uses the generated tables: if one is broken, the rules would blame files that people wrote.
	if (![...files.broken].some(name => name.endsWith('.json'))) mistakes.push(...rules.flatMap(rule => rule(files)));
	if (mistakes.length) {
		const many = mistakes.length > 1 ? 's' : '';
		throw new Error(`${mistakes.length} mistake${many} in the knowledge:\n${mistakes.join('\n')}`);
	}
	return knowledgeOf(files, read);
}

/** Every file that has the right shape, and the mistakes of those that do not. */
export function readFiles(where: URL | Folder): { files: Files; read: string; mistakes: string[] } {
	const folder = where instanceof URL ? folderAt(where) : where;
	const mistakes: string[] = [];
	const broken = new Set<string>();
	const { read, releases } = readJson(folder, 'synapse/releases.json', releasesFileShape, mistakes) ?? {
		read: '',
		releases: [],
	};
	const { passages } = readJson(folder, 'synapse/upstream.json', upstreamFileShape, mistakes) ?? { passages: [] };
	const { verified } = readJson(folder, 'synapse/verified.json', verifiedFileShape, mistakes) ?? { verified: [] };
	const { tried } = readJson(folder, 'guides/tried.json', triedFileShape, mistakes) ?? { tried: [] };
	const notes = byRelease(readAll(folder, 'synapse/notes/', releaseFileShape, mistakes), mistakes);
	const files: Files = {
		broken,
		options: readJson(folder, tableFile('options'), optionNamesShape, mistakes)?.entries.map(({ key }) => key) ?? [],
		releases,
		passages,
		verified,
		notes,
		faults: byRelease(readAll(folder, 'synapse/faults/', faultsFileShape, mistakes), mistakes),
		symptoms: readAll(folder, 'synapse/', symptomsFileShape, mistakes, /^symptoms\.yaml$/),
		advisories: readAll(folder, 'advisories/', advisoryShape, mistakes).map(file => ({ ...file, id: file.base })),
		lifecycles: readAll(folder, 'lifecycles/', lifecycleShape, mistakes).map(file => ({ ...file, of: file.base })),
		ways: readAll(folder, 'synapse/', waysFileShape, mistakes, /^ways\.yaml$/),
		effects: readAll(folder, 'synapse/', effectsFileShape, mistakes, /^effects\.yaml$/),
		claims: readAll(folder, 'synapse/', claimsFileShape, mistakes, /^claims\.yaml$/),
		// Tables of renamed variables (<guide>-names.yaml) are in the same folder.
		guides: readAll(folder, 'guides/', guideShape, mistakes, /^(?!.*-names\.yaml$).*\.yaml$/).map(file => ({
			...file,
			id: file.base,
		})),
		tried,
		deltas: readJson(folder, 'synapse/code/deltas.json', deltasShape, mistakes) ?? { entries: [] },
		times: (readJson(folder, 'synapse/migration-times.json', migrationTimesShape, mistakes) ?? { times: [] }).times,
		largeTables: readAll(folder, 'synapse/', largeTablesShape, mistakes, /^large-tables\.yaml$/),
		installs: readAll(folder, 'install/', recipeShape, mistakes).map(file => ({ ...file, install: file.base })),
		renamed: readAll(folder, 'guides/', renamedFileShape, mistakes, /-names\.yaml$/),
		// Curators working on one range may keep their waivers in a separate file: waivers-1.47.yaml.
		waivers: readAll(folder, 'synapse/', waiversFileShape, mistakes, /^waivers.*\.yaml$/),
	};
	for (const mistake of mistakes) broken.add(/^[^\s:]+/.exec(mistake)?.[0] ?? '');
	return { files, read, mistakes };
}

/** Files named after the release they are about, in release order. */
function byRelease<Value>(
	files: readonly (YamlFile<Value> & { base: string })[],
	mistakes: string[],
): (YamlFile<Value> & { release: Version })[] {
	return files
		.flatMap(({ base, ...file }) => {
			if (isVersion(base)) return [{ ...file, release: base }];
			mistakes.push(`${file.name}:1:1 expected a file named for a release, with three parts, like 1.146.0.yaml`);
			return [];
		})
		.sort((a, b) => compare(a.release, b.release));
}

/** The passages without a note or a waiver. */
export function unreadIn({ passages, notes, waivers }: Files): Passage[] {
	const answered = new Set([
		...notes.flatMap(({ release, value }) =>
			value.notes.flatMap(note => note.covers.map(cover => nameOf(coveredBy(cover, release)))),
		),
		...waivers.flatMap(({ value }) => value.waivers.map(waiver => nameOf(waivedBy(waiver)))),
	]);
	return passages.filter(passage => !answered.has(nameOf(passage)));
}

function readJson<Value>(folder: Folder, name: string, shape: z.ZodType<Value>, mistakes: string[]): Value | undefined {
	const text = folder.text(name);
	if (text === undefined) return undefined;
	try {
		const result = shape.safeParse(JSON.parse(text));
		if (result.success) return result.data;
		for (const { path, message } of result.error.issues) {
			mistakes.push(`${name} ${path.map(String).join('.')}: expected ${message}; run npm run refresh`);
		}
	} catch (error) {
		mistakes.push(`${name} is not JSON: ${error instanceof Error ? error.message : error}`);
	}
	return undefined;
}

function readAll<Value>(
	folder: Folder,
	below: string,
	shape: z.ZodType<Value>,
	mistakes: string[],
	pattern = /\.yaml$/,
): (YamlFile<Value> & { base: string })[] {
	const names = folder.names(below).filter(name => pattern.test(name));
	return names.flatMap(name => {
		const file = readYaml(`${below}${name}`, folder.text(`${below}${name}`) ?? '', shape, mistakes);
		return file ? [{ ...file, base: name.replace(/\.yaml$/, '') }] : [];
	});
}

function knowledgeOf(files: Files, read: string): Knowledge {
	const byName = new Map(files.passages.map(passage => [nameOf(passage), passage]));
	const notes = files.notes.flatMap(({ release, value }) =>
		value.notes.map(({ covers, code, links, id, ...note }) => {
			const sources = covers.flatMap(cover => {
				const passage = byName.get(nameOf(coveredBy(cover, release)));
				return passage ? [sourceOf(passage)] : [];
			});
			return {
				...note,
				id: `${release}/${id}`,
				release,
				sources: [...sources, ...code.map(path => codeOf(release, path)), ...links.map(linkOf)],
			};
		}),
	);
	return {
		releases: files.releases,
		read,
		notes,
		faults: files.faults.flatMap(({ release, value }) =>
			value.faults.map(({ id, log, links, ...fault }) => ({
				...fault,
				id: `${release}/${id}`,
				release,
				sources: [...(log ? [logOf(log)] : []), ...links.map(linkOf)],
			})),
		),
		symptoms: files.symptoms.flatMap(({ value }) =>
			value.symptoms.map(({ links, ...symptom }) => ({ ...symptom, sources: links.map(linkOf) })),
		),
		advisories: files.advisories.map(({ id, value }) => ({ ...value, id })),
		effects: files.effects.flatMap(({ value }) => value.effects),
		stops: files.ways.flatMap(({ value }) => value.stops),
		rollbackFloors: files.ways.flatMap(({ value }) => value.rollbackFloors),
		lifecycles: Object.fromEntries(files.lifecycles.map(({ of, value }) => [of, value])),
		installs: Object.fromEntries(files.installs.map(({ install, value }) => [install, value])),
		migrations: files.largeTables.flatMap(({ value }) => migrationsOf(files.deltas, value, files.times)),
		queued: files.largeTables.flatMap(({ value }) => queuedUpdatesOf(files.deltas, value, files.times)),
		verified: files.verified.filter(({ holds }) => holds),
		unread: unreadIn(files),
		...guidesOf(files),
		renamed: files.renamed.flatMap(({ value }) => renamedIn(value)),
	};
}

/** A link to the changelog of the release that lists the fix. */
function logOf({ release, bullet }: { release: string; bullet: string }): Source {
	const url = `https://github.com/element-hq/synapse/releases/tag/v${release}`;
	return { document: 'CHANGES.md', section: `Synapse ${release}`, bullet, url };
}

/** Issues and pull requests are named by repository and number, other pages by host. */
function linkOf(url: string): Source {
	const found = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+)\/(?:issues|pull)\/(\d+)/.exec(url);
	return { document: found?.[1] ?? new URL(url).host, section: found ? `#${found[2]}` : new URL(url).pathname, url };
}

/** A file in Synapse's repository at this release, or at the one that its name specifies. */
function codeOf(of: string, file: string): Source {
	const [path = '', release = of] = file.split('@');
	const url = `https://github.com/element-hq/synapse/blob/v${release}/${path}`;
	return { document: path, section: `Synapse ${release}`, url };
}

/** A trial counts as long as the part of the guide that it covered is unchanged. */
function guidesOf(files: Files): { guides: Guide[]; tried: Tried[] } {
	const guides = files.guides.map(({ id, value }) => ({ id, ...value }));
	const counts = (trial: Tried) => {
		const guide = guides.find(({ id }) => id === trial.guide);
		return guide !== undefined && recipeOf(guide, trial) === trial.recipe;
	};
	return { guides, tried: files.tried.filter(counts) };
}

/** A passage as answers show it; changelog items are named by release and part. */
function sourceOf({ document, release, section, heading, under, part, bullet, url }: Passage): Source {
	return {
		document,
		section: section ?? `Synapse ${release}`,
		...(heading !== undefined && { heading }),
		...(part !== undefined && { heading: part }),
		...(under !== undefined && { under }),
		...(bullet !== undefined && { bullet }),
		url,
	};
}

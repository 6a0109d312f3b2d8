// Reads and checks the curated files below knowledge/distributions/ and the files generated next to them.
import type { z } from 'zod';
import { compareCharts } from '../deployment/chart.ts';
import { type Folder, folderAt } from './folder.ts';
import {
	bulletName,
	type DistributionFiles,
	distributionRules,
	sectionName,
	unreadSections,
} from './rules/distribution.ts';
import {
	type ChartKnowledge,
	chartFileShape,
	chartUpstreamShape,
	chartWaiversShape,
	enabledFileShape,
	type PlaybookKnowledge,
	playbookFileShape,
	playbookUpstreamShape,
} from './schema/distribution.ts';
import type { Source } from './schema/synapse.ts';
import { readYaml, type YamlFile } from './schema/yaml-file.ts';

/** Both distributions. Throws one Error that lists every mistake, one per line. */
export function readDistributions(folder: URL | Folder): { mdad: PlaybookKnowledge; ess: ChartKnowledge } {
	const { files, mistakes } = readDistributionFiles(folder);
	mistakes.push(...distributionRules.flatMap(rule => rule(files)));
	if (mistakes.length) {
		const many = mistakes.length > 1 ? 's' : '';
		throw new Error(`${mistakes.length} mistake${many} in the knowledge of distributions:\n${mistakes.join('\n')}`);
	}
	return { mdad: playbookOf(files), ess: chartsOf(files) };
}

/** Every file that has the right shape, and the mistakes of those that do not. */
export function readDistributionFiles(at: URL | Folder): { files: DistributionFiles; mistakes: string[] } {
	const folder = at instanceof URL ? folderAt(at) : at;
	const mistakes: string[] = [];
	const read = <Value>(of: string, pattern: RegExp, shape: z.ZodType<Value>) => {
		const names = folder.names(`distributions/${of}/`).filter(name => pattern.test(name));
		return names.flatMap((name): (YamlFile<Value> & { base: string })[] => {
			const path = `distributions/${of}/${name}`;
			const file = readYaml(path, folder.text(path) ?? '', shape, mistakes);
			return file ? [{ ...file, base: name.replace(/\.yaml$/, '') }] : [];
		});
	};
	const files = {
		mdad: {
			upstream: readTable(folder, 'mdad', playbookUpstreamShape, mistakes) ?? {
				commit: '',
				read: '',
				passages: [],
				synapse: [],
			},
			entries: read('mdad', /^\d{4}\.yaml$/, playbookFileShape),
			enabled: read('mdad', /^enabled\.yaml$/, enabledFileShape),
		},
		ess: {
			upstream: readTable(folder, 'ess', chartUpstreamShape, mistakes) ?? { read: '', passages: [], charts: [] },
			entries: read('ess', /^\d+\.yaml$/, chartFileShape),
			waivers: read('ess', /^waivers\.yaml$/, chartWaiversShape),
		},
	};
	return { files, mistakes };
}

function readTable<Value>(folder: Folder, of: string, shape: z.ZodType<Value>, mistakes: string[]): Value | undefined {
	const text = folder.text(`distributions/${of}/upstream.json`);
	if (text === undefined) return undefined;
	const result = shape.safeParse(JSON.parse(text));
	if (result.success) return result.data;
	for (const { path, message } of result.error.issues)
		mistakes.push(`distributions/${of}/upstream.json ${path.map(String).join('.')}: ${message}; run npm run refresh`);
	return undefined;
}

function playbookOf(files: DistributionFiles): PlaybookKnowledge {
	const { upstream, entries, enabled } = files.mdad;
	const byName = new Map(upstream.passages.map(passage => [sectionName(passage), passage]));
	return {
		commit: upstream.commit,
		read: upstream.read,
		...(upstream.migration !== undefined && { migration: upstream.migration }),
		entries: entries
			.flatMap(({ value }) => value.entries)
			.map(({ covers, commits, links, id, ...entry }) => {
				const passages = covers.flatMap(
					({ date = entry.date, heading }) => byName.get(sectionName({ date, heading })) ?? [],
				);
				const sources = passages.map(
					({ date, heading, url }): Source => ({ document: 'CHANGELOG.md', section: date, heading, url }),
				);
				// A change that came in two parts affects everyone who does not have the first one yet, even though
				// only the second completes it.
				const added = passages.map(passage => passage.added).sort()[0] ?? entry.date;
				const gone = passages.every(passage => passage.gone !== undefined) ? passages[0]?.gone : undefined;
				return {
					...entry,
					id: `mdad/${entry.date}/${id}`,
					added,
					...(gone !== undefined && { gone }),
					sources: [...sources, ...commits.map(commitSource), ...links.map(pageSource)],
				};
			})
			.sort((a, b) => a.date.localeCompare(b.date)),
		enabled: enabled.flatMap(({ value }) => value.enabled),
		derived: enabled.flatMap(({ value }) => value.derived),
		required: enabled.flatMap(({ value }) => value.required),
		synapse: upstream.synapse,
		unread: unreadSections(files).mdad,
	};
}

function chartsOf(files: DistributionFiles): ChartKnowledge {
	const { upstream, entries } = files.ess;
	const byName = new Map(upstream.passages.map(passage => [bulletName(passage), passage]));
	return {
		read: upstream.read,
		entries: entries
			.flatMap(({ value }) => value.entries)
			.map(({ covers, links, id, ...entry }) => {
				const sources = covers.flatMap(({ chart = entry.chart, part, bullet }): Source[] => {
					const passage = byName.get(bulletName({ chart, part, bullet }));
					return passage ? [{ document: 'CHANGELOG.md', section: chart, heading: part, bullet, url: passage.url }] : [];
				});
				return { ...entry, id: `ess/${entry.chart}/${id}`, sources: [...sources, ...links.map(pageSource)] };
			})
			.sort((a, b) => compareCharts(a.chart, b.chart)),
		charts: upstream.charts,
		unread: unreadSections(files).ess,
	};
}

function commitSource(commit: string): Source {
	const url = `https://github.com/spantaleev/matrix-docker-ansible-deploy/commit/${commit}`;
	return { document: 'commit', section: commit, url };
}

function pageSource(url: string): Source {
	return { document: new URL(url).host, section: new URL(url).pathname, url };
}

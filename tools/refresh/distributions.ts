// Reads a clone of the playbook or of the charts, writes the generated files in knowledge/distributions/, and lists
// what is left to read.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareCharts } from '../../src/deployment/chart.ts';
import { isVersion } from '../../src/deployment/version.ts';
import { readDistributionFiles } from '../../src/knowledge/read-distributions.ts';
import { unreadSections } from '../../src/knowledge/rules/distribution.ts';
import { chartLogs, installedBy } from '../../src/knowledge/upstream/chart-log.ts';
import { hashOf, versionOf } from '../../src/knowledge/upstream/passage.ts';
import { installedSynapse, type PlaybookSection, playbookSections } from '../../src/knowledge/upstream/playbook-log.ts';
import { type Git, hasPath, openGit, textsOf } from './git.ts';
import { refreshVariables } from './playbook-variables.ts';

const log = 'CHANGELOG.md';
/** Where Synapse's role has its defaults, and where it had them until November 2022. */
const defaults = ['roles/custom/matrix-synapse/defaults/main.yml', 'roles/matrix-synapse/defaults/main.yml'];
const values = 'charts/matrix-stack/values.yaml';
/** Nothing older is curated. */
const oldest = '2020-01-01';

export type Distribution = 'mdad' | 'ess';

/** Which distribution this folder is a clone of, if any. Only a clone shows on which days changes reached users. */
export function distributionIn(folder: string): Distribution | undefined {
	if (!existsSync(join(folder, '.git')) && !existsSync(join(folder, 'objects'))) return undefined;
	const git = openGit(folder);
	if (hasPath(git, defaults[0] ?? '')) return 'mdad';
	return hasPath(git, values) ? 'ess' : undefined;
}

/**
 * Writes the generated files of one distribution below `knowledge`, and returns what is left to do, as lines.
 * `fetched`: the day on which the clone was updated, which the clone does not record; by default the day of its newest
 * commit. `roles`: clones of the playbook's roles; without them, the variables stay as they were read before.
 */
export function refreshDistribution(
	of: Distribution,
	folder: string,
	knowledge: URL,
	fetched?: string,
	roles: readonly string[] = [],
): string[] {
	const into = new URL(`distributions/${of}/`, knowledge);
	mkdirSync(into, { recursive: true });
	const git = openGit(folder);
	const read = fetched ?? git(['log', '-1', '--format=%cs']).toString().trim();
	const file = new URL('upstream.json', into);
	const before = existsSync(file)
		? (JSON.parse(readFileSync(file, 'utf8')) as { passages: Named[] })
		: { passages: [] };
	const now = of === 'mdad' ? readPlaybook(git) : readCharts(git);
	writeTable(file, { ...('commit' in now ? { commit: now.commit } : {}), read, ...now.head }, now.tables);
	if ('commits' in now) writeDays(new URL('commits.json', into), now.commits);
	const variables = of === 'mdad' && roles.length ? refreshVariables(git, roles, into) : [];
	const { files, mistakes } = readDistributionFiles(knowledge);
	const unread = unreadSections(files)[of];
	return [
		`${of}: ${now.tables.passages.length} passages`,
		...variables,
		...changesOf(before.passages, now.tables.passages),
		...mistakes.map(mistake => `left out: ${mistake}`),
		`${unread.length} passages are unread`,
		...unread.map(passage => `unread   ${nameOf(passage)}`),
	];
}

type Named = { date?: string; heading?: string; chart?: string; part?: string; bullet?: string; hash: string };

function nameOf({ date, heading, chart, part, bullet }: Omit<Named, 'hash'>): string {
	return [date, heading, chart, part, bullet].filter(word => word !== undefined).join(' › ');
}

function changesOf(before: readonly Named[], after: readonly Named[]): string[] {
	const old = new Map(before.map(passage => [nameOf(passage), passage.hash]));
	const now = new Map(after.map(passage => [nameOf(passage), passage.hash]));
	return [
		...(old.size ? [...now.keys()].filter(name => !old.has(name)).map(name => `new      ${name}`) : []),
		...[...now].filter(([name, hash]) => (old.get(name) ?? hash) !== hash).map(([name]) => `changed  ${name}`),
		...[...old.keys()].filter(name => !now.has(name)).map(name => `gone     ${name}`),
	];
}

/** A commit of the main branch, with the day (UTC) on which it arrived there. */
type Arrival = { commit: string; day: string };

/** The main branch, oldest first, and the day on which each commit reached it. */
function arrivals(git: Git): { main: Arrival[]; all: Map<string, string> } {
	const lines = git(['log', '--topo-order', '--reverse', '--format=%H %ct %P']).toString().trim().split('\n');
	const commits = new Map(
		lines.map(line => {
			const [commit = '', seconds = '', ...parents] = line.split(' ');
			return [
				commit,
				{ day: new Date(Number(seconds) * 1000).toISOString().slice(0, 10), parents: parents.filter(Boolean) },
			];
		}),
	);
	const main: Arrival[] = [];
	const head = git(['rev-parse', 'HEAD']).toString().trim();
	for (let commit: string | undefined = head; commit; commit = commits.get(commit)?.parents[0])
		main.push({ commit, day: commits.get(commit)?.day ?? '' });
	main.reverse();
	const all = new Map<string, string>();
	for (const { commit, day } of main) {
		const open = [commit];
		for (let next = open.pop(); next !== undefined; next = open.pop()) {
			if (all.has(next)) continue;
			all.set(next, day);
			open.push(...(commits.get(next)?.parents ?? []));
		}
	}
	return { main, all };
}

/** The commits of the main branch that touch one of these paths, oldest first, with the content at that time. */
function editions(git: Git, main: readonly Arrival[], paths: readonly string[]): (Arrival & { text: string })[] {
	const touched = new Set(
		git(['log', '--first-parent', '--format=%H', '--', ...paths])
			.toString()
			.trim()
			.split('\n'),
	);
	const asked = main.filter(({ commit }) => touched.has(commit));
	const texts = paths.map(path =>
		textsOf(
			git,
			asked.map(({ commit }) => `${commit}:${path}`),
		),
	);
	return asked.flatMap((arrival, index) => {
		const text = texts.map(list => list[index]).find(found => found !== undefined);
		return text === undefined ? [] : [{ ...arrival, text }];
	});
}

function readPlaybook(git: Git) {
	const { main, all } = arrivals(git);
	const changes = editions(git, main, [log]);
	const arrived = new Map<string, Arrival>();
	for (const { text, commit, day } of changes)
		for (const section of playbookSections(text)) {
			const key = keyOf(section);
			if (!arrived.has(key)) arrived.set(key, { commit, day });
		}
	const passageOf = ({ date, heading, url, text }: PlaybookSection) => {
		const { commit = '', day = date } = arrived.get(`${date} ${heading}`) ?? {};
		// A heading that appeared this late was reworded; the section itself was there before.
		const isReworded = Date.parse(day) - Date.parse(date) > 14 * 86_400_000;
		const added = isReworded || day < date ? date : day;
		return { date, heading, added, commit: commit.slice(0, 9), url, hash: hashOf(text) };
	};
	const passages = [
		...playbookSections(changes.at(-1)?.text ?? '').map(passageOf),
		...takenBack(changes)
			.map(({ gone, ...section }) => ({ ...passageOf(section), gone }))
			// Drop drafts that were removed on the same day: no checkout from that evening has them.
			.filter(({ added, gone }) => gone > added),
	]
		.filter(({ date }) => date >= oldest)
		.sort((a, b) => b.date.localeCompare(a.date));
	const synapse: { date: string; synapse: string }[] = [];
	for (const { text, day } of editions(git, main, defaults)) {
		const version = versionOf(installedSynapse(text) ?? '');
		if (version === undefined || !isVersion(version) || version === synapse.at(-1)?.synapse) continue;
		// If there are several changes on one day, the last one counts.
		if (synapse.at(-1)?.date === day) synapse.pop();
		synapse.push({ date: day, synapse: version });
	}
	const [text] = textsOf(git, ['HEAD:roles/custom/matrix_playbook_migration/defaults/main.yml']);
	const migration = /^matrix_playbook_migration_expected_version: "?(v[\d.]+)"?/m.exec(text ?? '')?.[1];
	return {
		commit: main.at(-1)?.commit ?? '',
		commits: all,
		head: { ...(migration !== undefined && { migration }) },
		tables: { passages, synapse },
	};
}

/**
 * Sections that were removed from the log (`gone`: on which day), with the address at which they can still be read. A
 * section does not count if it came back, or if the same commit only changed its heading or its day.
 */
function takenBack(changes: readonly (Arrival & { text: string })[]): (PlaybookSection & { gone: string })[] {
	const left = new Map<string, PlaybookSection & { gone: string }>();
	let before: { sections: PlaybookSection[]; commit: string } = { sections: [], commit: '' };
	for (const { text, commit, day } of changes) {
		const sections = playbookSections(text);
		const had = new Set(before.sections.map(keyOf));
		const has = new Set(sections.map(keyOf));
		const fresh = sections.filter(section => !had.has(keyOf(section)));
		for (const section of before.sections) {
			const isMoved = fresh.some(({ date, heading }) => date === section.date || heading === section.heading);
			if (has.has(keyOf(section)) || isMoved) continue;
			left.set(keyOf(section), { ...section, url: section.url.replace('/master/', `/${before.commit}/`), gone: day });
		}
		for (const key of has) left.delete(key);
		before = { sections, commit: commit.slice(0, 9) };
	}
	return [...left.values()];
}

function keyOf({ date, heading }: PlaybookSection): string {
	return `${date} ${heading}`;
}

function readCharts(git: Git) {
	const tags = git(['for-each-ref', '--format=%(refname:strip=2) %(creatordate:short)', 'refs/tags'])
		.toString()
		.trim()
		.split('\n')
		.map(line => line.split(' '))
		.filter(([tag = '']) => /^\d+\.\d+\.\d+$/.test(tag));
	const texts = textsOf(
		git,
		tags.map(([tag]) => `refs/tags/${tag}:${values}`),
	);
	const charts = tags
		.map(([chart = '', date = ''], index) => {
			const installed = installedBy(texts[index] ?? '');
			if (!installed) throw new Error(`the values of chart ${chart} name no release of Synapse`);
			return { chart, date, ...installed };
		})
		.sort((a, b) => compareCharts(a.chart, b.chart));
	const [text] = textsOf(git, [`HEAD:${log}`]);
	const seen = new Map<string, { chart: string; part: string; bullet: string; url: string; text: string }>();
	for (const bullet of chartLogs(text ?? '').flatMap(({ bullets }) => bullets)) {
		const key = nameOf(bullet);
		const before = seen.get(key);
		seen.set(key, before ? { ...before, text: `${before.text}\n${bullet.text}` } : bullet);
	}
	const passages = [...seen.values()].map(({ text: own, ...passage }) => ({ ...passage, hash: hashOf(own) }));
	return { head: {}, tables: { passages, charts } };
}

/** One line per item, so that a diff shows only what changed. */
function writeTable(file: URL, head: object, tables: Record<string, readonly object[]>): void {
	const lines = Object.entries(tables).map(
		([key, items]) => `"${key}": [\n${items.map(item => JSON.stringify(item)).join(',\n')}\n]`,
	);
	const start = JSON.stringify(head).slice(1, -1);
	writeFileSync(file, `{${[start, ...lines].filter(Boolean).join(',\n')}}\n`);
}

/** The first nine digits of each day's commits, one line per day. */
function writeDays(file: URL, commits: ReadonlyMap<string, string>): void {
	const days = Map.groupBy(
		[...commits].filter(([, day]) => day >= oldest),
		([, day]) => day,
	);
	const lines = [...days]
		.sort(([a], [b]) => a.localeCompare(b))
		.map(
			([day, list]) =>
				`${JSON.stringify(day)}: ${JSON.stringify(
					list
						.map(([commit]) => commit.slice(0, 9))
						.sort()
						.join(' '),
				)}`,
		);
	writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
}

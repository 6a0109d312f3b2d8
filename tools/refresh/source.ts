// The sources of a refresh: a clone of Synapse's repository with its tags, or one release's unpacked archive.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Refusal } from '../../src/answer.ts';
import type { Version } from '../../src/deployment/version.ts';
import { versionOf } from '../../src/knowledge/upstream/passage.ts';

export type Source = {
	/** Releases and candidates in it, with the date of a tag if there is one. */
	versions: ReadonlyMap<Version, { date?: string }>;
	/** The texts of these files in these releases, by release and path. Missing releases and files are left out. */
	read(versions: readonly Version[], paths: readonly string[]): Map<Version, Map<string, string>>;
	/** The path of every file of a release, relative to the repository. */
	paths(version: Version): string[];
	/** The paths of a release's change logs, including those of past years. */
	logPaths(version: Version): string[];
};

/** Throws a Refusal that names the folder, if it is neither. */
export function openSource(folder: string): Source {
	const isClone = existsSync(join(folder, '.git')) || existsSync(join(folder, 'objects'));
	if (isClone) return openClone(folder);
	if (existsSync(join(folder, 'CHANGES.md')) && existsSync(join(folder, 'synapse'))) return openArchive(folder);
	throw new Refusal(`${folder} is neither a clone of Synapse nor one of its release archives, unpacked.`);
}

const formerLog = /^CHANGES-.*\.md$/;

function openClone(folder: string): Source {
	const git = (args: string[], input = '') =>
		execFileSync('git', ['-C', folder, ...args], { input, maxBuffer: 2 ** 31 });
	const tags = new Map<Version, { tag: string; date: string }>();
	const lines = git(['for-each-ref', '--format=%(refname:strip=2) %(creatordate:short)', 'refs/tags']).toString();
	for (const line of lines.trim().split('\n')) {
		const [tag = '', date = ''] = line.split(' ');
		// Releases are tagged with a `v` and three numbers; other tags are for people, events, or Debian.
		const version = /^v\d+\.\d+\.\d/.test(tag) ? versionOf(tag) : undefined;
		if (version) tags.set(version, { tag, date });
	}
	return {
		versions: tags,
		read(versions, paths) {
			const asked = versions.flatMap(version => {
				const tag = tags.get(version)?.tag;
				return tag ? paths.map(path => ({ version, path, name: `refs/tags/${tag}:${path}` })) : [];
			});
			const answer = git(['cat-file', '--batch'], asked.map(({ name }) => `${name}\n`).join(''));
			const texts = new Map<Version, Map<string, string>>();
			let at = 0;
			for (const { version, path } of asked) {
				const end = answer.indexOf('\n', at);
				const header = answer.toString('utf8', at, end);
				at = end + 1;
				if (header.endsWith(' missing')) continue;
				const size = Number(header.split(' ').at(-1));
				add(texts, version, path, answer.toString('utf8', at, at + size));
				at += size + 1;
			}
			return texts;
		},
		paths(version) {
			const tag = tags.get(version)?.tag;
			return tag
				? git(['ls-tree', '-r', '--name-only', `refs/tags/${tag}`])
						.toString()
						.trim()
						.split('\n')
				: [];
		},
		logPaths(version) {
			const tag = tags.get(version)?.tag;
			if (!tag) return [];
			const names = git(['ls-tree', '--name-only', `refs/tags/${tag}`, 'CHANGES.md', 'docs/changelogs/']).toString();
			return names.trim().split('\n').filter(isLog);
		},
	};
}

function openArchive(folder: string): Source {
	const own = versionOf(versionWritten(folder));
	if (!own) throw new Error(`${folder} does not say which release it is`);
	return {
		versions: new Map([[own, {}]]),
		read(versions, paths) {
			const texts = new Map<Version, Map<string, string>>();
			if (!versions.includes(own)) return texts;
			for (const path of paths) {
				if (existsSync(join(folder, path))) add(texts, own, path, readFileSync(join(folder, path), 'utf8'));
			}
			return texts;
		},
		paths() {
			return readdirSync(folder, { recursive: true, withFileTypes: true })
				.filter(entry => entry.isFile())
				.map(entry => relative(folder, join(entry.parentPath, entry.name)));
		},
		logPaths() {
			const former = join(folder, 'docs/changelogs');
			const names = existsSync(former) ? readdirSync(former).sort() : [];
			return ['CHANGES.md', ...names.map(name => `docs/changelogs/${name}`)].filter(isLog);
		},
	};
}

function isLog(path: string): boolean {
	return path === 'CHANGES.md' || formerLog.test(path.replace('docs/changelogs/', ''));
}

function versionWritten(folder: string): string {
	const project = join(folder, 'pyproject.toml');
	const inProject = existsSync(project) && /^version = "([^"]+)"/m.exec(readFileSync(project, 'utf8'))?.[1];
	if (inProject) return inProject;
	return /^__version__ = "([^"]+)"/m.exec(readFileSync(join(folder, 'synapse/__init__.py'), 'utf8'))?.[1] ?? '';
}

function add(texts: Map<Version, Map<string, string>>, version: Version, path: string, text: string): void {
	const files = texts.get(version) ?? new Map<string, string>();
	texts.set(version, files.set(path, text));
}

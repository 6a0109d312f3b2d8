// Reads every variable that the playbook and its roles know, and every name that they refuse, from their files.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Git, openGit, textsOf } from './git.ts';

/** A role in its own repository: the version that the playbook requires, and the one that was read. */
type RoleRead = { wants: string; read: string | null };

/** A name that a role refuses, and the names that it requires instead; empty if there are none. */
type RefusedName = { old: string; new: string };
/** `guard`: the variable that enables the role's checks; empty if they always run. */
type GuardedName = RefusedName & { guard: string };

/** The top-level names in the files of a role or the playbook: `name: value`, and loops over them. */
function namesIn(text: string): string[] {
	return [...text.matchAll(/^([a-zA-Z]\w*):(?:\s|$)/gm)].flatMap(([, name]) => name ?? []);
}

/** `{'old': 'a', 'new': 'b'}` in every form that roles use. */
export function refusedIn(text: string): RefusedName[] {
	const pairs = /["']?old["']?\s*:\s*["']([A-Za-z]\w*)["']\s*,?\s*["']?new["']?\s*:\s*(?:"([^"\n]*)"|'([^'\n]*)')/g;
	const renamed = [...text.matchAll(pairs)].map(([, old = '', double, single]) => ({
		old,
		new: namesAmong(double ?? single ?? '', old),
	}));
	return [...renamed, ...removedIn(text).map(old => ({ old, new: '' }))];
}

/** Names that are refused without a replacement: `'^a_b$'`, or a list of names, each as `('^' + item + '$')`. */
function removedIn(text: string): string[] {
	const alone = [...text.matchAll(/varnames', '\^([a-z]\w+)\$'/g)];
	const lists = [...text.matchAll(/(?:with_items|loop):((?:\s+- "?[a-z]\w+"?$)+)\s+when: .*'\^' \+ item \+ '\$'/gm)];
	return [...alone.map(([, name = '']) => name), ...lists.flatMap(([, list = '']) => list.match(/\b[a-z]\w+/g) ?? [])];
}

/** `<superseded by a_b, see docs>` → `a_b`; empty if it names no variable. */
function namesAmong(text: string, old: string): string {
	if (/^<?removed\b/i.test(text)) return '';
	const words = text.replace(/\S*[/.]\S*/g, ' ').match(/\b[a-z][a-zA-Z0-9]*(?:_[a-zA-Z0-9]+)+\b(?!\*)/g) ?? [];
	return [...new Set(words)].filter(word => word !== old && word !== 'docker_image_pull').join(' or ');
}

/** What enables a role's checks: the condition on the line below them, or the last one above. */
function guardIn(main: string): string {
	const at = main.indexOf('validate_config.yml');
	const condition = /when: *"?(?:run_\w+ \| bool and )?(\w+_enabled) \| bool/g;
	const [, below] = /^[^\n]*\n\s+when: *"?(?:run_\w+ \| bool and )?(\w+_enabled) \| bool/.exec(main.slice(at)) ?? [];
	return below ?? [...main.slice(0, Math.max(0, at)).matchAll(condition)].at(-1)?.[1] ?? '';
}

/** Patterns of names that are refused as a whole: `'^matrix_dimension_.+'` → `matrix_dimension_*`. */
export function familiesIn(text: string): string[] {
	const patterns = [...text.matchAll(/varnames', '\^([^'$]+)'/g)].map(([, pattern = '']) => pattern);
	return [...new Set(patterns.flatMap(spelledOut).filter(pattern => /^[a-z]\w*\*$/.test(pattern)))];
}

/** `matrix_(a|b)_.+` → `matrix_a_*`, `matrix_b_*`. */
function spelledOut(pattern: string): string[] {
	const [, before = '', choices, after = ''] = /^([^(]*)(?:\(([^)]*)\))?(.*)$/.exec(pattern) ?? [];
	return (choices?.split('|') ?? ['']).map(choice => `${before}${choice}${after}`.replace(/(?:\.\+)?$/, '*'));
}

/** Writes `variables.json` below `into`. `clones`: folders with the histories of roles, found by name. */
export function refreshVariables(playbook: Git, clones: readonly string[], into: URL): string[] {
	const paths = playbook(['ls-tree', '-r', '--name-only', 'HEAD']).toString().trim().split('\n');
	const own = paths.filter(path =>
		/(?:^group_vars\/|\/(?:defaults|vars)\/main\.yml$|^examples\/vars\.yml$)/.test(path),
	);
	const checks = paths.filter(path => /\/tasks\/.*validate_config.*\.yml$/.test(path));
	const read = (git: Git, at: string, list: readonly string[]) =>
		textsOf(
			git,
			list.map(path => `${at}:${path}`),
		).flatMap(text => text ?? []);
	const names = read(playbook, 'HEAD', own).flatMap(namesIn);
	const refusing = read(playbook, 'HEAD', checks);
	const refused: GuardedName[] = checks.flatMap(path => {
		const [text = '', main = ''] = textsOf(playbook, [`HEAD:${path}`, `HEAD:${path.replace(/[^/]+$/, 'main.yml')}`]);
		const guard = guardIn(main);
		return refusedIn(text).map(name => ({ ...name, guard }));
	});
	const families = refusing.flatMap(familiesIn);
	const roles: Record<string, RoleRead> = {};
	const [requirements = ''] = textsOf(playbook, ['HEAD:requirements.yml']);
	for (const [, repository = '', wants = '', name = ''] of requirements.matchAll(
		/- src: git\+https:\/\/github\.com\/[^/]+\/([\w.-]+?)(?:\.git)?\s+version: (\S+)\s+name: (\w+)/g,
	)) {
		const clone = clones.find(folder => folder.includes(repository) && !folder.includes(`${repository}-`));
		const git = clone && openGit(clone);
		roles[name] = { wants, read: null };
		if (!git) continue;
		const at = hasCommit(git, wants) ? wants : 'HEAD';
		const files = git(['ls-tree', '-r', '--name-only', at]).toString().trim().split('\n');
		roles[name] = { wants, read: at === wants ? wants : newestTag(git) };
		const found = read(
			git,
			at,
			files.filter(path => /^(?:defaults|vars)\/main\.yml$/.test(path)),
		);
		names.push(...found.flatMap(namesIn));
		const guard = guardIn(read(git, at, ['tasks/main.yml'])[0] ?? '');
		const checking = files.filter(path => /^tasks\/.*validate_config.*\.yml$/.test(path));
		refused.push(
			...read(git, at, checking)
				.flatMap(refusedIn)
				.map(found => ({ ...found, guard })),
		);
	}
	const head = playbook(['rev-parse', 'HEAD']).toString().trim();
	const once = new Map(refused.map(({ old, new: now, guard }) => [old, [now, guard]]));
	const known = [...new Set(names)].filter(name => !once.has(name)).sort();
	const lines = [
		`"commit": ${JSON.stringify(head)}`,
		`"roles": ${JSON.stringify(roles)}`,
		`"families": ${JSON.stringify([...new Set(families)].sort())}`,
		`"refused": {\n${[...once]
			.sort(([a], [b]) => a.localeCompare(b))
			.map(([old, now]) => `${JSON.stringify(old)}: ${JSON.stringify(now)}`)
			.join(',\n')}\n}`,
		`"names": [\n${known.map(name => JSON.stringify(name)).join(',\n')}\n]`,
	];
	writeFileSync(new URL('variables.json', into), `{${lines.join(',\n')}}\n`);
	const others = Object.entries(roles).filter(([, { wants, read: at }]) => wants !== at);
	return [
		`${known.length} variables, ${once.size} refused names, ${new Set(families).size} refused families`,
		...others.map(([name, { wants, read: at }]) => `role     ${name}: needs ${wants}, read ${at ?? 'nothing'}`),
	];
}

function hasCommit(git: Git, at: string): boolean {
	try {
		git(['rev-parse', '--verify', '--quiet', `${at}^{commit}`]);
		return true;
	} catch {
		return false;
	}
}

function newestTag(git: Git): string {
	return git(['describe', '--tags', '--always', 'HEAD']).toString().trim();
}

/** Whether a folder is a clone of a role. */
export function isRole(folder: string): boolean {
	if (!existsSync(join(folder, '.git')) && !existsSync(join(folder, 'objects'))) return false;
	const git = openGit(folder);
	try {
		return git(['ls-tree', '--name-only', 'HEAD', 'defaults', 'tasks']).toString().split('\n').includes('defaults');
	} catch {
		return false;
	}
}

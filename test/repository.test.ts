// The repository's lists are complete: commands, README, dependencies, workflow. (For imports see house.test.ts.)
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { commands } from '../commands/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function filesIn(folder: string): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
		.map(name => join(folder, name))
		.filter(path => path.endsWith('.ts') && !path.includes('node_modules') && statSync(join(root, path)).isFile());
}

const source = [...filesIn('src'), ...filesIn('commands')];

describe('complete lists', () => {
	test('commands/index.ts has every file of its folder', () => {
		const files = readdirSync(join(root, 'commands')).filter(name => name !== 'index.ts');
		expect(commands.map(({ name }) => `${name}.ts`).sort()).toEqual(files.sort());
	});

	test("the README's table of commands is what !help prints", () => {
		const readme = readFileSync(join(root, 'README.md'), 'utf8');
		const rows = [...readme.matchAll(/^\| `!(.+?)` \| (.+?) \|$/gm)].map(([, usage, summary]) => [
			usage?.replaceAll('\\|', '|'),
			summary,
		]);
		expect(rows).toEqual(commands.map(({ usage, summary }) => [usage, summary]));
	});

	test('every file says in its first line what it is for', () => {
		for (const path of [...source, ...filesIn('tools'), ...filesIn('crypto')]) {
			expect(readFileSync(join(root, path), 'utf8').split('\n')[0], path).toMatch(/^(#!.*|\/\/ \S.*|\/\*\* \S.*)/);
		}
	});

	test('every dependency has a line that says why', () => {
		const packages = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
		const decisions = readFileSync(join(root, 'docs/decisions.md'), 'utf8');
		const names = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap(kind =>
			Object.keys(packages[kind] ?? {}),
		);
		const missing = names.filter(name => !decisions.includes(`| \`${name}\` |`));
		expect(missing).toEqual([]);
	});
});

test("the workflow runs README's two commands on each supported Node.js and on two systems", () => {
	const { jobs } = parse(readFileSync(join(root, '.github/workflows/test.yml'), 'utf8'));
	const { steps, strategy } = jobs.test;
	expect(steps.flatMap(({ run }: { run?: string }) => run ?? [])).toEqual(['npm ci', 'npm test']);
	expect(strategy.matrix.node).toEqual([20, 22, 24]);
	expect(strategy.matrix.system).toHaveLength(2);
});

test('text files follow .editorconfig', () => {
	const text = /\.(?:ts|js|cjs|json|ya?ml|md|py|sh|service|timer)$|^(?:Dockerfile|\.editorconfig|\.gitignore)$/;
	const folders = ['.ci', '.github', '.vscode', 'bench', 'crypto', 'deploy', 'docs', 'knowledge', 'test', 'tools'];
	const files = [
		...source,
		...readdirSync(root),
		...folders.flatMap(folder =>
			readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)),
		),
	].filter(
		path =>
			text.test(path) &&
			!/node_modules|compiled\.json/.test(path) &&
			statSync(join(root, path), { throwIfNoEntry: false })?.isFile(),
	);
	expect(files.length).toBeGreaterThan(1000);
	const spaces = /\.(?:ya?ml|md|py)$/;
	const wrong = files.filter(path => {
		const content = readFileSync(join(root, path), 'utf8');
		if (content.includes('\r') || (content !== '' && !content.endsWith('\n'))) return true;
		if (!path.endsWith('.md') && /[ \t]$/m.test(content)) return true;
		return spaces.test(path) && !path.endsWith('.md') && /^\t/m.test(content);
	});
	expect(wrong).toEqual([]);
});

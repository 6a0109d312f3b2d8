// The lists of the repository say all: commands, README, configuration, dependencies. (Arrows: house.test.ts)
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commands } from '../commands/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function filesIn(folder: string): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
		.map(name => join(folder, name))
		.filter(path => path.endsWith('.ts') && !path.includes('node_modules') && statSync(join(root, path)).isFile());
}

const source = [...filesIn('src'), ...filesIn('commands')];

describe('lists that say all', () => {
	test('commands/index.ts has every file of its folder', () => {
		const files = readdirSync(join(root, 'commands')).filter(name => name !== 'index.ts');
		expect(commands.map(({ name }) => `${name}.ts`).sort()).toEqual(files.sort());
	});

	test('the README’s table of commands is what !help prints', () => {
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

	test('every dependency has its line of why', () => {
		const packages = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
		const decisions = readFileSync(join(root, 'docs/decisions.md'), 'utf8');
		const names = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap(kind =>
			Object.keys(packages[kind] ?? {}),
		);
		const missing = names.filter(name => !decisions.includes(`| \`${name}\` |`));
		expect(missing).toEqual([]);
	});
});

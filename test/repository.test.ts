// What a reader may rely on when opening the repository: the arrows between files, and the lists that say all.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commands } from '../commands/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function filesIn(folder: string): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
		.map(name => join(folder, name))
		.filter(path => path.endsWith('.ts') && !path.includes('node_modules') && statSync(join(root, path)).isFile());
}

type Import = { of: string; type: boolean };

/** What a file imports, ours as a path from the root, others by their name. */
function importsOf(path: string): Import[] {
	const text = readFileSync(join(root, path), 'utf8');
	const found = [
		...text.matchAll(/^(?:import|export)\s+(type\s+)?[^'"]*?from\s+'([^']+)'/gms),
		...text.matchAll(/\bimport\(()'([^']+)'\)/g),
	];
	return found.map(([, type, of = '']) => ({
		of: of.startsWith('.') ? relative(root, join(root, path, '..', of)) : of,
		type: Boolean(type),
	}));
}

const source = [...filesIn('src'), ...filesIn('commands')];

/** Where each importer may point with a value, and where only with `import type`. */
const arrows: { from: RegExp; values: RegExp; types?: RegExp }[] = [
	{ from: /^src\/advice\//, values: /^src\/(advice|configuration)\//, types: /^src\/(knowledge\/shape|command)\.ts$/ },
	{
		from: /^commands\//,
		values: /^(commands\/|src\/advice\/|src\/(args|command|status-card)\.ts$)/,
		types: /^src\/(ports|knowledge\/shape)\.ts$/,
	},
	{
		from: /^src\/status-card\.ts$/,
		values: /^src\/advice\//,
		types: /^src\/(ports|command)\.ts$/,
	},
	{
		from: /^src\/render\//,
		values: /^(src\/render\/|src\/advice\/markdown\.ts$|marked$|sanitize-html$)/,
		types: /^src\/command\.ts$/,
	},
	{
		from: /^src\/(bot|args)\.ts$/,
		values: /^(src\/(args|command)\.ts|src\/advice\/.*|fastest-levenshtein|node:crypto)$/,
		types: /^src\/(ports|knowledge\/shape)\.ts$/,
	},
	{
		from: /^src\/edges\/(matrix|store)/,
		values:
			/^(src\/edges\/(matrix|store)|src\/(command|backoff|said)\.ts$|node:|kysely(\/|$)|undici$|matrix-bot-sdk$|@matrix-org\/matrix-sdk-crypto-nodejs$)/,
		types: /^src\/((ports|config|log)\.ts$|advice\/)/,
	},
	{ from: /^src\/(rights|backoff)\.ts$/, values: /^$/, types: /^src\/ports\.ts$/ },
];

describe('arrows', () => {
	test.each(source.map(path => [path]))('%s', path => {
		for (const { from, values, types } of arrows.filter(arrow => arrow.from.test(path))) {
			for (const { of, type } of importsOf(path)) {
				const allowed = values.test(of) || (type && types?.test(of));
				expect(allowed, `${path} (${from}) imports ${type ? 'type ' : ''}${of}`).toBeTruthy();
			}
		}
		for (const { of, type } of importsOf(path)) {
			if (of.startsWith('src/edges/') && !type)
				expect(path, `imports ${of}`).toMatch(/^src\/(main\.ts|main\/|edges\/)/);
			expect(of, `${path} imports main`).not.toBe('src/main.ts');
			if (of === 'matrix-bot-sdk') expect(path).toMatch(/^src\/edges\/matrix/);
			if (of === 'kysely' || of === 'node:sqlite') expect(path).toMatch(/^src\/edges\/store/);
			if (of === 'undici') expect(path).toMatch(/^src\/edges\//);
			if (/^(node:dns|node:tls|node:net|ipaddr\.js)/.test(of)) expect(path).toMatch(/^src\/edges\/web/);
		}
	});

	test('advice knows no clock, no environment and does not wait', () => {
		for (const path of filesIn('src/advice')) {
			const code = readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|`(?:[^`\\]|\\.)*`/g, '');
			expect(code, path).not.toMatch(/\bawait\b|\basync\b|Date\.now|new Date\(\)|process\./);
		}
	});
});

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

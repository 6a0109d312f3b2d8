// Everything that the documents name exists: commands, npm scripts, options, variables, files and headings.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { usage } from '../../src/app/command-line.ts';
import { parseConfig, variables } from '../../src/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = ['.', 'docs', 'docs/reviews'].flatMap(folder =>
	readdirSync(join(root, folder))
		.filter(name => name.endsWith('.md'))
		.map(name => join(folder, name)),
);
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Variables of the configuration, those that tools and tests read, and the one that a pipeline must set itself. */
const known = new Set([...variables, ...variablesIn('tools'), ...variablesIn('test'), 'GLIA_REPOSITORY']);

function variablesIn(folder: string): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
		.filter(name => name.endsWith('.ts'))
		.flatMap(name =>
			[...read(join(folder, name)).matchAll(/process\.env\.(GLIA_[A-Z_]+)/g)].map(([, found = '']) => found),
		);
}

/** GitHub's anchor for a heading. */
const anchor = (heading: string) =>
	heading
		.toLowerCase()
		.replace(/[^\p{L}\p{N} -]/gu, '')
		.replaceAll(' ', '-');

test.each(pages)('%s links to existing files and headings', page => {
	for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
		const [path = '', heading] = target.split('#');
		const file = path === '' ? page : join(dirname(page), path);
		expect(existsSync(join(root, file)), target).toBe(true);
		if (heading === undefined) continue;
		const anchors = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => anchor(text));
		expect(anchors, target).toContain(heading);
	}
});

test.each(pages)('%s names only known commands and variables', page => {
	const text = read(page);
	for (const [, command = ''] of text.matchAll(/npm start (?:-s )?-- ([a-z][a-z-]*)/g))
		expect(usage).toContain(` ${command} `);
	for (const [, script = ''] of text.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g))
		expect(scripts).toHaveProperty(script);
	for (const [name] of text.matchAll(/\bGLIA_[A-Z_]+[A-Z]\b/g)) expect(known).toContain(name);
});

test('the operating page names only real options', () => {
	const text = read('docs/operating.md');
	const sections = new Set(variables.map(name => name.split('_')[1]?.toLowerCase()));
	const named = [...text.matchAll(/`((?:[a-z]+)\.[a-zA-Z.]+)(?::[^`]*)?`/g)].flatMap(([, name = '']) =>
		sections.has(name.split('.')[0]) && !/\.(?:yaml|json|md|service|timer)$/.test(name) ? [name] : [],
	);
	expect(named.length).toBeGreaterThan(10);
	for (const name of named) {
		const variable = `GLIA_${name.replace(/[A-Z]/g, '_$&').replaceAll('.', '_').toUpperCase()}`;
		expect(
			variables.some(other => other === variable || other.startsWith(`${variable}_`)),
			name,
		).toBe(true);
	}
});

test('the operating page is the first that README links', () => {
	const [first] = [...read('README.md').matchAll(/\]\((docs\/[^)]+\.md)\)/g)].map(([, path]) => path);
	expect(first).toBe('docs/operating.md');
});

test('a minimal configuration works', () => {
	const text =
		'matrix:\n  homeserver: https://m.example.org\n  user: "@glia:example.org"\n  password: x\n  allow: [example.org]\n';
	expect(Array.isArray(parseConfig(text, root, {}))).toBe(false);
});

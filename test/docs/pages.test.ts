// The operator's page is true: its commands, options, files and links are there.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { usage } from '../../src/app/command-line.ts';
import { parseConfig, variables } from '../../src/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = ['docs/operating.md', 'docs/backup.md', 'CHANGELOG.md', 'README.md'];
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** What GitHub makes of a heading. */
const anchor = (heading: string) =>
	heading
		.toLowerCase()
		.replace(/[^\p{L}\p{N} -]/gu, '')
		.replaceAll(' ', '-');

test.each(pages)('links of %s lead to files and headings that are there', page => {
	for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
		const [path = '', heading] = target.split('#');
		const file = path === '' ? page : join(dirname(page), path);
		expect(existsSync(join(root, file)), target).toBe(true);
		if (heading === undefined) continue;
		const anchors = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => anchor(text));
		expect(anchors, target).toContain(heading);
	}
});

test.each(pages)('commands and variables of %s are known', page => {
	const text = read(page);
	for (const [, command = ''] of text.matchAll(/npm start (?:-s )?-- ([a-z][a-z-]*)/g))
		expect(usage).toContain(` ${command} `);
	for (const [name] of text.matchAll(/\bGLIA_[A-Z_]+[A-Z]\b/g)) expect(variables).toContain(name);
});

test('options that the page names are options', () => {
	const text = read('docs/operating.md');
	const sections = new Set(variables.map(name => name.split('_')[1]?.toLowerCase()));
	const named = [...text.matchAll(/`((?:[a-z]+)\.[a-zA-Z.]+)(?::[^`]*)?`/g)].flatMap(([, name = '']) =>
		sections.has(name.split('.')[0]) && !/\.(?:yaml|json|md|service|timer)$/.test(name) ? [name] : [],
	);
	expect(named.length).toBeGreaterThan(10);
	for (const name of named) {
		const variable = `GLIA_${name.replace(/[A-Z]/g, '_$&').replaceAll('.', '_').toUpperCase()}`;
		const known = variables.some(other => other === variable || other.startsWith(`${variable}_`));
		expect(known, name).toBe(true);
	}
});

test('README leads to the page before all others', () => {
	const [first] = [...read('README.md').matchAll(/\]\((docs\/[^)]+\.md)\)/g)].map(([, path]) => path);
	expect(first).toBe('docs/operating.md');
});

test('the smallest configuration that the page speaks of is enough', () => {
	const text =
		'matrix:\n  homeserver: https://m.example.org\n  user: "@glia:example.org"\n  password: x\n  allow: [example.org]\n';
	expect(Array.isArray(parseConfig(text, root, {}))).toBe(false);
});

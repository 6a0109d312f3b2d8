// Every YAML file of ours has a JSON Schema in the editor's settings, made from the shape that the program reads it with.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { editorSchemas } from '../../../tools/refresh/editor-schema.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const settings = JSON.parse(readFileSync(join(root, '.vscode/settings.json'), 'utf8')) as {
	'yaml.schemas': Record<string, string>;
};
const wired = Object.entries(settings['yaml.schemas']);

/**
 * Folders without YAML of ours, at any depth; `vars` holds variables of a playbook, which nobody has a schema for, `samples`
 * and `reports` configurations of Synapse with mistakes in them.
 */
const skipped = /^(?:node_modules|\.git|\.cache|dist|data|vars|samples|reports)$/;

function yamlFilesIn(folder: string): string[] {
	return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) return skipped.test(entry.name) ? [] : yamlFilesIn(path);
		return /\.ya?ml$/.test(entry.name) ? [path] : [];
	});
}

const files = yamlFilesIn('.');

test('the schemas for editors are those of the shapes (npm run compile writes them)', () => {
	const schemas = editorSchemas();
	for (const [path, text] of schemas) expect(readFileSync(join(root, path), 'utf8'), path).toBe(text);
	const folder = 'knowledge/schema';
	expect(readdirSync(join(root, folder)).map(name => `${folder}/${name}`)).toSatisfy((paths: string[]) =>
		paths.every(path => schemas.has(path)),
	);
});

describe('.vscode/settings.json', () => {
	test('gives each YAML file exactly one schema', () => {
		expect(files.length).toBeGreaterThan(400);
		const wrong = files
			.map(file => ({ file, schemas: wired.filter(([, pattern]) => matchesGlob(file, pattern)).map(([name]) => name) }))
			.filter(({ schemas }) => schemas.length !== 1);
		expect(wrong).toEqual([]);
	});

	test('names no schema or pattern without a file', () => {
		const local = wired.map(([schema]) => schema).filter(schema => !schema.startsWith('https://'));
		expect(local.filter(schema => !existsSync(join(root, schema)))).toEqual([]);
		expect(local.toSorted()).toEqual([...editorSchemas().keys()].toSorted());
		expect(wired.filter(([, pattern]) => !files.some(file => matchesGlob(file, pattern)))).toEqual([]);
	});
});

describe.each(wired.filter(([schema]) => !schema.startsWith('https://')))('%s', (schema, pattern) => {
	const shape = z.fromJSONSchema(JSON.parse(readFileSync(join(root, schema), 'utf8')));

	test.each(files.filter(file => matchesGlob(file, pattern)))('accepts %s', file => {
		expect(shape.safeParse(parse(readFileSync(join(root, file), 'utf8'))).error?.issues).toBeUndefined();
	});

	test('refuses a file with a misspelt key', () => {
		expect(shape.safeParse({ nots: [] }).success).toBe(false);
	});
});

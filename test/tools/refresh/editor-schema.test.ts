// Each of our YAML files has a JSON Schema in the editor's settings, generated from the shape that the program reads.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { conditionShape } from '../../../src/knowledge/schema/condition.ts';
import { noteShape } from '../../../src/knowledge/schema/note.ts';
import { editorSchemas } from '../../../tools/refresh/editor-schema.ts';
import { noteFields, noteFieldsPage } from '../../../tools/refresh/note-fields.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const settings = JSON.parse(readFileSync(join(root, '.vscode/settings.json'), 'utf8')) as {
	'yaml.schemas': Record<string, string>;
};
const wired = Object.entries(settings['yaml.schemas']);

/**
 * Folders without our own YAML, at any depth. `vars` has variables of the playbook, for which there is no schema;
 * `samples` and `reports` have Synapse configurations with mistakes.
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

test("the editors' schemas are up to date (npm run compile writes them)", () => {
	const schemas = editorSchemas();
	for (const [path, text] of schemas) expect(readFileSync(join(root, path), 'utf8'), path).toBe(text);
	const folder = 'knowledge/schema';
	expect(readdirSync(join(root, folder)).map(name => `${folder}/${name}`)).toSatisfy((paths: string[]) =>
		paths.every(path => schemas.has(path)),
	);
});

type Schema = z.core.JSONSchema.BaseSchema;

/** The paths of properties without a description, their own or that of the alternative they belong to. */
function undescribed(schema: Schema, at = ''): string[] {
	const properties = Object.entries(schema.properties ?? {}) as [string, Schema][];
	const bare = properties.filter(([, { description }]) => !description && (!schema.description || !at));
	const inner: [string, Schema | undefined][] = [
		...properties,
		...(schema.anyOf ?? []).map((choice): [string, Schema] => ['', choice as Schema]),
		...Object.entries((schema.$defs ?? {}) as Record<string, Schema>),
		['[]', schema.items as Schema | undefined],
		['*', typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined],
	];
	return [
		...bare.map(([name]) => `${at}${name}`),
		...inner.flatMap(([name, part]) => (part ? undescribed(part, `${at}${name}.`) : [])),
	];
}

const texts = [...editorSchemas()].map(([path, text]) => [path, JSON.parse(text) as Schema] as const);

test.each(texts.filter(([path]) => path !== 'config.schema.json'))('%s describes every key', (_, schema) => {
	expect(undescribed(schema)).toEqual([]);
});

test('config.schema.json describes every option as config.sample.yaml does, or its section', () => {
	const [, schema] = texts.find(([path]) => path === 'config.schema.json') ?? [];
	const sections = ['matrix', 'encryption', 'store', 'live', 'watch', 'knowledge', 'health', 'operator', 'log'];
	const bare = undescribed(schema ?? {}).filter(path => !sections.includes(path));
	expect(bare).toEqual([]);
	const matrix = schema?.properties?.matrix as Schema;
	expect(matrix.properties?.device).toMatchObject({
		description: "The name of the bot's session in the account's device list.",
	});
});

describe('docs/note-fields.md', () => {
	test('is generated from the shape of notes (npm run compile writes it)', () => {
		expect(readFileSync(join(root, 'docs/note-fields.md'), 'utf8')).toBe(noteFieldsPage());
	});

	const { note, deadline, test: tests, package: packageTest, forms } = noteFields();
	test('has every field', () => {
		expect(note.map(({ name }) => name)).toEqual(Object.keys(noteShape.shape));
		expect(deadline.map(({ name }) => name)).toEqual(Object.keys(noteShape.shape.deadline.unwrap().shape));
	});

	test.each(note)('has a valid example of $name', ({ name, example }) => {
		expect(noteShape.shape[name as keyof typeof noteShape.shape].safeParse(example).error).toBeUndefined();
	});

	test.each(deadline)('has a valid example of deadline.$name', ({ name, example }) => {
		const { shape } = noteShape.shape.deadline.unwrap();
		expect(shape[name as keyof typeof shape].safeParse(example).error).toBeUndefined();
	});

	const conditions = [
		...tests.map(({ name, example }) => ({ name, condition: { option: 'acme', [name]: example } })),
		...packageTest.map(({ name, example }) => ({ name, condition: { package: 'acme', [name]: example } })),
		...forms.map(({ name, example }) => ({ name, condition: example })),
	];
	test('has every form of a condition', () => {
		expect(forms.map(({ name }) => name)).toEqual(['each', 'any', 'all', 'not', 'absent']);
	});

	test.each(conditions)('has a valid example of $name in a condition', ({ condition }) => {
		expect(conditionShape.safeParse(condition).error).toBeUndefined();
	});
});

describe('.vscode/settings.json', () => {
	test('assigns exactly one schema to each YAML file', () => {
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

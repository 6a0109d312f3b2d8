// JSON Schemas for our YAML files, so that editors can complete and check while you type. .vscode/settings.json maps
// them to files.

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { configShape } from '../../src/config.ts';
import { codeWaiversFileShape, documentedFileShape } from '../../src/knowledge/code-reading.ts';
import { claimsFileShape } from '../../src/knowledge/schema/claims.ts';
import {
	chartFileShape,
	chartWaiversShape,
	enabledFileShape,
	playbookFileShape,
} from '../../src/knowledge/schema/distribution.ts';
import { faultsFileShape, symptomsFileShape } from '../../src/knowledge/schema/fault.ts';
import { guideShape } from '../../src/knowledge/schema/guide.ts';
import { recipeShape } from '../../src/knowledge/schema/install.ts';
import { largeTablesShape } from '../../src/knowledge/schema/migrations.ts';
import { renamedFileShape } from '../../src/knowledge/schema/playbook-variable.ts';
import {
	advisoryShape,
	effectsFileShape,
	lifecycleShape,
	releaseFileShape,
	waiversFileShape,
	waysFileShape,
} from '../../src/knowledge/schema/synapse.ts';
import { casesFileShape, contextsFileShape } from '../verify/configurations/shapes.ts';

/** By path, from the root of the repository. */
const shapes = {
	'knowledge/schema/notes.json': releaseFileShape,
	'knowledge/schema/faults.json': faultsFileShape,
	'knowledge/schema/symptoms.json': symptomsFileShape,
	'knowledge/schema/advisory.json': advisoryShape,
	'knowledge/schema/waivers.json': waiversFileShape,
	'knowledge/schema/code-waivers.json': codeWaiversFileShape,
	'knowledge/schema/ways.json': waysFileShape,
	'knowledge/schema/claims.json': claimsFileShape,
	'knowledge/schema/lifecycle.json': lifecycleShape,
	'knowledge/schema/guide.json': guideShape,
	'knowledge/schema/install.json': recipeShape,
	'knowledge/schema/names.json': renamedFileShape,
	'knowledge/schema/playbook.json': playbookFileShape,
	'knowledge/schema/enabled.json': enabledFileShape,
	'knowledge/schema/charts.json': chartFileShape,
	'knowledge/schema/chart-waivers.json': chartWaiversShape,
	'knowledge/schema/documented.json': documentedFileShape,
	'knowledge/schema/effects.json': effectsFileShape,
	'knowledge/schema/large-tables.json': largeTablesShape,
	'tools/verify/configurations/cases.schema.json': casesFileShape,
	'tools/verify/configurations/contexts.schema.json': contextsFileShape,
};

type ObjectSchema = z.core.JSONSchema.BaseSchema;
type JsonSchema = ObjectSchema | boolean;

/** A section of the configuration may be empty, such as one in which every option is commented out. */
function configSchema() {
	const described = withDescriptions(
		z.toJSONSchema(configShape, { io: 'input', unrepresentable: 'any' }),
		sampleComments(),
	);
	const { properties = {}, ...schema } = described as ObjectSchema;
	const sections = Object.entries(properties).map(([name, section]) => [
		name,
		schema.required?.includes(name) || typeof section === 'boolean'
			? section
			: { ...section, type: ['object', 'null'] },
	]);
	return { ...schema, properties: Object.fromEntries(sections) };
}

/** The schema with a description for each property that has a comment, by its path. */
function withDescriptions(schema: JsonSchema, comments: ReadonlyMap<string, string>, above = ''): JsonSchema {
	if (typeof schema === 'boolean') return schema;
	const properties = Object.entries(schema.properties ?? {}).map(([name, inner]) => {
		const path = above ? `${above}.${name}` : name;
		const description = comments.get(path);
		const below = withDescriptions(inner, comments, path);
		return [name, typeof below === 'boolean' || !description ? below : { description, ...below }];
	});
	const choices = schema.anyOf?.map(choice => withDescriptions(choice, comments, above) as ObjectSchema);
	return {
		...schema,
		...(schema.properties && { properties: Object.fromEntries(properties) }),
		...(choices && { anyOf: choices }),
	};
}

/**
 * What config.sample.yaml says about each option, by its path. An option that is commented out has its comment above
 * it, like any other. Further examples of it follow without a comment, so the first comment counts.
 */
function sampleComments(): Map<string, string> {
	const comments = new Map<string, string>();
	const sections: { indent: number; path: string }[] = [];
	let comment: string[] = [];
	for (const line of readFileSync(new URL('../../config.sample.yaml', import.meta.url), 'utf8').split('\n')) {
		const [, indent = '', hash = '', deeper = '', name] = /^( *)(# )?( *)([A-Za-z]+):(?= |$)/.exec(line) ?? [];
		const column = indent.length + deeper.length;
		const isOption = name !== undefined && (!hash || isCommentedOut(line));
		if (!isOption) {
			const [, text] = /^ *# (.*)$/.exec(line) ?? [];
			comment = text === undefined ? [] : [...comment, text];
			continue;
		}
		while ((sections.at(-1)?.indent ?? -1) >= column) sections.pop();
		const path = [sections.at(-1)?.path, name].filter(Boolean).join('.');
		sections.push({ indent: column, path });
		if (comment.length && !comments.has(path)) comments.set(path, comment.join(' '));
		comment = [];
	}
	return comments;
}

/** `# passwordFile: ./password`, not a sentence with a colon: names of options begin with a small letter. */
function isCommentedOut(line: string): boolean {
	return /^ *# +[a-z][A-Za-z]*:(?= |$)/.test(line);
}

/**
 * The text of each schema by its path. Leaves out what JSON Schema cannot express (that a version exists, that two
 * options exclude each other): the program checks that when it reads the file.
 */
export function editorSchemas(): Map<string, string> {
	const schemas = Object.entries(shapes).map(
		([path, shape]) => [path, z.toJSONSchema(shape, { io: 'input' })] as const,
	);
	return new Map(
		[...schemas, ['config.schema.json', configSchema()] as const].map(([path, schema]) => [
			path,
			`${JSON.stringify(schema, null, '\t')}\n`,
		]),
	);
}

// JSON Schemas of our YAML files, for editors that complete and check while you type. .vscode/settings.json maps them to
// files.

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

/** A section of the configuration may be empty, as where all its options are commented out. */
function configSchema() {
	const { properties = {}, ...schema } = z.toJSONSchema(configShape, { io: 'input', unrepresentable: 'any' });
	const sections = Object.entries(properties).map(([name, section]) => [
		name,
		schema.required?.includes(name) || typeof section === 'boolean'
			? section
			: { ...section, type: ['object', 'null'] },
	]);
	return { ...schema, properties: Object.fromEntries(sections) };
}

/**
 * The text of each schema by its path. What JSON Schema cannot say (that a version exists, that two options exclude each
 * other) is left out: the program checks that when it reads the file.
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

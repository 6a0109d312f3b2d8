// The shapes of the curated files as JSON Schema, for editors that complete and check YAML while somebody types.

import { z } from 'zod';
import { codeWaiversFileShape } from '../../src/knowledge/code-reading.ts';
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
import { renamedFileShape } from '../../src/knowledge/schema/playbook-variable.ts';
import {
	advisoryShape,
	lifecycleShape,
	releaseFileShape,
	waiversFileShape,
	waysFileShape,
} from '../../src/knowledge/schema/synapse.ts';

const shapes = {
	'notes.json': releaseFileShape,
	'faults.json': faultsFileShape,
	'symptoms.json': symptomsFileShape,
	'advisory.json': advisoryShape,
	'waivers.json': waiversFileShape,
	'code-waivers.json': codeWaiversFileShape,
	'ways.json': waysFileShape,
	'claims.json': claimsFileShape,
	'lifecycle.json': lifecycleShape,
	'guide.json': guideShape,
	'install.json': recipeShape,
	'names.json': renamedFileShape,
	'playbook.json': playbookFileShape,
	'enabled.json': enabledFileShape,
	'charts.json': chartFileShape,
	'chart-waivers.json': chartWaiversShape,
};

/** The text of each schema by its file's name. What only code can check (versions, facts) is left to the reader. */
export function editorSchemas(): Map<string, string> {
	return new Map(
		Object.entries(shapes).map(([name, shape]) => [
			name,
			`${JSON.stringify(z.toJSONSchema(shape, { io: 'input' }), null, '\t')}\n`,
		]),
	);
}

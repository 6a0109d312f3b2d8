// The sections of the playbook's change log by date, and the Synapse release that the playbook installs.
import { expect, test } from 'vitest';
import { installedSynapse, playbookSections } from '../../../src/knowledge/upstream/playbook-log.ts';

const log = `# 2026-02-09

Talk above.

## (BC Break) IDs are required

Text.

### In depth

More.

## A comment in code

\`\`\`yaml
# Only if you use S3 storage:
id: 1
\`\`\`

# 2026-02-08

## (BC Break) IDs are required

The same heading on another day.

# Not a date

## Not a section of any day
`;

test('names sections by date and heading, and includes the text under deeper headings', () => {
	expect(playbookSections(log).map(({ date, heading }) => `${date} ${heading}`)).toEqual([
		'2026-02-09 (BC Break) IDs are required',
		'2026-02-09 A comment in code',
		'2026-02-08 (BC Break) IDs are required',
	]);
	const [first, second] = playbookSections(log);
	expect(first?.text).toMatch(/Text\.[\s\S]*In depth[\s\S]*More\./);
	expect(second?.text).toContain('# Only if you use S3 storage:');
	expect(first?.url).toMatch(/CHANGELOG\.md#bc-break-ids-are-required$/);
});

test.each([
	['matrix_synapse_version: v1.159.0\n', '1.159.0'],
	['matrix_synapse_version: "v1.50.1"\nmatrix_synapse_version_arm64: v1.49.0\n', '1.50.1'],
	['matrix_synapse_docker_image: "docker.io/matrixdotorg/synapse:v1.9.0-py3"\n', '1.9.0'],
	['matrix_synapse_docker_image: "{{ matrix_synapse_docker_image_name_prefix }}x"\n', undefined],
])('%j installs %s', (defaults, version) => expect(installedSynapse(defaults)).toBe(version));

// A whole refresh, as a curator runs it: with the knowledge of an older release, it prints the work for a newer one.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Passage } from '../../../src/knowledge/schema/synapse.ts';
import { stamp } from '../../../tools/refresh/stamp.ts';

function folderOf(files: Record<string, string>): string {
	const folder = mkdtempSync(join(tmpdir(), 'glia-played-'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	}
	return folder;
}

/** The part of a release's archive that a refresh reads. */
function archiveOf(version: string, changes: string, notes: string): string {
	return folderOf({
		'pyproject.toml': `[project]\nversion = "${version}"\n`,
		'synapse/storage/schema/__init__.py': 'SCHEMA_VERSION = 90\nSCHEMA_COMPAT_VERSION = 88\n',
		'CHANGES.md': changes,
		'docs/upgrade.md': notes,
	});
}

/** The lines that a refresh prints. */
function refresh(knowledge: string, ...archives: string[]): string[] {
	const main = join(import.meta.dirname, '../../../tools/refresh/main.ts');
	const said = execFileSync(process.execPath, [main, '--knowledge', knowledge, ...archives], { encoding: 'utf8' });
	return said.trimEnd().split('\n');
}

const oldNotes = `# Upgrading to v1.2.0

## Seed for the pigeons
Buy some.

# Upgrading to v1.1.0

## Pigeons
They came.
`;
const oldLog = `# Synapse 1.2.0 (2026-02-01)

## Deprecations and Removals

- Remove the hawks. ([\\#11](https://example.org/11))

# Synapse 1.1.0 (2026-01-01)

Pigeons came.
`;
const newNotes = `# Upgrading to v1.3.0

## Owls at night
Close the window.

## Ravens
### On towers
Count them.

${oldNotes}`;
const newLog = `# Synapse 1.3.0 (2026-03-01)

## Features

- Add owls. ([\\#21](https://example.org/21))

## Deprecations and Removals

- Remove the doves. ([\\#22](https://example.org/22))

# Synapse 1.3.0rc1 (2026-02-20)

## Updates to the Docker image

- Feed it. ([\\#23](https://example.org/23))

${oldLog}`;

const curated = {
	'synapse/notes/1.1.0.yaml': `notes:
  - id: pigeons
    when: after
    must: false
    title: Pigeons
    text: They came.
    covers:
      - { document: upgrade.md, heading: Pigeons, read: "000000" }
      - { document: CHANGES.md, release: 1.1.0, part: Top, bullet: Pigeons came, read: "000000" }
`,
	'synapse/notes/1.2.0.yaml': `notes:
  - id: seed
    when: after
    must: false
    title: Seed
    text: Buy some.
    covers:
      - { document: upgrade.md, heading: Seed for the pigeons, read: "000000" }
`,
	'synapse/waivers.yaml': `waivers:
  - { document: CHANGES.md, release: 1.2.0, part: Deprecations and Removals, bullet: "#11", read: "000000", because: Hawks. }
`,
};

test('prints exactly what is new in a release, and changes no curated file', () => {
	const knowledge = folderOf(curated);
	const older = archiveOf('1.2.0', oldLog, oldNotes);
	refresh(knowledge, older);
	const { passages }: { passages: Passage[] } = JSON.parse(
		readFileSync(join(knowledge, 'synapse/upstream.json'), 'utf8'),
	);
	const read = new Map(
		Object.entries(curated).map(([name, text]) => {
			const release = /notes\/(.*)\.yaml$/.exec(name)?.[1];
			return [name, stamp(text, release, passages).text];
		}),
	);
	for (const [name, text] of read) writeFileSync(join(knowledge, name), text);
	expect(refresh(knowledge, older)).toEqual([
		'2 releases and candidates up to 2026-02-01, 4 passages',
		'0 passages are unread; 0 covers and waivers no longer fit',
	]);

	const sections = [
		'upgrade.md › 1.3.0 › Owls at night',
		'upgrade.md › 1.3.0 › Ravens › On towers',
		'CHANGES.md › 1.3.0rc1 › Updates to the Docker image › #23',
		'CHANGES.md › 1.3.0 › Deprecations and Removals › #22',
	];
	const newer = archiveOf('1.3.0', newLog, newNotes);
	expect(refresh(knowledge, newer)).toEqual([
		'4 releases and candidates up to 2026-03-01, 8 passages',
		'new      release 1.3.0rc1',
		'new      release 1.3.0',
		...sections.map(name => `new      ${name}`),
		'4 passages are unread; 0 covers and waivers no longer fit',
		...sections.map(name => `unread   ${name}`),
	]);
	for (const [name, text] of read) expect(readFileSync(join(knowledge, name), 'utf8'), name).toBe(text);

	// Nothing is reported as new twice, but what is unread or changed stays in the list.
	const edited = archiveOf('1.3.0', newLog, newNotes.replace('Buy some.', 'Buy much.'));
	expect(refresh(knowledge, edited).slice(1)).toEqual([
		'changed  upgrade.md › 1.2.0 › Seed for the pigeons',
		'4 passages are unread; 1 covers and waivers no longer fit',
		...sections.map(name => `unread   ${name}`),
		expect.stringMatching(/^synapse\/notes\/1\.2\.0\.yaml:8:\d+ .*changed/),
	]);
});

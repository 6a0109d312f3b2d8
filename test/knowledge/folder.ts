// Knowledge folders for single tests, and notes with all required fields.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Passage, Release } from '../../src/knowledge/schema/synapse.ts';

export const releases: Release[] = [
	{ version: '1.64.0', date: '2022-08-02', schema: 72, schemaCompat: 72 },
	{ version: '1.65.0', date: '2022-08-16' },
	{ version: '1.66.0rc1', date: '2022-08-23' },
	{ version: '1.66.0', date: '2022-08-31' },
	{ version: '1.67.0rc1', date: '2022-09-06' },
];

export const passages: Passage[] = [
	{
		document: 'upgrade.md',
		release: '1.66.0',
		section: 'Upgrading to v1.66.0',
		heading: 'Mail is sent by carrier pigeon',
		url: 'https://example.org/upgrade.html#mail-is-sent-by-carrier-pigeon',
		hash: 'aaaaaa',
	},
	{
		document: 'CHANGES.md',
		release: '1.66.0rc1',
		part: 'Deprecations and Removals',
		bullet: '#12345',
		url: 'https://example.org/v1.66.0rc1',
		hash: 'bbbbbb',
	},
];

/** Creates a knowledge folder with these files by name. Releases and passages are those above unless given. */
export function folderOf(files: Record<string, string>): URL {
	const folder = mkdtempSync(join(tmpdir(), 'glia-knowledge-'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const all = {
		'synapse/releases.json': JSON.stringify({ read: '2022-09-06', releases }),
		'synapse/upstream.json': JSON.stringify({ passages }),
		...files,
	};
	for (const [name, text] of Object.entries(all)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	}
	return pathToFileURL(`${folder}/`);
}

/** The text of a file with one note. The given lines replace those with the same key. */
export function noteText(lines: Record<string, string> = {}): string {
	const all = {
		id: 'pigeons',
		when: 'before',
		must: 'true',
		title: 'Feed the pigeons',
		text: 'Before the upgrade set `pigeons.fed` to true and see in the log that all of them have landed.',
		...lines,
	};
	// Every note needs a source. It is in the last line, so that the positions of the others stay the same.
	if (!('covers' in lines)) Object.assign(all, { code: '[synapse/config/pigeons.py]', ...lines });
	const keys = Object.entries(all).filter(([, value]) => value !== '');
	return `notes:\n  - ${keys.map(([key, value]) => `${key}: ${value}`).join('\n    ')}\n`;
}

/** A guide with one of everything that the rules check. */
export const guideText = `title: Move {from} to {to}
summary: It stands elsewhere.
parameters:
  - { name: from, means: where it stands, kind: name }
  - { name: to, means: where it shall stand, kind: name, default: there }
  - { name: layout, means: how it stands, values: [upright, lying] }
ways:
  - { id: carry, title: Carry it, fits: Small things. }
  - { id: push, title: Push it, fits: Large things., applies: { all: [layout=upright] } }
dangers: []
stages:
  - id: lift
    title: Lift it
    why: It must leave the ground.
    ways: [carry]
    steps:
      - commands: lift {from}
        shows: [lifted]
    failures:
      - { id: too-heavy, text: 'ERROR: {from} weighs …, which is too much', cause: It is heavy., cure: Push it. }
wayBack:
  before: []
  after: []
`;

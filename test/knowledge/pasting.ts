// Shared by tests that paste blocks: the guides, their blocks, and an empty folder with stand-ins for programs.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type Guided, guideFor } from '../../src/advice/guide/guide.ts';
import { parseTerm, profileOf } from '../../src/deployment/facts.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { allStages } from '../../src/knowledge/guide-stages.ts';

const { guides } = await openKnowledge(new URL('../../knowledge/', import.meta.url));

export function guided(id: string, stated: Record<string, string>, facts: readonly string[] = []): Guided {
	const guide = guides.find(one => one.id === id);
	if (!guide) throw new Error(`no guide ${id}`);
	const profile = profileOf(facts.flatMap(fact => parseTerm(fact) ?? []));
	if (!(profile instanceof Map)) throw new Error('the facts contradict each other');
	return guideFor(guide, { stated: new Map(Object.entries(stated)), profile }, []);
}

/** The block of a stage that contains these words. */
export function blockOf(guide: Guided, stage: string, words: string): string {
	const blocks = allStages(guide)
		.filter(({ id }) => id === stage)
		.flatMap(({ steps }) => steps.map(({ commands = '' }) => commands));
	const block = blocks.find(commands => commands.includes(words));
	if (block === undefined) throw new Error(`no block with ${words} in ${stage}`);
	return block;
}

export type Pasting = {
	/** The output of a block pasted into a shell in the folder. The programs in `bin` stand in for those that it calls. */
	paste(block: string, bin?: Record<string, string>): string;
	/** A path in that folder. */
	home(...names: string[]): string;
	put(name: string, text: string): void;
	read(name: string): string;
};

/** Creates a new folder for each test in the file. */
export function pasting(): Pasting {
	let folder = '';
	beforeEach(() => {
		// The real path, as a shell shows it.
		folder = realpathSync(mkdtempSync(join(tmpdir(), 'paste-')));
		mkdirSync(join(folder, 'bin'));
		mkdirSync(join(folder, 'home'));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));
	const home = (...names: string[]) => join(folder, 'home', ...names);
	return {
		paste(block, bin = {}) {
			for (const [name, script] of Object.entries(bin)) {
				writeFileSync(join(folder, 'bin', name), `#!/bin/bash\n${script}\n`);
				chmodSync(join(folder, 'bin', name), 0o755);
			}
			const { stdout, stderr } = spawnSync('bash', ['--norc', '--noprofile'], {
				cwd: join(folder, 'home'),
				encoding: 'utf8',
				input: `${block}\n`,
				env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
			});
			return `${stdout}${stderr}`;
		},
		home,
		put: (name, text) => writeFileSync(home(name), text),
		read: name => readFileSync(home(name), 'utf8'),
	};
}

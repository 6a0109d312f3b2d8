// The look, run by the Python of a real Synapse: it decides every condition as the files themselves do.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { decideNotes } from '../../src/advice/check/check.ts';
import { askedByLook, lookScript } from '../../src/advice/check/look.ts';
import { readConfiguration } from '../../src/arguments/configuration.ts';
import { nearest } from '../../src/arguments/nearest.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { filesOf, readCases } from '../../tools/verify/configurations/main.ts';
import { environment } from '../../tools/verify/machine/environment.ts';
import { SYNAPSE } from './synapse.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const options = openCode(folder).options();
const release = knowledge.releases.find(({ version }) => version === SYNAPSE);
if (!release) throw new Error(`${SYNAPSE} is unknown`);
const python = await environment(release);
// Whom a note concerns besides is not what the script looks at.
const asked = askedByLook(knowledge.notes, { from: '0.0.1', to: SYNAPSE, profile: new Map() }).map(
	({ applies: _, ...note }) => ({ ...note, refuses: false }),
);
const dir = mkdtempSync(join(tmpdir(), 'glia-look-'));
afterAll(() => rmSync(dir, { recursive: true }));
writeFileSync(join(dir, 'look.py'), lookScript(readFileSync(new URL('look.py', folder), 'utf8'), asked, options));
const { base, cases } = readCases();

function look(files: [string, string][]): string {
	for (const [name, text] of files) writeFileSync(join(dir, name), text.replaceAll('$DIR', dir));
	const paths = files.map(([name]) => join(dir, name));
	// It ends with 1 where a file cannot be read; whatever it says, on either stream, is what people see.
	const { stdout, stderr } = spawnSync(python, [join(dir, 'look.py'), ...paths], { encoding: 'utf8' });
	return `${stdout}${stderr}`.trim();
}

// A file that is no mapping leaves no configuration: then nothing is decided here.
test.each(cases.filter(({ id }) => id !== 'a list as the file'))('$id', { timeout: 60_000 }, one => {
	const files = Object.entries(filesOf(one, base));
	const printed = look(files);
	const { configuration } = readConfiguration(
		files.map(([name, text]) => ({ name, text })),
		new Map(),
		true,
	);
	if (configuration.unreadable.length) {
		expect(printed).toMatch(/^look failed: \w+, line \d+$/);
		return;
	}
	const ids = printed.split(' ').slice(1);
	const decisions = decideNotes({ configuration, options, profile: new Map(), to: SYNAPSE, nearest }, asked);
	const ours = [...decisions].flatMap(([{ id }, { is }]) => (is === true ? [id] : is === false ? [] : [`?${id}`]));
	expect(ids.filter(id => id !== 'none').sort()).toEqual(ours.sort());
});

test('a mistake in the file is told by its line alone', () => {
	expect(look([['homeserver.yaml', 'a: b\nc: "hunter2\n']])).not.toContain('hunter2');
});

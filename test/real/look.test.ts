// look.py, run by the Python of a real Synapse, decides every condition as !check does from the files.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { decideNotes } from '../../src/advice/check/check.ts';
import { askedByLook, lookScript } from '../../src/advice/check/look.ts';
import { readConfiguration } from '../../src/arguments/configuration.ts';
import { nearest } from '../../src/arguments/nearest.ts';
import { asksForPackage, type Condition, type PackageTest } from '../../src/configuration/condition.ts';
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
// Leave out what else decides who is affected: the script does not check that.
const asked = askedByLook(knowledge, { from: '0.0.1', to: SYNAPSE, profile: new Map() }).map(
	({ applies: _, note: __, ...condition }) => ({ ...condition, refuses: false }),
);
/** The conditions that files can decide too. */
const ofFiles = asked.filter(({ found }) => !asksForPackage(found as Condition));
const dir = mkdtempSync(join(tmpdir(), 'glia-look-'));
afterAll(() => rmSync(dir, { recursive: true }));
const template = readFileSync(new URL('look.py', folder), 'utf8');
writeFileSync(join(dir, 'look.py'), lookScript(template, asked, options));
const { base, cases } = readCases();

function look(files: [string, string][]): string {
	for (const [name, text] of files) writeFileSync(join(dir, name), text.replaceAll('$DIR', dir));
	const paths = files.map(([name]) => join(dir, name));
	// The script exits with 1 if a file cannot be read. People see what it prints on either stream.
	const { stdout, stderr } = spawnSync(python, [join(dir, 'look.py'), ...paths], { encoding: 'utf8' });
	return `${stdout}${stderr}`.trim();
}

// Leave out the file that is not a mapping: without a configuration, there is nothing to decide.
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
	const named = new Set(ofFiles.flatMap(({ printed: name }) => [name, `?${name}`]));
	const ids = printed.split(' ').filter(word => named.has(word));
	const decisions = decideNotes({ configuration, options, profile: new Map(), to: SYNAPSE, nearest }, ofFiles);
	const ours = [...decisions].flatMap(([{ printed: name }, { is }]) =>
		is === true ? [name] : is === false ? [] : [`?${name}`],
	);
	expect(ids.sort()).toEqual(ours.sort());
});

test('knows a further file of the main process by its app', () => {
	const printed = look([
		['homeserver.yaml', 'server_name: example.org\n'],
		['further.yaml', 'worker_app: synapse.app.homeserver\n'],
	]);
	expect(printed).toContain(' 1.49.0/worker-app-in-main');
});

test('compares installed versions number by number, and names Python', () => {
	const version = spawnSync(python, ['-c', 'from importlib.metadata import version; print(version("twisted"))'], {
		encoding: 'utf8',
	}).stdout.trim();
	const [major = 0, minor = 0] = version.split('.').map(Number);
	const conditions: [string, PackageTest, boolean][] = [
		['1.1.0/same', { package: 'twisted', version: `>=${version} <=${version}` }, true],
		['1.1.0/older', { package: 'twisted', version: `<${version}` }, false],
		['1.1.0/newer', { package: 'twisted', version: `>${version}` }, false],
		['1.1.0/minor', { package: 'twisted', version: `<${major}.${minor + 1}` }, true],
		['1.1.0/ten', { package: 'twisted', version: `<${major}.${minor + 10}.0 >${major - 1}.99` }, true],
		['1.1.0/any', { package: 'zope.interface' }, true],
		['1.1.0/absent', { package: 'no-such-package' }, false],
		['1.1.0/absent-old', { package: 'no-such-package', version: '<1.0' }, false],
	];
	const own = conditions.map(([id, found]) => ({ printed: id, id, release: '1.1.0', found }));
	const file = join(dir, 'packages.py');
	writeFileSync(file, lookScript(template, own, options));
	writeFileSync(join(dir, 'plain.yaml'), 'server_name: x\n');
	const { stdout } = spawnSync(python, [file, join(dir, 'plain.yaml')], { encoding: 'utf8' });
	const holding = conditions.flatMap(([id, , is]) => (is ? [id] : []));
	expect(stdout.trim()).toBe(`look python=3.11 ${holding.join(' ')}`);
});

test('finds the log configuration that the files name, and reads a folder as Synapse does', () => {
	const folder = join(dir, 'conf.d');
	mkdirSync(folder);
	const log = 'version: 1\nhandlers: { j: { class: systemd.journal.JournalHandler } }\nroot: { handlers: [j] }\n';
	writeFileSync(join(folder, 'b.yaml'), 'form_secret: 12345\n');
	writeFileSync(join(folder, 'a.yaml'), `form_secret: text\nlog_config: ${join(folder, 'log.config')}\n`);
	writeFileSync(join(folder, 'log.config'), log);
	const run = () =>
		spawnSync(python, [join(dir, 'look.py'), folder], { encoding: 'utf8' })
			.stdout.trim()
			.split(' ');
	expect(run()).toEqual(expect.arrayContaining(['1.150.0/systemd-extra', '1.135.0/numeric-form-secret']));
	writeFileSync(join(folder, 'log.config'), log.replace('systemd.journal.JournalHandler', 'logging.StreamHandler'));
	const words = run();
	expect([words.includes('1.150.0/systemd-extra'), words.includes('?1.150.0/systemd-extra')]).toEqual([false, false]);
	rmSync(join(folder, 'log.config'));
	expect(run()).toContain('?1.150.0/systemd-extra');
});

test('reports a mistake in a file only by its line', () => {
	expect(look([['homeserver.yaml', 'a: b\nc: "hunter2\n']])).not.toContain('hunter2');
});

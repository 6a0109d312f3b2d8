import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { switchText, waitText } from '../../src/advice/leg.ts';
import { isContradiction, type Profile, parseTerm, profileOf } from '../../src/advice/profile.ts';

function profileFor(facts: string): Profile {
	const profile = profileOf(facts.split(' ').flatMap(fact => parseTerm(fact) ?? []));
	if (isContradiction(profile)) throw new Error(`${facts} contradict each other`);
	return profile;
}

function textFor(facts: string, to = '1.163.2', released = '2026-10-23'): string {
	return switchText({ from: '1.56.0', to, released, today: '2026-11-21' }, profileFor(facts));
}

/** What a shell prints that runs these lines. */
function said(lines: readonly string[]): string {
	return execFileSync('sh', ['-eu', '-c', lines.join('\n')], { encoding: 'utf8' });
}

/** The lines of all blocks of code. */
function commandsIn(text: string): string[] {
	return [...text.matchAll(/```\w+\n([\s\S]*?)\n```/g)].flatMap(([, lines = '']) => lines.split('\n'));
}

const installs = ['docker', 'debian', 'distro', 'pip', 'source', 'mdad', 'ess', 'nix'];

describe.each(installs)('%s', install => {
	test.each(['postgres', 'sqlite'])('with %s: one backup, short lines, the release by name', database => {
		const text = textFor(`${install} ${database}`);
		const lines = commandsIn(text);
		expect(lines.filter(line => line.length > 60)).toEqual([]);
		expect(lines.join('\n').includes('pg_dump')).toBe(database === 'postgres');
		expect(lines.join('\n').includes('sqlite3')).toBe(database === 'sqlite');
		expect(text).toContain('1.163.2');
	});
});

test('what brings PostgreSQL is not asked for SQLite', () => {
	expect(textFor('mdad')).not.toContain('sqlite3');
	expect(textFor('docker')).toContain('sqlite3');
});

test.each(installs)('%s: a shell can read every line, of the switch and of a wait', install => {
	const profile = profileFor(`${install} workers`);
	const old = switchText({ from: '1.18.0', to: '1.81.0', released: '2023-04-11', today: '2026-11-21' }, profile);
	const waiting = waitText('1.81.0', profile);
	for (const text of [old, textFor(`${install} workers`), waiting]) {
		const lines = commandsIn(text);
		expect(lines.length).toBeGreaterThan(0);
		expect(lines.filter(line => line.length > 60)).toEqual([]);
		execFileSync('sh', ['-n', '-c', lines.join('\n')]);
	}
	expect(waiting).toContain('SELECT count(*) FROM background_updates');
});

test('a package is fetched from where the archive keeps it, under its name there', () => {
	const fetched = (facts: string, to?: string) =>
		said([
			'VERSION_CODENAME=trixie; dpkg() { echo arm64; }',
			...commandsIn(textFor(facts, to))
				.filter(line => /^([AFP]=|wget|apt-get)/.test(line))
				.map(line => line.replace(/wget|apt-get/g, 'echo $&')),
		]);
	const pool = 'https://packages.matrix.org/debian/pool';
	expect(fetched('debian')).toBe(
		`wget ${pool}/main/m/matrix-synapse-py3/matrix-synapse-py3_1.163.2+trixie1_arm64.deb\napt-get update\napt-get install ./matrix-synapse-py3_1.163.2+trixie1_arm64.deb\n`,
	);
	expect(fetched('debian os=ubuntu-22.04', '1.164.0rc3')).toContain(
		`${pool}/prerelease/m/matrix-synapse-py3/matrix-synapse-py3_1.164.0~rc3+jammy1_arm64.deb`,
	);
});

describe('workers', () => {
	/** The parts of a switch, by the first words of each. */
	const parts = (facts: string) =>
		[...textFor(facts).matchAll(/^\*\*\d\. (\w+)/gm)].map(([, word]) => word?.toLowerCase());
	test('are stopped before the switch and started after it, where one does it oneself', () => {
		for (const install of ['docker', 'debian', 'pip', 'source'])
			expect(parts(`${install} workers`)).toEqual(['back', 'stop', 'switch', 'watch', 'start']);
		expect(commandsIn(textFor('docker workers'))).toContain('docker compose stop worker1 worker2 synapse');
	});
	test('are not spoken of where there are none, or where something else leads them', () => {
		expect(parts('docker no-workers')).toEqual(['back', 'switch', 'watch']);
		expect(parts('mdad workers')).toEqual(['back', 'switch', 'watch']);
		expect(textFor('docker no-workers')).not.toContain('worker');
	});
	test('are an if where nobody said it', () => expect(textFor('docker')).toContain('If you run workers, stop all'));
});

test('a backup is named for the release it is of, so that the next halt does not overwrite it', () => {
	for (const install of installs)
		expect(commandsIn(textFor(install)).join('\n'), install).toMatch(/synapse-1\.56\.0\./);
	expect(textFor('pip sqlite')).toContain('.backup homeserver-1.56.0.db');
});

test('pip is told the extras that the facts tell of', () => {
	expect(commandsIn(textFor('pip postgres oidc workers'))).toContain(
		'  "matrix-synapse[oidc,postgres,redis]==1.163.2"',
	);
	expect(commandsIn(textFor('pip sqlite'))).toContain('  "matrix-synapse==1.163.2"');
});

test('the playbook is brought to a state that has the release, or told the release, never both unasked', () => {
	const text = textFor('mdad', '1.81.0', '2023-04-11');
	expect(text.indexOf('just update')).toBeLessThan(text.indexOf('It says an older one'));
	expect(text).toContain('`matrix_synapse_version: v1.81.0` into `vars.yml`, and delete that line');
	expect(commandsIn(text)).toContain(`git log -S'matrix_synapse_version: v1.81.0' \\`);
});

test('an image is taken from where it was published', () => {
	expect(textFor('docker', '1.98.0')).toContain('docker.io/matrixdotorg/synapse:v1.98.0');
	expect(textFor('docker', '1.99.0')).toContain('ghcr.io/element-hq/synapse:v1.99.0');
});

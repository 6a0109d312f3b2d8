import { describe, expect, test } from 'vitest';
import { switchText } from '../../src/advice/leg.ts';
import { parseTerm, profileOf } from '../../src/advice/profile.ts';

function textFor(facts: string, to = '1.163.2'): string {
	const profile = profileOf(facts.split(' ').flatMap(fact => parseTerm(fact) ?? []));
	if (!(profile instanceof Map)) throw new Error(`${facts} contradict each other`);
	return switchText({ from: '1.56.0', to, released: '2026-10-23', today: '2026-11-21' }, profile);
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

test('a package is named as its archive names it', () => {
	expect(textFor('debian')).toContain(`matrix-synapse-py3=1.163.2+\${VERSION_CODENAME}1`);
	expect(textFor('debian os=debian-12')).toContain('"matrix-synapse-py3=1.163.2+bookworm1"');
	expect(textFor('debian os=ubuntu-22.04', '1.164.0rc3')).toContain('"matrix-synapse-py3=1.164.0~rc3+jammy1"');
});

test('an image is taken from where it was published', () => {
	expect(textFor('docker', '1.98.0')).toContain('docker.io/matrixdotorg/synapse:v1.98.0');
	expect(textFor('docker', '1.99.0')).toContain('ghcr.io/element-hq/synapse:v1.99.0');
});

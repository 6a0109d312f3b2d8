// Other spellings of facts, and how each is read.
import { expect, test } from 'vitest';
import { sortWords } from '../../src/arguments/words.ts';
import { writeTerm } from '../../src/deployment/facts.ts';

function read(typed: string) {
	const { versions, terms, servers, taken } = sortWords(typed.split(' '), '!upgrade 1.56');
	return { words: [...versions, ...terms.map(writeTerm), ...servers].join(' '), taken };
}

test.each([
	['1.98 postgres 15', '1.98 postgres=15'],
	['1.98 PostgreSQL=15', '1.98 postgres=15'],
	['1.98 postgresql 9.6', '1.98 postgres=9.6'],
	['1.98 pg15', '1.98 postgres=15'],
	['1.98 PG 15.4', '1.98 postgres=15'],
	['1.98 postgres:15-alpine', '1.98 postgres=15'],
	['1.98 postgres', '1.98 database=postgres'],
	['postgres 1.98', '1.98 database=postgres'],
	['postgres 0.99.5.2', '0.99.5.2 database=postgres'],
	['1.98 sqlite 3.40', '1.98 sqlite=3.40'],
	['sqlite 1.98', '1.98 database=sqlite'],
	['1.98 python 3.11', '1.98 python=3.11'],
	['1.98 python3.11', '1.98 python=3.11'],
	['1.98 debian 12', '1.98 os=debian-12'],
	['1.98 ubuntu22.04', '1.98 os=ubuntu-22.04'],
	['debian 1.98', '1.98 install=debian'],
	['1.98 os=rhel9', '1.98 os=rhel-9'],
	['1.98 os=rhel-9.4', '1.98 os=rhel-9'],
	['1.98 Rocky 9', '1.98 os=rhel-9'],
	['1.98 almalinux10', '1.98 os=rhel-10'],
	['1.98 os=centos-stream-9', '1.98 os=rhel-9'],
	['1.98 os=alpine3.20', '1.98 os=alpine-3.20'],
	['1.98 alpine 3.20', '1.98 os=alpine-3.20'],
	['1.98 os=alpine-3.20.3', '1.98 os=alpine-3.20'],
	['1.98 os=freebsd14', '1.98 os=freebsd-14'],
	['1.98 FreeBSD 14', '1.98 os=freebsd-14'],
	['1.98 freebsd-14.1', '1.98 os=freebsd-14'],
	['ghcr.io/element-hq/synapse:v1.98.0', 'v1.98.0 install=docker'],
	['matrixdotorg/synapse:v1.98.0 1.163', 'v1.98.0 1.163 install=docker'],
	['docker.io/matrixdotorg/synapse:latest 1.98', '1.98 install=docker'],
	['1.98 podman', '1.98 install=docker'],
	['1.98 bookworm', '1.98 os=debian-12'],
	['1.98 Jammy debian', '1.98 os=ubuntu-22.04 install=debian'],
	['1.98 without workers', '1.98 no-workers'],
	['1.98 no workers and not mas', '1.98 no-workers no-mas'],
	['1.98 without nginx', '1.98 no-reverse-proxy'],
	['1.98 ansible', '1.98 install=mdad'],
	['1.98 matrix-docker-ansible-deploy', '1.98 install=mdad'],
	['1.98 NixOS', '1.98 install=nix'],
	['1.98 Traefik', '1.98 reverse-proxy'],
	['synapse 1.98 on docker', '1.98 install=docker'],
	['1.98 helm', '1.98 install=ess'],
	['1.98 Kubernetes', '1.98 install=ess'],
	['https://matrix.example.org/', 'matrix.example.org'],
	['http://example.org:8448/_matrix/client/versions', 'example.org:8448'],
])('reads %s as %s', (typed, words) => {
	expect(read(typed).words).toBe(words);
});

test('reports a guess, but not an alternative spelling', () => {
	expect(read('1.98 helm').taken).toEqual([expect.stringContaining("Element's chart")]);
	expect(read('1.98 podman').taken).toEqual([expect.stringContaining('with `podman`')]);
	expect(read('https://matrix.example.org').taken).toEqual([expect.stringContaining('the name is `example.org`')]);
	expect(read('1.98 pg15 ghcr.io/element-hq/synapse:v1.100.0').taken).toEqual([]);
});

test("does not accept another project's image, or an unknown or incomplete fact", () => {
	expect(() => read('1.98 ghcr.io/someone/synapse:v1.98.0')).toThrow('do not recognise');
	expect(() => read('1.98 postgres=x')).toThrow();
	expect(() => read('1.98 without water')).toThrow('`without`');
	expect(() => read('1.98 no')).toThrow('`no`');
});

test('refuses an unknown system and lists the known ones', () => {
	for (const word of ['os=windows', 'os=rhel7', 'os=alpine3.2', 'os=debian-14'])
		expect(() => read(`1.98 ${word}`)).toThrow(
			/I know `debian-9` to `debian-13`, `ubuntu-16\.04` to `ubuntu-26\.10`, `rhel-8` to `rhel-10`, `alpine-3\.12` to `alpine-3\.24` and `freebsd-13` to `freebsd-15`/,
		);
});

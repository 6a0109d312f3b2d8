import { describe, expect, test } from 'vitest';
import { systemsOf } from '../../src/advice/upgrade/packages.ts';
import type { Applies } from '../../src/deployment/condition.ts';
import { concern } from '../../src/deployment/condition.ts';
import type { Term } from '../../src/deployment/facts.ts';
import {
	factWords,
	isContradiction,
	parseTerm,
	postgresOf,
	profileJson,
	profileOf,
	pythonOf,
	sqliteOf,
	together,
	writeTerm,
} from '../../src/deployment/facts.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';

function profile(text: string) {
	const terms = text
		.split(' ')
		.filter(Boolean)
		.map(word => parseTerm(word))
		.filter((term): term is Term => term !== undefined);
	const result = profileOf(terms);
	if (isContradiction(result)) throw new Error(`the facts contradict each other: ${text}`);
	return result;
}

describe('three-valued applicability', () => {
	const cases: [applies: Applies | undefined, facts: string, is: unknown, because?: string[]][] = [
		[undefined, '', true],
		[{ all: ['workers'] }, '', 'unknown'],
		[{ all: ['workers'] }, 'workers', true],
		[{ all: ['workers'] }, 'no-workers', false, ['no-workers']],
		[{ all: ['workers', 'metrics'] }, 'workers', 'unknown'],
		[{ all: ['workers', 'metrics'] }, 'no-metrics', false, ['no-metrics']],
		[{ any: ['email', 'phone'] }, 'no-email', 'unknown'],
		[{ any: ['email', 'phone'] }, 'no-email no-phone', false, ['no-email', 'no-phone']],
		[{ any: ['email', 'phone'] }, 'phone', true],
		[{ all: ['no-federation'] }, 'federation', false, ['federation']],
		[{ all: ['postgres<13'] }, 'postgres=12', true],
		[{ all: ['postgres<13'] }, 'postgres=13', false, ['postgres=13']],
		[{ all: ['postgres<13'] }, 'sqlite', false, ['database=sqlite']],
		[{ all: ['postgres<13'] }, 'postgres', 'unknown'],
		[{ all: ['postgres<13'] }, 'postgres=9.6', true],
		[{ all: ['sqlite<3.27'] }, 'sqlite=3.8', true],
		[{ all: ['sqlite<3.27'] }, 'docker', false, ['install=docker']],
		[{ all: ['python<3.7'] }, 'mdad', false, ['install=mdad']],
		[{ all: ['database=postgres'] }, 'postgres=14', true],
		[{ all: ['sso'] }, 'saml', true],
		[{ all: ['saml'] }, 'no-sso', false, ['no-sso']],
		[{ all: ['install=docker'] }, 'debian', false, ['install=debian']],
		// A version that is more precise than the condition is one of its line.
		[{ all: ['python=3.9'] }, 'python=3.9.2', true],
		[{ all: ['python=3.9'] }, 'python=3.90', false, ['python=3.90']],
		[{ all: ['postgres=9.6'] }, 'postgres=9.6.24', true],
		[{ all: ['python<3.9'] }, 'python=3.9.2', false, ['python=3.9.2']],
		[{ all: ['python<=3.9'] }, 'python=3.9.2', true],
		[{ all: ['python>3.9'] }, 'python=3.9.2', false, ['python=3.9.2']],
		[{ all: ['python>=3.9'] }, 'python=3.9.2', true],
		// One that is less precise may be on either side.
		[{ all: ['python<3.7.1'] }, 'python=3.7', 'unknown'],
		[{ all: ['python<3.7.1'] }, 'pip os=debian-10', 'unknown'],
		[{ all: ['python<3.7.1'] }, 'python=3.6', true],
		[{ all: ['python<3.7.0'] }, 'python=3.7', false, ['python=3.7']],
		[{ all: ['python>=3.10'] }, 'python=3', 'unknown'],
		[{ all: ['python<3'] }, 'python=3', false, ['python=3']],
		[{ all: ['sqlite<3.37.2'] }, 'sqlite=3.37', 'unknown'],
		[{ all: ['sqlite=3.37.2'] }, 'sqlite=3.37', 'unknown'],
	];
	test.each(cases)('%j with “%s” is %j', (applies, facts, is, because) => {
		const result = concern(applies, profile(facts));
		expect(result.is).toBe(is);
		if (result.is === false) expect(result.because).toEqual(because);
	});
});

test.each([
	['sqlite os=debian-11', '3.34.1'],
	['sqlite pip os=ubuntu-22.04', '3.37.2'],
	['sqlite=3.45 os=debian-11', '3.45'],
	['os=debian-11', undefined],
	['postgres os=debian-11', undefined],
	['sqlite docker os=debian-11', undefined],
	['sqlite os=ubuntu-25.10', undefined],
	['sqlite pip os=rhel-9', '3.34.1'],
	['sqlite os=freebsd-14', undefined],
])('the SQLite of “%s” is %s', (facts, version) => expect(profile(facts).get('sqlite')?.value).toBe(version));

test.each([
	['sqlite', 'os=debian-11', '3.34.1'],
	['os=debian-11', 'sqlite', '3.34.1'],
	['sqlite=3.45', 'os=debian-11', '3.45'],
	['sqlite', 'docker os=debian-11', undefined],
	['sqlite', 'postgres=15 os=debian-11', undefined],
])('of two sources, “%s” and “%s”, the SQLite is %s', (under, over, version) =>
	expect(together(profile(under), profile(over)).get('sqlite')?.value).toBe(version),
);

test.each([
	['pip os=rhel-9', '3.9'],
	['pip os=alpine-3.20', '3.12'],
	['pip python=3.12 os=rhel-9', '3.12'],
	['docker os=rhel-9', undefined],
	['pip os=freebsd-14', undefined],
])('the Python of “%s” is %s', (facts, version) => expect(profile(facts).get('python')?.value).toBe(version));

const contradiction = (text: string) => profileOf(text.split(' ').flatMap(word => parseTerm(word) ?? []));

test('refuses packages for Debian and Ubuntu on any other system', () => {
	for (const install of ['debian', 'distro'])
		for (const os of ['rhel-9', 'alpine-3.20', 'freebsd-14'])
			expect(contradiction(`${install} os=${os}`)).toEqual({
				fact: 'install',
				stated: [`os=${os}`, `install=${install}`],
			});
	expect(profile('distro os=debian-13').get('install')?.value).toBe('distro');
});

test('reads a bare value, and every fact as it is written', () => {
	expect(parseTerm('docker')).toEqual({ fact: 'install', operator: '=', value: 'docker' });
	expect(parseTerm('postgres')).toEqual({ fact: 'database', operator: '=', value: 'postgres' });
	expect(parseTerm('postgres=15.3')).toEqual({ fact: 'postgres', operator: '=', value: '15' });
	for (const word of factWords().filter(word => !['install', 'database', 'os'].includes(word))) {
		const term = parseTerm(word) ?? parseTerm(`${word}=14`);
		expect(term, word).toBeDefined();
		if (term) expect(parseTerm(writeTerm(term))).toEqual(term);
	}
});

test.each([
	'',
	'no-',
	'no-docker',
	'install=windows',
	'postgres=x',
	'workers=yes',
	'no-postgres=14',
	'Workers',
	'__proto__',
	'constructor',
])('rejects %j as a fact', text => expect(parseTerm(text)).toBeUndefined());

test('finds that two values of one fact contradict each other, also through what they imply', () => {
	expect(contradiction('docker pip')).toEqual({ fact: 'install', stated: ['install=docker', 'install=pip'] });
	expect(contradiction('postgres=14 sqlite')).toEqual({ fact: 'database', stated: ['postgres=14', 'database=sqlite'] });
	expect(contradiction('workers no-workers')).toEqual({ fact: 'workers', stated: ['workers', 'no-workers'] });
	expect(contradiction('saml no-sso')).toMatchObject({ fact: 'sso' });
});

test('accepts the same value twice', () => {
	expect(profileJson(profile('docker docker postgres=14 postgres'))).toEqual({
		install: 'docker',
		database: 'postgres',
		postgres: '14',
	});
});

test('what comes with a system is known for all systems that upstream builds packages for now', async () => {
	const { lifecycles } = await openKnowledge(new URL('../../knowledge/', import.meta.url));
	const current = systemsOf(lifecycles).filter(({ packages }) => 'until' in packages);
	expect(current.length).toBeGreaterThan(3);
	for (const { os } of current)
		expect([os, postgresOf(os), pythonOf(os), sqliteOf(os)]).toEqual([
			os,
			expect.stringMatching(/^\d+$/),
			expect.stringMatching(/^3\.\d+$/),
			expect.stringMatching(/^3\.\d+\.\d+$/),
		]);
});

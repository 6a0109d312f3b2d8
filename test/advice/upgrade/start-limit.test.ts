import { describe, expect, test } from 'vitest';
import { startLimit } from '../../../src/advice/upgrade/start-limit.ts';
import type { Migration } from '../../../src/knowledge/schema/migrations.ts';
import { deployed } from '../../deployed.ts';

const migration = (release: string, more: Partial<Migration> = {}): Migration => ({
	release,
	delta: `main 1/${release}.sql`,
	work: 'reads',
	tables: { events: 'events' },
	...more,
});
const migrations = [
	migration('1.30.0', { work: 'alters' }),
	migration('1.40.0'),
	migration('1.62.0', { database: 'sqlite' }),
	migration('1.64.0rc1'),
];

function limitFor(facts: string, from: string, to: string) {
	return startLimit({ from, to, profile: deployed(facts) }, { migrations, installs: {} });
}
const releasesIn = (facts: string, from: string, to: string) =>
	limitFor(facts, from, to)?.migrations.map(({ release }) => release);

test('covers migrations after the start and up to the target', () => {
	expect(releasesIn('debian', '1.39.0', '1.40.0')).toEqual(['1.40.0']);
	expect(releasesIn('debian', '1.40.0', '1.61.0')).toBeUndefined();
	expect(releasesIn('debian', '1.63.0', '1.64.0')).toEqual(['1.64.0rc1']);
});

test('needs no more time for column changes alone, but names them alongside slow work', () => {
	expect(releasesIn('debian', '1.29.0', '1.31.0')).toBeUndefined();
	expect(releasesIn('debian', '1.29.0', '1.41.0')).toEqual(['1.30.0', '1.40.0']);
});

test('applies a migration of one database to anyone who uses it or did not say', () => {
	expect(releasesIn('debian sqlite', '1.61.1', '1.62.0')).toEqual(['1.62.0']);
	expect(releasesIn('debian', '1.61.1', '1.62.0')).toEqual(['1.62.0']);
	expect(releasesIn('debian postgres', '1.61.1', '1.62.0')).toBeUndefined();
});

describe('systemd', () => {
	test.each(['', 'docker', 'mdad', 'ess', 'nix'])('has no known start limit with “%s”', facts => {
		expect(limitFor(facts, '1.39.0', '1.40.0')).toBeUndefined();
	});
	test("has a start limit with upstream's packages, and may have one with other units", () => {
		expect(limitFor('debian', '1.39.0', '1.40.0')?.unit).toBe('sure');
		expect(limitFor('pip', '1.39.0', '1.40.0')?.unit).toBe('perhaps');
		expect(limitFor('distro', '1.39.0', '1.40.0')?.unit).toBe('perhaps');
	});
});

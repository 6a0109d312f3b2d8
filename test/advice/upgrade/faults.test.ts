import { describe, expect, test } from 'vitest';
import { faultsOf, faultsOn, soundnessOf } from '../../../src/advice/upgrade/faults.ts';
import { releaseNotes } from '../../../src/advice/upgrade/release-notes.ts';
import { parseTerm, profileOf, unknownDeployment } from '../../../src/deployment/facts.ts';
import type { Fault } from '../../../src/knowledge/schema/synapse.ts';
import { known, releases } from '../../known.ts';

const fault = (given: Partial<Fault> & Pick<Fault, 'id' | 'broken'>): Fault => ({
	release: '1.0.0',
	severity: 'severe',
	danger: 'service',
	title: 'Owls are silent',
	text: 'Nothing is heard.',
	errors: [],
	symptoms: [],
	sources: [],
	...given,
});

const all = releases('1.0.0', '1.1.0', '1.1.1', '1.1.2', '1.2.0', '1.2.1', '1.3.0');

function profile(text: string) {
	const found = profileOf(text.split(' ').flatMap(word => parseTerm(word) ?? []));
	if (!(found instanceof Map)) throw new Error(text);
	return found;
}

function on(way: { from: string; to: string; halts?: string[]; facts?: string }, ...faults: Fault[]) {
	const { from, to, halts = [], facts } = way;
	const found = faultsOn(
		{
			from,
			to,
			halts: halts.map(best => ({ best, to: '1.1.1' })),
			profile: facts ? profile(facts) : unknownDeployment,
		},
		{ faults, releases: all },
	);
	return found.map(({ id, at, release, take, concerned }) => [id, at, release, take, concerned]);
}

describe('the faults of an upgrade', () => {
	const broken = fault({ id: 'x', broken: ['>=1.1.0 <1.1.2'], fixed: '1.1.2' });

	test('are those of the start, each stop and the target, never of skipped releases', () => {
		expect(on({ from: '1.0.0', to: '1.2.0' }, broken)).toEqual([]);
		expect(on({ from: '1.0.0', to: '1.1.0' }, broken)).toEqual([['x', 'target', '1.1.0', '1.1.2', true]]);
		expect(on({ from: '1.1.1', to: '1.2.0' }, broken)).toEqual([['x', 'start', '1.1.1', '1.1.2', true]]);
		expect(on({ from: '1.0.0', to: '1.3.0', halts: ['1.1.0'] }, broken)).toEqual([['x', 'stop', '1.1.0', null, true]]);
	});

	test("leave out other deployments' faults, and mark possible ones", () => {
		const postgres = fault({ ...broken, applies: { all: ['database=postgres'] } });
		expect(on({ from: '1.0.0', to: '1.1.0', facts: 'sqlite' }, postgres)).toEqual([]);
		expect(on({ from: '1.0.0', to: '1.1.0' }, postgres)[0]?.at(-1)).toBe('unknown');
		expect(on({ from: '1.0.0', to: '1.1.0', facts: 'postgres' }, postgres)[0]?.at(-1)).toBe(true);
		expect(on({ from: '1.0.0', to: '1.1.0' }, fault({ ...broken, onlyIf: 'owls nest' }))[0]?.at(-1)).toBe('unknown');
	});

	test('include problems with what Synapse runs on only if that is stated', () => {
		const old = fault({ ...broken, applies: { all: ['python>=3.13'] }, surroundings: true });
		expect(on({ from: '1.0.0', to: '1.1.0' }, old)).toEqual([]);
		expect(on({ from: '1.0.0', to: '1.1.0', facts: 'python=3.12' }, old)).toEqual([]);
		expect(on({ from: '1.0.0', to: '1.1.0', facts: 'python=3.13' }, old)[0]?.at(-1)).toBe(true);
		const other = fault({ id: 'y', broken: ['>=1.1.0 <1.1.1'], fixed: '1.1.1' });
		const everywhere = { ...old, broken: ['>=1.0.0 <1.3.0'], fixed: '1.3.0' };
		expect(on({ from: '1.0.0', to: '1.1.0' }, other, everywhere)).toEqual([['y', 'target', '1.1.0', '1.1.2', true]]);
		const newer = on({ from: '1.0.0', to: '1.1.0', facts: 'python=3.13' }, other, everywhere);
		expect(newer.map(([id, , , take]) => [id, take])).toContainEqual(['y', '1.3.0']);
	});

	test('mention faults of upgrades from certain releases only for those', () => {
		const early = fault({ id: 'x', broken: ['>=1.1.0 <1.1.2'], fixed: '1.1.2', from: '<=1.0.0' });
		expect(on({ from: '1.0.0', to: '1.1.0' }, early)).toHaveLength(1);
		expect(on({ from: '1.1.0', to: '1.1.1' }, early)).toEqual([]);
	});

	test('put severe faults first, then certain, then new ones, then those without a question', () => {
		const known = fault({
			id: 'known',
			broken: ['>=1.0.0 <1.3.0'],
			applies: { all: ['workers'] },
			onlyIf: 'owls nest',
		});
		const asks = fault({ id: 'asks', release: '1.1.0', broken: ['>=1.1.0 <1.3.0'], applies: { all: ['mas'] } });
		const newer = fault({ id: 'newer', release: '1.2.0', broken: ['>=1.2.0 <1.3.0'], applies: { all: ['mas'] } });
		const near = fault({ ...known, id: 'near', release: '1.1.0', broken: ['>=1.1.0 <1.3.0'] });
		const small = fault({ id: 'small', broken: ['>=1.2.0 <1.3.0'], severity: 'noticeable' });
		const sure = fault({ id: 'sure', broken: ['>=1.0.0 <1.3.0'] });
		const way = { from: '1.0.0', to: '1.2.0', facts: 'workers' };
		const target = on(way, small, known, asks, newer, near, sure).filter(([, at]) => at === 'target');
		expect(target.map(([id]) => id)).toEqual(['sure', 'near', 'newer', 'asks', 'known', 'small']);
	});

	test('mark those that the start already has, at every stop', () => {
		const lasting = fault({ id: 'lasting', broken: ['>=1.0.0 <1.3.0'] });
		const brought = fault({ id: 'brought', release: '1.1.0', broken: ['>=1.1.0 <1.3.0'] });
		const way = { from: '1.0.0', halts: [{ best: '1.1.0', to: '1.1.1' }], to: '1.2.0', profile: unknownDeployment };
		const found = faultsOn(way, { faults: [lasting, brought], releases: all });
		expect(found.map(({ id, at, kept }) => [id, at, kept])).toEqual([
			['brought', 'target', false],
			['lasting', 'target', true],
			['brought', 'stop', false],
			['lasting', 'stop', true],
			['lasting', 'start', true],
		]);
	});

	test('treat a candidate like its release', () => {
		expect(on({ from: '1.0.0', to: '1.1.0rc1' }, broken)).toHaveLength(1);
	});
});

describe('the release to use instead', () => {
	const take = (...faults: Fault[]) =>
		faultsOf('1.1.0', { at: 'target', profile: unknownDeployment }, { faults, releases: all })[0]?.take;
	const broken = fault({ id: 'x', broken: ['>=1.1.0 <1.1.1'], fixed: '1.1.1' });

	test.each<[string, Fault[], string | null | undefined]>([
		['is the newest patch release of the line', [broken], '1.1.2'],
		['is not one with a severe fault of its own', [broken, fault({ id: 'y', broken: ['>=1.1.2 <1.2.0'] })], '1.1.1'],
		['is in the next line if the whole line is broken', [fault({ id: 'x', broken: ['>=1.1.0 <1.2.0'] })], '1.2.1'],
		['does not exist while every release has the fault', [fault({ id: 'x', broken: ['>=1.1.0'] })], null],
	])('%s', (_, faults, expected) => expect(take(...faults)).toBe(expected));
});

test("computes a release's age, and how many earlier lines got their last fix within a week", () => {
	const dated = releases(
		{ version: '1.0.0', date: '2026-01-01' },
		{ version: '1.0.1', date: '2026-01-05' },
		{ version: '1.1.0', date: '2026-02-01' },
		{ version: '1.1.1', date: '2026-02-20' },
		{ version: '1.2.0', date: '2026-03-01' },
	);
	expect(soundnessOf('1.2.0', '2026-03-11', dated)).toEqual({
		release: '1.2.0',
		age: 10,
		settledWithinWeek: 1,
		lines: 2,
	});
	expect(soundnessOf('1.9.0', '2026-03-11', dated)).toBeUndefined();
});

test('the notes of several patch releases list severe faults first', () => {
	const faults = [
		fault({ id: 'first', broken: ['>=1.1.0 <1.1.1'], severity: 'noticeable' }),
		fault({ id: 'always', broken: ['>=1.1.0 <1.2.0'], severity: 'noticeable' }),
		fault({ id: 'last', broken: ['=1.1.2'] }),
	];
	const found = releaseNotes(['1.1.0', '1.1.1', '1.1.2'], unknownDeployment, known({ faults, releases: all }));
	expect(found.faults.map(({ id, release }) => [id, release])).toEqual([
		['last', '1.1.2'],
		['first', '1.1.0'],
		['always', '1.1.2'],
	]);
});

import { describe, expect, test } from 'vitest';
import { compare } from '../../../src/deployment/version.ts';
import { readFiles, readKnowledge } from '../../../src/knowledge/load.ts';
import type { Fault, FaultTrial, Refusing, Stop } from '../../../src/knowledge/schema/synapse.ts';
import { claimsOf } from '../../../tools/verify/claim.ts';
import { type Claim, recipeHash } from '../../../tools/verify/recipe.ts';
import { known, note, releases } from '../../known.ts';

const none = { refusals: [], faults: [] };

/** Each claim: its name, the releases that open the database, and what the last of them does. */
function told(claims: readonly Claim[]): string[] {
	return claims.map(({ id, recipe: { database, before, last, fake }, expects }) => {
		const way = [...before, last]
			.map(({ release, settle, fails, sticks }) => `${release}${fails ? '!' : sticks ? '?' : settle ? '…' : ''}`)
			.join(' ');
		return `${id}: ${database}${fake ? ` as ${fake.version}` : ''}: ${way} ${expects}`;
	});
}

describe('rollback', () => {
	const all = releases(
		{ version: '1.40.0', schema: 60, schemaCompat: 60 },
		{ version: '1.41.0', schema: 61, schemaCompat: 60 },
		{ version: '1.42.0', schema: 62, schemaCompat: 61 },
		{ version: '1.43.0rc1' },
		{ version: '1.43.0', schema: 62, schemaCompat: 61 },
		{ version: '1.44.0', schema: 62, schemaCompat: 61 },
	);

	test('test both sides of each floor, for the first and the last release that has it', () => {
		expect(told(claimsOf(known({ releases: all }), none))).toEqual([
			'rollback/1.41.0/1.40.0: sqlite: 1.40.0… 1.41.0… 1.40.0 starts',
			'rollback/1.42.0/1.41.0: sqlite: 1.40.0… 1.42.0… 1.41.0 starts',
			'rollback/1.42.0/1.40.0: sqlite: 1.40.0… 1.42.0… 1.40.0 refuses',
			'rollback/1.44.0/1.41.0: sqlite: 1.40.0… 1.44.0… 1.41.0 starts',
			'rollback/1.44.0/1.40.0: sqlite: 1.40.0… 1.44.0… 1.40.0 refuses',
		]);
	});

	test('never run a withdrawn release, or one below 1.0.0', () => {
		const old = releases(
			{ version: '0.99.0', schema: 59 },
			...all.map(release => ({ ...release, withdrawn: release.version === '1.41.0' })),
		);
		const run = claimsOf(known({ releases: old }), none).flatMap(({ recipe }) => [...recipe.before, recipe.last]);
		expect(run.map(({ release }) => release)).not.toContain('1.41.0');
		expect(run.map(({ release }) => release)).not.toContain('0.99.0');
		expect(run.length).toBeGreaterThan(0);
	});
});

describe('stops', () => {
	const all = releases('1.37.0', '1.37.1', '1.38.0', '1.81.0', '1.88.0', '1.89.0', '1.90.0');
	const stop: Stop = {
		id: 'halt',
		ways: [{ from: '<1.38.0', to: '>=1.89.0' }],
		first: '1.38.0',
		last: '1.81.0',
		best: '1.81.0',
		required: true,
		waitFor: 'background updates',
		waitAtStart: '>=1.38.0 <1.89.0',
		ruins: true,
		sticks: false,
		tryFrom: [],
		tells: [],
		settles: [],
		why: 'Because.',
	};

	test('test the edges: without it, with it, without the wait, and on SQLite', () => {
		expect(told(claimsOf(known({ releases: all, stops: [stop] }), none))).toEqual([
			'stop/halt/1.37.1-1.89.0/direct: postgresql 14: 1.37.1… 1.89.0… refuses',
			'stop/halt/1.37.1-1.89.0/halt-1.38.0: postgresql 14: 1.37.1… 1.38.0… 1.89.0… starts',
			'stop/halt/1.37.1-1.89.0/halt-1.81.0: postgresql 14: 1.37.1… 1.81.0… 1.89.0… starts',
			'stop/halt/1.37.1-1.89.0/no-wait: postgresql 14: 1.37.1… 1.38.0 1.89.0… refuses',
			'stop/halt/1.37.1-1.89.0/ruined: postgresql 14: 1.37.1… 1.89.0! 1.37.1 refuses',
			'stop/halt/1.37.1-1.89.0/sqlite: sqlite: 1.37.1… 1.89.0… starts',
		]);
	});

	test('test more starting releases, if named', () => {
		const more = { ...stop, tryFrom: ['1.37.0', '1.88.0'] };
		expect(told(claimsOf(known({ releases: all, stops: [more] }), none)).map(claim => claim.split(':')[0])).toEqual([
			...['direct', 'halt-1.38.0', 'halt-1.81.0', 'no-wait', 'ruined', 'sqlite'].map(
				name => `stop/halt/1.37.1-1.89.0/${name}`,
			),
			...['direct', 'halt-1.38.0', 'halt-1.81.0', 'no-wait', 'ruined'].map(name => `stop/halt/1.37.0-1.89.0/${name}`),
		]);
	});

	test('test endless background updates on a database that was stuck before', () => {
		const { waitAtStart: _, ...sticking } = { ...stop, sticks: true, ruins: false, tryAfter: '1.37.0' };
		const claims = claimsOf(known({ releases: all, stops: [sticking] }), none);
		expect(told(claims)).toEqual([
			'stop/halt/1.37.1-1.89.0/direct: postgresql 14: 1.37.0… 1.37.1? 1.89.0… stuck',
			'stop/halt/1.37.1-1.89.0/halt-1.38.0: postgresql 14: 1.37.0… 1.37.1? 1.38.0… 1.89.0… starts',
			'stop/halt/1.37.1-1.89.0/halt-1.81.0: postgresql 14: 1.37.0… 1.37.1? 1.81.0… 1.89.0… starts',
		]);
		expect(claims[0]?.says).toBe(
			'1.89.0 never finishes its background updates on a PostgreSQL database that 1.37.0 opened and then 1.37.1 got stuck on',
		);
	});
});

describe('floors', () => {
	const all = releases(
		{ version: '1.51.0', postgresql: '9.6', sqlite: '3.27', python: '3.6' },
		{ version: '1.52.0', postgresql: '10', sqlite: '3.37.2', python: '3.7' },
	);

	test('test a rise: the release before it below the floor, the release itself below and at the floor', () => {
		const claims = claimsOf(
			known({ releases: all, notes: [note('1.52.0/pg', { applies: { all: ['postgres<10'] } })] }),
			none,
		);
		expect(told(claims)).toEqual([
			'floor/postgresql/1.51.0/9.6: postgresql 10 as 9.6: 1.51.0 starts',
			'floor/postgresql/1.52.0/9.6: postgresql 10 as 9.6: 1.52.0 refuses',
			'floor/postgresql/1.52.0/10: postgresql 10: 1.52.0 starts',
			'floor/sqlite/1.51.0/3.37.1: sqlite as 3.37.1: 1.51.0 starts',
			'floor/sqlite/1.52.0/3.37.1: sqlite as 3.37.1: 1.52.0 refuses',
			'floor/sqlite/1.52.0/3.37.2: sqlite as 3.37.2: 1.52.0 starts',
			'floor/python/1.51.0/3.6: sqlite: 1.51.0 starts',
			'floor/python/1.52.0/3.6: sqlite: 1.52.0 refuses',
			'floor/python/1.52.0/3.7: sqlite: 1.52.0 starts',
		]);
		expect(claims.filter(({ of }) => of === '1.52.0/pg').map(({ id }) => id)).toEqual([
			'floor/postgresql/1.51.0/9.6',
			'floor/postgresql/1.52.0/9.6',
			'floor/postgresql/1.52.0/10',
		]);
	});
});

describe('refusals', () => {
	const attempt = (config: Record<string, unknown>, locale?: string) => ({
		config,
		files: {},
		packages: [],
		...(locale && { locale }),
	});
	const refusing: Refusing = {
		note: '1.52.0/owls',
		message: 'no owls',
		since: true,
		refused: attempt({ owls: true }),
		accepted: attempt({}),
	};
	const knowledge = known({
		releases: releases('1.50.0', '1.51.0', '1.52.0rc1', '1.52.0'),
		notes: [note('1.52.0/owls', { refuses: true })],
	});

	test('test what causes the refusal, what its note says, and the release before', () => {
		expect(told(claimsOf(knowledge, { ...none, refusals: [refusing] }))).toEqual([
			'refusal/1.52.0/owls/refused: sqlite: 1.52.0 refuses',
			'refusal/1.52.0/owls/repaired: sqlite: 1.52.0 starts',
			'refusal/1.52.0/owls/before: sqlite: 1.51.0 starts',
		]);
		expect(claimsOf(knowledge, { ...none, refusals: [{ ...refusing, since: false }] })).toHaveLength(2);
	});

	test('have separate claims for each case of a note', () => {
		const claims = claimsOf(knowledge, {
			...none,
			refusals: [refusing, { ...refusing, case: 'at-night', since: false }],
		});
		expect(claims.map(({ id }) => id)).toEqual([
			'refusal/1.52.0/owls/refused',
			'refusal/1.52.0/owls/repaired',
			'refusal/1.52.0/owls/before',
			'refusal/1.52.0/owls/at-night/refused',
			'refusal/1.52.0/owls/at-night/repaired',
		]);
	});

	test('use PostgreSQL for a locale', () => {
		const [claim] = claimsOf(knowledge, { ...none, refusals: [{ ...refusing, refused: attempt({}, 'C.UTF-8') }] });
		expect(claim?.recipe.database).toBe('postgresql 14');
	});

	test('change with the recipe, but not with a sentence', () => {
		const [claim] = claimsOf(knowledge, { ...none, refusals: [refusing] });
		const [other] = claimsOf(knowledge, { ...none, refusals: [{ ...refusing, refused: attempt({ owls: 2 }) }] });
		if (!claim || !other) throw new Error('no claims');
		expect(recipeHash(claim)).not.toBe(recipeHash(other));
		expect(recipeHash(claim)).toBe(recipeHash({ ...claim, says: 'Something else.' }));
	});
});

describe('faults', () => {
	const fault = (given: Pick<Fault, 'id' | 'broken' | 'fixed'>): Fault => ({
		severity: 'severe',
		danger: 'service',
		title: 'Owls keep it from starting',
		text: 'They sit on it.',
		errors: [],
		symptoms: [],
		release: '1.52.0',
		sources: [],
		...given,
	});
	const attempt = { config: { owls: false }, files: {}, packages: [] };
	const trial: FaultTrial = { fault: '1.52.0/owls', message: 'no owls', after: [], since: true, attempt };
	const knowledge = known({
		releases: releases('1.50.0', '1.51.0', '1.52.0rc1', '1.52.0', '1.52.1', '1.53.0', '1.54.0'),
		faults: [fault({ id: '1.52.0/owls', broken: ['>=1.52.0 <1.54.0'], fixed: '1.54.0' })],
	});
	const claimsFor = (changes: Partial<FaultTrial>) =>
		claimsOf(knowledge, { ...none, faults: [{ ...trial, ...changes }] });

	test('test the first release with it, the one with the fix, and the release before', () => {
		expect(told(claimsFor({}))).toEqual([
			'fault/1.52.0/owls/broken: sqlite: 1.52.0 refuses',
			'fault/1.52.0/owls/cured: sqlite: 1.54.0 starts',
			'fault/1.52.0/owls/before: sqlite: 1.51.0 starts',
		]);
		expect(claimsFor({}).map(({ message }) => message)).toEqual(['no owls', undefined, undefined]);
	});

	test('leave out the release before if it fails too', () => {
		expect(told(claimsFor({ since: false }))).toHaveLength(2);
	});

	test('use a database that other releases opened, and start a worker after the main process', () => {
		expect(told(claimsFor({ after: ['1.50.0'], since: false }))[0]).toBe(
			'fault/1.52.0/owls/broken: sqlite: 1.50.0 1.52.0 refuses',
		);
		expect(told(claimsFor({ attempt: { ...attempt, worker: {} } }))[2]).toBe(
			'fault/1.52.0/owls/before: sqlite: 1.51.0 1.51.0 starts',
		);
	});

	test('leave out the fix if there is none', () => {
		const uncured = { ...knowledge, faults: [fault({ id: '1.52.0/owls', broken: ['>=1.52.0'] })] };
		expect(told(claimsOf(uncured, { ...none, faults: [trial] }))).toEqual([
			'fault/1.52.0/owls/broken: sqlite: 1.52.0 refuses',
			'fault/1.52.0/owls/before: sqlite: 1.51.0 starts',
		]);
	});
});

describe('the claims of the knowledge', () => {
	const folder = new URL('../../../knowledge/', import.meta.url);
	const { files } = readFiles(folder);
	const knowledge = readKnowledge(folder);
	const entries = files.claims.map(({ value }) => value);
	const claims = claimsOf(knowledge, {
		refusals: entries.flatMap(({ refusals }) => refusals),
		faults: entries.flatMap(({ faults }) => faults),
	});

	test('have unique names', () => {
		const names = claims.map(({ id }) => id);
		expect(names.filter((name, i) => names.indexOf(name) < i)).toEqual([]);
	});

	test('cover every note since 1.110 that refuses, or say why not', () => {
		const untried = entries.flatMap(entry => entry.untried.map(({ note: id }) => id));
		const answered = new Set([...claims.map(({ of }) => of), ...untried]);
		const refusing = knowledge.notes.filter(({ refuses, release }) => refuses && compare(release, '1.110.0') >= 0);
		expect(refusing.length).toBeGreaterThan(15);
		expect(refusing.map(({ id }) => id).filter(id => !answered.has(id))).toEqual([]);
	});

	test('hold in their current form if they were tested', () => {
		const now = new Map(claims.map(claim => [claim.id, recipeHash(claim)]));
		expect(files.verified.length).toBeGreaterThan(60);
		const wrong = files.verified.filter(({ claim, recipe, holds }) => !holds || (now.get(claim) ?? recipe) !== recipe);
		expect(wrong.map(({ claim }) => claim)).toEqual([]);
	});

	test('cover every rollback floor since 1.37 from both sides', () => {
		// With any release that has the floor: each new release is the last of its run, and need not be tested immediately.
		const side = (last: string | undefined, outcome: string) => `${last} ${outcome}`;
		const tried = new Set(files.verified.map(({ releases: run, outcome }) => side(run.at(-1), outcome)));
		const sides = claims
			.filter(({ kind, id }) => kind === 'rollback' && compare(id.split('/')[1] ?? '', '1.37.0') >= 0)
			.map(({ recipe: { last }, expects }) => side(last.release, expects));
		expect(new Set(sides).size).toBeGreaterThan(25);
		expect(sides.filter(each => !tried.has(each))).toEqual([]);
	});
});

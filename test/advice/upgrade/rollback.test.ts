import { describe, expect, test } from 'vitest';
import { rollback, waysBack } from '../../../src/advice/upgrade/rollback.ts';
import { floorWords, rollbackWords } from '../../../src/messages/rollback.ts';
import { known, note, releases } from '../../known.ts';

const history = known({
	releases: releases(
		{ version: '1.34.0', schema: 58 },
		{ version: '1.35.0', schema: 58 },
		{ version: '1.36.0', schema: 59 },
		{ version: '1.37.0rc1' },
		{ version: '1.37.0', schema: 60, schemaCompat: 59 },
		{ version: '1.38.0', schema: 61, schemaCompat: 60 },
		{ version: '1.39.0', schema: 62, schemaCompat: 60 },
		{ version: '1.39.1', schema: 62, schemaCompat: 60, withdrawn: true },
		{ version: '1.40.0', schema: 63, schemaCompat: 61 },
	),
});

test.each([
	['1.34.0', '1.34.0'],
	// Before compat versions, a release started on its own schema, but not on a newer one.
	['1.35.0', '1.34.0'],
	['1.36.0', '1.36.0'],
	// 1.36 has schema 59, the minimum of 1.37; but it does not know compat versions and only sees schema 60.
	['1.37.0', '1.37.0'],
	['1.39.0', '1.37.0'],
	['1.40.0', '1.38.0'],
])('can roll back from %s to %s', (version, floor) => {
	const found = rollback(version, undefined, history);
	expect([found.floor, found.unsure]).toEqual([floor, undefined]);
});

test('judges a candidate by its release, or says that it uses the release before', () => {
	const found = rollback('1.37.0rc1', undefined, history);
	expect(found.floor).toBe('1.37.0rc1');
	expect(floorWords(found)).not.toContain('not known here');
	const ahead = { ...history, releases: [...history.releases, { version: '1.41.0rc1', date: '2022-02-01' }] };
	const next = rollback('1.41.0rc1', undefined, ahead);
	expect(next.floor).toBe('1.38.0');
	expect(floorWords(next)).toContain('inferred this from the schema of 1.40.0');
});

test('judges a candidate by its own schema if its release has another', () => {
	const candidate = { version: '1.40.0rc1', date: '2022-01-20', schema: 63, schemaCompat: 62 };
	const own = { ...history, releases: [...history.releases, candidate] };
	expect(rollback('1.40.0rc1', undefined, own)).toMatchObject({
		floor: '1.39.0',
		reason: { is: 'schema', needed: 62 },
	});
	expect(rollback('1.40.0', undefined, own)).toMatchObject({ floor: '1.38.0' });
});

test('says whether you can return to the requested release', () => {
	expect(rollback('1.40.0', '1.38.0', history)).toMatchObject({ canReturn: true });
	expect(rollback('1.40.0', '1.37.0', history)).toMatchObject({ canReturn: false, to: '1.37.0' });
	expect(rollback('1.40.0', undefined, history)).not.toHaveProperty('canReturn');
});

test('prefers a floor found by running the releases, with the reason', () => {
	const misled = {
		...history,
		rollbackFloors: [{ releases: '>=1.39.0 <1.40.0', floor: '1.38.0', because: 'It drops a table.' }],
	};
	expect(rollback('1.39.0', undefined, misled)).toMatchObject({
		floor: '1.38.0',
		reason: { is: 'curated', because: 'It drops a table.' },
	});
	expect(rollback('1.40.0', undefined, misled)).toMatchObject({ floor: '1.38.0' });
});

test('lists what a rollback cannot undo', () => {
	const notes = [
		note('1.38.0/rooms', { oneWay: 'New rooms are lost.' }),
		note('1.40.0/media', { oneWay: 'Files moved.' }),
	];
	expect(rollback('1.40.0', '1.38.0', { ...history, notes }).cautions).toEqual([
		{ id: '1.40.0/media', text: 'Files moved.' },
	]);
});

test('suggests stops that keep the previous release within reach', () => {
	expect(waysBack('1.37.0', '1.40.0', history)).toEqual(['1.39.0']);
	expect(waysBack('1.38.0', '1.40.0', history)).toEqual([]);
});

describe('releases of unknown schema', () => {
	const read = (version: string, schema: number, schemaCompat: number) => ({ version, schema, schemaCompat });
	const back = (list: Parameters<typeof releases>, from: string, to: string) => {
		const { canReturn, floor, unsure } = rollback(from, to, known({ releases: releases(...list) }));
		return [canReturn, floor, unsure];
	};

	test('are skipped if both sides of the gap allow it', () => {
		const list = [read('1.160.0', 92, 90), '1.161.0', '1.162.0', read('1.163.0', 93, 91), read('1.164.0', 94, 92)];
		expect(back(list, '1.164.0', '1.160.0')).toEqual([true, '1.160.0', undefined]);
		expect(back(list, '1.164.0', '1.161.0')).toEqual([true, '1.160.0', undefined]);
	});

	test('make the answer unknown within a gap that may be out of reach, and no below it', () => {
		const list = [read('1.160.0', 91, 90), '1.161.0', '1.162.0', read('1.163.0', 93, 91), read('1.164.0', 94, 92)];
		expect(back(list, '1.164.0', '1.161.0')).toEqual(['unknown', '1.163.0', ['1.161.0', '1.162.0']]);
		expect(back(list, '1.164.0', '1.160.0')).toEqual([false, '1.163.0', ['1.161.0', '1.162.0']]);
		expect(back(list, '1.164.0', '1.163.0')).toEqual([true, '1.163.0', ['1.161.0', '1.162.0']]);
	});

	test('can return at least as far as the next newer release can', () => {
		const list = [read('1.160.0', 92, 90), '1.161.0', read('1.162.0', 93, 92)];
		expect(back(list, '1.161.0', '1.160.0')).toEqual([true, '1.160.0', undefined]);
		const steep = [read('1.160.0', 92, 90), '1.161.0', read('1.162.0', 94, 94)];
		expect(back(steep, '1.161.0', '1.160.0')).toEqual(['unknown', '1.161.0', ['1.160.0']]);
	});

	test('claim nothing about the newest except what older ones already refuse', () => {
		const list = [read('1.160.0', 90, 88), read('1.161.0', 92, 91), '1.162.0'];
		expect(back(list, '1.162.0', '1.161.0')).toEqual(['unknown', '1.162.0', ['1.161.0']]);
		expect(back(list, '1.162.0', '1.160.0')).toEqual([false, '1.162.0', ['1.161.0']]);
		const found = rollback('1.162.0', '1.161.0', known({ releases: releases(...list) }));
		expect(floorWords(found)).toBe(
			'I do not know the schema of 1.162.0 yet. It is not known whether 1.161.0 still starts.',
		);
	});

	test('lead to an answer that says what is not known', () => {
		const list = [read('1.160.0', 91, 90), '1.161.0', read('1.162.0', 93, 92)];
		const told = (to?: string) =>
			rollbackWords(rollback('1.162.0', to, known({ releases: releases(...list) })), []).lead;
		expect(told('1.161.0')).toMatch(/^\*\*It is not known whether 1\.161\.0 still starts after 1\.162\.0\.\*\*/);
		expect(told('1.160.0')).toMatch(/^\*\*No: /);
		expect(told()).toMatch(/^\*\*It is not known how far you can go back from 1\.162\.0\.\*\*/);
	});
});

import { expect, test } from 'vitest';
import { rollback, waysBack } from '../../src/advice/rollback.ts';
import { known, note, releases } from '../known.ts';

const history = known({
	releases: releases(
		{ version: '1.35.0', schema: 58 },
		{ version: '1.36.0', schema: 59 },
		{ version: '1.37.0rc1' },
		{ version: '1.37.0', schema: 60, schemaCompat: 60 },
		{ version: '1.38.0', schema: 61, schemaCompat: 60 },
		{ version: '1.39.0', schema: 62, schemaCompat: 60 },
		{ version: '1.39.1', schema: 62, schemaCompat: 60, withdrawn: true },
		{ version: '1.40.0', schema: 63, schemaCompat: 61 },
	),
});

test.each([
	['1.36.0', '1.36.0'],
	['1.37.0', '1.37.0'],
	['1.39.0', '1.37.0'],
	['1.40.0', '1.38.0'],
])('%s goes back to %s', (version, floor) => expect(rollback(version, undefined, history).floor).toBe(floor));

test('a candidate is judged by its final release, or said to be judged by the last one before it', () => {
	const { floor, floorWhy } = rollback('1.37.0rc1', undefined, history);
	expect(floor).toBe('1.37.0rc1');
	expect(floorWhy).not.toContain('not known here');
	const ahead = { ...history, releases: [...history.releases, { version: '1.41.0rc1', date: '2022-02-01' }] };
	expect(rollback('1.41.0rc1', undefined, ahead)).toMatchObject({
		floor: '1.38.0',
		floorWhy: expect.stringContaining('said by that of 1.40.0'),
	});
});

test('whether one can return is said for the release asked', () => {
	expect(rollback('1.40.0', '1.38.0', history)).toMatchObject({ canReturn: true });
	expect(rollback('1.40.0', '1.37.0', history)).toMatchObject({ canReturn: false, to: '1.37.0' });
	expect(rollback('1.40.0', undefined, history)).not.toHaveProperty('canReturn');
});

test('where running showed another floor, that one counts, with its reason', () => {
	const misled = {
		...history,
		rollbackFloors: [{ releases: '>=1.39.0 <1.40.0', floor: '1.38.0', because: 'It drops a table.' }],
	};
	expect(rollback('1.39.0', undefined, misled)).toMatchObject({ floor: '1.38.0', floorWhy: 'It drops a table.' });
	expect(rollback('1.40.0', undefined, misled)).toMatchObject({ floor: '1.38.0' });
});

test('one-way steps on the way back are named', () => {
	const notes = [
		note('1.38.0/rooms', { oneWay: 'New rooms are lost.' }),
		note('1.40.0/media', { oneWay: 'Files moved.' }),
	];
	expect(rollback('1.40.0', '1.38.0', { ...history, notes }).cautions).toEqual([
		{ id: '1.40.0/media', text: 'Files moved.' },
	]);
});

test('halts keep the release before them within reach', () => {
	expect(waysBack('1.37.0', '1.40.0', history)).toEqual(['1.39.0']);
	expect(waysBack('1.38.0', '1.40.0', history)).toEqual([]);
});

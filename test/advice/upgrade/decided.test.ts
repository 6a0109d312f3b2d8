// A plan with a configuration: notes that it rules out are hidden, and notes that it confirms have no condition left.
import { expect, test } from 'vitest';
import { youngNotes } from '../../../src/advice/check/young.ts';
import { plan } from '../../../src/advice/upgrade/plan.ts';
import { known, knownCode, note } from '../../known.ts';

const way = { from: '1.0.0', to: '1.3.0', profile: new Map(), today: '2026-11-29' };
const refusal = { refuses: true, must: true, onlyIf: '`a` is set', found: { option: 'a' }, options: ['a'] } as const;
const knowledge = known({
	notes: [
		note('1.1.0/undecided', { ...refusal, options: ['a'] }),
		note('1.1.0/proved', { ...refusal, options: ['a'], applies: { all: ['workers'] } }),
		note('1.1.0/ruled-out', { ...refusal, options: ['a'] }),
		note('1.1.0/starts', { ...refusal, options: ['a'] }),
		note('1.1.0/over', { ...refusal, options: ['a'], until: '1.2.0' }),
		note('1.1.0/young', { ...refusal, options: ['b'], found: { option: 'b' } }),
		note('1.2.0/to-know', { when: 'before' }),
	],
});
const decided = new Map([
	['1.1.0/proved', true],
	['1.1.0/ruled-out', false],
	['1.1.0/starts', true],
]);
const { steps, hidden } = plan(
	{ ...way, decided, starts: new Set(['1.1.0/starts']), young: new Set(['1.1.0/young']) },
	knowledge,
);
const step = (id: string) => steps.find(other => other.id === `1.1.0/${id}`);

test('applies notes that the files confirm, without a condition or a question', () => {
	expect(step('proved')).toMatchObject({ concerned: true, refuses: true });
	expect(step('proved')).not.toHaveProperty('onlyIf');
	expect(step('proved')).not.toHaveProperty('ask');
});

test('hides notes that the files rule out, with the options they depend on', () => {
	expect(hidden).toContainEqual(
		expect.objectContaining({ id: '1.1.0/ruled-out', because: ['configuration'], options: ['a'] }),
	);
	expect(step('ruled-out')).toBeUndefined();
});

test('keeps the condition of notes that the files leave open', () => {
	expect(step('undecided')).toMatchObject({ onlyIf: '`a` is set', refuses: true });
});

test('drops a refusal if Synapse starts with these files, or if it ended before the target', () => {
	expect(step('starts')?.refuses).toBe(false);
	expect(step('over')?.refuses).toBe(false);
});

test.each([
	['1.1.0', true],
	['1.2.0rc1', false],
	['1.2.0', false],
])('to %s, a refusal that ends with 1.2.0 still stops the start: %s', (to, refuses) => {
	const found = plan({ ...way, to }, knowledge).steps.find(({ id }) => id === '1.1.0/over');
	expect(found?.refuses).toBe(refuses);
});

test('puts options that the starting release does not have last', () => {
	const ids = steps.filter(({ when, generated }) => when === 'switch' && !generated).map(({ id }) => id);
	expect(ids.at(-1)).toBe('1.1.0/young');
	expect(step('young')?.young).toBe(true);
});

test('calls a note young if all options in its condition are newer than the starting release', () => {
	const state = { file: 'x.py' };
	const options = knownCode({
		options: { '1.0.0': { a: state }, '1.1.0': { a: state, b: state, 'b.c': state } },
	}).options();
	const young = (found: NonNullable<Parameters<typeof note>[1]>['found']) =>
		youngNotes([note('1.1.0/x', { found })], options, '1.0.0').size === 1;
	expect(young({ option: 'b' })).toBe(true);
	expect(young({ option: 'b.c.d' })).toBe(true);
	expect(young({ any: [{ option: 'a' }, { option: 'b' }] })).toBe(false);
	expect(young({ option: 'b', absent: true })).toBe(false);
	expect(young({ each: 'b.c[]', all: [{ absent: ['x'] }] })).toBe(true);
});

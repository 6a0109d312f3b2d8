// Which changes to a guide invalidate a test of it: only those to what the test executed.
import { expect, test } from 'vitest';
import { recipeOf } from '../../src/knowledge/guide-hash.ts';
import type { Guide, GuideStep } from '../../src/knowledge/schema/guide.ts';

const step = (commands: string, more: Partial<GuideStep> = {}): GuideStep => ({
	commands,
	language: 'bash',
	check: false,
	shows: [],
	...more,
});

const lift = [
	step('lift the cart', { applies: { all: ['layout=cart|wagon'] } }),
	step('lift the boat', { applies: { all: ['layout=boat'] } }),
	step('lift what has no wheels', { applies: { all: ['layout!=cart'] } }),
	step('lift by hand', { ways: ['hand'] }),
	step('lift new ones', { applies: { all: ['to>=18'] } }),
	step('lift by workers', { applies: { all: ['workers'] } }),
];

function guideWith(steps: GuideStep[]): Guide {
	const [ways, refuses, dangers, parameters, cleanUp, sources] = [[], [], [], [], [], []];
	const wayBack = { before: [], again: [], after: [] };
	const stage = { id: 'lift', title: 'Lift', why: 'Gravity.', steps, failures: [], untried: [] };
	return {
		id: 'move',
		title: 'Move',
		summary: 'Moved.',
		ways,
		refuses,
		dangers,
		parameters,
		stages: [stage],
		cleanUp,
		wayBack,
		sources,
	};
}

const onCart = { of: 'lift', with: { layout: 'cart', way: 'crane' } };
const recipe = recipeOf(guideWith(lift), onCart);
const changed = (at: number, more: Partial<GuideStep>) =>
	recipeOf(guideWith(lift.map((one, i) => (i === at ? { ...one, ...more } : one))), onCart);

test.each([
	['of another layout', 1],
	['that this layout leaves out', 2],
	['of another way', 3],
])('does not include a step %s', (_, at) => expect(changed(at, { commands: 'heave' })).toBe(recipe));

test.each([
	['of its own layout', 0],
	['for a version, which may be its own', 4],
	['for a fact, which may be true there', 5],
])('includes a step %s', (_, at) => expect(changed(at, { commands: 'heave' })).not.toBe(recipe));

test('includes the expected output, but not the words', () => {
	expect(changed(0, { shows: ['lifted'] })).not.toBe(recipe);
	expect(changed(0, { text: 'Mind your back.', see: 'It is up.' })).toBe(recipe);
});

test('includes all steps for a test that covers every deployment', () => {
	const every = { of: 'lift', with: {} };
	const other = guideWith(lift.map((one, i) => (i === 1 ? { ...one, commands: 'heave' } : one)));
	expect(recipeOf(other, every)).not.toBe(recipeOf(guideWith(lift), every));
});

test('is undefined for a stage that no longer exists', () => {
	expect(recipeOf(guideWith(lift), { of: 'carry', with: {} })).toBeUndefined();
});

// A guide is loaded like all other knowledge: every mistake is reported with file, line and column.
import { expect, test } from 'vitest';
import { recipeOf } from '../../../src/knowledge/guide-hash.ts';
import { readKnowledge } from '../../../src/knowledge/load.ts';
import { folderOf, guideText as whole } from '../folder.ts';

function mistakesOf(text: string): string[] {
	try {
		readKnowledge(folderOf({ 'guides/move.yaml': text }));
		return [];
	} catch (error) {
		return String(error).split('\n').slice(1);
	}
}

test('reads a whole guide, named after its file', () => {
	const { guides } = readKnowledge(folderOf({ 'guides/move.yaml': whole }));
	expect(guides).toMatchObject([{ id: 'move', stages: [{ id: 'lift', steps: [{ language: 'bash', check: false }] }] }]);
});

test.each([
	[
		'a name that is not a parameter',
		'lift {from}',
		'lift {form}',
		'17:19 expected a parameter of this guide, got form',
	],
	[
		'a condition on an unknown parameter',
		'layout=upright',
		'lay=upright',
		'9:71 expected a parameter of this guide, got lay',
	],
	['an invalid value', 'layout=upright', 'layout=upside', '9:71 expected one of upright, lying, got upside'],
	['an unknown way', 'ways: [carry]', 'ways: [fly]', '15:12 expected one of the ways carry, push, got fly'],
	[
		'a default that it would not accept',
		'default: there',
		'default: over there',
		'5:5 expected values that to accepts, got over there',
	],
	[
		'an example that it would not accept',
		'means: where it stands, kind: name }',
		'means: where it stands, kind: name, example: from=here }',
		'expected a value that from accepts, got from=here',
	],
	['the name of a fact', 'name: layout', 'name: workers', '6:13 expected a name that no fact has, got workers'],
	[
		'an error without words',
		"'ERROR: {from} weighs …, which is too much'",
		"'a {from} b …'",
		'expected eight characters or more without a gap',
	],
	['a duplicate ID', 'id: too-heavy', 'id: lift', '20:15 expected an id of its own, got lift for the second time'],
	['an unknown key', 'why: It', 'because: It', 'there is no key because here'],
	['no kind', 'kind: name }', 'optional: true }', '4:5 expected either a kind or values for from'],
	[
		'a value that commands need but the guide never asks for',
		'means: where it stands, kind: name }',
		'means: where it stands, kind: name, optional: true }',
		'expected false, because commands need from',
	],
	['HTML', 'It must leave', 'It <b>must</b> leave', 'no HTML in prose'],
])('says where %s is', (_, there, instead, mistake) => {
	expect(whole).toContain(there);
	const mistakes = mistakesOf(whole.replace(there, instead));
	expect(
		mistakes.some(line => line.startsWith('guides/move.yaml:') && line.includes(mistake)),
		mistakes.join('\n'),
	).toBe(true);
});

test('reports a point of no return without a way back', () => {
	const text = whole.replace('    ways: [carry]\n', '    ways: [carry]\n    noReturn: It is gone.\n');
	expect(mistakesOf(text).join()).toContain('expected a way back after the point of no return');
});

test('accepts a test while what was tested is unchanged', () => {
	const { guides } = readKnowledge(folderOf({ 'guides/move.yaml': whole }));
	const [guide] = guides;
	if (!guide) throw new Error('no guide');
	const recipe = recipeOf(guide, { of: 'lift', with: { way: 'carry' } });
	const tried = JSON.stringify({
		tried: [{ guide: 'move', of: 'lift', with: { way: 'carry' }, versions: {}, date: '2026-11-21', recipe }],
	});
	const read = (text: string) =>
		readKnowledge(folderOf({ 'guides/move.yaml': text, 'guides/tried.json': tried })).tried;
	expect(read(whole)).toHaveLength(1);
	expect(read(whole.replace('It must leave the ground', 'Gravity'))).toHaveLength(1);
	expect(read(whole.replace('lift {from}', 'heave {from}'))).toHaveLength(0);
});

import { describe, expect, test } from 'vitest';
import { anchorsOf, blocksOf, sectionsOf, wordsOf } from '../../../src/knowledge/upstream/markdown.ts';

describe('sections', () => {
	const titles = (text: string) => sectionsOf(text).map(({ level, title }) => [level, title]);

	test('start at both kinds of headings', () => {
		expect(titles('lost\n# One #\n\nTwo\n===\n\n### Three ###\nFour\n---\n\nFive\n---\n')).toEqual([
			[1, 'One'],
			[1, 'Two'],
			[3, 'Three'],
			[2, 'Four'],
			[2, 'Five'],
		]);
	});

	test('do not start at a comment in code, at dashes under a longer paragraph, or at a tag', () => {
		const text =
			'# One\n```sh\n# not this\nnor this\n-------\n```\n  ~~~\n# nor that\n  ~~~\ntwo\nlines\n-----\n#tag\n';
		expect(titles(text)).toEqual([[1, 'One']]);
	});

	test('have the lines up to the next heading', () => {
		expect(sectionsOf('# One\na\n\nTwo\n---\nb').map(({ lines }) => lines)).toEqual([['a', ''], ['b']]);
	});
});

test.each([
	[
		'paragraphs and items',
		'one\nmore\n\n- two\n- three\n  more\n\nfour',
		['one\nmore', '+two', '+three\n  more', 'four'],
	],
	[
		'an item includes what is indented below it',
		'* a\n\n  b\n\n      code\n    - c\n* d',
		['+a\n\n  b\n\n      code\n    - c', '+d'],
	],
	['an item that continues without indentation', '- a\nstill a\n\nb', ['+a\nstill a', 'b']],
	['a list directly after a sentence', 'These:\n - a\n - b', ['These:', '+a', '+b']],
	['code belongs to what is above it', 'a\n\n```\n- b\n\nc\n```\n\nd', ['a\n\n```\n- b\n\nc\n```', 'd']],
	['the wide items of old logs', '-   a\n    b\n-   c', ['+a\n    b', '+c']],
	['nothing', '\n\n', []],
])('blocks: %s', (_, text, blocks) => {
	expect(blocksOf(text.split('\n')).map(({ kind, text: own }) => (kind === 'item' ? `+${own}` : own))).toEqual(blocks);
});

test.each([
	['a [link](https://example.org/a_b), [one](x "y") and ![pic](p.png)', 'a link, one and pic'],
	['([\\#123](https://example.org))', '(#123)'],
	['**bold** and `worker_*` and snake_case', 'bold and `worker_*` and snake_case'],
	['see <https://example.org>,\nnext', 'see https://example.org, next'],
])('words of %s', (text, words) => {
	expect(wordsOf(text)).toBe(words);
});

test('makes anchors of letters, digits and hyphens, and numbers repeated ones', () => {
	const titles = [
		'Removal of `a_b` settings (2022)',
		'Path & more',
		'E-Mail',
		'E-Mail',
		'`/x/<y>/z` moved',
		'E-Mail',
		'Upgrading to v1.2.3',
	];
	expect(anchorsOf(titles)).toEqual([
		'removal-of-a_b-settings-2022',
		'path--more',
		'e-mail',
		'e-mail-1',
		'xyz-moved',
		'e-mail-2',
		'upgrading-to-v123',
	]);
});

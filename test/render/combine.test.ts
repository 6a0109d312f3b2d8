// Several commands in one message: one answer that loses nothing.
import { expect, test } from 'vitest';
import type { Answer } from '../../src/answer.ts';
import { joined } from '../../src/render/combine.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { terminalText } from '../../src/render/terminal.ts';
import { answerOf, numbered } from './answers.ts';
import { pageOf } from './page.ts';
import { random } from './random.ts';

const notes: Answer = {
	value: { format: 1, release: '1.150.0' },
	kind: 'answer',
	title: 'Synapse 1.150',
	lead: '**Two notes** ask for something.',
	sections: [
		{ title: 'Stops', mark: '🔴', fold: false, markdown: 'It `refuses` to start.' },
		{ title: 'Facts', fold: true, markdown: '- Schema 93' },
	],
};
const refusal: Answer = {
	value: { format: 1, refused: 'no' },
	kind: 'refusal',
	lead: 'I do not know the release `1.999`; the newest is 1.163.2, of the year 2026.',
	sections: [],
};
const short: Answer = { value: { format: 1 }, kind: 'answer', lead: 'Nothing to do for `1.163`.', sections: [] };

test('returns a single answer unchanged, and throws without one', () => {
	expect(joined([notes])).toBe(notes);
	expect(() => joined([])).toThrow(TypeError);
});

test('has an open section for each answer with its dangers, followed by its folds', () => {
	const [content] = matrixMessages(joined([notes, refusal, short])).contents;
	expect(content?.formatted_body).toBe(
		'<p><strong>3 commands: 2 answered, 1 refused.</strong></p>' +
			'<h4>1. Synapse 1.150</h4><p><strong>Two notes</strong> ask for something.</p>' +
			'<p><strong>🔴 Stops</strong></p><p>It <code>refuses</code> to start.</p>' +
			'<details><summary>Facts</summary><ul><li>Schema 93</li></ul></details>' +
			'<h4>2. I do not know the release <code>1.999</code>; the…</h4>' +
			'<p>I do not know the release <code>1.999</code>; the newest is 1.163.2, of the year 2026.</p>' +
			'<h4>3. Nothing to do for <code>1.163</code>.</h4>',
	);
	expect(content?.msgtype).toBe('m.text');
});

test('starts with how many commands there are and how they ended', () => {
	const lead = (...kinds: Answer['kind'][]) => joined(kinds.map(kind => ({ ...short, kind }))).lead;
	expect(lead('answer', 'answer')).toBe('**2 commands: all answered.**');
	expect(lead('refusal', 'refusal', 'refusal')).toBe('**3 commands: all refused.**');
	expect(lead('fault', 'progress', 'answer', 'refusal')).toBe(
		'**4 commands: 1 answered, 1 refused, 1 failed, 1 in progress.**',
	);
});

test('is an answer if one of them is', () => {
	const kind = (...kinds: Answer['kind'][]) => joined(kinds.map(kind => ({ ...short, kind }))).kind;
	expect(kind('refusal', 'answer')).toBe('answer');
	expect(kind('refusal', 'fault')).toBe('fault');
	expect(kind('progress', 'refusal')).toBe('refusal');
	expect(kind('progress', 'progress')).toBe('progress');
});

test('keeps all values, mentions, files and effects, and renames files of the same name', () => {
	const file = { name: 'a.b.sh', type: 'text/plain', text: 'one' };
	const answer = joined([
		{ ...notes, mention: ['@a:b.example'], files: [file] },
		{ ...refusal, mention: ['@a:b.example', '@c:b.example'], files: [{ ...file, text: 'two' }, file] },
		{ ...short, afterwards: { leave: true } },
	]);
	expect(answer.value).toEqual({ format: 1, answers: [notes.value, refusal.value, short.value] });
	expect(answer.mention).toEqual(['@a:b.example', '@c:b.example']);
	expect(answer.files).toEqual([file, { ...file, name: 'a.b-2.sh', text: 'two' }]);
	expect(answer.afterwards).toEqual({ leave: true });
	expect(joined([short, short])).not.toHaveProperty('mention');
	expect(joined([short, short])).not.toHaveProperty('files');
	expect(joined([short, short])).not.toHaveProperty('then');
});

test('loses no word, keeps titles short, and folds nothing that was open', () => {
	for (let seed = 1; seed <= 100; seed++) {
		const chance = random(seed);
		const all = Array.from({ length: chance.number(2, 4) }, () =>
			answerOf(chance, { sections: 4, blocks: 3, words: 20 }),
		);
		const answer = joined(all.map(made => made.answer));
		const [content] = matrixMessages(answer, { limit: Number.POSITIVE_INFINITY }).contents;
		const page = pageOf(content?.formatted_body ?? '');
		const count = (words: string[]) =>
			words.reduce((sum, word) => sum.set(word, (sum.get(word) ?? 0) + 1), new Map<string, number>());
		const wanted = count(all.flatMap(made => made.words));
		for (const shown of [page.text, content?.body ?? '', terminalText(answer, { color: false })]) {
			const got = count(numbered(shown));
			for (const [word, times] of wanted) expect(got.get(word)).toBeGreaterThanOrEqual(times);
		}
		expect(page.inside('summary').length).toBeGreaterThanOrEqual(0);
		const folds = answer.sections.filter(section => section.fold).length;
		expect(folds).toBe(all.flatMap(made => made.answer.sections).filter(section => section.fold).length);
		for (const heading of page.inside('h4').filter(text => /^\d\. /.test(text) && text.endsWith('…'))) {
			expect([...heading].length).toBeLessThanOrEqual(40);
		}
	}
});

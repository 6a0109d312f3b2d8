// Whatever others write, escapeMarkdown and code show it as written, and without any effect.
import { expect, test } from 'vitest';
import type { Answer } from '../../src/answer.ts';
import { joined } from '../../src/render/combine.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { terminalText } from '../../src/render/terminal.ts';
import { code, escapeMarkdown, harmless } from '../../src/text/markdown.ts';
import { hostile } from './hostile.ts';
import { pageOf } from './page.ts';
import { random } from './random.ts';

/** Every place in an answer where other people's words can be. */
function answerWith(words: string): Answer {
	return {
		value: {},
		kind: 'answer',
		title: `A ${words} B`,
		lead: `${words} is A ${words} B, and ${words}`,
		sections: [
			{ title: words, fold: true, markdown: words },
			{
				title: `A ${words} B`,
				mark: '🔴',
				fold: false,
				markdown: `A (${words}) B\n\n${words}\n\n- ${words}\n- A ${words}`,
			},
			{
				title: 'T',
				fold: true,
				markdown: `1. A ${words}\n   - ${words}\n\n> ${words}\n\n#### ${words}\n\n**A** ${words} *B*`,
			},
		],
	};
}

function markup(answer: Answer): string[] {
	return matrixMessages(answer).contents.flatMap(content =>
		pageOf(content.formatted_body).tags.filter(tag => tag !== 'code'),
	);
}

/** Our own markup: what is left with a harmless word, and with none. */
const ours = { filled: markup(answerWith('word')), empty: markup(answerWith('')) };

/** The visible words, on one line. */
function seen(words: string): string {
	return harmless(words).replace(/\s+/g, ' ').trim();
}

function withoutKeycaps(words: string): string {
	return words.replace(/\uFE0F?\u20E3/g, '');
}

const letters = [...'ab`*_[]()<>&;#!|~\\\n\t -+.:/@"\'=1'];
const pieces = [
	'https://',
	'www.',
	'.example',
	'@room',
	'&#60;',
	'```',
	'](',
	'<b>',
	'\u202e',
	'\u200b',
	'\x1b[',
	'  \n',
];

function mixtures(): string[] {
	return Array.from({ length: 400 }, (_, seed) => {
		const chance = random(seed);
		const length = chance.number(1, 14);
		return Array.from({ length }, () => chance.one(chance.chance(0.7) ? letters : pieces)).join('');
	});
}

function check(words: string, shown: string, through: (text: string) => string): void {
	const answer = answerWith(through(words));
	const { contents } = matrixMessages(answer);
	expect(contents).toHaveLength(1);
	for (const content of contents) {
		expect(content['m.mentions']).toEqual({});
		const page = pageOf(content.formatted_body);
		expect(page.hrefs).toEqual([]);
		expect(markup(answer)).toEqual(through(words) === '' ? ours.empty : ours.filled);
		// Outside of code, clients find nothing to turn into a link or a mention.
		expect(page.outsideCode).not.toMatch(/:\/\/|www\.[a-z0-9]|@\w|[a-z0-9]\.[a-z]|matrix:|mailto:/i);
		const flat = page.text.replace(/\s+/g, ' ');
		expect(flat.split(`A ${shown} B`.replace(/\s+/g, ' ')).length).toBeGreaterThanOrEqual(4);
		for (const text of [content.body, content.formatted_body, terminalText(answer, { color: false })]) {
			expect(text).not.toMatch(
				// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
				/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad]|\p{Cs}/u,
			);
		}
		expect(content.body).not.toMatch(/^!/);
		// The only escapes on a terminal are the four that set and end bold and colour.
		// biome-ignore lint/suspicious/noControlCharactersInRegex: our own escapes are removed, then none may be left
		expect(terminalText(answer, { color: true }).replace(/\x1b\[(1|22|36|39)m/g, '')).not.toMatch(/\x1b/);
	}
}

test.each(hostile)('is plain text if escaped: %j', words => {
	check(words, withoutKeycaps(seen(words)), escapeMarkdown);
});

test.each(hostile)('is code if passed as code: %j', words => {
	check(words, seen(words), code);
	const { contents } = matrixMessages(answerWith(code(words)));
	const codes = contents.flatMap(content => pageOf(content.formatted_body).inside('code'));
	const line = harmless(words).replace(/[\n\t]/g, ' ');
	expect(codes).toEqual(Array(16).fill(line.trim() === '' ? ' ' : line));
});

test('random mixtures are harmless too', () => {
	for (const words of mixtures()) {
		check(words, withoutKeycaps(seen(words)), escapeMarkdown);
		check(words, seen(words), code);
	}
});

test('100 KB of text is cut in the message and complete in the file', () => {
	for (const word of ['a', '[', ']', '`', '*', '_', '<', '\\', '&', '\n- ', '> ', 'a_', '@', '![](', '<b>', 'a.b ']) {
		const words = word.repeat(Math.ceil(100_000 / word.length));
		for (const through of [escapeMarkdown, code]) {
			const { contents, files } = matrixMessages({ ...answerWith(''), lead: through(words) });
			expect(contents).toHaveLength(1);
			expect(files).toHaveLength(1);
			for (const content of contents) {
				expect(Buffer.byteLength(JSON.stringify(content))).toBeLessThanOrEqual(44_000);
				expect(pageOf(content.formatted_body).hrefs).toEqual([]);
			}
		}
	}
});

test('stays text if answers are joined and titles are cut', () => {
	for (const words of hostile) {
		for (const through of [escapeMarkdown, code]) {
			const long = { ...answerWith(through(words)), title: `A long title before the words ${through(words)} end` };
			const { title: _, ...untitled } = answerWith(`word ${through(words)}`);
			for (const content of matrixMessages(joined([long, untitled])).contents) {
				const page = pageOf(content.formatted_body);
				expect(page.hrefs).toEqual([]);
				expect(content['m.mentions']).toEqual({});
				expect(page.outsideCode).not.toMatch(/:\/\/|www\.[a-z0-9]|@\w|[a-z0-9]\.[a-z]|matrix:|mailto:/i);
			}
		}
	}
});

test('text that was not escaped still has no control characters, direction marks or HTML', () => {
	for (const words of hostile) {
		const answer = answerWith(words);
		for (const content of matrixMessages(answer).contents) {
			pageOf(content.formatted_body);
			expect(content['m.mentions']).toEqual({});
			for (const text of [content.body, content.formatted_body, terminalText(answer, { color: false })]) {
				// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
				expect(text).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]|\p{Cs}/u);
			}
		}
	}
});

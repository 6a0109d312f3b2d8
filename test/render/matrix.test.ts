// The rules for what people see in a room, some of them checked on many random answers.
import { expect, test } from 'vitest';
import type { Answer } from '../../src/answer.ts';
import { blocksOf } from '../../src/render/markdown.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { linesOf, unstyled } from '../../src/render/plain.ts';
import { code, escapeMarkdown } from '../../src/text/markdown.ts';
import { answerOf, numbered } from './answers.ts';
import { pageOf } from './page.ts';
import { random } from './random.ts';

const made = Array.from({ length: 150 }, (_, seed) => answerOf(random(seed), { sections: 8, blocks: 5, words: 40 }));

function answer(given: Partial<Answer>): Answer {
	return { value: {}, lead: 'Nothing to do.', sections: [], kind: 'answer', ...given };
}

function only(given: Partial<Answer>) {
	const { contents } = matrixMessages(answer(given));
	const [content] = contents;
	if (!content || contents.length !== 1) throw new Error(`${contents.length} messages`);
	return content;
}

test('1: sends answers as texts, and progress, refusals and errors as notices, unless the room chose one for all', () => {
	const types = (options: Parameters<typeof matrixMessages>[1]) => {
		return (['answer', 'progress', 'refusal', 'fault'] as const).map(kind => {
			return matrixMessages(answer({ kind }), options).contents[0]?.msgtype;
		});
	};
	expect(types({})).toEqual(['m.text', 'm.notice', 'm.notice', 'm.notice']);
	expect(types({ always: 'notice' })).toEqual(['m.notice', 'm.notice', 'm.notice', 'm.notice']);
	expect(types({ always: 'text' })).toEqual(['m.text', 'm.text', 'm.text', 'm.text']);
});

test('2, 4, 5: uses only a few tags, balanced, with a block first in every fold', () => {
	const seen = new Set<string>();
	for (const { answer } of made) {
		for (const content of matrixMessages(answer).contents) {
			for (const tag of pageOf(content.formatted_body).tags) seen.add(tag);
		}
	}
	// All of them occur except the hard break, which the next test covers, so the reader above has really seen them.
	expect([...seen, 'br'].sort()).toEqual(
		'a blockquote br code details em h3 h4 li ol p pre strong summary ul'.split(' ').sort(),
	);
});

test('2: shows HTML as text, and turns strikes, rules, images and headings into what every client shows', () => {
	const lead = '# One\n\n<b>two</b>  \n~~three~~\n\n---\n\n![four](https://example.org/4.png) ![five](mxc://a/b)';
	const content = only({ lead });
	expect(content.formatted_body).toBe(
		'<p><strong>One</strong></p><p>&lt;b&gt;two&lt;/b&gt;<br />~~three~~</p>' +
			'<p><a href="https://example.org/4.png">four</a> five</p>',
	);
	expect(content.body).toBe('One\n\n<b>two</b>\n~~three~~\n\nfour <https://example.org/4.png> five');
});

test('2: still reads text between HTML and strikes as Markdown', () => {
	expect(only({ lead: '<div>\n**a** <b>`b`</b>\n</div>\n\n~~**c** `~/d`~~ ~e~' }).formatted_body).toBe(
		'<p>&lt;div&gt; <strong>a</strong> &lt;b&gt;<code>b</code>&lt;/b&gt; &lt;/div&gt;</p>' +
			'<p>~~<strong>c</strong> <code>~/d</code>~~ ~e~</p>',
	);
});

test('2: keeps only http, https and mail links', () => {
	const links = ['https://a.example/x?y=1&z=2', 'http://a.example/', 'mailto:a@b.example', '/relative', 'relative.md'];
	const others = [
		'#part',
		'//a.example/',
		'javascript:alert(1)',
		'data:text/html,x',
		'matrix:u/a:b',
		'ftp://a.example/',
	];
	const content = only({ lead: [...links, ...others].map(link => `[word](${link})`).join(' ') });
	expect(pageOf(content.formatted_body).hrefs).toEqual(links.slice(0, 3));
	expect(pageOf(content.formatted_body).text.match(/word/g)).toHaveLength(11);
});

test('3: puts names in code, letter for letter', () => {
	const names = [
		'setup.py',
		'a`b',
		'``',
		'`',
		'm.room.message',
		'C:\\x',
		'*a* [b](https://c.example)',
		' padded ',
		'<b>',
	];
	const sentence = names.map(name => `and ${code(name)}`).join(' ');
	const content = only({
		lead: sentence,
		title: sentence,
		sections: [
			{ title: sentence, fold: true, markdown: `- ${sentence}` },
			{ title: sentence, fold: false, markdown: `> ${sentence}` },
		],
	});
	const page = pageOf(content.formatted_body);
	expect(page.inside('code')).toEqual(Array(6).fill(names).flat());
	expect(page.outsideCode.replace(/and|\s/g, '')).toBe('');
});

test('5: uses no table, no keycap, no large or small heading', () => {
	const markdown = '# a\n## b\n##### c\n\n| d | `e` |\n|---|---|\n| 1️⃣ | [f](https://example.org) |';
	const { formatted_body, body } = only({ sections: [{ title: 'Step 2️⃣', fold: false, markdown }] });
	expect(formatted_body).toBe(
		'<p>Nothing to do.</p><h4>Step 2</h4><p><strong>a</strong></p><p><strong>b</strong></p><p><strong>c</strong></p>' +
			'<ul><li><strong>d · <code>e</code></strong></li><li>1 · <a href="https://example.org/">f</a></li></ul>',
	);
	expect(body).toContain('- d · `e`\n- 1 · f <https://example.org/>');
});

test('6: keeps code as it was written, and folds more than twelve lines', () => {
	const lines = (count: number) => Array.from({ length: count }, (_, at) => `${' '.repeat(at % 3)}line ${at} \\`);
	for (const [count, fold, folds] of [
		[12, false, 0],
		[13, false, 1],
		[12, true, 1],
		[40, true, 1],
	] as const) {
		const markdown = `\`\`\`yaml\n${lines(count).join('\n')}\n\`\`\``;
		const { formatted_body, body } = only({ sections: [{ title: 'A', fold, markdown }] });
		const page = pageOf(formatted_body);
		expect(page.inside('pre')).toEqual([`${lines(count).join('\n')}\n`]);
		expect(page.inside('summary')).toHaveLength(folds);
		expect(formatted_body).toContain('<code class="language-yaml">');
		for (const line of lines(count)) expect(body).toContain(`    ${line}`.trimEnd());
	}
});

test('7: starts the body with the lead as plain text, and has every section, not HTML without its tags', () => {
	for (const { answer } of made) {
		const [first] = matrixMessages(answer).contents;
		const lead = linesOf(blocksOf(answer.lead), unstyled).join('\n');
		expect(first?.body.startsWith(lead)).toBe(true);
		expect(numbered(lead).length).toBeGreaterThan(0);
		expect(first?.body).not.toMatch(/<\/?(p|strong|code|li|h3|h4|details|summary|blockquote)>|&amp;|&lt;/);
		for (const section of answer.sections) expect(first?.body).toContain(section.title);
	}
	expect(
		only({
			title: 'Plan: 1.56 → 1.69',
			lead: '🔴 **Two steps** stop it; see [the notes](https://example.org/a).',
			sections: [{ title: '1. `email`', mark: '⚠️', fold: true, markdown: '- *one*\n  1. two\n\n```sh\nls\n\ncd\n```' }],
		}).body,
	).toBe(
		'🔴 Two steps stop it; see the notes <https://example.org/a>.\n\nPlan: 1.56 → 1.69\n\n' +
			'⚠️ 1. `email`\n- one\n  1. two\n\n    ls\n\n    cd',
	);
});

test("7: never starts a body like a bot's command", () => {
	expect(only({ lead: escapeMarkdown('!upgrade 1 2') }).body).toBe('· !upgrade 1 2');
});

test('sets mentions on every message: those asked for, once each, or none', () => {
	expect(only({})['m.mentions']).toEqual({});
	expect(only({ mention: [] })['m.mentions']).toEqual({});
	expect(only({ mention: ['@a:b.example', '@c:d.example', '@a:b.example'] })['m.mentions']).toEqual({
		user_ids: ['@a:b.example', '@c:d.example'],
	});
});

test('writes five fields, and nothing about replies', () => {
	for (const { answer } of made) {
		for (const content of matrixMessages(answer).contents) {
			expect(Object.keys(content).sort()).toEqual(['body', 'format', 'formatted_body', 'm.mentions', 'msgtype']);
			expect(content.format).toBe('org.matrix.custom.html');
		}
	}
});

test('writes folded sections as folds, open ones with a heading, and those without a title with neither', () => {
	const markdown = 'Text.';
	const { formatted_body } = only({
		title: 'Title',
		sections: [
			{ title: 'Open', mark: '🔴', fold: false, markdown },
			{ title: 'Closed', fold: true, markdown },
			{ title: 'Closed and empty', fold: true, markdown: '' },
			{ title: '', fold: true, markdown },
		],
	});
	expect(formatted_body).toBe(
		'<h3>Title</h3><p>Nothing to do.</p><h4>🔴 Open</h4><p>Text.</p>' +
			'<details><summary>Closed</summary><p>Text.</p></details><h4>Closed and empty</h4><p>Text.</p>',
	);
});

test('writes a short answer as a paragraph, without heading or fold', () => {
	expect(only({ lead: 'No: `1.163` needs schema 93.' }).formatted_body).toBe(
		'<p>No: <code>1.163</code> needs schema 93.</p>',
	);
});

test('limits nesting to what Matrix allows, and still shows deeper text', () => {
	for (const depth of [30, 5000]) {
		const content = only({ lead: `${'> '.repeat(depth)}end`, sections: [] });
		expect(pageOf(content.formatted_body).text).toContain('end');
		expect(content.formatted_body.match(/<blockquote>/g)?.length ?? 0).toBeLessThan(20);
	}
});

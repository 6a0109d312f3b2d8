// The second line of defence alone: what rendering never writes. sanitize-html judges what it does write.
import sanitizeHtml from 'sanitize-html';
import { expect, test } from 'vitest';
import { allowed } from '../../src/render/html.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { answerOf } from './answers.ts';
import { random } from './random.ts';

test.each([
	['<script>alert(1)</script><p>a</p>', '<p>a</p>'],
	['<p onclick="x()">a</p>', '<p>a</p>'],
	['<p style="color:red">a</p>', '<p>a</p>'],
	['<h1>a</h1><table><tr><td>b</td></tr></table>', 'ab'],
	['<img src="https://a.example/b.png">a', 'a'],
	['<a href="javascript:alert(1)">a</a>', '<a>a</a>'],
	['<a href="/relative">a</a>', '<a>a</a>'],
	['<a href="//a.example/">a</a>', '<a>a</a>'],
	['<a href="https://a.example/" onclick="x()">a</a>', '<a href="https://a.example/">a</a>'],
	['<a href=https://a.example/>a</a>', '<a href="https://a.example/">a</a>'],
	['<code class="big language-sh">a</code>', '<code class="language-sh">a</code>'],
	['<details open><summary>a</summary></details>', '<details><summary>a</summary></details>'],
	['<p>a < b</p>', '<p>a &lt; b</p>'],
	['<P>a</P>', '<p>a</p>'],
	['<!-- a -->b', 'b'],
	['<p', 'p'],
])('removes %s', (html, clean) => {
	expect(allowed(html)).toBe(clean);
});

test('writes nothing that sanitize-html would change', () => {
	for (let seed = 1; seed <= 100; seed++) {
		const { answer } = answerOf(random(seed), { sections: 6, blocks: 6, words: 30 });
		for (const { formatted_body } of matrixMessages(answer).contents) {
			const clean = sanitizeHtml(formatted_body, {
				allowedTags: 'p br strong em code pre ul ol li h3 h4 details summary a blockquote'.split(' '),
				allowedAttributes: { a: ['href'], ol: ['start'] },
				allowedClasses: { code: ['language-*'] },
				allowedSchemes: ['https', 'http', 'mailto'],
			});
			expect(clean).toBe(formatted_body);
			expect(allowed(formatted_body)).toBe(formatted_body);
		}
	}
});

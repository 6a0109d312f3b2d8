// How other people's words are put into Markdown. The tests in test/render show that they fool no client.
import { expect, test } from 'vitest';
import { code, escapeMarkdown, harmless } from '../../src/text/markdown.ts';

test.each([
	['plain words, 1.163.2 → 1.164', 'plain words, 1.163.2 → 1.164'],
	['line\nfeed\ttab', 'line\nfeed\ttab'],
	['a\r\nb\rc\u2028d', 'a\nb\nc\nd'],
	['\x1b[31mred\x07\x9b', '\uFFFD[31mred\uFFFD\uFFFD'],
	['\u202Eabc\u2066', '\uFFFDabc\uFFFD'],
	['zero\u200Bwidth\uFEFF\u00AD', 'zerowidth'],
	['⚠️ 🔴', '⚠️ 🔴'],
	['lone \uD800', 'lone \uFFFD'],
])('escapes %j', (text, shown) => {
	expect(harmless(text)).toBe(shown);
	expect(harmless(harmless(text))).toBe(shown);
});

test.each([
	['setup.py', '`setup.py`'],
	['a`b', '``a`b``'],
	['`a`', '`` `a` ``'],
	['a``b`c', '```a``b`c```'],
	[' a ', '`  a  `'],
	[' a', '` a`'],
	['one\ntwo', '`one two`'],
	['', '` `'],
	['   ', '` `'],
])('writes %j as code', (text, markdown) => {
	expect(code(text)).toBe(markdown);
});

test.each([
	['word', 'word'],
	['  two   words\n\n', 'two words'],
	['1.56', '1\\.56'],
	['*a*', '\\*a\\*'],
	['a_b', 'a\\_b'],
	['[a](b)', '&#91;a&#93;\\(b\\)'],
	['<b>', '\\<b\\>'],
	['\\', '\\\\'],
	['is example.org down?', 'is `example.org` down\\?'],
	['is it matrix.org?!', 'is it `matrix.org`\\?\\!'],
	['logins of @glia:glia.test. Wait', 'logins of `@glia:glia.test`\\. Wait'],
	['https://example.org/a`b', '``https://example.org/a`b``'],
	['@room', '`@room`'],
	['WWW.x', '`WWW.x`'],
	['#room1:localhost !id2:x', '`#room1:localhost` `!id2:x`'],
	['12:30 and/or', '12\\:30 and\\/or'],
	['', ''],
])('escapeMarkdown: %j', (text, markdown) => {
	expect(escapeMarkdown(text)).toBe(markdown);
});

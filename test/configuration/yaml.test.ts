import { describe, expect, test } from 'vitest';
import { maxBytes } from '../../src/configuration/limits.ts';
import { parseYaml } from '../../src/configuration/yaml.ts';
import { cases, plain } from './yaml-cases.ts';

function read(text: string): unknown {
	const parsed = parseYaml(text, 'homeserver.yaml');
	return 'why' in parsed ? 'error' : parsed.documents.map(plain);
}

describe('reads YAML as PyYAML does', () => {
	test.each(cases)('%j', (text, documents) => {
		expect(read(text)).toEqual(documents);
	});
});

describe('positions', () => {
	test('have the file and line of every key and value', () => {
		const parsed = parseYaml('a: 1\nb:\n  - c: x\n', 'homeserver.yaml');
		if ('why' in parsed) throw new Error(parsed.why);
		const [root] = parsed.documents;
		if (root?.kind !== 'mapping') throw new Error('no mapping');
		expect(root.entries.map(({ key, file, line }) => [key, file, line])).toEqual([
			['a', 'homeserver.yaml', 1],
			['b', 'homeserver.yaml', 2],
		]);
	});

	test('count lines as editors do, not as PyYAML does', () => {
		const line = (text: string) => {
			const parsed = parseYaml(text, 'x');
			if ('why' in parsed) return parsed.line;
			const root = parsed.documents[0];
			return root?.kind === 'mapping' && root.entries.at(-1)?.line;
		};
		expect(line('a: 1 # x\u2028\u0085\nb: 2\n')).toBe(2);
		expect(line('a: 1 # x\u2028\nb: [\n')).toBe(2);
		expect(line('a: 1 # x\u2028\nb: !x 1\n')).toBe(2);
	});

	test('list a duplicate key with both lines; the last one is used', () => {
		const parsed = parseYaml('email:\n  smtp_host: a\n  smtp_host: b\n', 'homeserver.yaml');
		if ('why' in parsed) throw new Error(parsed.why);
		expect(parsed.duplicates).toEqual([
			{ path: 'email.smtp_host', first: 2, file: 'homeserver.yaml', line: 3, column: 3 },
		]);
		expect(parsed.documents.map(plain)).toEqual([{ email: { smtp_host: 'b' } }]);
	});
});

describe('hidden values of a skeleton or a template', () => {
	test.each([
		['a: "***"\n', { kind: 'hidden', as: 'string' }],
		['a: !tag "***"\n', { kind: 'hidden' }],
		// biome-ignore lint/suspicious/noTemplateCurlyInString: a template is what is tested.
		['a: ${SECRET}\n', { kind: 'hidden' }],
		['a: pre-{{ name }}\n', { kind: 'hidden' }],
	])('%j', (text, value) => {
		const parsed = parseYaml(text, 'x');
		const root = 'why' in parsed ? undefined : parsed.documents[0];
		expect(root?.kind === 'mapping' && root.entries[0]?.value).toMatchObject(value);
	});
});

const deep = Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
const bomb = `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(',')}]`).join('\n')}\n`;

describe('refuses hostile text in a sentence without quoting it', () => {
	test.each([
		['a text above the limit', 'a: b\n'.repeat(maxBytes / 4), 'It is larger than 1 MB.'],
		['a bomb of anchors', bomb, 'It expands to more than 200,000 values.'],
		['an anchor inside itself', 'a: &x [*x]\n', 'An anchor contains itself.'],
		['deeply nested brackets', `a: ${'['.repeat(50_000)}`, 'It is nested more deeply than 100 levels.'],
		['many values', 'a: b\n'.repeat(100_000), 'It has more than 30,000 values.'],
		['many values in brackets', `a: [${'b,'.repeat(400_000)}]`, 'It has more than 30,000 values.'],
		['a binary file', 'a: \u0000\u0001', 'It has characters that YAML does not allow, as a binary file does.'],
		['a Python tag', 'secret: !!python/object:os.system x', 'It has a tag (`!name`) that Synapse cannot read.'],
		['a tab', 'a:\n\tb: secret\n', 'There is a tab where YAML needs spaces.'],
		['an unclosed quote', `a: "${'secret'.repeat(1000)}`, 'A quote is opened here and never closed.'],
	])('%s', (_, text, why) => {
		const parsed = parseYaml(text, 'x');
		expect('why' in parsed && parsed.why).toBe(why);
	});

	test.each([
		['deep block', deep],
		['anchors', '&a '.repeat(100_000)],
		['questions', '? '.repeat(50_000)],
		['dashes', '- '.repeat(50_000)],
		['tags', `a: ${'!'.repeat(100_000)}`],
		['colons', ':'.repeat(200_000)],
		['braces', '{'.repeat(100)],
		['quotes', `a: ${'"'.repeat(99_999)}`],
	])('%s: less than a second of processor time', (_, text) => {
		const times = [0, 1, 2].map(() => {
			const before = process.cpuUsage();
			parseYaml(text, 'x');
			const { user, system } = process.cpuUsage(before);
			return (user + system) / 1000;
		});
		expect(Math.min(...times)).toBeLessThan(1000);
	});
});

// The line that PyYAML names in the traceback, or, for what is never closed, the line where it is opened.
describe('points to the line where a text stops being YAML', () => {
	const before = 'server_name: x\nreport_stats: false\n';
	const indented = 'A line is indented too far, or a value that contains a colon needs quotes.';
	test.each([
		['a key below a value', 'database:\n  name: psycopg2\n   args:\n    user: x\n', 5, indented],
		['an indented first level', ' form_secret: x\nemail: {}\n', 3, indented],
		['a colon in a value', 'email:\n  app_name: Hello: world\n', 4, indented],
		['an element among keys', 'email:\n  a: 1\n  - b\nx: 1\n', 5, 'A list element is among the keys of a mapping.'],
		['a quote', 'a: 1\nb: "x\nc: 1\nd: 2\n', 4, 'A quote is opened here and never closed.'],
		['a single quote', "a: 1\nb: 'x\nc: 1\nd: 2\n", 4, 'A quote is opened here and never closed.'],
		['a bracket', 'a: [1, 2\nb: 1\n', 3, 'A bracket is opened here and never closed.'],
		['a bracket in a comment', 'a:\n  b: [1 #, 2]\nc: 1\n', 4, 'A bracket is opened here and never closed.'],
		['a brace at the end', 'a:\n  b: {c: 1, d: "e"\n', 4, 'A bracket is opened here and never closed.'],
		['a backslash', 'a: "C:\\data"\n', 3, 'A backslash in double quotes is not an escape sequence; use single quotes.'],
	])('%s', (_, text, line, why) => {
		expect(parseYaml(`${before}${text}`, 'x')).toEqual({ why, line });
	});
});

// What a terminal shows: headings, wrapped text, unchanged code, and only our own escape sequences.
import { expect, test } from 'vitest';
import type { Answer } from '../../src/answer.ts';
import { terminalText } from '../../src/render/terminal.ts';
import { answerOf, numbered } from './answers.ts';
import { random } from './random.ts';

const plan: Answer = {
	value: {},
	kind: 'answer',
	title: 'Plan: 1.56 → 1.69',
	lead: '🔴 **Two steps** stop it; all of them are in [the notes](https://example.org/upgrade) of the releases in between.',
	sections: [
		{
			title: 'Before: `setup.py`',
			mark: '🔴',
			fold: false,
			markdown:
				'Move `account_threepid_delegates.email` out of `homeserver.yaml` before the switch, or it will not start.\n\n' +
				'```bash\necho "a line of code that is much longer than the width of the terminal is left alone"\n\n\tls\n```',
		},
		{
			title: '4. 1.94',
			fold: true,
			markdown: '1. one\n   - inner\n2. two, which is long enough to be wrapped beside its number\n\n> said',
		},
	],
};

test('writes title, lead, sections with headings, emphasis, links, lists and code', () => {
	expect(terminalText(plan, { color: false, width: 60 })).toBe(
		[
			'Plan: 1.56 → 1.69',
			'',
			'🔴 Two steps stop it; all of them are in the notes',
			'<https://example.org/upgrade> of the releases in between.',
			'',
			'🔴 Before: `setup.py`',
			'  Move `account_threepid_delegates.email` out of',
			'  `homeserver.yaml` before the switch, or it will not start.',
			'',
			'      echo "a line of code that is much longer than the width of the terminal is left alone"',
			'',
			'      \tls',
			'',
			'4. 1.94',
			'  1. one',
			'     - inner',
			'  2. two, which is long enough to be wrapped beside its',
			'     number',
			'',
			'  > said',
		].join('\n'),
	);
});

test('writes bold headings, bold words and coloured code, and ends every style', () => {
	const text = terminalText({ ...plan, lead: 'Is **bold** and `code`.' }, { color: true });
	expect(text).toContain('\x1b[1mPlan: 1.56 → 1.69\x1b[22m');
	expect(text).toContain('Is \x1b[1mbold\x1b[22m and \x1b[36mcode\x1b[39m.');
	expect(text).toContain('\x1b[1m🔴 Before: \x1b[36msetup.py\x1b[39m\x1b[22m');
	// biome-ignore lint/suspicious/noControlCharactersInRegex: our own escapes
	const bare = text.replace(/\x1b\[(1|22|36|39)m/g, '');
	expect(bare).toBe(terminalText({ ...plan, lead: 'Is bold and code.' }, { color: false }).replaceAll('`', ''));
});

test('wraps text to the width of the terminal without losing a word', () => {
	for (let seed = 1; seed <= 100; seed++) {
		const { answer, words } = answerOf(random(seed), { sections: 5, blocks: 5, words: 40 });
		for (const width of [30, 80]) {
			const text = terminalText(answer, { color: false, width });
			expect(numbered(text)).toEqual(words);
			for (const line of text.split('\n')) {
				const code = line.includes('echo "');
				const only = !line
					.trim()
					.replace(/^([->\d☐☑.]+ )+/, '')
					.includes(' ');
				if (!code && !only) expect([...line].length).toBeLessThanOrEqual(width);
			}
		}
	}
});

test('wraps at 80 columns by default', () => {
	const lead = 'word '.repeat(100).trim();
	expect(terminalText({ ...plan, lead }, { color: false })).toBe(
		terminalText({ ...plan, lead }, { color: false, width: 80 }),
	);
});

test('counts a wide character as two columns, and does not break names in code', () => {
	const wide = (lead: string) =>
		terminalText({ value: {}, kind: 'answer', lead, sections: [] }, { color: false, width: 20 });
	expect(wide('🔴🔴🔴🔴🔴🔴 🔴🔴🔴🔴')).toBe('🔴🔴🔴🔴🔴🔴\n🔴🔴🔴🔴');
	expect(wide('and now run `synctl restart`')).toBe('and now run\n`synctl restart`');
	expect(wide('áááááááááá áááááááá')).toBe('áááááááááá áááááááá');
});

test('shows a file, because nothing can be attached, unless it only repeats the answer', () => {
	const files = [
		{ name: 'move.sh', type: 'text/x-shellscript', text: '#!/bin/sh\nls \x1b[31m\n' },
		{ name: 'plan-1.56-1.69.md', type: 'text/markdown', text: '# Plan' },
	];
	const text = terminalText({ ...plan, files, sections: [] }, { color: false, width: 60 });
	expect(text.split('\n').slice(-3)).toEqual(['`move.sh`', '      #!/bin/sh', '      ls \uFFFD[31m']);
	expect(text).not.toContain('# Plan');
});

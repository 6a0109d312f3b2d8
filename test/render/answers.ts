// Random answers in which every word has a number, to show that none is lost, duplicated or moved.

import type { Answer, Section } from '../../src/answer.ts';
import type { Random } from './random.ts';

export type Size = {
	sections: number;
	/** Blocks in a section. */
	blocks: number;
	/** Words in a paragraph. */
	words: number;
};

/** The answer, and its words in order. */
export function answerOf(chance: Random, size: Size): { answer: Answer; title: string[]; words: string[] } {
	let count = 0;
	const words: string[] = [];
	const word = () => {
		words.push(`w${++count}w`);
		return `w${count}w`;
	};
	const some = (most: number) => {
		return Array.from({ length: chance.number(1, most) }, () => dressed(chance, word())).join(
			chance.chance(0.1) ? '\n' : ' ',
		);
	};
	const title = chance.chance(0.7) ? ['titleword'] : [];
	const answer: Answer = {
		value: {},
		...(title.length ? { title: 'Plan: 1.56 → 1.69 titleword' } : {}),
		lead: some(8),
		sections: Array.from({ length: chance.number(0, size.sections) }, (): Section => {
			const mark = chance.chance(0.3) ? chance.one(['🔴', '⚠️']) : undefined;
			return {
				title: `${chance.number(1, 99)}. ${word()}`,
				...(mark ? { mark } : {}),
				fold: chance.chance(0.6),
				markdown: Array.from({ length: chance.number(0, size.blocks) }, () => block(chance, size, word, some)).join(
					'\n\n',
				),
			};
		}),
		kind: chance.one(['answer', 'answer', 'answer', 'progress', 'refusal', 'fault']),
		...(chance.chance(0.3) ? { mention: ['@one:example.org', '@two:example.org', '@one:example.org'] } : {}),
	};
	return { answer, title, words };
}

/** A word as in prose: plain, in code, emphasised, or as a link. */
function dressed(chance: Random, word: string): string {
	const dress = chance.number(0, 9);
	if (dress === 0) return `\`${word}.yaml\``;
	if (dress === 1) return `**${word}**`;
	if (dress === 2) return `*${word}*`;
	if (dress === 3) return `[${word}](https://example.org/?a=1&b=2)`;
	if (dress === 4) return `${word} "< > & ' 🔴 → é"`;
	return word;
}

function block(chance: Random, size: Size, word: () => string, some: (most: number) => string): string {
	const lines = (most: number) => Array.from({ length: chance.number(1, most) }, () => `echo "${word()}" <&1 | tee`);
	switch (chance.number(0, 7)) {
		case 0:
			return ['```bash', ...lines(20), '```'].join('\n');
		case 1:
			return Array.from({ length: chance.number(1, 8) }, () => `- ${some(size.words).replace(/\n/g, ' ')}`).join('\n');
		case 2:
			return Array.from({ length: chance.number(1, 8) }, (_, at) => `${at + 3}. ${some(4).replace(/\n/g, ' ')}`).join(
				'\n',
			);
		case 3:
			return `- ${word()}\n  - ${word()}\n  - ${word()}\n\n- ${word()}\n\n  \`\`\`\n  ${word()}\n  \`\`\``;
		case 4:
			return `> ${word()} ${word()}\n> ${word()}`;
		case 5:
			return `| ${word()} | ${word()} |\n| --- | --- |\n| ${word()} | \`${word()}\` |`;
		case 6:
			return `## ${word()}\n\n<div>${word()}</div> <img src=x> ~~${word()}~~\n***\n- [ ] ${word()}\n- [x] ${word()}`;
		default:
			return some(size.words);
	}
}

export function numbered(text: string): string[] {
	return text.match(/w\d+w/g) ?? [];
}

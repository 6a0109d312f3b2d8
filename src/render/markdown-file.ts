// Writes a whole Answer as one Markdown file that does not depend on any renderer and can be kept.

import type { Answer } from '../answer.ts';
import { harmless } from '../text/markdown.ts';
import { spansOf } from './markdown.ts';
import { inlineText, unstyled } from './plain.ts';

export function wholeFile(answer: Answer): NonNullable<Answer['files']>[number] {
	return { name: wholeName(answer), type: 'text/markdown', text: wholeMarkdown(answer) };
}

/** Derived from the title: `Plan: 1.56 → 1.69` becomes `plan-1.56-1.69.md`. */
export function wholeName(answer: Answer): string {
	const title = inlineText(spansOf(answer.title ?? ''), unstyled).toLowerCase();
	const slug = title
		.replace(/[^a-z0-9.]+/g, '-')
		.slice(0, 60)
		.replace(/^[-.]+|(?<![-.])[-.]+$/g, '');
	return `${slug || 'answer'}.md`;
}

function wholeMarkdown(answer: Answer): string {
	const sections = answer.sections.map(({ title, mark, markdown }) => {
		return `## ${mark ? `${mark} ` : ''}${title}\n\n${markdown}`.trim();
	});
	const title = answer.title ? [`# ${answer.title}`] : [];
	return `${harmless([...title, answer.lead, ...sections].join('\n\n'))}\n`;
}

// A guide with open questions: the most important ones come first, and the guide itself follows on request.

import type { Guided } from '../advice/guide/guide.ts';
import { questionsOf } from '../advice/guide/questions.ts';
import type { Answer } from '../answer.ts';
import { closedFacts, openFacts } from '../deployment/facts.ts';
import { enumerate, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { type Around, guideLead, guideWords, ownDangers, usualWords } from './guide.ts';

/** The guide, or its questions if many are open; with `whole` always the guide. */
export function guideAnswer(guided: Guided, around: Around, whole: boolean): Answer {
	return whole || guided.ask.length <= maxOpen ? guideWords(guided, around) : questionsFirst(guided, around);
}

/** With more open questions than this, they are asked before the guide is shown. */
const maxOpen = 3;

/** What the guide is about, its most important questions, and how to go on. */
function questionsFirst(guided: Guided, around: Around): Answer {
	const { title, stages, cleanUp, ask } = guided;
	const questionNames = questionsOf(guided);
	const [first, rest] = [questionNames.slice(0, maxOpen), questionNames.slice(maxOpen)];
	const own = ownDangers(guided);
	const urgent = [...(around.dangers ?? []), ...own.filter(line => line.startsWith('🔴'))];
	const numbered = [...stages, ...cleanUp].map((stage, i) => `${i + 1}. ${stage.title}`);
	const questions = first.map(name => `☐ ${questionWords(name, guided)}`);
	const command = `!${around.asked} ${first.map(name => answerOf(name, guided)).join(' ')}`;
	return {
		value: guided,
		title,
		lead: [guideLead(guided), guided.summary, ...(around.taken ?? []), urgent.join('\\\n')]
			.filter(Boolean)
			.join('\n\n'),
		sections: [
			{
				title: '',
				markdown: [`**Of the ${ask.length} open questions, these affect the guide the most**`, ...questions].join(
					'\\\n',
				),
				fold: false,
			},
			{ title: `The ${numbered.length} stages`, markdown: numbered.join('\n'), fold: true },
			{ title: `Risks (${own.length})`, markdown: list(own), fold: true },
			{
				title: `The other questions (${rest.length})`,
				markdown: `${list(rest.map(name => questionWords(name, guided)))}\n\n${usualWords(guided, around.asked)}`,
				fold: true,
			},
			{
				title: '',
				markdown: `**Now:** answer what you can, for example ${code(command)}\\\nTo see the whole guide without answering the questions first: ${code(`!${around.asked} all`)}`,
				fold: false,
			},
		],
		kind: 'answer',
		brief: true,
	};
}

function questionWords(name: string, { parameters }: Guided): string {
	const parameter = parameters.find(other => other.name === name);
	if (parameter) {
		const { values, means } = parameter;
		const typed = values
			? enumerate(
					values.map(value => code(`${name}=${value}`)),
					'or',
				)
			: code(`${name}=…`);
		return `${typed}: ${means}`;
	}
	const closed = name in closedFacts ? closedFacts[name as keyof typeof closedFacts] : undefined;
	if (closed) return `${code(closed.example)}: ${closed.means}`;
	return `${code(name)} or ${code(`no-${name}`)}: whether ${openFacts[name as keyof typeof openFacts]}`;
}

function answerOf(name: string, { parameters }: Guided): string {
	const parameter = parameters.find(other => other.name === name);
	if (!parameter) return name in closedFacts ? closedFacts[name as keyof typeof closedFacts].example : `no-${name}`;
	return `${name}=${parameter.values?.[0] ?? parameter.example ?? name.toUpperCase()}`;
}

// !notes: everything that one release requires, and facts about it.

import { chartNotes, withLiveCharts } from '../src/advice/distribution/charts.ts';
import { advisoriesOf } from '../src/advice/upgrade/advisories.ts';
import { releaseNotes } from '../src/advice/upgrade/release-notes.ts';
import { Refusal } from '../src/answer.ts';
import { refuseAuthenticationService } from '../src/arguments/authentication-service.ts';
import { distributionWords, readChart } from '../src/arguments/distribution.ts';
import { linesOf, newest } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import type { Archive } from '../src/knowledge/distributions.ts';
import type { ChartKnowledge } from '../src/knowledge/schema/distribution.ts';
import type { Knowledge } from '../src/knowledge/schema/synapse.ts';
import { archiveWords } from '../src/messages/archives.ts';
import { chartNotesWords } from '../src/messages/distribution.ts';
import { notesWords } from '../src/messages/notes.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!notes 1.67';

export const notes = {
	name: 'notes',
	usage: 'notes <release> [facts…]',
	summary: 'what one release requires, and facts about it',
	examples: ['notes 1.67', 'notes 1.66.0 email', 'notes ess 26.8.0'],
	help: `A release with two parts (${code('1.138')}) means all its patch releases. A candidate (${code('1.164.0rc1')}) has the notes of its final release. After ${code('ess')}, give a chart version. ${code('yunohost')}, ${code('alpine')} or ${code('debian')} lists which releases that archive had, and when.`,
	changes: false,
	async run({ words }, { knowledge, distributions }: Pick<Ports, 'knowledge' | 'distributions'>) {
		refuseAuthenticationService(words, '!notes 1.136');
		const through = distributionWords(words);
		if (through?.of === 'ess')
			return notesOfChart(through.words, withLiveCharts(await distributions.ess(), knowledge.charts));
		if (through)
			throw new Refusal(`The playbook has dates, not releases. For example: ${code('!upgrade mdad 2025-06-01')}`);
		const [first = '', ...rest] = words;
		const word = first.toLowerCase();
		if (/^[a-z-]+$/.test(word)) {
			const archive = (await distributions.archives()).find(known => known.word === word);
			if (archive) return notesOfArchive(archive, rest, knowledge);
		}
		const { versions, terms, servers } = sortWords(words, example, knowledge.systems);
		const [typed = latestIn(words, knowledge), extra] = versions;
		if (typed === undefined || servers.length) throw new Refusal(`Which release? For example: ${code(example)}`);
		if (extra !== undefined)
			throw new Refusal(`One release at a time; for an upgrade between two: ${quoted(`!upgrade ${typed} ${extra}`)}`);
		const { releases, candidate } = linesOf(typed, knowledge);
		const found = releaseNotes(releases, readProfile(terms), knowledge);
		return notesWords(found, advisoriesOf(releases, knowledge), candidate);
	},
} satisfies Command;

/** The newest release, if a word asks for it. */
function latestIn(words: readonly string[], knowledge: Knowledge): string | undefined {
	return words.some(word => /^(latest|newest)$/i.test(word)) ? newest(knowledge) : undefined;
}

function notesOfArchive(archive: Archive, [typed, extra]: readonly string[], knowledge: Knowledge) {
	if (extra !== undefined)
		throw new Refusal(`One release at a time, or all that are known: ${code(`!notes ${archive.word}`)}`);
	if (typed === undefined) return archiveWords(archive);
	return archiveWords(archive, { typed, versions: linesOf(typed, knowledge).releases });
}

function notesOfChart([typed, extra]: readonly string[], charts: ChartKnowledge) {
	if (typed === undefined) throw new Refusal(`Which chart? For example: ${code('!notes ess 26.8.0')}`);
	if (extra !== undefined)
		throw new Refusal(`One chart at a time; for an upgrade between two: ${quoted(`!upgrade ess ${typed} ${extra}`)}`);
	const { chart, taken } = readChart(typed, 'target', charts);
	return chartNotesWords(chartNotes(chart, charts), taken);
}

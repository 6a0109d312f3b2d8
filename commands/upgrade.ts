// !upgrade: what lies between two releases, for one deployment.

import { code, quoted } from '../src/advice/markdown.ts';
import { plan } from '../src/advice/plan.ts';
import { playbookSection } from '../src/advice/playbook.ts';
import { compare } from '../src/advice/version.ts';
import { planWords } from '../src/advice/words.ts';
import { newest, readProfile, readVersion, sortWords } from '../src/args.ts';
import type { Command } from '../src/command.ts';
import { Refusal } from '../src/command.ts';
import type { Ports } from '../src/ports.ts';

const example = '!upgrade 1.56 1.69 postgres=10 workers';

export const upgrade = {
	name: 'upgrade',
	usage: 'upgrade <from> [to] [facts…]',
	summary: 'what lies between two releases, for your deployment',
	examples: ['upgrade 1.56 1.69', 'upgrade 1.140 postgres=14 workers docker'],
	help: `Without a second version the plan ends at the newest release. Facts shorten it to what concerns you; deny one with ${code('no-')} in front (${code('no-workers')}). ${code('!help facts')} lists them.`,
	changes: false,
	run({ words }, { knowledge, now }: Pick<Ports, 'knowledge' | 'now'>) {
		const { versions, terms, servers } = sortWords(words, example);
		if (servers[0])
			throw new Refusal(
				`I do not watch servers in this edition, so I cannot look up ${quoted(servers[0])}. Say the version it runs: ${code(example)}`,
			);
		const [start, target, extra] = versions;
		if (start === undefined)
			throw new Refusal(`From which release? Say at least the one that runs now: ${code(example)}`);
		if (extra !== undefined)
			throw new Refusal(`Two versions are enough, and ${quoted(extra)} is a third. An example: ${code(example)}`);
		const profile = readProfile(terms);
		const from = readVersion(start, 'start', knowledge);
		const to =
			target === undefined ? { version: newest(knowledge), note: undefined } : readVersion(target, 'target', knowledge);
		const order = compare(from.version, to.version);
		if (order === 0 && target === undefined)
			throw new Refusal(`${from.version} is the newest release I know: there is nothing to upgrade to.`);
		if (order > 0 && target === undefined)
			throw new Refusal(
				`${from.version} is newer than ${to.version}, the newest final release I know: there is nothing to upgrade to.`,
			);
		if (order === 0)
			throw new Refusal(
				`Both are ${from.version}: there is nothing between a release and itself. An example: ${code(example)}`,
			);
		if (order > 0) {
			throw new Refusal(
				`${from.version} is newer than ${to.version}. The older one comes first: ${code(`!upgrade ${to.version} ${from.version}`)}; for the way back: ${code(`!rollback ${from.version} ${to.version}`)}`,
			);
		}
		const taken = [from.note, to.note].filter(note => note !== undefined);
		const answer = planWords(
			plan({ from: from.version, to: to.version, profile, today: now().toISOString().slice(0, 10) }, knowledge),
			taken,
		);
		const since = knowledge.releases.find(({ version }) => version === from.version)?.date;
		if (
			knowledge.playbook &&
			since !== undefined &&
			terms.some(({ fact, value }) => fact === 'install' && value === 'mdad')
		)
			answer.sections.push(playbookSection(knowledge.playbook, since));
		return answer;
	},
} satisfies Command;

// !deadlines: what will stop working, when, and what replaces it.
import { deadlines as decide } from '../src/advice/deadline.ts';
import { code, quoted } from '../src/advice/markdown.ts';
import { horizon } from '../src/advice/plan.ts';
import { deadlinesWords } from '../src/advice/words.ts';
import { newest, readProfile, sortWords } from '../src/args.ts';
import type { Command } from '../src/command.ts';
import { Refusal } from '../src/command.ts';
import type { Ports } from '../src/ports.ts';

const example = '!deadlines docker postgres=14';

export const deadlines = {
	name: 'deadlines',
	usage: 'deadlines [facts… | all]',
	summary: 'what will stop working, when, and what replaces it',
	examples: ['deadlines', 'deadlines docker postgres=14', 'deadlines all'],
	help: `Those that bite first come first. With facts only the ones that may concern such a deployment; with ${code('all')} also those that have landed, to see what became of upstream’s promises.`,
	changes: false,
	run({ words }, { knowledge, now }: Pick<Ports, 'knowledge' | 'now'>) {
		const all = words.some(word => word.toLowerCase() === 'all');
		const { versions, terms, servers } = sortWords(
			words.filter(word => word.toLowerCase() !== 'all'),
			example,
		);
		if (servers[0])
			throw new Refusal(
				`I do not watch servers in this edition, so I know nothing of ${quoted(servers[0])}. Say facts instead: ${code(example)}`,
			);
		if (versions[0])
			throw new Refusal(
				`Deadlines are those of the newest release; for the way from ${quoted(versions[0])}: ${quoted(`!upgrade ${versions[0]}`)}`,
			);
		const today = now().toISOString().slice(0, 10);
		const found = decide({ at: newest(knowledge), today, all }, readProfile(terms), knowledge);
		return deadlinesWords(found, { all, today, horizon: horizon(knowledge) });
	},
} satisfies Command;

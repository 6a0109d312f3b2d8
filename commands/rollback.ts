// !rollback: whether you can go back, how far, and why not further.

import { rollback as decide } from '../src/advice/upgrade/rollback.ts';
import { Refusal } from '../src/answer.ts';
import { refuseAuthenticationService } from '../src/arguments/authentication-service.ts';
import { readVersion } from '../src/arguments/versions.ts';
import { sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { compare } from '../src/deployment/version.ts';
import { rollbackWords } from '../src/messages/rollback.ts';
import { code } from '../src/text/markdown.ts';

const example = '!rollback 1.69 1.61';

export const rollback = {
	name: 'rollback',
	usage: 'rollback <release> [older release]',
	summary: 'whether you can go back, and how far',
	examples: ['rollback 1.69', 'rollback 1.163 1.120'],
	changes: false,
	run({ words }, { knowledge }: Pick<Ports, 'knowledge'>) {
		refuseAuthenticationService(words, '!rollback 1.163 1.136');
		const { versions, terms, servers } = sortWords(words, example);
		const [running, older, extra] = versions;
		if (running === undefined || servers.length || terms.length || extra !== undefined) {
			throw new Refusal(`Give the current release, and optionally the older one to go back to: ${code(example)}`);
		}
		const from = readVersion(running, 'running', knowledge);
		const to = older === undefined ? undefined : readVersion(older, 'target', knowledge);
		const order = to === undefined ? 1 : compare(from.version, to.version);
		if (order === 0) throw new Refusal(`Both are ${from.version}. For example: ${code(example)}`);
		if (to && order < 0) {
			throw new Refusal(
				`${to.version} is newer than ${from.version}. The current release comes first: ${code(`!rollback ${to.version} ${from.version}`)}`,
			);
		}
		return rollbackWords(
			decide(from.version, to?.version, knowledge),
			[from.note, to?.note].filter(note => note !== undefined),
		);
	},
} satisfies Command;

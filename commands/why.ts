// !why: from an error text, log lines or a symptom to its cause and the fix.

import { isKnown } from '../src/advice/watch/build.ts';
import { runningOf } from '../src/advice/watch/history.ts';
import { deploymentFrom } from '../src/advice/watch/seen-facts.ts';
import { profileFrom, withFacts } from '../src/advice/watch/subscription.ts';
import { diagnose } from '../src/advice/why/diagnose.ts';
import { isLog } from '../src/advice/why/log-lines.ts';
import { Refusal } from '../src/answer.ts';
import { readVersion } from '../src/arguments/versions.ts';
import { readWhy } from '../src/arguments/why.ts';
import { readProfile } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { writeTerm } from '../src/deployment/facts.ts';
import { versionWords } from '../src/messages/version.ts';
import { whyWords } from '../src/messages/why.ts';
import { code, quoted } from '../src/text/markdown.ts';

/** The limit for all texts together, in characters. */
const maxText = 10_000_000;

export const why = {
	name: 'why',
	usage: 'why [server] [release] [facts…] <error text or log lines>',
	summary: 'what an error or log message means, and how to fix it',
	examples: [
		'why ConfigError: Config option must be a string',
		'why 1.84.0 workers Missing worker_replication_host',
		'why bridges are silent since the upgrade',
	],
	help: `Paste the text after the command (several lines or a code block are fine), or reply to it with ${code('!why')}. You can also send a log file along with the command, or right before or after it. In the terminal: ${code('docker compose logs synapse 2>&1 | npm start -s -- why -')}. I explain the first error. To narrow the answer down, put your release and facts first (${code('!why 1.163 docker …')}), or a server that this room watches. I do not keep or repeat the text.`,
	changes: false,
	takesText: true,
	lacksText: (text, replies) => {
		const { text: rest } = readWhy(text);
		return rest.trim() === '' || (replies && isRemark(rest));
	},
	async run(
		{ text: typed, room, files = [], quoted: said, taken = [], session },
		{ knowledge, code: tables, store, now }: Pick<Ports, 'knowledge' | 'code' | 'store' | 'now'>,
	) {
		const { versions, terms, server: name, text: bare, withServer } = readWhy(typed);
		const named = name === undefined ? undefined : await store.watch(room, name);
		const pasted = name !== undefined && !named ? withServer : bare;
		const others = [...(said === undefined ? [] : [said]), ...files.map(file => file.text)];
		// A remark in a reply to a log is about the log, not part of it.
		const own = others.length > 0 && isRemark(pasted) ? [] : [pasted];
		const text = [...own, ...others].filter(part => part.trim() !== '').join('\n');
		if (text.trim() === '')
			throw new Refusal(
				`Which error? Paste it after the command, or as many lines of the log as you like: ${code('!why ConfigError: …')}`,
			);
		if (text.length > maxText) throw new Refusal(`This is more than 10 MB. The lines since the last start are enough.`);
		const only = versions.length + terms.length === 0 ? onlyOne(await store.watches(room)) : undefined;
		const server = named ?? only;
		const releases = versions.map(version => readVersion(version, 'running', knowledge));
		const stated = readProfile(terms);
		const history = server ? ((await store.server(server.server))?.history ?? []) : [];
		const today = now().toISOString().slice(0, 10);
		const known = server && profileFrom(withFacts(server.facts, terms.map(writeTerm)));
		const profile = known ? deploymentFrom(known, history, server.checks ?? [], today).profile : stated;
		const runs = server && runningOf(history, server.told, now());
		const running = runs && isKnown(runs.version, knowledge.releases) ? runs.version : undefined;
		const diagnosis = diagnose(
			{
				text,
				versions: releases.map(({ version }) => version),
				profile,
				...(running !== undefined && { running }),
				...(session && { session }),
			},
			knowledge,
			tables,
		);
		return whyWords(diagnosis, {
			profile,
			versions: releases.map(({ version }) => version),
			installs: knowledge.installs,
			taken: [
				...taken,
				...(server && !named ? [`I assume that this is from ${quoted(server.server)}, which this room watches.`] : []),
				...(runs ? [`${quoted(server.server)} runs Synapse ${versionWords(runs, knowledge)}.`] : []),
				...releases.flatMap(({ note }) => note ?? []),
			],
		});
	},
} satisfies Command;

/** The only element; undefined if there are more. A room that watches one server means that one. */
function onlyOne<T>([first, second]: readonly T[]): T | undefined {
	return second === undefined ? first : undefined;
}

/** Whether a text is a remark about a log, rather than part of one. */
function isRemark(text: string): boolean {
	return text.length <= 200 && !text.includes('\n') && !isLog(text);
}

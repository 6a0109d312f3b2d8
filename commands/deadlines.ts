// !deadlines: what will stop working, when, and what replaces it.

import { decidedBy } from '../src/advice/check/record.ts';
import { deadlines as decide } from '../src/advice/upgrade/deadlines.ts';
import { horizon } from '../src/advice/upgrade/plan.ts';
import { isKnown } from '../src/advice/watch/build.ts';
import type { Running } from '../src/advice/watch/history.ts';
import { lastObserved, runningOf } from '../src/advice/watch/history.ts';
import { decidedBySeen, deploymentFrom } from '../src/advice/watch/seen-facts.ts';
import { profileFrom, withFacts } from '../src/advice/watch/subscription.ts';
import { Refusal } from '../src/answer.ts';
import { newest } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { writeTerm } from '../src/deployment/facts.ts';
import { compare } from '../src/deployment/version.ts';
import { deadlinesWords } from '../src/messages/deadlines.ts';
import { observationWords, wholeWords } from '../src/messages/observation.ts';
import { seenWords } from '../src/messages/server-facts.ts';
import { caveatWords, unknownWords, versionWords } from '../src/messages/version.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!deadlines docker postgres=14';

export const deadlines = {
	name: 'deadlines',
	usage: 'deadlines [server] [facts… | all]',
	summary: 'what will stop working, and when',
	examples: ['deadlines', 'deadlines docker postgres=14', 'deadlines example.org', 'deadlines all'],
	help: `The nearest ones come first. With facts, you see only those that may affect a deployment like yours; with ${code('all')}, you also see past ones, which shows what became of upstream's announcements.`,
	changes: false,
	takesAll: true,
	async run({ words, room }, { knowledge, store, now }: Pick<Ports, 'knowledge' | 'store' | 'now'>) {
		const all = words.some(word => word.toLowerCase() === 'all');
		const { versions, terms, servers } = sortWords(
			words.filter(word => word.toLowerCase() !== 'all'),
			example,
			knowledge.systems,
		);
		const [name, other] = servers;
		if (other !== undefined) throw new Refusal(`One server at a time. For example: ${code('!deadlines example.org')}`);
		const server = name === undefined ? undefined : await store.watch(room, name);
		if (name !== undefined && !server)
			throw new Refusal(
				`This room is not watching ${quoted(name)}. Start with ${code(`!watch ${name}`)}, or give facts: ${code(example)}`,
			);
		if (versions[0])
			throw new Refusal(
				`Deadlines are for the newest release; for an upgrade from ${quoted(versions[0])}: ${quoted(`!upgrade ${versions[0]}`)}`,
			);
		const today = now().toISOString().slice(0, 10);
		const stated = readProfile(terms);
		const seen = server && (await store.server(server.server));
		const history = seen?.history ?? [];
		const said = server && profileFrom(withFacts(server.facts, terms.map(writeTerm)));
		const known = said && deploymentFrom(said, history, server.checks ?? [], today);
		const profile = known?.profile ?? stated;
		const checked = decidedBy(server?.checks ?? [], { knowledge, profile, today });
		const decided = new Map([...checked.decided, ...decidedBySeen(history, knowledge)]);
		const runs = server && runningOf(seen?.history ?? [], server.told, now());
		const running = runs && isKnown(runs.version, knowledge.releases) ? runs.version : undefined;
		const observed = running === undefined ? lastObserved(seen?.history ?? []) : undefined;
		// What has landed in a release newer than the one this server runs is still ahead of it.
		const found = decide(
			{ at: newest(knowledge), today, all: all || running !== undefined, decided },
			profile,
			knowledge,
		).filter(
			({ landed, withdrawn }) =>
				all || running === undefined || (!withdrawn && (landed === null || compare(landed, running) > 0)),
		);
		return deadlinesWords(found, {
			all,
			today,
			horizon: horizon(knowledge),
			...(name !== undefined && { server: name }),
			...(runs
				? { note: [runningWords(runs, knowledge), known && seenWords(known)].filter(Boolean).join(' ') }
				: observed &&
					name !== undefined && {
						note: `${wholeWords(observationWords({ server: name, ...observed }))} So this lists the deadlines for any deployment.`,
					}),
		});
	},
} satisfies Command;

/** What the server runs, and how far that can be judged: it may be a custom build or an unknown release. */
function runningWords(runs: Running, knowledge: Ports['knowledge']): string {
	const named = `It runs Synapse ${versionWords(runs, knowledge)}.`;
	if (!isKnown(runs.version, knowledge.releases))
		return `${named} ${unknownWords(knowledge)} These are the deadlines after that release.`;
	return [named, caveatWords(runs)].filter(Boolean).join(' ');
}

// !profile: shows and changes what this room knows about a deployment.

import { type Subscription, withFacts } from '../src/advice/watch/subscription.ts';
import { Refusal } from '../src/answer.ts';
import { takeVersion } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { factWords, parseStored, parseTerm, writeTerm } from '../src/deployment/facts.ts';
import { code, quoted } from '../src/text/markdown.ts';
import { statusCard } from '../src/watch/status-card.ts';

const example = '!profile example.org postgres=15 no-workers';

export const profile = {
	name: 'profile',
	usage: 'profile [server] [facts… | forget facts…]',
	summary: 'what this room knows about a deployment',
	examples: ['profile example.org', example.slice(1), 'profile example.org forget workers'],
	help: `Negate a fact with a ${code('no-')} prefix; ${code('forget')} makes it unknown again (${code('forget all')}: all of them, ${code('forget configuration')}: what ${code('!check')} found). For a server that cannot be polled, give the version: ${code('!profile example.org version=1.150')}. You can leave out the server if this room watches only one.`,
	changes: true,
	asks: words =>
		words.length === 0 || (words.length === 1 && !words[0]?.includes('=') && words[0]?.includes('.') === true),
	async run({ words, room }, ports: Pick<Ports, 'knowledge' | 'distributions' | 'store' | 'now'>) {
		const { store, knowledge, now } = ports;
		const watches = await store.watches(room);
		const cut = words.findIndex(word => word.toLowerCase() === 'forget');
		const said = cut < 0 ? words : words.slice(0, cut);
		const forget = cut < 0 ? [] : words.slice(cut + 1).map(word => word.toLowerCase());
		if (cut >= 0 && !forget.length)
			throw new Refusal(`Forget what? For example ${code('forget workers')} or ${code('forget all')}.`);
		const { running, rest } = takeVersion(said, knowledge);
		const { servers, terms, versions } = sortWords(rest, example, knowledge.systems);
		if (versions[0] !== undefined) throw new Refusal(`Write the version as a fact: ${code(`version=${versions[0]}`)}`);
		if (servers.length > 1) throw new Refusal(`One server at a time: ${code(example)}`);
		const [only, other] = watches;
		const name = servers[0] ?? (other ? undefined : only?.server);
		if (name === undefined) {
			const which = watches.length
				? `Which server? This room is watching ${watches.length}.`
				: 'This room is not watching any servers yet.';
			throw new Refusal(`${which} For example: ${code(watches.length ? example : '!watch example.org')}`);
		}
		const known = watches.find(({ server }) => server === name);
		if (!known)
			throw new Refusal(
				`This room is not watching ${quoted(name)}. Start with ${code(`!watch ${name}`)}; you can add the facts there.`,
			);
		readProfile(terms);
		const server = await store.server(name);
		if (!server) throw new Error(`the watched server ${name} is missing`);
		const left = forget.includes('all')
			? []
			: known.facts.filter(fact => !forget.some(word => isMeant(fact, word, knowledge.systems)));
		refuseToForget(forget, known, knowledge.systems);
		const changes = terms.length > 0 || running !== undefined || forget.length > 0;
		const { told, checks, ...without } = known;
		const forgetsChecks = forget.includes('all') || forget.includes('configuration');
		const kept = forget.includes('all') || forget.includes('version') ? undefined : told;
		const at = now();
		const by = running === undefined ? kept : { ...running, at: at.toISOString() };
		const subscription = {
			...without,
			...(by && { told: by }),
			...(checks && !forgetsChecks && { checks }),
			facts: withFacts(left, terms.map(writeTerm)),
			changed: changes ? at : known.changed,
		};
		if (changes) await store.keepWatch(subscription, at);
		return statusCard(subscription, server, changes ? 'Saved.' : '', ports);
	},
} satisfies Command;

/** Refuses words that name nothing that is stored: `Saved.` would claim that it has been forgotten. */
function refuseToForget(forget: readonly string[], known: Subscription, systems: readonly string[] | undefined): void {
	const facts = known.facts.filter(fact => parseStored(fact) !== undefined);
	const others = [...(known.told ? ['version'] : []), ...(known.checks ? ['configuration'] : [])];
	for (const word of forget) {
		if (word === 'all' || others.includes(word) || facts.some(fact => isMeant(fact, word, systems))) continue;
		if (!['version', 'configuration', ...factWords()].includes(word) && !parseTerm(word, systems))
			throw new Refusal(`I do not recognise the fact ${quoted(word)}. ${code('!help facts')} lists them.`);
		const stored = [...facts, ...others].map(code);
		throw new Refusal(
			`I cannot forget ${code(word)}, because it is not stored for ${quoted(known.server)}. ${stored.length ? `Stored: ${stored.join(', ')}` : 'Nothing is stored'}.`,
		);
	}
}

/** Whether the word stands for the stored fact: its name (`workers`, `install`), or the fact itself (`docker`). */
function isMeant(fact: string, word: string, systems: readonly string[] | undefined): boolean {
	const [stored, typed] = [parseStored(fact), parseTerm(word, systems)];
	if (!stored) return false;
	return word === stored.fact || (typed !== undefined && writeTerm(typed) === writeTerm(stored));
}

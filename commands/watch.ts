// !watch: subscribes this room to a server, and shows its status at once.

import { type Subscription, withFacts } from '../src/advice/watch/subscription.ts';
import { Refusal } from '../src/answer.ts';
import { readServer, takeVersion } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { writeTerm } from '../src/deployment/facts.ts';
import { code } from '../src/text/markdown.ts';
import { keepObservation, statusCard } from '../src/watch/status-card.ts';

const example = '!watch example.org docker postgres=15 no-workers';

export const watch = {
	name: 'watch',
	usage: 'watch <server> [facts…]',
	summary: 'alert this room about a server',
	examples: ['watch example.org', 'watch example.org docker postgres=15 no-workers'],
	help: `I check it regularly (${code('!servers')} says when) and report new releases, security advisories, deadlines and end-of-support dates that affect it. I report each of them once, and deadlines early enough for you to act on them. With ${code('mdad')} or ${code('ess')}, I also report breaking changes in the playbook or the charts. The answer shows what already applies today. Facts make it more precise: ${code('!help facts')}. For a server that cannot be polled, add ${code('version=1.150')}.`,
	changes: true,
	looks: true,
	async run(
		{ words, room, sender },
		ports: Pick<Ports, 'knowledge' | 'distributions' | 'store' | 'web' | 'now' | 'limits'>,
	) {
		const { store, web, knowledge, now } = ports;
		const { running, rest } = takeVersion(words, knowledge);
		const { servers, terms, versions, taken } = sortWords(rest, example, knowledge.systems);
		const [typed, extra] = servers;
		if (versions[0] !== undefined)
			throw new Refusal(`A version alone is not enough here: write ${code(`version=${versions[0]}`)}.`);
		if (typed === undefined) throw new Refusal(`Which server? For example: ${code(example)}`);
		if (extra !== undefined) throw new Refusal(`One server at a time: ${code(example)}`);
		const server = readServer(typed);
		readProfile(terms);
		const limited = () => knownWithin({ server, room, sender }, ports);
		await limited();
		// Before the subscription is stored: otherwise a tick may find the server first, and send a card of its own.
		const observation = await web.observe(server, sender);
		const known = await limited();
		const facts = withFacts(known?.facts ?? [], terms.map(writeTerm));
		const changed = !known || terms.length || running !== undefined;
		const subscription = {
			...(known ?? { id: crypto.randomUUID(), room, server, by: sender }),
			facts,
			changed: changed ? now() : (known?.changed ?? now()),
			...(running !== undefined && { told: { ...running, at: now().toISOString() } }),
		};
		if (changed) await store.keepWatch(subscription, now());
		const seen = await keepObservation(observation, ports);
		const opening = [known ? 'I am already watching it.' : 'I am now watching it.', ...taken].join(' ');
		return statusCard(subscription, seen, opening, ports);
	},
} satisfies Command;

/** The room's subscription to the server, if there is one. Refuses a new one beyond the operator's limits. */
async function knownWithin(
	{ server, room, sender }: { server: string; room: string; sender: string },
	{ store, limits }: Pick<Ports, 'store' | 'limits'>,
): Promise<Subscription | undefined> {
	const all = await store.watches(room);
	const known = all.find(watched => watched.server === server);
	if (!known && all.length >= limits.perRoom)
		throw new Refusal(
			`This room is watching ${all.length} servers, and my operator allows no more. ${code('!unwatch')} ends one.`,
		);
	if (!known && (await store.watchesBegunBy(sender)) >= limits.perPerson)
		throw new Refusal(
			`You have started ${limits.perPerson} watches in all your rooms, and my operator allows no more. ${code('!unwatch')} ends one.`,
		);
	return known;
}

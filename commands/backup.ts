// !backup: testing a backup, and rehearsing a PostgreSQL upgrade, as a guide.

import { guideFor } from '../src/advice/guide/guide.ts';
import { majorsOf } from '../src/advice/guide/postgres.ts';
import { offerOf } from '../src/advice/guide/session.ts';
import { profileFrom, withFacts } from '../src/advice/watch/subscription.ts';
import { Refusal } from '../src/answer.ts';
import { takeParameters, takeStart } from '../src/arguments/guide.ts';
import { readMajor } from '../src/arguments/majors.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { writeTerm } from '../src/deployment/facts.ts';
import { guideRefusalWords, guideWords } from '../src/messages/guide.ts';
import { withOffer } from '../src/messages/guide-session.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!backup 15 docker';

export const backup = {
	name: 'backup',
	usage: 'backup [version] [server] [facts…]',
	summary: 'test a backup, or rehearse a PostgreSQL upgrade',
	examples: ['backup 15 docker', 'backup 17 debian domain=example.org', 'backup 16 mdad mas start'],
	help: `The guide restores a dump into a throwaway PostgreSQL and starts a throwaway Synapse on it that has no network access. Give the major version of PostgreSQL you run, or the next one to rehearse the upgrade; how the server is installed (${code('docker')}, ${code('debian')}, ${code('mdad')}); and where the parts of the backup are (${code('dump=')}, ${code('config=')}, ${code('key=')}, ${code('media-folder=')}; the answer lists them). With ${code('start')}, or the reaction ▶️ on the answer, we go through it together, one stage at a time in a thread.`,
	changes: false,
	async run({ words: typed, room }, { knowledge, store }: Pick<Ports, 'knowledge' | 'store'>) {
		const { begin, all, rest: words, asked: again } = takeStart(typed);
		const guide = knowledge.guides.find(({ id }) => id === 'backup');
		if (!guide) throw new Error('the knowledge has no backup guide');
		const file = words.some(word => /^(file|markdown)$/i.test(word));
		const { stated, rest } = takeParameters(
			words.filter(word => !/^(file|markdown)$/i.test(word)),
			guide,
		);
		const { versions, terms, servers } = sortWords(rest, example, knowledge.systems);
		const [server, second] = servers;
		if (second !== undefined) throw new Refusal(`One server at a time. For example: ${code('!backup example.org')}`);
		const subscription = server === undefined ? undefined : await store.watch(room, server);
		if (server !== undefined && !subscription)
			throw new Refusal(
				`This room is not watching ${quoted(server)}. Start with ${code(`!watch ${server}`)}, or say what runs: ${code(example)}`,
			);
		const profile = subscription
			? profileFrom(withFacts(subscription.facts, terms.map(writeTerm)))
			: readProfile(terms);
		if (profile.get('database')?.value === 'sqlite')
			throw new Refusal(
				`This guide restores a PostgreSQL dump. To test a copy of a SQLite file, run ${code("sqlite3 COPY 'PRAGMA integrity_check'")}, which must print ${code('ok')}. That backup also needs the signing key, the configuration and the media.`,
			);
		const known = majorsOf(knowledge.lifecycles.postgresql);
		const fact = profile.get('postgres')?.value;
		const typedMajors = [...versions, ...(stated.has('to') ? [stated.get('to') ?? ''] : [])];
		const [to, extra] = new Set(typedMajors.map(word => readMajor(word, known)));
		if (extra !== undefined) throw new Refusal(`Give only the version to restore into. For example: ${code(example)}`);
		const major = to ?? (typeof fact === 'string' ? readMajor(fact, known) : undefined);
		if (major === undefined)
			throw new Refusal(
				`Which major version of PostgreSQL do you run? ${code(example)}. ${code('SHOW server_version')} shows it. With the next major version, this rehearses the upgrade.`,
			);
		stated.set('to', major);
		if (server !== undefined && !stated.has('domain')) stated.set('domain', server);
		const guided = guideFor(guide, { stated, profile }, knowledge.tried);
		if (guided.refused.length) throw new Refusal(guided.refused.map(guideRefusalWords).join(' '));
		// As typed, because a command without what was said before would ask for it again.
		const asked = `backup ${again}`.trim();
		if (guided.ask.includes('layout'))
			throw new Refusal(
				`How is it installed? In containers (${code(`!${asked} docker`)}), from packages (${code(`!${asked} debian`)}), or with matrix-docker-ansible-deploy (${code(`!${asked} mdad`)})? If a provider runs your PostgreSQL, restore into a new server there.`,
			);
		const answer = guideWords(guided, { asked, file, begun: begin && !all });
		return withOffer(answer, offerOf(guided, { stated, profile, asked }), begin);
	},
} satisfies Command;

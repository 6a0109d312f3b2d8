// !migrate: moving from the official image to matrix-docker-ansible-deploy, as a guide; and what became of old names.

import { fateToday, variableWord } from '../src/advice/distribution/playbook-variables.ts';
import { guideFor } from '../src/advice/guide/guide.ts';
import { offerOf } from '../src/advice/guide/session.ts';
import { isKnown } from '../src/advice/watch/build.ts';
import { runningOf } from '../src/advice/watch/history.ts';
import { profileFrom, withFacts } from '../src/advice/watch/subscription.ts';
import type { Answer } from '../src/answer.ts';
import { Refusal } from '../src/answer.ts';
import { takeParameters, takeStart } from '../src/arguments/guide.ts';
import { readVersion } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import type { Profile } from '../src/deployment/facts.ts';
import { writeTerm } from '../src/deployment/facts.ts';
import { compare } from '../src/deployment/version.ts';
import type { PlaybookVariables } from '../src/knowledge/distributions.ts';
import type { Knowledge } from '../src/knowledge/schema/synapse.ts';
import { guideRefusalWords } from '../src/messages/guide.ts';
import { guideAnswer } from '../src/messages/guide-questions.ts';
import { withOffer } from '../src/messages/guide-session.ts';
import { fateReasons, fateWords } from '../src/messages/playbook.ts';
import { versionWords } from '../src/messages/version.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!migrate mdad docker postgres no-workers email proxy=nginx';

export const migrate = {
	name: 'migrate',
	usage: 'migrate mdad [server] [facts… | old names…]',
	summary: 'the move to matrix-docker-ansible-deploy, step by step',
	examples: [
		'migrate mdad docker postgres no-workers email proxy=nginx',
		'migrate mdad example.org sqlite proxy=none synapse=1.163.2',
		'migrate mdad devture_postgres_enabled',
	],
	help: `The move starts from the official image. The answer contains the whole ${code('vars.yml')} for your deployment. Add what applies to you and what does not (${code('workers')}, ${code('no-email')}, ${code('oidc')}, ${code('mas')} …), the proxy in front of it (${code('proxy=none|nginx|caddy|traefik')}), ${code('server=external')} for a PostgreSQL server that stays where it is, ${code('place=new')} for another machine, and your own names so that the commands are ready to copy (${code('data=/srv/files')}; the answer lists them). With ${code('start')}, or the reaction ▶️ on the answer, we go through it together, one stage at a time in a thread. You can also give the name of a variable from an older guide.`,
	changes: false,
	async run(
		{ words: typed, room },
		{ knowledge, distributions, store, now }: Pick<Ports, 'knowledge' | 'distributions' | 'store' | 'now'>,
	) {
		const { begin, all, rest: words, asked: again } = takeStart(typed);
		const [where, ...said] = words[0]?.toLowerCase() === 'to' ? words.slice(1) : words;
		if (!/^(mdad|ansible|playbook|matrix-docker-ansible-deploy)$/i.test(where ?? ''))
			throw new Refusal(
				`${where === undefined ? 'Where to?' : `I do not know how to move to ${quoted(where)}.`} There is one guide, from the official image to matrix-docker-ansible-deploy: ${code(example)}`,
			);
		const variables = said.filter(word => variableWord.test(word)).map(word => word.replace(/:$/, ''));
		if (variables.length) {
			const [other] = said.filter(word => !variableWord.test(word));
			if (other !== undefined)
				throw new Refusal(
					`Give either names of variables or facts: ${quoted(other)} is not a variable. For example: ${code('!migrate mdad devture_postgres_enabled')}`,
				);
			return fates([...new Set(variables)], knowledge, await distributions.variables());
		}
		const guide = knowledge.guides.find(({ id }) => id === 'mdad');
		if (!guide) throw new Error('the knowledge has no mdad guide');
		const file = said.some(word => /^(file|markdown)$/i.test(word));
		const release = said.filter(word => /^synapse=/i.test(word)).map(word => word.slice('synapse='.length));
		const { stated, rest } = takeParameters(
			said.filter(word => !/^(file|markdown|synapse=.*)$/i.test(word)),
			guide,
		);
		const { versions, terms, servers } = sortWords(rest, example, knowledge.systems);
		const [name, second] = servers;
		if (second !== undefined)
			throw new Refusal(`One server at a time. For example: ${code('!migrate mdad example.org')}`);
		const [running, more] = [...release, ...versions];
		if (more !== undefined)
			throw new Refusal('A server runs one release of Synapse: give only the one you run now, which the move keeps.');
		const server = name === undefined ? undefined : await watched(name, room, { store, knowledge, now });
		const facts = terms.map(writeTerm);
		const profile = server ? profileFrom(withFacts(server.facts, facts)) : readProfile(terms);
		const from = running === undefined ? undefined : readVersion(running, 'start', knowledge);
		const version = from?.version ?? server?.version;
		refuseOthers(profile);
		if (name !== undefined && !stated.has('domain')) stated.set('domain', name);
		if (version !== undefined) stated.set('synapse', version);
		const guided = guideFor(guide, { stated, profile }, knowledge.tried);
		if (guided.refused.length) throw new Refusal(guided.refused.map(guideRefusalWords).join(' '));
		const asked = `migrate ${again}`;
		const answer = guideAnswer(
			guided,
			{
				asked,
				taken: [server?.note, from?.note].filter(note => note !== undefined),
				dangers: playbookLines(version, knowledge),
				file,
				begun: begin && !all,
			},
			begin || all || file,
		);
		const value = { ...guided, ...(knowledge.playbook && { playbook: knowledge.playbook.synapse }) };
		const offer = offerOf(guided, { stated, profile, asked });
		return withOffer({ ...answer, value }, offer, begin);
	},
} satisfies Command;

/** What the room knows about a server; undefined if it does not watch it, in which case the server is only a name. */
async function watched(
	server: string,
	room: string,
	{ store, knowledge, now }: Pick<Ports, 'store' | 'knowledge' | 'now'>,
) {
	const subscription = await store.watch(room, server);
	if (!subscription) return undefined;
	const running = runningOf((await store.server(server))?.history ?? [], subscription.told, now());
	return {
		facts: subscription.facts,
		// The playbook cannot install an unknown release.
		version: running && isKnown(running.version, knowledge.releases) ? running.version : undefined,
		note: running && `${quoted(server)} runs Synapse ${versionWords(running, knowledge)}.`,
	};
}

function refuseOthers(profile: Profile) {
	const install = profile.get('install')?.value;
	if (install === 'mdad')
		throw new Refusal(
			`The playbook already runs this server (${code('mdad')}). ${code('!upgrade 1.150 mdad')} says what an upgrade with it brings, and ${code('!migrate mdad OLD_NAME')} what an old variable is called now.`,
		);
	if (install !== undefined && install !== 'docker')
		throw new Refusal(
			`This guide starts from the official Docker image, but your installation is ${code(String(install))}. The order and ${code('vars.yml')} are the same, but the commands on the old server are not. To read it anyway, use ${code('docker')} instead of ${code(String(install))}.`,
		);
}

/** How the running release compares with the one that the playbook installs today, if both are known. */
function playbookLines(version: string | undefined, { playbook }: Knowledge): string[] {
	if (!playbook || version === undefined) return [];
	const order = compare(version, playbook.synapse);
	if (order === 0) return [];
	if (order < 0)
		return [
			`The playbook installs Synapse ${playbook.synapse} today; ${code('matrix_synapse_version')} keeps yours at ${version} for the move. Upgrade afterwards, not in between.`,
		];
	return [
		`⚠️ The playbook installs Synapse ${playbook.synapse} today, older than yours: without ${code('matrix_synapse_version')} it would refuse your database as too new.`,
	];
}

/** What became of variables. */
function fates(names: readonly string[], { renamed }: Knowledge, table: PlaybookVariables): Answer {
	const all = names.map(name => {
		const found = fateToday(name, renamed, table);
		return { name, fate: found === 'current' ? undefined : found, current: found === 'current' };
	});
	const lines = all.map(({ name, fate, current }) => {
		if (fate) return fateWords(fate);
		if (current) return `${code(name)} is a current variable of the playbook.`;
		return `${code(name)}: no other name is known. If the name is current, you will find it in a ${code('defaults/main.yml')} under the playbook's ${code('roles/')}.`;
	});
	return {
		value: {
			format: 1,
			variables: all.map(({ name, fate, current }) => ({
				old: name,
				new: current ? name : (fate?.new ?? null),
				known: current || fate !== undefined,
				...(fate && { never: fate.never, says: fateReasons(fate), changes: fate.changes }),
			})),
		},
		lead: lines.join('\n\n'),
		sections: [],
		kind: 'answer',
	};
}

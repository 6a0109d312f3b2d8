// !postgres: a major PostgreSQL upgrade, or a move from SQLite to PostgreSQL, as a guide.

import { guideFor } from '../src/advice/guide/guide.ts';
import { majorsOf, newestMajor, surroundings } from '../src/advice/guide/postgres.ts';
import { offerOf } from '../src/advice/guide/session.ts';
import { isKnown } from '../src/advice/watch/build.ts';
import { runningOf } from '../src/advice/watch/history.ts';
import { profileFrom, withFacts } from '../src/advice/watch/subscription.ts';
import { Refusal } from '../src/answer.ts';
import { takeParameters, takeStart } from '../src/arguments/guide.ts';
import { readMajor } from '../src/arguments/majors.ts';
import { readVersion } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import type { Profile } from '../src/deployment/facts.ts';
import { writeTerm } from '../src/deployment/facts.ts';
import type { Guide, Knowledge } from '../src/knowledge/schema/synapse.ts';
import { guideRefusalWords } from '../src/messages/guide.ts';
import { guideAnswer } from '../src/messages/guide-questions.ts';
import { withOffer } from '../src/messages/guide-session.ts';
import { orderLines } from '../src/messages/postgres.ts';
import { versionWords } from '../src/messages/version.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!postgres 15 17 docker';

export const postgres = {
	name: 'postgres',
	usage: 'postgres <from> [to] [facts…]',
	summary: 'a major PostgreSQL upgrade, or a move from SQLite',
	examples: [
		'postgres 15 17 docker',
		'postgres 15 17 docker start',
		'postgres 14 18 debian size=120G',
		'postgres sqlite 17',
	],
	help: `The commands depend on where PostgreSQL runs: ${code('docker')} (a container next to Synapse), ${code('debian')} (packages), ${code('mdad')} or ${code('managed')} (a server elsewhere). You can add the size for an estimate of time and disk space (${code('size=20G')}), your own names so that the commands are ready to copy (${code('dbname=matrix')}, ${code('user=matrix')} …; the answer lists them), another way to do it (${code('way=pg-upgrade')}), ${code('synapse=1.150')} to see which upgrade goes first, and ${code('file')} to get everything as a Markdown file. With ${code('start')}, or the reaction ▶️ on the answer, we go through it together, one stage at a time in a thread: ✅ or ${code('done')} moves on, and I look up errors that you paste there. Without a second version, the guide goes to the newest one.`,
	changes: false,
	async run({ words: typed, room }, { knowledge, store, now }: Pick<Ports, 'knowledge' | 'store' | 'now'>) {
		const { begin, all, rest: words, asked: again } = takeStart(typed);
		const today = now().toISOString().slice(0, 10);
		const isSqlite = words.some(word => /^(sqlite3?|database=sqlite)$/i.test(word));
		const guide = guideCalled(isSqlite ? 'sqlite-postgres' : 'postgres-major', knowledge);
		const file = words.some(word => /^(file|markdown)$/i.test(word));
		const synapse = words.filter(word => /^synapse=/i.test(word)).map(word => word.slice('synapse='.length));
		if (synapse[1] !== undefined) throw new Refusal('A server runs one release of Synapse: give only one.');
		const said = withMajors(words, isSqlite)
			.filter(word => !/^(file|markdown|sqlite3?|database=sqlite|synapse=.*)$/i.test(word))
			.map(word => word.replace(/^external$/i, 'managed'));
		const { stated, rest } = takeParameters(said, guide);
		const { versions, terms, servers } = sortWords(rest, example, knowledge.systems);
		if (servers[1] !== undefined)
			throw new Refusal(`One server at a time. For example: ${code('!postgres example.org')}`);
		const server = servers[0] === undefined ? undefined : await watched(servers[0], room, { store, knowledge, now });
		const stating = readProfile(terms);
		const profile = server ? profileFrom(withFacts(server.facts, terms.map(writeTerm))) : stating;
		if (!isSqlite && profile.get('database')?.value === 'sqlite')
			throw new Refusal(
				`This deployment runs on SQLite, so there is no PostgreSQL to upgrade. To move to PostgreSQL: ${code('!postgres sqlite 17')}`,
			);
		const running = synapse[0] === undefined ? undefined : readVersion(synapse[0], 'running', knowledge).version;
		const release = running ?? server?.version;
		const { from, to, taken } = majors(isSqlite, versions, stated, profile, { knowledge, today });
		if (from !== undefined) stated.set('from', from);
		stated.set('to', to);
		// As typed, because a command without what was said before would ask for it again.
		const asked = `postgres ${again}`;
		const guided = guideFor(guide, { stated, profile }, knowledge.tried);
		const [refused] = guided.refused;
		if (refused !== undefined) throw new Refusal(guideRefusalWords(refused));
		if (guided.ask.includes('layout'))
			throw new Refusal(
				`Where does PostgreSQL run? In a container next to Synapse (${code(`!${asked} docker`)}), from packages (${code(`!${asked} debian`)}), in matrix-docker-ansible-deploy (${code(`!${asked} mdad`)}), or on a server elsewhere (${code(`!${asked} managed`)})?`,
			);
		const around = surroundings({ from, to, release, today }, knowledge);
		const answer = guideAnswer(
			guided,
			{
				asked,
				dangers: orderLines(around, { from, to }),
				taken: [...(server ? [server.note] : []), ...taken],
				file,
				begun: begin && !all,
			},
			begin || all || file,
		);
		const offer = offerOf(guided, { stated, profile, asked });
		return withOffer({ ...answer, value: { ...guided, surroundings: around } }, offer, begin);
	},
} satisfies Command;

const product = /^(?:postgres(?:ql)?|pg)$/i;
const majorWord = /^v?(\d{1,2}(?:\.\d+){0,3})$/;

/**
 * The words with versions as they are meant here: in `from postgres 15 to pg17`, a name belongs to the version after
 * it, and is no statement about the server. With SQLite, every version is the one to move to.
 */
function withMajors(words: readonly string[], isSqlite: boolean): string[] {
	const named = words.flatMap((word, at) => {
		if (product.test(word)) return isSqlite || majorWord.test(words[at + 1] ?? '') ? [] : [word];
		if (isSqlite && /^database=postgres(?:ql)?$/i.test(word)) return [];
		const sign = isSqlite ? '[=:-]?' : '[:-]?';
		const [, number] = new RegExp(`^(?:postgres(?:ql)?|pg)${sign}(\\d[\\d.]{0,9})(?:-\\w+)?$`, 'i').exec(word) ?? [];
		return [number ?? word];
	});
	return named.map((word, at) => {
		const before = named[at - 1]?.toLowerCase();
		const [, number = ''] = majorWord.exec(word) ?? [];
		if (!number || (before !== 'to' && (before !== 'from' || isSqlite))) return word;
		const [first = '', second = ''] = number.split('.');
		return `${before}=${first === '9' && second ? `9.${second}` : first}`;
	});
}

function guideCalled(id: string, knowledge: Knowledge): Guide {
	const guide = knowledge.guides.find(other => other.id === id);
	if (!guide) throw new Error(`the knowledge has no ${id} guide`);
	return guide;
}

/** What a watched server runs, and what the room knows about it. Throws a Refusal if the room does not watch it. */
async function watched(
	server: string,
	room: string,
	{ store, knowledge, now }: Pick<Ports, 'store' | 'knowledge' | 'now'>,
) {
	const subscription = await store.watch(room, server);
	if (!subscription)
		throw new Refusal(
			`This room is not watching ${quoted(server)}. Begin with ${code(`!watch ${server}`)}, or say the versions: ${code(example)}`,
		);
	const running = runningOf((await store.server(server))?.history ?? [], subscription.told, now());
	const version = running && isKnown(running.version, knowledge.releases) ? running.version : undefined;
	return {
		facts: subscription.facts,
		version,
		note: running
			? `${quoted(server)} runs Synapse ${versionWords(running, knowledge)}.`
			: `I do not know yet what ${quoted(server)} runs.`,
	};
}

type Majors = { from?: string; to: string; taken: string[] };

/** The typed major versions (`15.18`: 15). A missing start comes from the facts, a missing target is the newest. */
function majors(
	isSqlite: boolean,
	typed: readonly string[],
	stated: ReadonlyMap<string, string>,
	profile: Profile,
	{ knowledge, today }: { knowledge: Knowledge; today: string },
): Majors {
	const lifecycle = knowledge.lifecycles.postgresql;
	const newest = newestMajor(lifecycle, today);
	if (newest === undefined) throw new Error('the knowledge has no major version of PostgreSQL');
	const fact = profile.get('postgres')?.value;
	const all = typed.map(word => readMajor(word, majorsOf(lifecycle)));
	const read = (name: string) => {
		const value = stated.get(name);
		return value === undefined ? [] : [readMajor(value, majorsOf(lifecycle))];
	};
	if (isSqlite) {
		const [to = newest, extra] = [...all, ...read('to')];
		if (extra !== undefined)
			throw new Refusal(`From SQLite, one version is enough, the one you want: ${code('!postgres sqlite 17')}`);
		const isTyped = all.length > 0 || stated.has('to');
		return { to, taken: isTyped ? [] : [`Without a version, the guide goes to the newest, ${newest}.`] };
	}
	const known = typeof fact === 'string' ? [readMajor(fact, majorsOf(lifecycle))] : [];
	const [starts, targets] = [[...read('from'), ...all], read('to')];
	const ends = [...(starts.length ? starts : targets.length ? known : []), ...targets];
	const isEitherEnd = !stated.has('from') && targets.length === 0 && ends.length < 2;
	const isTarget = isEitherEnd && known.length > 0 && ends[0] !== known[0];
	const [from, to, extra] = isTarget ? [...known, ...ends] : starts.length || known.length ? ends : [];
	if (from === undefined)
		throw new Refusal(
			`From which major version, and to which? ${code(example)}; for SQLite ${code('!postgres sqlite 17')}. ${code('SHOW server_version')} shows the version you run.`,
		);
	if (extra !== undefined)
		throw new Refusal(`Two versions are enough; ${quoted(extra)} is a third. For example: ${code(example)}`);
	if (known[0] !== undefined && known[0] !== from)
		throw new Refusal(
			`${code(`postgres=${known[0]}`)} says that you run ${known[0]}, but you also say ${from}. Give only one of them: ${code(`!postgres ${from} ${to ?? newest}`)}`,
		);
	if (to !== undefined) return { from, to, taken: [] };
	if (from === newest)
		throw new Refusal(`PostgreSQL ${from} is the newest major version I know of: there is nothing to upgrade to.`);
	return { from, to: newest, taken: [`Without a second version, the guide goes to the newest, ${newest}.`] };
}

// !upgrade: what an upgrade between two releases requires of one deployment.

import { readFileSync } from 'node:fs';
import { check } from '../src/advice/check/check.ts';
import { askedByLook, decidedByLook, lookScript, withPython } from '../src/advice/check/look.ts';
import { type CheckRecord, decidedBy } from '../src/advice/check/record.ts';
import { youngNotes } from '../src/advice/check/young.ts';
import { chartPlan, withLiveCharts } from '../src/advice/distribution/charts.ts';
import { namesOf } from '../src/advice/distribution/components.ts';
import { playbookPlan } from '../src/advice/distribution/playbook.ts';
import { type Plan, plan } from '../src/advice/upgrade/plan.ts';
import { routesBetween } from '../src/advice/upgrade/routes.ts';
import type { Way } from '../src/advice/upgrade/way.ts';
import { isKnown } from '../src/advice/watch/build.ts';
import { type LookRun, lastObserved, runningOf } from '../src/advice/watch/history.ts';
import { decidedBySeen, deploymentFrom } from '../src/advice/watch/seen-facts.ts';
import { profileFrom, withFacts } from '../src/advice/watch/subscription.ts';
import { isLog } from '../src/advice/why/log-lines.ts';
import { type Answer, Refusal } from '../src/answer.ts';
import { refuseAuthenticationService } from '../src/arguments/authentication-service.ts';
import { configurationsIn } from '../src/arguments/check.ts';
import type { ReadConfiguration } from '../src/arguments/configuration.ts';
import {
	type DistributionWords,
	distributionWords,
	readChartWords,
	readPlaybookWords,
} from '../src/arguments/distribution.ts';
import { refuseStray, takeLook } from '../src/arguments/look.ts';
import { nearest } from '../src/arguments/nearest.ts';
import { newest, readVersion } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import type { GivenFile } from '../src/configuration/files.ts';
import { addedBetween } from '../src/configuration/options.ts';
import { type Profile, parseTerm, type Term, writeTerm } from '../src/deployment/facts.ts';
import { compare } from '../src/deployment/version.ts';
import { checksWords } from '../src/messages/check.ts';
import { lookWords } from '../src/messages/check-scripts.ts';
import { chartWords, playbookWords } from '../src/messages/distribution.ts';
import { firstScreen } from '../src/messages/first-screen.ts';
import { contradictedWords, unreadableWords } from '../src/messages/given-files.ts';
import { observationWords, wholeWords } from '../src/messages/observation.ts';
import { planWords } from '../src/messages/plan.ts';
import { playbookSection } from '../src/messages/playbook.ts';
import { seenWords } from '../src/messages/server-facts.ts';
import { caveatWords, unknownWords, versionWords } from '../src/messages/version.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!upgrade 1.56 1.69 postgres=10 workers';

export const upgrade = {
	name: 'upgrade',
	usage: 'upgrade <from or server> [to] [facts…] [all]',
	summary: 'what an upgrade requires',
	examples: [
		'upgrade 1.56 1.69',
		'upgrade 1.140 postgres=14 workers docker',
		'upgrade example.org',
		'upgrade mdad 2025-06-01 jitsi no-coturn',
		'upgrade ess 26.1.0 26.8.0',
	],
	help: `Without a second version, the plan ends at the newest release. Facts narrow it down to what affects you; negate one with a ${code('no-')} prefix (${code('no-workers')}). ${code('!help facts')} lists them. ${code('all')} shows everything, with sources.

After ${code('mdad')}, give a date (${code('2025-06-01')}, ${code('June 2025')}, ${code('3 months ago')}), a commit or a value of ${code('matrix_playbook_migration_validated_version')} to see what has changed in the playbook since then; components (${code('jitsi')}, ${code('no-coturn')}) shorten the answer. After ${code('ess')}, give chart versions. Both include the Synapse releases in between.`,
	changes: false,
	takesAll: true,
	takesFile: true,
	async run(
		{ words: typed, room, files, quoted: said, taken: found = [] },
		{ knowledge, code: tables, distributions, store, now }: UpgradePorts,
	) {
		const through = distributionWords(typed, now().toISOString().slice(0, 10));
		if (through?.of === 'mdad') return throughPlaybook(through, { knowledge, code: tables, distributions, now });
		if (through?.of === 'ess') return throughCharts(through, { knowledge, code: tables, distributions, now });
		refuseAuthenticationService(typed, '!upgrade 1.130 mas');
		const look = takeLook(typed);
		const words = look.rest.filter(word => !isAll(word));
		const all = words.length < look.rest.length;
		const { versions, terms, servers, taken: understood } = sortWords(words, example, knowledge.systems);
		if (servers[1] !== undefined)
			throw new Refusal(`One server at a time. For example: ${code('!upgrade example.org')}`);
		const server = servers[0] === undefined ? undefined : await watched(servers[0], room, { store, knowledge, now });
		const [start, target, extra] = server ? [server.version, ...versions] : versions;
		if (start === undefined) throw new Refusal(`From which release? Give at least the current one: ${code(example)}`);
		if (extra !== undefined)
			throw new Refusal(
				server
					? `${quoted(servers[0] ?? '')} runs ${start}: give only the target. For example: ${code('!upgrade example.org 1.160')}`
					: `Two versions are enough; ${quoted(extra)} is a third. For example: ${code(example)}`,
			);
		const stated = readProfile(terms);
		const today = now().toISOString().slice(0, 10);
		const { checks = [], history = [] } = server ?? {};
		const own = server && profileFrom(withFacts(server.facts, terms.map(writeTerm)));
		const known = own && deploymentFrom(own, history, checks, today);
		const facts = withPython(known?.profile ?? stated, look.python);
		const from = readVersion(start, 'start', knowledge);
		const to =
			target === undefined ? { version: newest(knowledge), note: undefined } : readVersion(target, 'target', knowledge);
		const order = compare(from.version, to.version);
		if (order === 0 && target === undefined)
			throw new Refusal(
				`${server ? `${quoted(servers[0] ?? '')} runs ${from.version}, ` : `${from.version} is `}the newest release I know of: there is nothing to upgrade to.`,
			);
		if (order > 0 && target === undefined)
			throw new Refusal(
				`${from.version} is newer than ${to.version}, the newest final release I know of: there is nothing to upgrade to.`,
			);
		if (order === 0)
			throw new Refusal(`Both are ${from.version}, so there is nothing to upgrade. For example: ${code(example)}`);
		if (order > 0) {
			throw new Refusal(
				`${from.version} is newer than ${to.version}. The older one comes first: ${code(`!upgrade ${to.version} ${from.version}`)}; to go back: ${code(`!rollback ${from.version} ${to.version}`)}`,
			);
		}
		const range = { from: from.version, to: to.version };
		if (look.printed?.length === 0) return lookFor({ ...range, profile: facts }, typed, { knowledge, code: tables });
		const given = files ?? (said === undefined ? [] : configurationsIn(said));
		const looked = given.length
			? (await import('../src/arguments/configuration.ts')).readConfiguration(given, facts, files !== undefined)
			: undefined;
		const unusable = looked ? unreadableWords(looked.configuration) : [];
		if (looked && isMissed(looked, files)) throw new Refusal(unusable.join(' '));
		const seen = { ...range, profile: looked?.profile ?? facts, looked, printed: look.printed, today };
		const { profile, decided, starts } = decidedFor(seen, { checks, history }, { knowledge, code: tables });
		const taken = [
			...found,
			...understood,
			server?.note,
			known && seenWords(known),
			...(looked ? [] : checksWords(checks, today, servers[0] ?? '')),
			from.note,
			to.note,
		].filter(note => note !== undefined);
		const young = youngNotes(knowledge.notes, tables.options(), from.version);
		const way = { ...range, profile, today, young, decided, starts };
		const fullPlan = { ...plan(way, knowledge), ...fromCode(way, tables) };
		const answer = all ? planWords(fullPlan, taken) : firstScreen(fullPlan, taken);
		// Never folded: the plan would look as if the files had been considered as they are.
		const aside = [...contradictedWords(looked?.contradicted ?? []), ...unusable.map(words => `⚠️ ${words}`)];
		answer.lead = [answer.lead, ...aside].join('\n\n');
		if (!all) return answer;
		const since = knowledge.releases.find(({ version }) => version === from.version)?.date;
		if (knowledge.playbook && since !== undefined && profile.get('install')?.value === 'mdad')
			answer.sections.push(playbookSection(knowledge.playbook, since));
		return answer;
	},
} satisfies Command;

type UpgradePorts = Pick<Ports, 'knowledge' | 'code' | 'distributions' | 'store' | 'now'>;

/**
 * Whether a plan would be wrong without the files that cannot be read. A reply to a log is still a question about the
 * upgrade, and a quoted message (no `files`) may be conversation.
 */
function isMissed({ configuration }: ReadConfiguration, files?: readonly GivenFile[]): boolean {
	const logs = files?.flatMap(({ name, text }) => (isLog(text) ? [name] : []));
	return logs !== undefined && configuration.unreadable.some(({ file }) => !logs.includes(file));
}

/** What has changed in the playbook since a day, and the plan for the Synapse releases that it went through. */
async function throughPlaybook({ words, taken }: DistributionWords, ports: Omit<UpgradePorts, 'store'>) {
	const { knowledge, distributions, now } = ports;
	const playbook = await distributions.mdad();
	const names = namesOf(playbook.entries, playbook.enabled, knowledge.renamed);
	const today = now().toISOString().slice(0, 10);
	const newest = knowledge.playbook ? today : playbook.read;
	const read = await readPlaybookWords(words, { playbook, names, commits: distributions.commits, today, newest });
	const known = { playbook, renamed: knowledge.renamed, live: knowledge.playbook };
	const found = playbookPlan(read.span, { stated: read.components }, names, known);
	const plan = synapsePlan(found.synapse, read.terms, 'mdad', ports);
	const manner = { ...read, taken: [...taken, ...read.taken], asked: `upgrade mdad ${asked(words)}` };
	return playbookWords(found, plan, manner);
}

/** What has changed between two charts, and the plan for the Synapse releases that they install. */
async function throughCharts({ words }: DistributionWords, ports: Omit<UpgradePorts, 'store'>) {
	const charts = withLiveCharts(await ports.distributions.ess(), ports.knowledge.charts);
	const read = readChartWords(words, charts);
	const found = chartPlan(read.from, read.to, read.components, charts);
	const plan = synapsePlan(found.synapse, read.terms, 'ess', ports);
	return chartWords(found, plan, { ...read, asked: `upgrade ess ${asked(words)}` });
}

/** The words without `all`, for repeating the command: at most 200 characters. */
function asked(words: readonly string[]): string {
	return words
		.filter(word => !isAll(word))
		.join(' ')
		.slice(0, 200);
}

/** The plan for the Synapse releases that a distribution went through, if any. */
function synapsePlan(
	{ from, to }: { from: string | undefined; to: string | undefined },
	terms: readonly Term[],
	install: 'mdad' | 'ess',
	{ knowledge, code: tables, now }: Pick<UpgradePorts, 'knowledge' | 'code' | 'now'>,
): Plan | undefined {
	if (from === undefined || to === undefined || compare(from, to) >= 0) return undefined;
	const own = parseTerm(install);
	const profile: Profile = readProfile([...(own ? [own] : []), ...terms]);
	const today = now().toISOString().slice(0, 10);
	const way = { from, to, profile, today, young: youngNotes(knowledge.notes, tables.options(), from) };
	return { ...plan(way, knowledge), ...fromCode(way, tables) };
}

type Seen = Pick<Way, 'from' | 'to' | 'profile' | 'today'> & {
	looked: ReadConfiguration | undefined;
	printed: readonly string[] | undefined;
};

/** The look script, which prints what a configuration decides about this upgrade. */
function lookFor(
	way: Pick<Way, 'from' | 'to' | 'profile'>,
	typed: readonly string[],
	{ knowledge, code: tables }: Pick<Ports, 'knowledge' | 'code'>,
): Answer {
	const asked = askedByLook(knowledge, way);
	const template = readFileSync(new URL('../knowledge/look.py', import.meta.url), 'utf8');
	return lookWords(lookScript(template, asked, tables.options()), asked.length, {
		again: `!upgrade ${typed.join(' ')}`,
		install: way.profile.get('install')?.value,
	});
}

/** What a configuration decides: the files given now or the look's output take precedence over earlier checks. */
function decidedFor(
	{ looked, printed, today, ...way }: Seen,
	{ checks, history }: { checks: readonly CheckRecord[]; history: readonly LookRun[] },
	{ knowledge, code: tables }: Pick<Ports, 'knowledge' | 'code'>,
): Pick<Way, 'profile' | 'decided' | 'starts'> {
	const { profile } = way;
	const before = decidedBy(checks, { knowledge, profile, today });
	const now =
		looked && check({ ...looked, ...way, options: tables.options(), values: tables.values(), nearest }, knowledge);
	// Facts are compared later: people may state them between the script and its output.
	if (printed) refuseStray(printed, askedByLook(knowledge, { ...way, profile: new Map() }), way);
	const said = printed && decidedByLook(askedByLook(knowledge, way), printed);
	return {
		profile,
		// The look comes last, because it may see what the files do not show: what is installed.
		decided: new Map([
			...before.decided,
			...decidedBySeen(history, knowledge),
			...(now?.decided ?? []),
			...(said ?? []),
		]),
		starts: new Set([...before.starts, ...(now?.starts ?? [])]),
	};
}

/** What the tables read from the code add to a plan: new options, and routes if the deployment has workers. */
function fromCode({ from, to, profile }: Way, tables: Ports['code']): Pick<Plan, 'newOptions' | 'routes'> {
	const newOptions = addedBetween(tables.options(), from, to).map(({ option }) => option);
	if (profile.get('workers')?.value !== true) return { newOptions };
	return { newOptions, routes: routesBetween(from, to, tables.routes()) };
}

/** Whether this is the word that asks for everything. */
function isAll(word: string): boolean {
	return /^all$/i.test(word);
}

/** What a watched server runs, and what the room knows about it. Throws a Refusal if no plan can start from that. */
async function watched(
	server: string,
	room: string,
	{ store, knowledge, now }: Pick<Ports, 'store' | 'knowledge' | 'now'>,
) {
	const subscription = await store.watch(room, server);
	if (!subscription)
		throw new Refusal(
			`This room is not watching ${quoted(server)}. Start with ${code(`!watch ${server}`)}, or give the version it runs: ${code(example)}`,
		);
	const seen = await store.server(server);
	const running = runningOf(seen?.history ?? [], subscription.told, now());
	const observed = lastObserved(seen?.history ?? []);
	if (!running && observed)
		throw new Refusal(
			`${wholeWords(observationWords({ server, ...observed }))} Without a Synapse release, I cannot make a plan. If you know it, add it here: ${code(example)}`,
		);
	if (!running)
		throw new Refusal(
			`I do not know yet what ${quoted(server)} runs. Tell me: ${code(`!profile ${server} version=1.150`)}, or add it here: ${code(example)}`,
		);
	if (!isKnown(running.version, knowledge.releases))
		throw new Refusal(
			`${quoted(server)} runs Synapse ${versionWords(running, knowledge)}. ${unknownWords(knowledge)} If you know which release it was built from, give that: ${code(example)}`,
		);
	const how = running.mixture
		? `alternating with ${running.mixture.highest}`
		: running.by === 'person'
			? 'as you told me'
			: 'when I last checked';
	return {
		version: running.version,
		facts: subscription.facts,
		history: seen?.history ?? [],
		...(subscription.checks && { checks: subscription.checks }),
		note: [`${quoted(server)} runs Synapse ${versionWords(running, knowledge)}, ${how}.`, caveatWords(running)]
			.filter(Boolean)
			.join(' '),
	};
}

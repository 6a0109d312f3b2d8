// !check: what a configuration says about the deployment, and how a release, or a range of releases, affects it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { check as decide } from '../src/advice/check/check.ts';
import { askedByLook, checkedByLook, decidedByLook, lookScript, withPython } from '../src/advice/check/look.ts';
import { checkProxy } from '../src/advice/check/proxy.ts';
import { type CheckRecord, recordOf, recordOfLook, withRecord } from '../src/advice/check/record.ts';
import { isOn, namesOf } from '../src/advice/distribution/components.ts';
import { playbookPlan } from '../src/advice/distribution/playbook.ts';
import { checkVars, factsOfVars, varsOf } from '../src/advice/distribution/vars.ts';
import { isKnown } from '../src/advice/watch/build.ts';
import { runningOf } from '../src/advice/watch/history.ts';
import { profileFrom, type Subscription, withFacts } from '../src/advice/watch/subscription.ts';
import { type Answer, Refusal } from '../src/answer.ts';
import { refuseAuthenticationService } from '../src/arguments/authentication-service.ts';
import { filesIn, readCheck } from '../src/arguments/check.ts';
import { readConfiguration } from '../src/arguments/configuration.ts';
import { readVarsWords } from '../src/arguments/distribution.ts';
import { type LookOutput, lookOutput, refuseStray, takeLook } from '../src/arguments/look.ts';
import { nearest } from '../src/arguments/nearest.ts';
import { isPlaybookVars, readPlaybookVars } from '../src/arguments/playbook-vars.ts';
import { newest, readVersion } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Asked, Command, Ports } from '../src/command.ts';
import type { GivenFile } from '../src/configuration/files.ts';
import { filesOfSkeleton } from '../src/configuration/skeleton.ts';
import { type Profile, writeTerm } from '../src/deployment/facts.ts';
import { compare, type Version } from '../src/deployment/version.ts';
import { checkWords, recordWords } from '../src/messages/check.ts';
import { lookWords, skeletonWords } from '../src/messages/check-scripts.ts';
import { varsWords } from '../src/messages/playbook-vars.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!check 1.98 1.163';

type CheckPorts = Pick<Ports, 'knowledge' | 'code' | 'distributions' | 'store' | 'now'>;

export const check = {
	name: 'check',
	usage: 'check [server] [from] [to] [facts… | look]',
	summary: 'what a release means for your homeserver.yaml',
	examples: ['check', 'check 1.163', 'check 1.98 1.163 docker', 'check example.org', 'check mdad 2025-06-01'],
	help: [
		`Send homeserver.yaml with ${code('!check')} as its caption, send it right before or after the command, or reply to the file with the command. You can also paste it after the command as a code block. Several files are checked together. In the terminal, use ${code('--file homeserver.yaml')} (repeatable, folders too).`,
		`One version is the target; two are the start and the target; ${code('from 1.98')} means from there to the newest release. Without a version, the target is the newest release.`,
		`Without a configuration, it answers with a script that prints yours without its values; ${code('!check example.org look')} gives you a script that prints only the IDs of the conditions that apply. Send back the output.`,
		`A ${code('vars.yml')} is checked against the newest revision of the playbook, and with a date (${code('!check mdad 2025-06-01')}) against everything that has changed since.`,
		`For a server that this room watches, I keep the results (facts, and which conditions apply) for ${code('!upgrade example.org')}, deadlines and alerts. I never repeat or keep your values.`,
	].join('\n\n'),
	changes: false,
	takesText: true,
	lacksText: text => {
		const { words, files } = readCheck(text);
		return files.length === 0 && !words.some(word => /^look$/i.test(word));
	},
	async run(asked, ports: CheckPorts) {
		const { knowledge, store } = ports;
		const { words: typed, files: own } = readCheck(asked.text);
		refuseAuthenticationService(typed, '!check 1.130 mas');
		const look = takeLook(typed);
		const pasted = [...own, ...(asked.quoted === undefined ? [] : filesIn(asked.quoted))];
		const given = [...(asked.files ?? []), ...pasted];
		const vars = given.filter(file => isPlaybookVars(file.text));
		if (vars.length) return checkPlaybook(typed, vars, asked.taken ?? [], ports);
		const output = look.printed
			? (look as LookOutput)
			: given.map(({ text }) => lookOutput(text)).find(one => one !== undefined);
		const { versions, terms, servers } = sortWords(look.rest, example, knowledge.systems);
		const [name, other] = servers;
		if (other !== undefined) throw new Refusal(`One server at a time. For example: ${code('!check example.org')}`);
		const server = name === undefined ? undefined : await store.watch(asked.room, name);
		const stated = server ? profileFrom(withFacts(server.facts, terms.map(writeTerm))) : readProfile(terms);
		const running = server && (await runningRelease(server, ports));
		const way = range(versions, look.rest, running, knowledge);
		const question: CheckQuestion = { ...way, stated, name, server };
		if (output) return byLook(output, question, asked, ports);
		if (given.length === 0) {
			const script = readFileSync(new URL('../knowledge/skeleton.py', import.meta.url), 'utf8');
			const sha256 = createHash('sha256').update(script).digest('hex');
			const install = stated.get('install')?.value;
			return skeletonWords({ script, sha256, install, name, isRoom: asked.room !== 'console' });
		}
		return byFiles({ given, isWhole: asked.files !== undefined && asked.files.length > 0 }, question, asked, ports);
	},
} satisfies Command;

type CheckQuestion = {
	from: Version | undefined;
	to: Version;
	taken: string[];
	stated: Profile;
	/** The server as named, and what this room knows about it, if the room watches it. */
	name: string | undefined;
	server: Subscription | undefined;
};

async function byFiles(
	{ given, isWhole }: { given: readonly GivenFile[]; isWhole: boolean },
	question: CheckQuestion,
	asked: Asked,
	ports: CheckPorts,
): Promise<Answer> {
	const { knowledge, code: tables } = ports;
	const { from, to, stated, taken } = question;
	const read = readConfiguration(given, stated, isWhole);
	const { configuration, profile } = read;
	const request = {
		configuration,
		profile,
		options: tables.options(),
		values: tables.values(),
		to,
		...(from && { from }),
		nearest,
	};
	const checked = decide(request, knowledge);
	const routes = read.proxy && checkProxy(read.proxy, configuration, tables.routes(), to);
	const record = () => {
		const isSkeleton = given.every(({ text }) => filesOfSkeleton(text) !== undefined);
		const by = isSkeleton ? 'skeleton' : configuration.excerpt ? 'excerpt' : 'files';
		const facts = read.derived.map(({ fact }) => fact);
		return recordOf(request, { day: dayOf(ports), by, facts }, knowledge);
	};
	const isBroken = configuration.unreadable.length > 0 || configuration.processes.length === 0;
	const kept = await keep(isBroken ? undefined : record, question, asked, ports);
	return checkWords(checked, {
		...read,
		taken: [...(asked.taken ?? []), ...taken, ...kept],
		...(routes && { routes }),
		...(question.server && { server: question.server.server }),
	});
}

/** Without output, returns the look script; with it, decides the conditions. */
async function byLook(
	{ printed, python }: LookOutput,
	question: CheckQuestion,
	asked: Asked,
	ports: CheckPorts,
): Promise<Answer> {
	const { knowledge, code: tables } = ports;
	const { from = '0.0.0', to, name } = question;
	const stated = withPython(question.stated, python);
	// Facts are compared later: people may state them between the script and its output.
	const conditions = askedByLook(knowledge, { from, to, profile: new Map() });
	if (printed.length === 0) {
		const template = readFileSync(new URL('../knowledge/look.py', import.meta.url), 'utf8');
		// Includes the releases, so that the output is decided for the same ones.
		const versions = question.from === undefined ? [to] : [question.from, to];
		const again = ['!check', ...(name === undefined ? [] : [name]), ...versions, 'look'].join(' ');
		const script = lookScript(template, conditions, tables.options());
		return lookWords(script, conditions.length, { again, install: stated.get('install')?.value });
	}
	refuseStray(printed, conditions, { from, to });
	const decided = decidedByLook(conditions, printed);
	const concerned = askedByLook(knowledge, { from, to, profile: stated });
	const checked = checkedByLook(concerned, decided, { ...(question.from && { from: question.from }), to });
	const facts = python !== undefined && stated !== question.stated ? [python] : [];
	const kept = await keep(
		() => recordOfLook({ day: dayOf(ports), facts }, conditions, decided),
		question,
		asked,
		ports,
	);
	return checkWords(checked, {
		derived: [],
		contradicted: [],
		profile: stated,
		taken: [...(asked.taken ?? []), ...question.taken, ...kept],
		configuration: {
			ignored: [],
			has: { main: true, worker: false, 'log-config': false },
			processes: [],
			unreadable: [],
		},
		...(question.server && { server: question.server.server }),
	});
}

/** Stores the results for a watched server, if the sender may change things. Returns what to say about it. */
async function keep(
	record: (() => CheckRecord) | undefined,
	{ name, server }: CheckQuestion,
	{ mayNotChange }: Asked,
	{ store, now }: CheckPorts,
): Promise<string[]> {
	if (name === undefined) return [];
	if (!server) return [recordWords({ server: name, not: 'unwatched' })];
	const no = mayNotChange?.();
	if (no !== undefined) return [recordWords({ server: name, not: no })];
	if (!record) return [recordWords({ server: name, not: 'unreadable' })];
	const made = record();
	await store.keepWatch({ ...server, checks: withRecord(server.checks ?? [], made) }, now());
	return [recordWords({ server: name, record: made })];
}

function dayOf({ now }: Pick<Ports, 'now'>): string {
	return now().toISOString().slice(0, 10);
}

/** The release that a watched server runs; undefined if that is not a known release. */
async function runningRelease(
	{ server, told }: Subscription,
	{ store, knowledge, now }: CheckPorts,
): Promise<Version | undefined> {
	const runs = runningOf((await store.server(server))?.history ?? [], told, now());
	return runs && isKnown(runs.version, knowledge.releases) ? runs.version : undefined;
}

/** Checks a vars.yml against the current playbook, and lists changes since the day given by the person or the file. */
async function checkPlaybook(
	words: readonly string[],
	files: readonly GivenFile[],
	found: readonly string[],
	{ knowledge, distributions, now }: CheckPorts,
) {
	const { renamed, playbook: live } = knowledge;
	const [playbook, table] = await Promise.all([distributions.mdad(), distributions.variables()]);
	const names = namesOf(playbook.entries, playbook.enabled, renamed);
	const today = now().toISOString().slice(0, 10);
	const setup = { playbook, names, commits: distributions.commits, today, newest: live ? today : playbook.read };
	const said = await readVarsWords(words, setup);
	const read = readPlaybookVars(files);
	const deployment = { stated: said.components, vars: varsOf(read.variables, read.isWhole) };
	const sources = { playbook, renamed, live };
	const allChanges = playbookPlan({ from: '2020-01-01', fromIsIn: true, to: today }, deployment, names, sources);
	const checked = checkVars(
		{
			...read,
			names,
			nearest,
			entries: allChanges.entries,
			where: { file: files[0]?.name ?? '', line: 1 },
			isOn: variable => onOrOff(isOn(variable, today, deployment, names, playbook)),
		},
		{ playbook, table, renamed },
	);
	const span = said.span ?? spanOf(read.variables, playbook.read);
	return varsWords(checked, {
		read: playbook.read,
		since: span && playbookPlan(span, deployment, names, sources),
		facts: factsOfVars(read.variables, names, read.isWhole),
		unreadable: read.unreadable,
		entries: playbook.entries,
		taken: [...found, ...said.taken],
		all: said.all,
		asked: ['check', ...words.filter(word => !/^all$/i.test(word))].join(' ').slice(0, 200),
	});
}

function onOrOff(state: boolean | 'default' | undefined): boolean | undefined {
	return state === 'default' ? true : state;
}

/** The span since the day up to which, according to the file, its owner has read; undefined if it does not say. */
function spanOf(variables: ReturnType<typeof readPlaybookVars>['variables'], to: string) {
	const word = variables.find(({ name }) => name === 'matrix_playbook_migration_validated_version')?.word;
	const [, year, month, day] = /^v(\d{4})\.(\d\d)\.(\d\d)\./.exec(word ?? '') ?? [];
	return year === undefined ? undefined : { from: `${year}-${month}-${day}`, fromIsIn: false, to };
}

/**
 * A single version is the target unless the words make it the start; without one, the target is the newest release.
 * `running`: what the server runs, which is the start unless another is given.
 */
function range(
	versions: readonly string[],
	words: readonly string[],
	running: Version | undefined,
	knowledge: Ports['knowledge'],
) {
	const isStart = versions.length === 1 && words.some(word => /^(from|newest|latest)$/i.test(word));
	const [first, second, extra] = isStart ? [...versions, newest(knowledge)] : versions;
	if (extra !== undefined)
		throw new Refusal(`Two versions are enough; ${quoted(extra)} is a third. For example: ${code(example)}`);
	const to = second ?? first;
	const target =
		to === undefined ? { version: newest(knowledge), note: undefined } : readVersion(to, 'target', knowledge);
	if (second === undefined || first === undefined) {
		const from = running !== undefined && compare(running, target.version) < 0 ? running : undefined;
		return { from, to: target.version, taken: [target.note].filter(note => note !== undefined) };
	}
	const start = readVersion(first, 'start', knowledge);
	if (compare(start.version, target.version) >= 0)
		throw new Refusal(
			`${start.version} is not older than ${target.version}. The older one comes first: ${code(example)}`,
		);
	const taken = [start.note, target.note].filter(note => note !== undefined);
	return { from: start.version, to: target.version, taken };
}

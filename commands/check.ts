// !check: what a configuration says about the deployment, and what a release, or a range of them, does to it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { check as decide } from '../src/advice/check/check.ts';
import { checkProxy } from '../src/advice/check/proxy.ts';
import { isOn, namesOf } from '../src/advice/distribution/components.ts';
import { playbookPlan } from '../src/advice/distribution/playbook.ts';
import { checkVars, factsOfVars, varsOf } from '../src/advice/distribution/vars.ts';
import { type Answer, Refusal } from '../src/answer.ts';
import { filesIn, readCheck } from '../src/arguments/check.ts';
import { readConfiguration } from '../src/arguments/configuration.ts';
import { readVarsWords } from '../src/arguments/distribution.ts';
import { takeLook } from '../src/arguments/look.ts';
import { nearest } from '../src/arguments/nearest.ts';
import { isPlaybookVars, readPlaybookVars } from '../src/arguments/playbook-vars.ts';
import { newest, readVersion } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import type { GivenFile } from '../src/configuration/files.ts';
import { compare } from '../src/deployment/version.ts';
import { checkWords, skeletonWords } from '../src/messages/check.ts';
import { varsWords } from '../src/messages/playbook-vars.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!check 1.98 1.163';

export const check = {
	name: 'check',
	usage: 'check [from] [to] [facts…]',
	summary: 'what your homeserver.yaml means for a release',
	examples: ['check', 'check 1.163', 'check 1.98 1.163 docker', 'check mdad 2025-06-01'],
	help: `Put the configuration behind the command as a code block, several files as several blocks; on the terminal say ${code('--file homeserver.yaml')} (repeatable, folders too). One version is the target, two are from and to (${code('from 1.98')}: to the newest), none is the newest. Without a configuration it answers with a script that prints yours without its values. No value of yours is repeated or kept. A ${code('vars.yml')} of the playbook is checked against its newest revision, and with a day (${code('!check mdad 2025-06-01')}) against all that it changed since.`,
	changes: false,
	takesText: true,
	lacksText: text => readCheck(text).files.length === 0 && takeLook(readCheck(text).words).printed === undefined,
	run({ text, files: given = [], quoted: said, taken: found = [] }, ports: CheckPorts): Answer | Promise<Answer> {
		const { knowledge, code: tables } = ports;
		const { words, files: own } = readCheck(text);
		const pasted = [...own, ...(said === undefined ? [] : filesIn(said))];
		const vars = [...given, ...pasted].filter(file => isPlaybookVars(file.text));
		if (vars.length) return checkPlaybook(words, vars, found, ports);
		const { versions, terms, servers } = sortWords(words, example, knowledge.systems);
		if (servers[0] !== undefined)
			throw new Refusal(
				`I cannot check ${quoted(servers[0])} by its name yet: put its configuration behind the command as a code block. ${code('!help check')} says how.`,
			);
		if (given.length + pasted.length === 0) {
			const script = readFileSync(new URL('../knowledge/skeleton.py', import.meta.url), 'utf8');
			const sha256 = createHash('sha256').update(script).digest('hex');
			return skeletonWords({ script, sha256, install: readProfile(terms).get('install')?.value });
		}
		const { from, to, taken } = range(versions, words, knowledge);
		const stated = readProfile(terms);
		const read = readConfiguration([...given, ...pasted], stated, given.length > 0);
		const { configuration, profile } = read;
		const question = { configuration, options: tables.options(), to, ...(from !== undefined && { from }), nearest };
		const checked = decide({ ...question, profile }, knowledge);
		const routes = read.proxy && checkProxy(read.proxy, configuration, tables.routes(), to);
		return checkWords(checked, { ...read, taken: [...found, ...taken], ...(routes && { routes }) });
	},
} satisfies Command;

type CheckPorts = Pick<Ports, 'knowledge' | 'code' | 'distributions' | 'now'>;

/** What a vars.yml says to the playbook as it is now, and what came since a day that was said or that it says itself. */
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
	const ever = playbookPlan({ from: '2020-01-01', fromIsIn: true, to: today }, deployment, names, sources);
	const checked = checkVars(
		{
			...read,
			names,
			nearest,
			entries: ever.entries,
			where: { file: files[0]?.name ?? '', line: 1 },
			isOn: variable => onOrOff(isOn(variable, today, deployment, names, playbook.enabled)),
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
	});
}

function onOrOff(state: boolean | 'default' | undefined): boolean | undefined {
	return state === 'default' ? true : state;
}

/** The file says itself up to which day its owner has read. */
function spanOf(variables: ReturnType<typeof readPlaybookVars>['variables'], to: string) {
	const word = variables.find(({ name }) => name === 'matrix_playbook_migration_validated_version')?.word;
	const [, year, month, day] = /^v(\d{4})\.(\d\d)\.(\d\d)\./.exec(word ?? '') ?? [];
	return year === undefined ? undefined : { from: `${year}-${month}-${day}`, fromIsIn: false, to };
}

/** One version is the target, unless it is said to be the start; without one it is the newest release. */
function range(versions: readonly string[], words: readonly string[], knowledge: Ports['knowledge']) {
	const isStart = versions.length === 1 && words.some(word => /^(from|newest|latest)$/i.test(word));
	const [first, second, extra] = isStart ? [...versions, newest(knowledge)] : versions;
	if (extra !== undefined)
		throw new Refusal(`Two versions are enough, and ${quoted(extra)} is a third. An example: ${code(example)}`);
	const to = second ?? first;
	const target =
		to === undefined ? { version: newest(knowledge), note: undefined } : readVersion(to, 'target', knowledge);
	if (second === undefined || first === undefined)
		return { from: undefined, to: target.version, taken: [target.note].filter(note => note !== undefined) };
	const start = readVersion(first, 'start', knowledge);
	if (compare(start.version, target.version) >= 0)
		throw new Refusal(
			`${start.version} is not older than ${target.version}. The older one comes first: ${code(example)}`,
		);
	const taken = [start.note, target.note].filter(note => note !== undefined);
	return { from: start.version, to: target.version, taken };
}

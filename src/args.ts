// How versions, facts and other words are read from what people typed: the one place for it.
import { distance } from 'fastest-levenshtein';
import { readBuild } from './advice/build.ts';
import { dayBegins } from './advice/hours.ts';
import { code, quoted } from './advice/markdown.ts';
import { memo } from './advice/memo.ts';
import { kindWords, readValue } from './advice/parameter.ts';
import type { Profile, Term } from './advice/profile.ts';
import { closedFacts, factWords, isClosed, isContradiction, isOpen, parseTerm, profileOf } from './advice/profile.ts';
import { isStable, stable } from './advice/release.ts';
import { parseServerName } from './advice/server-name.ts';
import type { Told } from './advice/spell.ts';
import type { Version } from './advice/version.ts';
import { compare, finalOf, isCandidate, isVersion, lineOf } from './advice/version.ts';
import { Refusal } from './command.ts';
import type { Guide, Knowledge, Release } from './knowledge/shape.ts';

/** Longer words are no typing errors of ours, and comparing them would take its time. */
const longestWord = 40;

/** The word nearest to what was typed, if it is near enough to be meant. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
	if (typed.length > longestWord) return undefined;
	const ranked = words
		.map(word => ({ word, far: distance(typed.toLowerCase(), word) }))
		.sort((a, b) => a.far - b.far || a.word.localeCompare(b.word));
	const best = ranked[0];
	return best && best.far <= Math.max(1, Math.floor(Math.min(typed.length, best.word.length) / 2))
		? best.word
		: undefined;
}

/** What the words of a command are: versions as typed, statements of facts, server names. */
export type Words = { versions: string[]; terms: Term[]; servers: string[] };

const versionWord = /^v?\d+(\.\d+)*[a-z]?(\.\d+)?([-.~]?rc\.?\d+)?([+~-][\w.+~-]*)?$/i;
const serverWord = /^(\[[0-9a-f:.]+\]|[a-z0-9-]+(\.[a-z0-9-]+)+)(:\d{1,5})?$|^[a-z0-9-]+:\d{1,5}$|^localhost$/i;
/** An IPv6 address without its brackets. */
const bareIpv6 = /^(?=.*:.*:)[0-9a-f:.]{2,45}$/i;
/** Only releases before 1.0 had four parts, and no server has an address that begins with 0. */
const ipv4Word = /^[1-9]\d{0,2}(\.\d{1,3}){3}$/;
/** Words that join others; without a second version the newest release is meant anyway. */
const joining = new Set([
	'to',
	'from',
	'->',
	'-->',
	'=>',
	'→',
	'..',
	'...',
	'–',
	'—',
	'-',
	'and',
	'with',
	'latest',
	'newest',
]);

/**
 * Sorts the words, or refuses the first that is none of them. A word is a version before it is a server's name.
 * `systems`: those that are facts besides the ones that this edition lists.
 */
export function sortWords(words: readonly string[], example: string, systems: readonly string[] = []): Words {
	const sorted: Words = { versions: [], terms: [], servers: [] };
	const together = words.join(' ').replace(/(\w) *= *(\w)/g, '$1=$2');
	for (const word of together.split(/\s+/).flatMap(apart)) {
		const small = word.toLowerCase();
		if (joining.has(small)) continue;
		const term = parseTerm(small, systems);
		if (ipv4Word.test(word) && parseServerName(word)) sorted.servers.push(word);
		else if (bareIpv6.test(word)) sorted.servers.push(`[${small}]`);
		else if (versionWord.test(word)) sorted.versions.push(word);
		else if (term?.operator === '=') sorted.terms.push(term);
		else if (term)
			throw new Refusal(
				`A fact has one value: write ${quoted(small.replace(/[<>]=?/, '='))} instead of ${quoted(word)}.`,
			);
		else if (serverWord.test(word)) sorted.servers.push(small);
		else throw new Refusal(unknownWord(word, example, systems));
	}
	return sorted;
}

/** `1.56->1.69`, `1.56→1.69`, `1.56..1.69`, `1.56,1.69` and `postgres = 14` fall apart, or together, as meant. */
function apart(word: string): string[] {
	const bare = trimmed(word, '"\'(', '"\'),;');
	const version = trimmed(bare, '`<', '`>.?!');
	return (/^v?\d+\.\d[\w.]*$/i.test(version) ? version : bare)
		.replace(/^(v?\d+\.\d+)\.[x*]$/i, '$1')
		.replace(/^(v?\d+\.\d[\w.]*)-(v?\d+\.\d)/i, '$1->$2')
		.split(/(?<!-)-+>|=>|→|,|;|\.{2,}|[–—]/)
		.filter(Boolean);
}

/** The word without these characters around it. A pattern with `+$` would begin again at each of them: quadratic time. */
function trimmed(word: string, before: string, after: string): string {
	let [start, end] = [0, word.length];
	while (start < end && before.includes(word.charAt(start))) start++;
	while (end > start && after.includes(word.charAt(end - 1))) end--;
	return word.slice(start, end);
}

function unknownWord(word: string, example: string, systems: readonly string[]): string {
	const meant = meantFact(word.toLowerCase(), systems);
	return `I do not know the fact ${quoted(word)}. ${meant ? `${meant} ` : ''}${code('!help facts')} lists them; an example: ${code(example)}`;
}

/** What an unknown word may have been meant for: a fact without its right value, or one that is spelled like it. */
function meantFact(word: string, systems: readonly string[]): string | undefined {
	const [name = '', value] = word.split(/[<>]?=/);
	if (isOpen(name)) return `Say ${code(name)}, or ${code(`no-${name}`)} to deny it.`;
	if (isClosed(name)) return `Its value is said like this: ${code(closedFacts[name].example)}.`;
	const denied = name.replace(/^no-/, '');
	if (denied !== name && parseTerm(denied)) return `Say what it is instead: only yes-or-no facts are denied.`;
	const known = [...factWords(), ...systems];
	const near = nearest(word, known) ?? nearest(name, known);
	const whole = near && value !== undefined && parseTerm(`${near}=${value}`) ? `${near}=${value}` : near;
	return whole && `Did you mean ${code(whole)}?`;
}

/** The statements as a profile; two values of one fact are refused. */
export function readProfile(terms: readonly Term[]): Profile {
	const profile = profileOf(terms);
	if (!isContradiction(profile)) return profile;
	const [first, second] = profile.stated;
	throw new Refusal(
		`${code(first)} and ${code(second)} contradict each other: a deployment has one value of ${code(profile.fact)}. Say only one of them.`,
	);
}

/** The newest release that is neither a candidate nor withdrawn. */
export function newest(knowledge: Pick<Knowledge, 'releases'>): Version {
	const last = stable(knowledge.releases).at(-1);
	if (!last) throw new Error('the knowledge has no release');
	return last.version;
}

/** The releases by their lines, candidates aside. */
const byLine = memo((releases: readonly Release[]) =>
	Map.groupBy(
		releases.filter(({ version }) => !isCandidate(version)),
		({ version }) => lineOf(version),
	),
);

/** A version as typed and what it was taken for; `note` says so when that is more than was typed. */
export type Meant = { version: Version; note?: string };

/**
 * A version that somebody typed. As a start, two parts mean the first release of that line; as a target or as what runs,
 * its newest patch release that was not withdrawn. Refuses what is unknown, naming what is known, and withdrawn targets.
 */
export function readVersion(
	typed: string,
	as: 'start' | 'target' | 'running',
	knowledge: Pick<Knowledge, 'releases'>,
): Meant {
	const small = typed.toLowerCase().replace(/^v/, '');
	// Packages have suffixes of their own, but `0.9.0-r5` was a release.
	const text = knowledge.releases.some(({ version }) => version === small)
		? small
		: (small.replace(/[-.~]?rc\.?(\d+)/, 'rc$1').split(/[+~-]/, 1)[0] ?? '');
	const [base = '', candidate] = text.split('rc');
	const inFull = /^\d+\.\d+$/.test(base) ? `${base}.0` : base;
	const full = candidate === undefined ? inFull : `${inFull}rc${Number(candidate)}`;
	if (/^\d+\.\d+$/.test(text)) {
		const line = byLine(knowledge.releases).get(text) ?? [];
		const found = as === 'start' ? line[0] : line.filter(isStable).at(-1);
		if (found?.version === full) return { version: full };
		const what = as === 'start' ? 'its first release' : 'its newest patch release';
		if (found) return { version: found.version, note: `${text} is taken as ${found.version}, ${what}.` };
	}
	const release = isVersion(full) ? knowledge.releases.find(({ version }) => version === full) : undefined;
	if (!release) {
		const next = isVersion(full) ? candidateOf(full, knowledge) : undefined;
		if (next === undefined) throw new Refusal(unknownVersion(typed, knowledge));
		return { version: next, note: `${full} is not out yet: ${next}, its newest candidate, stands for it.` };
	}
	if (!release.withdrawn) return { version: full };
	if (as !== 'target') return { version: full, note: `${full} was withdrawn by its makers.` };
	const next = stable(knowledge.releases).find(({ version }) => compare(version, full) > 0);
	throw new Refusal(
		`Synapse ${full} was withdrawn by its makers, so it is no target.${next ? ` Take ${code(next.version)} instead.` : ''}`,
	);
}

/** The newest candidate of a release that is not out yet. */
function candidateOf(version: Version, { releases }: Pick<Knowledge, 'releases'>): Version | undefined {
	return releases.findLast(other => isCandidate(other.version) && finalOf(other.version) === version)?.version;
}

function unknownVersion(typed: string, knowledge: Pick<Knowledge, 'releases'>): string {
	const last = newest(knowledge);
	const candidates = knowledge.releases
		.filter(({ version }) => compare(version, last) > 0)
		.map(({ version }) => version);
	const beyond = candidates.length ? ` (and its successor's candidates up to ${candidates.at(-1)})` : '';
	const versions = stable(knowledge.releases).map(({ version }) => version);
	const written = typed.replace(/^v/i, '');
	// A long text is no slip of the finger, and comparing it with each release would take its time.
	const near = written.length > longestWord ? undefined : versions.find(version => distance(version, written) === 1);
	const meant = near && near !== last ? ` Did you mean ${code(near)}?` : '';
	return `I do not know a Synapse release ${quoted(typed)}. The newest I know is ${last}${beyond}, the oldest ${versions[0]}.${meant}`;
}

/**
 * The releases that `!notes` speaks of: two parts mean all stable releases of that line, more mean that one. A candidate
 * has the notes of its final release; so has a line of which there are only candidates yet.
 */
export function linesOf(
	typed: string,
	knowledge: Pick<Knowledge, 'releases'>,
): { releases: Version[]; candidate?: Version } {
	const line = typed.toLowerCase().replace(/^v/, '');
	if (!/^\d+\.\d+$/.test(line)) {
		const { version } = readVersion(typed, 'start', knowledge);
		return { releases: [finalOf(version)], ...(isCandidate(version) && { candidate: version }) };
	}
	const own = byLine(knowledge.releases).get(line);
	if (own) return { releases: own.map(({ version }) => version) };
	const candidate = knowledge.releases.findLast(({ version }) => lineOf(version) === line)?.version;
	if (candidate === undefined) throw new Refusal(unknownVersion(typed, knowledge));
	return { releases: [finalOf(candidate)], candidate };
}

/** The name of a server that people would watch, in small letters; refuses what no server can be called. */
export function readServer(typed: string): string {
	const name = parseServerName(typed.toLowerCase());
	if (!name)
		throw new Refusal(`${quoted(typed)} is no name of a homeserver. An example: ${code('!watch example.org')}`);
	return name.name;
}

const spans: Record<string, number> = { h: 1, d: 24, w: 7 * 24 };

/** Until when reminders wait: a moment (ISO 8601, UTC), or a release. `rest` are the words after it. */
export function readSnooze(
	words: readonly string[],
	now: Date,
	zone: string,
): { until: { until: string } | { version: Version }; rest: string[] } {
	const example = `${code('!snooze 7d')}, ${code('!snooze 2w 12')}, ${code('!snooze until 2027-01-15')} or ${code('!snooze until 1.170')}`;
	const [first = '', second = '', ...more] = words.map(word => word.toLowerCase());
	const [, number, unit = ''] = /^(\d{1,3})([hdw])$/.exec(first) ?? [];
	if (number !== undefined) {
		const hours = Number(number) * (spans[unit] ?? 1);
		if (hours === 0 || hours > 366 * 24) throw new Refusal(`Between an hour and a year: ${example}`);
		const until = new Date(now.getTime() + hours * 3600_000).toISOString();
		return { until: { until }, rest: words.slice(1) };
	}
	if (first === 'until') {
		const rest = more.length ? words.slice(2) : [];
		if (/^\d{4}-\d\d-\d\d$/.test(second)) {
			const named = Date.parse(second);
			if (Number.isNaN(named) || new Date(named).toISOString().slice(0, 10) !== second)
				throw new Refusal(`${quoted(second)} is no day of the calendar.`);
			const at = dayBegins(second, zone);
			if (at <= now) throw new Refusal(`${quoted(second)} has passed. ${example}`);
			return { until: { until: at.toISOString() }, rest };
		}
		const release = second.replace(/^v/, '').replace(/^\d+\.\d+$/, '$&.0');
		if (isVersion(release)) return { until: { version: release }, rest };
	}
	throw new Refusal(`Until when? ${example}`);
}

/** The numbers of alerts, as `12` or `#12`; refuses what is none. */
export function readNumbers(words: readonly string[]): number[] {
	return words
		.flatMap(word => word.split(','))
		.filter(Boolean)
		.map(word => {
			const [, number] = /^#?(\d{1,6})$/.exec(word) ?? [];
			if (number === undefined)
				throw new Refusal(`${quoted(word)} is no number of an alert. ${code('!alerts')} shows them.`);
			return Number(number);
		});
}

/** The words without `version=1.150`, and what that says of the release that runs. */
export function takeVersion(
	words: readonly string[],
	knowledge: Pick<Knowledge, 'releases'>,
): { running?: Omit<Told, 'at'>; rest: string[] } {
	const isVersionWord = (word: string) => /^version=/i.test(word);
	const typed = words.filter(isVersionWord);
	const rest = words.filter(word => !isVersionWord(word));
	const [first, second] = typed;
	if (first === undefined) return { rest };
	if (second !== undefined) throw new Refusal('A server runs one version: say only one of them.');
	const told = first.slice('version='.length);
	const { version } = readVersion(told, 'running', knowledge);
	// A package or a build from a branch is no less one because a person tells of it. Two parts mean the newest patch.
	const read = /^v?\d+\.\d+$/i.test(told) ? undefined : readBuild(told);
	const build = read?.version === version ? read.build : undefined;
	return { running: { version, ...(build && { build, written: told }) }, rest };
}

/** The open alerts that somebody means: by number, by what he replies to, or the only one there is. */
export function chosen<One extends { number: number }>(
	open: readonly One[],
	numbers: readonly number[],
	here: readonly One[],
	example: string,
): One[] {
	if (!open.length) throw new Refusal('Nothing is open in this room.');
	const missing = numbers.find(number => !open.some(one => one.number === number));
	if (missing !== undefined)
		throw new Refusal(`There is no open alert #${missing} in this room. ${code('!alerts')} shows what is open.`);
	if (numbers.length) return open.filter(({ number }) => numbers.includes(number));
	if (here.length) return open.filter(({ number }) => here.some(one => one.number === number));
	if (open.length === 1) return [...open];
	throw new Refusal(
		`Which one? ${open.length} are open: reply to the alert, or say its number, like ${code(example)}. ${code('!alerts')} shows them.`,
	);
}

/** The words of a guide without `start`; `asked` leaves out as well what only concerns the form of the answer. */
export function takeStart(words: readonly string[]): { begin: boolean; rest: string[]; asked: string } {
	const rest = words.filter(word => !/^start[.!]?$/i.test(word));
	const asked = rest.filter(word => !/^(file|markdown)$/i.test(word)).join(' ');
	return { begin: rest.length < words.length, rest, asked };
}

/**
 * The values that somebody states for a guide's parameters (`dbname=matrix`, `way=dump`, or a bare `managed` that is a
 * value of one of them), and the words that are left. Refuses a value that the parameter does not take, or two of one.
 */
export function takeParameters(
	words: readonly string[],
	guide: Pick<Guide, 'parameters' | 'ways'>,
): { stated: Map<string, string>; rest: string[] } {
	const ways = { name: 'way', means: 'the way', values: guide.ways.map(({ id }) => id) };
	const parameters = [ways, ...guide.parameters.filter(({ derived }) => !derived)];
	const stated = new Map<string, string>();
	const rest: string[] = [];
	for (const word of words) {
		const [, name = '', typed = ''] = /^([a-z][a-z0-9-]*)=(.*)$/i.exec(word) ?? [];
		const bare = parameters.filter(({ values }) => values?.includes(word.toLowerCase()));
		const only = bare.length === 1 && !parseTerm(word.toLowerCase()) ? bare[0] : undefined;
		const parameter = parameters.find(other => other.name === name.toLowerCase()) ?? only;
		if (!parameter) {
			rest.push(word);
			continue;
		}
		const value = readValue(parameter, only === parameter ? word : typed);
		if (value === undefined) throw new Refusal(unfitting(parameter, typed));
		const before = stated.get(parameter.name);
		if (before !== undefined && before !== value)
			throw new Refusal(`${code(parameter.name)} has one value: say ${quoted(before)} or ${quoted(value)}.`);
		stated.set(parameter.name, value);
	}
	return { stated, rest };
}

function unfitting(
	{ name, values, kind }: Pick<Guide['parameters'][number], 'name' | 'values' | 'kind'>,
	typed: string,
) {
	const expected = values ? values.map(value => code(`${name}=${value}`)).join(' or ') : kind && kindWords[kind];
	return `${quoted(typed)} cannot stand for ${code(name)}. Say ${expected}.`;
}

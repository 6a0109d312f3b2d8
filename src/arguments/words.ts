// Sorts what people type into versions, servers and facts.
import { Refusal } from '../answer.ts';
import type { Profile, Term } from '../deployment/facts.ts';
import {
	closedFacts,
	factWords,
	isClosed,
	isContradiction,
	isOpen,
	parseTerm,
	profileOf,
} from '../deployment/facts.ts';
import { parseServerName } from '../deployment/server-name.ts';
import { enumerate } from '../text/format.ts';
import { code, quoted } from '../text/markdown.ts';
import { nearest } from './nearest.ts';
import { isAddress, respelled } from './spellings.ts';

/** The words of a command: versions as typed, statements of facts, server names. */
export type ParsedWords = {
	versions: string[];
	terms: Term[];
	servers: string[];
	/** Sentences that say how words were understood, if that is more than a different spelling. */
	taken: string[];
};

const versionWord = /^v?\d+(\.\d+)*[a-z]?(\.\d+)?([-.~]?rc\.?\d+)?([+~-][\w.+~-]*)?$/i;

const serverWord = /^(\[[0-9a-f:.]+\]|[a-z0-9-]+(\.[a-z0-9-]+)+)(:\d{1,5})?$|^[a-z0-9-]+:\d{1,5}$|^localhost$/i;

/** An IPv6 address without brackets. */
const bareIpv6 = /^(?=.*:.*:)[0-9a-f:.]{2,45}$/i;

/** Only releases before 1.0 had four parts, and no server's address begins with 0. */
const ipv4Word = /^[1-9]\d{0,2}(\.\d{1,3}){3}$/;

/** Filler words; without a second version the newest release is meant anyway. */
export const joiningWords: ReadonlySet<string> = new Set([
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
	'synapse',
	'matrix-synapse',
	'using',
	'on',
]);

/**
 * Sorts the words, or refuses the first unknown one. Versions are tried before server names. `systems`: systems known
 * in addition to those that this edition lists.
 */
export function sortWords(words: readonly string[], example: string, systems: readonly string[] = []): ParsedWords {
	// People also write `postgres = 14`.
	const together = words.join(' ').replace(/(\w) *= *(\w)/g, '$1=$2');
	const spelled = respelled(together.split(/\s+/).flatMap(word => (isAddress(word) ? [word] : apart(word))));
	const sorted: ParsedWords = { versions: [], terms: [], servers: [], taken: spelled.taken };
	for (const word of spelled.words) {
		const small = word.toLowerCase();
		if (joiningWords.has(small)) continue;
		const term = parseTerm(small, systems);
		if (ipv4Word.test(word) && parseServerName(word)) sorted.servers.push(word);
		else if (bareIpv6.test(word)) sorted.servers.push(`[${small}]`);
		else if (versionWord.test(word)) sorted.versions.push(word);
		else if (term?.operator === '=') sorted.terms.push(term);
		else if (term) throw new Refusal(notARange(word));
		else if (serverWord.test(word)) sorted.servers.push(small);
		else throw new Refusal(unknownWord(word, example, systems));
	}
	return sorted;
}

/** Splits `1.56->1.69`, `1.56→1.69`, `1.56..1.69` and `1.56,1.69`, without the punctuation around them. */
function apart(word: string): string[] {
	const bare = trimmed(word, '"\'(', '"\'),;');
	const version = trimmed(bare, '`<', '`>.?!');
	return (/^v?\d+\.\d[\w.]*$/i.test(version) ? version : bare)
		.replace(/^(v?\d+\.\d+)\.[x*]$/i, '$1')
		.replace(/^(v?\d+\.\d[\w.]*)-(v?\d+\.\d)/i, '$1->$2')
		.split(/(?<!-)-+>|=>|→|,|;|\.{2,}|[–—]/)
		.filter(Boolean);
}

/** The word without these characters around it. A pattern with `+$` would restart at each of them: quadratic time. */
function trimmed(word: string, before: string, after: string): string {
	let [start, end] = [0, word.length];
	while (start < end && before.includes(word.charAt(start))) start++;
	while (end > start && after.includes(word.charAt(end - 1))) end--;
	return word.slice(start, end);
}

function unknownWord(word: string, example: string, systems: readonly string[]): string {
	const meant = meantFact(word.toLowerCase(), systems);
	return `I do not recognise the fact ${quoted(word)}. ${meant ? `${meant} ` : ''}${code('!help facts')} lists all facts. For example: ${code(example)}`;
}

/** What an unknown word may mean: a fact with an invalid value, or one that is spelled similarly. */
function meantFact(word: string, systems: readonly string[]): string | undefined {
	const [name = '', value] = word.split(/[<>]?=/);
	if (isOpen(name)) return `Say ${code(name)}, or ${code(`no-${name}`)} to negate it.`;
	if (name === 'os')
		return `I know ${enumerate(systemFamilies())}. Write it like this: ${code(closedFacts.os.example)}.`;
	if (isClosed(name)) return `Write its value like this: ${code(closedFacts[name].example)}.`;
	const denied = name.replace(/^no-/, '');
	if (denied !== name && parseTerm(denied)) return `Say what it is instead: you can only negate yes-or-no facts.`;
	const known = [...factWords(), ...systems];
	const near = nearest(word, known) ?? nearest(name, known);
	const whole = near && value !== undefined && parseTerm(`${near}=${value}`) ? `${near}=${value}` : near;
	return whole && `Did you mean ${code(whole)}?`;
}

/** The systems that are facts, by family: “`rhel-8` to `rhel-10`”. */
function systemFamilies(): string[] {
	const families = Map.groupBy(closedFacts.os.values, system => system.slice(0, system.indexOf('-')));
	return [...families.values()].map(family => `${code(family[0] ?? '')} to ${code(family.at(-1) ?? '')}`);
}

/** The statements as a profile; refuses two values of one fact. */
export function readProfile(terms: readonly Term[]): Profile {
	const profile = profileOf(terms);
	if (!isContradiction(profile)) return profile;
	const [first, second] = profile.stated;
	if (first.startsWith('os=') && profile.fact === 'install')
		throw new Refusal(
			`${code(first)} and ${code(second)} contradict each other: those packages are for Debian and Ubuntu. Say another way to install, for example ${code('pip')} or ${code('docker')}, or leave it out.`,
		);
	throw new Refusal(
		`${code(first)} and ${code(second)} contradict each other: a deployment can have only one value for ${code(profile.fact)}. Give only one.`,
	);
}

/** Why `postgres<14` says nothing about a deployment. */
export function notARange(word: string): string {
	return `A fact has only one value: write ${quoted(word.toLowerCase().replace(/[<>]=?/, '='))} instead of ${quoted(word)}.`;
}

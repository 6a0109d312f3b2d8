// The facts in a text: what must survive a rewording.
import { parse } from 'yaml';

/** Facts by entry: `knowledge/synapse/notes/1.66.0.yaml email-delegation` → `option email.smtp_host`, `number 30` … */
export type FactsByEntry = ReadonlyMap<string, ReadonlySet<string>>;

/** How an entry differs; an entry that is missing on one side has all its facts on the other. */
export type Difference = { entry: string; lost: string[]; added: string[] };

const words = 'two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|sixty|hundred|thousand';

/** In this order: later patterns do not see what an earlier one matched. */
const patterns: readonly (readonly [string, RegExp])[] = [
	['code', /`+([^`\n]+)`+/g],
	['link', /https?:\/\/[^\s)>\]"”]+/g],
	['advisory', /\b(?:CVE-\d{4}-\d+|GHSA(?:-\w{4}){3})\b/g],
	['date', /\b\d{4}-\d{2}(?:-\d{2})?\b/g],
	['version', /\b\d+(?:\.\d+)+(?:rc\d+)?\b/g],
	['proposal', /\bMSC\d+\b/g],
	['number', /\d+(?:,\d{3})*/g],
	['number', new RegExp(`\\b(?:${words})\\b`, 'gi')],
];

/** The facts of a Markdown text: lines of code blocks, code spans, links, versions, numbers. */
export function factsOf(markdown: string): Set<string> {
	const facts = new Set<string>();
	let rest = markdown.replace(/^( *)(`{3,}|~{3,}).*\n([\s\S]*?)^\1\2/gm, (_, indent, __, block: string) => {
		for (const line of block.split('\n')) if (line.trim()) facts.add(`line ${line.slice(indent.length)}`);
		return ' ';
	});
	for (const [kind, pattern] of patterns) {
		rest = rest.replace(pattern, (whole, inner) => {
			const fact = typeof inner === 'string' ? inner : whole;
			facts.add(`${kind} ${kind === 'number' ? fact.toLowerCase() : fact}`);
			return ' ';
		});
	}
	return facts;
}

/** Fields whose text is typed, matched or upstream's: every line counts literally. */
const verbatim = /(?:^|\.)(?:commands|lines|diff|file\.text|shows|errors|symptoms|words|covers\.\w+|failures\.text)$/;

/** The facts of each entry of a YAML file: every value that is not prose, and the facts in prose. */
export function factsByEntry(path: string, yaml: string): Map<string, Set<string>> {
	const found = new Map<string, Set<string>>();
	const visit = (value: unknown, entry: string, field: string): void => {
		if (Array.isArray(value)) {
			for (const item of value) visit(item, entry, field);
			return;
		}
		if (typeof value === 'object' && value !== null) {
			const { id } = value as { id?: unknown };
			const inner = typeof id === 'string' ? `${entry} ${id}` : entry;
			for (const [key, part] of Object.entries(value)) visit(part, inner, field ? `${field}.${key}` : key);
			return;
		}
		const facts = found.get(entry) ?? new Set();
		found.set(entry, facts);
		if (typeof value !== 'string' || !value.includes(' ')) facts.add(`${field} ${value}`);
		else if (verbatim.test(field)) for (const line of value.split('\n')) facts.add(`line ${line}`);
		else for (const fact of factsOf(value)) facts.add(fact);
	};
	visit(parse(yaml), path, '');
	return found;
}

/** What differs between two states, by entry. */
export function compareFacts(before: FactsByEntry, after: FactsByEntry): Difference[] {
	const none: ReadonlySet<string> = new Set();
	return [...new Set([...before.keys(), ...after.keys()])].flatMap(entry => {
		const [old, current] = [before.get(entry) ?? none, after.get(entry) ?? none];
		const lost = [...old].filter(fact => !current.has(fact));
		const added = [...current].filter(fact => !old.has(fact));
		return lost.length || added.length ? [{ entry, lost, added }] : [];
	});
}

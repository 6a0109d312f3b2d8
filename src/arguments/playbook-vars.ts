// Parses a playbook's `vars.yml` as Ansible does: which variables are set, and which of them are plainly on or off.
import type { VariableRead } from '../advice/distribution/vars.ts';
import { Refusal } from '../answer.ts';
import type { GivenFile } from '../configuration/files.ts';
import { parseYaml, type Value } from '../configuration/yaml.ts';
import { code } from '../text/markdown.ts';

export type PlaybookVars = {
	variables: VariableRead[];
	duplicates: { name: string; file: string; line: number; first: number }[];
	/** Names that occur inside other values, where they are used. */
	mentioned: ReadonlySet<string>;
	/** Names that templates in values require. */
	used: { name: string; in: string; file: string; line: number }[];
	/** Whether the files appear to be complete, so that nothing is set elsewhere. */
	isWhole: boolean;
	unreadable: { file: string; line?: number; why: string }[];
};

const telling =
	/^(?:matrix_(?:domain|server_fqn_\w+|homeserver_\w+|playbook_\w+|synapse_\w+|bridge_\w+)|devture_\w+) *:/m;

/** Whether a text is a `vars.yml` of the playbook: it sets its variables, and is not a `homeserver.yaml`. */
export function isPlaybookVars(text: string): boolean {
	return telling.test(text) && !/^server_name *:/m.test(text);
}

/** Throws a Refusal that names a file beyond our limits. */
export function readPlaybookVars(files: readonly GivenFile[]): PlaybookVars {
	const read: PlaybookVars = {
		variables: [],
		duplicates: [],
		mentioned: new Set(),
		used: [],
		isWhole: false,
		unreadable: [],
	};
	const mentioned = new Set<string>();
	for (const { name: file, text } of files) {
		// Ansible's own tags mark encrypted values and non-templates; removing them keeps the line numbers.
		const plain = text.replace(/^( *[\w-]+ *:|\s*-) +!(?:vault|unsafe)(?=\s)/gm, '$1');
		const parsed = parseYaml(plain, file, undefined, 'libyaml');
		if ('why' in parsed) {
			const { why, line, limit } = parsed;
			if (limit) throw new Refusal(`${code(line === undefined ? file : `${file}:${line}`)}: ${why}`);
			read.unreadable.push({ file, ...(line !== undefined && { line }), why: why.replace('Synapse', 'Ansible') });
			continue;
		}
		const [root] = parsed.documents;
		if (root?.kind !== 'mapping') continue;
		for (const { path, file: of, line, first } of parsed.duplicates)
			if (/^\w+$/.test(path)) read.duplicates.push({ name: path, file: of, line, first });
		const raw = rawNames(text);
		for (const { key, line, value } of root.entries) {
			read.variables.push({ name: key, file, line, ...stateOf(value) });
			if (!raw.has(key)) for (const name of usedIn(value)) read.used.push({ name, in: key, file, line });
		}
		for (const [, name = ''] of plain.matchAll(/\b([a-z]\w*_\w+)\b(?! *:)/g)) mentioned.add(name);
	}
	const isWhole = read.variables.some(({ name }) => name === 'matrix_domain' || name === 'hostname_identity');
	return { ...read, mentioned, isWhole };
}

/** Variables whose value is encrypted or not a template. */
function rawNames(text: string): Set<string> {
	return new Set([...text.matchAll(/^([\w-]+) *: +!(?:vault|unsafe)\b/gm)].map(([, name = '']) => name));
}

/** How much of a value is searched for templates (characters). */
const maxTemplate = 20_000;

/** The names that a value's templates use, except those with a default. */
function usedIn(value: Value): Set<string> {
	const found = new Set<string>();
	const open = [value];
	// Visit an anchored value once, however often it is used.
	const seen = new Set<Value>();
	for (let next = open.pop(); next; next = open.pop()) {
		if (seen.has(next)) continue;
		seen.add(next);
		if (next.kind === 'mapping') open.push(...next.entries.map(entry => entry.value));
		else if (next.kind === 'list') open.push(...next.items);
		else if (next.kind === 'string') for (const name of namesInTemplates(next.value)) found.add(name);
	}
	return found;
}

function namesInTemplates(text: string): string[] {
	return text
		.slice(0, maxTemplate)
		.split(/\{\{|\{%/)
		.slice(1)
		.flatMap(part => {
			const expression = part.split(/\}\}|%\}/)[0] ?? '';
			const bare = expression.replace(/'[^']*'|"[^"]*"/g, "''");
			// Members and filters are not variables, and names with a default may be unset.
			const used = bare.matchAll(
				/(?<![\w.])(?<!\| {0,3})([a-z]\w*_\w+)(?!\w)(?! {0,3}(?:\(|=(?!=)|\| {0,3}default\b))/g,
			);
			const asked = new Set([...bare.matchAll(/(\w+) is (?:not )?defined\b/g)].map(([, name]) => name));
			return [...used].flatMap(([, name = '']) => (asked.has(name) ? [] : [name]));
		});
}

function stateOf(value: Value): Pick<VariableRead, 'value' | 'word' | 'isEmpty'> {
	if (value.kind === 'boolean') return { value: value.value, isEmpty: false };
	if (value.kind === 'null') return { value: 'set', isEmpty: true };
	if (value.kind !== 'string') return { value: 'set', isEmpty: false };
	const text = value.value.trim();
	// Ansible treats these words as booleans, even in quotes.
	if (/^(?:true|yes|on)$/i.test(text)) return { value: true, isEmpty: false };
	if (/^(?:false|no|off)$/i.test(text)) return { value: false, isEmpty: false };
	return { value: 'set', isEmpty: text === '', ...(/^v?[a-z0-9][a-z0-9.-]{0,30}$/.test(text) && { word: text }) };
}

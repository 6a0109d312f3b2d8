// A `vars.yml` of the playbook as Ansible reads it: which variables are set, and which of them are plainly on or off.
import type { VariableRead } from '../advice/distribution/vars.ts';
import { Refusal } from '../answer.ts';
import type { GivenFile } from '../configuration/files.ts';
import { parseYaml, type Value } from '../configuration/yaml.ts';
import { code } from '../text/markdown.ts';

export type PlaybookVars = {
	variables: VariableRead[];
	duplicates: { name: string; file: string; line: number; first: number }[];
	/** Names that stand inside other values: somebody reads them there. */
	mentioned: ReadonlySet<string>;
	/** Whether what is not set here is set nowhere. */
	isWhole: boolean;
	unreadable: { file: string; line?: number; why: string }[];
};

const telling =
	/^(?:matrix_(?:domain|server_fqn_\w+|homeserver_\w+|playbook_\w+|synapse_\w+|bridge_\w+)|devture_\w+) *:/m;

/** Whether a text is the playbook's: it sets variables of it, and is no `homeserver.yaml`. */
export function isPlaybookVars(text: string): boolean {
	return telling.test(text) && !/^server_name *:/m.test(text);
}

/** A Refusal says which file goes beyond our limits. */
export function readPlaybookVars(files: readonly GivenFile[]): PlaybookVars {
	const read: PlaybookVars = { variables: [], duplicates: [], mentioned: new Set(), isWhole: false, unreadable: [] };
	const mentioned = new Set<string>();
	for (const { name: file, text } of files) {
		// Ansible's own tags say that a value is encrypted or no template; they leave the lines as they are.
		const plain = text.replace(/^( *[\w-]+ *:|\s*-) +!(?:vault|unsafe)(?=\s)/gm, '$1');
		const parsed = parseYaml(plain, file);
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
		for (const { key, line, value } of root.entries) read.variables.push({ name: key, file, line, ...stateOf(value) });
		for (const [, name = ''] of plain.matchAll(/\b([a-z]\w*_\w+)\b(?! *:)/g)) mentioned.add(name);
	}
	const isWhole = read.variables.some(({ name }) => name === 'matrix_domain' || name === 'hostname_identity');
	return { ...read, mentioned, isWhole };
}

function stateOf(value: Value): Pick<VariableRead, 'value' | 'word' | 'isEmpty'> {
	if (value.kind === 'boolean') return { value: value.value, isEmpty: false };
	if (value.kind === 'null') return { value: 'set', isEmpty: true };
	if (value.kind !== 'string') return { value: 'set', isEmpty: false };
	const text = value.value.trim();
	// Ansible takes these words for booleans, in quotes too.
	if (/^(?:true|yes|on)$/i.test(text)) return { value: true, isEmpty: false };
	if (/^(?:false|no|off)$/i.test(text)) return { value: false, isEmpty: false };
	return { value: 'set', isEmpty: text === '', ...(/^v?[a-z0-9][a-z0-9.-]{0,30}$/.test(text) && { word: text }) };
}

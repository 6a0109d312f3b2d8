// Reads the schema of Synapse's configuration (from 1.132 on): option → the default and the type that it documents.
import { parse } from 'yaml';

type Node = {
	$ref?: string;
	type?: string | string[];
	default?: unknown;
	properties?: Record<string, Node>;
	patternProperties?: Record<string, Node>;
	additionalProperties?: Node | boolean;
	items?: Node;
	oneOf?: Node[];
	anyOf?: Node[];
	allOf?: Node[];
};

const kinds: Record<string, string> = {
	object: 'mapping',
	array: 'list',
	string: 'string',
	boolean: 'boolean',
	integer: 'integer',
	number: 'number',
};

/** Paths as in the code: `listeners[].type`, `instance_map.*.port`, a name with a dot in quotes. */
export function documentedDefaults(text: string): Map<string, { default?: unknown; type?: string | string[] }> {
	const root = parse(text) as Node & { $defs?: Record<string, Node> };
	const found = new Map<string, { default?: unknown; type?: string | string[] }>();
	const resolved = (node: Node): Node => {
		const { $ref, ...own } = node;
		const target = $ref === undefined ? undefined : root.$defs?.[$ref.split('/').at(-1) ?? ''];
		return target ? { ...resolved(target), ...own } : node;
	};
	const walk = (given: Node, path: string, depth: number): void => {
		if (depth > 12) return;
		const node = resolved(given);
		for (const [name, inner] of Object.entries(node.properties ?? {})) {
			const key = `${path}${path ? '.' : ''}${name.includes('.') ? JSON.stringify(name) : name}`;
			const child = resolved(inner);
			const type = typeOf(child);
			found.set(key, {
				...('default' in child && { default: child.default }),
				...(type !== undefined && { type }),
			});
			walk(child, key, depth + 1);
		}
		if (node.items) walk(node.items, `${path}[]`, depth + 1);
		for (const inner of Object.values(node.patternProperties ?? {})) walk(inner, `${path}.*`, depth + 1);
		if (typeof node.additionalProperties === 'object') walk(node.additionalProperties, `${path}.*`, depth + 1);
		for (const inner of [...(node.oneOf ?? []), ...(node.anyOf ?? []), ...(node.allOf ?? [])])
			walk(inner, path, depth + 1);
	};
	walk(root, '', 0);
	return found;
}

function typeOf({ type }: Node): string | string[] | undefined {
	const names = [type ?? []].flat().flatMap(name => kinds[name] ?? []);
	return names.length > 1 ? names : names[0];
}

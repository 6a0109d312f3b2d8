// The options of the code against the schema of the configuration: every difference is explained, and nothing else.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type OptionState, schemaFile } from '../../src/configuration/options.ts';
import { documentedFileShape } from '../../src/knowledge/code-reading.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const { differences } = documentedFileShape.parse(
	parse(readFileSync(new URL('synapse/code/documented.yaml', folder), 'utf8')),
);

/** How code and schema differ on one option in one release. */
function differenceOf(state: OptionState): string[] {
	if (state.file === schemaFile) return ['unread'];
	if (state.undocumented) return ['undocumented'];
	const [code, schema] = [[state.type ?? []].flat(), [state.documentedType ?? []].flat()];
	const fits = (kind: string) =>
		schema.includes(kind) ||
		((kind === 'duration' || kind === 'size') && schema.includes('string')) ||
		(kind === 'integer' && schema.includes('number'));
	return [
		...('documented' in state && 'default' in state ? ['default'] : []),
		...(code.length && schema.length && !code.every(fits) ? ['type'] : []),
	];
}

test('explains every difference between code and schema, without unneeded explanations', () => {
	const patterns = differences.map(({ of, option }) => ({ of, option, whole: new RegExp(`^(?:${option})$`) }));
	const used = new Set<unknown>();
	const unexplained = new Set<string>();
	let documented = 0;
	for (const { key, changes } of openCode(folder).options().byPath.values()) {
		for (const [, state] of changes) {
			if (!state) continue;
			if (state.documentedType) documented++;
			for (const difference of differenceOf(state)) {
				const found = patterns.find(({ of, whole }) => of === difference && whole.test(key));
				if (found) used.add(found);
				else unexplained.add(`${difference} ${key}`);
			}
		}
	}
	expect(documented).toBeGreaterThan(400);
	expect([...unexplained]).toEqual([]);
	expect(patterns.filter(pattern => !used.has(pattern)).map(({ option }) => option)).toEqual([]);
	for (const { because } of differences) expect(because.length).toBeGreaterThan(10);
});

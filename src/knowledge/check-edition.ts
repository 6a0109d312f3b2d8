// Checks an edition that someone else published, and compiles it for the bot to open.
import type { z } from 'zod';
import { tableFile, tables } from './code-tables.ts';
import { compile } from './compiled.ts';
import { folderAt } from './folder.ts';
import { readDistributions } from './read-distributions.ts';
import { tableShapes } from './schema/code.ts';
import { generatedShapes } from './schema/distribution.ts';

/** `mistakes` in the order found; if empty, the edition is compiled and ready to open. */
export type CheckedEdition = { mistakes: string[] };

/** Checks and compiles the files below `folder`. Rejects if the file system fails, never because of their content. */
export async function checkEdition(folder: URL): Promise<CheckedEdition> {
	const { text } = folderAt(folder);
	const missing = generated.filter(name => text(name) === undefined).map(absent);
	const mistakes = [...missing, ...shapes.flatMap(([name, shape]) => shapeMistakes(name, shape, text(name)))];
	for (const check of [() => compile(folder), () => readDistributions(folder)])
		try {
			await check();
		} catch (error) {
			if (isSystemError(error)) throw error;
			const [, ...lines] = (error instanceof Error ? error.message : String(error)).split('\n');
			mistakes.push(...(lines.length ? lines : [String(error)]));
		}
	return { mistakes };
}

/** Without these, the rules would have little to check. */
const generated = [
	'synapse/releases.json',
	'synapse/upstream.json',
	'distributions/mdad/upstream.json',
	'distributions/ess/upstream.json',
];

/** Files that are not compiled, but read as they are when an answer needs them. */
const shapes: readonly (readonly [name: string, shape: z.ZodType])[] = [
	...([...tables, 'values'] as const).map(name => [tableFile(name), tableShapes[name]] as const),
	...Object.entries(generatedShapes).map(([name, shape]) => [`distributions/${name}.json`, shape] as const),
];

function absent(name: string): string {
	return `${name} is missing`;
}

function shapeMistakes(name: string, shape: z.ZodType, json: string | undefined): string[] {
	if (json === undefined) return [absent(name)];
	try {
		const read = shape.safeParse(JSON.parse(json));
		if (read.success) return [];
		const [issue] = read.error.issues;
		return [`${name} ${issue?.path.map(String).join('.')}: ${issue?.message}`];
	} catch (error) {
		// A list that is nested too deeply ends in a RangeError.
		return [`${name} is ${error instanceof SyntaxError ? 'not JSON' : 'malformed'}`];
	}
}

/** Errors of the file system, such as a full disk. */
function isSystemError(error: unknown): boolean {
	return error instanceof Error && 'syscall' in error;
}

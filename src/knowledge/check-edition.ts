// Checks an edition that someone else published, and compiles it for the bot to open.
import { tableFile, tables } from './code-tables.ts';
import { compile } from './compiled.ts';
import { type Folder, folderAt } from './folder.ts';
import { readDistributions } from './read-distributions.ts';
import { tableShapes } from './schema/code.ts';

/** `mistakes` in the order found; if empty, the edition is compiled and ready to open. */
export type CheckedEdition = { mistakes: string[] };

/** Checks and compiles the files below `folder`. Never rejects because of their content. */
export async function checkEdition(folder: URL): Promise<CheckedEdition> {
	const { text } = folderAt(folder);
	const mistakes = [...generated.filter(name => text(name) === undefined).map(absent), ...tableMistakes(text)];
	for (const check of [() => compile(folder), () => readDistributions(folder)])
		try {
			await check();
		} catch (error) {
			const [, ...lines] = (error instanceof Error ? error.message : String(error)).split('\n');
			mistakes.push(...(lines.length ? lines : [String(error)]));
		}
	return { mistakes };
}

/** Without these, the rules would have little to check. */
const generated = ['synapse/releases.json', 'synapse/upstream.json'];

function absent(name: string): string {
	return `${name} is missing`;
}

function tableMistakes(text: Folder['text']): string[] {
	return tables.flatMap(name => {
		const json = text(tableFile(name));
		if (json === undefined) return [absent(tableFile(name))];
		try {
			const read = tableShapes[name].safeParse(JSON.parse(json));
			if (read.success) return [];
			const [issue] = read.error.issues;
			return [`${tableFile(name)} ${issue?.path.map(String).join('.')}: ${issue?.message}`];
		} catch {
			return [`${tableFile(name)} is not JSON`];
		}
	});
}

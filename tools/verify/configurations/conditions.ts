// npm run verify -- conditions: counts the conditions of notes and faults that the files, the look script and the
// skeleton script can decide, and lists those that each leaves open.
import { readFileSync } from 'node:fs';
import { asksForPackage, type Condition, type Test } from '../../../src/configuration/condition.ts';
import { parsePath } from '../../../src/configuration/path.ts';
import type { Knowledge } from '../../../src/knowledge/schema/synapse.ts';

/** The IDs that each way leaves open. For `files`: a flag, the environment or an installed package decides too. */
export type Decidable = { all: number; files: string[]; look: string[]; skeleton: string[] };

/** `skeleton`: the text of the script, which has its own lists of what it reveals. */
export function decidable({ notes, faults }: Pick<Knowledge, 'notes' | 'faults'>, skeleton: string): Decidable {
	const words = new Set(/set\("""([\s\S]*?)"""/.exec(skeleton)?.[1]?.split(/\s+/));
	const names = [...(/\("(\(\^\|_\)[^"]*)"\s*"([^"]*)"\)/.exec(skeleton)?.slice(1) ?? [])].join('');
	const amount = new RegExp(names || '$^');
	const conditions = [...notes, ...faults].flatMap(({ id, found, ...rest }) =>
		found
			? [
					{
						id,
						tests: testsOf(found as Condition),
						packages: asksForPackage(found as Condition),
						partly: 'partly' in rest && rest.partly === true,
					},
				]
			: [],
	);
	const open = (isOpen: (test: Test) => boolean, seesPackages = false) =>
		conditions
			.filter(({ tests, partly, packages }) => partly || (packages && !seesPackages) || tests.some(isOpen))
			.map(({ id }) => id);
	return {
		all: conditions.length,
		files: open(() => false),
		look: open(({ above, below }) => above !== undefined || below !== undefined, true),
		skeleton: open(({ option, url, above, below, is }) => {
			const isAmount = amount.test(parsePath(option)?.at(-1) ?? '');
			if (url !== undefined) return true;
			if (above !== undefined || below !== undefined || typeof is === 'number') return !isAmount;
			return typeof is === 'string' && is !== '' && !words.has(is) && !/^synapse\.app\.[a-z_]+$/.test(is);
		}),
	};
}

function testsOf(condition: Condition): Test[] {
	if ('option' in condition) return [condition];
	if ('not' in condition && !('each' in condition)) return testsOf(condition.not as Condition);
	const { any = [], all = [], not } = condition as { any?: Condition[]; all?: Condition[]; not?: Condition };
	return [...any, ...all, ...(not ? [not] : [])].flatMap(testsOf);
}

export function skeletonScript(): string {
	return readFileSync(new URL('../../../knowledge/skeleton.py', import.meta.url), 'utf8');
}

/** What the command prints. */
export function decidableWords({ all, ...ways }: Decidable): string[] {
	return Object.entries(ways).map(
		([way, open]) => `${way}: ${all - open.length} of ${all}${open.length ? `; open: ${open.join(', ')}` : ''}`,
	);
}

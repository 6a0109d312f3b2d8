// The shape of the table of renamed playbook variables, with the change that renamed or removed each.
import { z } from 'zod';
import { date } from './fields.ts';

/** A variable name; with `*` at its end, all that start with it. */
const name = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?$/, { error: 'the name of a variable, * only at its end' });
/** One name, or several alternatives. */
const names = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?( or [a-z][A-Za-z0-9_]*)*$/, {
	error: 'the name of a variable, or several with “or” between them',
});
const instead = z.union([
	names,
	z.null(),
	z.strictObject({
		new: names.optional().describe('The new name; several with “or” between them.'),
		says: z.string().min(1).max(120).describe('What to know about it.'),
	}),
]);

export const renamedFileShape = z.strictObject({
	playbook: z.string().startsWith('https://').describe('The repository, where commits are shown.'),
	read: z
		.string()
		.regex(/^[0-9a-f]{40}$/)
		.describe('The commit at which it was read.'),
	never: z.record(name, name).describe('Names that descriptions mention but that never existed, with the right one.'),
	changes: z
		.array(
			z.strictObject({
				commit: z
					.string()
					.regex(/^[0-9a-f]{9}$/)
					.describe('The first nine digits of the commit.'),
				date: date.describe('The day of the commit.'),
				names: z.record(name, instead).describe('The old names, each with its new one; null if nothing replaces it.'),
			}),
		)
		.describe('Commits that renamed or removed variables.'),
});
export type RenamedFile = z.infer<typeof renamedFileShape>;

/** What became of a variable, or of all that start with `old` if that ends in `*`. */
export type Renamed = {
	old: string;
	/** Absent: there is no replacement. */
	new?: string;
	says?: string;
	/** Absent: a variable of this name never existed. */
	change?: { date: string; url: string };
};

/** The table in a form for lookups. */
export function renamedIn({ playbook, never, changes }: RenamedFile): Renamed[] {
	return [
		...Object.entries(never).map(([old, meant]) => ({ old, new: meant })),
		...changes.flatMap(({ commit, date, names: all }) =>
			Object.entries(all).map(([old, value]) => ({
				old,
				...(typeof value === 'string' ? { new: value } : value),
				change: { date, url: `${playbook}/commit/${commit}` },
			})),
		),
	].map(({ new: now, ...rest }: Renamed & { new?: string | undefined }) =>
		now === undefined ? rest : { ...rest, new: now },
	);
}

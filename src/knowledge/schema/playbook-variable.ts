// The shape of the table of renamed playbook variables, with the change that renamed or removed each.
import { z } from 'zod';

/** A variable name; with `*` at its end, all that start with it. */
const name = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?$/, { error: 'the name of a variable, * only at its end' });
/** One name, or several of which one is meant. */
const names = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?( or [a-z][A-Za-z0-9_]*)*$/, {
	error: 'the name of a variable, or several with “or” between them',
});
const instead = z.union([names, z.null(), z.strictObject({ new: names.optional(), says: z.string().min(1).max(120) })]);

export const renamedFileShape = z.strictObject({
	/** The base URL of its commits. */
	playbook: z.string().startsWith('https://'),
	/** The commit it was read at. */
	read: z.string().regex(/^[0-9a-f]{40}$/),
	/** Names that only ever appeared in descriptions. */
	never: z.record(name, name),
	changes: z.array(
		z.strictObject({
			commit: z.string().regex(/^[0-9a-f]{9}$/),
			date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
			names: z.record(name, instead),
		}),
	),
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

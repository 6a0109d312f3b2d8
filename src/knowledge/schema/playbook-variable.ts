// The shape of the table of old names: which variables of the playbook had another name, and which change took it away.
import { z } from 'zod';

/** The name of a variable; with `*` at its end all that begin so. */
const name = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?$/, { error: 'the name of a variable, * only at its end' });
/** One name, or several of which one is meant. */
const names = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?( or [a-z][A-Za-z0-9_]*)*$/, {
	error: 'the name of a variable, or several with “or” between them',
});
const instead = z.union([names, z.null(), z.strictObject({ new: names.optional(), says: z.string().min(1).max(120) })]);

export const renamedFileShape = z.strictObject({
	/** Where commits of it are shown. */
	playbook: z.string().startsWith('https://'),
	/** The commit it was read at. */
	read: z.string().regex(/^[0-9a-f]{40}$/),
	/** Names that stand in descriptions and never were any. */
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

/** What became of one variable, or of all that begin so (`old` ends in `*`). */
export type Renamed = {
	old: string;
	/** Absent: nothing replaces it. */
	new?: string;
	says?: string;
	/** Absent: there never was a variable of this name. */
	change?: { date: string; url: string };
};

/** The table as it is looked up in. */
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

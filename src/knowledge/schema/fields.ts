// Fields shared by several knowledge files: versions, dates, ids, prose.
import { z } from 'zod';
import { parseTerm } from '../../deployment/facts.ts';
import { isRange, isVersion } from '../../deployment/version.ts';

export const version = z.string({ error: 'a version in quotes or with three parts, like 1.146.0' }).refine(isVersion, {
	error: issue =>
		`a version with three parts: write ${/^\d+\.\d+$/.test(String(issue.input)) ? `${issue.input}.0` : '1.146.0'}`,
});

export const range = z.string().refine(isRange, { error: 'a range of versions, like ">=1.62.0 <1.68.0"' });

/** A calendar day, like `2026-11-20`. */
export const day = z.iso.date();

export function isDay(text: string): boolean {
	return day.safeParse(text).success;
}

const dateError = { error: 'a date, like 2026-11-20' };
/** A calendar day, too, but with a pattern that editors see. */
export const date = z
	.string()
	.regex(/^\d{4}-\d\d-\d\d$/, dateError)
	.refine(isDay, dateError);

const roughDateError = { error: 'a quoted year, month or day: "2027", "2027-02"' };
/** A date as precise as upstream gave it: a year, a month or a day. */
export const roughDate = z
	.string()
	.regex(/^\d{4}(-\d\d(-\d\d)?)?$/, roughDateError)
	.refine(text => isDay(`${text}-01-01`.slice(0, 10)), roughDateError);

export const id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, { error: 'small letters, digits and hyphens' });

/** Markdown without HTML, because notes are contributed text and are sent to other people's rooms. */
export const prose = z
	.string()
	.trim()
	.min(1)
	.refine(text => !/<\/?[a-z][^>\n]*>/i.test(text.replace(/`[^`]*`|```[\s\S]*?```/g, '')), {
		error: 'no HTML in prose; put it in `code` if it is meant to be read',
	});

/** The title of a fold or a line. Names are in `code` here too, because Markdown would eat their underscores. */
export const title = z
	.string()
	.min(1)
	.max(80)
	.refine(text => !text.replace(/`[^`]*`/g, '').includes('_'), {
		error: 'names with an underscore in `code`, also in a title',
	});

/** A clause that continues “only if”. */
export const clause = z
	.string()
	.max(120)
	.regex(/^(?!(only|if) |(Only|If|The|An?|There|It)\b)[^\n]*[^.:,\s]$/, {
		error: 'a clause of one line that goes on after “only if”: no capital but of a name, no full stop',
	});

/** A file of Synapse's repository, at the note's release or another: `CHANGES.md@1.103.0`. */
export const path = z.string().regex(/^[\w.-]+(\/[\w.-]+)*(@\d+(\.\d+){2}(rc\d+)?)?$/, {
	error: 'a path, like synapse/config/server.py, or as of another release, like CHANGES.md@1.103.0',
});

const term = z.string().refine(text => parseTerm(text) !== undefined, {
	error: 'a fact of the closed list, like workers, no-email or postgres<13 (see: !help facts)',
});

export const appliesShape = z.union(
	[
		z.strictObject({ all: z.array(term).min(1).describe('All of these facts hold.') }),
		z.strictObject({ any: z.array(term).min(1).describe('At least one of these facts holds.') }),
	],
	{
		error: '{ all: [facts] } or { any: [facts] } with facts of the closed list, like workers, no-email or postgres<13',
	},
);

export const hash = z
	.string({ error: 'a quoted hash, like "3f9c0a" (write "000000" and run npm run mark-read)' })
	.regex(/^[0-9a-f]{6}$/, {
		error: 'the first six hex digits of the hash, as the refresh prints it, in quotes',
	});

/** The hash of the passage that was read, so that later changes to it are noticed. */
export const readHash = hash.describe(
	'The hash of the text that was read. Write "000000"; `npm run mark-read` fills it in.',
);

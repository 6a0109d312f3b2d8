// What was known on a past day: the knowledge without what came later.

import { finalOf } from '../../src/deployment/version.ts';
import type { Knowledge, Note, Release } from '../../src/knowledge/schema/synapse.ts';

/**
 * The knowledge on a day (`2022-05-17`): releases, announcements and advisories that were out by its end. A note
 * belongs to its release or to that release's first candidate; a promise had not landed before the release in which it
 * did.
 */
export function knownOn(day: string, knowledge: Knowledge): Knowledge {
	const releases = knowledge.releases.filter(({ date }) => date <= day);
	const out = new Set(releases.flatMap(({ version }) => [version, finalOf(version)]));
	const stable = new Set(releases.map(({ version }) => version));
	return {
		...knowledge,
		read: day,
		releases,
		notes: knowledge.notes.filter(({ release }) => out.has(release)).map(note => beforeLanding(note, stable)),
		advisories: knowledge.advisories.filter(({ published }) => published <= day),
		unread: [],
	};
}

/** Forgets that a promise landed if that release was not out yet. Withdrawals are undated, so they stay. */
function beforeLanding(note: Note, stable: ReadonlySet<string>): Note {
	if (!note.deadline) return note;
	const { landed, ...deadline } = note.deadline;
	return { ...note, deadline: { ...deadline, ...(landed !== undefined && stable.has(landed) && { landed }) } };
}

/** The release that someone with this policy runs on a day. */
export type Policy = (day: string) => string | undefined;

/**
 * `never`: stays on the newest release of the first day. `latest`: upgrades when a release comes out. `monthly`:
 * upgrades on the first of each month. Throws a TypeError for other names.
 */
export function policyOf(name: string, start: string, releases: readonly Release[]): Policy {
	const stable = releases.filter(({ version, withdrawn }) => !withdrawn && !version.includes('rc'));
	const newestOn = (day: string) => stable.findLast(({ date }) => date <= day)?.version;
	if (name === 'never') return () => newestOn(start);
	if (name === 'latest') return newestOn;
	if (name === 'monthly')
		return day => newestOn(day.slice(0, 7) <= start.slice(0, 7) ? start : `${day.slice(0, 7)}-01`);
	throw new TypeError(`no policy ${name}`);
}

/** A policy from a file: one line per upgrade, `2022-05-17 1.59.0`. */
export function policyFrom(text: string): Policy {
	const lines = text
		.split('\n')
		.map(line => line.trim())
		.filter(line => line && !line.startsWith('#'))
		.map((line, i) => {
			const [, day, version] = /^(\d{4}-\d\d-\d\d)\s+(\S+)$/.exec(line) ?? [];
			if (day === undefined || version === undefined)
				throw new TypeError(`upgrade ${i + 1}: expected "2022-05-17 1.59.0"`);
			return { day, version };
		})
		.sort((a, b) => a.day.localeCompare(b.day));
	return day => lines.findLast(line => line.day <= day)?.version;
}

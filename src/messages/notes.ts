// Words for !notes.
import type { ReleaseNotes } from '../advice/upgrade/release-notes.ts';
import type { Answer, Section } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import { compare } from '../deployment/version.ts';
import { count, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { faultSection } from './faults.ts';
import type { OpenAdvisories } from './sections.ts';
import { hiddenSection, horizonLine, link, openLine, stepSection, unreadSection } from './sections.ts';
import { unreadWords } from './tally.ts';

const factWords: [keyof ReleaseNotes['facts'], (value: string | number | boolean) => string][] = [
	['date', day => `released ${day}`],
	['python', version => `Python ${version} or newer`],
	['postgresql', version => `PostgreSQL ${version} or newer`],
	['sqlite', version => `SQLite ${version} or newer`],
	['rust', version => `Rust ${version} or newer (only to build)`],
	['schema', version => `database schema ${version}`],
	['schemaCompat', version => `compatible with releases that use schema ${version}`],
];

type ReleaseAdvisories = { fixed: string[]; open: OpenAdvisories };

/** `candidate`: the one asked for, whose final release's notes these are. */
export function notesWords(found: ReleaseNotes, advisories: ReleaseAdvisories, candidate?: Version): Answer {
	const { release, releases, facts, notes, unread } = found;
	const what = candidate ?? (releases.length > 1 ? `${releases[0]} to ${release}` : release);
	const isOut = facts.date !== undefined;
	const must = notes.filter(step => step.must).length;
	const read = notes.length
		? `${count(notes.length, 'note')}, ${must ? `${must} to act on` : unread.length ? `nothing to act on in ${notes.length === 1 ? 'it' : 'them'}` : 'nothing to do'}`
		: unread.length
			? 'nothing else'
			: 'nothing to do';
	const result = unread.length
		? `${unreadWords(unread.length, unread.find(({ warning }) => warning !== undefined)?.warning)}; ${read}`
		: read;
	const known = factWords.flatMap(([key, words]) => (facts[key] === undefined ? [] : [words(facts[key])]));
	const sections: Section[] = [
		...(known.length ? [{ title: `Facts about ${release}`, markdown: list(known), fold: false }] : []),
		...(isOut ? [] : [candidatesSection(found)]),
		...notes.map((step, i) => stepSection(step, i + 1)),
		...faultSection(found.faults, true),
		...securitySection(advisories, release),
		...hiddenSection(found),
		...unreadSection(found),
	];
	const withdrawn = facts.withdrawn ? `⚠️ ${release} was withdrawn by its developers.` : '';
	const was =
		candidate && isOut ? `${candidate} was a release candidate of ${release}; these are the notes of ${release}.` : '';
	const lead = [`**Synapse ${what}: ${result}.**`, was, withdrawn, horizonLine({ ...found, gaps: [] })]
		.filter(Boolean)
		.join('\n\n');
	return { value: { ...found, advisories }, lead, title: `Notes: ${what}`, sections, kind: 'answer' };
}

/** For a release that is not out yet: what its candidates have, and what is missing. */
function candidatesSection({ release, candidates, horizon }: ReleaseNotes): Section {
	const lines = candidates.map(
		({ version, date }) =>
			`${version}, released ${date}: ${link("upstream's change log", `https://github.com/element-hq/synapse/releases/tag/v${version}`)}`,
	);
	const there = candidates.length === 1 ? 'is one release candidate' : `are ${candidates.length} release candidates`;
	const ahead = compare(release, horizon.release) > 0;
	const rest = ahead
		? `These notes come from them; the release itself may differ. Its requirements for Python and the database, and how far you can go back, will not be known until it is out: until then, expect at least what ${code(`!notes ${horizon.release}`)} says.`
		: 'The release itself was never published under this number.';
	return {
		title: `${release} ${ahead ? 'is not out yet' : 'was never published'}`,
		markdown: `There ${there} for it:\n\n${list(lines)}\n\n${rest}`,
		fold: false,
	};
}

function securitySection({ fixed, open }: ReleaseAdvisories, release: Version): Section[] {
	const lines = [
		...(fixed.length ? [`Fixes ${fixed.map(code).join(', ')}`] : []),
		...open.map(advisory => openLine(release, advisory)),
	];
	return lines.length
		? [{ title: `Security (${open.length} open)`, markdown: list(lines), fold: open.length === 0 }]
		: [];
}

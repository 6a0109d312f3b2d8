// What will stop working, when, and its replacement: upstream's announcements, and what really happened.

import type { Applies } from '../../deployment/condition.ts';
import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { compareNumbers, parseTerm } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, isAbove, lineOf } from '../../deployment/version.ts';
import type { Knowledge, Lifecycle, Note, Release } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { memo } from '../../runtime/memo.ts';
import { systemsOf } from './packages.ts';

/**
 * The end of a product's security fixes: `ends` as `2026-11-21`. `dropped`: the newest Synapse does not start on it.
 */
export type SupportEnd = {
	is: 'support';
	product: string;
	version: string;
	ends: string;
	over: boolean;
	dropped: boolean;
};

/** The end of upstream's packages for a system: still to come, or past. */
export type PackagesEnd = { is: 'packages'; system: string } & (
	| { until: string; because: string; newest: Version }
	/** `without`: the first release without any. */
	| { last: Version; without?: Version }
);

export type Deadline = {
	id: string;
	subject: string;
	/** The release that announced it; null for the end of something Synapse runs on. */
	announced: Version | null;
	at: { version?: string; date?: string; vague?: string };
	/** The version is the earliest: any later one may bring it. */
	orLater?: true;
	/** What upstream announced, or the end of support or of packages that it is about. */
	promised: string | SupportEnd | PackagesEnd;
	/** The release in which it really happened; null if it still works in the newest one. */
	landed: Version | null;
	/** Landed later than announced, or announced for a release or date that has passed without it. */
	slipped: boolean;
	withdrawn?: string;
	/** A month (`2027-02`), estimated from the release cadence, if the announced version is not out yet. */
	estimate?: string;
	replacedBy: string | null;
	applies?: Applies;
	options: readonly string[];
	sources: Note['sources'];
	/** Whether it applies to the deployment. */
	concerned: true | 'unknown';
};

const day = 24 * 3600 * 1000;

/** The first day of a year or month, the earliest on which something can take effect: `2027` is 2027-01-01. */
export function earliest(date: string): string {
	const [year, month = '01', dayOfMonth = '01'] = date.split('-');
	return [year, month, dayOfMonth].join('-');
}

/** The first release of the newest line, and the days between lines, averaged over the last ten intervals. */
type ReleasePace = { newest: Release; days: number };

function paceOf(releases: readonly Release[]): ReleasePace | undefined {
	const first = new Map<string, Release>();
	for (const release of stable(releases))
		if (!first.has(lineOf(release.version))) first.set(lineOf(release.version), release);
	const lines = [...first.values()].slice(-11);
	const [oldest, newest] = [lines[0], lines.at(-1)];
	if (!oldest || !newest || lines.length < 2) return undefined;
	return { newest, days: (Date.parse(newest.date) - Date.parse(oldest.date)) / day / (lines.length - 1) };
}

function minorOf(version: Version): number {
	return Number(lineOf(version).split('.')[1]);
}

/** The month in which a future release may appear: this month, if it is overdue by the cadence. */
function estimateOf(version: Version, { today, pace }: DeadlineView): string | undefined {
	if (!pace || lineOf(version).split('.')[0] !== lineOf(pace.newest.version).split('.')[0]) return undefined;
	const away = minorOf(version) - minorOf(pace.newest.version);
	if (away <= 0) return undefined;
	const expected = new Date(Date.parse(pace.newest.date) + away * pace.days * day).toISOString();
	return (expected > today ? expected : today).slice(0, 7);
}

/** The last day that counts as on time: an announced year or month lasts until its end. */
function lastDay(date: string): string {
	return date.length === 4 ? `${date}-12-31` : date.length === 7 ? `${date}-31` : date;
}

/**
 * Whether it has happened later than announced, or has not happened by `today` although it should have. A change
 * announced for a date is on time in the first line of releases after it.
 */
function hasSlipped(
	{ at, orLater }: Pick<Deadline, 'at' | 'orLater'>,
	landed: Release | undefined,
	{ today, newest, releases }: DeadlineView,
): boolean {
	if (at.version !== undefined) {
		if (orLater) return false;
		const promised = at.version;
		if (!landed) return compare(newest.version, promised) >= 0;
		return compare(landed.version, promised) > 0 && lineOf(landed.version) !== lineOf(promised);
	}
	if (at.date === undefined) return false;
	const last = lastDay(at.date);
	if (!landed) return today > last;
	return stable(releases).some(
		({ version, date }) =>
			date > last && compare(version, landed.version) < 0 && lineOf(version) !== lineOf(landed.version),
	);
}

/** What deadlines are judged by: the day (`2026-11-21`) and the existing releases. */
type DeadlineView = { today: string; releases: readonly Release[]; newest: Release; pace: ReleasePace | undefined };

const releaseCalled = memo((releases: readonly Release[]) => new Map(releases.map(one => [one.version, one])));

function deadlineOf(note: Note, seen: DeadlineView): Omit<Deadline, 'concerned'> | undefined {
	const { deadline } = note;
	if (!deadline) return undefined;
	const { orLater, ...at } = deadline.at as Deadline['at'] & { orLater?: true };
	const due = { at, ...(orLater && { orLater }) };
	const landed = deadline.landed && releaseCalled(seen.releases).get(deadline.landed);
	const estimate = landed || at.version === undefined ? undefined : estimateOf(at.version, seen);
	return {
		id: note.id,
		subject: deadline.subject,
		announced: note.release,
		...due,
		promised: deadline.promised,
		landed: deadline.landed ?? null,
		slipped: !deadline.withdrawn && hasSlipped(due, landed || undefined, seen),
		...(deadline.withdrawn && { withdrawn: deadline.withdrawn }),
		...(estimate && { estimate }),
		replacedBy: deadline.replacedBy ?? null,
		...(note.applies && { applies: note.applies }),
		options: note.options,
		sources: note.sources,
	};
}

/** The sort key, by when it takes effect: overdue ones first, vague ones last. */
function soon({ at, estimate, slipped }: Omit<Deadline, 'concerned'>): string {
	if (slipped) return '0000';
	if (at.date !== undefined) return earliest(at.date);
	return estimate ? `${estimate}-01` : at.version !== undefined ? '0001' : '9999';
}

export type DeadlineQuery = {
	/** The release to judge by: a deadline is open if it was announced by then and has not landed by then. */
	at: Version;
	/** The day, as `2026-11-21`. */
	today: string;
	/** Includes those that have landed or were withdrawn. */
	all: boolean;
	/** By note id: whether the configuration shows that it applies to this deployment. */
	decided?: ReadonlyMap<string, boolean> | undefined;
	/** Includes ends of support and of packages that are unlikely to matter, if it is unknown whether they apply. */
	unlikely?: true | undefined;
};

type Promised = Omit<Deadline, 'concerned'>;
type DeadlineKnowledge = Pick<Knowledge, 'notes' | 'releases' | 'lifecycles' | 'systems'>;

/** Before it is matched with a profile, a day's result is the same for many servers. */
const promisedOf = memo((_: DeadlineKnowledge) => new Map<string, readonly Promised[]>());
const maxKept = 8;

function promised({ at, today, all }: DeadlineQuery, known: DeadlineKnowledge, newest: Release): readonly Promised[] {
	const kept = promisedOf(known);
	const key = `${at} ${today} ${all}`;
	const before = kept.get(key);
	if (before) return before;
	const seen = { today, releases: known.releases, newest, pace: paceOf(known.releases) };
	const found = known.notes
		.filter(note => note.deadline && compare(note.release, at) <= 0)
		.flatMap(note => deadlineOf(note, seen) ?? [])
		.filter(
			({ withdrawn, landed }) => all || (withdrawn === undefined && (landed === null || compare(landed, at) > 0)),
		);
	if (kept.size >= maxKept) kept.clear();
	kept.set(key, found);
	return found;
}

/** The deadlines announced so far that may apply to the deployment, soonest first. */
export function deadlines(query: DeadlineQuery, profile: Profile, known: DeadlineKnowledge): Deadline[] {
	const newest = stable(known.releases).at(-1);
	if (!newest) return [];
	const promises = promised(query, known, newest).flatMap((found): Deadline[] => {
		const stated = concern(found.applies, profile).is;
		const concerned = stated === false ? stated : (query.decided?.get(found.id) ?? stated);
		return concerned === false ? [] : [{ ...found, concerned }];
	});
	const ends = lifecycleDeadlines(profile, query, known).filter(
		({ landed }) => query.all || landed === null || compare(landed, query.at) > 0,
	);
	return [...promises, ...ends].sort((a, b) => soon(a).localeCompare(soon(b)) || a.id.localeCompare(b.id));
}

type Product = {
	name: string;
	/** The fact that says which release of the product a deployment has. */
	fact: 'postgres' | 'python';
	/**
	 * The field of a Synapse release with its minimum version, which rules out older releases of the product for good.
	 */
	floor: 'postgresql' | 'python';
};

/** By file name in knowledge/lifecycles/. */
const products: Record<string, Product> = {
	postgresql: { name: 'PostgreSQL', fact: 'postgres', floor: 'postgresql' },
	python: { name: 'Python', fact: 'python', floor: 'python' },
};

/** The fact that a deployment has this release; undefined if a source sent something that is not a version. */
function factOf({ fact }: Product, version: string): string | undefined {
	const text = `${fact}=${version}`;
	return parseTerm(text) ? text : undefined;
}

/** How far off (ms), past or future, an end of support may be if the version in use is unknown: 400 days. */
const ahead = 400 * 24 * 3600 * 1000;

function isNear(ends: string, today: string): boolean {
	const left = Date.parse(ends) - Date.parse(today);
	return Math.abs(left) <= ahead;
}

type EndsQuery = Pick<DeadlineQuery, 'today' | 'unlikely'>;

/** The ends of support that may affect the deployment on a day, including past ones. */
function lifecycleDeadlines(
	profile: Profile,
	{ today, unlikely }: EndsQuery,
	known: Pick<Knowledge, 'lifecycles' | 'releases' | 'systems'>,
): Deadline[] {
	const releases = stable(known.releases);
	const supports = Object.entries(known.lifecycles).flatMap(([key, lifecycle]) => {
		const product = products[key];
		if (!product) return [];
		// The files of the newest release may not have been read yet.
		const floor = releases.findLast(release => release[product.floor] !== undefined)?.[product.floor];
		return lifecycle.releases.flatMap(release => {
			const fact = factOf(product, release.version);
			if (fact === undefined) return [];
			const dropped = floor !== undefined && compareNumbers(release.version, floor) < 0;
			const applies: Applies = { all: [fact] };
			const concerned = concern(applies, profile).is;
			if (concerned === false) return [];
			if (concerned === 'unknown' && !unlikely && (dropped || !isNear(release.ends, today))) return [];
			return [lifecycleDeadline(key, product, release, lifecycle.link, { today, dropped, applies, concerned })];
		});
	});
	return [...supports, ...packageDeadlines(profile, { today, unlikely }, known)];
}

const buildList = 'https://github.com/element-hq/synapse/blob/develop/scripts-dev/build_debian_packages.py';

/** The ends of upstream's packages for a system, which differ from the ends of the system's support. */
function packageDeadlines(
	profile: Profile,
	{ today, unlikely }: EndsQuery,
	known: Pick<Knowledge, 'lifecycles' | 'releases'>,
): Deadline[] {
	const releases = stable(known.releases);
	const newest = releases.at(-1);
	return systemsOf(known.lifecycles).flatMap((system): Deadline[] => {
		const { os, name, packages } = system;
		const applies: Applies = { all: ['install=debian', `os=${os}`] };
		const concerned = concern(applies, profile).is;
		if (concerned === false || !newest) return [];
		const dropped = 'last' in packages ? releases.find(({ version }) => isAbove(version, packages.last)) : undefined;
		// A system that no longer has packages only matters to deployments stated to use it.
		if (concerned === 'unknown' && !unlikely && ('last' in packages || !isNear(packages.until, today))) return [];
		const end = 'until' in packages ? packages.until : (dropped?.date ?? newest.date);
		const promised: PackagesEnd =
			'until' in packages
				? { is: 'packages', system: name, until: end, because: packages.because, newest: newest.version }
				: { is: 'packages', system: name, last: packages.last, ...(dropped && { without: dropped.version }) };
		return [
			{
				id: `lifecycle/${os}`,
				subject: `Synapse packages for ${name}`,
				announced: null,
				at: { date: end },
				promised,
				landed: dropped?.version ?? null,
				slipped: false,
				replacedBy: `a newer ${name.split(' ')[0]}`,
				applies,
				options: [],
				sources: [{ document: 'build_debian_packages.py', section: name, url: buildList }],
				concerned,
			},
		];
	});
}

type Support = { today: string; dropped: boolean; applies: Applies; concerned: true | 'unknown' };

function lifecycleDeadline(
	key: string,
	{ name }: Product,
	{ version, ends }: Lifecycle['releases'][number],
	link: string,
	{ today, dropped, applies, concerned }: Support,
): Deadline {
	return {
		id: `lifecycle/${key}-${version}`,
		subject: `${name} ${version}`,
		announced: null,
		at: { date: ends },
		promised: { is: 'support', product: name, version, ends, over: ends < today, dropped },
		landed: null,
		slipped: false,
		replacedBy: `a newer ${name}`,
		applies,
		options: [],
		sources: [{ document: 'endoflife.date', section: `${name} ${version}`, url: link }],
		concerned,
	};
}

// What Synapse stands on ends one day as well: support windows as deadlines.
import type { Knowledge, Lifecycle } from '../knowledge/shape.ts';
import type { Deadline } from './deadline.ts';
import { systemsOf } from './package.ts';
import type { Applies, Profile } from './profile.ts';
import { compareNumbers, concern, parseTerm } from './profile.ts';
import { stable } from './release.ts';
import { isAbove } from './version.ts';

type Product = {
	name: string;
	/** The fact that says which release of the product a deployment has. */
	fact: 'postgres' | 'python';
	/** The floor of Synapse's that drops a release of the product for good. */
	floor: 'postgresql' | 'python';
};

/** By the file's name under knowledge/lifecycles/. */
const products: Record<string, Product> = {
	postgresql: { name: 'PostgreSQL', fact: 'postgres', floor: 'postgresql' },
	python: { name: 'Python', fact: 'python', floor: 'python' },
};

/** The fact that a deployment has this release; undefined where a source sent something that is no version. */
function factOf({ fact }: Product, version: string): string | undefined {
	const text = `${fact}=${version}`;
	return parseTerm(text) ? text : undefined;
}

/** How far ahead an end counts for a deployment that did not say what it has: 400 days, a year and a bit. */
const ahead = 400 * 24 * 3600 * 1000;

function isNear(ends: string, today: string): boolean {
	const left = Date.parse(ends) - Date.parse(today);
	return Math.abs(left) <= ahead;
}

/** The ends of support that may concern the deployment on that day (`2026-11-21`), past ones still in use included. */
export function lifecycleDeadlines(
	profile: Profile,
	today: string,
	known: Pick<Knowledge, 'lifecycles' | 'releases' | 'systems'>,
): Deadline[] {
	const newest = stable(known.releases).at(-1);
	const supports = Object.entries(known.lifecycles).flatMap(([key, lifecycle]) => {
		const product = products[key];
		if (!product || !newest) return [];
		const floor = newest[product.floor];
		return lifecycle.releases.flatMap(release => {
			const fact = factOf(product, release.version);
			if (fact === undefined) return [];
			const dropped = floor !== undefined && compareNumbers(release.version, floor) < 0;
			const applies: Applies = { all: [fact] };
			const concerned = concern(applies, profile).is;
			if (concerned === false) return [];
			if (concerned === 'unknown' && (dropped || !isNear(release.ends, today))) return [];
			return [lifecycleDeadline(key, product, release, lifecycle.link, { today, dropped, applies, concerned })];
		});
	});
	return [...supports, ...packageDeadlines(profile, today, known)];
}

const buildList = 'https://github.com/element-hq/synapse/blob/develop/scripts-dev/build_debian_packages.py';

/** The ends of upstream's packages for a system: its own, which are not those of the system's support. */
function packageDeadlines(
	profile: Profile,
	today: string,
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
		// What has none any more concerns only those who say that they have it.
		if (concerned === 'unknown' && ('last' in packages || !isNear(packages.until, today))) return [];
		const end = 'until' in packages ? packages.until : (dropped?.date ?? newest.date);
		const promised =
			'until' in packages
				? `Upstream builds packages for ${name} until ${end}, when ${packages.because} ends; ${newest.version} still has them.`
				: `Upstream built packages for ${name} up to ${packages.last}; ${dropped?.version ?? 'newer releases'} and newer have none.`;
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

type Seen = { today: string; dropped: boolean; applies: Applies; concerned: true | 'unknown' };

function lifecycleDeadline(
	key: string,
	{ name }: Product,
	{ version, ends }: Lifecycle['releases'][number],
	link: string,
	{ today, dropped, applies, concerned }: Seen,
): Deadline {
	const over = ends < today;
	const follows = dropped
		? 'The newest Synapse no longer starts on it.'
		: 'Synapse drops such versions some releases later.';
	return {
		id: `lifecycle/${key}-${version}`,
		subject: `${name} ${version}`,
		announced: null,
		at: { date: ends },
		promised: `${name} ${version} ${over ? 'got' : 'gets'} its last security fixes on ${ends}. ${follows}`,
		landed: null,
		slipped: false,
		replacedBy: `a newer ${name}`,
		applies,
		options: [],
		sources: [{ document: 'endoflife.date', section: `${name} ${version}`, url: link }],
		concerned,
	};
}

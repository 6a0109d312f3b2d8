// What Synapse stands on ends one day as well: support windows as deadlines.
import type { Knowledge, Lifecycle } from '../knowledge/shape.ts';
import type { Deadline } from './deadline.ts';
import type { Applies, Profile } from './profile.ts';
import { compareNumbers, concern, isImage, parseTerm } from './profile.ts';
import { stable } from './release.ts';

type Product = {
	name: string;
	/** The fact that says which release of the product a deployment has. */
	fact: 'postgres' | 'python' | 'os';
	/** Packages of Synapse are built for it; in an image there is another. */
	isSystem?: true;
	/** The floor of Synapse's that drops a release of the product for good. */
	floor?: 'postgresql' | 'python';
};

/** By the file's name under knowledge/lifecycles/. */
const products: Record<string, Product> = {
	postgresql: { name: 'PostgreSQL', fact: 'postgres', floor: 'postgresql' },
	python: { name: 'Python', fact: 'python', floor: 'python' },
	debian: { name: 'Debian', fact: 'os', isSystem: true },
	ubuntu: { name: 'Ubuntu', fact: 'os', isSystem: true },
};

/** The fact that a deployment has this release, or undefined where that is none: Debian 8, which no note is about. */
function factOf(key: string, { fact }: Product, version: string, systems: readonly string[]): string | undefined {
	const text = `${fact}=${fact === 'os' ? `${key}-` : ''}${version}`;
	return parseTerm(text, systems) ? text : undefined;
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
	return Object.entries(known.lifecycles).flatMap(([key, lifecycle]) => {
		const product = products[key];
		if (!product || !newest) return [];
		const floor = product.floor && newest[product.floor];
		return lifecycle.releases.flatMap(release => {
			const fact = factOf(key, product, release.version, known.systems ?? []);
			if (fact === undefined) return [];
			const dropped = floor !== undefined && compareNumbers(release.version, floor) < 0;
			const applies: Applies = { all: [fact] };
			const concerned = concern(applies, profile).is;
			if (concerned === false) return [];
			const isHidden = dropped || !isNear(release.ends, today) || (product.isSystem && isImage(profile));
			if (concerned === 'unknown' && isHidden) return [];
			return [lifecycleDeadline(key, product, release, lifecycle.link, { today, dropped, applies, concerned })];
		});
	});
}

type Seen = { today: string; dropped: boolean; applies: Applies; concerned: true | 'unknown' };

function lifecycleDeadline(
	key: string,
	{ name, floor }: Product,
	{ version, ends }: Lifecycle['releases'][number],
	link: string,
	{ today, dropped, applies, concerned }: Seen,
): Deadline {
	const over = ends < today;
	const follows = dropped
		? 'The newest Synapse no longer starts on it.'
		: floor
			? 'Synapse drops such versions some releases later.'
			: 'Upstream stops building packages for it about then.';
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

// Asks every site of a reverse proxy for every path, and finds which sites are the Matrix server's.
import { type Request, type ReverseProxy, type Routed, TooMuchWork } from '../../configuration/proxy/route.ts';
import type { ProcessRole } from './processes.ts';

/** A path to test, and the route that it is an example of. */
export type AskedRoute = Request & {
	route: string;
	app?: string;
	isNewest: boolean /** From the proxy's own rules. */;
	isOwn?: true;
};

export type Known = {
	of: (address: string) => ProcessRole | undefined;
	writers: (stream: string) => readonly string[] | undefined;
	hasMediaWorker: boolean;
};

export type Answers = { request: AskedRoute; routed: Routed | undefined }[];
type AskedSite = { site: ReverseProxy['sites'][number]; answers: Answers };
type ReachedSite = AskedSite & { reached: ReachedProcesses };

/** Sites that would take too long are left out, with a problem. */
export function askedSites(
	{ sites }: ReverseProxy,
	asked: readonly AskedRoute[],
	problems: ReverseProxy['problems'],
): AskedSite[] {
	const done: AskedSite[] = [];
	try {
		for (const site of sites)
			done.push({ site, answers: asked.map(request => ({ request, routed: site.route(request) })) });
	} catch (error) {
		if (!(error instanceof TooMuchWork)) throw error;
		const left = sites[done.length];
		problems.push({ file: left?.file ?? '', line: left?.line ?? 0, why: error.message });
	}
	return done;
}

/** The processes that get requests, and whether workers get ordinary ones. */
type ReachedProcesses = { all: ReadonlySet<string>; workers: ReadonlySet<string>; splits: boolean };

export function reachedBy(answers: Answers, known: Known): ReachedProcesses {
	const all = new Set<string>();
	const workers = new Set<string>();
	let splits = false;
	for (const { request, routed } of answers)
		for (const address of routed?.addresses ?? []) {
			const role = known.of(address);
			if (!role) continue;
			all.add(address);
			if (role.isMain) continue;
			workers.add(address);
			splits ||= request.app === 'generic_worker';
		}
	return { all, workers, splits };
}

/**
 * Whether this is not a host of the Matrix server: another host at the same place reaches workers and this one does
 * not, or no rule names this one and it reaches no more processes than another.
 */
export function isOtherHost({ site, reached }: ReachedSite, all: readonly ReachedSite[]): boolean {
	if (site.host === undefined) return false;
	return all.some(
		({ site: other, reached: more }) =>
			other.file === site.file &&
			other.line === site.line &&
			other.host !== site.host &&
			((reached.workers.size === 0 && more.workers.size > 0) ||
				(site.isUnnamed === true && more.all.size >= reached.all.size)),
	);
}

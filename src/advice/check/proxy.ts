// Compares a reverse proxy's routes with what a release's workers can serve: removed, misdirected and missing ones.
import type { Configuration } from '../../configuration/files.ts';
import { patternOf } from '../../configuration/proxy/pattern.ts';
import { examplesOf, type ReverseProxy, type RuleLine } from '../../configuration/proxy/route.ts';
import { isReached, stateAt, type Table } from '../../configuration/timeline.ts';
import { compare, type Version } from '../../deployment/version.ts';
import { type ProcessRole, processesOf } from './processes.ts';
import { type AskedRoute, askedSites, isOtherHost, type Known, reachedBy } from './proxy-sites.ts';

export type RouteProblem =
	/** Workers no longer serve it. */
	| 'gone'
	/** Only the main process serves it, or only its stream's writer, or only a media worker. */
	| 'main-only'
	| 'writer-only'
	| 'media-only'
	/** A worker serves only GET requests. */
	| 'get-only'
	/** The process has no listener for requests of this kind. */
	| 'no-resource'
	/** It goes to the main process, although a worker that serves other routes could serve it. */
	| 'missing';

export type RouteFinding = {
	problem: RouteProblem;
	/** The route as upstream writes it, or an example of a path. */
	route: string;
	file: string;
	line: number;
	method?: string;
	/** The stream or resource involved. */
	of?: string;
	release?: Version;
};

export type ProxyChecked = {
	findings: RouteFinding[];
	/** Rules that lead to addresses that the given files do not explain, each once. */
	unknown: RuleLine[];
	/** Rules that cannot be evaluated, each once. */
	undecided: RuleLine[];
	/** Files, or parts of them, that were not checked. */
	problems: ReverseProxy['problems'];
	/** Whether any request goes to a known process. */
	reached: boolean;
};

type RouteRow = {
	app: string;
	stream?: string;
	expression: string;
	methods: 'any' | 'GET';
	matches: (path: string) => boolean;
};
type RouteRows = {
	now: RouteRow[];
	/** Those of `now` that match a path. */
	serving(path: string): readonly RouteRow[];
	gone: (RouteRow & { release: Version })[];
	asked: AskedRoute[];
};

/** Prefixes of media endpoints; upstream's list has no expressions for them. */
const mediaPrefixes: readonly { path: string; since: Version }[] = [
	{ path: '^/_matrix/media/', since: '1.0.0' },
	{ path: '^/_matrix/client/v1/media/', since: '1.111.0' },
	{ path: '^/_matrix/federation/v1/media/', since: '1.111.0' },
];
/**
 * Paths that only the main process serves, in every release, and that proxies with overly broad expressions
 * misdirect.
 */
const mainOnly = [
	'/_matrix/client/v3/logout',
	'/_matrix/client/v3/refresh',
	'/_matrix/client/v3/account/password',
	'/_matrix/client/v3/account/3pid/add',
	'/_matrix/client/v3/pushers/set',
	'/_matrix/client/v3/user/a/openid/request_token',
];
/** Any worker can serve requests for these streams; their writers are just more efficient at it. */
const sharedStreams = new Set(['receipts', 'device_lists', 'quarantined_media_changes', 'events']);
/** At most this many paths from the proxy's own rules are tested. */
const maxOwnPaths = 1000;
/** Only needed with single sign-on or rare features. */
const optional =
	/sso|saml2|cas\/|oidc|pick_|new_user_consent|\/mas\/|admin|msc\d+|im\.nheko|api\/v1\/events|auth_metadata/;

export function checkProxy(
	proxy: ReverseProxy,
	configuration: Configuration,
	routes: Table<string>,
	to: Version,
): ProxyChecked {
	const rows = rowsOf(routes, to);
	const asked = [...rows.asked, ...ownPaths(proxy)];
	const processes = processesOf(configuration);
	const problems = [...proxy.problems];
	const sites = askedSites(proxy, asked, problems).map(site => {
		const known = processes.whole ? processes : inferred(site.answers, rows);
		return { ...site, known, reached: reachedBy(site.answers, known) };
	});
	const findings = new Map<string, RouteFinding>();
	const unknown = new Map<string, RuleLine>();
	const undecided = new Map<string, RuleLine>();
	const reached = sites.some(site => site.reached.all.size > 0);
	for (const site of sites) {
		if (isOtherHost(site, sites)) continue;
		// A site of another service may rewrite all that it gets.
		const isSynapse = !reached || site.reached.all.size > 0;
		for (const { request, routed } of site.answers) {
			if (routed?.undecided && !request.isOwn && isSynapse)
				undecided.set(`${routed.rule.file} ${routed.rule.line}`, routed.rule);
			for (const address of routed?.addresses ?? []) {
				const role = site.known.of(address);
				if (!routed) continue;
				if (!role) {
					unknown.set(`${routed.rule.file} ${routed.rule.line}`, routed.rule);
					continue;
				}
				const found = judge(request, role, rows, site.known);
				const isOpen = !site.reached.splits || routed.unsure || routed.addresses.length > 1;
				if (!found || (found.problem === 'missing' && isOpen)) continue;
				const finding = { ...found, ...routed.rule };
				findings.set(`${finding.problem} ${finding.route} ${finding.file} ${finding.line}`, finding);
			}
		}
	}
	return {
		findings: withoutAnswered([...findings.values()]),
		unknown: processes.whole ? [...unknown.values()] : [],
		undecided: [...undecided.values()],
		problems,
		reached,
	};
}

/** Drops repeats, and sorts. A missing route is reported once, even if several rules send it to the main process. */
function withoutAnswered(findings: readonly RouteFinding[]): RouteFinding[] {
	const order: RouteProblem[] = [
		'gone',
		'main-only',
		'writer-only',
		'media-only',
		'get-only',
		'no-resource',
		'missing',
	];
	const seen = new Set<string>();
	return findings
		.filter(({ problem, route, file, line }) => {
			const key = `${problem} ${route} ${problem === 'missing' ? '' : `${file} ${line}`}`;
			return !seen.has(key) && seen.add(key);
		})
		.sort(
			(a, b) =>
				order.indexOf(a.problem) - order.indexOf(b.problem) ||
				(a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line),
		);
}

function rowsOf({ entries }: Table<string>, to: Version): RouteRows {
	const now: RouteRow[] = [];
	const gone: RouteRows['gone'] = [];
	const asked: AskedRoute[] = [];
	const add = (row: Omit<RouteRow, 'matches'>, release?: Version) => {
		const pattern = patternOf(row.expression);
		const full = { ...row, matches: (path: string) => pattern(path) === true };
		if (release === undefined) now.push(full);
		else gone.push({ ...full, release });
		for (const { path, isNewest } of spellings(row.expression))
			for (const method of row.methods === 'GET' ? ['GET', 'PUT'] : [methodOf(row.expression)])
				asked.push({ method, path, route: row.expression, isNewest, ...(release === undefined && { app: row.app }) });
	};
	for (const { key, changes } of entries) {
		const [, app = '', stream, expression = ''] = /^(stream (\S+)|\S+) (.*)$/.exec(key) ?? [];
		const row = { app: stream ? 'stream' : app, ...(stream && { stream }), expression };
		const state = stateAt(changes, to);
		if (state !== null) add({ ...row, methods: state === 'GET' ? 'GET' : 'any' });
		else {
			const end = changes.findLast(([at, is]) => is === null && isReached(at, to))?.[0];
			if (end !== undefined) add({ ...row, methods: 'any' }, end);
		}
	}
	for (const { path, since } of mediaPrefixes)
		if (compare(since, to) <= 0) add({ app: 'media_repository', expression: path, methods: 'any' });
	for (const path of mainOnly) asked.push({ method: 'POST', path, route: path, isNewest: true });
	const served = new Map<string, RouteRow[]>();
	const serving = (path: string) => {
		const rows = served.get(path) ?? now.filter(({ matches }) => matches(path));
		served.set(path, rows);
		return rows;
	};
	return { now, serving, gone, asked };
}

/** The method that clients usually use. */
function methodOf(expression: string): string {
	if (
		/sync|events|initialSync|members|state\$|messages|context|versions|whoami|capabilities|hierarchy|relations|threads/.test(
			expression,
		)
	)
		return 'GET';
	return /typing|sendToDevice|presence|account_data|tags|pushrules/.test(expression) ? 'PUT' : 'POST';
}

/** Example paths for a route, as clients write them; continued beyond the expression if it has no end anchor. */
function spellings(expression: string): { path: string; isNewest: boolean }[] {
	const real = expression
		.replace('/.*/account_data', '/user/a/account_data')
		.replace('/.*/tags', '/user/a/rooms/a/tags');
	const paths = examplesOf(real) ?? [];
	const ends = /\$\)?\??$/.test(real);
	const full = paths.map(path => (ends ? path : path.endsWith('/') ? `${path}a` : `${path}/a`));
	const newest = ['/v3/', '/v2/', '/v1/', '/r0/'].find(version => full.some(path => path.includes(version)));
	return full.map(path => ({ path, isNewest: newest === undefined || path.includes(newest) }));
}

/** Paths taken from the proxy's own rules, to find those that upstream never listed. */
function ownPaths({ rules }: ReverseProxy): AskedRoute[] {
	const paths = rules.flatMap(({ kind, path }) =>
		kind === 'expression' ? (examplesOf(path) ?? []) : kind === 'exact' ? [path] : [],
	);
	return [...new Set(paths)]
		.filter(path => /^\/_(matrix\/(client|federation|key|media)|synapse)\//.test(path))
		.slice(0, maxOwnPaths)
		.flatMap(path => [{ method: 'GET', path, route: path, isNewest: true, isOwn: true }]);
}

function judge(
	{ method, path, route, app, isNewest }: AskedRoute,
	role: ProcessRole,
	{ serving, gone }: RouteRows,
	known: Known,
): Omit<RouteFinding, 'file' | 'line'> | undefined {
	const rows = serving(path);
	const resource = resourceOf(path);
	if (role.isMain) {
		const stream =
			rows.find(row => row.stream !== undefined && !isGeneric(rows, method))?.stream ??
			rows.find(row => row.stream !== undefined)?.stream;
		const writers = stream === undefined ? undefined : known.writers(stream);
		const isElsewhere =
			writers !== undefined && writers.length > 0 && !writers.includes('master') && !writers.includes('main');
		if (stream !== undefined && isElsewhere && !sharedStreams.has(stream) && !isGeneric(rows, method))
			return { problem: 'writer-only', route, of: stream, method };
		if (
			known.hasMediaWorker &&
			rows.some(row => row.app === 'media_repository') &&
			!rows.some(row => row.app === 'generic_worker')
		)
			return { problem: 'media-only', route };
		if (app === 'generic_worker' && isNewest && isGeneric(rows, method) && !optional.test(route) && method !== 'PUT')
			return { problem: 'missing', route };
		return undefined;
	}
	if (
		resource !== undefined &&
		role.resources &&
		!role.resources.has(resource) &&
		!(resource === 'keys' && role.resources.has('federation'))
	)
		return rows.length ? { problem: 'no-resource', route, of: resource } : { problem: 'main-only', route };
	if (rows.some(row => isAllowed(row, method, role, known))) return undefined;
	if (rows.some(row => row.app === 'generic_worker' && row.methods === 'GET'))
		return { problem: 'get-only', route, method };
	const stream = rows.find(row => row.stream !== undefined)?.stream;
	if (stream !== undefined) return { problem: 'writer-only', route, of: stream, method };
	if (rows.some(row => row.app === 'media_repository')) return { problem: 'media-only', route };
	const old = gone.find(({ matches }) => matches(path));
	return old ? { problem: 'gone', route: old.expression, release: old.release } : { problem: 'main-only', route };
}

function isGeneric(rows: readonly RouteRow[], method: string): boolean {
	return rows.some(row => row.app === 'generic_worker' && (row.methods === 'any' || method === 'GET'));
}

function isAllowed({ app, stream, methods }: RouteRow, method: string, role: ProcessRole, known: Known): boolean {
	if (methods === 'GET' && method !== 'GET' && method !== 'HEAD') return false;
	if (stream !== undefined) {
		const writers = known.writers(stream);
		if (sharedStreams.has(stream)) return true;
		// A process whose file was not given may be the writer.
		return role.name === undefined
			? writers === undefined || writers.length > 0
			: (writers?.includes(role.name) ?? false);
	}
	if (app === 'media_repository')
		return role.resources === undefined || role.resources.has('media') || role.app === 'media_repository';
	if (role.app === 'media_repository') return false;
	return (
		app === role.app ||
		app === 'generic_worker' ||
		(app === 'user_dir' && role.app === 'generic_worker') ||
		role.app === undefined
	);
}

function resourceOf(path: string): string | undefined {
	if (path.startsWith('/_matrix/federation/v1/media') || path.startsWith('/_matrix/client/v1/media')) return undefined;
	if (path.startsWith('/_matrix/federation/')) return 'federation';
	if (path.startsWith('/_matrix/key/')) return 'keys';
	return path.startsWith('/_matrix/client/') ? 'client' : undefined;
}

/**
 * Infers roles from what the proxy sends where: the main process gets what no other process may serve. Another
 * address is a worker's if it gets at least two of the workers' routes, since a proxy also serves other backends
 * (authentication, identity, bridges).
 */
function inferred(
	answers: readonly { request: AskedRoute; routed: { addresses: string[] } | undefined }[],
	rows: RouteRows,
): Known {
	const main = new Set(
		answers
			.filter(({ request }) => mainOnly.slice(2).includes(request.path))
			.flatMap(({ routed }) => routed?.addresses ?? []),
	);
	const kinds = new Map<string, Set<string>>();
	for (const { request, routed } of answers)
		if (request.app === 'generic_worker' && /sync|rooms|federation|keys/.test(request.route))
			for (const address of routed?.addresses ?? [])
				kinds.set(address, (kinds.get(address) ?? new Set()).add(request.route));
	const worker: ProcessRole = { isMain: false, name: undefined, app: undefined, resources: undefined };
	return {
		of: address =>
			main.has(address)
				? { ...worker, isMain: true }
				: (kinds.get(address)?.size ?? 0) >= 2 && rows.now.length
					? worker
					: undefined,
		writers: () => undefined,
		hasMediaWorker: false,
	};
}

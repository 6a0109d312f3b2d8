// Finds where nginx configurations send a request.
import { type Location, locationFor, locationsIn } from './nginx-locations.ts';
import { type Directive, directivesOf, withIncluded } from './nginx-syntax.ts';
import { conditionOf, mapOf, type NginxMap, type Variables, valuesOf } from './nginx-values.ts';
import { Patterns } from './pattern.ts';
import {
	Effort,
	type Request,
	type ReverseProxy,
	type RouteOutcome,
	type RuleLine,
	routedBy,
	TooMuchWork,
	unfollowed,
} from './route.ts';

type NginxScope = Omit<Variables, 'sets'> & {
	maps: Map<string, NginxMap>;
	upstreams: Map<string, string[]>;
	declared: Set<string>;
};

/** nginx, too, gives up after ten changes of the location. */
const maxJumps = 10;
/** At most this many combinations of conditions that only a real request decides. */
const maxWays = 32;
/** Snippets that set headers, certificates and the like have names like these, and no routes. */
const withoutRoutes =
	/ssl|tls|params|header|mime|cgi|cert|dhparam|security|gzip|brotli|log|acme|letsencrypt|robots|cors|hsts|resolver/i;

/** What these files do with requests. A file with only locations, as used with `include`, counts as a separate site. */
export function nginxOf(files: readonly { name: string; text: string }[], effort = new Effort()): ReverseProxy {
	const problems: ReverseProxy['problems'] = [];
	const read = new Map<string, Directive[]>();
	for (const { name, text } of files) {
		const { directives, problem } = directivesOf(text, name);
		if (problem) problems.push({ file: name, ...problem });
		read.set(name, directives);
	}
	try {
		return { ...sitesOf(withIncluded(read, effort), effort), problems };
	} catch (error) {
		if (!(error instanceof TooMuchWork)) throw error;
		return unfollowed(files[0]?.name ?? '', 0, error.message);
	}
}

function sitesOf(all: readonly Directive[], effort: Effort): Pick<ReverseProxy, 'sites' | 'rules'> {
	const found: NginxScope = {
		maps: new Map(),
		upstreams: new Map(),
		declared: new Set(),
		patterns: new Patterns(effort),
		effort,
	};
	const servers: { place: RuleLine; body: Directive[] }[] = [];
	collect(all, found, servers);
	const loose = all.filter(({ name }) => name === 'location');
	if (loose[0])
		servers.push({ place: loose[0], body: all.filter(({ name }) => name === 'location' || name === 'set') });
	const rules: ReverseProxy['rules'] = [];
	return { sites: servers.map(({ place, body }) => siteOf(place, body, found, rules)), rules };
}

function collect(
	directives: readonly Directive[],
	found: NginxScope,
	servers: { place: RuleLine; body: Directive[] }[],
): void {
	for (const directive of directives) {
		const { name, words, block } = directive;
		if (name === 'set' && words[0]) found.declared.add(words[0]);
		// These forward connections, not requests.
		if (!block || name === 'stream' || name === 'mail') continue;
		if (name === 'map' && words[0] && words[1]) found.maps.set(words[1], mapOf(words[0], block, found.patterns));
		else if (name === 'split_clients' && words[1])
			found.maps.set(words[1], {
				source: '$remote_addr',
				entries: block.flatMap(({ words: [value] }) => (value === undefined ? [] : [{ value }])),
				fallback: '',
				isPartial: false,
			});
		else if (name === 'upstream' && words[0])
			found.upstreams.set(
				words[0],
				block.flatMap(({ name: kind, words: [address, ...rest] }) =>
					kind === 'server' && address && !rest.includes('down') ? [withPort(address, 80)] : [],
				),
			);
		else {
			if (name === 'server') servers.push({ place: directive, body: block });
			collect(block, found, servers);
		}
	}
}

/** A `server` block, or loose locations. */
type Server = { body: readonly Directive[]; locations: readonly Location[]; found: NginxScope };
/** A request on its way through the server. */
type RequestWay = {
	sets: ReadonlyMap<string, string>;
	/** Conditions that only a real request decides, and how they are taken to be. */
	assumed: ReadonlyMap<string, boolean>;
	/** The `if` that it entered last: its directives apply instead of those next to it. */
	entered?: readonly Directive[];
	/** After `break`. */
	isThrough?: true;
	jumps: number;
};
type Ended = { is: 'return'; code: string; way: RequestWay } | { is: 'answered' | 'undecided' };

function siteOf(
	place: RuleLine,
	body: readonly Directive[],
	found: NginxScope,
	rules: ReverseProxy['rules'],
): ReverseProxy['sites'][number] {
	const server: Server = { body, locations: locationsIn(body, rules, found.patterns), found };
	const isPartial = includesRoutes(body);
	return {
		file: place.file,
		line: place.line,
		route: request => {
			found.effort.spend(1 + server.locations.length / 50 + body.length / 50);
			const routed = routedBy(outcomesIn(server, place, request), found.effort);
			return routed && { ...routed, unsure: routed.unsure || isPartial };
		},
	};
}

/** Whether a file that was not given may contain more routes. */
function includesRoutes(body: readonly Directive[]): boolean {
	return body.some(
		({ name, words, block }) =>
			(name === 'include' && !withoutRoutes.test(words[0] ?? '')) || (block !== undefined && includesRoutes(block)),
	);
}

function outcomesIn(server: Server, place: RuleLine, request: Request): RouteOutcome[] {
	const start: RequestWay = { sets: new Map(), assumed: new Map(), jumps: 0 };
	const { through, ended } = rewritten(server.body, start, request, server.found);
	const outcomes = ended.flatMap(end => endOf(end, server.body, server, place, request));
	for (const way of through) {
		const found = locationFor(server.locations, request.path);
		if (found.is === 'none') continue;
		const { place: rule } = found.location;
		if (found.is === 'undecided') outcomes.push({ is: 'undecided', rule });
		else if (found.is === 'redirect') outcomes.push({ is: 'answered', rule });
		else
			outcomes.push(...inLocation(found.location, { sets: way.sets, assumed: way.assumed, jumps: 0 }, server, request));
	}
	return outcomes;
}

/** What `return` leads to: an error page may be another location. */
function endOf(
	end: Ended,
	body: readonly Directive[],
	server: Server,
	rule: RuleLine,
	request: Request,
): RouteOutcome[] {
	if (end.is !== 'return') return [{ is: end.is, rule }];
	const pages = [body, server.body].map(directives => directives.filter(({ name }) => name === 'error_page'));
	const target = pages
		.find(own => own.length)
		?.find(({ words }) => words.includes(end.code))
		?.words.at(-1);
	const next = target?.startsWith('@') ? server.locations.find(({ path }) => path === target) : undefined;
	if (!next) return [{ is: 'answered', rule }];
	return jumpTo(next, end.way, server, request);
}

function jumpTo(location: Location, way: RequestWay, server: Server, request: Request): RouteOutcome[] {
	if (way.jumps >= maxJumps) return [{ is: 'answered', rule: location.place }];
	const { sets, assumed, jumps } = way;
	return inLocation(location, { sets, assumed, jumps: jumps + 1 }, server, request);
}

function inLocation(location: Location, start: RequestWay, server: Server, request: Request): RouteOutcome[] {
	const { place: rule, body } = location;
	server.found.effort.spend(1 + body.length / 50);
	const isNamed = location.kind === 'named';
	if (!isNamed && body.some(({ name }) => name === 'internal')) return [{ is: 'answered', rule }];
	const limit = body.find(({ name, words, block }) => name === 'limit_except' && block && !isExcepted(words, request));
	// nginx takes no `set` or `if` next to `limit_except` into account for the methods that it limits.
	if (limit?.block) return contentOf(location, [limit.block, body], start, server, request);
	const { through, ended } = rewritten(body, start, request, server.found);
	return [
		...ended.flatMap(end => endOf(end, body, server, rule, request)),
		...through.flatMap(way => contentOf(location, way.entered ? [way.entered, body] : [body], way, server, request)),
	];
}

function isExcepted(methods: readonly string[], { method }: Request): boolean {
	return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

/** `bodies`: the one in effect, and those that it inherits from. */
function contentOf(
	location: Location,
	bodies: readonly (readonly Directive[])[],
	way: RequestWay,
	server: Server,
	request: Request,
): RouteOutcome[] {
	const { place: rule } = location;
	server.found.effort.spend(server.body.length / 100);
	const access = [...bodies, server.body].map(body => body.find(({ name }) => name === 'allow' || name === 'deny'));
	const first = access.find(one => one !== undefined);
	if (first?.name === 'deny' && first.words[0] === 'all') return [{ is: 'answered', rule }];
	const pass = bodies.map(body => body.find(({ name }) => name === 'proxy_pass')).find(one => one !== undefined);
	const tried = bodies.map(body => body.find(({ name }) => name === 'try_files')).find(one => one !== undefined);
	if (tried) {
		if (pass) return [{ is: 'undecided', rule }];
		const last = tried.words.at(-1) ?? '';
		const next = server.locations.find(({ kind, path }) => kind === 'named' && path === last);
		if (!next) return [{ is: isStatic(last, server) ? 'answered' : 'undecided', rule }];
		return [{ is: 'answered', rule }, ...jumpTo(next, way, server, request)];
	}
	if (!pass) return [{ is: 'answered', rule }];
	const variables: Variables = { ...server.found, sets: way.sets };
	const word = pass.words[0] ?? '';
	return valuesOf(word, request, variables).map((target): RouteOutcome => {
		const sent = sentTo(target, word.includes('$'), location, request, server.found.upstreams);
		return sent ? { ...sent, rule } : { is: 'undecided', rule };
	});
}

/** Whether nginx answers with this status or this file of its own. */
function isStatic(target: string, { locations }: Server): boolean {
	if (target.startsWith('=')) return true;
	const path = target.replace(/[?$].*/s, '');
	const found = locationFor(locations, path);
	if (!path.startsWith('/') || found.is === 'undecided') return false;
	return found.is === 'none' || !found.location.body.some(({ name }) => /^(?:proxy_pass|if|rewrite)$/.test(name));
}

/** `http://name`, `http://127.0.0.1:8083/`, `http://unix:/run/w.sock:/`. Undefined: not known, or for another path. */
function sentTo(
	target: string,
	hasVariables: boolean,
	{ kind, path: own }: Location,
	{ path }: Request,
	upstreams: NginxScope['upstreams'],
): { is: 'sent'; addresses: string[] } | { is: 'answered' } | undefined {
	const [, scheme = '', rest = ''] = /^(https?):\/\/(.*)$/s.exec(target) ?? [];
	if (!scheme) return undefined;
	const [, unix, host = '', uri] = /^(?:unix:([^:]+)(?::(?=\/|$))?|([^/?]*))(.*)$/s.exec(rest) ?? [];
	if ((unix ?? host).includes('$')) return undefined;
	if (unix === undefined && host === '') return { is: 'answered' };
	if (uri) {
		const start = uri.replaceAll(/\$is_args|\$args|\$query_string/g, '').replace(/\?.*$/s, '');
		const isText = kind === 'prefix' || kind === 'first prefix' || kind === 'exact';
		const received = !hasVariables && isText ? start + path.slice(own.length) : start;
		if (received !== path) return undefined;
	}
	if (unix !== undefined) return { is: 'sent', addresses: [`unix:${unix}`] };
	return { is: 'sent', addresses: upstreams.get(host) ?? [withPort(host, scheme === 'https' ? 443 : 80)] };
}

function withPort(address: string, port: number): string {
	return /^unix:|:\d+$/.test(address) ? address : `${address}:${port}`;
}

/** Runs `set`, `if`, `rewrite`, `return` and `break` in their order, as nginx does before it forwards a request. */
function rewritten(
	body: readonly Directive[],
	start: RequestWay,
	request: Request,
	found: NginxScope,
): { through: RequestWay[]; ended: Ended[] } {
	let through: RequestWay[] = [start];
	const ended: Ended[] = [];
	for (const directive of body) {
		if (!/^(?:set|if|rewrite|return|break)$/.test(directive.name)) continue;
		const next: RequestWay[] = [];
		for (const way of through) {
			if (way.isThrough) next.push(way);
			else {
				const after = step(directive, way, request, found);
				next.push(...after.through);
				ended.push(...after.ended);
			}
		}
		if (next.length + ended.length > maxWays) return { through: [], ended: [{ is: 'undecided' }] };
		through = next;
	}
	return { through, ended };
}

function step(
	directive: Directive,
	way: RequestWay,
	request: Request,
	found: NginxScope,
): { through: RequestWay[]; ended: Ended[] } {
	const { name, words, block } = directive;
	found.effort.spend(1 + (way.sets.size + way.assumed.size) / 20);
	const variables: Variables = { ...found, sets: way.sets };
	const stop = (...ended: Ended[]) => ({ through: [], ended });
	if (name === 'break') return { through: [{ ...way, isThrough: true }], ended: [] };
	if (name === 'return') {
		const [code = '', text] = words;
		return stop(/^[45]\d\d$/.test(code) && text === undefined ? { is: 'return', code, way } : { is: 'answered' });
	}
	if (name === 'set') {
		const [key = '', value = ''] = words;
		const assumed = new Map([...way.assumed].filter(([condition]) => !condition.includes(key)));
		const through = valuesOf(value, request, variables).map(one => ({
			...way,
			assumed,
			sets: new Map(way.sets).set(key, one),
		}));
		return { through, ended: [] };
	}
	if (name === 'rewrite') {
		const [expression = '', to = '', flag = ''] = words;
		const is = found.patterns.of(expression, false)(request.path);
		if (is === false) return { through: [way], ended: [] };
		const isRedirect = /^(?:redirect|permanent)$/.test(flag) || /^(?:https?:\/\/|\$scheme)/.test(to);
		return stop({ is: is === true && isRedirect ? 'answered' : 'undecided' });
	}
	if (!block) return { through: [way], ended: [] };
	const condition = words.join(' ');
	const held = conditionOf(words, request, variables);
	const is = held === 'either' ? (way.assumed.get(condition) ?? held) : held;
	if (is === 'undecided') return stop({ is });
	if (is === false) return { through: [way], ended: [] };
	const assume = (one: boolean): RequestWay =>
		is === 'either' ? { ...way, assumed: new Map(way.assumed).set(condition, one) } : way;
	const inside = rewritten(block, { ...assume(true), entered: block }, request, found);
	return is === 'either' ? { ...inside, through: [assume(false), ...inside.through] } : inside;
}

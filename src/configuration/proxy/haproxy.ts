// Finds where HAProxy configurations send a request.
import {
	type AclCondition,
	type Acls,
	type Assumed,
	aclOf,
	conditionOf,
	type HaproxyContext,
	type HostedRequest,
	queryKey,
	sampleOf,
} from './haproxy-conditions.ts';
import { type HaproxyLine, type ProxySection, sectionsOf } from './haproxy-syntax.ts';
import {
	baseName,
	Effort,
	maxProxyBytes,
	type ReverseProxy,
	type RouteOutcome,
	type RuleLine,
	routedBy,
	TooMuchWork,
	unfollowed,
} from './route.ts';

type HaproxyRule = { when: AclCondition; words: readonly string[]; place: RuleLine };
/** Undefined: the files do not show it. */
type BackendName = (request: HostedRequest, assumed: Assumed) => string | { either: string } | undefined;
/** A section's rules, in the order in which HAProxy applies them. */
type Rules = {
	/** `http-request`, `redirect` and the like, as far as they end or change a request. */
	requests: HaproxyRule[];
	/** `use_backend` of a frontend, `use-server` of a backend. */
	uses: (HaproxyRule & { target: BackendName })[];
};
/** It depends on this condition, which only a real request decides. */
type Open = { is: 'either'; key: string; rule: RuleLine };

/** At most this many conditions that only a real request decides are followed for one request. */
const maxAssumed = 5;
/** At most this many hosts are told apart. */
const maxHosts = 30;
/** A host that no condition names. */
const otherHost = 'other.invalid';

/** What these files do with requests. Map files and path lists are used if they were given, by name. */
export function haproxyOf(files: readonly { name: string; text: string }[], effort = new Effort()): ReverseProxy {
	const context: HaproxyContext = {
		files: new Map(files.map(({ name, text }) => [baseName(name), text])),
		rules: [],
		effort,
		hosts: new Set(),
		variables: new Map(),
	};
	for (const { name, text } of files) {
		if (text.length > maxProxyBytes) return unfollowed(name, 0, 'It is larger than 1 MB.');
		const conditional = text.split('\n').findIndex(line => /^\s*\.(?:if|elif|else)\b/.test(line));
		if (conditional >= 0) return unfollowed(name, conditional + 1, 'It has conditional blocks (`.if`).');
	}
	try {
		return { sites: sitesOf(files.flatMap(sectionsOf), context), rules: context.rules, problems: [] };
	} catch (error) {
		if (!(error instanceof TooMuchWork)) throw error;
		return unfollowed(files[0]?.name ?? '', 0, error.message);
	}
}

function sitesOf(sections: readonly ProxySection[], context: HaproxyContext): ReverseProxy['sites'] {
	noteVariables(sections, context);
	const defaults = defaultsOf(sections);
	const backends = new Map<string, Backend>();
	for (const section of sections)
		if (section.kind === 'backend' || section.kind === 'listen')
			backends.set(section.name, { rules: rulesIn(section, defaults, context), servers: serversOf(section) });
	const frontends = sections
		.filter(({ kind }) => kind === 'frontend' || kind === 'listen')
		.map(section => ({
			section,
			servers: serversOf(section),
			rules: rulesIn(section, defaults, context),
			fallback: fallbackOf(section, defaults),
		}));
	const hosts = [...context.hosts].slice(0, maxHosts);
	return frontends.flatMap(({ section, ...own }) =>
		[...hosts, otherHost].map(host => ({
			file: section.file,
			line: section.line,
			host,
			isUnnamed: host === otherHost,
			route: ({ method, path }) => {
				context.effort.spend(1);
				return routedBy(outcomesIn({ section, ...own, backends }, { method, path, host }, new Map()), context.effort);
			},
		})),
	);
}

/** A variable stands for an expression if one rule sets it for every request. */
function noteVariables(sections: readonly ProxySection[], { variables }: HaproxyContext): void {
	for (const { words } of sections.flatMap(({ lines }) => lines)) {
		const at = words.findIndex(word => /^set-var(?:-fmt)?\(/.test(word));
		const name = /\(([^),]+)/.exec(words[at] ?? '')?.[1];
		if (at < 0 || name === undefined) continue;
		const isSimple = !variables.has(name) && words.length === at + 2 && /^set-var\([^),]+\)$/.test(words[at] ?? '');
		variables.set(name, isSimple ? words[at + 1] : undefined);
	}
}

type Backend = { rules: Rules; servers: { name: string; address: string }[] };
type Frontend = {
	section: ProxySection;
	/** A `listen` section's own servers. */
	servers: Backend['servers'];
	rules: Rules;
	fallback: { name: string; place: RuleLine } | undefined;
	backends: ReadonlyMap<string, Backend>;
};

function fallbackOf(section: ProxySection, defaults: Defaults): Frontend['fallback'] {
	const own = section.lines.findLast(({ words }) => words[0] === 'default_backend');
	const line = own ?? defaults.get(section)?.lines.findLast(({ words }) => words[0] === 'default_backend');
	return line && { name: line.words[1] ?? '', place: { file: line.file, line: line.line } };
}

/** For each section, the one with its defaults: the one that `from` names, or the last one before it. */
type Defaults = ReadonlyMap<ProxySection, ProxySection>;

function defaultsOf(sections: readonly ProxySection[]): Defaults {
	const found = new Map<ProxySection, ProxySection>();
	const named = new Map<string, ProxySection>();
	let last: ProxySection | undefined;
	for (const section of sections) {
		const own = section.from === undefined ? last : named.get(section.from);
		if (own) found.set(section, own);
		if (section.kind !== 'defaults') continue;
		named.set(section.name, section);
		last = section;
	}
	return found;
}

const endings = /^(?:deny|return|redirect|tarpit|reject|silent-drop|use-service)$/;
const changes = /^(?:(?:set|replace)-(?:path|pathq|uri)|set-method)$/;

function rulesIn(section: ProxySection, defaults: Defaults, context: HaproxyContext): Rules {
	const inherited = section.from === undefined ? [] : (defaults.get(section)?.lines ?? []);
	const acls = new Map<string, AclCondition[]>();
	const found: Rules = { requests: [], uses: [] };
	const isFrontend = section.kind !== 'backend';
	for (const line of [...inherited, ...section.lines]) {
		context.effort.spend(1 + line.words.length);
		const [name = '', first = '', ...rest] = line.words;
		if (name === 'acl') {
			// Rules above it, too, refer to a name with all that it stands for.
			const own = acls.get(first) ?? [];
			own.push(aclOf(rest, context, line));
			acls.set(first, own);
		}
		const rule = () => ruleOf(line, acls, context);
		const action = name === 'tcp-request' ? rest[0] : first;
		if (name === 'redirect' || name === 'block') found.requests.push({ ...rule(), words: ['redirect'] });
		else if (
			/^(?:http|tcp)-request$/.test(name) &&
			action !== undefined &&
			(endings.test(action) || changes.test(action))
		)
			found.requests.push({ ...rule(), words: [action, ...rest] });
		else if (name === (isFrontend ? 'use_backend' : 'use-server'))
			found.uses.push({ ...rule(), target: targetOf(first, context) });
	}
	return found;
}

function ruleOf(line: HaproxyLine, acls: Acls, context: HaproxyContext): HaproxyRule {
	const { words, file } = line;
	const at = words.findIndex(word => word === 'if' || word === 'unless');
	const when = conditionOf(at < 0 ? [] : words.slice(at), acls, context, line);
	return { when, words, place: { file, line: line.line } };
}

/** A backend's name, in which `%[path,map_reg(file,other)]` stands for what the map says about the path. */
function targetOf(word: string, context: HaproxyContext): BackendName {
	const parts = word.split(/%\[([^\]]*)\]/).map((part, index): BackendName => {
		if (index % 2 === 0) return () => part;
		const { sample } = sampleOf(part, context);
		return (request, assumed) => {
			const value = sample(request, assumed);
			if (value === false) return '';
			if (typeof value !== 'object') return undefined;
			return 'text' in value ? value.text : value.either === queryKey ? value : undefined;
		};
	});
	return (request, assumed) => {
		let name = '';
		for (const part of parts) {
			const value = part(request, assumed);
			if (typeof value !== 'string') return value;
			name += value;
		}
		return name;
	};
}

function serversOf({ lines }: ProxySection): Backend['servers'] {
	return lines.flatMap(({ words: [kind, name = '', ...rest] }) => {
		const [address, ...settings] = kind === 'server' ? rest : kind === 'server-template' ? rest.slice(1) : [];
		const isOff = settings.includes('disabled') || settings[settings.indexOf('weight') + 1] === '0';
		if (address === undefined || isOff) return [];
		const unix = /^(?:unix@)?(\/.*)$/.exec(address)?.[1];
		return [{ name, address: unix === undefined ? address.replace(/^ipv[46]@/, '') : `unix:${unix}` }];
	});
}

function outcomesIn(frontend: Frontend, request: HostedRequest, assumed: Assumed): RouteOutcome[] {
	const outcome = outcomeIn(frontend, request, assumed);
	if (outcome.is !== 'either') return [outcome];
	if (assumed.size >= maxAssumed) return [{ is: 'undecided', rule: outcome.rule }];
	return [true, false].flatMap(is => outcomesIn(frontend, request, new Map(assumed).set(outcome.key, is)));
}

function outcomeIn(
	{ section, servers, rules, fallback, backends }: Frontend,
	request: HostedRequest,
	assumed: Assumed,
): RouteOutcome | Open {
	const ended = endedBy(rules.requests, request, assumed);
	if (ended) return ended;
	for (const { when, target, place: rule } of rules.uses) {
		const held = when(request, assumed);
		if (held === false) continue;
		if (held !== true) return openOf(held, rule);
		const name = target(request, assumed);
		if (typeof name !== 'string') return openOf(name ?? 'undecided', rule);
		const backend = backends.get(name);
		// The rules after one whose map has no backend for the request are not tried.
		if (!backend) break;
		return inBackend(backend, rule, request, assumed);
	}
	if (fallback) {
		const backend = backends.get(fallback.name);
		return backend ? inBackend(backend, fallback.place, request, assumed) : { is: 'undecided', rule: fallback.place };
	}
	const rule = { file: section.file, line: section.line };
	if (section.kind !== 'listen') return { is: 'answered', rule };
	return { is: 'sent', addresses: servers.map(({ address }) => address), rule };
}

function inBackend(
	{ rules, servers }: Backend,
	rule: RuleLine,
	request: HostedRequest,
	assumed: Assumed,
): RouteOutcome | Open {
	const ended = endedBy(rules.requests, request, assumed);
	if (ended) return ended;
	for (const { when, target, place } of rules.uses) {
		const held = when(request, assumed);
		if (held === false) continue;
		if (held !== true) return openOf(held, place);
		const name = target(request, assumed);
		if (typeof name === 'object') return openOf(name, place);
		const server = servers.find(one => one.name === name);
		return server ? { is: 'sent', addresses: [server.address], rule: place } : { is: 'undecided', rule: place };
	}
	return { is: 'sent', addresses: servers.map(({ address }) => address), rule };
}

function endedBy(
	rules: readonly HaproxyRule[],
	request: HostedRequest,
	assumed: Assumed,
): RouteOutcome | Open | undefined {
	for (const { when, words, place: rule } of rules) {
		const held = when(request, assumed);
		if (held === false) continue;
		if (held !== true) return openOf(held, rule);
		return { is: endings.test(words[0] ?? '') ? 'answered' : 'undecided', rule };
	}
	return undefined;
}

function openOf(held: { either: string } | 'undecided', rule: RuleLine): RouteOutcome | Open {
	return held === 'undecided' ? { is: 'undecided', rule } : { is: 'either', key: held.either, rule };
}

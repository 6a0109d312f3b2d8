// Parses nginx configurations, and finds where they send a request. No npm package keeps line numbers and bounds
// hostile text.
import { type Pattern, patternOf } from './pattern.ts';
import { maxProxyBytes, maxRules, type Request, type ReverseProxy, type Routed } from './route.ts';

export type Directive = { name: string; words: string[]; block?: Directive[]; file: string; line: number };
type RuleLine = { file: string; line: number };

const maxDepth = 20;
/** At most this many combinations of variable values are distinguished. */
const maxValues = 50;

/** The directives in a text, and what is wrong with it. Reads each character once. */
export function directivesOf(
	text: string,
	file: string,
): { directives: Directive[]; problem?: { line: number; why: string } } {
	const root: Directive[] = [];
	const open: Directive[][] = [root];
	let words: { text: string; line: number }[] = [];
	let line = 1;
	const stop = (why: string) => ({ directives: root, problem: { line, why } });
	if (text.length > maxProxyBytes) return stop('It is larger than 1 MB.');
	for (let at = 0; at < text.length; ) {
		const character = text[at] ?? '';
		if (character === '\n') line++;
		if (/\s/.test(character)) at++;
		else if (character === '#') {
			const end = text.indexOf('\n', at);
			at = end < 0 ? text.length : end;
		} else if (character === ';' || character === '{') {
			const [name, ...rest] = words;
			at++;
			if (!name) return stop('A directive without a name.');
			const directive: Directive = { name: name.text, words: rest.map(word => word.text), file, line: name.line };
			open.at(-1)?.push(directive);
			words = [];
			if (character === '{') {
				directive.block = [];
				open.push(directive.block);
				if (open.length > maxDepth) return stop('It is nested too deeply.');
			}
		} else if (character === '}') {
			at++;
			if (words.length || open.length === 1) return stop('A brace that closes nothing.');
			open.pop();
		} else {
			const word = wordAt(text, at);
			words.push({ text: word.text, line });
			line += text.slice(at, word.end).split('\n').length - 1;
			at = word.end;
		}
	}
	if (words.length || open.length > 1) return stop('It ends in the middle of a directive.');
	return { directives: root };
}

/** A word, quoted or not. `${name}` and the braces of a quoted expression are part of it. */
function wordAt(text: string, start: number): { text: string; end: number } {
	const quote = text[start] === '"' || text[start] === "'" ? text[start] : undefined;
	const parts: string[] = [];
	let at = quote ? start + 1 : start;
	for (; at < text.length; at++) {
		const character = text[at] ?? '';
		if (character === '\\' && at + 1 < text.length) {
			const next = text[++at] ?? '';
			parts.push(next === quote || next === '\\' ? next : `\\${next}`);
		} else if (quote ? character === quote : /[\s;]/.test(character)) break;
		else if (!quote && character === '{') {
			if (text[at - 1] !== '$') break;
			const close = text.indexOf('}', at);
			const end = close < 0 ? text.length - 1 : close;
			parts.push(text.slice(at, end + 1));
			at = end;
		} else parts.push(character);
	}
	return { text: parts.join(''), end: Math.max(quote ? at + 1 : at, start + 1) };
}

type Location = {
	place: RuleLine;
	kind: 'exact' | 'prefix' | 'first prefix' | 'expression' | 'named';
	path: string;
	pattern?: Pattern;
	body: Directive[];
	inner: Location[];
};
type Variables = {
	maps: ReadonlyMap<string, NginxMap>;
	upstreams: ReadonlyMap<string, string[]>;
	sets: ReadonlyMap<string, string>;
};
type NginxMap = { source: string; entries: { value: string; literal?: string; pattern?: Pattern }[]; fallback: string };

/** What these files do with requests. A file with only locations, as used with `include`, counts as a separate site. */
export function nginxOf(files: readonly { name: string; text: string }[]): ReverseProxy {
	const problems: ReverseProxy['problems'] = [];
	const read = new Map<string, Directive[]>();
	for (const { name, text } of files) {
		const { directives, problem } = directivesOf(text, name);
		if (problem) problems.push({ file: name, ...problem });
		read.set(name, directives);
	}
	const included = new Set<string>();
	const spliced = [...read].map(([name, directives]) => ({
		name,
		directives: splice(directives, read, included, [name]),
	}));
	const all = spliced.filter(({ name }) => !included.has(name)).flatMap(({ directives }) => directives);
	const found = { maps: new Map<string, NginxMap>(), upstreams: new Map<string, string[]>() };
	const servers: { place: RuleLine; body: Directive[] }[] = [];
	collect(all, found, servers);
	const loose = all.filter(({ name }) => name === 'location');
	if (loose[0])
		servers.push({ place: loose[0], body: all.filter(({ name }) => name === 'location' || name === 'set') });
	const rules: ReverseProxy['rules'] = [];
	const sites = servers.map(({ place, body }) => {
		const sets = new Map(
			body.flatMap(({ name, words: [key, value] }) =>
				name === 'set' && key && value !== undefined ? [[key, value] as const] : [],
			),
		);
		const locations = locationsIn(body, rules);
		const variables: Variables = { ...found, sets };
		return { file: place.file, line: place.line, route: (request: Request) => routeIn(locations, request, variables) };
	});
	if (rules.length > maxRules) {
		problems.push({ file: files[0]?.name ?? '', line: 0, why: `It has more than ${maxRules} locations.` });
		return { sites: [], rules: [], problems };
	}
	return { sites, rules, problems };
}

/** Inserts files named in `include` if they were given. Stops at cycles. */
function splice(
	directives: readonly Directive[],
	read: ReadonlyMap<string, Directive[]>,
	included: Set<string>,
	way: readonly string[],
): Directive[] {
	return directives.flatMap((directive): Directive[] => {
		if (directive.block) return [{ ...directive, block: splice(directive.block, read, included, way) }];
		const wanted = directive.name === 'include' ? baseName(directive.words[0] ?? '') : undefined;
		const name = wanted && [...read.keys()].find(other => baseName(other) === wanted);
		if (!name || way.includes(name) || way.length > 8) return [directive];
		included.add(name);
		return splice(read.get(name) ?? [], read, included, [...way, name]);
	});
}

function baseName(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}

function collect(
	directives: readonly Directive[],
	found: { maps: Map<string, NginxMap>; upstreams: Map<string, string[]> },
	servers: { place: RuleLine; body: Directive[] }[],
): void {
	for (const directive of directives) {
		const { name, words, block } = directive;
		if (!block) continue;
		if (name === 'map' && words[0] && words[1]) found.maps.set(words[1], mapOf(words[0], block));
		else if (name === 'split_clients' && words[1])
			found.maps.set(words[1], {
				source: '$unknown',
				entries: block.flatMap(({ words: [value] }) => (value === undefined ? [] : [{ value }])),
				fallback: '',
			});
		else if (name === 'upstream' && words[0])
			found.upstreams.set(
				words[0],
				block.flatMap(({ name: kind, words: [address, ...rest] }) =>
					kind === 'server' && address && !rest.includes('down') ? [withPort(address)] : [],
				),
			);
		else if (name === 'server') servers.push({ place: directive, body: block });
		else collect(block, found, servers);
	}
}

function mapOf(source: string, block: readonly Directive[]): NginxMap {
	const entries: NginxMap['entries'] = [];
	let fallback = '';
	for (const { name, words } of block) {
		const value = words[0] ?? '';
		if (name === 'default') fallback = value;
		else if (name === 'hostnames' || name === 'volatile') continue;
		else if (name.startsWith('~')) {
			const ignoreCase = name.startsWith('~*');
			entries.push({ value, pattern: patternOf(name.slice(ignoreCase ? 2 : 1), { ignoreCase }) });
		} else entries.push({ value, literal: name.replace(/^\\/, '') });
	}
	return { source, entries, fallback };
}

function locationsIn(body: readonly Directive[], rules: ReverseProxy['rules']): Location[] {
	return body.flatMap((directive): Location[] => {
		const { name, words, block, file, line } = directive;
		if (name !== 'location' || !block) return [];
		const [first = '', second] = words;
		const modifier = second === undefined ? (/^(=|\^~|~\*|~)/.exec(first)?.[0] ?? '') : first;
		const path = second ?? first.slice(modifier.length);
		const isExpression = modifier === '~' || modifier === '~*';
		const kind = isExpression
			? 'expression'
			: modifier === '='
				? 'exact'
				: modifier === '^~'
					? 'first prefix'
					: path.startsWith('@')
						? 'named'
						: 'prefix';
		if (kind !== 'named')
			rules.push({ file, line, path, kind: isExpression ? 'expression' : kind === 'exact' ? 'exact' : 'prefix' });
		return [
			{
				place: { file, line },
				kind,
				path,
				...(isExpression && { pattern: patternOf(path, { ignoreCase: modifier === '~*' }) }),
				body: block,
				inner: locationsIn(block, rules),
			},
		];
	});
}

/**
 * nginx's order: exact match, the longest prefix if it is marked `^~`, the first matching expression, the longest
 * prefix.
 */
function chosen(locations: readonly Location[], path: string): { location: Location; unsure: boolean } | undefined {
	const exact = locations.find(({ kind, path: own }) => kind === 'exact' && own === path);
	if (exact) return { location: exact, unsure: false };
	const prefixes = locations.filter(
		({ kind, path: own }) => (kind === 'prefix' || kind === 'first prefix') && path.startsWith(own),
	);
	const longest = prefixes.reduce<Location | undefined>(
		(best, one) => (!best || one.path.length > best.path.length ? one : best),
		undefined,
	);
	if (longest?.kind === 'first prefix') return { location: longest, unsure: false };
	let unsure = false;
	// Expressions inside the longest prefix take precedence over those next to it.
	if (longest) {
		const inner = chosen(longest.inner, path);
		if (inner) return inner;
	}
	for (const location of locations) {
		if (!location.pattern) continue;
		const is = location.pattern(path);
		if (is === true) return { location, unsure };
		if (is === 'unknown') unsure = true;
	}
	return longest && { location: longest, unsure };
}

function routeIn(locations: readonly Location[], request: Request, variables: Variables): Routed | undefined {
	const found = chosen(locations, request.path);
	if (!found) return undefined;
	const { location, unsure } = found;
	const inner = location.kind === 'expression' ? chosen(location.inner, request.path) : undefined;
	const body = inner?.location.body ?? location.body;
	const rule = inner?.location.place ?? location.place;
	const sets = new Map([
		...variables.sets,
		...body.flatMap(({ name, words: [key, value] }) =>
			name === 'set' && key && value !== undefined ? [[key, value] as const] : [],
		),
	]);
	const passed = passedIn(body, request, { ...variables, sets });
	const rewrites = body.some(({ name, words }) => name === 'rewrite' && words.length > 1);
	return { addresses: passed.addresses, rule, unsure: unsure || passed.unsure || rewrites };
}

/** Where a location's body sends a request: an `if` that holds takes precedence over the directives next to it. */
function passedIn(
	body: readonly Directive[],
	request: Request,
	variables: Variables,
): { addresses: string[]; unsure: boolean } {
	let unsure = false;
	const maybe: string[] = [];
	for (const { name, words, block } of body) {
		if (name !== 'if' || !block) continue;
		const is = conditionOf(words, request, variables);
		if (is === false) continue;
		const inner = passedIn(block, request, variables);
		const ends = block.some(directive => directive.name === 'return');
		if (is === true && (inner.addresses.length || ends)) return inner;
		if (is === 'unknown') {
			maybe.push(...inner.addresses);
			unsure = unsure || ends;
		}
	}
	const pass = body.find(({ name }) => name === 'proxy_pass');
	const values = pass ? valuesOf(pass.words[0] ?? '', request, variables) : [];
	const addresses = values.flatMap(value => addressesOf(value, variables));
	return { addresses: [...new Set([...maybe, ...addresses])], unsure: unsure || values.length > 1 };
}

/** `($request_method = GET)`, `($uri ~ ^/x)`, `($flag)`. */
function conditionOf(words: readonly string[], request: Request, variables: Variables): boolean | 'unknown' {
	const [left = '', operator, ...rest] = words
		.join(' ')
		.replace(/^\(\s*/, '')
		.replace(/\s*\)$/, '')
		.split(/\s+/);
	const right = rest.join(' ').replace(/^(["'])(.*)\1$/, '$2');
	const values = valuesOf(left, request, variables);
	const decided = new Set(
		values.map((value): boolean | 'unknown' => {
			if (value.includes('$')) return 'unknown';
			if (operator === undefined) return value !== '' && value !== '0';
			if (operator === '=' || operator === '!=') return (value === right) === (operator === '=');
			const is = patternOf(right, { ignoreCase: operator.includes('*') })(value);
			return is === 'unknown' ? is : operator.startsWith('!') ? !is : is;
		}),
	);
	const [only] = decided;
	return decided.size === 1 && only !== undefined ? only : 'unknown';
}

/** Every possible value of a text with variables. A variable that only a real request has is left as it is. */
function valuesOf(text: string, request: Request, variables: Variables, depth = 0): string[] {
	const parts = text.split(/(\$\{\w+\}|\$\w+)/);
	let values = [''];
	for (const part of parts) {
		const name = /^\$\{?(\w+)\}?$/.exec(part)?.[1];
		const choices = name === undefined ? [part] : variableOf(`$${name}`, request, variables, depth);
		values = values.flatMap(before => choices.map(choice => before + choice)).slice(0, maxValues);
	}
	return [...new Set(values)];
}

function variableOf(name: string, request: Request, variables: Variables, depth: number): string[] {
	if (name === '$request_method') return [request.method];
	if (name === '$uri' || name === '$document_uri' || name === '$request_uri') return [request.path];
	if (name === '$scheme') return ['https'];
	if (depth > 8) return [name];
	const own = variables.sets.get(name);
	if (own !== undefined) return valuesOf(own, request, variables, depth + 1);
	const map = variables.maps.get(name);
	if (!map) return [name];
	const results = valuesOf(map.source, request, variables, depth + 1).flatMap(source => mapped(map, source));
	return [...new Set(results)].slice(0, maxValues).flatMap(value => valuesOf(value, request, variables, depth + 1));
}

/**
 * A map tries its literals, then its expressions in order. A source that only a real request has may lead to any
 * value.
 */
function mapped({ entries, fallback }: NginxMap, source: string): string[] {
	const every = [...entries.map(({ value }) => value), fallback];
	if (source.includes('$')) return every;
	const literal = entries.find(
		entry => entry.literal !== undefined && entry.literal.toLowerCase() === source.toLowerCase(),
	);
	if (literal) return [literal.value];
	const maybe: string[] = [];
	for (const { value, pattern } of entries) {
		const is = pattern?.(source);
		if (is === true) return [...maybe, value];
		if (is === 'unknown') maybe.push(value);
	}
	return [...maybe, fallback];
}

/** `http://name`, `http://127.0.0.1:8083/`, `http://unix:/run/w.sock:/`. */
function addressesOf(target: string, { upstreams }: Variables): string[] {
	const rest = /^https?:\/\/(.*)$/.exec(target)?.[1];
	if (rest === undefined || rest.includes('$')) return [];
	const unix = /^unix:([^:]+)/.exec(rest)?.[1];
	if (unix !== undefined) return [`unix:${unix}`];
	const host = rest.split('/', 1)[0] ?? '';
	return upstreams.get(host) ?? [withPort(host)];
}

function withPort(address: string): string {
	return /^unix:|:\d+$/.test(address) ? address : `${address}:80`;
}

// Whether HAProxy's conditions hold for a request, as far as the configuration decides that.
import type { HaproxyLine } from './haproxy-syntax.ts';
import { patternOf } from './pattern.ts';
import { baseName, type Effort, type Request, type ReverseProxy } from './route.ts';

/** A request for one of the hosts that the conditions name. */
export type HostedRequest = Request & { host: string };
/**
 * `either`: requests differ in it, for example in their source address; the key is the same for equal conditions.
 * `undecided`: the files do not show it.
 */
export type AclAnswer = boolean | { either: string } | 'undecided';
/** How conditions that only a real request decides are taken to be. */
export type Assumed = ReadonlyMap<string, boolean>;
export type AclCondition = (request: HostedRequest, assumed: Assumed) => AclAnswer;
/** What an expression such as `path,lower` yields. */
type SampleOf = (request: HostedRequest, assumed: Assumed) => { text: string } | AclAnswer;

export type HaproxyContext = {
	/** Map files and lists, by name without folders. */
	files: ReadonlyMap<string, string>;
	rules: ReverseProxy['rules'];
	effort: Effort;
	/** The hosts that conditions name. */
	hosts: Set<string>;
	/** What `set-var` stores, by the variable's name; undefined if several rules or conditions decide it. */
	variables: Map<string, string | undefined>;
};

export type Acls = ReadonlyMap<string, readonly AclCondition[]>;

/** Whether the request has a query. */
export const queryKey = '?';
const suffixes = /_(str|beg|end|sub|dir|dom|reg|len|int|found)$/;

/** `path`, `path_beg`, `req.hdr(host),lower`, `var(txn.path)`, with the kind of comparison that its suffix stands for. */
export function sampleOf(
	expression: string,
	context: HaproxyContext,
	depth = 0,
): { sample: SampleOf; kind: string; source: string } {
	const [fetch = '', ...converters] = partsOf(expression);
	const [, whole = '', argument] = /^([\w.]+?)(?:\(([^()]*)\))?$/.exec(fetch) ?? [];
	const kind = suffixes.exec(whole)?.[1] ?? 'str';
	const name = whole.replace(suffixes, '');
	if (name === 'var' && depth < 5) {
		const alias = context.variables.get(argument ?? '');
		if (alias === undefined) return { sample: () => 'undecided', kind, source: name };
		const inner = sampleOf([alias, ...converters].join(','), context, depth + 1);
		return { ...inner, kind: kind === 'str' ? inner.kind : kind };
	}
	const source = /^(?:req\.)?f?hdr$/.test(name) && argument?.toLowerCase() === 'host' ? 'host' : name;
	const first = fetched(source, argument, expression);
	const steps = converters.map(converter => converterOf(converter, context));
	const sample: SampleOf = (request, assumed) => {
		let value = first(request, assumed);
		for (const step of steps) {
			if (typeof value !== 'object' || !('text' in value)) return value;
			value = step(value.text);
		}
		return value;
	};
	return { sample, kind, source };
}

/** Splits at commas outside of parentheses. */
function partsOf(expression: string): string[] {
	return expression.match(/(?:[^,()]|\([^()]*(?:\([^()]*\)[^()]*)*\))+/g) ?? [];
}

function fetched(source: string, argument: string | undefined, expression: string): SampleOf {
	switch (source) {
		case 'path':
			return ({ path }) => ({ text: path });
		case 'url':
		case 'pathq':
		case 'capture.req.uri':
			return ({ path }, assumed) => {
				const hasQuery = assumed.get(queryKey);
				return hasQuery === undefined ? { either: queryKey } : { text: hasQuery ? `${path}?a=a` : path };
			};
		case 'base':
			return ({ host, path }) => ({ text: host + path });
		case 'method':
			return ({ method }) => ({ text: method });
		case 'host':
		case 'req.ssl_sni':
		case 'req_ssl_sni':
		case 'ssl_fc_sni':
			return ({ host }) => ({ text: host });
		case 'str':
			return () => ({ text: argument ?? '' });
		case 'ssl_fc':
		case 'always_true':
			return () => true;
		case 'always_false':
			return () => false;
		default:
			return () => ({ either: expression });
	}
}

function converterOf(converter: string, context: HaproxyContext): (text: string) => { text: string } | AclAnswer {
	const [, name = '', argument = ''] = /^([\w.]+)(?:\((.*)\))?$/.exec(converter) ?? [];
	if (name === 'lower') return text => ({ text: text.toLowerCase() });
	if (name === 'upper') return text => ({ text: text.toUpperCase() });
	if (name === 'url_dec' || name === 'host_only' || (name === 'field' && /^1,['"]?:/.test(argument)))
		return text => ({ text });
	const kind = /^map(?:_(str|beg|reg|dir|sub|end|dom))?$/.exec(name);
	if (!kind) return () => 'undecided';
	const [file = '', other] = argument.split(',').map(part => part.trim());
	return mapOf(kind[1] ?? 'str', file, other, context);
}

/** A map's value for a text; its own default if there is none, and no value without a default. */
function mapOf(kind: string, file: string, other: string | undefined, context: HaproxyContext) {
	const text = context.files.get(baseName(file));
	if (text === undefined) return (): AclAnswer => 'undecided';
	const entries = text.split(/\r?\n/).flatMap((line, index) => {
		const [, key, value] = /^\s*([^\s#]\S*)\s+(.*?)\s*$/.exec(line) ?? [];
		if (key === undefined || value === undefined) return [];
		context.rules.push({ file, line: index + 1, kind: ruleKind(kind), path: key });
		return [{ key, value, matches: comparisonFor(kind, key, false, context) }];
	});
	// HAProxy looks up prefixes in a tree, where the longest one takes precedence.
	if (kind === 'beg') entries.sort((a, b) => b.key.length - a.key.length);
	const isOrdered = kind === 'beg' || kind === 'str';
	return (asked: string): { text: string } | AclAnswer => {
		const found = new Set<string>();
		for (const { matches, value } of entries) {
			const is = matches(asked);
			if (is === 'unknown') return 'undecided';
			if (is) found.add(value);
			if (is && isOrdered) break;
		}
		const [first] = found;
		// Which of several matches takes precedence depends on HAProxy's version.
		if (found.size > 1) return 'undecided';
		return first !== undefined ? { text: first } : other === undefined ? false : { text: other };
	};
}

function ruleKind(kind: string): 'expression' | 'prefix' | 'exact' {
	return kind === 'reg' ? 'expression' : kind === 'beg' || kind === 'dir' ? 'prefix' : 'exact';
}

function comparisonFor(
	kind: string,
	value: string,
	ignoreCase: boolean,
	{ effort }: HaproxyContext,
): (text: string) => boolean | 'unknown' {
	if (kind === 'reg') return patternOf(value, { ignoreCase, effort });
	const wanted = ignoreCase ? value.toLowerCase() : value;
	return text => {
		effort.spend(0.2 + (text.length + wanted.length) / 2000);
		const asked = ignoreCase ? text.toLowerCase() : text;
		switch (kind) {
			case 'str':
				return asked === wanted;
			case 'beg':
				return asked.startsWith(wanted);
			case 'end':
				return asked.endsWith(wanted);
			case 'sub':
				return asked.includes(wanted);
			case 'dir':
				return `/${asked}/`.includes(`/${wanted.replace(/^\/+|\/+$/g, '')}/`);
			case 'dom':
				return `.${asked.replaceAll(/[/?:]/g, '.')}.`.includes(`.${wanted.replace(/^[./?:]+|[./?:]+$/g, '')}.`);
			case 'found':
				return true;
			default:
				return 'unknown';
		}
	};
}

/** The words after an ACL's name: `path_beg -i /a /b`, `path,url_dec -m reg ^/x`, `method GET`, `hdr(host) -f hosts`. */
export function aclOf(
	[criterion = '', ...words]: readonly string[],
	context: HaproxyContext,
	place: HaproxyLine,
): AclCondition {
	if (/^(?:TRUE|FALSE)$/.test(criterion)) return () => criterion === 'TRUE';
	const { sample, source, ...own } = sampleOf(criterion, context);
	// HAProxy ignores what the suffix says if a converter follows (`path_beg,lower`), as most people do not expect.
	let kind = own.kind !== 'str' && criterion.includes(',') ? 'ignored' : own.kind;
	let ignoreCase = false;
	const values: string[] = [];
	let isMissing = false;
	let areFlags = true;
	for (let i = 0; i < words.length; i++) {
		const word = words[i] ?? '';
		if (!areFlags || !word.startsWith('-')) {
			areFlags = false;
			values.push(word);
		} else if (word === '-i') ignoreCase = true;
		else if (word === '-m') kind = words[++i] ?? kind;
		else if (word === '-u') i++;
		else if (word === '-f') {
			const text = context.files.get(baseName(words[++i] ?? ''));
			if (text === undefined) isMissing = true;
			else values.push(...listed(text));
		} else if (word === '--') areFlags = false;
	}
	if (source === 'host') for (const host of values) noteHost(host, kind, context);
	else if (source !== 'method')
		for (const path of values) context.rules.push({ file: place.file, line: place.line, kind: ruleKind(kind), path });
	const comparisons = values.map(value => comparisonFor(kind, value, ignoreCase, context));
	const key = [criterion, ...words].join(' ');
	return (request, assumed) => {
		const value = sample(request, assumed);
		if (typeof value === 'object' && 'either' in value)
			return value.either === queryKey ? value : (assumed.get(key) ?? { either: key });
		if (typeof value !== 'object') return value;
		if (kind === 'found') return true;
		// Known methods are not compared as texts: neither -i nor -m has an effect.
		if (source === 'method') return values.includes(value.text);
		const answers = comparisons.map(matches => matches(value.text));
		return answers.includes(true) ? true : isMissing || answers.includes('unknown') ? 'undecided' : false;
	};
}

function listed(text: string): string[] {
	return text
		.split(/\r?\n/)
		.map(line => line.trim())
		.filter(line => line && !line.startsWith('#'));
}

/** A host for which this condition holds. */
function noteHost(value: string, kind: string, { hosts }: HaproxyContext): void {
	if (kind === 'str') hosts.add(value);
	else if (kind === 'beg') hosts.add(`${value}.example`.replace('..', '.'));
	else if (kind !== 'reg') hosts.add(`matrix.${value}`.replace('..', '.'));
	else hosts.add(value.replaceAll(/\\(.)/g, '$1').replaceAll(/[\^$()?*+]/g, ''));
}

/** `if a b || !c`, `unless a`, with conditions in braces. Several declarations of one ACL are combined with or. */
export function conditionOf(
	[word, ...terms]: readonly string[],
	acls: Acls,
	context: HaproxyContext,
	place: HaproxyLine,
): AclCondition {
	if (word !== 'if' && word !== 'unless') return () => true;
	const groups: AclCondition[][] = [[]];
	for (let i = 0; i < terms.length; i++) {
		let term = terms[i] ?? '';
		if (term === '||' || term === 'or') {
			groups.push([]);
			continue;
		}
		let isNot = false;
		while (term.startsWith('!')) {
			isNot = !isNot;
			term = term.slice(1) || (terms[++i] ?? '');
		}
		let acl: AclCondition;
		if (term === '{') {
			const end = terms.indexOf('}', i);
			acl = aclOf(terms.slice(i + 1, end < 0 ? undefined : end), context, place);
			i = end < 0 ? terms.length : end;
		} else {
			// HAProxy requires declarations before use.
			const own = named(term, acls);
			acl = (request, assumed) => {
				context.effort.spend(own.length / 100);
				return anyOf(own.map(one => one(request, assumed)));
			};
		}
		groups.at(-1)?.push(isNot ? (request, assumed) => negated(acl(request, assumed)) : acl);
	}
	const holds: AclCondition = (request, assumed) => {
		context.effort.spend(0.2 * terms.length);
		return anyOf(groups.map(group => allOf(group.map(one => one(request, assumed)))));
	};
	return word === 'unless' ? (request, assumed) => negated(holds(request, assumed)) : holds;
}

/** HAProxy predefines some ACLs. */
function named(name: string, acls: Acls): readonly AclCondition[] {
	const own = acls.get(name);
	if (own) return own;
	if (name === 'METH_GET') return [({ method }) => method === 'GET' || method === 'HEAD'];
	if (/^METH_\w+$/.test(name)) return [({ method }) => method === name.slice(5)];
	if (/^(?:TRUE|HTTP|HTTP_URL_SLASH|WAIT_END)$/.test(name)) return [() => true];
	if (/^(?:FALSE|HTTP_URL_ABS|HTTP_URL_STAR)$/.test(name)) return [() => false];
	if (/^(?:LOCALHOST|HTTP_(?:1\.[01]|2\.0|CONTENT)|REQ_CONTENT|RDP_COOKIE)$/.test(name))
		return [(_, assumed) => assumed.get(name) ?? { either: name }];
	return [() => 'undecided'];
}

function negated(answer: AclAnswer): AclAnswer {
	return typeof answer === 'boolean' ? !answer : answer;
}

function anyOf(answers: readonly AclAnswer[]): AclAnswer {
	return answers.includes(true) ? true : openOf(answers, false);
}

function allOf(answers: readonly AclAnswer[]): AclAnswer {
	return answers.includes(false) ? false : openOf(answers, true);
}

function openOf(answers: readonly AclAnswer[], otherwise: boolean): AclAnswer {
	if (answers.includes('undecided')) return 'undecided';
	return answers.find(answer => typeof answer === 'object') ?? otherwise;
}

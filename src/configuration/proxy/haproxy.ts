// Parses HAProxy configurations, and finds where they send a request.
import { type Pattern, patternOf } from './pattern.ts';
import { maxProxyBytes, maxRules, type Request, type ReverseProxy, type Routed } from './route.ts';

type HaproxyLine = { words: string[]; file: string; line: number };
type ProxySection = { kind: string; name: string; file: string; line: number; lines: HaproxyLine[] };
/** Whether a condition holds; `unknown`: it depends on something that only a real request has. */
type AclAnswer = boolean | 'unknown';
type Acl = (request: Request) => AclAnswer;
type TextsByName = ReadonlyMap<string, string>;

const sectionNames =
	/^(global|defaults|frontend|backend|listen|resolvers|peers|userlist|cache|program|mailers|ring|http-errors)$/;
const maxCandidates = 50;

/** What these files do with requests. Map files and path lists are used if they were given, by name. */
export function haproxyOf(files: readonly { name: string; text: string }[]): ReverseProxy {
	const texts: TextsByName = new Map(files.map(({ name, text }) => [baseName(name), text]));
	const problems: ReverseProxy['problems'] = files
		.filter(({ text }) => text.length > maxProxyBytes)
		.map(({ name }) => ({ file: name, line: 0, why: 'It is larger than 1 MB.' }));
	if (problems.length) return { sites: [], rules: [], problems };
	const sections = files.flatMap(file => sectionsOf(file));
	const backends = new Map(
		sections.filter(({ kind }) => kind === 'backend' || kind === 'listen').map(section => [section.name, section]),
	);
	const rules: ReverseProxy['rules'] = [];
	const sites = sections
		.filter(({ kind }) => kind === 'frontend' || kind === 'listen')
		.map(section => siteOf(section, backends, texts, rules));
	if (rules.length > maxRules) {
		problems.push({ file: files[0]?.name ?? '', line: 0, why: `It has more than ${maxRules} rules.` });
		return { sites: [], rules: [], problems };
	}
	return { sites, rules, problems };
}

function baseName(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}

function sectionsOf({ name: file, text }: { name: string; text: string }): ProxySection[] {
	const sections: ProxySection[] = [];
	for (const [index, raw] of text.split(/\r?\n/).entries()) {
		const words = wordsOf(raw);
		const [kind = '', name = ''] = words;
		if (!words.length) continue;
		if (/^\S/.test(raw) && sectionNames.test(kind)) sections.push({ kind, name, file, line: index + 1, lines: [] });
		else sections.at(-1)?.lines.push({ words, file, line: index + 1 });
	}
	return sections;
}

/** Handles quotes, backslashes before blanks, and comments after a number sign. */
function wordsOf(line: string): string[] {
	const words: string[] = [];
	for (const [, double, single, plain] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:\\.|[^\s"'#])+)|#.*/g)) {
		if (double !== undefined) words.push(double.replace(/\\(["\\$])/g, '$1'));
		else if (single !== undefined) words.push(single);
		else if (plain !== undefined) words.push(plain.replace(/\\([ #])/g, '$1'));
		else break;
	}
	return words;
}

function siteOf(
	section: ProxySection,
	backends: ReadonlyMap<string, ProxySection>,
	files: TextsByName,
	rules: ReverseProxy['rules'],
): ReverseProxy['sites'][number] {
	const acls = new Map<string, Acl[]>();
	const uses: { target: (request: Request) => string[]; when: Acl; place: HaproxyLine }[] = [];
	let fallback: { name: string; place: HaproxyLine } | undefined;
	for (const line of section.lines) {
		const [name = '', first = '', ...rest] = line.words;
		if (name === 'acl') {
			const acl = aclOf(rest, files, line, rules);
			acls.set(first, [...(acls.get(first) ?? []), acl]);
		} else if (name === 'use_backend')
			uses.push({
				target: targetOf(first, files, rules),
				when: whenOf(rest, acls, files, line, rules),
				place: line,
			});
		else if (name === 'default_backend') fallback = { name: first, place: line };
	}
	const own = section.kind === 'listen' ? serversOf(section) : [];
	const route = (request: Request): Routed | undefined => {
		const maybe: string[] = [];
		let unsure = false;
		for (const { target, when, place } of uses) {
			const is = when(request);
			if (is === false) continue;
			const names = target(request);
			const addresses = names.flatMap(name => serversOf(backends.get(name)));
			if (is === true && names.some(name => backends.has(name)))
				return { addresses: [...new Set([...maybe, ...addresses])], rule: place, unsure: unsure || names.length > 1 };
			if (is === 'unknown') {
				maybe.push(...addresses);
				unsure = true;
			}
		}
		const last = fallback ? serversOf(backends.get(fallback.name)) : own;
		if (!last.length && !maybe.length) return undefined;
		const place = fallback?.place ?? section;
		return { addresses: [...new Set([...maybe, ...last])], rule: { file: place.file, line: place.line }, unsure };
	};
	return { file: section.file, line: section.line, route };
}

function serversOf(section: ProxySection | undefined): string[] {
	return (section?.lines ?? []).flatMap(({ words: [name, , address, ...rest] }) => {
		if (name !== 'server' || address === undefined || rest.includes('disabled')) return [];
		const unix = /^(?:unix@)?(\/.*)$/.exec(address)?.[1];
		return [unix === undefined ? address.replace(/^ipv[46]@/, '') : `unix:${unix}`];
	});
}

/** The backend's name, or with `%[path,map_reg(file,other)]` the map's entry for the path. */
function targetOf(word: string, files: TextsByName, rules: ReverseProxy['rules']): (request: Request) => string[] {
	const map =
		/^%\[(path|url|base|method)((?:,lower)?),map(?:_(str|beg|reg|dir|sub|end))?\(([^,)]+)(?:,([^)]*))?\)\]$/.exec(word);
	if (!map) return () => (word.includes('%[') ? [] : [word]);
	const [, source, , kind = 'str', name = '', other] = map;
	const text = files.get(baseName(name));
	if (text === undefined || source === 'base') return () => (other ? [other] : []);
	const entries = text.split(/\r?\n/).flatMap((line, index) => {
		const [key, value] = line.trim().split(/\s+/);
		if (!key || key.startsWith('#') || value === undefined) return [];
		rules.push({ file: name, line: index + 1, kind: ruleKind(kind), path: key });
		return [{ matches: matcherOf(kind, key, false), value }];
	});
	return request => {
		const asked = source === 'method' ? request.method : request.path;
		const found = entries.find(({ matches }) => matches(asked) === true);
		return found ? [found.value] : other ? [other] : [];
	};
}

function ruleKind(kind: string): 'expression' | 'prefix' | 'exact' {
	return kind === 'reg' ? 'expression' : kind === 'beg' || kind === 'dir' ? 'prefix' : 'exact';
}

function matcherOf(kind: string, value: string, ignoreCase: boolean): Pattern {
	if (kind === 'reg') return patternOf(value, { ignoreCase });
	const wanted = ignoreCase ? value.toLowerCase() : value;
	return text => {
		const asked = ignoreCase ? text.toLowerCase() : text;
		if (kind === 'beg') return asked.startsWith(wanted);
		if (kind === 'end') return asked.endsWith(wanted);
		if (kind === 'sub') return asked.includes(wanted);
		if (kind === 'dir') return `/${asked}/`.includes(`/${wanted.replace(/^\/|\/$/g, '')}/`);
		return asked === wanted;
	};
}

/**
 * `path_beg -i /a /b`, `path,url_dec -m reg ^/x`, `method GET`; anything else depends on details of the real request.
 */
function aclOf(
	[criterion = '', ...words]: readonly string[],
	files: TextsByName,
	place: HaproxyLine,
	rules: ReverseProxy['rules'],
): Acl {
	if (/^(always_true|TRUE)$/.test(criterion)) return () => true;
	if (/^(always_false|FALSE)$/.test(criterion)) return () => false;
	// Assume that requests use the Matrix server's host name.
	if (/^(hdr|req\.hdr|hdr_\w+|req\.ssl_sni|ssl_fc\w*)\b/.test(criterion) && /host|ssl/i.test(criterion))
		return () => true;
	const [, source, suffix] =
		/^(path|url|base|method)(?:_(beg|reg|end|sub|dir))?(?:,(?:url_dec|lower))*$/.exec(criterion) ?? [];
	if (source === undefined || source === 'base') return () => 'unknown';
	let kind = suffix ?? 'str';
	let ignoreCase = /,lower/.test(criterion);
	const values: string[] = [];
	let isMissing = false;
	for (let i = 0; i < words.length; i++) {
		const word = words[i] ?? '';
		if (word === '-i') ignoreCase = true;
		else if (word === '-m') kind = words[++i] ?? kind;
		else if (word === '-f') {
			const text = files.get(baseName(words[++i] ?? ''));
			if (text === undefined) isMissing = true;
			else
				values.push(
					...text
						.split(/\r?\n/)
						.map(line => line.trim())
						.filter(line => line && !line.startsWith('#')),
				);
		} else if (word !== '--') values.push(word);
	}
	if (source !== 'method')
		for (const path of values) rules.push({ file: place.file, line: place.line, kind: ruleKind(kind), path });
	const matchers = values.map(value => matcherOf(kind, value, ignoreCase));
	return request => {
		const asked = source === 'method' ? request.method : request.path;
		const answers = matchers.map(matches => matches(asked));
		return answers.includes(true) ? true : isMissing || answers.includes('unknown') ? 'unknown' : false;
	};
}

/** `if a b || !c`, `unless a`, with conditions in braces. Several declarations of one ACL are combined with or. */
function whenOf(
	[word, ...terms]: readonly string[],
	acls: ReadonlyMap<string, Acl[]>,
	files: TextsByName,
	place: HaproxyLine,
	rules: ReverseProxy['rules'],
): Acl {
	if (word !== 'if' && word !== 'unless') return () => true;
	const groups: Acl[][] = [[]];
	for (let i = 0; i < terms.length && groups.length < maxCandidates; i++) {
		let term = terms[i] ?? '';
		if (term === '||' || term === 'or') {
			groups.push([]);
			continue;
		}
		let isNot = false;
		if (term.startsWith('!')) {
			isNot = true;
			term = term.slice(1) || (terms[++i] ?? '');
		}
		let acl: Acl;
		if (term === '{') {
			const end = terms.indexOf('}', i);
			acl = aclOf(terms.slice(i + 1, end < 0 ? undefined : end), files, place, rules);
			i = end < 0 ? terms.length : end;
		} else {
			// HAProxy requires declarations before use.
			const own = named(term, acls);
			acl = request => anyOf(own.map(one => one(request)));
		}
		groups.at(-1)?.push(isNot ? request => negated(acl(request)) : acl);
	}
	const holds = (request: Request) => anyOf(groups.map(group => allOf(group.map(one => one(request)))));
	return word === 'unless' ? request => negated(holds(request)) : holds;
}

/** HAProxy predefines some ACLs. */
function named(name: string, acls: ReadonlyMap<string, Acl[]>): Acl[] {
	const own = acls.get(name);
	if (own) return own;
	if (name === 'METH_GET') return [({ method }) => method === 'GET' || method === 'HEAD'];
	if (/^METH_\w+$/.test(name)) return [({ method }) => method === name.slice(5)];
	if (name === 'TRUE') return [() => true];
	return [() => (name === 'FALSE' ? false : 'unknown')];
}

function negated(answer: AclAnswer): AclAnswer {
	return answer === 'unknown' ? answer : !answer;
}

function anyOf(answers: readonly AclAnswer[]): AclAnswer {
	return answers.includes(true) ? true : answers.includes('unknown') ? 'unknown' : false;
}

function allOf(answers: readonly AclAnswer[]): AclAnswer {
	return answers.includes(false) ? false : answers.includes('unknown') ? 'unknown' : true;
}

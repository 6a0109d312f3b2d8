// Who is affected by something, as a clause that continues “if”, without ids of facts or parameters.

import type { Applies } from '../deployment/condition.ts';
import { type Fact, isClosed, isOpen, type OpenFact, parseStored, type Term } from '../deployment/facts.ts';
import { memo } from '../runtime/memo.ts';
import { capital, enumerate } from '../text/format.ts';
import { code } from '../text/markdown.ts';

/** What follows “you” if a fact is true, and if it is false. */
const openWords: Record<OpenFact, readonly [yes: string, no: string]> = {
	workers: ['run workers', 'run no workers'],
	'reverse-proxy': ['have a reverse proxy', 'have no reverse proxy'],
	federation: ['federate', 'do not federate'],
	appservices: ['have bridges or other application services', 'have no bridges or other application services'],
	modules: ['load modules', 'load no modules'],
	email: ['send email', 'send no email'],
	phone: ['use phone numbers', 'do not use phone numbers'],
	sso: ['use single sign-on', 'do not use single sign-on'],
	saml: ['use SAML', 'do not use SAML'],
	cas: ['use CAS', 'do not use CAS'],
	oidc: ['use OpenID Connect', 'do not use OpenID Connect'],
	mas: ['use MAS', 'do not use MAS'],
	metrics: ['collect metrics', 'do not collect metrics'],
	'admin-api': ['use the admin API', 'do not use the admin API'],
	media: ['store media', 'store no media'],
	'url-previews': ['use URL previews', 'do not use URL previews'],
	turn: ['use TURN', 'do not use TURN'],
	registration: ['allow registration', 'do not allow registration'],
	retention: ['use message retention', 'do not use message retention'],
};

const installWords: Record<string, string> = {
	pip: 'use pip',
	source: 'run from a source checkout',
	debian: "use upstream's Debian packages",
	distro: "use Debian's or Ubuntu's own packages",
	docker: 'use the Docker image',
	mdad: 'use matrix-docker-ansible-deploy',
	ess: 'use ESS',
	nix: 'use NixOS',
};

/** For a list that includes a source checkout: “use pip, run from a source checkout or use NixOS” reads badly. */
const installedWords: Record<string, string> = {
	pip: 'with pip',
	source: 'from a source checkout',
	debian: "from upstream's Debian packages",
	distro: "from Debian's or Ubuntu's own packages",
	nix: 'on NixOS',
};

const engineWords: Partial<Record<Fact, string>> = { postgres: 'PostgreSQL', sqlite: 'SQLite', python: 'Python' };
const comparisons: Record<Term['operator'], (value: string) => string> = {
	'=': value => value,
	'<': value => `older than ${value}`,
	'<=': value => `up to ${value}`,
	'>': value => `newer than ${value}`,
	'>=': value => `${value} or newer`,
};

/** What follows “you”. */
function factClause({ fact, operator, value }: Term): string {
	if (isOpen(fact)) return openWords[fact][value === false ? 1 : 0];
	const text = String(value);
	if (fact === 'install') return installWords[text] ?? `installed by ${text}`;
	if (fact === 'os') return `run ${capital(text).replace('-', ' ')}`;
	if (fact === 'database') return `use ${engineWords[text as Fact] ?? text}`;
	return `use ${engineWords[fact] ?? fact} ${comparisons[operator](text)}`;
}

/** A guide parameter (`proxy=nginx|caddy`), by the name that people use to set it. */
function parameterClause(text: string): string {
	const [, name = text, operator = '', values = ''] = /^([\w{}-]+?)(!=|<=|>=|[=<>])(.*)$/.exec(text) ?? [];
	const listed = enumerate(values.split('|').map(code), 'or');
	const is: Record<string, string> = { '=': 'is', '!=': 'is not', '<': 'is below', '>': 'is above' };
	if (operator === '<=') return `${code(name)} is ${listed} or lower`;
	if (operator === '>=') return `${code(name)} is ${listed} or higher`;
	return `${code(name)} ${is[operator] ?? 'is'} ${listed}`;
}

/**
 * Clauses that must all hold, as one: “you use SQLite and have modules” instead of “you use SQLite, and you have
 * modules”. Empty if there are none.
 */
export function allOf(conditions: readonly (string | undefined)[]): string {
	const [first = '', ...clauses] = conditions.filter(clause => clause !== undefined);
	return clauses.reduce((before, clause) => {
		// A clause with “or”, or with “and” and no comma before it, would seem to be a third condition.
		const isPlain = !/,| (?:and|or) /.test(before) && !/ or |[^,] and /.test(clause);
		if (!isPlain) return `${before}, and ${clause}`;
		const bothYou = before.startsWith('you ') && clause.startsWith('you ');
		return `${before} and ${bothYou ? clause.slice('you '.length) : clause}`;
	}, first);
}

/** The condition as a clause after “if”: `you run workers and use SAML`. */
export const appliesClause = memo((applies: Applies): string => {
	const [texts, last] = 'all' in applies ? ([applies.all, 'and'] as const) : ([applies.any, 'or'] as const);
	const installed = installedClause(applies);
	if (installed !== undefined) return installed;
	const [facts, parameters]: [string[], string[]] = [[], []];
	for (const text of texts) {
		const term = parseStored(text);
		const isFact = term !== undefined && (isClosed(term.fact) || isOpen(term.fact));
		if (isFact) facts.push(factClause(term));
		else parameters.push(parameterClause(text));
	}
	return enumerate(
		[...parameters, ...(facts.length ? [`you ${enumerate(withOneVerb(facts, last), last)}`] : [])],
		last,
	);
});

/** `you install Synapse with pip or from a source checkout`, if the condition is just several ways to install. */
function installedClause(applies: Applies): string | undefined {
	if (!('any' in applies) || applies.any.length < 2 || !applies.any.includes('install=source')) return undefined;
	const ways = applies.any.map(text => installedWords[/^install=(\w+)$/.exec(text)?.[1] ?? '']);
	return ways.includes(undefined) ? undefined : `you install Synapse ${enumerate(ways.map(String), 'or')}`;
}

/** Stated facts as a clause: `you use the Docker image and PostgreSQL 15`. */
export function factsClause(facts: readonly string[]): string {
	const implied = new Set(facts.flatMap(fact => /^(postgres|sqlite)=/.exec(fact)?.[1] ?? []));
	return appliesClause({ all: facts.filter(fact => !implied.has(fact.replace(/^database=/, ''))) });
}

/** “use SAML or CAS”, not “use SAML or use CAS”. */
function withOneVerb(clauses: readonly string[], last: 'and' | 'or'): readonly string[] {
	const [yes, no] = ['use ', 'do not use '];
	const behind = (verb: string) => clauses.flatMap(one => (one.startsWith(verb) ? one.slice(verb.length) : []));
	const [used, unused] = [behind(yes), behind(no)];
	if (last === 'or') return used.length === clauses.length ? [yes + enumerate(used, 'or')] : clauses;
	return [
		...(used.length ? [yes + enumerate(used)] : []),
		...clauses.filter(one => !one.startsWith(yes) && !one.startsWith(no)),
		...(unused.length ? [no + enumerate(unused, 'or')] : []),
	];
}

/** Why something is left out: the fact as people type it (`docker`, not `install=docker`), or their configuration. */
export function typedFact(stated: string): string {
	if (stated === 'configuration') return 'your configuration';
	return code(stated.replace(/^(install|database)=/, ''));
}

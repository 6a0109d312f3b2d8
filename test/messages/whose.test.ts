// Who is affected, in words: without the IDs of facts, `install=` or a leading `no-`.
import { describe, expect, test } from 'vitest';
import { closedFacts, openFacts, parseStored } from '../../src/deployment/facts.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { allOf, appliesClause, factsClause, typedFact } from '../../src/messages/whose.ts';

test.each([
	[{ all: ['workers'] }, 'you run workers'],
	[{ all: ['no-workers'] }, 'you run no workers'],
	[{ all: ['modules', 'federation'] }, 'you load modules and federate'],
	[{ any: ['email', 'sso', 'mas'] }, 'you send email, use single sign-on or use MAS'],
	[{ all: ['database=postgres'] }, 'you use PostgreSQL'],
	[{ all: ['postgres<14', 'install=debian'] }, "you use PostgreSQL older than 14 and upstream's Debian packages"],
	[{ all: ['sqlite>=3.35'] }, 'you use SQLite 3.35 or newer'],
	[{ all: ['python<3.10', 'os=ubuntu-21.10'] }, 'you use Python older than 3.10 and run Ubuntu 21.10'],
	[{ any: ['install=docker', 'install=mdad'] }, 'you use the Docker image or matrix-docker-ansible-deploy'],
	[
		{ any: ['install=pip', 'install=source', 'install=distro'] },
		"you install Synapse with pip, from a source checkout or from Debian's or Ubuntu's own packages",
	],
	[{ any: ['saml', 'cas', 'oidc'] }, 'you use SAML, CAS or OpenID Connect'],
	[{ all: ['proxy=nginx|caddy'] }, '`proxy` is `nginx` or `caddy`'],
	[
		{ all: ['layout=compose', 'database=postgres', 'server!=own'] },
		'`layout` is `compose`, `server` is not `own` and you use PostgreSQL',
	],
	[{ all: ['to>=17'] }, '`to` is `17` or higher'],
])('expresses %o as “if %s”', (applies, clause) => {
	expect(appliesClause(applies)).toBe(clause);
});

describe('expresses every fact in words instead of showing its ID', () => {
	const values = Object.entries(closedFacts).flatMap(([fact, closed]) =>
		'values' in closed ? closed.values.map(value => `${fact}=${value}`) : [`${fact}<3`, `${fact}=3`, `${fact}>=3`],
	);
	const stated = [...values, ...Object.keys(openFacts).flatMap(fact => [fact, `no-${fact}`])];

	test.each(stated)('%s', text => {
		const clause = appliesClause({ all: [text] });
		expect(parseStored(text)).toBeDefined();
		expect(clause).toMatch(/^you [a-z]+/);
		expect(clause).not.toMatch(/[=`]|no-|-api\b|undefined|installed by/);
	});
});

test('does not express a condition on a fact like one on a parameter', async () => {
	const { notes, faults } = await openKnowledge(new URL('../../knowledge/', import.meta.url));
	const conditions = [...notes, ...faults].flatMap(({ applies }) => applies ?? []);
	expect(conditions.length).toBeGreaterThan(300);
	expect(conditions.map(appliesClause).filter(clause => clause.includes('`'))).toEqual([]);
});

test('joins stated facts into one clause, without facts that follow from others', () => {
	expect(factsClause(['install=docker', 'database=postgres', 'postgres=15', 'workers', 'no-saml', 'no-mas'])).toBe(
		'you use the Docker image and PostgreSQL 15, run workers and do not use SAML or MAS',
	);
	expect(factsClause(['database=sqlite'])).toBe('you use SQLite');
});

test('repeats a stated fact as it is typed', () => {
	expect(['install=docker', 'database=sqlite', 'no-workers', 'postgres=15'].map(typedFact)).toEqual([
		'`docker`',
		'`sqlite`',
		'`no-workers`',
		'`postgres=15`',
	]);
});

test.each([
	[['you use SQLite'], 'you use SQLite'],
	[['you use SQLite', 'you copy it, and nobody writes'], 'you use SQLite and copy it, and nobody writes'],
	[['you use SQLite', 'you copy it or move it'], 'you use SQLite, and you copy it or move it'],
	[['you use SQLite', 'you copy it and move it'], 'you use SQLite, and you copy it and move it'],
	[['you use SAML or CAS', 'you run it'], 'you use SAML or CAS, and you run it'],
	[['you run workers', 'one of them pushes'], 'you run workers and one of them pushes'],
])('joins %o', (clauses, clause) => {
	expect(allOf(clauses)).toBe(clause);
});

// If one item from a source is unreadable, the rest is still read, and `!status` names what was left out.
import { describe, expect, test } from 'vitest';
import { deadlines } from '../../../src/advice/upgrade/deadlines.ts';
import { parseTerm, unknownDeployment } from '../../../src/deployment/facts.ts';
import { withNews } from '../../../src/knowledge/live.ts';
import { known as knowledgeOf } from '../../known.ts';
import { played, stateOf } from './played.ts';
import { advisories, builds, feed, known, lifecycle, troubleOf } from './upstream.ts';

const base = { ...knowledgeOf({ releases: [...known.releases] }), read: '2026-01-01' };
const today = '2026-03-10';

describe('systems', () => {
	test('leave out one that is not a fact, and keep the rest of the page', () =>
		played(
			async ({ web }) => {
				await web.readNews();
				const knowledge = withNews(base, web.news());
				const all = deadlines({ at: '1.150.0', today, all: true }, unknownDeployment, knowledge);
				expect(all.map(({ id }) => id).filter(id => id.startsWith('lifecycle/postgresql'))).toEqual([
					'lifecycle/postgresql-14',
				]);
				expect(all.map(({ id }) => id).filter(id => /debian-(8|14|sid)/.test(id))).toEqual([]);
			},
			({ pages }) => {
				const list = ['8', '7.1', 'sid', '12', '14'].map((name): [string, string] => [name, '2026-06-10']);
				pages.set('/eol/debian', lifecycle('debian', ...list));
				pages.set('/eol/postgresql', lifecycle('postgresql', ['14', '2026-11-12'], ['next', '2026-11-12']));
			},
		));

	test('include one that upstream builds packages for, as a fact', () =>
		played(
			async ({ web }) => {
				await web.readNews();
				const { systems } = withNews(base, web.news());
				expect(systems).toEqual(['debian-14', 'ubuntu-27.04']);
				expect(parseTerm('os=debian-14')).toBeUndefined();
				expect(parseTerm('os=debian-14', systems)).toEqual({ fact: 'os', operator: '=', value: 'debian-14' });
				expect(parseTerm('ubuntu-27.04', systems)).toMatchObject({ fact: 'os' });
				expect(parseTerm('os=debian-99', systems)).toBeUndefined();
			},
			({ pages }) => {
				const page = (name: string, ...releases: [string, string][]) =>
					JSON.stringify({
						result: {
							name,
							releases: releases.map(([version, codename]) => ({
								name: version,
								codename,
								releaseDate: '2026-01-01',
								eolFrom: version === '14' ? null : '2031-01-01',
							})),
						},
					});
				pages.set('/eol/debian', page('debian', ['13', 'Trixie'], ['14', 'Forky'], ['15', 'Duke']));
				pages.set('/eol/ubuntu', page('ubuntu', ['24.04', 'Noble Numbat'], ['27.04', 'Zany Zebra']));
				const script = builds('debian:trixie', 'debian:forky', 'ubuntu:noble', 'ubuntu:zany', 'debian:sid');
				pages.set('/v1.151.0/scripts-dev/build_debian_packages.py', script);
			},
		));
});

const bad: [what: string, source: string, path: string, page: string, trouble: RegExp][] = [
	[
		'a release with an invalid date',
		'releases',
		'/releases',
		`[{"tag_name": "v1.152.0", "draft": false, "published_at": "soon"},${feed({ version: '1.151.0' }, { version: '1.150.0' }).slice(1)}`,
		/v1\.152\.0: published_at/,
	],
	[
		'a release with a log of a megabyte',
		'releases',
		'/releases',
		feed({ version: '1.151.0', log: 'x'.repeat(1_000_000) }, { version: '1.150.0' }),
		/log of 1\.151\.0 has 10\d+ characters/,
	],
	[
		'a tag that is not a version',
		'releases',
		'/releases',
		feed({ version: '1.151.0' }, { version: '1.151.0+hotfix' }, { version: '1.150.0' }),
		/v1\.151\.0\+hotfix: this tag is not a version/,
	],
	[
		'an advisory without an ID',
		'advisories',
		'/advisories',
		advisories({ ghsa_id: 7, cve_id: null }),
		/7: all of it: no id/,
	],
	[
		'a release of PostgreSQL whose end is not a date',
		'support of PostgreSQL',
		'/eol/postgresql',
		lifecycle('postgresql', ['14', '2026-11-12'], ['15', '2026-13-45']),
		/15: eolFrom/,
	],
];

describe('leaves out only an unreadable item', () => {
	test.each(bad)('%s', (_, source, path, page, trouble) =>
		played(
			async ({ web, logged, pass }) => {
				await web.readNews();
				expect(web.news().releases.map(({ version }) => version)).toEqual(['1.151.0']);
				expect(web.news().advisories).toHaveLength(1);
				expect(web.news().lifecycles.postgresql?.releases).toHaveLength(1);
				const state = stateOf(web, source);
				expect(troubleOf(state)).toMatch(trouble);
				expect(state?.failures).toBe(0);
				// Reported once, no matter how often the source is read.
				pass(30);
				await web.readNews();
				expect(logged.filter(({ source: of }) => of === source)).toHaveLength(1);
			},
			({ pages }) => void pages.set(path, page),
		),
	);
});

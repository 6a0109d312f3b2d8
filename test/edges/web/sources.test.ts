// Upstream's own sources: read politely, rejected with a reason if their format has changed, merged into the knowledge.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { rollback } from '../../../src/advice/upgrade/rollback.ts';
import { withNews } from '../../../src/knowledge/live.ts';
import type { Web } from '../../../src/ports/web.ts';
import { matrixMessages } from '../../../src/render/matrix.ts';
import { harmless } from '../../../src/text/markdown.ts';
import { known as knowledgeOf } from '../../known.ts';
import { played, start, stateOf } from './played.ts';
import {
	advisories,
	chartFeed,
	chartValues,
	feed,
	known,
	lifecycle,
	playbookChanges,
	troubleOf,
	type Upstream,
	upgradeNotes,
} from './upstream.ts';
import { banned } from './world.ts';

const troubles = (web: Web) => web.sources().filter(({ trouble }) => trouble !== undefined);
const base = { ...knowledgeOf({ releases: [...known.releases] }), read: '2026-01-01' };

describe('news from upstream', () => {
	test("includes a new release with its facts, unread passages in upstream's words, and the day", () =>
		played(async ({ web }) => {
			await web.readNews();
			expect(troubles(web)).toEqual([]);
			const news = web.news();
			expect(news.releases).toEqual([
				{ version: '1.151.0', date: '2026-03-01', schema: 94, schemaCompat: 90, python: '3.10' },
			]);
			expect(news.passages.map(({ release, heading, part, text }) => [release, part ?? heading, text])).toEqual([
				['1.151.0', undefined, 'Read [this](<https://github.com/element-hq/synapse/blob/v1.151.0/docs/usage/a.md>)\\.'],
				['1.151.0', 'Doves', 'Buy seed\\.'],
				['1.151.0', 'Deprecations and Removals', 'Remove the pigeons\\. \\([\\#1](<https://x.test/>)\\)'],
			]);
			const joined = withNews(base, news);
			expect(joined.releases.map(({ version }) => version).slice(-3)).toEqual(['1.149.0', '1.150.0', '1.151.0']);
			expect(joined.read).toBe('2026-03-10');
			expect(joined.advisories.map(({ id, severity, affected }) => [id, severity, affected])).toEqual([
				['CVE-2026-10000', 'moderate', ['>=1.100.0 <1.151.0']],
			]);
			expect(joined.lifecycles.postgresql?.releases).toEqual([
				{ version: '14', released: '2020-01-01', ends: '2026-11-12' },
			]);
			expect(joined.playbook).toMatchObject({ synapse: '1.150.0', read: '2026-03-10' });
			expect(joined.playbook?.entries[0]).toMatchObject({ date: '2026-03-03', breaking: true });
			expect(joined.charts).toEqual({
				read: '2026-03-10',
				charts: [{ chart: '26.2.0', date: '2026-03-01', synapse: '1.151.0' }],
				items: [
					{
						chart: '26.2.0',
						part: 'Removed / Breaking Changes',
						bullet: '#2',
						url: 'https://github.com/element-hq/ess-helm/releases/tag/26.2.0',
						breaking: true,
						text: 'Remove the pigeons\\. \\(\\#2\\)',
					},
				],
			});
			expect(rollback('1.151.0', '1.150.0', joined)).toMatchObject({ canReturn: true });
		}));

	test('marks a changed passage as unread again', () =>
		played(
			async ({ web }) => {
				await web.readNews();
				expect(web.news().passages.find(({ heading }) => heading === 'Pigeons')).toMatchObject({
					changed: true,
					text: 'Do not feed them\\.',
				});
			},
			({ pages }) => {
				pages.set('/v1.151.0/docs/upgrade.md', upgradeNotes(['1.150.0', '## Pigeons\n\nDo not feed them.']));
			},
		));

	test('leaves out drafts and sections about future releases', () =>
		played(
			async ({ web }) => {
				await web.readNews();
				expect(web.news().releases).toEqual([]);
				expect(web.news().passages).toEqual([]);
			},
			({ pages }) => {
				pages.set('/releases', feed({ version: '1.151.0', draft: true }, { version: '1.150.0' }));
				pages.set(
					'/v1.150.0/docs/upgrade.md',
					upgradeNotes(['1.151.0', 'Soon.'], ['1.150.0', '## Pigeons\n\nFeed them.']),
				);
			},
		));

	test('drops news that a newer edition already contains', async () => {
		const edition = { ...known };
		await played(
			async ({ web }) => {
				await web.readNews();
				const before = web.news();
				expect(before.releases.map(({ version }) => version)).toEqual(['1.151.0']);
				expect(web.news()).toBe(before);
				Object.assign(edition, { releases: [...known.releases, ...before.releases] });
				expect(web.news().releases).toEqual([]);
				expect(web.news().passages).toEqual(before.passages);
				expect(web.news()).toBe(web.news());
			},
			undefined,
			edition,
		);
	});

	test('changes only the day if there is nothing new', () =>
		played(
			async ({ web }) => {
				await web.readNews();
				const { playbook: _, lifecycles: __, advisories: ___, charts: ____, ...rest } = web.news();
				expect(rest).toEqual({ read: '2026-03-10', releases: [], passages: [] });
			},
			({ pages }) => {
				pages.set('/releases', feed({ version: '1.150.0' }, { version: '1.149.0' }));
				pages.set('/v1.150.0/docs/upgrade.md', upgradeNotes(['1.150.0', '## Pigeons\n\nFeed them.']));
			},
		));

	test('finds a new release within the interval, with its upgrade notes', () =>
		played(async ({ web, upstream, pass }) => {
			await web.readNews();
			upstream.pages.set('/releases', feed({ version: '1.152.0rc1' }, { version: '1.151.0' }, { version: '1.150.0' }));
			upstream.pages.set(
				'/v1.152.0rc1/docs/upgrade.md',
				upgradeNotes(['1.152.0', '## Owls\n\nThey come.'], ['1.150.0', '## Pigeons\n\nFeed them.']),
			);
			pass(0.5);
			await web.readNews();
			expect(web.news().releases.at(-1)?.version).toBe('1.151.0');
			pass(0.6);
			await web.readNews();
			expect(web.news().releases.at(-1)).toEqual({ version: '1.152.0rc1', date: '2026-03-01' });
			expect(web.news().passages.map(({ heading }) => heading)).toContain('Owls');
		}));

	test('continues reading after the clock is turned back', () =>
		played(async ({ web, upstream, pass }) => {
			await web.readNews();
			const before = upstream.asked.length;
			pass(-0.5);
			await web.readNews();
			expect(upstream.asked).toHaveLength(before);
			pass(-24 * 30);
			await web.readNews();
			expect(upstream.asked.length).toBeGreaterThan(before);
		}));

	test('counts what was read while the clock was ahead as read when that is noticed', () =>
		played(async ({ web, upstream, pass, restarted }) => {
			await web.readNews();
			pass(-24 * 400);
			const again = await restarted();
			upstream.pages.set('/releases', (_, response) => void response.writeHead(500).end());
			const days = (of: Web) =>
				((stateOf(of, 'releases')?.tried?.getTime() ?? 0) - (stateOf(of, 'releases')?.read?.getTime() ?? 0)) / day;
			const day = 24 * 3600_000;
			for (let hours = 0; hours < 72; hours += 12) {
				for (const of of [web, again]) await of.readNews();
				pass(12);
			}
			for (const of of [web, again]) {
				expect(stateOf(of, 'releases')?.failures).toBeGreaterThan(2);
				expect(days(of)).toBeGreaterThan(2);
			}
			expect(again.news().read).toBe('2025-02-03');
		}));

	test("reads OSV's response as well as GitHub's list", () =>
		played(
			async ({ web, upstream }) => {
				await web.readNews();
				expect(troubles(web)).toEqual([]);
				expect(upstream.asked).toContain('/osv');
				expect(web.news().advisories).toMatchObject([
					{ id: 'CVE-2026-7', aliases: ['GHSA-1'], severity: 'high', affected: ['<1.74.0', '>=1.80.0 <=1.81.0'] },
				]);
			},
			({ settings, pages }) => {
				settings.advisories = { address: 'https://upstream.test/osv', hours: 6, post: '{"package":{}}' };
				pages.set('/osv', (request, response) => {
					let body = '';
					request.on('data', chunk => (body += chunk));
					request.on('end', () => {
						const events = [
							{ introduced: '0' },
							{ fixed: '1.74.0' },
							{ introduced: '1.80.0' },
							{ last_affected: '1.81.0' },
						];
						const vuln = {
							id: 'GHSA-1',
							aliases: ['CVE-2026-7'],
							published: '2026-01-01T00:00:00Z',
							database_specific: { severity: 'HIGH' },
						};
						const affected = [
							{
								ranges: [
									{ type: 'GIT', events: [{ introduced: 'abc' }] },
									{ type: 'ECOSYSTEM', events },
								],
							},
						];
						response.end(
							request.method === 'POST' && body === '{"package":{}}'
								? JSON.stringify({ vulns: [{ ...vuln, affected }] })
								: '',
						);
					});
				});
			},
		));

	test('reads the older API of endoflife.date', () =>
		played(
			async ({ web }) => {
				await web.readNews();
				expect(web.news().lifecycles.python).toEqual({
					releases: [{ version: '3.9', released: '2020-10-05', ends: '2025-10-31' }],
					link: 'https://endoflife.date/python',
				});
			},
			({ pages }) => {
				pages.set(
					'/eol/python',
					JSON.stringify([
						{ cycle: '3.9', releaseDate: '2020-10-05', eol: '2025-10-31', latest: '3.9.25' },
						{ cycle: '3.15', releaseDate: '2026-10-01', eol: false },
					]),
				);
			},
		));
});

describe('politely', () => {
	test('uses conditional requests, and waits out the interval', () =>
		played(async ({ web, upstream, pass }) => {
			await web.readNews();
			const first = upstream.asked.length;
			await web.readNews();
			expect(upstream.asked).toHaveLength(first);
			pass(30);
			await web.readNews();
			const second = upstream.asked.slice(first);
			expect(second.filter(path => !path.endsWith(' 304'))).toEqual([]);
			// The files of a release never change.
			const files = second.filter(path => path.includes('.py') || path.includes('.toml'));
			expect(files.filter(path => !path.includes('scripts-dev'))).toEqual([]);
		}));

	test('keeps what it has read across a restart, without requesting it again', () =>
		played(async ({ web, upstream, restarted }) => {
			await web.readNews();
			const first = upstream.asked.length;
			const again = await restarted();
			expect(again.news()).toEqual(web.news());
			await again.readNews();
			expect(upstream.asked).toHaveLength(first);
			expect(again.sources()).toMatchObject(web.sources().map(({ name, read }) => ({ name, read })));
		}));

	/** A list of this many major versions of PostgreSQL. */
	const list = (count: number) =>
		lifecycle('postgresql', ...Array.from({ length: count }, (_, i): [string, string] => [`${10 + i}`, '2026-11-12']));

	test('believes a source that stays shorter for three days, even if the bot is restarted every day', () => {
		return played(
			async ({ web, upstream, pass, restarted }) => {
				await web.readNews();
				upstream.pages.set('/eol/postgresql', list(2));
				const troubles: unknown[] = [];
				for (let day = 0; day < 5; day++) {
					pass(26);
					const again = await restarted();
					await again.readNews();
					troubles.push(stateOf(again, 'support of PostgreSQL')?.trouble !== undefined);
				}
				expect(troubles).toEqual([true, true, true, false, false]);
				upstream.pages.set('/eol/postgresql', list(12));
				pass(26);
				const again = await restarted();
				await again.readNews();
				upstream.pages.set('/eol/postgresql', list(2));
				pass(26);
				await again.readNews();
				expect(stateOf(again, 'support of PostgreSQL')?.trouble).toBeDefined();
			},
			({ pages }) => void pages.set('/eol/postgresql', list(12)),
		);
	});

	test('believes a source that stays shorter for three days, even if its first short reading was ahead of the clock', () => {
		return played(
			async ({ web, upstream, pass, restarted }) => {
				await web.readNews();
				upstream.pages.set('/eol/postgresql', list(2));
				pass(24 * 30);
				await (await restarted()).readNews();
				pass(-24 * 30);
				const troubles: unknown[] = [];
				for (let day = 0; day < 5; day++) {
					pass(26);
					const again = await restarted();
					await again.readNews();
					troubles.push(stateOf(again, 'support of PostgreSQL')?.trouble !== undefined);
				}
				expect(troubles).toEqual([true, true, true, false, false]);
			},
			({ pages }) => void pages.set('/eol/postgresql', list(12)),
		);
	});

	test('reads, and ages, what was read while the clock was ahead, even if the bot is restarted every few hours', () =>
		played(async ({ web, upstream, pass, restarted }) => {
			await web.readNews();
			pass(-24 * 30);
			const before = upstream.asked.length;
			const day = 24 * 3600_000;
			let again = web;
			for (let hours = 0; hours < 72; hours += 6) {
				again = await restarted();
				upstream.pages.set('/releases', (_, response) => void response.writeHead(500).end());
				await again.readNews();
				pass(6);
			}
			const { tried, read } = stateOf(again, 'releases') ?? {};
			expect(((tried?.getTime() ?? 0) - (read?.getTime() ?? 0)) / day).toBeGreaterThan(2);
			expect(upstream.asked.slice(before).some(path => path.startsWith('/eol/'))).toBe(true);
		}));

	test('reads again what another version of the program stored', () =>
		played(async ({ kept, web, restarted }) => {
			await web.readNews();
			for (const key of [...kept.texts.keys()])
				kept.texts.set(
					key,
					key.endsWith('releases') ? '{"read": 7}' : '{"read":"2026-01-01","copies":[["x",{"text":"rubbish"}]]}',
				);
			const again = await restarted();
			expect(again.news().releases).toEqual([]);
			await again.readNews();
			expect(again.news().releases).toHaveLength(1);
		}));

	test('makes no requests if live reading is off', () =>
		played(async ({ world }) => {
			const web = await world.web({});
			await web.readNews();
			expect(web.sources()).toEqual([]);
			expect(web.news().releases).toEqual([]);
			expect(world.heard).toEqual([]);
		}));

	test.each([
		['Retry-After', { 'retry-after': '7200' }],
		[
			'the end of a limit',
			{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1451613600', date: 'Fri, 01 Jan 2016 00:00:00 GMT' },
		],
	])('obeys %s', (_, headers) =>
		played(
			async ({ web, upstream, pass }) => {
				await web.readNews();
				const asked = () => upstream.asked.filter(path => path === '/releases').length;
				expect(asked()).toBe(1);
				pass(1.5);
				await web.readNews();
				expect(asked()).toBe(1);
				pass(0.7);
				await web.readNews();
				expect(asked()).toBe(2);
			},
			({ pages }) => void pages.set('/releases', (_, response) => void response.writeHead(403, headers).end()),
		),
	);

	test('retries a failing source after five minutes, then at growing intervals, up to the usual one', () =>
		played(
			async ({ web, upstream, pass }) => {
				for (let minute = 0; minute < 600; minute += 5) {
					await web.readNews();
					pass(5 / 60);
				}
				const asked = upstream.asked.filter(path => path === '/releases').length;
				expect(asked).toBeGreaterThan(10);
				expect(asked).toBeLessThan(18);
			},
			({ pages }) => void pages.set('/releases', (_, response) => void response.writeHead(500).end()),
		));
});

type Page = string | ((request: IncomingMessage, response: ServerResponse) => void);
type Bad = {
	name: string;
	path?: string;
	page: Page;
	trouble: RegExp;
	source?: string;
	before?: (upstream: Upstream) => void;
};

const refused: Bad[] = [
	{ name: 'a feed that is a web page', page: '<!doctype html><h1>Sign in</h1>', trouble: /web page/ },
	{ name: 'a feed that is empty', page: '', trouble: /not JSON/ },
	{ name: 'a feed without a release', page: '[]', trouble: /names no release/ },
	{ name: 'a feed of another shape', page: '{"message": "<b>@room</b>"}', trouble: /its format has changed/ },
	{
		name: 'a feed with fields of other types',
		page: '[{"tag_name": 7, "draft": "no"}]',
		trouble: /its format has changed/,
	},
	{
		name: 'a feed of tags that are not releases',
		page: feed({ version: 'latest' }, { version: '1' }),
		trouble: /names no release/,
	},
	{
		name: 'a feed with a version beyond all numbers',
		page: feed({ version: '1.99999999999999999999.0' }),
		trouble: /names no release/,
	},
	{ name: 'a truncated feed', page: feed({ version: '1.152.0' }).slice(0, -20), trouble: /not JSON/ },
	{
		name: 'a feed that does not reach back to what is known',
		page: feed({ version: '1.180.0' }),
		trouble: /does not reach back to 1\.150\.0/,
	},
	{ name: 'a feed of sixty thousand brackets', page: '['.repeat(60_000), trouble: /not JSON/ },
	{
		name: 'a feed that redirects to a forbidden address',
		page: (_, response) => void response.writeHead(302, { location: `https://${banned}/` }).end(),
		trouble: /an address I do not connect to/,
	},
	{
		name: 'a feed that redirects in a loop',
		page: (_, response) => void response.writeHead(302, { location: '/releases' }).end(),
		trouble: /redirect loop/,
	},
	{
		name: 'a feed that redirects to plain HTTP',
		page: (_, response) => void response.writeHead(302, { location: 'http://upstream.test/' }).end(),
		trouble: /something other than HTTPS/,
	},
	{
		name: 'a feed whose connection closes in the middle',
		page: (_, response) => void response.writeHead(200, { 'content-length': 500 }).write('[', () => response.destroy()),
		trouble: /closed the connection/,
	},
	{
		name: 'a feed that becomes nine megabytes',
		page: (_, response) =>
			void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(9_000_000, ' '))),
		trouble: /too large/,
	},
	{ name: 'a feed of nine megabytes', page: ' '.repeat(9_000_000), trouble: /too large/ },
	{
		name: 'a feed that is not there',
		page: (_, response) => void response.writeHead(404).end(),
		trouble: /status 404/,
	},
	{
		name: 'a feed that responds 304 to a request without conditions',
		page: (_, response) => void response.writeHead(304).end(),
		trouble: /status 304/,
		before: ({ pages }) => void pages.set('/releases', ''),
	},
	{
		name: 'upgrade notes that are a web page',
		source: 'upgrade notes',
		path: '/v1.151.0/docs/upgrade.md',
		page: '<!doctype html><h1>404</h1>',
		trouble: /0 sections/,
	},
	{
		name: 'upgrade notes that lost most of their sections',
		source: 'upgrade notes',
		path: '/v1.151.0/docs/upgrade.md',
		page: upgradeNotes().split('# Upgrading').slice(0, 43).join('# Upgrading'),
		trouble: /only 42 passages; previously 5\d/,
	},
	{
		name: 'files of a release without a schema version',
		source: 'facts of releases',
		path: '/v1.152.0/synapse/storage/schema/__init__.py',
		page: '<html>',
		trouble: /no schema version/,
		before: ({ pages }) => void pages.set('/releases', feed({ version: '1.152.0' }, { version: '1.150.0' })),
	},
	{
		name: 'advisories with another structure',
		source: 'advisories',
		path: '/advisories',
		page: '[{"id": 7}]',
		trouble: /its format has changed/,
	},
	{
		name: 'advisories that vanish',
		source: 'advisories',
		path: '/advisories',
		page: '[]',
		trouble: /only 0 advisories; previously 1/,
	},
	{
		name: 'advisories with unclear versions',
		source: 'advisories',
		path: '/advisories',
		page: advisories({ vulnerabilities: [{ vulnerable_version_range: 'some <b>of them</b>' }] }),
		trouble: /CVE-2026-10001/,
	},
	{
		name: 'a lifecycle of another product',
		source: 'support of Python',
		path: '/eol/python',
		page: lifecycle('perl', ['5', '2030-01-01']),
		trouble: /another product/,
	},
	{
		name: 'a lifecycle with invalid dates',
		source: 'support of Python',
		path: '/eol/python',
		page: lifecycle('python', ['3.10', '<b>soon</b>']),
		trouble: /its format has changed/,
	},
	{
		name: 'a lifecycle without an end',
		source: 'support of Python',
		path: '/eol/python',
		page: '[]',
		trouble: /no end of support/,
	},
	{
		name: 'a playbook without entries',
		source: 'playbook',
		path: '/changes',
		page: 'Moved.',
		trouble: /0 dated entries/,
	},
	{
		name: 'a playbook without a version',
		source: 'playbook',
		path: '/defaults',
		page: 'matrix_synapse_version: "{{ lookup(1) }}"',
		trouble: /no matrix_synapse_version/,
	},
	{
		name: 'charts that are a web page',
		source: 'charts',
		path: '/charts',
		page: '<!doctype html>',
		trouble: /web page/,
	},
	{
		name: 'a list without a chart in it',
		source: 'charts',
		path: '/charts',
		page: chartFeed(),
		trouble: /names no release/,
	},
	{
		name: 'charts that vanish',
		source: 'charts',
		path: '/charts',
		page: chartFeed({ chart: '26.2.0' }),
		trouble: /only 1 charts; previously 2/,
	},
	{
		name: 'values that name no Synapse',
		source: 'values of charts',
		path: '/26.3.0/values.yaml',
		page: 'synapse:\n  image: {}\n',
		trouble: /26\.3\.0.*name no Synapse release/,
		before: ({ pages }) =>
			void pages.set('/charts', chartFeed({ chart: '26.3.0' }, { chart: '26.2.0' }, { chart: '26.1.1' })),
	},
	{
		name: 'values longer than any chart has',
		source: 'values of charts',
		path: '/26.3.0/values.yaml',
		page: `${chartValues('1.151.0')}${'#\n'.repeat(700_000)}`,
		trouble: /26\.3\.0.*name no Synapse release/,
		before: ({ pages }) =>
			void pages.set('/charts', chartFeed({ chart: '26.3.0' }, { chart: '26.2.0' }, { chart: '26.1.1' })),
	},
];

test('includes a chart once its values exist, and no drafts or other releases', () =>
	played(
		async ({ web, pass }) => {
			await web.readNews();
			const charts = () => web.news().charts?.charts.map(({ chart }) => chart);
			expect(charts()).toEqual(['26.2.0']);
			// The file does not exist yet, then there is an intermediary's page.
			pass(7);
			await web.readNews();
			expect(charts()).toEqual(['26.2.0']);
			expect(troubleOf(stateOf(web, 'values of charts'))).toMatch(/26\.3\.0.*name no Synapse release/);
			pass(7);
			await web.readNews();
			expect(charts()).toEqual(['26.2.0', '26.3.0']);
			expect(troubles(web)).toEqual([]);
		},
		({ pages }) => {
			let looks = 0;
			pages.set(
				'/charts',
				chartFeed({ chart: '26.4.0', draft: true }, { chart: '26.3.0' }, { chart: '26.2.0' }, { chart: '26.1.1' }),
			);
			pages.set('/26.3.0/values.yaml', (_, response) => {
				if (looks++ === 0) response.writeHead(404).end();
				else if (looks === 2) response.writeHead(200).end('<!doctype html>Pay for the Wi-Fi');
				else response.writeHead(200).end(chartValues('1.152.0'));
			});
		},
	));

describe('reports a source that has changed its format, and keeps what was known', () => {
	test.each(refused)('$name', ({ path = '/releases', page, trouble, source = 'releases', before }) =>
		played(async ({ web, upstream, pass }) => {
			if (!before) await web.readNews();
			before?.(upstream);
			const good = web.news();
			upstream.pages.set(path, page);
			pass(30);
			await web.readNews();
			const state = stateOf(web, source);
			expect(troubleOf(state)).toMatch(trouble);
			expectInert(troubleOf(state));
			if (!before && !/reach back|CVE/.test(troubleOf(state))) {
				expect(web.news()).toMatchObject({
					releases: good.releases,
					passages: good.passages,
					lifecycles: good.lifecycles,
				});
				expect(web.news().advisories).toEqual(good.advisories);
				expect(state?.read).toEqual(new Date(start));
			}
		}),
	);

	test('recovers once the source is readable again', () =>
		played(async ({ web, upstream, pass }) => {
			const page = upstream.pages.get('/releases') ?? '';
			upstream.pages.set('/releases', '<html>');
			await web.readNews();
			expect(stateOf(web, 'releases')?.trouble).toBeDefined();
			upstream.pages.set('/releases', page);
			pass(1);
			await web.readNews();
			expect(troubles(web)).toEqual([]);
			expect(web.news().releases).toHaveLength(1);
		}));

	const hanging: [string, Page, RegExp][] = [
		['that never responds', () => undefined, /no response arrived in time/],
		['that sends its body slowly', (_, response) => drip(response.writeHead(200)), /did not finish in time/],
	];
	test.concurrent.each(hanging)('reads the other sources despite one %s', (_, page, trouble) =>
		played(
			async ({ web }) => {
				// Callers that ask in the meantime wait for the same reading.
				await Promise.all([web.readNews(), web.readNews()]);
				expect(troubleOf(stateOf(web, 'releases'))).toMatch(trouble);
				expect(web.news().lifecycles.python).toBeDefined();
			},
			({ pages, settings }) => {
				settings.seconds = 1;
				pages.set('/releases', page);
			},
		),
	);
});

function drip(response: ServerResponse): void {
	const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write(' ')), 20);
}

/** Harmless when shown in a room: only our own tags, https links, no mention, no hidden characters. */
function expectInert(markdown: string): void {
	const section = { title: 'Upstream', markdown, fold: false };
	for (const content of matrixMessages({ value: {}, lead: 'Here.', sections: [section], kind: 'answer' }).contents) {
		expect(content['m.mentions']).toEqual({});
		expect(harmless(content.body)).toBe(content.body);
		const html = content.formatted_body;
		const tags = new Set([...html.matchAll(/<([a-z0-9]+)/g)].map(([, tag]) => tag));
		for (const tag of tags)
			expect([
				'p',
				'h3',
				'h4',
				'h5',
				'strong',
				'em',
				'code',
				'pre',
				'ul',
				'ol',
				'li',
				'a',
				'br',
				'blockquote',
				'hr',
			]).toContain(tag);
		for (const [, href] of html.matchAll(/ href="([^"]*)"/g)) {
			expect(href).toMatch(/^https:\/\//);
			expect(href).not.toMatch(/matrix\.to/);
		}
		expect(html).not.toMatch(/ (?:on\w+|style|src|class="(?!language))=/);
	}
}

const hostile: [string, string][] = [
	['a script', '<script>alert(1)</script>Words.'],
	['a script in a paragraph', 'Words <script>alert(1)</script> and more.'],
	['a picture', '![pigeon](https://evil.test/x.png) and <img src=x onerror=alert(1)>'],
	['a fold', '<details><summary>More</summary>\n\nHidden *words*\n\n</details>'],
	['a fold that is not closed', '<details><summary>More'],
	['a comment', '<!-- hidden --> Words <!-- more'],
	['a mention', 'Hello @room and @admin:example.org and [you](https://matrix.to/#/@admin:example.org)'],
	['a link to a script', '[click](javascript:alert(1)) [data](data:text/html,x) [file](file:///etc/passwd)'],
	['a link with a password', '[click](https://user:secret@evil.test/)'],
	['a link that ends its own', '[a](https://evil.test/>"onclick=) [b](<https://evil.test/ x>)'],
	['a link in a link', '[a [b](https://one.test) c](https://two.test)'],
	['a link by reference', '[a][1]\n\n[1]: https://evil.test "title\\"><script>"'],
	['an address by itself', 'See https://evil.test/ and www.evil.test and evil.test'],
	['headings', '# One\n## Two\n\nUnder\n======'],
	['characters that change the direction', 'abc \u202Egnp.exe \u2066 x'],
	['control characters', 'a\u0000b\u0007c\u001b[31md'],
	['invisible characters', 'a\u200Bb\uFEFFc\u{E0041}d'],
	['a table', '| a | <b>b</b> |\n|---|---|\n| @room | `x` |'],
	['code that ends its fence', '````\n```\n</code></pre><script>\n````'],
	['unclosed code', '```\nfor ever'],
	['code of backticks', '`` a`b ``` c `'],
	['entities', '&lt;script&gt;alert(1)&lt;/script&gt; &#x202e; &amp;lt;b&amp;gt;'],
	['thousands of nested quotes', '>'.repeat(5000)],
	['thousands of nested lists', Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}- x`).join('\n')],
	['thousands of brackets', '['.repeat(20_000)],
	['thousands of stars', '*a'.repeat(20_000)],
	['a heading of spaces', `## Owls ${' '.repeat(200_000)}x`],
	['a list of brackets', '- ['.repeat(50_000)],
	['a megabyte in one line', 'x'.repeat(1_000_000)],
	['a megabyte of paragraphs', 'Words.\n\n'.repeat(130_000)],
];

describe("shows upstream's text as text", () => {
	test.each(hostile)('%s', (_, text) =>
		played(
			async ({ web }) => {
				await web.readNews();
				const shown = web.news().passages.filter(({ heading, part }) => heading === 'Owls' || part !== undefined);
				expect(shown.length).toBeGreaterThan(0);
				const items = web.news().charts?.items ?? [];
				expect(items.length).toBeGreaterThan(0);
				for (const { text: quoted = '' } of [...shown, ...items]) {
					expect(quoted.length).toBeLessThan(3100);
					expect(quoted).not.toMatch(
						/alert\(1\)/.test(text) && !text.includes('&lt;') && !text.includes('`') ? /<script/ : /^\0/,
					);
					expectInert(quoted);
				}
			},
			({ pages }) => {
				pages.set(
					'/releases',
					feed({ version: '1.151.0', log: `## Owls\n\n${text.slice(0, 150_000)}` }, { version: '1.150.0' }),
				);
				pages.set('/v1.151.0/docs/upgrade.md', upgradeNotes(['1.151.0', `## Owls\n\n${text}`]));
				pages.set('/changes', playbookChanges(['2026-03-03', text.slice(0, 300).replace(/\n/g, ' '), text]));
				const log = `## Removed / Breaking Changes\n\n- ${text.slice(0, 150_000)}`;
				pages.set('/charts', chartFeed({ chart: '26.2.0', log }, { chart: '26.1.1' }));
				pages.set('/26.2.0/values.yaml', `${chartValues('1.151.0')}${text.slice(0, 1_000_000)}`);
			},
		),
	);

	test.each([
		['HTML and a mention', '<b>@room</b>'],
		['a link', '[x](https://evil.test)'],
		['another direction', '\u202Eslwo'],
		['backticks', '`'.repeat(50)],
		['no end', 'x'.repeat(5000)],
		['stars', '**'],
	])('headings, titles and names with %s', (_, name) =>
		played(
			async ({ web }) => {
				await web.readNews();
				for (const passage of web.news().passages) {
					for (const word of [passage.heading, passage.part, passage.bullet, passage.section]) {
						expect(word ?? '').toBe(harmless(word ?? ''));
						expect((word ?? '').length).toBeLessThanOrEqual(200);
					}
					expect(passage.url).toMatch(/^https:\/\/[\x21-\x7e]{1,400}$/);
				}
				for (const { title } of web.news().advisories) {
					expect(title.length).toBeLessThanOrEqual(400);
					expectInert(title);
				}
				for (const { part, bullet, url } of web.news().charts?.items ?? []) {
					for (const word of [part, bullet]) expect(word).toBe(harmless(word.slice(0, 200)));
					expect(url).toMatch(/^https:\/\/[\x21-\x7e]{1,400}$/);
				}
				for (const { title, url } of web.news().playbook?.entries ?? []) {
					expect(title).toBe(harmless(title.slice(0, 200)));
					expect(url).toMatch(/^https:\/\/[\x21-\x7e]{1,400}$/);
				}
			},
			({ pages }) => {
				pages.set(
					'/releases',
					feed({ version: '1.151.0', log: `## ${name}\n\n- ${name} did it\n` }, { version: '1.150.0' }),
				);
				pages.set('/v1.151.0/docs/upgrade.md', upgradeNotes(['1.151.0', `## ${name}\n\nWords.`]));
				pages.set('/advisories', advisories({ summary: name, cve_id: null }));
				pages.set('/changes', playbookChanges(['2026-03-03', name, name]));
				pages.set(
					'/charts',
					chartFeed({ chart: '26.2.0', log: `## ${name}\n\n- ${name} did it\n` }, { chart: '26.1.1' }),
				);
			},
		),
	);
});

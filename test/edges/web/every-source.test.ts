// Everything that can happen to an upstream document, simulated over HTTP for every source: rate limits, redirects,
// truncated responses, line endings; drafts, candidates, edits, deletions, odd names. Its type keeps the table of cases
// complete.
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { News } from '../../../src/knowledge/live.ts';
import type { Web } from '../../../src/ports/web.ts';
import { silence } from '../../../src/runtime/log.ts';
import { knownOf, type LiveBot, openLiveBot } from './live-bot.ts';
import { stateOf } from './played.ts';
import { edition, osv, whole } from './small-edition.ts';
import { troubleOf } from './upstream.ts';
import {
	githubAdvisory,
	openUpstreamWorld,
	osvRecord,
	productRelease,
	pypi,
	type UpstreamWorld,
} from './upstream-world.ts';
import { banned, openKept, openWorld, other } from './world.ts';

const hour = 3600_000;
const start = Date.UTC(2026, 2, 10);
const asked = ['!status', '!upgrade 1.149 docker', '!upgrade example.org', '!deadlines all', '!notes 1.151', '!alerts'];

type Scene = {
	upstream: UpstreamWorld;
	web: Web;
	bot: LiveBot;
	/** Advances the clock by this many hours, reads what is due, and ticks. Resolves with what is known then. */
	look: (hours: number) => Promise<News>;
	/** How often the source was requested. */
	requests: () => number;
	trouble: () => string;
};

type Source = {
	/** As `!status` names it. */
	state: string;
	/** Its documents, as host and path. */
	place: RegExp;
	/** Half of a document says less, and nothing in it shows that the rest is missing. */
	halfIsLess?: true;
	prepare?: (upstream: UpstreamWorld) => void;
};

async function played(source: Source, play: (scene: Scene) => Promise<void>): Promise<void> {
	const world = await openWorld();
	try {
		const upstream = await openUpstreamWorld(world, whole());
		source.prepare?.(upstream);
		let ms = start;
		const now = () => new Date(ms);
		const given = { kept: openKept(), known: knownOf(edition), log: silence };
		const web = await world.web({ sources: upstream.settings }, now, given);
		const bot = await openLiveBot({ edition, web, now });
		bot.plays('example.org', '1.149.0');
		// Another host, to which upstream has moved.
		world.zone.a('elsewhere.test', other);
		await world.https({ address: other, port: 443, names: ['elsewhere.test'] }, (request, response) => {
			const [, host = '', path = ''] = /^\/([^/]+)(.*)$/.exec(request.url ?? '') ?? [];
			response.end(moved.get(`${host}${path.split('?')[0]}`) ?? '');
		});
		await web.readNews();
		expect(web.sources().filter(({ trouble }) => trouble)).toEqual([]);
		await bot.say('!watch example.org docker');
		await play({
			upstream,
			web,
			bot,
			async look(hours) {
				ms += hours * hour;
				await web.readNews();
				const answers = new Map<string, string>();
				for (const text of asked) answers.set(text, JSON.stringify(await bot.say(text)));
				await bot.tick();
				if (stateOf(web, source.state)?.trouble !== undefined)
					expect(answers.get('!status')).toContain(JSON.stringify(source.state).slice(1, -1));
				expect(bot.faults).toEqual([]);
				return web.news();
			},
			requests: () => upstream.asked.filter(({ host, path }) => source.place.test(host + path.split('?')[0])).length,
			trouble: () => troubleOf(stateOf(web, source.state)),
		});
		await bot.close();
		expect(world.trespasses).toBe(0);
	} finally {
		moved.clear();
		await world.close();
	}
}

/** The documents on the other host, by the place where they were. */
const moved = new Map<string, string>();

/** Everything that is known, without the dates of reading. */
const known = ({ read: _, charts, playbook, ...news }: News) => ({
	...news,
	...(playbook && { playbook: { ...playbook, read: '' } }),
	...(charts && { charts: { ...charts, read: '' } }),
});

const others = [1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008];
const raw = /^raw\.githubusercontent\.com\/element-hq\/synapse\//.source;
const sources = {
	releases: { state: 'releases', place: /\/synapse\/releases$/ },
	'upgrade notes': { state: 'upgrade notes', place: /\/docs\/upgrade\.md$/ },
	'files of a release': {
		state: 'facts of releases',
		place: new RegExp(`${raw}.*(schema/__init__\\.py|pyproject\\.toml|engines/\\w+\\.py|Cargo\\.toml)$`),
		halfIsLess: true,
	},
	'Debian packages': { state: 'Debian packages', place: /build_debian_packages\.py$/ },
	"GitHub's advisories": {
		state: 'advisories',
		place: /\/security-advisories$/,
		// Enough of them that a list with one fewer does not look truncated.
		prepare({ advisories }) {
			for (const n of others) advisories.push(githubAdvisory(`GHSA-aaaa-bbbb-${n}`, [['matrix-synapse', '< 1.140.0']]));
		},
	},
	"OSV's advisories": {
		state: 'advisories',
		place: /^api\.osv\.dev\//,
		prepare(upstream) {
			upstream.settings.advisories = { ...osv };
			const ranges = [pypi({ introduced: '0' }, { fixed: '1.140.0' })];
			for (const n of others) upstream.vulns.push(osvRecord(`GHSA-aaaa-bbbb-${n}`, [{ ranges }]));
		},
	},
	'support of Debian': { state: 'support of Debian', place: /\/products\/debian$/ },
	'support of PostgreSQL': { state: 'support of PostgreSQL', place: /\/products\/postgresql$/ },
	playbook: { state: 'playbook', place: /matrix-docker-ansible-deploy\/.*(CHANGELOG\.md|main\.yml)$/ },
	charts: { state: 'charts', place: /ess-helm\/releases$/ },
} satisfies Record<string, Source>;

type SourceName = keyof typeof sources;
const named = Object.keys(sources) as SourceName[];

/** Publishes a new release, so that every source has something to read. Returns its version. */
function publish({ releases }: UpstreamWorld): string {
	const version = `1.${152 + releases.length}.0`;
	releases.push({ version, date: '2026-03-09', schema: 95, schemaCompat: 91, upgrade: 'Buy corn.' });
	return version;
}

const reset = (seconds: number) => ({
	'x-ratelimit-remaining': '0',
	'x-ratelimit-reset': String(1_451_606_400 + seconds),
	date: 'Fri, 01 Jan 2016 00:00:00 GMT',
});

type Answer = (response: ServerResponse, text: string, place: string) => unknown;
const away =
	(status: number, headers: Record<string, string>): Answer =>
	response =>
		response.writeHead(status, headers).end();
const elsewhere =
	(status: number): Answer =>
	(response, text, place) => {
		moved.set(place, text);
		return response.writeHead(status, { location: `https://elsewhere.test/${place}` }).end();
	};

const limits: [string, Answer][] = [
	['403 with a reset', away(403, reset(7200))],
	['429 with a reset', away(429, reset(7200))],
	['429 with seconds to wait', away(429, { 'retry-after': '7200' })],
	['429 with a date to wait for', away(429, { 'retry-after': 'Fri, 01 Jan 2016 02:00:00 GMT', date: reset(0).date })],
	['503 with seconds to wait', away(503, { 'retry-after': '7200' })],
];

const refusals: [string, Answer, RegExp][] = [
	['403 without an explanation', away(403, {}), /status 403/],
	['429 without a time', away(429, {}), /status 429/],
	['a redirect to a forbidden address', away(302, { location: `https://${banned}/` }), /do not connect to/],
	[
		'a redirect loop',
		(response, _, place) => away(302, { location: `https://${place}` })(response, '', ''),
		/redirect loop/,
	],
	['a redirect to plain HTTP', away(301, { location: 'http://elsewhere.test/' }), /something other than HTTPS/],
	['a redirect to nowhere', away(307, {}), /status 307/],
	[
		'half a response',
		(response, text) =>
			response
				.writeHead(200, { 'content-length': Buffer.byteLength(text) })
				.write(text.slice(0, text.length / 2), () => response.destroy()),
		/closed the connection/,
	],
];

/** Responds to all requests to a source with `how`. */
function answer({ upstream }: Scene, { place }: Source, how: Answer): void {
	upstream.intercept = (at, text, response) => {
		if (!place.test(at)) return false;
		how(response, text, at);
		return true;
	};
}

const situations = ['draft', 'candidate', 'edit', 'deletion', 'odd names'] as const;
type Situation = (typeof situations)[number];
type Outcome = { before: News; after: News; trouble: string; asked: UpstreamWorld['asked'] };
type Case = { change: (upstream: UpstreamWorld) => void; hours?: number; expected: (outcome: Outcome) => void };

const versions = ({ releases }: News) => releases.map(({ version }) => version);
const newest = (upstream: UpstreamWorld) => upstream.releases.find(({ version }) => version === '1.151.0');
const headings = ({ passages }: News) =>
	passages.filter(({ part }) => part === undefined).map(({ heading }) => heading);
const ids = ({ advisories }: News) => advisories.map(({ id }) => id);
const ends = (news: News, product: string) =>
	Object.fromEntries((news.lifecycles[product]?.releases ?? []).map(({ version, ends }) => [version, ends]));
const unchanged = ({ before, after, trouble }: Outcome) => {
	expect(known(after)).toEqual(known(before));
	expect(trouble).toBe('');
};

const content: Record<SourceName, Record<Situation, Case>> = {
	releases: {
		draft: {
			change: ({ releases }) => void releases.push({ version: '1.160.0', date: '2026-03-09', draft: true }),
			expected: unchanged,
		},
		candidate: {
			change: ({ releases }) => void releases.push({ version: '1.160.0rc1', date: '2026-03-09' }),
			expected({ after, trouble }) {
				expect(versions(after).at(-1)).toBe('1.160.0rc1');
				expect(trouble).toBe('');
			},
		},
		edit: {
			change(upstream) {
				const release = newest(upstream);
				if (release) release.body = '# Synapse 1.151.0\n\n## Deprecations and Removals\n\n- Remove the doves.\n';
			},
			expected: ({ after }) =>
				expect(after.passages.filter(({ part }) => part).map(({ text }) => text)).toEqual(['Remove the doves\\.']),
		},
		deletion: {
			change(upstream) {
				const release = newest(upstream);
				if (release) release.deleted = true;
				publish(upstream);
			},
			expected: ({ after }) => expect(after.withdrawn).toEqual(['1.151.0']),
		},
		'odd names': {
			change({ releases }) {
				for (const tag of ['latest', 'release-1', 'v1.161.0+hotfix', 'v1', 'v1.99999999999999999999.0'])
					releases.push({ version: '1.160.0', date: '2026-03-09', tag });
			},
			expected({ before, after, trouble }) {
				expect(versions(after)).toEqual(versions(before));
				expect(trouble).toMatch(/v1\.161\.0\+hotfix/);
			},
		},
	},
	'upgrade notes': {
		draft: {
			// Upstream writes upgrade notes before the release is out.
			change(upstream) {
				upstream.releases.push({ version: '1.160.0', date: '2026-02-28', draft: true, upgrade: '## Soon\n\nWait.' });
			},
			expected: unchanged,
		},
		candidate: {
			change({ releases }) {
				releases.push({ version: '1.160.0rc1', date: '2026-03-09', upgrade: '## Owls\n\nThey come.' });
			},
			expected: ({ after }) => expect(headings(after)).toContain('Owls'),
		},
		edit: {
			change(upstream) {
				const release = newest(upstream);
				if (release) release.upgrade = '## Doves\n\nBuy no seed.';
			},
			expected: ({ after }) =>
				expect(after.passages.find(({ heading }) => heading === 'Doves')?.text).toBe('Buy no seed\\.'),
		},
		deletion: {
			change: upstream => void delete newest(upstream)?.upgrade,
			expected({ before, after, trouble }) {
				expect(headings(before)).toContain('Doves');
				expect(headings(after)).not.toContain('Doves');
				expect(trouble).toBe('');
			},
		},
		'odd names': {
			change(upstream) {
				const odd = ['next', 'v1', 'v1.99999999999999999999.0', '<b>@room</b>', 'v1.151.0 (soon)', '__proto__'];
				upstream.mangle = (place, text) =>
					/upgrade\.md$/.test(place)
						? `${odd.map(name => `# Upgrading to ${name}\n\nOdd.\n`).join('\n')}${text}`
						: text;
			},
			expected({ before, after, trouble }) {
				expect(versions(after)).toEqual(versions(before));
				expect(headings(after)).toEqual(expect.arrayContaining(headings(before)));
				const there = [...edition.knowledge.releases.map(({ version }) => version), ...versions(after)];
				for (const { release } of after.passages) expect(there).toContain(release);
				expect(trouble).toBe('');
			},
		},
	},
	'files of a release': {
		draft: {
			change: ({ releases }) => void releases.push({ version: '1.160.0', date: '2026-03-09', draft: true, schema: 99 }),
			expected(outcome) {
				unchanged(outcome);
				expect(outcome.asked.filter(({ path }) => path.includes('v1.160.0'))).toEqual([]);
			},
		},
		candidate: {
			change: ({ releases }) => void releases.push({ version: '1.160.0rc1', date: '2026-03-09', schema: 99 }),
			expected({ after, asked }) {
				expect(after.releases.at(-1)).toEqual({ version: '1.160.0rc1', date: '2026-03-09' });
				expect(asked.filter(({ path }) => /v1\.160\.0rc1\/.*schema/.test(path))).toEqual([]);
			},
		},
		edit: {
			// A tag's files never change, so they are not even requested again.
			change(upstream) {
				const release = newest(upstream);
				if (release) release.schema = 99;
			},
			expected(outcome) {
				unchanged(outcome);
				expect(outcome.asked.filter(({ path }) => /v1\.151\.0\/.*schema/.test(path))).toEqual([]);
			},
		},
		deletion: {
			change: upstream => void upstream.releases.push({ version: '1.160.0', date: '2026-03-09', untagged: true }),
			expected({ after, trouble }) {
				expect(after.releases.at(-1)).toEqual({ version: '1.160.0', date: '2026-03-09' });
				expect(trouble).toMatch(/1\.160\.0: no schema version/);
			},
		},
		'odd names': {
			change(upstream) {
				publish(upstream);
				upstream.mangle = (place, text) =>
					/schema\/__init__\.py$/.test(place)
						? 'SCHEMA_VERSION = "many"\n'
						: /pyproject/.test(place)
							? 'requires-python = "^four"\n'
							: text;
			},
			expected({ before, after, trouble }) {
				const fresh = after.releases.find(({ version }) => !versions(before).includes(version));
				expect(fresh).toBeDefined();
				expect(fresh).not.toHaveProperty('schema');
				expect(fresh).not.toHaveProperty('python');
				expect(trouble).toMatch(/no schema version/);
			},
		},
	},
	'Debian packages': {
		draft: {
			change: ({ builds }) => void builds.push('debian:forky",\n    # "ubuntu:zany'),
			expected: ({ after }) => expect(after.systems).toEqual(['debian-14']),
		},
		candidate: {
			change({ builds, releases }) {
				releases.push({ version: '1.160.0rc1', date: '2026-03-09' });
				builds.push('ubuntu:zany');
			},
			expected({ after, asked }) {
				expect(after.systems).toEqual(['ubuntu-27.04']);
				expect(asked.map(({ path }) => path)).toContainEqual(expect.stringMatching(/v1\.160\.0rc1\/scripts-dev/));
			},
		},
		edit: {
			change: ({ builds }) => void builds.push('debian:forky'),
			expected: ({ after }) => expect(after.systems).toEqual(['debian-14']),
		},
		deletion: {
			change: ({ builds }) => void builds.splice(0, 2),
			expected: unchanged,
		},
		'odd names': {
			change: ({ builds }) =>
				void builds.push('fedora:42', 'debian', 'ubuntu:<b>', 'debian:__proto__', 'ubuntu:constructor'),
			expected: unchanged,
		},
	},
	"GitHub's advisories": {
		draft: {
			change: ({ advisories }) =>
				void advisories.push(
					githubAdvisory('GHSA-aaaa-bbbb-9999', [['matrix-synapse', '< 1.152.0']], { state: 'draft' }),
				),
			expected: unchanged,
		},
		candidate: {
			change: ({ advisories }) =>
				void advisories.push(githubAdvisory('GHSA-aaaa-bbbb-9999', [['matrix-synapse', '< 1.151.0rc1']])),
			expected: ({ after }) =>
				expect(after.advisories.find(({ id }) => id === 'GHSA-aaaa-bbbb-9999')?.affected).toEqual(['<1.151.0rc1']),
		},
		edit: {
			change: ({ advisories }) =>
				void advisories.splice(
					0,
					1,
					githubAdvisory('GHSA-aaaa-bbbb-cccc', [['matrix-synapse', '< 1.152.0']], { cve_id: 'CVE-2026-2' }),
				),
			expected: ({ after }) =>
				expect(after.advisories.find(({ id }) => id === 'CVE-2026-2')?.affected).toEqual(['<1.152.0']),
		},
		deletion: {
			change(upstream) {
				upstream.advisories[0] = githubAdvisory('GHSA-aaaa-bbbb-cccc', [['matrix-synapse', '< 1.151.0']], {
					...{ cve_id: 'CVE-2026-2', state: 'closed', withdrawn_at: '2026-03-09T00:00:00Z' },
				});
			},
			expected: ({ before, after }) => {
				expect(ids(before)).toContain('CVE-2026-2');
				expect(ids(after)).not.toContain('CVE-2026-2');
			},
		},
		'odd names': {
			change: ({ advisories }) =>
				void advisories.push(
					githubAdvisory('GHSA-aaaa-bbbb-9999', [['matrix-synapse', '< v1.x']]),
					githubAdvisory('<b>@room</b>', [['matrix-synapse', '< 1.152.0']]),
					githubAdvisory('GHSA-aaaa-bbbb-8888', [['Matrix_Synapse', '>= latest']]),
				),
			expected({ before, after, trouble }) {
				expect(ids(after)).toEqual(ids(before));
				expect(trouble).toContain('GHSA-aaaa-bbbb-9999');
			},
		},
	},
	"OSV's advisories": {
		draft: {
			// OSV publishes no drafts; a record without versions comes closest.
			change: ({ vulns }) => void vulns.push(osvRecord('GHSA-aaaa-bbbb-9999', [])),
			expected: ({ before, after }) => expect(ids(after)).toEqual(ids(before)),
		},
		candidate: {
			change: ({ vulns }) =>
				void vulns.push(
					osvRecord('GHSA-aaaa-bbbb-9999', [{ ranges: [pypi({ introduced: '0' }, { fixed: '1.151.0rc1' })] }]),
				),
			expected: ({ after }) =>
				expect(after.advisories.find(({ id }) => id === 'GHSA-aaaa-bbbb-9999')?.affected).toEqual(['<1.151.0rc1']),
		},
		edit: {
			change(upstream) {
				const ranges = [pypi({ introduced: '0' }, { fixed: '1.152.0' })];
				upstream.vulns[0] = osvRecord('GHSA-aaaa-bbbb-cccc', [{ ranges }], { aliases: ['CVE-2026-2', 'PYSEC-2026-1'] });
			},
			expected: ({ after }) =>
				expect(after.advisories.find(({ id }) => id === 'CVE-2026-2')?.affected).toContain('<1.152.0'),
		},
		deletion: {
			change(upstream) {
				for (const vuln of upstream.vulns.slice(0, 2))
					Object.assign(vuln as object, { withdrawn: '2026-03-09T00:00:00Z' });
			},
			expected: ({ before, after }) => {
				expect(ids(before)).toContain('CVE-2026-2');
				expect(ids(after)).not.toContain('CVE-2026-2');
			},
		},
		'odd names': {
			change: ({ vulns }) =>
				void vulns.push(
					osvRecord('7', [{ ranges: [pypi({ introduced: '0' })] }]),
					osvRecord('GHSA-aaaa-bbbb-9999', [{ ranges: [pypi({ introduced: 'latest' }, { fixed: 'v1.x' })] }]),
				),
			expected({ before, after, trouble }) {
				expect(ids(after)).toEqual(ids(before));
				expect(trouble).not.toBe('');
			},
		},
	},
	'support of Debian': lifecycleCases('debian', '12', '99'),
	'support of PostgreSQL': lifecycleCases('postgresql', '16', '20'),
	playbook: {
		draft: {
			change: ({ playbook }) => void playbook.entries.push(['Unreleased', 'Soon', 'Wait.']),
			expected: unchanged,
		},
		candidate: {
			change({ playbook }) {
				playbook.synapse = '1.152.0rc1';
			},
			expected: ({ after }) => expect(after.playbook?.synapse).toBe('1.152.0rc1'),
		},
		edit: {
			change({ playbook }) {
				playbook.entries[0] = ['2026-03-03', '(BC Break) Doves', 'Change that.'];
			},
			expected: ({ after }) => expect(after.playbook?.entries[0]?.text).toBe('Change that\\.'),
		},
		deletion: {
			change: ({ playbook }) => void playbook.entries.shift(),
			expected({ before, after, trouble }) {
				expect(after.playbook?.entries).toEqual(before.playbook?.entries.slice(1));
				expect(trouble).toBe('');
			},
		},
		'odd names': {
			change: ({ playbook }) =>
				void playbook.entries.push(
					['2026-13-45', 'A day that is none', 'Odd.'],
					['2026-3-3', 'A day of one digit', 'Odd.'],
					['<b>@room</b>', 'No day', 'Odd.'],
				),
			expected: unchanged,
		},
	},
	charts: {
		draft: {
			change: ({ charts }) => void charts.unshift({ chart: '26.4.0', date: '2026-03-09', draft: true }),
			expected: unchanged,
		},
		candidate: {
			change: ({ charts }) => void charts.unshift({ chart: '26.4.0-rc.1', date: '2026-03-09' }),
			expected: unchanged,
		},
		edit: {
			change({ charts }) {
				charts[0] = { chart: '26.3.0', date: '2026-03-02', log: '## Security\n\n- Feed the doves. (#3)' };
			},
			expected: ({ after }) =>
				expect(after.charts?.items.map(({ bullet, text }) => [bullet, text])).toEqual([
					['#3', 'Feed the doves\\. \\(\\#3\\)'],
				]),
		},
		deletion: {
			change: ({ charts }) => void charts.shift(),
			expected({ after, trouble }) {
				expect(after.charts?.charts).toEqual([]);
				expect(trouble).toBe('');
			},
		},
		'odd names': {
			change: ({ charts }) =>
				void charts.push(
					{ chart: '<b>@room</b>', date: '2026-03-09' },
					{ chart: '26.99999999.0', date: '2026-03-09' },
					{ chart: '26.5', date: '2026-03-09' },
				),
			expected: unchanged,
		},
	},
};

/** `existing` is a release that is on the page, `fresh` one that is not. */
function lifecycleCases(product: string, existing: string, fresh: string): Record<Situation, Case> {
	const page = (upstream: UpstreamWorld) => upstream.products[product] ?? [];
	const place = (upstream: UpstreamWorld) =>
		page(upstream).findIndex(release => (release as { name: string }).name === existing);
	return {
		draft: {
			change: upstream => void page(upstream).unshift(productRelease(fresh, 'Soon', '2027-06-01', null)),
			expected: ({ after }) => expect(ends(after, product)).not.toHaveProperty(fresh),
		},
		candidate: {
			change: upstream => void page(upstream).unshift(productRelease(`${fresh}rc1`, null, '2026-03-01', '2030-01-01')),
			// The candidate is on the page, but nobody can state it as a fact.
			expected: ({ after, trouble }) => {
				expect(after.systems ?? []).toEqual([]);
				expect(trouble).toBe('');
			},
		},
		edit: {
			change(upstream) {
				page(upstream)[place(upstream)] = productRelease(existing, null, '2023-06-10', '2029-09-09');
			},
			expected: ({ after }) => expect(ends(after, product)[existing]).toBe('2029-09-09'),
		},
		deletion: {
			change: upstream => void page(upstream).splice(place(upstream), 1),
			expected({ before, after, trouble }) {
				expect(ends(before, product)).toHaveProperty(existing);
				expect(ends(after, product)).not.toHaveProperty(existing);
				expect(trouble).toBe('');
			},
		},
		'odd names': {
			change: upstream =>
				void page(upstream).push(
					productRelease('<b>@room</b>', '`x`', '2023-01-01', '2029-01-01'),
					productRelease('x'.repeat(5000), null, '2023-01-01', '2029-01-01'),
					productRelease('sid', 'Sid', '2023-01-01', '2029-13-45'),
				),
			expected({ before, after, trouble }) {
				expect(ends(after, product)).toEqual(ends(before, product));
				expect(trouble).not.toBe('');
			},
		},
	};
}

describe.each(named)('%s', name => {
	const source: Source = sources[name];

	test('keeps what is known on a rate limit, and waits for as long as it says', () =>
		played(source, async scene => {
			await scene.look(30);
			for (const [what, how] of limits) {
				const before = known(scene.web.news());
				const fresh = publish(scene.upstream);
				answer(scene, source, how);
				const during = await scene.look(30);
				expect(scene.trouble(), what).toMatch(/status \d+, and asks me to wait/);
				expectKept(name, during, before, fresh);
				const asked = scene.requests();
				await scene.look(1.8);
				expect(scene.requests(), what).toBe(asked);
				scene.upstream.intercept = undefined;
				await scene.look(0.5);
				expect(scene.requests(), what).toBeGreaterThan(asked);
				expect(scene.trouble(), what).toBe('');
			}
		}));

	test('keeps what is known on errors and incomplete responses, until it works again', () =>
		played(source, async scene => {
			await scene.look(30);
			for (const [what, how, trouble] of refusals) {
				const before = known(scene.web.news());
				const fresh = publish(scene.upstream);
				answer(scene, source, how);
				const during = await scene.look(30);
				expect(scene.trouble(), what).toMatch(trouble);
				expectKept(name, during, before, fresh);
				scene.upstream.intercept = undefined;
				await scene.look(30);
				expect(scene.trouble(), what).toBe('');
			}
		}));

	test('follows redirects', () =>
		played(source, async scene => {
			await scene.look(30);
			for (const status of [301, 302, 307, 308]) {
				publish(scene.upstream);
				answer(scene, source, elsewhere(status));
				const there = known(await scene.look(30));
				expect(moved.size).toBeGreaterThan(0);
				expect(scene.trouble(), String(status)).toBe('');
				scene.upstream.intercept = undefined;
				expect(known(await scene.look(30))).toEqual(there);
				moved.clear();
			}
		}));

	test('rejects half a document, or at worst knows less', () =>
		played(source, async scene => {
			const before = await scene.look(30);
			const fresh = publish(scene.upstream);
			answer(scene, source, (response, text) => response.end(text.slice(0, text.length / 2)));
			const during = await scene.look(30);
			if (!source.halfIsLess) {
				expect(scene.trouble()).not.toBe('');
				expectKept(name, during, known(before), fresh);
			}
			scene.upstream.intercept = undefined;
			const after = await scene.look(30);
			expect(after.releases.map(({ version }) => version)).toEqual(
				expect.arrayContaining(during.releases.map(({ version }) => version)),
			);
			expect(scene.trouble()).toBe('');
		}));

	test('reads Windows line endings alike', async () => {
		const seen: unknown[] = [];
		for (const end of ['\n', '\r\n'])
			await played(source, async scene => {
				publish(scene.upstream);
				const inJson = JSON.stringify(end).slice(1, -1);
				scene.upstream.mangle = (place, text) =>
					source.place.test(place) ? text.replace(/(\\r)?\\n/g, inJson).replace(/\r?\n/g, end) : text;
				seen.push(known(await scene.look(30)));
				expect(scene.trouble()).toBe('');
			});
		expect(seen[1]).toEqual(seen[0]);
	});

	test.each(situations)('%s', situation =>
		played(source, async scene => {
			const { change, hours = 30, expected } = content[name][situation];
			await scene.look(30);
			const before = scene.web.news();
			const asked = scene.upstream.asked.length;
			change(scene.upstream);
			const after = await scene.look(hours);
			expected({ before, after, trouble: scene.trouble(), asked: scene.upstream.asked.slice(asked) });
		}),
	);
});

/** Checks that nothing from this source has changed; other sources may have news. */
function expectKept(name: SourceName, during: News, before: Omit<News, 'read'>, fresh: string): void {
	const parts: Record<SourceName, (news: Omit<News, 'read'>) => unknown> = {
		releases: ({ releases, passages }) => [releases, passages],
		'upgrade notes': ({ passages }) => passages.filter(({ part }) => part === undefined),
		'files of a release': ({ releases }) => releases.filter(({ version }) => version !== fresh),
		'Debian packages': ({ systems }) => systems,
		"GitHub's advisories": ({ advisories, unclear }) => [advisories, unclear],
		"OSV's advisories": ({ advisories, unclear }) => [advisories, unclear],
		'support of Debian': ({ lifecycles }) => lifecycles.debian,
		'support of PostgreSQL': ({ lifecycles }) => lifecycles.postgresql,
		playbook: ({ playbook }) => playbook && { ...playbook, read: '' },
		charts: ({ charts }) => charts && { ...charts, read: '' },
	};
	expect(parts[name](during)).toEqual(parts[name](before));
	// Nothing is claimed about what could not be read.
	if (name === 'files of a release')
		for (const { version, schema } of during.releases) if (version === fresh) expect(schema).toBeUndefined();
}

// All of upstream simulated on loopback: what it deletes, edits and leaves out, its paging and rate limits, and a year
// of releases.
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { openKnowledge, readPassages } from '../../../src/knowledge/compiled.ts';
import type { Web } from '../../../src/ports/web.ts';
import { silence } from '../../../src/runtime/log.ts';
import { type Edition, editionOf, knownOf, openLiveBot } from './live-bot.ts';
import { stateOf } from './played.ts';
import { troubleOf } from './upstream.ts';
import {
	githubAdvisory,
	openUpstreamWorld,
	type PlayedRelease,
	playedReleases,
	type UpstreamWorld,
} from './upstream-world.ts';
import { openKept, openWorld, other, type World } from './world.ts';

const hour = 3600_000;
const folder = new URL('../../../knowledge/', import.meta.url);
const current: Edition = { knowledge: await openKnowledge(folder), passages: readPassages(folder) };
const since = (day: string) => playedReleases(current.knowledge.releases.filter(({ date }) => date >= day));
const next = (version: string, date: string, more: Partial<PlayedRelease> = {}): PlayedRelease => ({
	version,
	date,
	schema: 94,
	schemaCompat: 92,
	...more,
});

type Live = { world: World; upstream: UpstreamWorld; web: Web; look: (hours: number) => Promise<Web>; now: () => Date };

async function live(releases: PlayedRelease[], play: (live: Live) => Promise<void>, edition = current): Promise<void> {
	const world = await openWorld();
	try {
		const upstream = await openUpstreamWorld(world, {
			releases,
			charts: [{ chart: '26.2.0', date: '2026-03-01', synapse: '1.151.0' }],
		});
		let ms = Date.parse('2026-11-29T00:00:00Z');
		const now = () => new Date(ms);
		const web = await world.web({ sources: upstream.settings }, now, {
			kept: openKept(),
			known: knownOf(edition),
			log: silence,
		});
		const look = async (hours: number) => {
			ms += hours * hour;
			await web.readNews();
			return web;
		};
		await play({ world, upstream, web, look, now });
	} finally {
		await world.close();
	}
}

const versions = (web: Web) => web.news().releases.map(({ version }) => version);

describe('the list of releases', () => {
	test('withdraws a deleted release, and finds the next one', () =>
		live([...since('2026-06-01'), next('1.170.0', '2026-11-20')], async ({ upstream, look }) => {
			expect(versions(await look(0))).toEqual(['1.170.0']);
			for (const release of upstream.releases) if (release.version === '1.170.0') release.deleted = true;
			const web = await look(2);
			expect(troubleOf(stateOf(web, 'releases'))).toMatch(/no longer lists 1\.170\.0/);
			expect(web.news().withdrawn).toBeUndefined();
			upstream.releases.push(next('1.169.1', '2026-11-28'));
			await look(2);
			expect(versions(web)).toEqual(['1.169.1', '1.170.0']);
			expect(web.news().withdrawn).toEqual(['1.170.0']);
			expect(stateOf(web, 'releases')?.trouble).toBeUndefined();
		}));

	test('withdraws a missing release even if nothing new appears', () =>
		live([...since('2026-06-01'), next('1.170.0', '2026-11-20')], async ({ upstream, web, look }) => {
			await look(0);
			for (const release of upstream.releases) if (release.version === '1.170.0') release.deleted = true;
			const seen: unknown[] = [];
			for (let i = 0; i < 4; i++) {
				await look(2);
				seen.push(web.news().withdrawn);
			}
			expect(seen).toEqual([undefined, undefined, ['1.170.0'], ['1.170.0']]);
		}));

	test('shows an edited change log of a known release again', () =>
		live(since('2026-06-01'), async ({ upstream, look }) => {
			const newest = upstream.releases.filter(({ version }) => !version.includes('rc')).at(-1);
			const before = (await look(0)).news().passages.length;
			if (newest)
				newest.body = `# Synapse ${newest.version} (${newest.date})\n\n## Deprecations and Removals\n\n- Remove the doves. ([\\#999999](https://x.test))\n`;
			const { passages } = (await look(2)).news();
			expect(passages).toHaveLength(before + 1);
			expect(passages.find(({ part }) => part === 'Deprecations and Removals')).toMatchObject({
				release: newest?.version,
			});
		}));

	test("uses the previous release's upgrade notes, and no facts, for a release without a tag", () =>
		live(
			[...since('2026-06-01'), next('1.170.0', '2026-11-20'), next('1.171.0', '2026-11-27', { untagged: true })],
			async ({ upstream, look }) => {
				const web = await look(0);
				expect(web.news().releases.map(({ version, schema }) => [version, schema])).toEqual([
					['1.170.0', 94],
					['1.171.0', undefined],
				]);
				expect(troubleOf(stateOf(web, 'upgrade notes'))).toMatch(/v1\.171\.0 has none yet: this is from v1\.170\.0/);
				expect(troubleOf(stateOf(web, 'facts of releases'))).toMatch(/1\.171\.0: no schema version/);
				for (const release of upstream.releases) delete release.untagged;
				await look(7);
				expect(web.news().releases.at(-1)).toMatchObject({ version: '1.171.0', schema: 94 });
				expect(web.sources().filter(({ trouble }) => trouble)).toEqual([]);
			},
		));

	test('reads page after page until it reaches a known release', () =>
		live(
			[...since('2024-01-01'), next('1.170.0', '2026-11-20')],
			async ({ upstream, look }) => {
				upstream.perPage = 20;
				const web = await look(0);
				expect(stateOf(web, 'releases')?.trouble).toBeUndefined();
				expect(versions(web)).toContain('1.158.0');
				expect(upstream.asked.filter(({ path }) => path.includes('page=2'))).not.toEqual([]);
			},
			editionOf(current, '2026-05-01'),
		));
});

describe('limits', () => {
	test('only affect the refused file', () =>
		live([...since('2026-06-01'), next('1.170.0', '2026-11-20')], async ({ upstream, look, web }) => {
			const path = 'raw.githubusercontent.com/element-hq/synapse/v1.170.0/rust/Cargo.toml';
			upstream.instead.set(path, (_, response) => response.writeHead(429, { 'retry-after': '600' }).end());
			await look(0);
			expect(web.news().releases.at(-1)).toMatchObject({ version: '1.170.0', schema: 94, python: '3.10' });
			expect(troubleOf(stateOf(web, 'facts of releases'))).toMatch(/status 429, and asks me to wait/);
			upstream.instead.clear();
			upstream.asked.length = 0;
			await look(1);
			expect(web.news().releases.at(-1)).toMatchObject({ rust: '1.82.0' });
			expect(upstream.asked.filter(({ path }) => path.includes('/v1.170.0/synapse/storage/schema'))).toEqual([]);
		}));

	test("sends the token only to GitHub's API, not to its redirects", () =>
		live(since('2026-06-01'), async ({ world, upstream, look }) => {
			upstream.settings.token = 'secret-1';
			world.zone.a('elsewhere.test', other);
			const heard: unknown[] = [];
			await world.https({ address: other, port: 443, names: ['elsewhere.test'] }, (request, response) => {
				heard.push(request.headers.authorization);
				response.end('[]');
			});
			upstream.instead.set('api.github.com/repos/element-hq/synapse/security-advisories', (_, response) =>
				response.writeHead(302, { location: 'https://elsewhere.test/' }).end(),
			);
			await look(0);
			expect(heard).toEqual([undefined]);
			const told = upstream.asked.filter(({ authorization }) => authorization === 'Bearer secret-1');
			expect(new Set(told.map(({ host }) => host))).toEqual(new Set(['api.github.com']));
			expect(told.length).toBe(upstream.asked.filter(({ host }) => host === 'api.github.com').length);
		}));
});

const asked = [
	'!upgrade 1.140 docker',
	'!upgrade example.org',
	'!deadlines',
	'!status',
	'!alerts',
	'!profile example.org',
];

const reset = {
	'x-ratelimit-remaining': '0',
	'x-ratelimit-reset': '1451613600',
	date: new Date(1451606400000).toUTCString(),
};
const at = (host: string, answer: (response: ServerResponse, text: string, place: string) => unknown) =>
	((place, text, response) => place.startsWith(host) && Boolean(answer(response, text, place))) satisfies Weather;
type Weather = NonNullable<UpstreamWorld['intercept']>;

/** What goes wrong in each month of the year. */
const weather: Record<number, Weather> = {
	1: at('raw.githubusercontent.com', response => response.writeHead(429, { 'retry-after': '600' }).end()),
	2: at('api.github.com', response => response.writeHead(403, reset).end()),
	4: at('raw.githubusercontent.com', (response, text) => response.end(text.slice(0, text.length / 2))),
	5: at('endoflife.date', (response, _, place) => response.writeHead(302, { location: `https://${place}` }).end()),
	7: at('endoflife.date', response => response.writeHead(500).end('<html>')),
	9: at('', response => response.writeHead(429).end()),
	10: at('api.github.com', (response, text) => {
		const begun = response.writeHead(200, { 'content-length': Buffer.byteLength(text) });
		return begun.write(text.slice(0, text.length / 2), () => response.destroy()) || true;
	}),
};

test.each([
	['the current edition', current],
	['an edition that is a year old', editionOf(current, '2025-11-25')],
])('answers every command over a year of upstream with %s, and names no release that does not exist', (_, edition) =>
	live(
		since('2025-01-01'),
		async ({ upstream, look, now, web }) => {
			await look(0);
			const bot = await openLiveBot({ edition, web, now });
			bot.plays('example.org', '1.150.0');
			await bot.say('!watch example.org docker os=debian-12');
			for (let month = 1; month <= 12; month++) {
				const date = now().toISOString().slice(0, 10);
				const minor = 170 + month;
				upstream.releases.push(next(`1.${minor}.0rc1`, date), next(`1.${minor}.0`, date, { schema: 94 + month }));
				const last = upstream.releases.findLast(({ version, tag }) => version === `1.${minor - 1}.0` && !tag);
				if (month % 4 === 0 && last) last.deleted = true;
				if (month % 3 === 0)
					upstream.advisories.push(
						githubAdvisory(
							`GHSA-aaaa-bbbb-00${10 + month}`,
							[['matrix-synapse', month % 2 ? 'some' : `< 1.${minor}.0`]],
							{ severity: 'critical' },
						),
					);
				// Tags that are not releases, and a draft.
				for (const tag of ['latest', `v1.${minor}.0+hotfix`])
					upstream.releases.push(next(`1.${minor}.0`, date, { tag, deleted: month % 2 === 0 }));
				upstream.releases.push(next(`1.${minor + 20}.0`, date, { draft: true }));
				if (month === 5) upstream.builds.push('debian:forky', 'ubuntu:zany');
				upstream.intercept = weather[month];
				upstream.mangle = month === 8 ? (_, text) => text.replaceAll('\n', '\r\n') : undefined;
				await look(24 * 30);
				for (const text of asked) await bot.say(text);
				await bot.tick();
				const known = new Set([...edition.knowledge.releases, ...upstream.releases].map(({ version }) => version));
				for (const { version } of bot.knowledge().releases) expect(known).toContain(version);
			}
			expect(bot.knowledge().systems).toEqual(['debian-14', 'ubuntu-27.04']);
			expect(bot.knowledge().releases.filter(({ deleted }) => deleted).length).toBeGreaterThan(0);
			expect(bot.faults).toEqual([]);
			await bot.close();
		},
		edition,
	),
);

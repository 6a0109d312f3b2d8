// However a document of a source changes, every command answers, no tick fails, and `!status` names the source.
import { describe, expect, test } from 'vitest';
import { randomFrom } from '../../../bench/random.ts';
import type { Gate } from '../../../src/edges/web/client.ts';
import { openSources } from '../../../src/edges/web/sources.ts';
import { silence } from '../../../src/runtime/log.ts';
import { knownOf, openLiveBot } from './live-bot.ts';
import { mutated } from './mutation.ts';
import { edition, osv, whole } from './small-edition.ts';
import { textAt, type UpstreamWorld } from './upstream-world.ts';
import { openKept } from './world.ts';

/** The number of mutations per kind of document; more would take minutes. */
const mutations = Number(process.env.GLIA_MUTATIONS ?? 25);
const hour = 3600_000;

/** Only reads the tested source often: the other sources would take all the time. */
function readOften({ settings }: UpstreamWorld, source: string): void {
	const kinds = {
		releases: settings.releases,
		'upgrade notes': settings.upgradeNotes,
		'facts of releases': settings.files,
		'Debian packages': settings.files,
		advisories: settings.advisories,
		support: settings.lifecycles,
		playbook: settings.playbook,
		charts: settings.charts,
	};
	for (const [name, kind] of Object.entries(kinds)) kind.hours = source.startsWith(name) ? 1 : 20;
	if (/facts|Debian/.test(source)) settings.files.hours = 1;
	if (source.endsWith('charts')) settings.charts.hours = 1;
}

/** Sources whose files never change: those of a release or a chart. */
const readOnce = new Set(['facts of releases', 'values of charts']);

const cases: [name: string, source: string, path: RegExp, advisories?: typeof osv][] = [
	['the list of releases', 'releases', /\/releases$/],
	['the upgrade notes', 'upgrade notes', /upgrade\.md$/],
	['the files of a release', 'facts of releases', /schema\/__init__\.py$|\.toml$|engines/],
	['the script that builds packages', 'Debian packages', /build_debian/],
	["GitHub's advisories", 'advisories', /security-advisories$/],
	["OSV's advisories", 'advisories', /v1\/query$/, osv],
	["a system's page", 'support of Debian', /products\/debian$/],
	["another product's page", 'support of PostgreSQL', /products\/postgresql$/],
	['the playbook', 'playbook', /CHANGELOG\.md$|main\.yml$/],
	['the list of charts', 'charts', /\/element-hq\/ess-helm\/releases$/],
	['the values of a chart', 'values of charts', /values\.yaml$/],
];

const asked = [
	...['!upgrade 1.149 docker', '!upgrade example.org', '!deadlines', '!deadlines all', '!deadlines debian-12'],
	...['!notes 1.151', '!notes 1.150', '!rollback 1.150 1.149', '!watch other.org os=debian-12', '!unwatch other.org'],
	...['!profile example.org', '!alerts', '!servers', '!status', '!help facts', '!room'],
];

async function openPlayed(upstream: UpstreamWorld) {
	let ms = Date.UTC(2026, 2, 10);
	let mutate: ((path: string, text: string) => string) | undefined;
	const now = () => new Date(ms);
	const gate: Gate = {
		async page(address) {
			const url = new URL(address);
			const found = textAt(upstream, url);
			if (!found) return { reply: { status: 404, headers: {}, body: '' } };
			const body = mutate?.(url.pathname, found.text) ?? found.text;
			return { reply: { status: 200, headers: found.link ? { link: found.link } : {}, body } };
		},
		async ask() {
			throw new Error('unexpected request');
		},
		closed: () => false,
		close() {},
	};
	const given = { settings: upstream.settings, gate, known: knownOf(edition), now, random: () => 0.5, log: silence };
	const open = () => openSources({ ...given, kept: openKept() });
	let sources = await open();
	const bot = await openLiveBot({
		edition,
		web: { news: () => sources.news(), sources: () => sources.states() },
		now,
	});
	bot.plays('example.org', '1.149.0');
	bot.plays('other.org', '1.150.0');
	return {
		bot,
		sources: () => sources,
		/** Starts a new process, in which another document comes first. */
		async restart() {
			sources = await open();
		},
		pass(hours: number) {
			ms += hours * hour;
		},
		mutate(how: typeof mutate) {
			mutate = how;
		},
	};
}

describe(`survives ${mutations} mutations`, () => {
	test.each(cases)('of %s', async (_, source, path, advisories) => {
		const upstream = whole();
		if (advisories) upstream.settings.advisories = { ...advisories };
		readOften(upstream, source);
		const world = await openPlayed(upstream);
		const inTrouble = () =>
			world
				.sources()
				.states()
				.filter(({ trouble }) => trouble);
		const random = randomFrom(path.source.length);
		await world.sources().read();
		expect(inTrouble()).toEqual([]);
		await world.bot.say('!watch example.org docker');
		let troubled = 0;
		for (let i = 0; i < mutations; i++) {
			let how = '';
			let isLost = false;
			world.mutate((at, text) => {
				if (!path.test(at)) return text;
				const change = mutated(text, random);
				how = `${at}: ${change.how}`;
				isLost = ['empty', 'a web page'].includes(change.how);
				return change.text;
			});
			// Every tenth mutation hits a process that does not know anything yet.
			if (i % 10 === 9 || readOnce.has(source)) await world.restart();
			world.pass(2);
			await world.sources().read();
			const state = world
				.sources()
				.states()
				.find(({ name }) => name === source);
			const message = `mutation ${i}: ${how}`;
			if (isLost && !/toml|engines/.test(how)) expect(state?.trouble, message).toBeDefined();
			const answers = new Map<string, string>();
			try {
				for (const text of asked) answers.set(text, JSON.stringify(await world.bot.say(text)));
				await world.bot.tick();
			} catch (error) {
				throw new Error(message, { cause: error });
			}
			if (state?.trouble !== undefined) {
				troubled++;
				expect(answers.get('!status'), message).toContain(JSON.stringify(source));
			}
		}
		expect(troubled).toBeGreaterThan(mutations / 20);
		// The source recovers once the document is valid again.
		world.mutate(undefined);
		for (let i = 0; i < 6; i++) {
			await world.sources().read();
			world.pass(25);
		}
		expect(inTrouble()).toEqual([]);
		await world.bot.close();
	});
});

// Whatever one document of a source becomes, every command has an answer, no tick ends, and `!status` names the source.
import { describe, expect, test } from 'vitest';
import { randomFrom } from '../../../bench/random.ts';
import type { Gate } from '../../../src/edges/web/client.ts';
import { openSources } from '../../../src/edges/web/sources.ts';
import { hashed } from '../../../src/knowledge/upstream/passage.ts';
import { upgradePassages } from '../../../src/knowledge/upstream/upgrade-notes.ts';
import { silence } from '../../../src/runtime/log.ts';
import { advisory, known as knowledgeOf, note, releases } from '../../known.ts';
import { knownOf, openLiveBot } from './live-bot.ts';
import { mutated } from './mutation.ts';
import {
	githubAdvisory,
	osvRecord,
	pypi,
	textAt,
	type UpstreamWorld,
	upgradeNotes,
	upstreamWorld,
} from './upstream-world.ts';
import { openKept } from './world.ts';

/** For each kind of document; more of them take minutes. */
const mutations = Number(process.env.GLIA_MUTATIONS ?? 25);
const hour = 3600_000;

const edition = {
	knowledge: {
		...knowledgeOf({
			releases: releases(
				...['1.145.0', '1.146.0', '1.147.0', '1.148.0'],
				{ version: '1.149.0', schema: 92, schemaCompat: 89 },
				{ version: '1.150.0', schema: 93, schemaCompat: 90, postgresql: '14', python: '3.10' },
			),
			notes: [note('1.150.0/old', { deadline: { subject: 'old', at: { version: '1.153.0' }, promised: 'It goes.' } })],
			advisories: [advisory('CVE-2026-1', ['<1.150.0'], { severity: 'high' })],
			lifecycles: { debian: { link: 'https://endoflife.date/debian', releases: [] } },
		}),
		read: '2026-01-10',
	},
	passages: hashed(upgradePassages(upgradeNotes([]), version => version)),
};

function whole(more: Partial<UpstreamWorld> = {}): UpstreamWorld {
	const old = edition.knowledge.releases.map(({ version, date }) => ({ version, date }));
	return upstreamWorld({
		releases: [
			...old,
			{
				version: '1.151.0rc1',
				date: '2026-02-20',
				body: '# Synapse 1.151.0rc1 (2026-02-20)\n\n## Features\n\n- x ([\\#1](https://x.test))\n',
			},
			{
				version: '1.151.0',
				date: '2026-03-01',
				schema: 94,
				schemaCompat: 91,
				upgrade: '## Doves\n\nBuy [seed](usage/a.md).\n\n### More\n\n```\ncode\n```',
				body: '# Synapse 1.151.0 (2026-03-01)\n\n## Deprecations and Removals\n\n- Remove the pigeons. ([\\#1](https://x.test))\n',
			},
			{ version: '1.152.0', date: '2026-03-09', draft: true },
		],
		advisories: [
			githubAdvisory('GHSA-aaaa-bbbb-cccc', [['matrix-synapse', '< 1.151.0']], { cve_id: 'CVE-2026-2' }),
			githubAdvisory('GHSA-dddd-eeee-ffff', [
				['sydent', '<= 2.4.6'],
				['matrix-synapse', '1.139.0, 1.139.1'],
			]),
		],
		vulns: [
			osvRecord(
				'GHSA-aaaa-bbbb-cccc',
				[{ ranges: [pypi({ introduced: '0' }, { fixed: '1.151.0' })], versions: ['1.150.0'] }],
				{
					aliases: ['CVE-2026-2', 'PYSEC-2026-1'],
				},
			),
			osvRecord('PYSEC-2026-1', [{ ranges: [], versions: ['1.149.0', '1.150.0'] }], { aliases: ['CVE-2026-2'] }),
		],
		playbook: { synapse: '1.150.0', entries: [['2026-03-03', '(BC Break) Doves', 'Change this.']] },
		...more,
	});
}

/** Only the source that the test is about is read again and again: the others would take all of the time. */
function readOften({ settings }: UpstreamWorld, source: string): void {
	const kinds = {
		releases: settings.releases,
		'upgrade notes': settings.upgradeNotes,
		'facts of releases': settings.files,
		'Debian packages': settings.files,
		advisories: settings.advisories,
		support: settings.lifecycles,
		playbook: settings.playbook,
	};
	for (const [name, kind] of Object.entries(kinds)) kind.hours = source.startsWith(name) ? 1 : 20;
	if (/facts|Debian/.test(source)) settings.files.hours = 1;
}

const osv = { address: 'https://api.osv.dev/v1/query', post: '{}', hours: 6 };
const cases: [name: string, source: string, path: RegExp, advisories?: typeof osv][] = [
	['the list of releases', 'releases', /\/releases$/],
	['the upgrade notes', 'upgrade notes', /upgrade\.md$/],
	['the files of a release', 'facts of releases', /schema\/__init__\.py$|\.toml$|engines/],
	['the script that builds packages', 'Debian packages', /build_debian/],
	['GitHub’s advisories', 'advisories', /security-advisories$/],
	['OSV’s advisories', 'advisories', /v1\/query$/, osv],
	['a system’s page', 'support of Debian', /products\/debian$/],
	['another product’s page', 'support of PostgreSQL', /products\/postgresql$/],
	['the playbook', 'playbook', /CHANGELOG\.md$|main\.yml$/],
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
			throw new Error('nothing else is asked');
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
		/** A process that begins anew, where another document comes first. */
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

describe(`${mutations} mutations`, () => {
	test.each(cases)(
		'of %s',
		async (_, source, path, advisories) => {
			const upstream = whole();
			if (advisories) upstream.settings.advisories = { ...advisories };
			readOften(upstream, source);
			const world = await openPlayed(upstream);
			const random = randomFrom(path.source.length);
			await world.sources().read();
			expect(
				world
					.sources()
					.states()
					.filter(({ trouble }) => trouble),
			).toEqual([]);
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
				// Every tenth meets a process that knows nothing yet; the files of a release are read only once.
				if (i % 10 === 9 || source === 'facts of releases') await world.restart();
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
			// And once it is well again, that is over.
			world.mutate(undefined);
			for (let i = 0; i < 6; i++) {
				await world.sources().read();
				world.pass(25);
			}
			expect(
				world
					.sources()
					.states()
					.filter(({ trouble }) => trouble),
			).toEqual([]);
			await world.bot.close();
		},
		600_000,
	);
});

// How commands word the version that a server reports: the same everywhere, and without claiming anything that is not
// known.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deadlines } from '../../commands/deadlines.ts';
import { postgres } from '../../commands/postgres.ts';
import { profile } from '../../commands/profile.ts';
import { servers as serversCommand } from '../../commands/servers.ts';
import { status } from '../../commands/status.ts';
import { upgrade } from '../../commands/upgrade.ts';
import { watch } from '../../commands/watch.ts';
import { type Observation, observationOf } from '../../src/advice/watch/observation.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import type { Answer } from '../../src/answer.ts';
import { Refusal } from '../../src/answer.ts';
import type { Command, Ports } from '../../src/command.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Store } from '../../src/ports/store.ts';
import { bodies, oddServers, servers } from '../advice/watch/version-strings.ts';
import { advisory, known, knownCode, knownDistributions, note, releases } from '../known.ts';
import { outside } from '../outside.ts';

const knowledge = known({
	releases: releases(
		...['0.6.1c', '0.9.0-r5', '0.33.3.1', '0.99.5.2'],
		{ version: '1.49.1', withdrawn: true },
		...['1.57.1', '1.98.0rc1', '1.98.0', '1.150.0rc1', '1.150.0', '1.163.2', '1.164.0rc3'],
	),
	advisories: [advisory('CVE-2026-0001', ['<1.150.0'], { severity: 'high' })],
	notes: [
		note('1.150.0/act', { must: true }),
		note('1.57.1/landed', {
			deadline: { subject: 'older things', at: { version: '1.150.0' }, promised: 'They go.', landed: '1.150.0' },
		}),
		note('1.150.0/gone', { deadline: { subject: 'old things', at: { date: '2027-01-01' }, promised: 'They go.' } }),
	],
	lifecycles: {
		postgresql: {
			link: 'https://x',
			releases: ['15', '16'].map(version => ({ version, released: '2020-01-01', ends: '2030-01-01' })),
		},
	},
});

const now = () => new Date('2026-11-29T12:00:00Z');
let store: Store;
beforeAll(async () => {
	store = await openStore();
});
afterAll(() => store.close());

function observed(body: string, server: string): Observation {
	const reply = (code: number, text: string) => ({ reply: { status: code, body: text, headers: {} } });
	return observationOf({
		server,
		at: now().toISOString(),
		federation: reply(200, body),
		admin: reply(404, '{"errcode":"M_UNRECOGNIZED"}'),
		signs: [reply(200, '{"versions":["v1.1"]}')],
	});
}

/** The whole answer of each command, as one text, about a server with this response. */
async function everywhere(body: string, room: string): Promise<Record<string, string>> {
	const web = outside(now);
	web.plays('a.test', observed(body, 'a.test'));
	const health: Ports['health'] = { version: '0', startedAt: now(), lastSync: () => undefined };
	const ports: Ports = {
		knowledge,
		code: knownCode(),
		distributions: knownDistributions(),
		commands: [],
		now,
		store,
		web,
		limits: usualLimits,
		health,
	};
	const says = async (command: Command, text: string) => {
		const words = text.split(' ').filter(Boolean);
		const asked = { words, text, room, sender: `@${room.slice(1)}:x`, at: now() };
		try {
			return textOf(await command.run(asked, ports));
		} catch (error) {
			if (error instanceof Refusal) return error.message;
			throw error;
		}
	};
	const said = {
		watch: await says(watch, 'a.test'),
		servers: await says(serversCommand, ''),
		status: await says(status, ''),
		upgrade: await says(upgrade, 'a.test'),
		deadlines: await says(deadlines, 'a.test'),
		profile: await says(profile, 'a.test'),
	};
	await store.dropWatch(room, 'a.test');
	return said;
}

function textOf({ lead, sections }: Answer): string {
	return [lead, ...sections.map(({ title, markdown }) => `${title}\n${markdown}`)].join('\n\n');
}

const synapse = (version: string) => JSON.stringify({ server: { name: 'Synapse', version } });

describe('the version is the same everywhere', () => {
	test.each([
		[synapse('1.98.0'), 'Synapse 1.98.0'],
		[synapse('1.49.1'), '1.49.1, which was withdrawn by its developers'],
		[synapse('1.164.0rc3'), '1.164.0rc3, a release candidate of 1.164.0'],
		[synapse('1.200.0'), 'Synapse 1.200.0, a release I do not know of'],
		[synapse('3.11-for-workgroups'), '`3.11-for-workgroups`, a release I do not know of'],
		[
			synapse('1.165.0rc1 (b=matrix-org-hotfixes,abc)'),
			'1.165.0rc1, a release I do not know of, built from the branch `matrix-org-hotfixes`',
		],
		[synapse('1.98.0 (b=develop,1234abcd,dirty)'), '1.98.0, built from the branch `develop` with uncommitted changes'],
		[synapse('1.98.0+maunium.2'), '1.98.0, which calls itself `1.98.0+maunium.2`'],
		[synapse('1.98.0.dev0'), '1.98.0, a development build from before its release'],
	])('%s', async (body, expected) => {
		const said = await everywhere(body, `!${expected}`);
		for (const [command, text] of Object.entries(said)) {
			// If `!upgrade` refuses because this is the newest release, it only states the number.
			if (command === 'upgrade' && text.includes('nothing to upgrade to')) continue;
			expect(text, command).toContain(expected);
		}
	});

	test.each([
		[JSON.stringify({ server: { name: 'Dendrite', version: '0.13.7' } }), 'runs `Dendrite` `0.13.7`, not Synapse'],
		[synapse('latest'), 'with a version I cannot read: `latest`'],
		[JSON.stringify({ server: {} }), 'it responds with `{"server":{}}`'],
		['<!DOCTYPE html><title>x</title>', 'it responds with a web page'],
	])('shows what was observed: %s', async (body, expected) => {
		const { status: _, ...said } = await everywhere(body, `!${expected}`);
		for (const [command, text] of Object.entries(said)) {
			expect(text, command).toContain(expected);
			expect(text, command).not.toMatch(/do not know yet|in front of it/);
		}
	});
});

test('does not claim that an unknown release removed something', async () => {
	const body = (version: string) => synapse(version);
	expect((await everywhere(body('1.98.0'), '!known')).deadlines).toContain('In force in newer releases');
	for (const version of ['1.98.7', '1.200.0']) {
		const { deadlines: said } = await everywhere(body(version), `!landed${version}`);
		expect(said).not.toMatch(/In force|Already dropped/);
		expect(said).toContain('The newest release I know of is 1.163.2. These are the deadlines after that release.');
	}
});

test('treats a version stated by a person like one that was observed', async () => {
	const web = outside(now);
	const ports = {
		knowledge,
		code: knownCode(),
		distributions: knownDistributions(),
		now,
		store,
		web,
		limits: usualLimits,
	};
	const asked = (text: string) => ({ words: text.split(' '), text, room: '!told', sender: '@told:x', at: now() });
	const card = await watch.run(asked('b.test version=1.98.0+maunium.2'), ports);
	expect(card.lead).toContain('1.98.0, which calls itself `1.98.0+maunium.2` (as you told me)');
	expect(card.lead).toContain('This build may lack a fix that 1.98.0 has');
	const plan = await upgrade.run(asked('b.test'), ports);
	expect(plan.lead).toContain('which calls itself `1.98.0+maunium.2`, as you told me');
	await expect(profile.run(asked('b.test version=1.200.0'), ports)).rejects.toThrow(
		'I do not know of a Synapse release',
	);
	const withdrawn = await profile.run(asked('b.test version=1.49.1'), ports);
	expect(withdrawn.lead).toContain('1.49.1, which was withdrawn');
	await expect(postgres.run(asked('b.test 15 16 docker'), { ...ports })).rejects.toThrow();
});

const answers = [...[...servers, ...oddServers].map(server => JSON.stringify({ server })), ...bodies];
const names = new Set(knowledge.releases.map(({ version }) => version));

describe('claims nothing unknown about more than a hundred responses', () => {
	test.each(answers.map((answer, i) => [i, answer.slice(0, 50), answer] as const))('%i %s', async (i, _, answer) => {
		const observation = observed(answer, 'a.test');
		const said = await everywhere(answer, `!all${i}`);
		if (observation.kind === 'running' && names.has(observation.version)) return;
		for (const [command, text] of Object.entries(said)) {
			expect(text, command).not.toMatch(
				/newest release[,:*]|is the newest|no known vulnerabilit|[Vv]ulnerable to|behind|can go back|nothing to (do|upgrade)/,
			);
		}
	});
});

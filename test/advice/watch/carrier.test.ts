// When a room with a server from a distribution hears about a release: once the distribution has it.
import { describe, expect, test } from 'vitest';
import type { AlertCondition } from '../../../src/advice/watch/alert-condition.ts';
import { type Carriers, carrierOf, recentBreaks } from '../../../src/advice/watch/carrier.ts';
import { conditionsOf } from '../../../src/advice/watch/conditions.ts';
import { parseTerm, profileOf } from '../../../src/deployment/facts.ts';
import { openDistributions } from '../../../src/knowledge/distributions.ts';
import type { ChartEntry, PlaybookEntry, PlaybookKnowledge } from '../../../src/knowledge/schema/distribution.ts';
import { playbookEntries } from '../../../src/knowledge/upstream/playbook.ts';
import { conditionTitle, textOf } from '../../../src/messages/conditions.ts';
import { known, knownDistributions, playbookEntry, releases } from '../../known.ts';

const broken = (date: string, more: Partial<PlaybookEntry> = {}) =>
	playbookEntry(`mdad/${date}/one`, { title: `Break of ${date}`, ...more });
const distributions = knownDistributions({
	mdad: {
		read: '2022-01-10',
		entries: [
			broken('2022-01-01'),
			broken('2022-01-04'),
			broken('2022-01-05', { components: ['jitsi_enabled'] }),
			broken('2022-01-06', { components: ['matrix_synapse_workers_enabled'] }),
			broken('2022-01-07', { breaking: false }),
		],
		synapse: [
			{ date: '2022-01-01', synapse: '1.60.0' },
			{ date: '2022-01-02', synapse: '1.61.0' },
			{ date: '2022-01-08', synapse: '1.62.0' },
		],
	},
	ess: {
		read: '2022-01-10',
		charts: [
			{ chart: '22.1.0', date: '2022-01-02', synapse: '1.61.0' },
			{ chart: '22.1.1', date: '2022-01-08', synapse: '1.62.0' },
		],
		entries: [{ ...(broken('2022-01-08') as unknown as ChartEntry), id: 'ess/22.1.1/one', chart: '22.1.1' }],
	},
});
const carriers: Carriers = { mdad: await distributions.mdad(), ess: await distributions.ess() };
const knowledge = known({ releases: releases('1.60.0', '1.61.0', '1.62.0', '1.63.0') });

function profile(...facts: string[]) {
	const found = profileOf(facts.flatMap(fact => parseTerm(fact) ?? []));
	if (!(found instanceof Map)) throw new Error('the facts contradict each other');
	return found;
}

function released(facts: string[], running: string, more: { today?: string; carriers?: Carriers | undefined } = {}) {
	const today = more.today ?? '2022-01-12';
	const at = new Date(`${today}T12:00:00Z`);
	const found = conditionsOf({
		server: 'a.test',
		running: { version: running, told: false, since: at.toISOString() } as never,
		history: [],
		told: true,
		profile: profile(...facts),
		seen: [],
		contradicted: [],
		derived: [],
		outdated: [],
		knowledge,
		carriers: 'carriers' in more ? more.carriers : carriers,
		now: at,
		today,
	});
	return found.find(({ rule }) => rule === 'release');
}
const words = (condition: AlertCondition | undefined) =>
	condition
		? [
				conditionTitle(condition.about, 'a.test'),
				textOf({ about: condition.about, details: condition.details() }, 'a.test'),
			].join('\n')
		: '';

describe('the playbook', () => {
	test('does not report a release that the playbook does not have yet', () =>
		expect(released(['mdad'], '1.62.0')).toBeUndefined());

	test('reports one that it has, with the breaking changes since the running one', () => {
		const condition = released(['mdad', 'workers'], '1.61.0');
		expect(condition).toMatchObject({ subject: '1.62', about: { newest: '1.62.0', by: 'mdad' } });
		const text = words(condition);
		expect(text).toContain('The playbook now installs Synapse 1.62.0');
		expect(text).toContain('!upgrade mdad 2022-01-02');
		expect(text).toMatch(
			/2022-01-04: Break[\s\S]*2022-01-06: Break[^,]*\n[\s\S]*2022-01-05: Break[^\n]*, if you use it/,
		);
		expect(text).not.toContain('Break of 2022-01-01');
		expect(text).not.toContain('Break of 2022-01-07');
	});

	test('includes what the bot has read since the curated entries', () => {
		const live = {
			...knowledge,
			playbook: {
				read: '2022-05-31',
				synapse: '1.63.0',
				entries: [{ date: '2022-01-11', title: 'New *break*', breaking: true, text: '', url: 'https://example.org' }],
			},
		};
		const request = { profile: profile('mdad'), running: '1.62.0', today: '2022-06-01', knowledge: live, carriers };
		expect(carrierOf(request)).toMatchObject({
			newest: '1.63.0',
			as: '2022-05-31',
			breaks: [{ when: '2022-01-11', title: 'New *break*', told: true }],
		});
		// Since then, its releases could not be read.
		expect(carrierOf({ ...request, today: '2022-08-01' })).toEqual({ of: 'mdad', read: '2022-05-31' });
	});
});

test('names a chart, what it installs and what it breaks', () => {
	const text = words(released(['ess'], '1.61.0'));
	expect(text).toContain('ESS 22.1.1 installs Synapse 1.62.0');
	expect(text).toContain('!upgrade ess 22.1.0');
	expect(text).toContain('Break of 2022-01-08');
	expect(released(['ess'], '1.62.0')).toBeUndefined();
});

test("reports upstream's release if the distribution has not been read for a long time, and says so", () => {
	for (const facts of [['mdad'], ['ess']]) {
		const old = words(released(facts, '1.62.0', { today: '2022-03-20' }));
		expect(old).toContain('Synapse 1.63.0 is out');
		expect(old).toContain('already installs it (last read 2022-01-10)');
		expect(words(released(facts, '1.62.0', { carriers: undefined }))).toContain('I do not know whether');
	}
});

test("reports upstream's releases to everyone else", () => {
	for (const facts of [[], ['docker']]) {
		const condition = released(facts, '1.62.0');
		expect(condition?.about).toEqual({ rule: 'release', newest: '1.63.0' });
		expect(words(condition)).not.toMatch(/playbook|chart/);
	}
});

test('returns the same key for a breaking change, whether upstream or a curator describes it', async () => {
	const { entries } = await openDistributions(new URL('../../../knowledge/', import.meta.url)).mdad();
	const filler = Array.from(
		{ length: 20 },
		(_, i) => `# 2019-01-${String(28 - i).padStart(2, '0')}\n\n## A bridge ${i}\n\nText.\n`,
	);
	for (const entry of entries.filter(({ breaking, date, gone }) => breaking && date >= '2023-01-01' && !gone)) {
		const heading = entry.sources[0]?.heading ?? '';
		const day = entry.sources[0]?.section ?? '';
		const read = playbookEntries([`# ${day}\n\n## ${heading}\n\nText.\n`, ...filler].join('\n'));
		if ('reason' in read) throw new Error(read.reason);
		const told = read.entries.filter(({ date }) => date === day).map(one => ({ ...one, breaking: true }));
		const keysFor = (mdad: PlaybookEntry[], live: typeof told) => {
			const known = { ...knowledge, ...(live.length && { playbook: { read: day, synapse: '1.62.0', entries: live } }) };
			const playbook = { ...(carriers.mdad ?? {}), read: '2019-12-31', entries: mdad } as PlaybookKnowledge;
			const request = { profile: profile('mdad'), today: day, knowledge: known, carriers: { mdad: playbook } };
			return recentBreaks(request)?.changes.map(({ key }) => key);
		};
		expect(keysFor([{ ...entry, components: [], uses: [], date: day, added: day }], [])).toEqual(keysFor([], told));
	}
});

test('keeps the keys of entries about one passage when another is added between them', () => {
	const sources = [{ document: 'CHANGELOG.md', section: '2022-01-04', heading: 'A break', url: 'https://example.org' }];
	const about = (name: string) => playbookEntry(`mdad/2022-01-04/${name}`, { title: name, sources });
	const keysFor = (...names: string[]) => {
		const mdad = { ...(carriers.mdad as PlaybookKnowledge), entries: names.map(about) };
		const found = recentBreaks({ profile: profile('mdad'), today: '2022-01-10', knowledge, carriers: { mdad } });
		return new Map(found?.changes.map(({ title, key }) => [title, key]));
	};
	const [before, after] = [keysFor('one', 'three'), keysFor('one', 'two', 'three')];
	expect([before.size, new Set(after.values()).size]).toEqual([2, 3]);
	for (const [title, key] of before) expect(after.get(title), title).toBe(key);
});

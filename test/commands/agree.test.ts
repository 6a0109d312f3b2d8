// Commands that accept a release agree on which one is meant, and on how far the knowledge reaches.
import { expect, test } from 'vitest';
import { notes } from '../../commands/notes.ts';
import { rollback } from '../../commands/rollback.ts';
import { upgrade } from '../../commands/upgrade.ts';
import type { Answer } from '../../src/answer.ts';
import { lineOf } from '../../src/deployment/version.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import { noNews, withNews } from '../../src/knowledge/live.ts';
import { readKnowledge } from '../../src/knowledge/load.ts';
import type { Knowledge } from '../../src/knowledge/schema/synapse.ts';
import { known, knownCode, knownDistributions, releases } from '../known.ts';

const knowledge = readKnowledge(new URL('../../knowledge/', import.meta.url));
const now = () => new Date('2026-11-29T12:00:00Z');
const asked = (text: string) => ({ words: text.split(' '), text, room: '!a', sender: '@a:x', at: now() });
const ports = (of: Knowledge) => ({
	knowledge: of,
	code: knownCode(),
	distributions: knownDistributions(),
	store: openLater(),
	now,
});

/** The release that each of the three commands reads a version as, or its refusal. */
async function taken(typed: string, of: Knowledge): Promise<{ notes: unknown; upgrade: unknown; rollback: unknown }> {
	const value = async (answer: () => Answer | Promise<Answer>, key: string) => {
		try {
			return (await answer()).value[key];
		} catch (error) {
			return error instanceof Error ? error.message : error;
		}
	};
	return {
		notes: await value(() => notes.run(asked(typed), ports(of)), 'releases'),
		upgrade: await value(() => upgrade.run(asked(`1.20.0 ${typed}`), ports(of)), 'to'),
		rollback: await value(() => rollback.run(asked(typed), ports(of)), 'release'),
	};
}

const coming = known({ releases: releases('1.20.0', '1.21.0', '1.22.0rc1', '1.22.0rc2') });

test.each(['1.22', '1.22.0', '1.22.0rc2', 'v1.22'])('all accept %s, though only candidates are out', async typed => {
	expect(await taken(typed, coming)).toEqual({ notes: ['1.22.0'], upgrade: '1.22.0rc2', rollback: '1.22.0rc2' });
	const plan = await upgrade.run(asked(`1.20.0 ${typed}`), ports(coming));
	if (!typed.includes('rc'))
		expect(plan.lead).toContain('1.22.0 is not out yet; its newest release candidate, 1.22.0rc2');
});

test.each(['1.23', '1.23.0', '1.22.1', '1.22.0rc3'])('all refuse %s as unknown, in the same words', async typed => {
	const said = await taken(typed, coming);
	expect(said.notes).toContain('I do not know of a Synapse release');
	expect(said).toEqual({ notes: said.notes, upgrade: said.notes, rollback: said.notes });
});

test('accept each release line and each candidate of the real releases', async () => {
	const names = new Set(knowledge.releases.slice(-60).flatMap(({ version }) => [version, lineOf(version)]));
	for (const name of names) {
		const { notes: found, upgrade: plan } = await taken(name, knowledge);
		expect(Array.isArray(found), name).toBe(true);
		expect(String(plan), name).toMatch(/^\d|was withdrawn/);
	}
});

test('state the day on which upstream was last read, for this edition or by the bot', async () => {
	const newest = knowledge.releases.at(-1)?.date ?? '';
	expect(knowledge.read > newest).toBe(true);
	const live = (read: string) => withNews(known({ releases: releases('1.20.0', '1.21.0') }), { ...noNews, read });
	for (const [read, expected] of [
		['2026-11-29', '2026-11-29'],
		// Stored before this edition was compiled.
		['2026-11-01', '2026-11-20'],
	] as const) {
		const answers = [
			await upgrade.run(asked('1.20.0'), ports(live(read))),
			await notes.run(asked('1.21.0'), ports(live(read))),
		];
		for (const { value, lead } of answers) {
			expect(value.horizon).toEqual({ release: '1.21.0', read: expected });
			expect(lead).toContain(`Covers releases up to 1.21.0, as of ${expected}.`);
		}
	}
});

// !status: whose published knowledge is used, how far it reaches, and why another one was rejected.
import { describe, expect, test } from 'vitest';
import { status } from '../../commands/status.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import type { Knowledge } from '../../src/knowledge/schema/synapse.ts';
import type { BundleTrouble, PublishedKnowledge } from '../../src/ports/web.ts';
import { known } from '../known.ts';

const now = () => new Date('2026-11-29T12:00:00Z');
const look = { address: 'https://example.org/glia-knowledge.json', next: now() };
const counts = {
	author: 'The pigeon *fanciers*',
	made: '2026-11-28T10:00:00Z',
	horizon: { release: '1.164.0', read: '2026-11-27' },
};

async function asked(published?: PublishedKnowledge) {
	const knowledge = known();
	const health = {
		version: '0.1.0',
		startedAt: now(),
		lastSync: () => undefined,
		published: (of: Knowledge) => (of === knowledge ? published : undefined),
	};
	const ports = { knowledge, health, store: openLater(), now };
	const { lead, value } = await status.run({ words: [], text: '', room: '!a', sender: '@a:x', at: now() }, ports);
	return { line: lead.split('\n').find(line => line.includes('Published knowledge')), updates: value.updates };
}

const read = new Date('2026-11-29T11:30:00Z');
const at = new Date('2026-11-29T11:00:00Z');

describe('published knowledge', () => {
	test('is not mentioned if none is configured', async () => {
		expect(await asked()).toEqual({ line: undefined, updates: undefined });
	});

	test('is shown with its author, its date and how far it reaches', async () => {
		const { line, updates } = await asked({ ...look, read, counts });
		expect(line).toBe(
			'* Published knowledge: curated by The pigeon \\*fanciers\\* on 2026-11-28, up to Synapse 1.164.0 as of 2026-11-27; found 30 minutes ago at `example.org`',
		);
		expect(updates).toEqual({ address: look.address, counts, read: read.toISOString(), ago: 1800 });
	});

	test('is reported as not newer than the built-in knowledge', async () => {
		const { line } = await asked({ ...look, read });
		expect(line).toContain('nothing newer than my built-in knowledge; found 30 minutes ago');
	});

	test.each<[BundleTrouble, string]>([
		[{ at, refusal: { is: 'needs', glia: '0.3.0' } }, '⚠️ Refused 2026-11-29 11:00 UTC: it needs Glia 0.3.0'],
		[{ at, refusal: { is: 'signature' } }, 'its signature was not made with `knowledge.updates.key`'],
		[
			{
				at,
				refusal: { is: 'older', made: '2026-11-01T10:00:00Z', horizon: { release: '1.163.0', read: '2026-11-01' } },
			},
			'it is older than what I know: made 2026-11-01, up to 1.163.0, as of 2026-11-01',
		],
		[
			{ at, refusal: { is: 'mistakes', first: 'synapse/notes/1.66.0.yaml:4:11 expected <b>', more: 2 } },
			'and 2 more errors',
		],
		[
			{ at, source: { is: 'status', status: 404 } },
			'⚠️ Not fetched 2026-11-29 11:00 UTC: the server responds with status 404',
		],
	])('says why another was refused: %j', async (trouble, words) => {
		const { line, updates } = await asked({ ...look, read, counts, trouble });
		expect(line).toContain(words);
		expect(line).toContain('The pigeon');
		expect(line?.replace(/`[^`]*`/g, '')).not.toContain('<b>');
		expect(updates).toMatchObject({ ['refusal' in trouble ? 'refused' : 'trouble']: { at: at.toISOString() } });
	});
});

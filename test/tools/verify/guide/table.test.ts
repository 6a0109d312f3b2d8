// The page about what was executed: how it lists tests of text that has changed since, and that it is up to date.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openKnowledge } from '../../../../src/knowledge/compiled.ts';
import { recipeOf } from '../../../../src/knowledge/guide-hash.ts';
import { type Guide, type Tried, triedFileShape } from '../../../../src/knowledge/schema/guide.ts';
import { tableOf } from '../../../../tools/verify/guide/table.ts';

const root = new URL('../../../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');

const stage = (id: string, commands: string): Guide['stages'][number] => ({
	id,
	title: `Do ${id}`,
	why: 'Because.',
	steps: [{ commands, language: 'bash', check: false, shows: [] }],
	failures: [{ id: `${id}-fails`, text: `${id} failed`, cause: 'Wind.', cure: 'Wait.' }],
	untried: [],
});

const guide: Guide = {
	id: 'move',
	title: 'Move',
	summary: 'It is moved.',
	parameters: [],
	ways: [],
	refuses: [],
	dangers: [],
	stages: [stage('lift', 'lift it')],
	cleanUp: [],
	wayBack: { before: [], again: [{ ...stage('sweep', 'sweep'), from: 'lift' }], after: [] },
	sources: [],
};

function trial(of: string, from: string, recipe?: string): Tried {
	const by = { layout: 'cart' };
	const versions = { postgresql: `${from} → 17.10` };
	const own = recipe ?? recipeOf(guide, { of, with: by }) ?? '';
	return { guide: 'move', of, with: by, versions, date: '2026-11-21', recipe: own };
}

const rowOf = (id: string, tried: Tried[]) =>
	tableOf([guide], tried)
		.split('\n')
		.find(line => line.startsWith(`| \`${id}\``));

describe('a stage', () => {
	test('is listed as tested if it ran unchanged', () => {
		expect(rowOf('lift', [trial('lift', '15.18')])).toBe('| `lift` | Do lift | cart: 15.18 → 17.10 |  |  |');
	});

	test('is listed as not tested since it was changed', () => {
		expect(rowOf('lift', [trial('lift', '15.18', '000000')])).toBe(
			'| `lift` | Do lift | never | cart: 15.18 → 17.10 |  |',
		);
	});

	test('is still listed for a case in which it was not tested again', () => {
		expect(rowOf('lift', [trial('lift', '15.18'), trial('lift', '13.23', '000000')])).toBe(
			'| `lift` | Do lift | cart: 15.18 → 17.10 | cart: 13.23 → 17.10 |  |',
		);
	});

	test('counts wherever it is in the guide, and so do its errors', () => {
		expect(rowOf('sweep', [trial('sweep', '15.18')])).toBe('| `sweep` | Do sweep | cart: 15.18 → 17.10 |  |  |');
		expect(rowOf('sweep-fails', [trial('sweep-fails', '15.18')])).toContain('2026-11-21, 15.18 → 17.10');
	});
});

test('an error whose message has changed is listed as not seen since then', () => {
	const row = rowOf('lift-fails', [trial('lift-fails', '15.18', '000000')]);
	expect(row).toBe('| `lift-fails` | `lift failed` | not since the message changed (2026-11-21, 15.18 → 17.10) |');
});

test('docs/guides-stages.md is up to date: npm run verify -- guide table writes it', async () => {
	const { guides } = await openKnowledge(new URL('knowledge/', root));
	const { tried } = triedFileShape.parse(JSON.parse(text('knowledge/guides/tried.json')));
	expect(text('docs/guides-stages.md')).toBe(tableOf(guides, tried));
});

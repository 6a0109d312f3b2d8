// What is promised of texts that are kept: by the store in memory, by the store in a folder, and by the tests' own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/edges/store/store.ts';
import type { Kept } from '../../src/ports/web.ts';
import { openKept } from '../edges/web/world.ts';

const kinds: Record<string, (use: (kept: Kept) => Promise<void>) => Promise<void>> = {
	'the tests’ own': use => use(openKept()),
	'the store in memory': async use => {
		const store = await openStore();
		await use(store.kept);
		await store.close();
	},
	'the store in a folder': async use => {
		const folder = mkdtempSync(join(tmpdir(), 'glia-kept-'));
		const store = await openStore(folder);
		await use(store.kept);
		await store.close();
		rmSync(folder, { recursive: true });
	},
};

describe.each(Object.entries(kinds))('%s', (_, open) => {
	test('gives back what was put last, whatever it is', () =>
		open(async kept => {
			expect(await kept.get('source/releases')).toBeUndefined();
			for (const text of ['', 'x'.repeat(2_000_000), '\u0000 \u202E 🧠 "\'']) {
				await kept.put('source/releases', text);
				expect(await kept.get('source/releases')).toBe(text);
			}
			await kept.put('source/playbook', 'another');
			expect(await kept.get('source/releases')).toBe('\u0000 \u202E 🧠 "\'');
		}));
});

test('a folder has it after a restart', async () => {
	const folder = mkdtempSync(join(tmpdir(), 'glia-kept-'));
	const store = await openStore(folder);
	await store.kept.put('a', 'b');
	await store.close();
	const again = await openStore(folder);
	expect(await again.kept.get('a')).toBe('b');
	await again.close();
	rmSync(folder, { recursive: true });
});

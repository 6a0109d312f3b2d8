// Stored texts, in the tests' own stand-in and in the store, in memory and in a folder.
import { expect, test } from 'vitest';
import { openKept } from '../edges/web/world.ts';
import { keptAt, keptContract } from './kept.ts';
import { local } from './places.ts';

keptContract({ "the tests' own": use => use(openKept()), ...keptAt(local) });

test('keeps texts in a folder across a restart', async () => {
	const place = await local['a folder']?.();
	if (!place) throw new TypeError('no folder');
	const store = await place.open();
	await store.kept.put('a', 'b');
	await store.close();
	const again = await place.open();
	expect(await again.kept.get('a')).toBe('b');
	await again.close();
	place.remove();
});

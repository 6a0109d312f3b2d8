// The contract for stored texts, whatever stores them.
import { describe, expect, test } from 'vitest';
import type { Kept } from '../../src/ports/web.ts';
import type { Places } from './places.ts';

type Kinds = Record<string, (use: (kept: Kept) => Promise<void>) => Promise<void>>;

/** The stores at these places, as stores of texts. */
export function keptAt(places: Places): Kinds {
	return Object.fromEntries(
		Object.entries(places).map(([name, make]) => [
			name,
			async use => {
				const place = await make();
				const store = await place.open();
				await use(store.kept);
				await store.close();
				place.remove();
			},
		]),
	);
}

export function keptContract(kinds: Kinds): void {
	describe.each(Object.entries(kinds))('kept in %s', (_, open) => {
		test('returns what was stored last, whatever it is', () =>
			open(async kept => {
				expect(await kept.get('source/releases')).toBeUndefined();
				for (const text of ['', 'x'.repeat(2_000_000), '\u0000 \u202E 🧠 "\'', '\u{F0000}0 \u{F0000}\u0000']) {
					await kept.put('source/releases', text);
					expect(await kept.get('source/releases')).toBe(text);
				}
				await kept.put('source/playbook', 'another');
				expect(await kept.get('source/releases')).toBe('\u{F0000}0 \u{F0000}\u0000');
			}));
	});
}

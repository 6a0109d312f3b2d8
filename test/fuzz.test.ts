import { expect, test } from 'vitest';
import { fuzz } from '../bench/fuzz.ts';

// `npm run bench -- fuzz` does a million.
test('generated messages: no throw, no answer without a command, no command without an answer', async () => {
	const { answers } = await fuzz(3000, 1);
	expect(answers).toBeGreaterThan(500);
});

import { expect, test } from 'vitest';
import { fuzz } from '../bench/fuzz.ts';

// `npm run bench -- fuzz` does a million.
test('generated messages never throw, and get an answer if and only if they contain a command', async () => {
	const { answers } = await fuzz(3000, 1);
	expect(answers).toBeGreaterThan(500);
});

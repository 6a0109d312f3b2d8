import { expect, test } from 'vitest';
import { fuzz } from '../bench/fuzz.ts';

// `npm run bench -- fuzz` generates a million.
test('never throws on generated messages, and answers exactly those that contain a command', async () => {
	const { answers } = await fuzz(3000, 1);
	expect(answers).toBeGreaterThan(500);
});

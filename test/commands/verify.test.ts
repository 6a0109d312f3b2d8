import { expect, test } from 'vitest';
import { verify } from '../../commands/verify.ts';
import type { Health } from '../../src/command.ts';
import { asked } from '../asked.ts';

const health = (device?: Health['device']): Health => ({
	version: '0.1.0',
	startedAt: new Date('2026-11-29T11:00:00Z'),
	lastSync: () => undefined,
	...(device && { device }),
});

test('shows the keys, the master key in groups of four', () => {
	const answer = verify.run(asked(''), {
		health: health(() => ({ fingerprint: 'abcd efgh', master: 'ABCDEFGH', signed: true })),
	});
	expect(answer.value).toMatchObject({ fingerprint: 'abcd efgh', master: 'ABCDEFGH', signed: true });
	expect(answer.lead).toContain('ABCD EFGH');
	expect(answer.lead).toContain('signed by my account');
});

test('warns about a session that the account did not sign', () =>
	expect(verify.run(asked(''), { health: health(() => ({ fingerprint: 'abcd', signed: false })) }).lead).toContain(
		'not signed',
	));

test('has nothing to compare without encryption', () => {
	const { value, lead } = verify.run(asked(''), { health: health() });
	expect(value).toEqual({ format: 1 });
	expect(lead).toContain('no keys here');
});

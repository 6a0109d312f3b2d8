// The keys that a configuration may name.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { publicKey, signedBy } from '../../src/knowledge/bundle.ts';

/** Points of small order, and two other encodings of them: https://eprint.iacr.org/2020/1244, table 1. */
const small = [
	'0100000000000000000000000000000000000000000000000000000000000000',
	'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	'0000000000000000000000000000000000000000000000000000000000000080',
	'0000000000000000000000000000000000000000000000000000000000000000',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
	'0100000000000000000000000000000000000000000000000000000000000080',
	'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
	'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
	'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
	'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(hex => Buffer.from(hex, 'hex'));

describe('a public key', () => {
	const { publicKey: real } = generateKeyPairSync('ed25519');
	const bytes = Buffer.from(real.export({ format: 'jwk' }).x ?? '', 'base64url');

	test('is 32 bytes in base64', () => {
		expect(publicKey(bytes.toString('base64'))?.equals(real)).toBe(true);
		for (const text of [bytes.toString('base64url'), bytes.toString('hex'), ` ${bytes.toString('base64')}`, ''])
			expect(publicKey(text)).toBeUndefined();
	});

	// Node.js 24.12 accepts a signature of zeros for every message under some of these.
	test.each(small.map(key => key.toString('base64')))('is not a point of small order: %s', text => {
		expect(publicKey(text)).toBeUndefined();
		for (const point of small) {
			const forged = Buffer.concat([point, Buffer.alloc(32)]).toString('base64');
			expect(signedBy('advice', forged, [text])).toHaveProperty('refusal');
		}
	});
});

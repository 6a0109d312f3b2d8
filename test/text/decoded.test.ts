// Text attachments are read as text, and others are recognised as binary or compressed.
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decoded } from '../../src/text/decoded.ts';

const log = 'synapse.app - 1 - ERROR - main - größer\n';

test.each<[string, Uint8Array]>([
	['UTF-8', Buffer.from(log)],
	['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${log}`)],
	['UTF-16 as PowerShell writes it', Buffer.from(`\uFEFF${log}`, 'utf16le')],
	['big-endian UTF-16', Buffer.from(`\uFEFF${log}`, 'utf16le').swap16()],
])('%s is text', (_what, bytes) => {
	expect(decoded(bytes)).toEqual({ text: log });
});

test('replaces a few broken characters', () => {
	const bytes = Buffer.concat([Buffer.from(log.repeat(5)), Buffer.from([0xff, 0x0a])]);
	expect(decoded(bytes)).toEqual({ text: `${log.repeat(5)}\uFFFD\n` });
	expect(decoded(Buffer.from('\u001B[31mERROR\u001B[0m\r\n'))).toHaveProperty('text');
	expect(decoded(new Uint8Array())).toEqual({ text: '' });
});

test('rejects archives and other binary data', () => {
	expect(decoded(gzipSync(log))).toEqual({ no: 'packed' });
	expect(decoded(Buffer.from('504b030414000000', 'hex'))).toEqual({ no: 'packed' });
	expect(decoded(Buffer.from('89504e470d0a1a0a0000000d', 'hex'))).toEqual({ no: 'binary' });
	expect(decoded(Buffer.from([...Array(256).keys()].slice(1)))).toEqual({ no: 'binary' });
	expect(decoded(Buffer.from(log, 'utf16le'))).toEqual({ no: 'binary' });
});

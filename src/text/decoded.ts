// Decodes bytes from strangers as text.

/** Why bytes are not text. `packed`: an archive, or compressed. */
export type NoText = 'packed' | 'binary';

/** The magic numbers of gzip, zip, xz, bzip2, Zstandard and 7-Zip. */
const packed = ['1f8b', '504b0304', 'fd377a585a00', '425a68', '28b52ffd', '377abcaf271c'];

/** A file with a larger share of undecodable characters is not text. */
const maxUnreadable = 0.02;

/**
 * UTF-8, or UTF-16 with a byte order mark, as redirected PowerShell output has. Logs contain a few broken
 * characters; each becomes `�`.
 */
export function decoded(bytes: Uint8Array): { text: string } | { no: NoText } {
	const head = Buffer.from(bytes.subarray(0, 8)).toString('hex');
	if (packed.some(magic => head.startsWith(magic))) return { no: 'packed' };
	const wide = head.startsWith('fffe') ? 'utf-16le' : head.startsWith('feff') ? 'utf-16be' : undefined;
	const text = new TextDecoder(wide ?? 'utf-8').decode(bytes);
	let unreadable = 0;
	for (let at = 0; at < text.length; at++) {
		const sign = text.charCodeAt(at);
		// Logs contain terminal escape sequences, tabs and line ends.
		if (sign === 0) return { no: 'binary' };
		if (sign === 0xfffd || (sign < 0x20 && ![0x09, 0x0a, 0x0c, 0x0d, 0x1b, 0x08, 0x07].includes(sign))) unreadable++;
	}
	return unreadable > maxUnreadable * text.length ? { no: 'binary' } : { text };
}

// Compressed answers, asked for or not: a proxy before the homeserver decides that by itself.
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';

type Decoder = (data: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const inflated = promisify(inflate);
const inflatedRaw = promisify(inflateRaw);

const decoders: Record<string, Decoder> = {
	gzip: promisify(gunzip),
	'x-gzip': promisify(gunzip),
	// The name means zlib's format, which begins with 8 in the low half of a byte; some servers send it without.
	deflate: (data, options) => ((data[0] ?? 0) % 16 === 8 ? inflated(data, options) : inflatedRaw(data, options)),
	br: promisify(brotliDecompress),
	zstd: promisify(zstdDecompress),
};

/** What we ask for: what every proxy knows. */
export const acceptEncoding = 'gzip, deflate, br';
/** More layers than this are no answer but an attack. */
const maxLayers = 3;

/** The answer is larger than it may be. */
export class LargeAnswer extends Error {
	override name = 'LargeAnswer';
	override message = 'an answer that is too large';
}

/**
 * The bytes behind a `content-encoding`. Throws an Error that says what is wrong, or a LargeAnswer when
 * more than `maxBytes` bytes come out of any layer.
 */
export async function decompressed(
	raw: Buffer,
	encoding: string | string[] | undefined,
	maxBytes: number,
): Promise<Buffer> {
	const names = String(encoding ?? '')
		.toLowerCase()
		.split(',')
		.map(name => name.trim())
		.filter(name => name !== '' && name !== 'identity');
	// Answers without a body name an encoding too.
	if (raw.length === 0) return raw;
	if (names.length > maxLayers) throw new Error(`an answer that is compressed ${names.length} times`);
	let bytes = raw;
	for (const name of names.reverse()) {
		const decode = decoders[name];
		if (!decode) throw new Error(`an answer with an unsupported compression (${name.slice(0, 20)})`);
		bytes = await decode(bytes, { maxOutputLength: maxBytes }).catch((error: unknown) => {
			const large = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
			throw large ? new LargeAnswer() : new Error(`an answer that claims to be ${name} but is not`);
		});
	}
	return bytes;
}

// Decompresses responses. A proxy in front of the homeserver may compress even if we did not ask for it.
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';

type Decoder = (data: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const inflated = promisify(inflate);
const inflatedRaw = promisify(inflateRaw);

const decoders: Record<string, Decoder> = {
	gzip: promisify(gunzip),
	'x-gzip': promisify(gunzip),
	// The standard means the zlib format, whose first byte has 8 in its low half; some servers send raw deflate.
	deflate: (data, options) => ((data[0] ?? 0) % 16 === 8 ? inflated(data, options) : inflatedRaw(data, options)),
	br: promisify(brotliDecompress),
	zstd: promisify(zstdDecompress),
};

/** The encodings that we accept: every proxy supports these. */
export const acceptEncoding = 'gzip, deflate, br';
/** More layers than this are an attack. */
const maxLayers = 3;

/** The response is over the size limit. */
export class LargeAnswer extends Error {
	override name = 'LargeAnswer';
	override message = 'the response is too large';
}

/**
 * Decodes a body by its `content-encoding`. Throws an Error that says what is wrong, or a LargeAnswer if any
 * layer yields more than `maxBytes` bytes.
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
	// Responses without a body may name an encoding too.
	if (raw.length === 0) return raw;
	if (names.length > maxLayers) throw new Error(`the response is compressed ${names.length} times`);
	let bytes = raw;
	for (const name of names.reverse()) {
		const decode = decoders[name];
		if (!decode) throw new Error(`the response uses an unsupported compression (${name.slice(0, 20)})`);
		bytes = await decode(bytes, { maxOutputLength: maxBytes }).catch((error: unknown) => {
			const large = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
			throw large ? new LargeAnswer() : new Error(`the response claims to be ${name} but is not`);
		});
	}
	return bytes;
}

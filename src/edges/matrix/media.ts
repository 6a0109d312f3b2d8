// Fetches files that people sent for a command, up to a size limit, and checks the hash of encrypted ones.
import { isFatal } from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { FetchedFile, Homeserver, Outcome } from '../../ports/homeserver.ts';
import { LargeAnswer } from './compression.ts';
import { openFile } from './encryption.ts';
import { isRecord } from './json.ts';
import type { Session } from './session.ts';

/** Media endpoints: Synapse 1.111 and later require our token, older releases serve media to everyone. */
const places = ['/_matrix/client/v1/media/download/', '/_matrix/media/v3/download/'] as const;

type Client = ReturnType<Session['client']>;

export function openMedia(session: Session): Pick<Homeserver, 'fetch'> {
	return {
		async fetch({ url, size, key }, maxBytes) {
			if (url === undefined) return { failure: { kind: 'refused', code: 'M_NOT_FOUND', why: 'it has no address' } };
			if (size !== undefined && size > maxBytes) return { value: 'too large' };
			const path = url.slice('mxc://'.length).split('/').map(encodeURIComponent).join('/');
			const got = await session.call(bytesOf, client =>
				download(client, path).catch((error: unknown) => {
					if (error instanceof LargeAnswer) return 'too large';
					throw error;
				}),
			);
			if ('failure' in got || got.value === 'too large') return got as Outcome<'too large'>;
			if (got.value.length > maxBytes) return { value: 'too large' };
			return { value: key === undefined ? { bytes: got.value } : decrypted(got.value, key) };
		},
	};
}

/** Older homeservers do not know the first endpoint. */
async function download(client: Client, path: string): Promise<unknown> {
	const ask = (place: string) =>
		client.doRequest('GET', place + path, null, null, undefined, true, undefined, true).then(({ body }) => body);
	return ask(places[0]).catch((error: unknown) => {
		const { statusCode, errcode, body } = Object(error);
		const code = errcode ?? (isRecord(body) ? body.errcode : undefined);
		if (statusCode === 404 && code === 'M_UNRECOGNIZED') return ask(places[1]);
		throw error;
	});
}

function bytesOf(answer: unknown): Buffer | 'too large' | undefined {
	return answer === 'too large' || Buffer.isBuffer(answer) ? answer : undefined;
}

function decrypted(bytes: Buffer, key: Record<string, unknown>): FetchedFile {
	try {
		return { bytes: openFile(bytes, key) };
	} catch (error) {
		if (isFatal(error)) throw error;
		return 'forged';
	}
}

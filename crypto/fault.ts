// What can go wrong here, as errors that a caller can distinguish, and which of them must end the process.

/**
 * `CRYPTO_PANIC`, `CRYPTO_STORE_FAILED` (the disk refuses, or what it holds turns out to be damaged): fatal, see `isFatal`.
 * `CRYPTO_STORE_BUSY`: another process, or this one, has the store open.
 * `CRYPTO_STORE_NATIVE`: the directory contains a store of the native library.
 * `CRYPTO_STORE_FOREIGN`: the store belongs to another user or another device.
 * `CRYPTO_STORE_NEWER`: a newer version wrote the store.
 * `CRYPTO_STORE_PASSPHRASE`: the passphrase is wrong or missing, or one was given for a store that has none.
 * `CRYPTO_STORE_UNREADABLE`: the file is damaged, or is not a store.
 * `CRYPTO_ROOM_KEY_NOT_SHARED`: share the room key and encrypt again; nothing was sent or lost.
 * `CRYPTO_CLOSED`: the machine was closed.
 */
export type CryptoErrorCode =
	| 'CRYPTO_PANIC'
	| 'CRYPTO_STORE_FAILED'
	| 'CRYPTO_STORE_BUSY'
	| 'CRYPTO_STORE_NATIVE'
	| 'CRYPTO_STORE_FOREIGN'
	| 'CRYPTO_STORE_NEWER'
	| 'CRYPTO_STORE_PASSPHRASE'
	| 'CRYPTO_STORE_UNREADABLE'
	| 'CRYPTO_ROOM_KEY_NOT_SHARED'
	| 'CRYPTO_CLOSED';

export interface CryptoError extends Error {
	code: CryptoErrorCode;
}

export interface FatalCryptoError extends CryptoError {
	code: 'CRYPTO_PANIC' | 'CRYPTO_STORE_FAILED';
}

export function cryptoError<Code extends CryptoErrorCode>(code: Code, message: string, cause?: unknown) {
	const error = new Error(message, cause === undefined ? undefined : { cause });
	return Object.assign(error, { name: 'CryptoError', code });
}

/** An error of this package. Its message is a sentence for the operator. */
export function isCryptoError(error: unknown): error is CryptoError {
	return error instanceof Error && error.name === 'CryptoError';
}

/**
 * The process must be restarted: the WebAssembly code panicked, or the disk refused what is already in memory. Every
 * later call to the machine rejects with the same error, and nothing more is written.
 */
export function isFatal(error: unknown): error is FatalCryptoError {
	return isCryptoError(error) && (error.code === 'CRYPTO_PANIC' || error.code === 'CRYPTO_STORE_FAILED');
}

/**
 * Whether the server's response (an error from matrix-bot-sdk, or anything with the same `statusCode` and `body` or
 * `message`) says that it has newer keys of this device than the store: the store was restored from a backup, or was
 * started over. Such a store must not be used, because its message counters would be used twice. The way out is to log
 * in again with an empty store.
 */
export function isStoreBehindServer(error: unknown): boolean {
	if (typeof error !== 'object' || error === null) return false;
	const { body, statusCode } = error as { body?: unknown; statusCode?: unknown };
	if (statusCode !== undefined && statusCode !== 400) return false;
	const said = typeof body === 'object' && body !== null ? (body as { error?: unknown }).error : undefined;
	const text = typeof said === 'string' ? said : error instanceof Error ? error.message : '';
	return /one time key \S+ already exists/i.test(text);
}

const listeners = new Set<(error: FatalCryptoError) => void>();

/**
 * Calls `listener` once for each fatal error. matrix-bot-sdk logs errors of its sync loop and carries on, so this is
 * how a bot learns that it has to stop. Returns a function that removes the listener.
 */
export function onFatal(listener: (error: FatalCryptoError) => void): () => void {
	listeners.add(listener);
	return () => void listeners.delete(listener);
}

export function announceFatal(error: FatalCryptoError): void {
	// Not immediately: the failed call is still unwinding, and a listener may throw.
	for (const listener of listeners) setImmediate(listener, error);
}

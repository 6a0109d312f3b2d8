// The WebAssembly build of matrix-sdk-crypto: loaded once, with its panics and other failures turned into errors.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { announceFatal, cryptoError, type FatalCryptoError } from './fault.ts';

// The CommonJS build, because its bindings can still be changed before WebAssembly is instantiated (see below).
const require = createRequire(import.meta.url);
const bindings: Record<string, unknown> = require(
	join(dirname(require.resolve('@matrix-org/matrix-sdk-crypto-wasm')), 'pkg', 'matrix_sdk_crypto_wasm_bg.cjs'),
);
const LISTENERS = Symbol.for('panics of matrix-sdk-crypto-wasm');
catchPanicsOfTasks();
export const wasm: typeof Wasm = require('@matrix-org/matrix-sdk-crypto-wasm');

let panic: FatalCryptoError | undefined;
const waiting = new Set<(error: FatalCryptoError) => void>();

/**
 * The result of a wasm call, with its errors turned into real Errors. Rejects with a fatal error if WebAssembly panics
 * in this call or another: they share memory, and a call that panicked never settles on its own.
 */
export function answer<T>(call: () => Promise<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		if (panic !== undefined) return reject(panic);
		waiting.add(reject);
		// wasm's functions may also throw before returning their promise.
		const called = (async () => call())();
		called.then(resolve, error => reject(readable(error))).finally(() => waiting.delete(reject));
	});
}

/** The same for a synchronous wasm function. */
export function answerNow<T>(call: () => T): T {
	if (panic !== undefined) throw panic;
	try {
		return call();
	} catch (error) {
		throw readable(error);
	}
}

function readable(error: unknown): Error {
	if (error instanceof WebAssembly.RuntimeError) return panicked(error);
	if (error instanceof Error) return error;
	if (!(error instanceof wasm.MegolmDecryptionError)) return new Error(String(error));
	const { description, code, withheldCode } = error;
	const read = Object.assign(new Error(description), {
		name: 'MegolmDecryptionError',
		code: wasm.DecryptionErrorCode[code] ?? String(code),
		...(withheldCode === undefined ? {} : { withheldCode }),
	});
	error.free();
	return read;
}

function panicked(cause: unknown): FatalCryptoError {
	if (panic !== undefined) return panic;
	panic = cryptoError(
		'CRYPTO_PANIC',
		'the encryption library panicked (its own words are on standard error); the process must be started again',
		cause,
	);
	for (const reject of waiting) reject(panic);
	announceFatal(panic);
	return panic;
}

/**
 * Rust's tasks run as microtasks: a panic there would be an uncaught exception, and the call would hang. A test runner
 * may load this file a second time next to Node's copy, so the first instance leaves a list for the others.
 */
function catchPanicsOfTasks(): void {
	const left = Reflect.get(bindings, LISTENERS) as ((error: unknown) => void)[] | undefined;
	if (left !== undefined) {
		left.push(panicked);
		return;
	}
	const name = Object.keys(bindings).find(name => /^__wbg_queueMicrotask_/.test(name) && isScheduler(bindings[name]));
	if (name === undefined) throw new Error('matrix-sdk-crypto-wasm no longer runs its tasks by queueMicrotask');
	const listeners: ((error: unknown) => void)[] = [panicked];
	Reflect.set(bindings, LISTENERS, listeners);
	bindings[name] = (task: () => void) =>
		queueMicrotask(() => {
			try {
				task();
			} catch (error) {
				for (const listener of listeners) listener(error);
			}
		});
}

// Two bindings have this name: one reads the property of the global object, the other calls it.
function isScheduler(binding: unknown): boolean {
	return typeof binding === 'function' && /\bqueueMicrotask\(arg0\)/.test(binding.toString().replace(/^.*?\{/s, ''));
}

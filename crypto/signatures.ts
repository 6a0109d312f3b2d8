// The signatures that a machine added to a message.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { type UserId, wasmUser } from './identifier.ts';

/** A key or a signature, as unpadded base64. */
export interface Base64 {
	toBase64(): string;
}

export interface MaybeSignature {
	isValid: boolean;
	isInvalid: boolean;
	signature: Base64 | null;
	/** What was found in place of a signature. */
	invalidSignatureSource: string | null;
}

export class Signatures {
	readonly #inner: Wasm.Signatures;
	constructor(inner: Wasm.Signatures) {
		this.#inner = inner;
	}
	/** By key ID, such as `ed25519:DEVICE`; null if the user signed nothing. */
	get(signer: UserId): Record<string, MaybeSignature> | null {
		const found = this.#inner.get(wasmUser(signer));
		if (found === undefined) return null;
		return Object.fromEntries(
			Array.from(found, ([key, signature]) => {
				const text = signature.signature?.toBase64();
				return [
					key,
					{
						isValid: signature.isValid(),
						isInvalid: signature.isInvalid(),
						signature: text === undefined ? null : base64(text),
						invalidSignatureSource: signature.invalidSignatureSource ?? null,
					},
				];
			}),
		);
	}
	get isEmpty(): boolean {
		return this.#inner.isEmpty();
	}
	get count(): bigint {
		return BigInt(this.#inner.count);
	}
	asJSON(): string {
		return this.#inner.asJSON();
	}
}

export function base64(text: string): Base64 {
	return { toBase64: () => text };
}

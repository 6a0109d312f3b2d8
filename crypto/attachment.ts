// Files in encrypted rooms: encrypted before the upload, decrypted after the download.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { answerNow, wasm } from './wasm.ts';

/** An encrypted file: its bytes, and the JSON (key, iv, hashes) that goes into the event next to the URL. */
export class EncryptedAttachment {
	readonly #inner: Wasm.EncryptedAttachment;
	constructor(encryptedData: Uint8Array, mediaEncryptionInfo: string) {
		this.#inner = new wasm.EncryptedAttachment(encryptedData, mediaEncryptionInfo);
	}
	get encryptedData(): Uint8Array {
		return this.#inner.encryptedData;
	}
	/** null after decryption, because the key can only be used once. */
	get mediaEncryptionInfo(): string | null {
		return this.#inner.mediaEncryptionInfo ?? null;
	}
	get hasMediaEncryptionInfoBeenConsumed(): boolean {
		return this.#inner.hasMediaEncryptionInfoBeenConsumed;
	}
	/** The file's bytes. Throws if they were changed in transit, or if the key has been used before. */
	static decrypt(attachment: EncryptedAttachment): Uint8Array {
		return answerNow(() => wasm.Attachment.decrypt(attachment.#inner));
	}
}

export const Attachment = {
	encrypt(data: Uint8Array): EncryptedAttachment {
		const encrypted = answerNow(() => wasm.Attachment.encrypt(data));
		const info = encrypted.mediaEncryptionInfo;
		if (info === undefined) throw new Error('the encrypted file came without its key');
		const attachment = new EncryptedAttachment(encrypted.encryptedData, info);
		encrypted.free();
		return attachment;
	},
	decrypt: EncryptedAttachment.decrypt,
};

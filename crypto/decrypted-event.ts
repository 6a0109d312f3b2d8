// The contents of an encrypted event as a plain value, which does not refer to wasm's memory.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { DeviceId, UserId } from './identifier.ts';
import { wasm } from './wasm.ts';

const UNTRUSTED = 0;

export interface DecryptedRoomEvent {
	/** The event's JSON. */
	event: string;
	sender: UserId;
	senderDevice: DeviceId | null;
	senderCurve25519Key: string | null;
	senderClaimedEd25519Key: string | null;
	forwardingCurve25519KeyChain: string[];
	/** What a client would warn about; null if nothing. Strict also warns about devices that their owner did not sign. */
	shieldState(strict: boolean): { color: number; code: number | undefined; message: string | undefined };
}

/** Frees `inner`. */
export function decryptedEvent(inner: Wasm.DecryptedRoomEvent): DecryptedRoomEvent {
	const shield = (strict: boolean) => {
		const { color, code, message } = inner.shieldState(strict);
		return { color, code, message };
	};
	const [lax, strict] = [shield(false), shield(true)];
	const event = {
		event: inner.event,
		sender: new UserId(inner.sender.toString()),
		senderDevice: inner.senderDevice ? new DeviceId(inner.senderDevice.toString()) : null,
		senderCurve25519Key: inner.senderCurve25519Key ?? null,
		senderClaimedEd25519Key: inner.senderClaimedEd25519Key ?? null,
		forwardingCurve25519KeyChain: inner.forwardingCurve25519KeyChain,
		shieldState: (asked: boolean) => (asked ? strict : lax),
	};
	inner.free();
	return event;
}

export function decryptionSettings(): Wasm.DecryptionSettings {
	return new wasm.DecryptionSettings(UNTRUSTED);
}

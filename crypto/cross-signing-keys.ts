// The three cross-signing keys of a user, as the machine of one device knows them.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { type DeviceId, type UserId, wasmDevice, wasmUser } from './identifier.ts';
import { type PlainRequest, plainRequest } from './request.ts';

export interface CrossSigningStatus {
	hasMaster: boolean;
	hasSelfSigning: boolean;
	hasUserSigning: boolean;
}

/** The private halves of the three cross-signing keys, as unpadded base64. Anyone who has them can act as the user. */
export interface CrossSigningSeeds {
	master: string;
	selfSigning: string;
	userSigning: string;
}

/** What `bootstrapCrossSigning` wants sent, in this order. Only `uploadKeys` needs to be marked as sent. */
export interface CrossSigningUploads {
	/** The device keys; null if the server already has them. */
	uploadKeys: PlainRequest | null;
	/** The body for `POST keys/device_signing/upload`; `auth` may have to be added. */
	uploadSigningKeys: Record<string, unknown>;
	/** The body for `POST keys/signatures/upload`. */
	uploadSignatures: Record<string, unknown>;
}

export function plainStatus(status: Wasm.CrossSigningStatus): CrossSigningStatus {
	const { hasMaster, hasSelfSigning, hasUserSigning } = status;
	status.free();
	return { hasMaster, hasSelfSigning, hasUserSigning };
}

export async function crossSigningStatus(machine: Wasm.OlmMachine): Promise<CrossSigningStatus> {
	return plainStatus(await machine.crossSigningStatus());
}

/** Rejects if this store has only some of the keys, unless `reset` replaces them all. */
export async function bootstrapCrossSigning(machine: Wasm.OlmMachine, reset: boolean): Promise<CrossSigningUploads> {
	const status = await crossSigningStatus(machine);
	const has = Object.values(status).filter(Boolean).length;
	// wasm panics if it has to sign with a key that it does not have.
	if (!reset && has > 0 && has < 3) throw new Error('this store has only some of the cross-signing keys');
	const requests = await machine.bootstrapCrossSigning(reset);
	const keys: Wasm.KeysUploadRequest | undefined = requests.uploadKeysRequest;
	const uploads = {
		uploadKeys: keys ? (plainRequest(keys) as PlainRequest) : null,
		uploadSigningKeys: JSON.parse(requests.uploadSigningKeysRequest.body),
		uploadSignatures: JSON.parse(requests.uploadSignaturesRequest.body),
	};
	requests.free();
	return uploads;
}

/** null unless this store has all three. */
export async function exportCrossSigningKeys(machine: Wasm.OlmMachine): Promise<CrossSigningSeeds | null> {
	const keys = await machine.exportCrossSigningKeys();
	if (!keys) return null;
	const { masterKey: master, self_signing_key: selfSigning, userSigningKey: userSigning } = keys;
	keys.free();
	if (master === undefined || selfSigning === undefined || userSigning === undefined) return null;
	return { master, selfSigning, userSigning };
}

export async function masterKeyOf(machine: Wasm.OlmMachine, userId: UserId): Promise<string | null> {
	const identity = await machine.getIdentity(wasmUser(userId));
	if (!identity) return null;
	const { keys } = JSON.parse(identity.masterKey);
	identity.free();
	return Object.values<string>(keys)[0] ?? null;
}

export async function isSignedByOwner(
	machine: Wasm.OlmMachine,
	userId: UserId,
	deviceId: DeviceId,
): Promise<boolean | null> {
	const device = await machine.getDevice(wasmUser(userId), wasmDevice(deviceId));
	if (!device) return null;
	const signed = device.isCrossSignedByOwner();
	device.free();
	return signed;
}

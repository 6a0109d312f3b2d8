// The package as matrix-bot-sdk loads it, under the name of the native library that it replaces.
export { Attachment, EncryptedAttachment } from './attachment.ts';
export { establishIdentity, type IdentityMeans, type IdentityOutcome, type SendRequest } from './cross-signing.ts';
export type { CrossSigningSeeds, CrossSigningStatus, CrossSigningUploads } from './cross-signing-keys.ts';
export type { DecryptedRoomEvent } from './decrypted-event.ts';
export {
	type CryptoError,
	type CryptoErrorCode,
	type FatalCryptoError,
	isCryptoError,
	isFatal,
	isStoreBehindServer,
	onFatal,
} from './fault.ts';
export { DeviceId, DeviceLists, RoomId, UserId } from './identifier.ts';
export { OlmMachine, StoreType } from './machine.ts';
export {
	type PlainRequest,
	type Request,
	RequestType,
	type RoomMessageRequest,
	type ToDeviceRequest,
} from './request.ts';
export { EncryptionAlgorithm, EncryptionSettings, HistoryVisibility } from './settings.ts';
export { type Base64, type MaybeSignature, Signatures } from './signatures.ts';
export { openFile, sealedIn } from './sqlite-records.ts';
export type { Records } from './store.ts';
export type { VerificationStep } from './verification.ts';

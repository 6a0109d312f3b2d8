// The package as matrix-bot-sdk requires it, under the name of the native library that it replaces.
export { Attachment, EncryptedAttachment } from './attachment.ts';
export { DeviceId, DeviceLists, RoomId, UserId } from './identifier.ts';
export { EncryptionAlgorithm, EncryptionSettings, HistoryVisibility } from './settings.ts';

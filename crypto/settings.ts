// How a room's messages are encrypted, and how often its key changes.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { wasm } from './wasm.ts';

// matrix-bot-sdk has these numbers in its compiled code, so they are written out here and compared with wasm's.
export const EncryptionAlgorithm = { OlmV1Curve25519AesSha2: 0, MegolmV1AesSha2: 1 } as const;
export type EncryptionAlgorithm = (typeof EncryptionAlgorithm)[keyof typeof EncryptionAlgorithm];

export const HistoryVisibility = { Invited: 0, Joined: 1, Shared: 2, WorldReadable: 3 } as const;
export type HistoryVisibility = (typeof HistoryVisibility)[keyof typeof HistoryVisibility];

export class EncryptionSettings {
	algorithm: EncryptionAlgorithm | undefined = EncryptionAlgorithm.MegolmV1AesSha2;
	/** In milliseconds, like `rotation_period_ms` in the room's `m.room.encryption`. Never less than an hour. */
	rotationPeriod = 604_800_000n;
	/** How many messages one key encrypts. */
	rotationPeriodMessages = 100n;
	historyVisibility: HistoryVisibility = HistoryVisibility.Shared;
	onlyAllowTrustedDevices = false;
	errorOnVerifiedUserProblem = false;
}

export function wasmSettings(settings: EncryptionSettings): Wasm.EncryptionSettings {
	const inner = new wasm.EncryptionSettings();
	inner.algorithm = settings.algorithm ?? EncryptionAlgorithm.MegolmV1AesSha2;
	// The native library reads microseconds where matrix-bot-sdk passes milliseconds: 600 s instead of a week.
	inner.rotationPeriod = within(settings.rotationPeriod * 1000n);
	inner.rotationPeriodMessages = within(settings.rotationPeriodMessages);
	inner.historyVisibility = settings.historyVisibility;
	inner.sharingStrategy = wasm.CollectStrategy.deviceBasedStrategy(
		settings.onlyAllowTrustedDevices,
		settings.errorOnVerifiedUserProblem,
	);
	return inner;
}

/** Anyone can set room state: a number that overflows 64 bits would turn "never" into "at once" and vice versa. */
function within(count: bigint): bigint {
	if (count < 0n) return 0n;
	return count > LONGEST ? LONGEST : count;
}

const LONGEST = 2n ** 62n;

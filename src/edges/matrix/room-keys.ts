// Room keys: shares them with the members' devices, and encrypts events with them.
import {
	EncryptionSettings,
	HistoryVisibility,
	isCryptoError,
	type OlmMachine,
	RoomId,
} from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { Content, RoomState, Sealed } from '../../ports/homeserver.ts';
import type { Recipients } from './members.ts';
import type { Courier } from './outgoing-requests.ts';
import { usersOf } from './to-device.ts';

/** How often we try to encrypt a message if its key keeps being used up in the meantime. */
const maxAttempts = 5;

export type RoomKeys = {
	/** The event to send, encrypted as the room's state requires. */
	seal: (room: string, state: RoomState, event: Sealed) => Promise<Sealed>;
	/** Forgets a room that we left. */
	drop: (room: string) => void;
};

export function openRoomKeys(machine: OlmMachine, courier: Courier, recipients: Recipients): RoomKeys {
	/** By room, with whom and how its key was last shared. */
	const shared = new Map<string, string>();

	async function share(room: string, users: readonly string[], settings: EncryptionSettings): Promise<void> {
		const ids = usersOf(users);
		await machine.updateTrackedUsers(ids);
		await courier.queries();
		const mark = shareMark(users, settings, courier.answered());
		const claim = await machine.getMissingSessions(ids);
		if (claim) await courier.carry(claim);
		const requests = await machine.shareRoomKey(new RoomId(room), ids, settings);
		await Promise.all(requests.map(request => courier.carry(request)));
		shared.set(room, mark);
	}

	return {
		async seal(room, state, event) {
			const settings = settingsOf(state.encryption ?? {}, state.visibility);
			for (let attempt = 1; ; attempt++) {
				const users = await recipients.of(room, state.visibility);
				await courier.queries();
				if (attempt > 1 || shared.get(room) !== shareMark(users, settings, courier.answered())) {
					shared.delete(room);
					await share(room, users, settings);
				}
				try {
					const text = await machine.encryptRoomEvent(new RoomId(room), event.type, JSON.stringify(event.content));
					return { type: 'm.room.encrypted', content: JSON.parse(text) };
				} catch (error) {
					const isUsedUp = isCryptoError(error) && error.code === 'CRYPTO_ROOM_KEY_NOT_SHARED';
					if (!isUsedUp || attempt === maxAttempts) throw error;
				}
			}
		},
		drop: room => void shared.delete(room),
	};
}

function shareMark(users: readonly string[], settings: EncryptionSettings, devices: number): string {
	const { rotationPeriod, rotationPeriodMessages, historyVisibility } = settings;
	return JSON.stringify([users, `${rotationPeriod} ${rotationPeriodMessages}`, historyVisibility, devices]);
}

/**
 * The room's own encryption settings. Anyone may have written that state, so unreasonable numbers fall back to
 * the defaults.
 */
function settingsOf(content: Content, visibility: RoomState['visibility']): EncryptionSettings {
	const settings = new EncryptionSettings();
	const { rotation_period_ms: ms, rotation_period_msgs: messages } = content;
	if (isCount(ms)) settings.rotationPeriod = BigInt(ms);
	if (isCount(messages)) settings.rotationPeriodMessages = BigInt(messages);
	if (visibility === 'world_readable') settings.historyVisibility = HistoryVisibility.WorldReadable;
	else if (visibility === 'invited') settings.historyVisibility = HistoryVisibility.Invited;
	else if (visibility === 'joined') settings.historyVisibility = HistoryVisibility.Joined;
	return settings;
}

function isCount(value: unknown): value is number {
	return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

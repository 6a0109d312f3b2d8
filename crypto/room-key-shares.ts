// How the key of each room was last shared, so that no message is encrypted with an expired key.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { cryptoError } from './fault.ts';
import { type RoomId, type UserId, wasmRoom, wasmUsers } from './identifier.ts';
import { type ToDeviceRequest, toDeviceRequest } from './request.ts';
import { type EncryptionSettings, wasmSettings } from './settings.ts';

/** How a room's key was last shared. Fresh until a message has used it. */
interface Share {
	users: readonly UserId[];
	settings: EncryptionSettings;
	fresh: boolean;
	handedOut: Set<string>;
}

export class RoomKeyShares {
	readonly #shares = new Map<string, Share>();

	/** The messages that carry the key to devices that do not have it. Each is returned again until it is marked as sent. */
	async share(
		machine: Wasm.OlmMachine,
		roomId: RoomId,
		{ users, settings }: Pick<Share, 'users' | 'settings'>,
	): Promise<ToDeviceRequest[]> {
		const share = { users: [...users], settings: { ...settings }, fresh: true, handedOut: new Set<string>() };
		const requests = await shareRoomKey(machine, roomId, share);
		for (const request of requests) share.handedOut.add(request.txnId);
		this.#shares.set(roomId.toString(), share);
		return requests;
	}

	/**
	 * wasm panics, which ends the process, if the room's key has expired. Another message can use it up: one shared before
	 * this one and encrypted in between, in a room whose settings (anyone's text) require a new key for each message.
	 */
	async ensure(machine: Wasm.OlmMachine, roomId: RoomId): Promise<void> {
		const share = this.#shares.get(roomId.toString());
		const again = () => cryptoError('CRYPTO_ROOM_KEY_NOT_SHARED', `the key of ${roomId} has to be shared first`);
		if (share === undefined) throw again();
		if (!share.fresh) {
			const requests = await shareRoomKey(machine, roomId, share);
			// The key was created just now: the next shareRoomKey returns its requests again and sends them.
			if (requests.some(request => !share.handedOut.has(request.txnId))) throw again();
		}
		share.fresh = false;
	}
}

async function shareRoomKey(
	machine: Wasm.OlmMachine,
	roomId: RoomId,
	{ users, settings }: Pick<Share, 'users' | 'settings'>,
): Promise<ToDeviceRequest[]> {
	const requests = await machine.shareRoomKey(wasmRoom(roomId), wasmUsers(users), wasmSettings(settings));
	return requests.map(request => {
		const plain = toDeviceRequest(request);
		request.free();
		return plain;
	});
}

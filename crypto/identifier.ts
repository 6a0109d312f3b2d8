// IDs of users, devices and rooms, as values that can be passed on any number of times.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { wasm } from './wasm.ts';

// wasm frees the identifiers that it is given in arrays, and matrix-bot-sdk uses its arrays twice. So callers hold a
// string that wasm has checked once, and each call gets its own objects.

/** A Matrix user ID. Throws for anything else. */
export class UserId {
	readonly #id: string;
	constructor(id: string) {
		this.#id = checked(new wasm.UserId(id));
	}
	get localpart(): string {
		const id = new wasm.UserId(this.#id);
		const localpart = id.localpart;
		id.free();
		return localpart;
	}
	toString(): string {
		return this.#id;
	}
}

/** A device ID: any text. */
export class DeviceId {
	readonly #id: string;
	constructor(id: string) {
		this.#id = checked(new wasm.DeviceId(id));
	}
	toString(): string {
		return this.#id;
	}
}

/** A Matrix room ID. Throws for anything else. */
export class RoomId {
	readonly #id: string;
	constructor(id: string) {
		this.#id = checked(new wasm.RoomId(id));
	}
	toString(): string {
		return this.#id;
	}
}

/** Whose devices have changed since the last sync, and who no longer shares an encrypted room with us. */
export class DeviceLists {
	readonly changed: readonly UserId[];
	readonly left: readonly UserId[];
	constructor(changed?: readonly UserId[] | null, left?: readonly UserId[] | null) {
		this.changed = [...(changed ?? [])];
		this.left = [...(left ?? [])];
	}
	isEmpty(): boolean {
		return this.changed.length === 0 && this.left.length === 0;
	}
}

function checked(id: { toString(): string; free(): void }): string {
	const text = id.toString();
	id.free();
	return text;
}

export function wasmUser(id: UserId): Wasm.UserId {
	return new wasm.UserId(id.toString());
}

export function wasmUsers(ids: readonly UserId[]): Wasm.UserId[] {
	return ids.map(wasmUser);
}

export function wasmDevice(id: DeviceId): Wasm.DeviceId {
	return new wasm.DeviceId(id.toString());
}

export function wasmRoom(id: RoomId): Wasm.RoomId {
	return new wasm.RoomId(id.toString());
}

export function wasmDeviceLists(lists: DeviceLists): Wasm.DeviceLists {
	return new wasm.DeviceLists(wasmUsers(lists.changed), wasmUsers(lists.left));
}

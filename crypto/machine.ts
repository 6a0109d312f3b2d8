// The machine of one device: every operation with keys, queued, and on disk before its promise resolves.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import {
	bootstrapCrossSigning,
	type CrossSigningSeeds,
	type CrossSigningStatus,
	type CrossSigningUploads,
	crossSigningStatus,
	exportCrossSigningKeys,
	isSignedByOwner,
	masterKeyOf,
	plainStatus,
} from './cross-signing-keys.ts';
import { type DecryptedRoomEvent, decryptedEvent, decryptionSettings } from './decrypted-event.ts';
import { announceFatal, cryptoError, isCryptoError } from './fault.ts';
import {
	DeviceId,
	type DeviceLists,
	type RoomId,
	UserId,
	wasmDevice,
	wasmDeviceLists,
	wasmRoom,
	wasmUser,
	wasmUsers,
} from './identifier.ts';
import { type PlainRequest, plainRequest, type Request, RequestType, type ToDeviceRequest } from './request.ts';
import { RoomKeyShares } from './room-key-shares.ts';
import type { EncryptionSettings } from './settings.ts';
import { type Base64, base64, Signatures } from './signatures.ts';
import { openFile } from './sqlite-records.ts';
import { damaged, memoryStore, openStore, type Records, type Store } from './store.ts';
import { stepVerification, type VerificationStep } from './verification.ts';
import { answer, wasm } from './wasm.ts';

export const StoreType = { Sqlite: 0 } as const;
export type StoreType = (typeof StoreType)[keyof typeof StoreType];

const ASK_AGAIN_MS = 60_000;

export class OlmMachine {
	readonly #inner: Wasm.OlmMachine;
	readonly #store: Store;
	#closed: Promise<void> | undefined;
	/** Questions that were answered with "nothing" since the last news, and when (monotonic milliseconds). */
	readonly #answeredNothing = new Map<string, number>();
	readonly #tracked = new Set<string>();
	/** Users with at least one device in the store. */
	readonly #withDevices = new Set<string>();
	readonly #roomKeys = new RoomKeyShares();

	/** Use `initialize`. */
	constructor(inner: Wasm.OlmMachine, store: Store) {
		if (!(inner instanceof wasm.OlmMachine)) throw new Error('use OlmMachine.initialize');
		this.#inner = inner;
		this.#store = store;
	}

	/**
	 * Opens the machine of a device, or makes a new one. `storePath` is a directory that nobody else uses, or records that
	 * the caller keeps elsewhere; without it the keys are gone when the process ends. An empty passphrase is none. Rejects with a `CRYPTO_STORE_…` error when
	 * the store cannot be used.
	 */
	static async initialize(
		userId: UserId,
		deviceId: DeviceId,
		storePath?: string | Records | null,
		storePassphrase?: string | null,
		storeType?: StoreType | null,
	): Promise<OlmMachine> {
		if (storeType !== undefined && storeType !== null && storeType !== StoreType.Sqlite) {
			throw new Error(`there is no store of type ${storeType}`);
		}
		const passphrase = storePassphrase || undefined;
		const owner = { user: userId.toString(), device: deviceId.toString(), passphrase };
		const records = typeof storePath === 'string' && storePath !== '' ? openFile(storePath) : storePath || undefined;
		const store = records ? await openStore(records, owner) : memoryStore();
		try {
			const inner = await store.transaction(() =>
				answer(() => wasm.OlmMachine.initialize(wasmUser(userId), wasmDevice(deviceId), store.name, passphrase)),
			);
			return new OlmMachine(inner, store);
		} catch (error) {
			await store.close(() => {});
			throw unopened(
				error,
				typeof storePath === 'string' && storePath !== '' ? `the store in ${storePath}` : records?.place,
			);
		}
	}

	get userId(): UserId {
		return new UserId(this.#open.userId.toString());
	}

	get deviceId(): DeviceId {
		return new DeviceId(this.#open.deviceId.toString());
	}

	/** The public keys of this device. */
	get identityKeys(): { ed25519: Base64; curve25519: Base64 } {
		const { ed25519, curve25519 } = this.#open.identityKeys;
		return { ed25519: base64(ed25519.toBase64()), curve25519: base64(curve25519.toBase64()) };
	}

	/** This device's Ed25519 key in groups of four, as clients show it for comparison. */
	get fingerprint(): string {
		return this.identityKeys.ed25519.toBase64().replace(/.{4}(?=.)/g, '$& ');
	}

	/**
	 * Takes the encryption part of a sync response: to-device events (a JSON array), changed devices, how many one-time
	 * keys the server has, for which algorithms it has an unused fallback key. Returns a JSON array of the events,
	 * decrypted where possible.
	 */
	async receiveSyncChanges(
		toDeviceEvents: string,
		changedDevices: DeviceLists,
		oneTimeKeyCounts: Record<string, number> | null | undefined,
		unusedFallbackKeys?: readonly string[] | null,
	): Promise<string> {
		const counts = new Map(Object.entries(oneTimeKeyCounts ?? {}));
		const fallbacks = new Set(unusedFallbackKeys ?? []);
		const countsText = JSON.stringify([[...counts].sort(), [...fallbacks].sort()]);
		return this.#call(async machine => {
			const question = `sync ${countsText}`;
			const quiet = toDeviceEvents === '[]' && changedDevices.isEmpty();
			// wasm saves the whole account even when nothing changed, which costs more than all else in a quiet sync.
			if (quiet && this.#stillNothing(question)) return '[]';
			this.#news();
			const events = await machine.receiveSyncChanges(
				toDeviceEvents,
				wasmDeviceLists(changedDevices),
				counts,
				fallbacks,
				decryptionSettings(),
			);
			this.#nothing(question);
			const texts = events.map(event => event.rawEvent);
			for (const event of events) event.free();
			return `[${texts.join(',')}]`;
		});
	}

	/** What has to be sent to the server now. Each is repeated until it is marked as sent. */
	async outgoingRequests(): Promise<Request[]> {
		return this.#ownCall(async machine => {
			if (this.#stillNothing('outgoing')) return [];
			const requests = (await machine.outgoingRequests()).map(plainRequest);
			if (requests.length === 0) this.#nothing('outgoing');
			return requests;
		});
	}

	/** Takes the server's answer (JSON) to a request. */
	async markRequestAsSent(requestId: string, requestType: RequestType, response: string): Promise<boolean> {
		return this.#call(async machine => {
			this.#news();
			if (requestType === RequestType.KeysQuery) this.#withDevices.clear();
			return machine.markRequestAsSent(requestId, requestType, response);
		});
	}

	/** The request for one-time keys of devices of `users` with which there is no session yet; null when there are none. */
	async getMissingSessions(users: readonly UserId[]): Promise<PlainRequest | null> {
		return this.#ownCall(async machine => {
			const question = `missing ${users.join(' ')}`;
			if (this.#stillNothing(question)) return null;
			// For a user of whom it knows no device wasm waits five seconds for an answer to keys/query. No answer can come
			// while this call has its turn, and there are no sessions to be had without devices.
			const known: UserId[] = [];
			for (const user of users) if (await this.#hasDevices(machine, user)) known.push(user);
			const request = await machine.getMissingSessions(wasmUsers(known));
			if (request) return plainRequest(request) as PlainRequest;
			this.#nothing(question);
			return null;
		});
	}

	async #hasDevices(machine: Wasm.OlmMachine, user: UserId): Promise<boolean> {
		if (this.#withDevices.has(user.toString())) return true;
		const list = await machine.getUserDevices(wasmUser(user));
		// Dehydrated ones (MSC3814) too: a member who is logged in nowhere reads by them what was said meanwhile.
		const devices = list.devices();
		const some = devices.length > 0;
		for (const device of devices) device.free();
		list.free();
		if (some) this.#withDevices.add(user.toString());
		return some;
	}

	/** Begins to watch the devices of `users`: those that are new show up in the next keys/query. */
	async updateTrackedUsers(users: readonly UserId[]): Promise<void> {
		await this.#ownCall(async machine => {
			const names = users.map(String);
			if (names.some(name => !this.#tracked.has(name))) this.#news();
			await machine.updateTrackedUsers(wasmUsers(users));
			for (const name of names) this.#tracked.add(name);
		});
	}

	/** A keys/query for `users`, whether or not they are watched. Send it, then mark it as sent. */
	queryKeysForUsers(users: readonly UserId[]): PlainRequest {
		return plainRequest(this.#open.queryKeysForUsers(wasmUsers(users))) as PlainRequest;
	}

	/**
	 * Makes sure that there is a good key for the room, and returns the to-device messages that carry it to devices of
	 * `users` which do not have it yet. Each is repeated until it is marked as sent.
	 */
	async shareRoomKey(
		roomId: RoomId,
		users: readonly UserId[],
		settings: EncryptionSettings,
	): Promise<ToDeviceRequest[]> {
		return this.#ownCall(machine => this.#roomKeys.share(machine, roomId, { users, settings }));
	}

	/**
	 * Encrypts an event's content (JSON) into the content of an `m.room.encrypted`. Share the room key before each one;
	 * rejects with `CRYPTO_ROOM_KEY_NOT_SHARED` when that has to be done again.
	 */
	async encryptRoomEvent(roomId: RoomId, eventType: string, content: string): Promise<string> {
		return this.#call(async machine => {
			await this.#roomKeys.ensure(machine, roomId);
			return machine.encryptRoomEvent(wasmRoom(roomId), eventType, content);
		});
	}

	/** Decrypts an `m.room.encrypted` (JSON). Rejects with an error whose `code` is, for instance, `MissingRoomKey`. */
	async decryptRoomEvent(event: string, roomId: RoomId): Promise<DecryptedRoomEvent> {
		return this.#call(async machine => {
			// What cannot be decrypted, the event or an edit that came inside it, makes wasm ask for its key.
			if (event.includes('m.relations')) this.#news();
			try {
				return decryptedEvent(await machine.decryptRoomEvent(event, wasmRoom(roomId), decryptionSettings()));
			} catch (error) {
				this.#news();
				throw error;
			}
		});
	}

	/** Signs a message with the device's key, and with the user's if this device has it. */
	async sign(message: string): Promise<Signatures> {
		return this.#call(async machine => new Signatures(await machine.sign(message)));
	}

	/** Which of the user's private cross-signing keys this store has. */
	async crossSigningStatus(): Promise<CrossSigningStatus> {
		return this.#ownCall(crossSigningStatus);
	}

	/**
	 * Makes the user's cross-signing keys if there are none, signs this device with them, and returns what has to be
	 * uploaded. Calling it again returns the same keys. `reset` replaces them, in this store at once: only ask for it
	 * when the server is sure to accept the new ones. `establishIdentity` does all this in the right order.
	 */
	async bootstrapCrossSigning(reset: boolean): Promise<CrossSigningUploads> {
		return this.#call(async machine => {
			this.#news();
			return bootstrapCrossSigning(machine, reset);
		});
	}

	/** null unless this store has all three. */
	async exportCrossSigningKeys(): Promise<CrossSigningSeeds | null> {
		return this.#ownCall(exportCrossSigningKeys);
	}

	/** Rejects when the seeds do not belong to the public keys that the last keys/query for the user showed. */
	async importCrossSigningKeys({ master, selfSigning, userSigning }: CrossSigningSeeds): Promise<CrossSigningStatus> {
		return this.#call(async machine => {
			this.#news();
			return plainStatus(await machine.importCrossSigningKeys(master, selfSigning, userSigning));
		});
	}

	/** Whether the owner's cross-signing keys signed the device; null when no keys/query has shown it yet. */
	async isDeviceSignedByOwner(userId: UserId, deviceId: DeviceId): Promise<boolean | null> {
		return this.#ownCall(machine => isSignedByOwner(machine, userId, deviceId));
	}

	/** Takes a decrypted event of a verification in a room (JSON). Those between devices come with `receiveSyncChanges`. */
	async receiveVerificationEvent(event: string, roomId: RoomId): Promise<void> {
		await this.#call(async machine => {
			this.#news();
			await machine.receiveVerificationEvent(event, wasmRoom(roomId));
		});
	}

	/**
	 * What comes next of a verification that `userId` asked for. `flow` is the transaction id, in a room the id of the
	 * event that asked. Send its requests, in a room through the room's encryption, and mark them as sent.
	 */
	async stepVerification(userId: UserId, flow: string): Promise<VerificationStep> {
		return this.#call(async machine => {
			this.#news();
			return stepVerification(machine, wasmUser(userId), flow);
		});
	}

	/** Ends a verification here; what the other side is to be told is the caller's. */
	async cancelVerification(userId: UserId, flow: string): Promise<void> {
		await this.#call(async machine => {
			const outgoing = machine.getVerificationRequest(wasmUser(userId), flow)?.cancel();
			outgoing?.free();
		});
	}

	/** The public master key of the user's identity, as the last keys/query showed it; null if there is none. */
	async masterKey(userId: UserId): Promise<string | null> {
		return this.#ownCall(machine => masterKeyOf(machine, userId));
	}

	/** How many room keys the store has: all are held in memory too, 10 kB each. */
	async roomKeyCounts(): Promise<{ total: number; backedUp: number }> {
		return this.#ownCall(async machine => {
			const counts = await machine.roomKeyCounts();
			const { total, backedUp } = counts;
			counts.free();
			return { total, backedUp };
		});
	}

	/**
	 * Copies the store into a directory that is there, and runs `meanwhile` before any other call: what it copies belongs to
	 * the same moment. The copy must not be used while this device goes on: its keys would be used twice.
	 */
	copyStore(directory: string, meanwhile: () => Promise<void>): Promise<void> {
		if (this.#closed !== undefined) throw cryptoError('CRYPTO_CLOSED', 'the machine was closed');
		return this.#store.copyTo(directory, meanwhile);
	}

	/** Lets calls under way finish, then releases the store. Later calls reject with `CRYPTO_CLOSED`. */
	close(): Promise<void> {
		this.#closed ??= this.#store.close(() => this.#inner.close());
		return this.#closed;
	}

	/**
	 * matrix-bot-sdk asks the same questions at each sync and each message. The answer "nothing" holds until a call
	 * changes what it depends on: keys, devices, sessions, the users watched. wasm also looks at its clock (fallback keys
	 * to renew, servers to try again), so it is asked once a minute all the same.
	 */
	#stillNothing(question: string): boolean {
		const at = this.#answeredNothing.get(question);
		return at !== undefined && performance.now() - at < ASK_AGAIN_MS;
	}

	#nothing(question: string): void {
		this.#answeredNothing.set(question, performance.now());
	}

	#news(): void {
		this.#answeredNothing.clear();
	}

	get #open(): Wasm.OlmMachine {
		if (this.#closed !== undefined) throw cryptoError('CRYPTO_CLOSED', 'the machine was closed');
		return this.#inner;
	}

	/** `own`: it takes no text of others, so if something cannot be parsed, that stands in the store. */
	async #call<T>(operation: (machine: Wasm.OlmMachine) => Promise<T>, own = false): Promise<T> {
		const machine = this.#open;
		const broken = own ? / at line \d+ column \d+$|^failed to read or write/ : /^failed to read or write/;
		return this.#store.transaction(() =>
			answer(() => operation(machine)).catch((error: unknown) => {
				if (isCryptoError(error) || !broken.test(error instanceof Error ? error.message : '')) throw error;
				const fatal = cryptoError('CRYPTO_STORE_FAILED', damaged('the store of the keys', error).message, error);
				announceFatal(fatal);
				throw fatal;
			}),
		);
	}

	#ownCall<T>(operation: (machine: Wasm.OlmMachine) => Promise<T>): Promise<T> {
		return this.#call(operation, true);
	}
}

/** wasm's reasons for not opening a store, as far as a person can do something about them. */
function unopened(error: unknown, store: string | undefined): unknown {
	if (store === undefined) return error;
	const said = error instanceof Error ? error.message : '';
	if (/decrypted while unpickling/i.test(said))
		return cryptoError('CRYPTO_STORE_PASSPHRASE', `the passphrase does not match ${store}`, error);
	if (/schema version .* too new/i.test(said))
		return cryptoError('CRYPTO_STORE_NEWER', `${store} was written by a newer version; run that one`, error);
	return isCryptoError(error) ? error : damaged(store, error);
}

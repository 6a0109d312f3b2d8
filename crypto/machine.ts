// The machine of one device: every operation on its keys, queued, and on disk before its promise resolves.
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
	/** Questions that have been answered with "nothing" since the last change, and when (monotonic milliseconds). */
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
	 * Opens the machine of a device, or creates one. `storePath` is a directory that nothing else uses, or records that the
	 * caller stores elsewhere; without it the keys are lost when the process ends. An empty passphrase counts as none.
	 * Rejects with a `CRYPTO_STORE_…` error if the store cannot be used.
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

	/** This device's Ed25519 key in groups of four characters, as clients show it for comparison. */
	get fingerprint(): string {
		return this.identityKeys.ed25519.toBase64().replace(/.{4}(?=.)/g, '$& ');
	}

	/**
	 * Processes the encryption part of a sync response: to-device events (a JSON array), changed devices, how many one-time
	 * keys the server has, and for which algorithms it has an unused fallback key. Returns the events as a JSON array,
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
			// wasm saves the whole account even if nothing changed, which costs more than the rest of a quiet sync.
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

	/** The requests to send to the server now. Each is returned again until it is marked as sent. */
	async outgoingRequests(): Promise<Request[]> {
		return this.#ownCall(async machine => {
			if (this.#stillNothing('outgoing')) return [];
			const requests = (await machine.outgoingRequests()).map(plainRequest);
			if (requests.length === 0) this.#nothing('outgoing');
			return requests;
		});
	}

	/** Processes the server's response (JSON) to a request. */
	async markRequestAsSent(requestId: string, requestType: RequestType, response: string): Promise<boolean> {
		return this.#call(async machine => {
			this.#news();
			if (requestType === RequestType.KeysQuery) this.#withDevices.clear();
			return machine.markRequestAsSent(requestId, requestType, response);
		});
	}

	/** The request for one-time keys of those devices of `users` with which there is no session yet; null if there are none. */
	async getMissingSessions(users: readonly UserId[]): Promise<PlainRequest | null> {
		return this.#ownCall(async machine => {
			const question = `missing ${users.join(' ')}`;
			if (this.#stillNothing(question)) return null;
			// If it knows no device of a user, wasm waits five seconds for a response to keys/query. None can arrive while
			// this call is running, and without devices there are no sessions to create.
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
		// Dehydrated ones (MSC3814) too: they let a member who is logged in nowhere read later what was said meanwhile.
		const devices = list.devices();
		const some = devices.length > 0;
		for (const device of devices) device.free();
		list.free();
		if (some) this.#withDevices.add(user.toString());
		return some;
	}

	/** Starts tracking the devices of `users`: new users are part of the next keys/query. */
	async updateTrackedUsers(users: readonly UserId[]): Promise<void> {
		await this.#ownCall(async machine => {
			const names = users.map(String);
			if (names.some(name => !this.#tracked.has(name))) this.#news();
			await machine.updateTrackedUsers(wasmUsers(users));
			for (const name of names) this.#tracked.add(name);
		});
	}

	/** A keys/query for `users`, whether or not they are tracked. Send it, then mark it as sent. */
	queryKeysForUsers(users: readonly UserId[]): PlainRequest {
		return plainRequest(this.#open.queryKeysForUsers(wasmUsers(users))) as PlainRequest;
	}

	/**
	 * Makes sure that there is a valid key for the room, and returns the to-device messages that carry it to those devices
	 * of `users` that do not have it yet. Each is returned again until it is marked as sent.
	 */
	async shareRoomKey(
		roomId: RoomId,
		users: readonly UserId[],
		settings: EncryptionSettings,
	): Promise<ToDeviceRequest[]> {
		return this.#ownCall(machine => this.#roomKeys.share(machine, roomId, { users, settings }));
	}

	/**
	 * Encrypts an event's content (JSON) into the content of an `m.room.encrypted`. Share the room key before each event.
	 * Rejects with `CRYPTO_ROOM_KEY_NOT_SHARED` if the key has to be shared again.
	 */
	async encryptRoomEvent(roomId: RoomId, eventType: string, content: string): Promise<string> {
		return this.#call(async machine => {
			await this.#roomKeys.ensure(machine, roomId);
			return machine.encryptRoomEvent(wasmRoom(roomId), eventType, content);
		});
	}

	/** Decrypts an `m.room.encrypted` (JSON). Rejects with an error that has a `code`, such as `MissingRoomKey`. */
	async decryptRoomEvent(event: string, roomId: RoomId): Promise<DecryptedRoomEvent> {
		return this.#call(async machine => {
			// If the event, or an edit bundled with it, cannot be decrypted, wasm asks for the key.
			if (event.includes('m.relations')) this.#news();
			try {
				return decryptedEvent(await machine.decryptRoomEvent(event, wasmRoom(roomId), decryptionSettings()));
			} catch (error) {
				this.#news();
				throw error;
			}
		});
	}

	/** Signs a message with the device's key, and with the user's key if this device has it. */
	async sign(message: string): Promise<Signatures> {
		return this.#call(async machine => new Signatures(await machine.sign(message)));
	}

	/** Which of the user's private cross-signing keys this store has. */
	async crossSigningStatus(): Promise<CrossSigningStatus> {
		return this.#ownCall(crossSigningStatus);
	}

	/**
	 * Creates the user's cross-signing keys if there are none, signs this device with them, and returns what has to be
	 * uploaded. Calling it again returns the same keys. `reset` replaces them in this store immediately: only use it if the
	 * server is sure to accept the new ones. `establishIdentity` does all this in the right order.
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

	/** Rejects if the seeds do not match the public keys from the last keys/query for the user. */
	async importCrossSigningKeys({ master, selfSigning, userSigning }: CrossSigningSeeds): Promise<CrossSigningStatus> {
		return this.#call(async machine => {
			this.#news();
			return plainStatus(await machine.importCrossSigningKeys(master, selfSigning, userSigning));
		});
	}

	/** Whether the device is signed with the owner's cross-signing keys; null if no keys/query has shown it yet. */
	async isDeviceSignedByOwner(userId: UserId, deviceId: DeviceId): Promise<boolean | null> {
		return this.#ownCall(machine => isSignedByOwner(machine, userId, deviceId));
	}

	/** Processes a decrypted verification event from a room (JSON). Events between devices arrive in `receiveSyncChanges`. */
	async receiveVerificationEvent(event: string, roomId: RoomId): Promise<void> {
		await this.#call(async machine => {
			this.#news();
			await machine.receiveVerificationEvent(event, wasmRoom(roomId));
		});
	}

	/**
	 * The next step of a verification that `userId` requested. `flow` is the transaction ID or, in a room, the ID of the
	 * requesting event. Send its requests (in a room, encrypted like the room's events) and mark them as sent.
	 */
	async stepVerification(userId: UserId, flow: string): Promise<VerificationStep> {
		return this.#call(async machine => {
			this.#news();
			return stepVerification(machine, wasmUser(userId), flow);
		});
	}

	/** Ends a verification on this side. Telling the other side is up to the caller. */
	async cancelVerification(userId: UserId, flow: string): Promise<void> {
		await this.#call(async machine => {
			const outgoing = machine.getVerificationRequest(wasmUser(userId), flow)?.cancel();
			outgoing?.free();
		});
	}

	/** The public master key of the user's identity, according to the last keys/query; null if there is none. */
	async masterKey(userId: UserId): Promise<string | null> {
		return this.#ownCall(machine => masterKeyOf(machine, userId));
	}

	/** The number of room keys in the store. */
	async roomKeyCounts(): Promise<{ total: number; backedUp: number }> {
		return this.#ownCall(async machine => {
			const counts = await machine.roomKeyCounts();
			const { total, backedUp } = counts;
			counts.free();
			return { total, backedUp };
		});
	}

	/**
	 * Copies the store into an existing directory, and runs `meanwhile` before any other call, so that what it copies is
	 * from the same moment. The copy must not be used while this device goes on: its keys would be used twice.
	 */
	copyStore(directory: string, meanwhile: () => Promise<void>): Promise<void> {
		if (this.#closed !== undefined) throw cryptoError('CRYPTO_CLOSED', 'the machine was closed');
		return this.#store.copyTo(directory, meanwhile);
	}

	/** Lets running calls finish, then releases the store. Later calls reject with `CRYPTO_CLOSED`. */
	close(): Promise<void> {
		this.#closed ??= this.#store.close(() => this.#inner.close());
		return this.#closed;
	}

	/**
	 * matrix-bot-sdk asks the same questions at each sync and each message. The answer "nothing" holds until a call
	 * changes what it depends on: keys, devices, sessions, tracked users. wasm also depends on the clock (fallback keys to
	 * renew, servers to retry), so it is asked once a minute anyway.
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

	/** `own`: the call takes no text from others, so if something cannot be parsed, it comes from the store. */
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

/** wasm's reasons for not opening a store, if a person can do something about them. */
function unopened(error: unknown, store: string | undefined): unknown {
	if (store === undefined) return error;
	const said = error instanceof Error ? error.message : '';
	if (/decrypted while unpickling/i.test(said))
		return cryptoError('CRYPTO_STORE_PASSPHRASE', `the passphrase does not match ${store}`, error);
	if (/schema version .* too new/i.test(said))
		return cryptoError('CRYPTO_STORE_NEWER', `${store} was written by a newer version; run that one`, error);
	return isCryptoError(error) ? error : damaged(store, error);
}

// A person whose client only accepts devices that their owner has signed (MSC4153): wasm's own identity-based strategy.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OtherUserIdentity, VerificationRequest } from '@matrix-org/matrix-sdk-crypto-wasm';
import { wasm } from '../../crypto/wasm.ts';
import { type RoomEvent, speaker } from './person.ts';
import type { Homeserver } from './synapse.ts';

type Sync = {
	next_batch: string;
	to_device?: { events: object[] };
	device_lists?: { changed?: string[]; left?: string[] };
	device_one_time_keys_count?: Record<string, number>;
	device_unused_fallback_key_types?: string[];
	rooms?: { join?: Record<string, { timeline: { events: RoomEvent[] } }> };
};

type Query = Parameters<typeof wasm.OlmMachine.prototype.markRequestAsSent>;
type Request = {
	id?: string | undefined;
	type: Query[1];
	body: string;
	event_type?: string;
	txn_id?: string;
	room_id?: string;
};

const paths = ['keys/upload', 'keys/query', 'keys/claim', '', 'keys/signatures/upload'];

export type StrictPerson = Awaited<ReturnType<typeof strictPerson>>;

export async function strictPerson(home: Homeserver, name: string) {
	const account = await home.registerUser(`${name}-${randomUUID().slice(0, 8)}`, randomUUID());
	const plain = speaker(home.url, account);
	const machine = await wasm.OlmMachine.initialize(
		new wasm.UserId(account.userId),
		new wasm.DeviceId(account.deviceId),
	);
	const read: RoomEvent[] = [];
	const failed: string[] = [];
	let closed: RoomEvent[] = [];
	let since = '';

	const post = (path: string, body: unknown) => plain.request('POST', `/_matrix/client/v3/${path}`, body);

	async function carry(request: Request): Promise<void> {
		const { id, type, body, event_type, txn_id, room_id } = request;
		const answer =
			room_id !== undefined
				? { event_id: await send(room_id, event_type ?? '', JSON.parse(body)) }
				: event_type === undefined
					? await post(paths[type] ?? '', JSON.parse(body))
					: await plain.request('PUT', `/_matrix/client/v3/sendToDevice/${event_type}/${txn_id}`, {
							messages: JSON.parse(body).messages,
						});
		if (id !== undefined) await machine.markRequestAsSent(id, type, JSON.stringify(answer));
	}

	/** `rooms`: whether to include requests that are sent to a room, since sending calls this function again. */
	async function carryAll(rooms = false): Promise<void> {
		for (const request of (await machine.outgoingRequests()) as Request[])
			if (rooms || request.room_id === undefined) await carry(request);
	}

	// By default, a sync has at most ten events per room, and nothing here fills gaps.
	const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 1000 } } }));

	async function sync(): Promise<void> {
		const answer: Sync = await plain.request(
			'GET',
			`/_matrix/client/v3/sync?filter=${filter}&timeout=${since ? 500 : 0}${since ? `&since=${since}` : ''}`,
		);
		since = answer.next_batch;
		const users = (ids: string[] = []) => ids.map(id => new wasm.UserId(id));
		await machine.receiveSyncChanges(
			JSON.stringify(answer.to_device?.events ?? []),
			new wasm.DeviceLists(users(answer.device_lists?.changed), users(answer.device_lists?.left)),
			new Map(Object.entries(answer.device_one_time_keys_count ?? {})),
			new Set(answer.device_unused_fallback_key_types ?? []),
			new wasm.DecryptionSettings(wasm.TrustRequirement.CrossSigned),
		);
		await carryAll();
		for (const [room, { timeline }] of Object.entries(answer.rooms?.join ?? {})) {
			const encrypted = timeline.events.filter(
				({ type, sender }) => type === 'm.room.encrypted' && sender !== account.userId,
			);
			await machine.updateTrackedUsers(encrypted.map(event => new wasm.UserId(event.sender)));
			closed.push(...encrypted.map(event => ({ ...event, room_id: room })));
		}
		await carryAll(true);
		// Like clients, retry what could not be read: the sender's device may only be known now.
		failed.length = 0;
		const still: RoomEvent[] = [];
		for (const event of closed) if (!(await opened(event))) still.push(event);
		closed = still;
	}

	async function opened(event: RoomEvent): Promise<boolean> {
		const room = event.room_id;
		try {
			const clear = await machine.decryptRoomEvent(
				JSON.stringify(event),
				new wasm.RoomId(room),
				new wasm.DecryptionSettings(wasm.TrustRequirement.CrossSigned),
			);
			const whole = { ...event, ...JSON.parse(clear.event), room_id: room };
			read.push(whole);
			if (/verification/.test(`${whole.type} ${whole.content.msgtype}`))
				await machine.receiveVerificationEvent(JSON.stringify(whole), new wasm.RoomId(room));
			return true;
		} catch (error) {
			failed.push(error instanceof wasm.MegolmDecryptionError ? error.description : String(error));
			return false;
		}
	}

	/** Encrypts an event for the signed devices in the room, and sends it. */
	async function send(room: string, type: string, what: object): Promise<string> {
		const members: { joined: Record<string, unknown> } = await plain.request(
			'GET',
			`/_matrix/client/v3/rooms/${encodeURIComponent(room)}/joined_members`,
		);
		const users = () => Object.keys(members.joined).map(id => new wasm.UserId(id));
		await machine.updateTrackedUsers(users());
		await carryAll();
		const claim = await machine.getMissingSessions(users());
		if (claim) await carry(claim as Request);
		const settings = new wasm.EncryptionSettings();
		settings.sharingStrategy = wasm.CollectStrategy.identityBasedStrategy();
		for (const request of await machine.shareRoomKey(new wasm.RoomId(room), users(), settings)) {
			await carry(request as unknown as Request);
		}
		const encrypted = await machine.encryptRoomEvent(new wasm.RoomId(room), type, JSON.stringify(what));
		return plain.send(room, 'm.room.encrypted', JSON.parse(encrypted));
	}

	await carryAll();
	const uploads = await machine.bootstrapCrossSigning(true);
	if (uploads.uploadKeysRequest) await carry(uploads.uploadKeysRequest as Request);
	await post('keys/device_signing/upload', JSON.parse(uploads.uploadSigningKeysRequest.body));
	await post('keys/signatures/upload', JSON.parse(uploads.uploadSignaturesRequest.body));

	return {
		...account,
		plain,
		read,
		failed,
		say: (room: string, text: string) =>
			send(room, 'm.room.message', { msgtype: 'm.text', body: text, 'm.mentions': {} }),
		/**
		 * Verifies a user by emoji, in a room or between devices, and confirms that they match. Resolves with the emoji shown
		 * here, or the reason for cancelling.
		 */
		async verify(other: string, room?: string): Promise<{ emojis?: string; cancelled?: string }> {
			const them = new wasm.UserId(other);
			await machine.updateTrackedUsers([them.clone()]);
			await carryAll();
			const identity = (await machine.getIdentity(them.clone())) as OtherUserIdentity;
			const methods = [wasm.VerificationMethod.SasV1];
			let request: VerificationRequest;
			if (room === undefined) {
				const [device] = (await machine.getUserDevices(them.clone())).devices();
				if (!device) throw new Error('no device');
				const [begun, outgoing] = device.requestVerification(methods);
				request = begun;
				await carry(outgoing as unknown as Request);
			} else {
				const content = JSON.parse(identity.verificationRequestContent([...methods]));
				const event = await send(room, 'm.room.message', content);
				request = identity.requestVerification(new wasm.RoomId(room), new wasm.EventId(event), methods);
			}
			let emojis: string | undefined;
			for (const giveUp = Date.now() + 30_000; Date.now() < giveUp; await sync()) {
				if (request.isCancelled()) return { cancelled: request.cancelInfo?.reason() ?? 'without a word' };
				if (request.isDone()) return emojis === undefined ? {} : { emojis };
				const sas = request.getVerification();
				if (sas instanceof wasm.Sas) {
					if (!sas.canBePresented() || sas.haveWeConfirmed()) continue;
					emojis = sas
						.emoji()
						?.map(({ symbol, description }) => `${symbol} ${description}`)
						.join(', ');
					for (const outgoing of await sas.confirm()) await carry(outgoing as unknown as Request);
				} else if (request.isReady()) {
					const started = await request.startSas();
					if (started) await carry(started[1] as unknown as Request);
				}
			}
			throw new Error('the verification did not end');
		},
		/** Whether a user's identity, and with it their device, counts as verified here. */
		async verified(user: string): Promise<boolean> {
			// Upload the resulting signature, which comes back with the keys.
			await carryAll(true);
			await carry(machine.queryKeysForUsers([new wasm.UserId(user)]) as unknown as Request);
			return (await machine.getIdentity(new wasm.UserId(user)))?.isVerified() ?? false;
		},
		async waitFor(fits: (event: RoomEvent) => boolean, timeout = 20_000): Promise<RoomEvent> {
			const giveUp = Date.now() + timeout;
			for (;;) {
				const found = read.find(fits);
				if (found) return found;
				if (Date.now() > giveUp) throw new Error(`no event matched; read ${read.length}, failed: ${failed.join('; ')}`);
				await sync();
				await sleep(10);
			}
		},
	};
}

// A person whose client knows only devices that their owner signed (MSC4153): the identity-based strategy, by wasm itself.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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
type Request = { id?: string | undefined; type: Query[1]; body: string; event_type?: string; txn_id?: string };

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
		const { id, type, body, event_type, txn_id } = request;
		const answer =
			event_type === undefined
				? await post(paths[type] ?? '', JSON.parse(body))
				: await plain.request('PUT', `/_matrix/client/v3/sendToDevice/${event_type}/${txn_id}`, {
						messages: JSON.parse(body).messages,
					});
		if (id !== undefined) await machine.markRequestAsSent(id, type, JSON.stringify(answer));
	}

	async function carryAll(): Promise<void> {
		for (const request of await machine.outgoingRequests()) await carry(request as Request);
	}

	async function sync(): Promise<void> {
		const answer: Sync = await plain.request(
			'GET',
			`/_matrix/client/v3/sync?timeout=${since ? 500 : 0}${since ? `&since=${since}` : ''}`,
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
		await carryAll();
		// As clients do: what cannot be read is tried again, because whose device it is may become known only now.
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
			read.push({ ...event, ...JSON.parse(clear.event), room_id: room });
			return true;
		} catch (error) {
			failed.push(error instanceof wasm.MegolmDecryptionError ? error.description : String(error));
			return false;
		}
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
		async say(room: string, text: string): Promise<string> {
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
			const content = JSON.stringify({ msgtype: 'm.text', body: text, 'm.mentions': {} });
			const encrypted = await machine.encryptRoomEvent(new wasm.RoomId(room), 'm.room.message', content);
			return plain.send(room, 'm.room.encrypted', JSON.parse(encrypted));
		},
		async waitFor(fits: (event: RoomEvent) => boolean, timeout = 20_000): Promise<RoomEvent> {
			const giveUp = Date.now() + timeout;
			for (;;) {
				const found = read.find(fits);
				if (found) return found;
				if (Date.now() > giveUp) throw new Error(`nothing fits; read ${read.length}, failed: ${failed.join('; ')}`);
				await sync();
				await sleep(10);
			}
		},
	};
}

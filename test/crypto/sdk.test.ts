// The real matrix-bot-sdk with this package: two of its clients talk, with the network replaced by a function.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	LogLevel,
	LogService,
	MatrixClient,
	MemoryStorageProvider,
	RustSdkCryptoStorageProvider,
} from 'matrix-bot-sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeviceId, type SendRequest, StoreType, UserId } from '../../crypto/index.ts';
import { type Homeserver, homeserver } from './homeserver.ts';

const ROOM = '!room:example.org';
const MEMBERS = ['@bot:example.org', '@alice:example.org'];

let root: string;
beforeAll(() => {
	LogService.setLevel(LogLevel.ERROR);
	root = mkdtempSync(join(tmpdir(), 'crypto-sdk-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Sent {
	type: string;
	event_id: string;
	sender: string;
	content: Record<string, unknown>;
}

class Client extends MatrixClient {
	readonly read: string[] = [];
	readonly #server: Homeserver;
	readonly #timeline: Sent[];
	readonly #user: string;
	readonly #device: { userId: UserId; deviceId: DeviceId };
	readonly #request: SendRequest;
	#seen = 0;

	constructor(server: Homeserver, timeline: Sent[], user: string, directory: string) {
		const crypto = new RustSdkCryptoStorageProvider(directory, StoreType.Sqlite);
		super('http://127.0.0.1:1', 'token', new MemoryStorageProvider(), crypto);
		this.#server = server;
		this.#timeline = timeline;
		this.#user = user;
		this.#device = { userId: new UserId(user), deviceId: new DeviceId('D') };
		this.#request = server.client(this.#device);
		this.on('room.message', (_room, event) => this.read.push(event.content.body));
		this.on('room.failed_decryption', (_room, event, error) => this.read.push(`${event.event_id}: ${error}`));
	}

	override async doRequest(method: string, path: string, _query?: unknown, body?: unknown): Promise<unknown> {
		const [what, ...rest] = path.replace('/_matrix/client/v3/', '').split('/').map(decodeURIComponent);
		if (what === 'account') return { user_id: this.#user, device_id: 'D' };
		if (what === 'joined_rooms') return { joined_rooms: [ROOM] };
		if (what === 'keys' && method === 'POST') return this.#request(method, path, Object(body));
		if (what === 'sendToDevice') {
			this.#server.toDevices(this.#user, rest[0] ?? '', Object(body).messages);
			return {};
		}
		if (rest[1] === 'joined_members') return { joined: Object.fromEntries(MEMBERS.map(user => [user, {}])) };
		if (rest[1] === 'state' && rest[2] === 'm.room.encryption') return { algorithm: 'm.megolm.v1.aes-sha2' };
		if (rest[1] === 'state') return { history_visibility: 'shared' };
		if (rest[1] === 'send') {
			const event_id = `$${this.#timeline.length}`;
			this.#timeline.push({ type: rest[2] ?? '', event_id, sender: this.#user, content: Object(body) });
			return { event_id };
		}
		throw new Error(`${method} ${path} is not simulated`);
	}

	/** One round of its sync loop. */
	async sync(): Promise<void> {
		const { events, counts } = this.#server.take(this.#device);
		const timeline = this.#timeline.slice(this.#seen).map(event => ({ ...event, room_id: ROOM, origin_server_ts: 1 }));
		this.#seen = this.#timeline.length;
		await this.processSync({
			to_device: { events },
			device_one_time_keys_count: counts,
			device_unused_fallback_key_types: ['signed_curve25519'],
			rooms: { join: { [ROOM]: { timeline: { events: timeline } } } },
		});
	}
}

async function started(server: Homeserver, timeline: Sent[], user: string, directory: string): Promise<Client> {
	const client = new Client(server, timeline, user, directory);
	await client.crypto.prepare([ROOM]);
	return client;
}

test("clients read each other's messages, even after a restart, and send nothing unencrypted", async () => {
	const server = homeserver();
	const timeline: Sent[] = [];
	const bot = await started(server, timeline, '@bot:example.org', join(root, 'bot'));
	const alice = await started(server, timeline, '@alice:example.org', join(root, 'alice'));
	for (let i = 0; i < 3; i++) {
		await alice.sendText(ROOM, `question ${i}`);
		await bot.sync();
		await bot.sendText(ROOM, `answer ${i}`);
		await alice.sync();
	}
	const said = [0, 1, 2].flatMap(i => [`question ${i}`, `answer ${i}`]);
	// Each client also receives its own messages, but the bot has not synced since its last one.
	expect(alice.read).toEqual(said);
	expect(bot.read).toEqual(said.slice(0, -1));
	expect(timeline.map(({ type }) => type)).toEqual(said.map(() => 'm.room.encrypted'));
	expect(JSON.stringify(timeline)).not.toMatch(/question|answer/);

	await Reflect.get(bot.crypto, 'engine').machine.close();
	const again = await started(server, timeline, '@bot:example.org', join(root, 'bot'));
	expect(again.crypto.clientDeviceEd25519).toBe(bot.crypto.clientDeviceEd25519);
	await again.sync();
	expect(again.read).toEqual(said);
	await again.sendText(ROOM, 'back again');
	await alice.sync();
	expect(alice.read.at(-1)).toBe('back again');
	expect(timeline.at(-1)?.content.session_id).toBe(timeline[1]?.content.session_id);
});

test('encrypts and decrypts files, and signs', async () => {
	const bot = await started(homeserver(), [], '@bot:example.org', join(root, 'files'));
	const file = readFileSync(import.meta.filename);
	const { buffer, file: info } = await bot.crypto.encryptMedia(file);
	expect(buffer.equals(file)).toBe(false);
	bot.downloadContent = async () => ({ data: buffer, contentType: 'text/plain' });
	expect((await bot.crypto.decryptMedia({ ...info, url: 'mxc://example.org/x' })).equals(file)).toBe(true);
	const signed: Record<string, Record<string, string>> = await bot.crypto.sign({ a: 1 });
	expect(Object.keys(signed['@bot:example.org'] ?? {})).toEqual(['ed25519:D']);
});

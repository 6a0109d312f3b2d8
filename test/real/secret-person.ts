// A person who encrypts with matrix-bot-sdk's own client instead of ours: its sync, its rooms, its keys.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
	LogLevel,
	LogService,
	MatrixClient,
	MemoryStorageProvider,
	RustSdkCryptoStorageProvider,
} from 'matrix-bot-sdk';
import { type OlmMachine, StoreType } from '../../crypto/index.ts';
import { type Content, type RoomEvent, speaker } from './person.ts';
import type { Account, Homeserver } from './synapse.ts';

export type SecretPerson = Awaited<ReturnType<typeof secretPerson>>;

/** Registers a user and starts the client; `stop` ends it. What it could not decrypt is in `failed`. */
export async function secretPerson(home: Homeserver, name: string, given?: Account) {
	LogService.setLevel(LogLevel.ERROR);
	for (const module of ['MatrixHttpClient', 'MatrixClientLite']) LogService.muteModule(module);
	const account = given ?? (await home.registerUser(`${name}-${randomUUID().slice(0, 8)}`, randomUUID()));
	const dir = mkdtempSync(join(tmpdir(), 'glia-person-'));
	const crypto = new RustSdkCryptoStorageProvider(join(dir, 'crypto'), StoreType.Sqlite);
	const client = new MatrixClient(home.url, account.accessToken, new MemoryStorageProvider(), crypto);
	const read: RoomEvent[] = [];
	const failed: { event: RoomEvent; why: string }[] = [];
	let heard = () => {};
	const hear = (event: RoomEvent) => {
		read.push(event);
		heard();
	};
	client.on('room.message', (room, event) => hear({ ...event, room_id: room }));
	client.on('room.decrypted_event', (room, event) => {
		if (event.type !== 'm.room.message') hear({ ...event, room_id: room });
	});
	client.on('room.failed_decryption', (room, event, error) =>
		failed.push({ event: { ...event, room_id: room }, why: String(error) }),
	);
	// By default, a sync has at most ten events per room, and this client never fills gaps.
	await client.start({ room: { timeline: { limit: 1000 } } });
	const plain = speaker(home.url, account);
	const machine: OlmMachine = Reflect.get(client.crypto, 'engine').machine;

	return {
		...account,
		client,
		machine,
		/** The same person without encryption, for everything except messages, and to see what is sent. */
		plain,
		read,
		failed,
		say: (room: string, text: string, more: Content = {}): Promise<string> =>
			client.sendMessage(room, { msgtype: 'm.text', body: text, 'm.mentions': {}, ...more }),
		/** The first decrypted event that matches, past or within `timeout` milliseconds. */
		async waitFor(fits: (event: RoomEvent) => boolean, timeout = 20_000): Promise<RoomEvent> {
			const giveUp = Date.now() + timeout;
			for (;;) {
				const found = read.findLast(fits);
				if (found) return found;
				if (Date.now() > giveUp) {
					const last = read.slice(-5).map(event => JSON.stringify(event).slice(0, 500));
					const not = failed.slice(-3).map(({ why }) => why);
					throw new Error(
						`no event matched within ${timeout} ms; read last:\n${last.join('\n')}\nfailed: ${not.join('\n')}`,
					);
				}
				await Promise.race([sleep(100), new Promise<void>(resolve => (heard = resolve))]);
			}
		},
		/** Creates a room that is encrypted from the start, and invites `invite`. */
		createRoom: (invite: string[], version?: string): Promise<string> =>
			plain.createRoom({ encrypted: true, invite, ...(version && { version }) }),
		/** The decrypted file of an event. */
		async file(event: RoomEvent): Promise<string> {
			return (await client.crypto.decryptMedia(Object(event.content.file))).toString();
		},
		async stop(): Promise<void> {
			client.stop();
			await machine.close();
			rmSync(dir, { recursive: true, force: true });
		},
	};
}

/** Matches the answer to an event. */
export function answerTo(eventId: string) {
	return (event: RoomEvent) => event.content['m.relates_to']?.['m.in_reply_to']?.event_id === eventId;
}

/** Creates an encrypted room with the bot, which has said hello there. */
export async function secretRoom(person: SecretPerson, { userId }: { userId: string }): Promise<string> {
	const room = await person.createRoom([userId]);
	await person.waitFor(event => event.room_id === room && /Hello, I am/.test(event.content.body ?? ''));
	return room;
}

/** Sends a command. Resolves with the text of the answer. */
export async function answered(person: SecretPerson, room: string, command: string): Promise<string> {
	const asked = await person.say(room, command);
	return (await person.waitFor(answerTo(asked))).content.body ?? '';
}

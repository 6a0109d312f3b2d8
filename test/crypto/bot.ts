// A bot in its own process, which tests kill: processes batches from its parent, and replies to each message.
import { DatabaseSync } from 'node:sqlite';
import { DeviceId, DeviceLists, EncryptionSettings, OlmMachine, RoomId, UserId } from '../../crypto/index.ts';

export const BOT = '@bot:example.org';
export const DEVICE = 'BOT';
export const ROOM = '!room:example.org';

/** One sync: to-device messages, and the room's encrypted messages with their senders. */
export interface Batch {
	events: object[];
	counts: Record<string, number>;
	messages: { sender: string; content: object }[];
}

export type FromBot =
	| { kind: 'ready'; identity: string; requests: { id: string; type: number; body: string }[] }
	| { kind: 'done'; read: string[]; failed: string[]; replies: string[]; requests: { type: number; body: string }[] };

const [directory = '', mode = ''] = process.argv.slice(2);
if (import.meta.main) {
	if (mode === 'late') writeLate();
	await serve(directory);
}

async function serve(directory: string): Promise<void> {
	const machine = await OlmMachine.initialize(new UserId(BOT), new DeviceId(DEVICE), directory, '', 0);
	const tell = (message: FromBot) => process.send?.(message);
	const room = new RoomId(ROOM);
	tell({ kind: 'ready', identity: machine.identityKeys.ed25519.toBase64(), requests: await plain(machine) });
	process.on('message', async (batch: Batch | { answer: [string, 0 | 1 | 2, string] }) => {
		if ('answer' in batch) return void (await machine.markRequestAsSent(...batch.answer));
		await machine.receiveSyncChanges(JSON.stringify(batch.events), new DeviceLists(), batch.counts, [
			'signed_curve25519',
		]);
		const [read, failed, replies]: [string[], string[], string[]] = [[], [], []];
		for (const { sender, content } of batch.messages) {
			const event = { type: 'm.room.encrypted', event_id: '$e', sender, room_id: ROOM, origin_server_ts: 1, content };
			try {
				read.push(JSON.parse((await machine.decryptRoomEvent(JSON.stringify(event), room)).event).content.body);
			} catch (error) {
				failed.push(String(error));
			}
			await machine.shareRoomKey(room, [], new EncryptionSettings());
			replies.push(await machine.encryptRoomEvent(room, 'm.room.message', '{"body":"yes"}'));
		}
		tell({ kind: 'done', read, failed, replies, requests: await plain(machine) });
	});
}

async function plain(machine: OlmMachine) {
	return (await machine.outgoingRequests()).map(({ id, type, body }) => ({ id, type, body }));
}

/** The control: commits reach the disk ten seconds after they were reported, after the bot was killed even if slow. */
function writeLate(): void {
	const { exec } = DatabaseSync.prototype;
	let open = false;
	DatabaseSync.prototype.exec = function (sql) {
		if (sql === 'COMMIT' && open) {
			setTimeout(() => {
				if (open) exec.call(this, 'COMMIT');
				open = false;
			}, 10_000);
			return;
		}
		if (sql === 'BEGIN IMMEDIATE') {
			if (open) return;
			open = true;
		}
		exec.call(this, sql);
	};
}

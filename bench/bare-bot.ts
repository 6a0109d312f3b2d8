// The yardstick: the shortest bot that matrix-bot-sdk allows, answering each message with given contents as replies.
// Usage: node bench/bare-bot.ts <homeserver> <token> <folder> <file of contents, JSON> [encrypted]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sdk from 'matrix-bot-sdk';

process.noDeprecation = true;
const [homeserver = '', token = '', folder = '', file = '', encrypted] = process.argv.slice(2);
const contents: Record<string, unknown>[] = JSON.parse(readFileSync(file, 'utf8'));
sdk.LogService.setLevel(sdk.LogLevel.ERROR);
const storage = new sdk.SimpleFsStorageProvider(join(folder, 'bare.json'));
const keys = encrypted ? new sdk.RustSdkCryptoStorageProvider(join(folder, 'bare-keys'), 0) : undefined;
const client = new sdk.MatrixClient(homeserver, token, storage, keys);
sdk.AutojoinRoomsMixin.setupOnClient(client);
const self = await client.getUserId();
client.on(
	'room.message',
	async (room: string, event: { sender: string; event_id: string; content: { body?: string } }) => {
		if (event.sender === self || !event.content.body?.startsWith('!')) return;
		for (const content of contents) {
			await client.sendMessage(room, { ...content, 'm.relates_to': { 'm.in_reply_to': { event_id: event.event_id } } });
		}
	},
);
await client.start();
process.stderr.write('in sync with the homeserver\n');

// The yardstick: the shortest possible bot with matrix-bot-sdk, which replies to each command with given contents.
// Usage: node bench/bare-bot.ts <homeserver> <token> <folder> <file of contents, JSON> [encrypted]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sdk from 'matrix-bot-sdk';

type RoomMessage = { sender: string; event_id: string; origin_server_ts: number; content: { body?: string } };

process.noDeprecation = true;
const [homeserver = '', token = '', folder = '', file = '', encrypted] = process.argv.slice(2);
const contents: Record<string, unknown>[] = JSON.parse(readFileSync(file, 'utf8'));
sdk.LogService.setLevel(sdk.LogLevel.ERROR);
const storage = new sdk.SimpleFsStorageProvider(join(folder, 'bare.json'));
if (encrypted) {
	// Our crypto/ does not repeat a query that found nothing within the last minute, which is part of what is measured.
	// For the bare bot, that minute is always over, so it makes every query, as with the original library.
	let asked = 0;
	const now = performance.now.bind(performance);
	performance.now = () => now() + 60_000 * asked++;
}
const keys = encrypted ? new sdk.RustSdkCryptoStorageProvider(join(folder, 'bare-keys'), 0) : undefined;
const client = new sdk.MatrixClient(homeserver, token, storage, keys);
sdk.AutojoinRoomsMixin.setupOnClient(client);
const self = await client.getUserId();
const began = Date.now();
client.on('room.message', async (room: string, event: RoomMessage) => {
	// If it is killed while writing its only file, it starts over, and would answer everything that it sees in the room.
	if (event.origin_server_ts < began) return;
	if (event.sender === self || !event.content.body?.startsWith('!')) return;
	for (const content of contents) {
		await client.sendMessage(room, { ...content, 'm.relates_to': { 'm.in_reply_to': { event_id: event.event_id } } });
	}
});
await client.start();
process.stderr.write('in sync with the homeserver\n');

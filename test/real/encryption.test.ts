// Encrypted rooms of a real Synapse: a conversation with a client that is not ours, and nothing readable on the wire.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Bot, makeBot } from './bot.ts';
import { answerTo, type SecretPerson, secretPerson } from './secret-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

let home: Homeserver;
let bot: Bot;
let alice: SecretPerson;

beforeAll(async () => {
	home = await sharedSynapse();
	bot = await makeBot(home);
	alice = await secretPerson(home, 'alice');
	await bot.start();
});

afterAll(async () => {
	await alice?.stop();
	await bot?.remove();
});

test('a command is answered, encrypted', async () => {
	const room = await alice.createRoom([bot.userId]);
	await alice.waitFor(event => event.room_id === room && /Hello, I am/.test(event.content.body ?? ''));
	const asked = await alice.say(room, '!help');
	const answer = await alice.waitFor(answerTo(asked));
	expect(answer).toMatchObject({ sender: bot.userId, content: { msgtype: 'm.text' } });
	const wire = await alice.plain.messagesOf(room);
	const said = wire.filter(event => event.sender === bot.userId && event.state_key === undefined);
	expect(said.map(({ type }) => type)).toEqual(['m.room.encrypted', 'm.room.encrypted']);
	expect(alice.failed).toEqual([]);
});

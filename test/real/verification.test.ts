// People verify the bot by emoji, in a room and between devices, with a client that only accepts signed devices.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Bot, makeBot } from './bot.ts';
import { type StrictPerson, strictPerson } from './strict-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 600_000 });

let home: Homeserver;
let bot: Bot;
let alice: StrictPerson;

beforeAll(async () => {
	home = await sharedSynapse();
	bot = await makeBot(home, { allow: ['glia.test'] });
	await bot.start();
	alice = await strictPerson(home, 'alice');
});
afterAll(() => bot?.remove());

async function room(who = alice): Promise<string> {
	const id = await who.plain.createRoom({ encrypted: true, invite: [bot.userId] });
	await who.waitFor(event => event.room_id === id && /Hello, I am/.test(event.content.body ?? ''));
	return id;
}

test('verifies its identity in a room, with the same emoji in the log', async () => {
	const there = await room();
	expect(await alice.verified(bot.userId)).toBe(false);
	const { emojis } = await alice.verify(bot.userId, there);
	expect(emojis?.split(', ')).toHaveLength(7);
	expect(bot.output()).toContain(emojis);
	expect(await alice.verified(bot.userId)).toBe(true);
	// The verification messages are encrypted like everything else.
	const events = await alice.plain.messagesOf(there);
	const types = events.filter(({ sender, state_key }) => sender === bot.userId && state_key === undefined);
	expect([...new Set(types.map(({ type }) => type))]).toEqual(['m.room.encrypted']);
});

test('verifies between devices for people whom the operator allows', async () => {
	const bob = await strictPerson(home, 'bob');
	await room(bob);
	const { emojis } = await bob.verify(bot.userId);
	expect(bot.output()).toContain(emojis);
	expect(await bob.verified(bot.userId)).toBe(true);
});

test('cancels at once, with a sentence, for people who may not change things', async () => {
	const bob = await strictPerson(home, 'bob');
	const there = await alice.plain.createRoom({ encrypted: true, invite: [bot.userId, bob.userId] });
	await bob.plain.join(there);
	await alice.waitFor(event => event.room_id === there && /Hello, I am/.test(event.content.body ?? ''));
	const { cancelled } = await bob.verify(bot.userId, there);
	expect(cancelled).toBeDefined();
	const cancel = await bob.waitFor(event => event.type === 'm.key.verification.cancel');
	expect(cancel.content.reason).toMatch(/need power level 50 in this room.*!verify/);
	await bob.waitFor(event => event.content.msgtype === 'm.notice' && /!verify/.test(event.content.body ?? ''));
});

test('shows the master key that others see, and what to compare, on !verify', async () => {
	const there = await room();
	const asked = await alice.say(there, '!verify');
	const answer = await alice.waitFor(event => event.content['m.relates_to']?.['m.in_reply_to']?.event_id === asked);
	const keys: Record<string, Record<string, { keys: Record<string, string> }>> = await alice.plain.request(
		'POST',
		'/_matrix/client/v3/keys/query',
		{ device_keys: { [bot.userId]: [] } },
	);
	const [master = ''] = Object.values(keys.master_keys?.[bot.userId]?.keys ?? {});
	expect(answer.content.body?.replaceAll(' ', '')).toContain(master);
	expect(answer.content.body).toMatch(/the homeserver relays my messages/);
});

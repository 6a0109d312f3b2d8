// Conversations in rooms on a real Synapse: the bot is invited, says hello, and answers each command once.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Bot, makeBot } from './bot.ts';
import { type Person, person, type RoomEvent } from './person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

let home: Homeserver;
let bot: Bot;
let alice: Person;

beforeAll(async () => {
	home = await sharedSynapse();
	bot = await makeBot(home);
	alice = await person(home, 'alice');
	await bot.start();
}, 120_000);

afterAll(() => bot?.remove());

/** Matches the answer to an event. */
function answerTo(eventId: string) {
	return (event: RoomEvent) => event.content['m.relates_to']?.['m.in_reply_to']?.event_id === eventId;
}

async function roomWithBot(version: string, powerLevels?: Record<string, unknown>): Promise<string> {
	const room = await alice.createRoom({ version, invite: [bot.userId], ...(powerLevels && { powerLevels }) });
	await alice.waitFor(event => event.room_id === room && /Hello, I am/.test(event.content.body ?? ''));
	return room;
}

describe.each(['10', '12'])('in a room of version %s', version => {
	test('says hello once and answers in the form that clients expect', async () => {
		const room = await roomWithBot(version);
		const asked = await alice.say(room, '!help');
		const answer = await alice.waitFor(answerTo(asked));
		expect(answer).toMatchObject({ type: 'm.room.message', sender: bot.userId });
		expect(answer.content).toMatchObject({
			msgtype: 'm.text',
			format: 'org.matrix.custom.html',
			formatted_body: expect.stringContaining('upgrade'),
			'm.mentions': {},
			'm.relates_to': { 'm.in_reply_to': { event_id: asked } },
			'io.glia.said': expect.stringMatching(/^[\w-]{32}$/),
		});
		expect(answer.content.formatted_body).not.toContain('mx-reply');
		const hellos = (await alice.messagesOf(room)).filter(event => /Hello, I am/.test(event.content.body ?? ''));
		expect(hellos).toHaveLength(1);
	}, 60_000);

	test('says hello again after being removed and invited back', async () => {
		const room = await roomWithBot(version);
		await alice.say(room, '!leave yes');
		await alice.waitFor(
			({ room_id, type, sender, content }) =>
				room_id === room && type === 'm.room.member' && sender === bot.userId && content.membership === 'leave',
		);
		await alice.invite(room, bot.userId);
		const hellos = async () =>
			(await alice.messagesOf(room)).filter(({ content }) => /Hello, I am/.test(content.body ?? ''));
		await vi.waitUntil(async () => (await hellos()).length === 2, { timeout: 20_000, interval: 200 });
	}, 60_000);

	test('lets a creator change things, but not a member', async () => {
		const room = await roomWithBot(version);
		const bob = await person(home, 'bob');
		await alice.invite(room, bob.userId);
		await bob.join(room);
		const asked = await alice.say(room, '!set');
		expect((await alice.waitFor(answerTo(asked))).content.body).toContain('it is set');
		const tried = await bob.say(room, '!set');
		expect((await alice.waitFor(answerTo(tried))).content).toMatchObject({
			msgtype: 'm.notice',
			body: expect.stringContaining('power level'),
		});
	}, 60_000);
});

// No command is lost or answered twice under rate limits, after an outage, or across restarts and kills.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { answerTo, roomWith, settled } from './answers.ts';
import { type Bot, type BotOptions, makeBot } from './bot.ts';
import { person } from './person.ts';
import { type Homeserver, sharedSynapse, startSynapse } from './synapse.ts';

const good = { unanswered: [], twice: [], ordered: true };
let bots: Bot[] = [];

async function startBot(home: Homeserver, options?: BotOptions): Promise<Bot> {
	const bot = await makeBot(home, options);
	bots.push(bot);
	await bot.start();
	return bot;
}

afterEach(async () => {
	for (const bot of bots) await bot.remove();
	bots = [];
});

test("answers twenty concurrent commands once and in order, under Synapse's own rate limits", async () => {
	const synapse = await startSynapse({ rateLimits: 'default' });
	try {
		const bot = await startBot(synapse);
		const [alice, bob] = [await person(synapse, 'alice'), await person(synapse, 'bob')];
		const room = await roomWith(bot, alice, { invite: [bob.userId] });
		await bob.join(room);
		const said = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? alice : bob).say(room, `!echo ${i}`)));
		expect(await settled(alice, room, bot.userId, said, 150_000)).toEqual(good);
	} finally {
		await synapse.stop();
	}
}, 240_000);

test('answers sixty commands among three hundred messages that were sent while it was down', async () => {
	const home = await sharedSynapse();
	const bot = await startBot(home);
	const alice = await person(home, 'alice');
	const rooms = [await roomWith(bot, alice), await roomWith(bot, alice), await roomWith(bot, alice)];
	await bot.stop();
	const said = new Map<string, string[]>(rooms.map(room => [room, []]));
	for (let i = 0; i < 100; i++) {
		await Promise.all(
			rooms.map(async room => {
				const command = i % 5 === 0;
				const id = await alice.say(room, command ? `!echo ${i}` : `talk ${i}`);
				if (command) said.get(room)?.push(id);
			}),
		);
	}
	await bot.start();
	for (const room of rooms) {
		expect(await settled(alice, room, bot.userId, said.get(room) ?? [], 60_000)).toEqual(good);
	}
}, 240_000);

test('answers every command even if the homeserver is restarted', async () => {
	const synapse = await startSynapse();
	try {
		const bot = await startBot(synapse);
		const alice = await person(synapse, 'alice');
		const room = await roomWith(bot, alice);
		const said: string[] = [];
		for (let i = 0; i < 10; i++) said.push(await alice.say(room, `!echo ${i}`));
		said.push(await alice.say(room, '!slow 1500'));
		await synapse.stop();
		await sleep(3000);
		await synapse.restart();
		for (let i = 0; i < 10; i++) said.push(await alice.say(room, `!echo again ${i}`));
		expect(await settled(alice, room, bot.userId, said, 90_000)).toEqual(good);
	} finally {
		await synapse.stop();
	}
}, 240_000);

test('answers fifty commands despite ten SIGKILLs at random moments', async () => {
	const home = await sharedSynapse();
	const bot = await startBot(home);
	const alice = await person(home, 'alice');
	const room = await roomWith(bot, alice);
	const said: string[] = [];
	for (let i = 0; i < 50; i++) {
		said.push(await alice.say(room, `!echo ${i}`));
		if (i % 5 !== 4) continue;
		await sleep(Math.random() * 250);
		await bot.kill();
		if (i < 45) bot.spawn();
		else await bot.start();
		await sleep(Math.random() * 600);
	}
	expect(await settled(alice, room, bot.userId, said, 90_000)).toEqual(good);
}, 240_000);

test('sends an answer of 70 KB in at most two messages, or as a summary with a file', async () => {
	const home = await sharedSynapse();
	const bot = await startBot(home);
	const alice = await person(home, 'alice');
	const room = await roomWith(bot, alice);
	const asked = await alice.say(room, '!long 70');
	const file = await alice.waitFor(
		event => answerTo(asked, bot.userId)(event) && event.content.msgtype === 'm.file',
		30_000,
	);
	const answers = (await alice.messagesOf(room)).filter(answerTo(asked, bot.userId));
	expect(answers.map(event => event.content.msgtype)).toEqual(['m.text', 'm.file']);
	expect(file.content.url).toMatch(/^mxc:/);
	const media = await fetch(
		`${home.url}/_matrix/client/v1/media/download/${file.content.url?.slice('mxc://'.length)}`,
		{ headers: { authorization: `Bearer ${alice.accessToken}` } },
	);
	const whole = await media.text();
	expect(whole.length).toBeGreaterThan(65_536);
	expect(whole).toContain('Part 70');
	const divided = await alice.say(room, '!long 25 open');
	await alice.waitFor(answerTo(divided, bot.userId), 30_000);
	await alice.waitFor(
		event => answerTo(divided, bot.userId)(event) && /part 2 of 2/i.test(event.content.body ?? ''),
		30_000,
	);
}, 120_000);

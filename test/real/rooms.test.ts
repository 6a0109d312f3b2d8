// Whom the bot serves, and where: strangers, invitations, threads, edits, redactions, upgrades, removals.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { answerTo, roomWith, settled, tally } from './answers.ts';
import { type Bot, makeBot } from './bot.ts';
import { login, type Person, person } from './person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

const good = { unanswered: [], twice: [], ordered: true };
let home: Homeserver;
let alice: Person;
let mallory: Person;
let bot: Bot;

beforeAll(async () => {
	home = await sharedSynapse();
	alice = await person(home, 'alice');
	mallory = await person(home, 'mallory');
	bot = await makeBot(home, { allow: [alice.userId] });
	await bot.start();
}, 120_000);

afterAll(() => bot?.remove());

/** Waits until the bot's membership in a room has become `is` this many times. */
function membership(who: Person, room: string, is: string, times = 1) {
	const changes = new Set<string>();
	return who.waitFor(event => {
		const fits =
			event.room_id === room &&
			event.type === 'm.room.member' &&
			event.state_key === bot.userId &&
			event.content.membership === is;
		if (fits) changes.add(event.event_id);
		return fits && changes.size >= times;
	}, 30_000);
}

test("declines a stranger's invitation with a reason", async () => {
	const room = await mallory.createRoom({ invite: [bot.userId] });
	const left = await membership(mallory, room, 'leave');
	expect(left.content.reason).toContain('operator');
}, 60_000);

test('accepts or declines invitations that arrived while it was down', async () => {
	await bot.stop();
	const mine = await alice.createRoom({ invite: [bot.userId] });
	const theirs = await mallory.createRoom({ invite: [bot.userId] });
	await bot.start();
	await membership(alice, mine, 'join');
	await membership(mallory, theirs, 'leave');
}, 60_000);

test('ignores what was said before it joined, but nothing after that, not even right afterwards', async () => {
	const room = await alice.createRoom();
	const before = await alice.say(room, '!echo before');
	await alice.invite(room, bot.userId);
	await membership(alice, room, 'join');
	const after = await alice.say(room, '!echo after');
	await alice.waitFor(answerTo(after, bot.userId));
	expect(await tally(alice, room, bot.userId, [before])).toMatchObject({ unanswered: [before] });
}, 60_000);

test('answers in the thread of a command', async () => {
	const room = await roomWith(bot, alice);
	const root = await alice.say(room, 'let us talk');
	const asked = await alice.thread(room, root, '!echo in a thread');
	const answer = await alice.waitFor(answerTo(asked, bot.userId));
	expect(answer.content['m.relates_to']).toMatchObject({ rel_type: 'm.thread', event_id: root });
}, 60_000);

test('ignores edits, notices, its own messages and quoted commands, but not a reply with a command', async () => {
	const room = await roomWith(bot, alice);
	const first = await alice.say(room, '!echo once');
	await alice.waitFor(answerTo(first, bot.userId));
	const edit = await alice.edit(room, first, '!echo twice');
	const notice = await alice.say(room, '!echo notice', { msgtype: 'm.notice' });
	const quoted = await alice.say(room, '> <@x:y> !echo quoted\n\nindeed', {
		'm.relates_to': { 'm.in_reply_to': { event_id: first } },
	});
	const reply = await alice.say(room, '> <@x:y> !echo quoted\n\n!echo reply', {
		'm.relates_to': { 'm.in_reply_to': { event_id: first } },
	});
	const answer = await alice.waitFor(answerTo(reply, bot.userId));
	expect(answer.content.body).toContain('echo reply');
	expect((await tally(alice, room, bot.userId, [edit, notice, quoted])).unanswered).toEqual([edit, notice, quoted]);
}, 60_000);

test('does not answer a command that is redacted before its turn', async () => {
	const room = await roomWith(bot, alice);
	const slow = await alice.say(room, '!slow 1500');
	const taken = await alice.say(room, '!echo taken back');
	await alice.redact(room, taken);
	const last = await alice.say(room, '!echo last');
	await alice.waitFor(answerTo(last, bot.userId));
	expect((await tally(alice, room, bot.userId, [slow, taken])).unanswered).toEqual([taken]);
}, 60_000);

test.each(['10', '12'])(
	'follows a room upgrade that happened while it was down (to version %s)',
	async version => {
		const bob = await person(home, 'bob');
		const levels = { users: { [bob.userId]: 100 } };
		const old = await roomWith(bot, alice, {
			version: '10',
			invite: [bob.userId],
			powerLevels: { users: { [alice.userId]: 100, ...levels.users } },
		});
		await bob.join(old);
		await bot.stop();
		const before = await bob.say(old, '!echo before the upgrade');
		const fresh = await bob.upgrade(old, version);
		// Bob is not on the operator's list, so the bot waits for someone who is.
		await bob.invite(fresh, bot.userId);
		await bob.invite(fresh, alice.userId);
		await alice.join(fresh);
		await bot.start();
		const refused = await membership(alice, fresh, 'leave');
		expect(refused.content.reason).toContain('operator');
		await alice.invite(fresh, bot.userId);
		await membership(alice, fresh, 'join');
		const after = await bob.say(fresh, '!echo after the upgrade');
		await alice.waitFor(answerTo(after, bot.userId), 30_000);
		// The bot may no longer write in the old room, so it answers in the new one.
		await alice.waitFor(
			event =>
				event.room_id === fresh && event.sender === bot.userId && /before the upgrade/.test(event.content.body ?? ''),
			90_000,
		);
		expect(await settled(alice, fresh, bot.userId, [after], 10_000)).toEqual(good);
		expect(await tally(alice, old, bot.userId, [before])).toMatchObject({ twice: [] });
		const hellos = (await alice.messagesOf(fresh)).filter(event => /Hello, I am/.test(event.content.body ?? ''));
		expect(hellos).toEqual([]);
	},
	180_000,
);

test('does not follow a room that only claims to be replaced', async () => {
	const room = await roomWith(bot, alice);
	const other = await alice.createRoom({ preset: 'public_chat' });
	await alice.setState(room, 'm.room.tombstone', '', { body: 'moved', replacement_room: other });
	await membership(alice, other, 'join');
	await membership(alice, other, 'leave');
}, 60_000);

test('comments once when a room becomes public or encrypted', async () => {
	const room = await roomWith(bot, alice);
	await alice.setState(room, 'm.room.join_rules', '', { join_rule: 'public' });
	await alice.waitFor(event => event.room_id === room && /made public/.test(event.content.body ?? ''));
	await alice.setState(room, 'm.room.join_rules', '', { join_rule: 'invite' });
	await alice.setState(room, 'm.room.join_rules', '', { join_rule: 'public' });
	const asked = await alice.say(room, '!echo still here');
	await alice.waitFor(answerTo(asked, bot.userId));
	const said = (await alice.messagesOf(room)).filter(event => /made public/.test(event.content.body ?? ''));
	expect(said).toHaveLength(1);
}, 60_000);

test('stays silent once removed, and answers again once invited back', async () => {
	const room = await roomWith(bot, alice);
	await alice.kick(room, bot.userId, 'enough');
	const away = await alice.say(room, '!echo while away');
	await sleep(500);
	await alice.invite(room, bot.userId);
	await membership(alice, room, 'join', 2);
	await sleep(500);
	const back = await alice.say(room, '!echo back');
	await alice.waitFor(answerTo(back, bot.userId));
	expect((await tally(alice, room, bot.userId, [away])).unanswered).toEqual([away]);
}, 60_000);

test('asks before !leave, leaves on a ✅, and restores its watches once invited back', async () => {
	const room = await roomWith(bot, alice);
	const watching = await alice.say(room, '!watch glia-test.invalid');
	await alice.waitFor(answerTo(watching, bot.userId));
	const stays = await alice.say(room, '!leave now');
	expect((await alice.waitFor(answerTo(stays, bot.userId))).content.body).toMatch(/^I am staying/);
	const asked = await alice.say(room, '!leave');
	const question = await alice.waitFor(answerTo(asked, bot.userId));
	await alice.react(room, question.event_id, '✅');
	await membership(alice, room, 'leave');
	await alice.invite(room, bot.userId);
	await membership(alice, room, 'join', 2);
	await sleep(500);
	const servers = await alice.say(room, '!servers');
	expect((await alice.waitFor(answerTo(servers, bot.userId))).content.body).toContain('glia-test.invalid');
}, 60_000);

test('notices at the next answer that another session has left a room, and restores its watches later', async () => {
	const room = await roomWith(bot, alice);
	const watching = await alice.say(room, '!watch glia-test.invalid');
	await alice.waitFor(answerTo(watching, bot.userId));
	const itself = await login(home, bot.userId, bot.password);
	const slow = await alice.say(room, '!slow 4000');
	// If the bot leaves before it has seen a command, the command is never answered.
	await sleep(2000);
	await itself.leave(room);
	// A homeserver with several processes may not know yet that the bot joined, so the bot retries a few times before it
	// believes a refusal.
	await vi.waitFor(() => expect(bot.output()).toContain('no longer in a room'), {
		timeout: 40_000,
		interval: 250,
	});
	await alice.invite(room, bot.userId);
	await membership(alice, room, 'join', 2);
	const servers = await alice.say(room, '!servers');
	expect((await alice.waitFor(answerTo(servers, bot.userId))).content.body).toContain('glia-test.invalid');
	expect((await tally(alice, room, bot.userId, [slow])).unanswered).toEqual([slow]);
}, 60_000);

test("takes watches along when an admin of both rooms merges them, but not on a stranger's tombstone", async () => {
	const [old, main] = [await roomWith(bot, alice), await roomWith(bot, alice)];
	const watching = await alice.say(old, '!watch glia-test.invalid');
	await alice.waitFor(answerTo(watching, bot.userId));
	const theirs = await alice.createRoom({
		invite: [mallory.userId, bot.userId],
		powerLevels: { users: { [alice.userId]: 100, [mallory.userId]: 100 } },
		version: '10',
	});
	await mallory.join(theirs);
	await membership(alice, theirs, 'join');
	const public_ = await mallory.createRoom({ preset: 'public_chat' });
	await mallory.setState(theirs, 'm.room.tombstone', '', { body: 'moved', replacement_room: main });
	await sleep(1500);
	await mallory.setState(theirs, 'm.room.tombstone', '', { body: 'moved', replacement_room: public_ });
	await sleep(1500);
	await alice.setState(old, 'm.room.tombstone', '', { body: 'merged', replacement_room: main });
	await sleep(1500);
	const servers = await alice.say(main, '!servers');
	expect((await alice.waitFor(answerTo(servers, bot.userId))).content.body).toContain('glia-test.invalid');
	const itself = await login(home, bot.userId, bot.password);
	const { joined_rooms } = await itself.request<{ joined_rooms: string[] }>('GET', '/_matrix/client/v3/joined_rooms');
	expect(joined_rooms).toEqual(expect.arrayContaining([old, main, theirs]));
	expect(joined_rooms).not.toContain(public_);
}, 60_000);

test('answers several commands in one message', async () => {
	const room = await roomWith(bot, alice);
	const asked = await alice.say(room, '!echo one\n!echo two\n! echo three');
	const answer = await alice.waitFor(answerTo(asked, bot.userId));
	for (const word of ['echo one', 'echo two', 'echo three']) expect(answer.content.body).toContain(word);
	await sleep(500);
	expect(await tally(alice, room, bot.userId, [asked])).toEqual(good);
}, 60_000);

// The operator's room on a real homeserver: what is reported there, what `!operator` does, and that other rooms hear
// nothing of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { answerTo, roomWith } from './answers.ts';
import { type Bot, makeBot } from './bot.ts';
import { type Person, person } from './person.ts';
import { type SecretPerson, answerTo as secretAnswerTo, secretPerson } from './secret-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

let home: Homeserver;
let bot: Bot;
let owner: SecretPerson | undefined;

beforeAll(async () => {
	home = await sharedSynapse();
});

afterEach(async () => {
	await bot?.remove();
	await owner?.stop();
	owner = undefined;
});

/** Sets up a bot with an encrypted operator's room, and someone else's room. */
async function scene(): Promise<{ operator: SecretPerson; ops: string; alice: Person; room: string }> {
	bot = await makeBot(home);
	await bot.start();
	const operator = await secretPerson(home, 'operator');
	owner = operator;
	const ops = await operator.createRoom([bot.userId]);
	await operator.waitFor(event => event.room_id === ops && /Hello, I am/.test(event.content.body ?? ''));
	const alice = await person(home, 'alice');
	const room = await roomWith(bot, alice);
	await bot.stop();
	const config = JSON.parse(readFileSync(bot.configPath, 'utf8'));
	writeFileSync(bot.configPath, JSON.stringify({ ...config, operator: { room: ops } }));
	await bot.start();
	return { operator, ops, alice, room };
}

test('lists rooms, asks before an announcement, and leaves rooms, only for the operator', async () => {
	const { operator, ops, alice, room } = await scene();
	const answered = async (command: string) => {
		const asked = await operator.say(ops, command);
		return (await operator.waitFor(secretAnswerTo(asked), 30_000)).content.body ?? '';
	};
	const rooms = await answered('!operator rooms');
	expect(rooms).toContain(room);
	expect(rooms).toContain(`invited by \`${alice.userId}\``);
	expect(await answered('!operator waiting')).toContain('Nothing is waiting.');

	const asked = await alice.say(room, '!operator rooms');
	const refused = await alice.waitFor(answerTo(asked, bot.userId), 20_000);
	expect(refused.content.body).toMatch(/^This command is for my operators/);

	const question = await answered('!operator announce We move on Sunday.');
	expect(question).toMatch(/^Should I say this in 1 other room\?/);
	await answered('!operator announce yes We move on Sunday.');
	const heard = await alice.waitFor(
		event => event.room_id === room && /From my operator/.test(event.content.body ?? ''),
		20_000,
	);
	expect(heard.content).toMatchObject({ body: 'From my operator: We move on Sunday.', 'm.mentions': {} });

	expect(await answered(`!operator leave ${room}`)).toMatch(/^I am leaving/);
	await alice.waitFor(
		event => event.room_id === room && event.type === 'm.room.member' && event.content.membership === 'leave',
		20_000,
	);
	// A room that was left on purpose is not a problem.
	await sleep(500);
	expect(operator.read.some(event => /no longer in/.test(event.content.body ?? ''))).toBe(false);
});

test("accepts `!operator` in the room that replaces the operator's room, even after a restart", async () => {
	const { alice, room } = await scene();
	await bot.stop();
	const config = JSON.parse(readFileSync(bot.configPath, 'utf8'));
	writeFileSync(bot.configPath, JSON.stringify({ ...config, operator: { room } }));
	await bot.start();
	const answered = async (where: string, command: string) => {
		const asked = await alice.say(where, command);
		return (await alice.waitFor(answerTo(asked, bot.userId), 60_000)).content.body ?? '';
	};
	expect(await answered(room, '!operator')).toMatch(/^This is the operator's room/);
	const fresh = await alice.upgrade(room, '12');
	await alice.invite(fresh, bot.userId);
	await alice.waitFor(
		event => event.room_id === fresh && event.state_key === bot.userId && event.content.membership === 'join',
		60_000,
	);
	expect(await answered(fresh, '!operator rooms')).toContain(fresh);
	await bot.stop();
	await bot.start();
	expect(await answered(fresh, '!operator')).toMatch(/^This is the operator's room/);
}, 240_000);

test('reports a revoked token, and a room lost in the meantime, after the next start', async () => {
	const { operator, ops, alice, room } = await scene();
	await fetch(`${home.url}/_matrix/client/v3/login`, {
		method: 'POST',
		body: JSON.stringify({
			type: 'm.login.password',
			identifier: { type: 'm.id.user', user: bot.userId },
			password: bot.password,
		}),
	})
		.then(response => response.json() as Promise<{ access_token: string }>)
		.then(({ access_token: token }) =>
			fetch(`${home.url}/_matrix/client/v3/logout/all`, {
				method: 'POST',
				headers: { authorization: `Bearer ${token}` },
			}),
		);
	expect(await bot.ended()).toBe(1);
	await alice.kick(room, bot.userId);
	await bot.start();
	const told = await operator.waitFor(
		event => event.room_id === ops && /I stopped/.test(event.content.body ?? ''),
		60_000,
	);
	expect(told.content.body).toMatch(/The access token was revoked or has expired/);
	await operator.waitFor(event => /I am no longer in/.test(event.content.body ?? ''), 90_000);
}, 240_000);

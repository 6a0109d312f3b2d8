// Strangers replace the rooms that the bot is in, again and again: `node test/real/tombstones.ts [tombstones] [rooms]`.
// The bot must not leave any room, or join one that the operator's list does not permit.
import { setTimeout as sleep } from 'node:timers/promises';
import { answerTo, roomWith } from './answers.ts';
import { makeBot } from './bot.ts';
import { login, person } from './person.ts';
import { startSynapse } from './synapse.ts';

const [tombstones = 200, rooms = 20] = process.argv.slice(2).map(Number);

const synapse = await startSynapse();
const alice = await person(synapse, 'alice');
const mallory = await person(synapse, 'mallory');
const bob = await person(synapse, 'bob');
const bot = await makeBot(synapse, { allow: [alice.userId, bob.userId] });
try {
	await bot.start();
	const levels = { users: { [alice.userId]: 100, [mallory.userId]: 100 } };
	const places: string[] = [];
	for (let i = 0; i < rooms; i++) {
		const room = await roomWith(bot, alice, { version: '10', invite: [mallory.userId], powerLevels: levels });
		await mallory.join(room);
		const watching = await alice.say(room, `!watch s${i}.invalid`);
		await alice.waitFor(answerTo(watching, bot.userId), 60_000);
		places.push(room);
	}
	// Alice has already invited the bot to as many rooms as one person may within an hour.
	const main = await roomWith(bot, bob);
	const itself = await login(synapse, bot.userId, bot.password);
	const joined = async () =>
		(await itself.request<{ joined_rooms: string[] }>('GET', '/_matrix/client/v3/joined_rooms')).joined_rooms.sort();
	const before = await joined();
	const counts = new Map<string, number>();
	const theirs: string[] = [];
	for (let i = 0; i < tombstones; i++) {
		const from = places[i % rooms] ?? '';
		const { kind, to } = await replacement(i, from);
		counts.set(kind, (counts.get(kind) ?? 0) + 1);
		await mallory.setState(from, 'm.room.tombstone', '', { body: 'moved', replacement_room: to });
		// Now and then, the bot is killed, and finds what was said in the meantime after its next start.
		if (i % 50 === 25) {
			await bot.kill();
			await bot.start();
		}
	}
	await sleep(15_000);
	const after = await joined();
	const left = before.filter(room => !after.includes(room));
	const entered = after.filter(room => !before.includes(room));
	const visited = (await Promise.all(theirs.map(async room => [room, await seen(room)] as const))).filter(
		([, was]) => was,
	);
	let answered = 0;
	let watched = 0;
	for (const [i, room] of places.entries()) {
		const asked = await alice.say(room, '!servers');
		const answer = await alice.waitFor(answerTo(asked, bot.userId), 60_000);
		answered++;
		if (answer.content.body?.includes(`s${i}.invalid`)) watched++;
	}
	console.log(`${tombstones} tombstones of a stranger in ${rooms} rooms:`);
	for (const [kind, count] of counts) console.log(`  ${count} to ${kind}`);
	console.log(`rooms left: ${left.length}; joined: ${entered.length}; joined and left again: ${visited.length}`);
	console.log(`rooms that still answer: ${answered} of ${rooms}; that still have their watch: ${watched} of ${rooms}`);
	process.exitCode = left.length + entered.length + visited.length > 0 || watched < rooms ? 1 : 0;

	/** The room to which a stranger sends the bot. */
	async function replacement(i: number, from: string): Promise<{ kind: string; to: string }> {
		const public_ = { preset: 'public_chat' };
		switch (Math.floor(i / rooms) % 8) {
			case 0:
				return { kind: 'the room that others watch in, where they are nobody', to: main };
			case 1:
				return { kind: 'a private room of theirs', to: await open({}) };
			case 2:
				return { kind: 'a public room of theirs', to: await open(public_) };
			case 3:
				return {
					kind: 'a public room of theirs that names the old one',
					to: await open({ ...public_, creation_content: { predecessor: { room_id: from, event_id: '$x' } } }),
				};
			case 4:
				return {
					kind: 'a public room of version 12 that names the old one without an event',
					to: await open({ ...public_, room_version: '12', creation_content: { predecessor: { room_id: from } } }),
				};
			case 5:
				return {
					kind: 'a private room of theirs that names the old one, with an invitation',
					to: await open({ invite: [bot.userId], creation_content: { predecessor: { room_id: from } } }),
				};
			case 6:
				return {
					kind: 'a world-readable room of theirs',
					to: await open({
						...public_,
						initial_state: [
							{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } },
						],
					}),
				};
			default:
				return { kind: 'no room at all', to: `!nowhere${i}:${synapse.serverName}` };
		}
	}

	async function open(options: Record<string, unknown>): Promise<string> {
		const { room_id } = await mallory.request<{ room_id: string }>('POST', '/_matrix/client/v3/createRoom', options);
		theirs.push(room_id);
		return room_id;
	}

	/** Whether the bot was ever in a room. */
	async function seen(room: string): Promise<boolean> {
		const events = await mallory.messagesOf(room);
		return events.some(
			({ type, state_key, content }) =>
				type === 'm.room.member' && state_key === bot.userId && content.membership === 'join',
		);
	}
} finally {
	await bot.remove();
	await synapse.stop();
}

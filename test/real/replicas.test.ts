// Two replicas on one PostgreSQL: the leader is killed, then the next one is stopped and wakes up late. The long
// versions are replicas.ts, replica-alerts.ts and secret-kills.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { roomWith, settled } from './answers.ts';
import { type Person, person } from './person.ts';
import { openReplicas, type Replicas } from './replica-faults.ts';
import { sharedSynapse } from './synapse.ts';

/** In milliseconds, for a very slow machine; nothing takes this long elsewhere. */
const timeout = 300_000;

let replicas: Replicas;
let alice: Person;

beforeAll(async () => {
	const synapse = await sharedSynapse();
	replicas = await openReplicas(synapse, 2);
	alice = await person(synapse, 'alice');
}, timeout);

afterAll(() => replicas?.remove(), timeout);

/** Sends commands before, during and after a fault of the leader. `since` is that replica's output since the start. */
async function around(fault: 'kill' | 'stop') {
	const { bot, members } = replicas;
	const room = await roomWith(bot, alice, {}, timeout);
	const said: string[] = [];
	const say = async (count: number) => {
		for (let i = 0; i < count; i++) said.push(await alice.say(room, `!echo ${fault} ${i}`));
	};
	const before = new Map(members.map(member => [member.bot, member.bot.output().length]));
	await say(3);
	const talking = say(3);
	const hit = await replicas.fault(0, [fault]);
	await talking;
	await say(3);
	expect(hit).toBeDefined();
	const answered = () => settled(alice, room, bot.userId, said, timeout);
	expect(await answered()).toEqual({ unanswered: [], twice: [], ordered: true });
	return { say, answered, since: () => hit?.output().slice(before.get(hit)) ?? '' };
}

test('answers everything once and in order if the leader is killed', () => around('kill'), timeout);

test(
	'makes a leader that wakes up late step down without writing anything',
	async () => {
		const { say, answered, since } = await around('stop');
		while (!since().includes('this replica no longer leads')) await sleep(200);
		await say(3);
		expect(await answered()).toEqual({ unanswered: [], twice: [], ordered: true });
	},
	timeout,
);

test('opens at most three database connections per process', async () => {
	const sql = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'glia'`;
	const [row] = (await replicas.rows(sql)) as { count: number }[];
	expect(row?.count).toBeGreaterThan(1);
	expect(row?.count).toBeLessThanOrEqual(6);
});

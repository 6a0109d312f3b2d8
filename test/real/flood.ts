// One member floods the bot with the worst texts, another has it watch ninety servers that never finish TLS. Measures
// how long others wait, compared with a quiet bot in the same run: `node test/real/flood.ts [commands]`.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerTo, repliesTo, roomWith } from './answers.ts';
import { makeBot } from './bot.ts';
import { type Person, person } from './person.ts';
import { patiently } from './siege.ts';
import { startSynapse } from './synapse.ts';

const count = Number(process.argv[2] ?? 40);
const size = 60_000;
const worst = [
	`!upgrade 1.1${'.'.repeat(size)}%`,
	`!upgrade x${')'.repeat(size)}…x`,
	`!upgrade ${'-'.repeat(size)}`,
	`[a](https://matrix.to/#/${'%'.repeat(size)}`,
];

// Synapse's own message rate limit, from which the bot and the person who measures are exempt at first.
const synapse = await startSynapse({ config: { rc_message: { per_second: 0.2, burst_count: 10 } } });
const hanging = createServer(socket => socket.on('error', () => undefined));
await new Promise<void>(resolve => hanging.listen(0, '0.0.0.0', resolve));
const address = hanging.address();
const port = typeof address === 'object' && address ? address.port : 0;
const bot = await makeBot(synapse);
writeFileSync(
	bot.configPath,
	JSON.stringify({ ...JSON.parse(readFileSync(bot.configPath, 'utf8')), watch: { addresses: ['127.0.0.0/8'] } }),
);

async function exempt(user: string, is: boolean, admin: string): Promise<void> {
	const response = await fetch(
		`${synapse.url}/_synapse/admin/v1/users/${encodeURIComponent(user)}/override_ratelimit`,
		{
			method: is ? 'POST' : 'DELETE',
			headers: { authorization: `Bearer ${admin}` },
			...(is && { body: JSON.stringify({ messages_per_second: 0, burst_count: 0 }) }),
		},
	);
	if (!response.ok) throw new Error(`override_ratelimit: ${response.status} ${await response.text()}`);
}

/** Milliseconds from each command to its answer. */
async function times(who: Person, room: string, commands: number): Promise<number[]> {
	const found: number[] = [];
	for (let i = 0; i < commands; i++) {
		const begun = performance.now();
		const event = await who.say(room, `!echo ${i}`);
		await who.waitFor(answerTo(event, bot.userId), 300_000);
		found.push(performance.now() - begun);
	}
	return found;
}

type Wait = { ms: number; asked: number; answered: number; answer: string; waiting: number };

/** The same, with timestamps and how many answers to others were waiting at that time. */
async function waits(who: Person, room: string, commands: number): Promise<Wait[]> {
	const found: Wait[] = [];
	for (let i = 0; i < commands; i++) {
		const begun = performance.now();
		const event = await who.say(room, `!echo limited ${i}`);
		const waiting = waitingFor(who.userId);
		const answer = await who.waitFor(answerTo(event, bot.userId), 600_000);
		const ms = performance.now() - begun;
		const asked = (await who.waitFor(({ event_id }) => event_id === event)).origin_server_ts;
		found.push({ ms, asked, answered: answer.origin_server_ts, answer: answer.event_id, waiting });
	}
	return found;
}

/** Answers to other people that the bot has decided but not delivered. */
function waitingFor(person: string): number {
	const store = new DatabaseSync(`${bot.dir}/data/glia.sqlite`, { readOnly: true });
	const row = store.prepare('SELECT count(*) AS n FROM outbox WHERE done_at IS NULL AND sender <> ?').get(person);
	store.close();
	return Number(row?.n);
}

const percentile = (values: number[], part: number) =>
	Math.round([...values].sort((a, b) => a - b)[Math.ceil(values.length * part) - 1] ?? 0);

try {
	const admin = await synapse.registerUser('admin', 'secret', { admin: true });
	const [alice, mallory, eve] = await Promise.all(['alice', 'mallory', 'eve'].map(name => person(synapse, name)));
	if (!alice || !mallory || !eve) throw new Error('a person is missing');
	for (const user of [bot.userId, alice.userId]) await exempt(user, true, admin.accessToken);
	await bot.start();
	const quietRoom = await roomWith(bot, alice);
	const shared = await roomWith(bot, mallory, { invite: [alice.userId] });
	await alice.join(shared);
	const rooms: string[] = [];
	for (let i = 0; i < 9; i++) rooms.push(await roomWith(bot, eve));

	await times(alice, quietRoom, 5);
	const quiet = [...(await times(alice, quietRoom, count)), ...(await times(alice, shared, count))];
	const report = (what: string, found: number[]) =>
		console.log(
			`${what}: p50 ${percentile(found, 0.5)} ms, p95 ${percentile(found, 0.95)} ms, ${found.length} commands`,
		);
	report('quiet', quiet);

	let over = false;
	const flood = async () => {
		for (let i = 0; !over; i++)
			await patiently(() => mallory.say(shared, worst[i % worst.length] ?? '')).catch(() => sleep(1000));
	};
	const watches = async () => {
		for (let i = 0; !over; i++) {
			for (let said = false; !said && !over; )
				said = await eve.say(rooms[i % 9] ?? '', `!watch 127.0.0.${(i % 90) + 2}:${port}`).then(
					() => true,
					() => sleep(1000, false),
				);
			// Once all ninety have been asked for, continue slowly.
			if (i >= 90) await sleep(1000);
		}
	};
	await exempt(eve.userId, true, admin.accessToken);
	const flooding = [flood(), watches()];
	await sleep(3000);
	const busy = [...(await times(alice, quietRoom, count)), ...(await times(alice, shared, count))];
	report('flooded, the bot exempt', busy);
	console.log(`p95 ${(percentile(busy, 0.95) / percentile(quiet, 0.95)).toFixed(2)} × of quiet`);

	await exempt(bot.userId, false, admin.accessToken);
	// Use up the bot's burst allowance first.
	await waits(alice, quietRoom, 5);
	const limited = await waits(alice, quietRoom, count);
	report(
		'flooded, the bot limited',
		limited.map(({ ms }) => ms),
	);
	const events = [
		...(await Promise.all([quietRoom, shared].map(room => alice.messagesOf(room)))),
		...(await Promise.all(rooms.map(room => eve.messagesOf(room)))),
	].flat();
	const others = events.filter(({ sender, content }) => sender === bot.userId && repliesTo({ content }) !== undefined);
	const own = new Set(limited.map(({ answer }) => answer));
	const before = limited.map(
		({ asked, answered }) =>
			others.filter(({ event_id, origin_server_ts: at }) => !own.has(event_id) && at > asked && at < answered).length,
	);
	const busyOnes = limited.filter(({ waiting }) => waiting > 0).length;
	console.log(
		`answers to others that went before: at most ${Math.max(...before)}, ${(before.reduce((sum, n) => sum + n, 0) / before.length).toFixed(1)} on average; ` +
			`${Math.min(...limited.map(({ waiting }) => waiting))} to ${Math.max(...limited.map(({ waiting }) => waiting))} answers to others waited (at ${busyOnes} of ${count} commands some did)`,
	);
	// Each of the other two may get one turn before hers, and one message may already be in transit.
	if (Math.max(...before) > 3) process.exitCode = 1;
	over = true;
	await Promise.all(flooding);
	await bot.kill();
} finally {
	await bot.remove();
	hanging.close();
	await synapse.stop();
}

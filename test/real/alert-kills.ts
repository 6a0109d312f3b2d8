// Kills the bot again and again while alerts fall due in twenty rooms, some of them encrypted:
// `node test/real/alert-kills.ts [kills] [rooms]`. Each alert must be in its room exactly once.
import { setTimeout as sleep } from 'node:timers/promises';
import { aloneOnSqlite, openAlertRooms, playedWorld } from './alert-rooms.ts';
import { makeBot } from './bot.ts';
import { startProxy } from './proxy.ts';
import { startSynapse } from './synapse.ts';

const [kills = 200, rooms = 20] = process.argv.slice(2).map(Number);
/** How long a life lasts at most once in sync, in milliseconds: long enough to check all servers and report. */
const longest = 2500;

const synapse = await startSynapse();
const proxy = await startProxy(synapse.url, {});
const world = playedWorld();
const bot = await makeBot(synapse, { url: proxy.url, script: world.script });
try {
	const siege = await openAlertRooms(synapse, aloneOnSqlite(bot), world, rooms);
	const phases = {
		'starting, before it was in sync': 0,
		'while messages were on their way to the homeserver': 0,
		'with messages decided and waiting to be sent': 0,
		'with alerts due that it had not decided': 0,
		'with nothing left to do': 0,
	};
	// The first life has been in sync for a long time.
	let from = 0;
	for (let i = 1; i <= kills; i++) {
		const started = () => bot.output().slice(from).includes('in sync');
		// A third of the lives end at random during the start, which takes about this long. The others get in sync, and
		// half of those have something to say.
		if (i % 3 === 0) await sleep(Math.random() * 1500);
		else {
			const over = Date.now() + 60_000;
			while (!started() && Date.now() < over) await sleep(10);
			if (i % 3 === 1) siege.wave();
			await sleep(Math.random() * longest);
		}
		const sending = proxy.sending();
		await bot.kill();
		const { waiting, undecided } = await siege.standing();
		if (!started()) phases['starting, before it was in sync']++;
		else if (sending > 0) phases['while messages were on their way to the homeserver']++;
		else if (undecided > 0) phases['with alerts due that it had not decided']++;
		else if (waiting > 0) phases['with messages decided and waiting to be sent']++;
		else phases['with nothing left to do']++;
		from = bot.output().length;
		bot.spawn();
	}
	const { once, twice, missing } = await siege.result(180_000);
	console.log(
		`SIGKILL at random moments: ${kills} kills, ${rooms} rooms (${siege.encrypted} encrypted), ${siege.due()} alerts: ${once} once, ${twice} twice, ${missing} missing`,
	);
	for (const [phase, count] of Object.entries(phases)) console.log(`  ${count} ${phase}`);
	process.exitCode = missing || twice ? 1 : 0;
} finally {
	await bot.remove();
	await proxy.stop();
	await synapse.stop();
	world.remove();
}

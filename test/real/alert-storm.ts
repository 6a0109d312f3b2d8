// A bad network, and then a homeserver that is down for a simulated hour, while alerts fall due in every room:
// `node test/real/alert-storm.ts [minutes] [rooms]`. Each alert must be in its room exactly once.
import { setTimeout as sleep } from 'node:timers/promises';
import { aloneOnSqlite, openAlertRooms, playedWorld } from './alert-rooms.ts';
import { makeBot } from './bot.ts';
import { supervise } from './lives.ts';
import { startProxy, storm } from './proxy.ts';
import { startSynapse } from './synapse.ts';

const [minutes = 5, rooms = 20] = process.argv.slice(2).map(Number);
const hour = 3600_000;
const between = 15_000;

const synapse = await startSynapse();
// More refusals than in the storm of commands, because they matter most here.
const proxy = await startProxy(synapse.url, { ...storm, '429 header': 12, '429 body': 12, '502': 15 });
proxy.calm();
const world = playedWorld();
const bot = await makeBot(synapse, { url: proxy.url, script: world.script });
let supervised: ReturnType<typeof supervise> | undefined;
try {
	const siege = await openAlertRooms(synapse, aloneOnSqlite(bot), world, rooms);
	// A supervisor restarts the bot if it ends.
	supervised = supervise(bot);
	proxy.done.clear();
	proxy.stormy();
	for (let i = 0; i < (minutes * 60_000) / between; i++) {
		siege.wave();
		await sleep(between);
	}
	proxy.calm();
	const inStorm = siege.due();
	const what = [...proxy.done].map(([mischief, count]) => `${mischief} ${count}`).join(', ');
	// Down for an hour by the bot's clock, which is advanced while nothing responds. Alerts fall due meanwhile.
	const begun = Date.now();
	proxy.leave();
	for (const quarter of [1, 2, 3, 4]) {
		siege.wave(new Date(begun + (quarter * hour) / 4));
		await sleep(between / 2);
	}
	proxy.back();
	const { once, twice, missing } = await siege.result(300_000);
	supervised.end();
	console.log(
		`bad network for ${minutes} minutes (${what}), then an hour without homeserver; ${supervised.starts()} starts; ${rooms} rooms (${siege.encrypted} encrypted), ${inStorm} alerts in the storm and ${siege.due() - inStorm} in that hour: ${once} once, ${twice} twice, ${missing} missing`,
	);
	process.exitCode = missing || twice ? 1 : 0;
	await bot.kill();
	await supervised.ended;
} finally {
	supervised?.end();
	await bot.remove();
	await proxy.stop();
	await synapse.stop();
	world.remove();
}

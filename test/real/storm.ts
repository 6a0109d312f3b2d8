// A bad network between the bot and its homeserver, under load: `node test/real/storm.ts [minutes]`.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBot } from './bot.ts';
import { startProxy, storm } from './proxy.ts';
import { openSiege, printed } from './siege.ts';
import { startSynapse } from './synapse.ts';

const minutes = Number(process.argv[2] ?? 10);
const commands = Math.round(minutes * 60);

const synapse = await startSynapse();
const proxy = await startProxy(synapse.url, storm);
const bot = await makeBot(synapse, { url: proxy.url });
try {
	bot.spawn();
	// A start in this weather may fail, and says so; whoever supervises the bot starts it again.
	const supervising = new AbortController();
	let starts = 1;
	const supervised = (async () => {
		while (!supervising.signal.aborted) {
			await bot.ended();
			if (supervising.signal.aborted) return;
			await sleep(500);
			starts++;
			bot.spawn();
		}
	})();
	const siege = await openSiege(synapse, bot, 4, 4);
	await siege.say(commands, minutes * 60_000);
	proxy.calm();
	const result = await siege.result(240_000);
	supervising.abort();
	const calls = [...proxy.done.values()].reduce((sum, count) => sum + count, 0);
	const what = [...proxy.done].map(([mischief, count]) => `${mischief} ${count}`).join(', ');
	console.log(printed('bad network', result, [`${minutes} minutes, ${calls} calls (${what})`, `${starts} starts`]));
	process.exitCode = result.unanswered || result.twice || result.disordered ? 1 : 0;
	await bot.kill();
	await supervised;
} finally {
	await bot.remove();
	await proxy.stop();
	await synapse.stop();
}

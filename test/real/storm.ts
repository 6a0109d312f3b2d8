// A bad network between the bot and its homeserver, under load: `node test/real/storm.ts [minutes]`.
import { makeBot } from './bot.ts';
import { supervise } from './lives.ts';
import { startProxy, storm } from './proxy.ts';
import { openSiege, printed } from './siege.ts';
import { startSynapse } from './synapse.ts';

const minutes = Number(process.argv[2] ?? 10);
const commands = Math.round(minutes * 60);

const synapse = await startSynapse();
const proxy = await startProxy(synapse.url, storm);
const bot = await makeBot(synapse, { url: proxy.url });
let supervised: ReturnType<typeof supervise> | undefined;
try {
	bot.spawn();
	// A start under these conditions may fail with a message; the supervisor restarts the bot.
	supervised = supervise(bot);
	const siege = await openSiege(synapse, bot, 4, 4);
	await siege.say(commands, minutes * 60_000);
	proxy.calm();
	const result = await siege.result(240_000);
	supervised.end();
	const calls = [...proxy.done.values()].reduce((sum, count) => sum + count, 0);
	const what = [...proxy.done].map(([mischief, count]) => `${mischief} ${count}`).join(', ');
	console.log(
		printed('bad network', result, [`${minutes} minutes, ${calls} calls (${what})`, `${supervised.starts()} starts`]),
	);
	process.exitCode = result.unanswered || result.twice || result.disordered ? 1 : 0;
	await bot.kill();
	await supervised.ended;
} finally {
	supervised?.end();
	await bot.remove();
	await proxy.stop();
	await synapse.stop();
}

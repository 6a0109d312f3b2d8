// Kills the bot again and again while people talk to it: `node test/real/kills.ts [kills] [commands]`.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBot } from './bot.ts';
import { openSiege, printed } from './siege.ts';
import { startSynapse } from './synapse.ts';

const [kills = 200, commands = 1000] = process.argv.slice(2).map(Number);
/** Moments between two kills (ms): a start takes about a second, so some kills meet it. */
const longest = 2600;

const synapse = await startSynapse();
const bot = await makeBot(synapse);
try {
	await bot.start();
	const siege = await openSiege(synapse, bot, 5, 4);
	const talking = siege.say(commands, (kills * longest) / 2);
	let early = 0;
	for (let i = 0; i < kills; i++) {
		const from = bot.output().length;
		await sleep(Math.random() * longest);
		await bot.kill();
		if (!bot.output().slice(from).includes('in sync')) early++;
		bot.spawn();
	}
	await talking;
	const result = await siege.result(180_000);
	console.log(
		printed('SIGKILL at random moments', result, [`${kills} kills, ${early} of them before the bot was in sync`]),
	);
	process.exitCode = result.unanswered || result.twice || result.disordered ? 1 : 0;
} finally {
	await bot.remove();
	await synapse.stop();
}

// Kills the bot again and again while people talk to it: `node test/real/kills.ts [kills] [commands]`.
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBot } from './bot.ts';
import { openSiege, printed } from './siege.ts';
import { startSynapse } from './synapse.ts';

const [kills = 200, commands = 1000] = process.argv.slice(2).map(Number);

const synapse = await startSynapse();
const bot = await makeBot(synapse);
try {
	await bot.start();
	const siege = await openSiege(synapse, bot, 5, 4);
	let early = 0;
	let said = 0;
	for (let i = 1; i <= kills; i++) {
		const from = bot.output().length;
		const started = () => bot.output().slice(from).includes('in sync');
		const count = Math.round((commands * i) / kills) - said;
		said += count;
		const talking = siege.say(count, 700);
		// Every third kill meets the start, the others a bot at work.
		if (i % 3 !== 0) while (!started()) await sleep(20);
		await sleep(Math.random() * 900);
		await bot.kill();
		if (!started()) early++;
		bot.spawn();
		await talking;
	}
	const result = await siege.result(180_000);
	console.log(
		printed('SIGKILL at random moments', result, [`${kills} kills, ${early} of them before the bot was in sync`]),
	);
	process.exitCode = result.unanswered || result.twice || result.disordered ? 1 : 0;
} finally {
	await bot.remove();
	await synapse.stop();
}

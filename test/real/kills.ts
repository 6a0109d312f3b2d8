// Kills the bot again and again while people talk to it: `node test/real/kills.ts [kills] [commands] [people] [power]`.
// With `power`, each kill also cuts the power: writes for which the bot did not wait are lost.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { powerCuts } from '../power-cuts.ts';
import { makeBot } from './bot.ts';
import { killed, trace } from './lives.ts';
import { openSiege, printed } from './siege.ts';
import { startSynapse } from './synapse.ts';

// Enough people that nobody has a hundred answers waiting, however slowly this machine starts.
const [kills = 200, commands = 1000, people = 12] = process.argv.slice(2, 5).map(Number);
const power = process.argv[5] === 'power' ? powerCuts() : undefined;

const synapse = await startSynapse();
const bot = await makeBot(synapse);
try {
	await bot.start();
	const siege = await openSiege(synapse, bot, 5, people);
	let said = 0;
	const speak = (i: number) => {
		const count = Math.round((commands * i) / kills) - said;
		said += count;
		return siege.say(count, 700);
	};
	const { early, from } = await killed(bot, kills, speak, () => power?.cut(join(bot.dir, 'data')));
	if (!(await alive())) throw new Error(`the bot ended:\n${bot.output().slice(from)}`);
	const result = await siege.result(180_000);
	console.log(
		printed(`SIGKILL at random moments${power?.text() ?? ''}`, result, [
			`${kills} kills, ${early} of them before the bot was in sync`,
		]),
	);
	if (result.missing.length) trace(bot, result.missing);
	process.exitCode = result.unanswered || result.twice || result.disordered ? 1 : 0;
} finally {
	await bot.remove();
	await synapse.stop();
}

/** Whether the last start succeeded. */
async function alive(): Promise<boolean> {
	const ended = await Promise.race([bot.ended(), sleep(20_000)]);
	return ended === undefined;
}

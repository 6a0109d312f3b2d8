// Kills the bot again and again while people talk to it: `node test/real/kills.ts [kills] [commands] [people]`.
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBot } from './bot.ts';
import { openSiege, printed } from './siege.ts';
import { startSynapse } from './synapse.ts';

// So many people that nobody has a hundred answers waiting, however slow the machine makes the starts.
const [kills = 200, commands = 1000, people = 12] = process.argv.slice(2).map(Number);

const synapse = await startSynapse();
const bot = await makeBot(synapse);
try {
	await bot.start();
	const siege = await openSiege(synapse, bot, 5, people);
	let from = 0;
	let early = 0;
	let said = 0;
	for (let i = 1; i <= kills; i++) {
		const started = () => bot.output().slice(from).includes('in sync');
		const count = Math.round((commands * i) / kills) - said;
		said += count;
		const talking = siege.say(count, 700);
		// Every third kill meets the start, the others a bot at work.
		if (i % 3 !== 0) while (!started()) await sleep(20);
		await sleep(Math.random() * 900);
		await bot.kill();
		if (!started()) early++;
		from = bot.output().length;
		bot.spawn();
		await talking;
	}
	if (!(await alive())) throw new Error(`the bot ended:\n${bot.output().slice(from)}`);
	const result = await siege.result(180_000);
	console.log(
		printed('SIGKILL at random moments', result, [`${kills} kills, ${early} of them before the bot was in sync`]),
	);
	if (result.missing.length) trace(result.missing);
	process.exitCode = result.unanswered || result.twice || result.disordered ? 1 : 0;
} finally {
	await bot.remove();
	await synapse.stop();
}

/** Whether the last start came through. */
async function alive(): Promise<boolean> {
	const ended = await Promise.race([bot.ended(), sleep(20_000)]);
	return ended === undefined;
}

/** What the store knows of commands that have no answer. */
function trace(events: readonly string[]): void {
	const store = new DatabaseSync(`${bot.dir}/data/glia.sqlite`, { readOnly: true });
	for (const event of events) {
		const came = store.prepare('SELECT room, sender, batch, place, decided_at FROM inbox WHERE event = ?').get(event);
		const said = store.prepare('SELECT id, kind, tries, outcome, why, event FROM outbox WHERE answers = ?').all(event);
		console.log(event, JSON.stringify(came ?? 'never came in'), JSON.stringify(said));
	}
	store.close();
}

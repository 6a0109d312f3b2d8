// Bot processes that are killed repeatedly, or restarted by a supervisor.
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bot } from './bot.ts';

/**
 * Kills the bot `kills` times at random moments and starts it again. `speak` is called at the start of each life, and
 * `dead` after each kill. The last life continues. Resolves with the number of kills before the bot was in sync
 * (`early`), and where the output of the last life begins (`from`).
 */
export async function killed(
	bot: Bot,
	kills: number,
	speak: (kill: number) => Promise<unknown>,
	dead: () => void = () => undefined,
): Promise<{ early: number; from: number }> {
	let from = 0;
	let early = 0;
	for (let i = 1; i <= kills; i++) {
		const started = () => bot.output().slice(from).includes('in sync');
		const talking = speak(i);
		// Every third kill hits the start, the others a working bot.
		if (i % 3 !== 0) while (!started()) await sleep(20);
		await sleep(Math.random() * 900);
		await bot.kill();
		dead();
		if (!started()) early++;
		from = bot.output().length;
		bot.spawn();
		await talking;
	}
	return { early, from };
}

/** Restarts the bot whenever it ends, until `end` is called. `ended` resolves when the current life is then over. */
export function supervise(bot: Bot): { starts: () => number; end: () => void; ended: Promise<void> } {
	const ending = new AbortController();
	let starts = 1;
	const ended = (async () => {
		while (!ending.signal.aborted) {
			await bot.ended();
			if (ending.signal.aborted) return;
			await sleep(500);
			starts++;
			bot.spawn();
		}
	})();
	return { starts: () => starts, end: () => ending.abort(), ended };
}

/** Prints what the store knows about unanswered commands. */
export function trace(bot: Bot, events: readonly string[]): void {
	const store = new DatabaseSync(`${bot.dir}/data/glia.sqlite`, { readOnly: true });
	for (const event of events.slice(0, 20)) {
		const came = store.prepare('SELECT room, sender, batch, place, decided_at FROM inbox WHERE event = ?').get(event);
		const said = store.prepare('SELECT id, kind, tries, outcome, why, event FROM outbox WHERE answers = ?').all(event);
		console.log(event, JSON.stringify(came ?? 'never came in'), JSON.stringify(said));
	}
	store.close();
}

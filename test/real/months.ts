// Months of watching a server, simulated in minutes in a room on a real Synapse. Prints the room as Markdown.
// `node test/real/months.ts > docs/watch.md`
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { answerTo, roomWith } from './answers.ts';
import { makeBot } from './bot.ts';
import { person, type RoomEvent } from './person.ts';
import type { Played } from './played-process.ts';
import { startSynapse } from './synapse.ts';

const { releases } = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const dateOf = (version: string) => Date.parse(releases.find(release => release.version === version)?.date ?? '');
const day = 24 * 3600_000;
const folder = mkdtempSync(join(tmpdir(), 'glia-months-'));
const file = join(folder, 'played.json');
const play = (played: Played) => writeFileSync(file, JSON.stringify(played));

const begin = dateOf('1.150.0') + 3 * day;
const end = dateOf('1.157.0') + 14 * day;
/** What the server runs: upgrades to 1.152 and, on one of its two machines first, to 1.157; and three silent days. */
function server(at: number): string {
	if (at < dateOf('1.152.0') + 4 * day) return '1.150.0';
	if (at >= dateOf('1.154.0') && at < dateOf('1.154.0') + 3 * day) return 'silent';
	const days = Math.round((at - dateOf('1.157.0')) / day);
	return days < 4 || (days < 8 && days % 2) ? '1.152.0' : '1.157.0';
}

/** Upstream does not respond for four days. */
function upstream(at: number): { unread?: string } {
	const from = dateOf('1.155.0') + 2 * day;
	return at > from && at < from + 5 * day ? { unread: new Date(from).toISOString() } : {};
}

const synapse = await startSynapse();
const bot = await makeBot(synapse, { script: [join(import.meta.dirname, 'played-process.ts'), file] });
try {
	play({ now: new Date(begin).toISOString(), servers: { 'example.org': server(begin) } });
	await bot.start();
	const alice = await person(synapse, 'alice');
	const room = await roomWith(bot, alice);
	/** The simulated day of each event. */
	const days = new Map<string, string>();
	const note = async (at: number) => {
		for (const { event_id } of await alice.messagesOf(room))
			if (!days.has(event_id)) days.set(event_id, new Date(at).toISOString().slice(0, 10));
	};
	const ask = async (text: string) => {
		const id = await alice.say(room, text);
		await alice.waitFor(answerTo(id, bot.userId), 30_000);
	};
	await ask('!room mention me');
	await ask('!watch example.org docker postgres=15 workers email modules');
	await note(begin);
	let acked = false;
	for (let at = begin; at <= end; at += day) {
		play({ now: new Date(at).toISOString(), servers: { 'example.org': server(at) }, ...upstream(at) });
		await sleep(2600);
		await note(at);
		const alert = (await alice.messagesOf(room)).find(
			event =>
				event.sender === bot.userId && /Vulnerable to/.test(event.content.body ?? '') && !event.content['m.relates_to'],
		);
		if (alert && !acked) {
			acked = true;
			await alice.react(room, alert.event_id, '✅');
			await sleep(1500);
			await note(at);
		}
	}
	for (const command of ['!alerts', '!servers', '!watch example.org']) await ask(command);
	await note(end);
	print(await alice.messagesOf(room), days, bot.userId);
} finally {
	await bot.remove();
	await synapse.stop();
	rmSync(folder, { recursive: true, force: true });
}

function print(events: RoomEvent[], days: Map<string, string>, glia: string): void {
	const shown = events.filter(({ type }) => type === 'm.room.message' || type === 'm.reaction');
	const numbers = new Map(shown.map(({ event_id }, i) => [event_id, i + 1]));
	console.log(`# A watched server, simulated

What does a room that watches a server hear over several months? The room is on a real Synapse; the server \`example.org\` and the clock are simulated, from 1.150.0 to 1.157.0. \`node test/real/months.ts\` generates this page. Days pass in seconds, so the next check is always soon. Each message is shown in its plain-text version; in a client, folded sections contain more. *In thread of 3* means a thread reply (\`m.thread\`) to message 3.
`);
	for (const [i, { event_id, sender, content, type }] of shown.entries()) {
		const relation = content['m.relates_to'];
		const thread = relation?.rel_type === 'm.thread' ? ` · in thread of ${numbers.get(relation.event_id ?? '')}` : '';
		const reply = thread ? undefined : relation?.['m.in_reply_to']?.event_id;
		const mention = content['m.mentions']?.user_ids?.length ? ' · mentions somebody' : '';
		const who = sender === glia ? 'Glia' : 'Alice';
		const answers = reply ? ` · reply to ${numbers.get(reply)}` : '';
		console.log(`### ${i + 1}. ${days.get(event_id)} · ${who}${thread}${answers}${mention}\n`);
		if (type === 'm.reaction') console.log(`${relation?.key} on ${numbers.get(relation?.event_id ?? '')}\n`);
		else console.log(`\`\`\`\`text\n${content.body?.replaceAll(/@[^:\s]+:[^\s`]+/g, '@…')}\n\`\`\`\`\n`);
	}
}

// ✅ and 💤 in a room on a real Synapse: on an alert, on its reminder, and on the message that it is resolved.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { answerTo, roomWith } from './answers.ts';
import { type Bot, makeBot } from './bot.ts';
import { type Person, person, type RoomEvent } from './person.ts';
import type { Played } from './played-process.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 900_000 });

let home: Homeserver;
let bot: Bot;
let alice: Person;
const folder = mkdtempSync(join(tmpdir(), 'glia-alert-signs-'));
const file = join(folder, 'played.json');

/** Sets the clock to noon on a day of the simulated year, and what the watched server runs. */
function play(day: number, version: string, ...advisories: string[]): void {
	const now = new Date(Date.UTC(2026, 0, day, 12)).toISOString();
	const played: Played = { now, servers: { 'example.org': version }, advisories };
	writeFileSync(file, JSON.stringify(played));
}

beforeAll(async () => {
	play(1, '1.0.0');
	home = await sharedSynapse();
	bot = await makeBot(home, { script: [join(import.meta.dirname, 'played-process.ts'), file] });
	await bot.start();
	alice = await person(home, 'alice');
}, 240_000);

afterAll(async () => {
	await bot?.remove();
	rmSync(folder, { recursive: true, force: true });
});

test('counts a reaction to an alert and to its reminder, but not once the alert is resolved', async () => {
	const room = await roomWith(bot, alice);
	const said = (pattern: RegExp) => (event: RoomEvent) =>
		event.room_id === room && event.sender === bot.userId && pattern.test(event.content.body ?? '');
	const told = (pattern: RegExp) => alice.waitFor(said(pattern), 180_000);
	const all = async (pattern: RegExp) => (await alice.messagesOf(room)).filter(said(pattern));
	const ask = async (text: string) => alice.waitFor(answerTo(await alice.say(room, text), bot.userId), 60_000);
	const holes = ['CVE-1', 'CVE-2'];

	await ask('!watch example.org');
	play(2, '1.0.0', ...holes);
	const alert = await told(/CVE-1/);
	expect(alert.content.body).toContain('CVE-2');

	await alice.react(room, alert.event_id, '💤');
	const off = await alice.waitFor(answerTo(alert.event_id, bot.userId), 60_000);
	expect(off.content.body).toMatch(/#\d+, #\d+ until 2026-01-09/);

	// The check that would have reported a reminder also reports the upgrade.
	play(8, '1.1.0', ...holes);
	await told(/upgraded from 1\.0\.0 to 1\.1\.0/);
	await ask('!alerts');
	expect(await all(/Still open: /)).toEqual([]);

	play(10, '1.1.0', ...holes);
	const reminder = await told(/Still open: /);
	expect(reminder.event_id).not.toBe(alert.event_id);
	await alice.react(room, reminder.event_id, '✅');
	const acked = await alice.waitFor(answerTo(reminder.event_id, bot.userId), 60_000);
	expect(acked.content.body).toMatch(/^Acknowledged #\d+, #\d+/);
	expect(acked.content.msgtype).toBe('m.notice');

	play(60, '1.2.0', ...holes);
	await told(/upgraded from 1\.1\.0 to 1\.2\.0/);
	await ask('!alerts');
	expect(await all(/Still open: /)).toHaveLength(1);

	play(61, '1.3.0', ...holes);
	const solved = await told(/upgraded from 1\.2\.0 to 1\.3\.0/);
	expect(solved.content.body).toContain('solved');
	for (const sign of ['✅', '💤']) await alice.react(room, solved.event_id, sign);
	await ask('!alerts');
	// The upgrade itself can be acknowledged, but not the alerts that it resolved.
	const answers = (await alice.messagesOf(room)).filter(answerTo(solved.event_id, bot.userId));
	const words = answers.map(({ content }) => content.body).join('\n');
	for (const number of acked.content.body?.match(/#\d+/g) ?? []) expect(words).not.toMatch(new RegExp(`${number}\\b`));
});

// ✅ and 💤 on a message with alerts: which alerts they apply to, who may use them, and what the watch says afterwards.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ack } from '../../commands/ack.ts';
import { snooze } from '../../commands/snooze.ts';
import { watch } from '../../commands/watch.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import { decide } from '../../src/bot/decide.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { RoomState } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { tick } from '../../src/watch/poll.ts';
import { batch, incoming, news } from '../contracts/store.ts';
import { playHomeserver } from '../homeserver.ts';
import { advisory, known, knownCode, knownDistributions, releases } from '../known.ts';
import { outside } from '../outside.ts';

const hour = 3600_000;
const room = '!room:example.org';
const [alice, bob] = ['@alice:example.org', '@bob:example.org'];
const commands = [ack, snooze];

let store: Store;
let clock: number;
let knowledge: ReturnType<typeof known>;
let web: ReturnType<typeof outside>;

const now = () => new Date(clock);

beforeEach(async () => {
	clock = Date.UTC(2026, 0, 5, 12);
	store = await openStore();
	web = outside(now);
	knowledge = known({ releases: releases('1.0.0', '1.1.0') });
	const state: RoomState = { power: { users: { [alice]: 100 } } };
	await store.take(batch('0'), now());
	await store.take(batch('in', { joined: [news([], { state })] }), now());
	for (const gap of await store.gaps(now())) await store.fill(gap, { messages: [] }, now());
	web.plays('example.org', '1.0.0');
	const asked = { words: ['example.org'], text: 'example.org', room, sender: alice, at: now() };
	await watch.run(asked, { knowledge, distributions: knownDistributions(), store, web, now, limits: usualLimits });
	await live(1);
});

afterEach(() => store.close());

type Said = { event: string; body: string };

/** Continues for this many days with hourly checks. Delivers and returns what was said meanwhile. */
async function live(days: number): Promise<Said[]> {
	const said: Said[] = [];
	for (const end = clock + days * 24 * hour; clock < end; clock += hour) {
		await tick({
			store,
			web,
			knowledge: () => knowledge,
			distributions: knownDistributions,
			now,
			random: () => 0.5,
			log: silence,
			said: () => {},
			stopping: () => false,
			listening: () => true,
			every: hour,
		});
		for (const one of await store.due(now(), [], 100)) {
			if (one.kind !== 'event') throw new TypeError('not an event');
			const event = `$${one.said}`;
			await store.sent(one.id, event, now());
			said.push({ event, body: String(one.event.content.body) });
		}
	}
	return said;
}

function opens(...ids: string[]) {
	const advisories = ids.map(id => advisory(id, ['<1.1.0'], { severity: 'critical' }));
	knowledge = known({ releases: releases('1.0.0', '1.1.0'), advisories });
}

/** The open advisory alerts. (The newer release is on the card, without reminders.) */
async function holes() {
	return (await store.open(room)).filter(({ rule }) => rule === 'advisory');
}

/** The answer to a reaction. */
async function react(body: '✅' | '💤', repliesTo: string, sender = alice): Promise<string[]> {
	const health = { version: '0', startedAt: now(), lastSync: () => undefined };
	const ports = { knowledge, commands, now, health, store, web, limits: usualLimits };
	const { sayings } = await decide(incoming(`$react-${body}`, { at: now(), body, repliesTo, sender }), {
		store,
		homeserver: playHomeserver('@glia:example.org', now).port,
		respondent: {
			commands,
			ports: { ...ports, code: knownCode(), distributions: knownDistributions() },
			log: { error: fields => expect(fields).toBeUndefined() },
		},
		rights: { bare: true, changes: 'state_default' },
		decided: () => {},
		fatal: error => expect(error).toBeUndefined(),
	});
	return sayings.map(saying => (saying.kind === 'event' ? String(saying.event.content.body) : saying.kind));
}

/** The first reminder of what is open. */
async function reminded(): Promise<Said> {
	const told = await live(1);
	expect(told).toHaveLength(1);
	const [reminder, ...more] = await live(5);
	expect(more).toEqual([]);
	if (!reminder) throw new Error('no reminder');
	expect(reminder.body).toContain('Still open: ');
	expect(reminder.event).not.toBe(told[0]?.event);
	return reminder;
}

test('stops all later reminders on a ✅ on one in the room', async () => {
	opens('CVE-1');
	const { event } = await reminded();
	const [{ number } = { number: 0 }] = await holes();
	expect(await react('✅', event)).toEqual([expect.stringContaining(`Acknowledged #${number}`)]);
	expect(await live(40)).toEqual([]);
});

test('delays the next reminder by a week on a 💤', async () => {
	opens('CVE-1');
	const { event } = await reminded();
	expect((await react('💤', event))[0]).toMatch(/ #\d until 2026-01-1\d/);
	expect(await live(6)).toEqual([]);
	expect((await live(3)).map(({ body }) => body)).toEqual([expect.stringContaining('Still open: ')]);
});

test('applies a reaction to everything in the reminder, and nothing else', async () => {
	opens('CVE-1', 'CVE-2');
	const { event, body } = await reminded();
	expect(body).toContain('Still open (2)');
	opens('CVE-1', 'CVE-2', 'CVE-3');
	await live(1);
	expect((await react('✅', event))[0]).toMatch(/^Acknowledged #\d.* #\d/);
	const left = (await holes()).filter(({ acked }) => acked === undefined);
	expect(left.map(({ subject }) => subject)).toEqual(['CVE-3']);
});

test("only counts reactions to the bot's messages, by people who may change things", async () => {
	opens('CVE-1');
	const { event } = await reminded();
	expect((await react('✅', event, bob))[0]).toMatch(/need power level 50/);
	expect((await holes())[0]?.acked).toBeUndefined();
	expect(await react('✅', '$nothing-of-ours')).toEqual([]);
});

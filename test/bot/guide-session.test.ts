// A guide session in a room: how the inbox handles words, reactions and other messages in its thread.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { guideFor } from '../../src/advice/guide/guide.ts';
import { offerOf } from '../../src/advice/guide/session.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import type { Command } from '../../src/command.ts';
import { type Inbox, openInbox } from '../../src/delivery/inbox.ts';
import { unknownDeployment } from '../../src/deployment/facts.ts';
import { openStore } from '../../src/edges/store/store.ts';
import { guideWords } from '../../src/messages/guide.ts';
import { withOffer } from '../../src/messages/guide-session.ts';
import type { Content, Incoming, RoomState } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { batch, incoming, news } from '../contracts/store.ts';
import { smallGuide } from '../guide.ts';
import { playHomeserver } from '../homeserver.ts';
import { known, knownCode, knownDistributions } from '../known.ts';
import { outside } from '../outside.ts';

const room = '!room:example.org';
const alice = '@alice:example.org';
const bob = '@bob:example.org';

const guide = smallGuide();
const small: Command = {
	name: 'small',
	usage: 'small [start]',
	summary: '',
	examples: [],
	changes: false,
	run({ words }) {
		const profile = unknownDeployment;
		const stated = new Map<string, string>();
		const guided = guideFor(guide, { stated, profile }, []);
		const offer = offerOf(guided, { stated, profile, asked: 'small' });
		return withOffer(guideWords(guided, { asked: 'small' }), offer, words.includes('start'));
	},
};

let store: Store;
let inbox: Inbox;
let clock: number;
let token: number;
let faults: unknown[];

const now = () => new Date(clock);

function open(): Inbox {
	const commands = [small];
	const health = { version: '0', startedAt: now(), lastSync: () => undefined };
	const ports = {
		knowledge: known({ guides: [guide] }),
		commands,
		now,
		health,
		store,
		web: outside(now),
		distributions: knownDistributions(),
		code: knownCode({
			refusals: {
				'1.0.0': {
					'synapse/config/key.py No signing keys in file {}': { in: 'read_signing_keys', raises: 'ConfigError' },
				},
			},
		}),
		limits: usualLimits,
	};
	return openInbox({
		store,
		homeserver: playHomeserver('@glia:example.org', now).port,
		respondent: { commands, ports, log: { error: fields => faults.push(fields) } },
		rights: { bare: true, changes: 'state_default' },
		decided: () => undefined,
		fatal: error => faults.push(error),
	});
}

beforeEach(async () => {
	[clock, token, faults] = [Date.UTC(2026, 10, 21, 12), 0, []];
	store = await openStore();
	inbox = open();
	const state: RoomState = { power: { users: { [alice]: 100 } } };
	await store.take(batch('0'), now());
	await store.take(batch('in', { joined: [news([], { state })] }), now());
	for (const gap of await store.gaps(now())) await store.fill(gap, { messages: [] }, now());
});

afterEach(async () => {
	await inbox.stop();
	await store.close();
	expect(faults).toEqual([]);
});

type Delivered = { event: string; body: string; content: Content; continues?: string };

/** Says something as a person. Delivers and returns the bot's answers. */
async function say(body: string, more: Partial<Incoming> = {}): Promise<Delivered[]> {
	clock += 60_000;
	const message = incoming(`$in${++token}`, { at: now(), body, ...more });
	await store.take(batch(`${token}`, { joined: [news([message])] }), now());
	clock += 1000;
	inbox.wake();
	return delivered();
}

async function delivered(): Promise<Delivered[]> {
	while ((await store.counts()).inbox > 0) await sleep(2);
	const found: Delivered[] = [];
	for (let [row] = await store.due(now(), [], 1); row; [row] = await store.due(now(), [], 1)) {
		const event = `$out${token}.${found.length}`;
		await store.sent(row.id, event, now());
		if (row.kind !== 'event') continue;
		const { content } = row.event;
		found.push({ event, body: String(content.body), content, ...(row.continues && { continues: row.continues }) });
	}
	return found;
}

const first = (said: Delivered[]) => said[0] ?? expect.fail('nothing was said');
const react = (key: string, to: string, more: Partial<Incoming> = {}) => say(key, { repliesTo: to, ...more });

/** Starts a session as alice. Resolves with the events of the plan and the first stage. */
async function begun(): Promise<{ root: string; stage: string }> {
	const [plan, stage] = await say('!small start');
	return { root: plan?.event ?? '', stage: stage?.event ?? '' };
}

test('starts with the plan, and posts the first stage in its thread', async () => {
	const [plan, stage, more] = await say('!small start');
	expect(plan?.body).toContain('We will go through it together');
	expect(plan?.content['m.relates_to']).toEqual({ 'm.in_reply_to': { event_id: '$in1' } });
	expect(stage?.body).toContain('Stage 1 of 4: Look');
	expect(stage?.continues).toBe(plan?.content['io.glia.said']);
	expect(stage?.content['m.relates_to']).toBeUndefined();
	expect(more).toBeUndefined();
});

test('starts once with a ▶️ on the plan, in the same thread, from someone who may change things', async () => {
	const plan = first(await say('!small'));
	expect(plan.body).toContain('!small start');
	expect(first(await react('▶', plan.event, { sender: bob })).body).toContain('power level');
	expect(await react('▶', plan.event, { sender: bob })).toEqual([]);
	const stage = first(await react('▶', plan.event));
	expect(stage.body).toContain('Stage 1 of 4');
	expect(stage.content['m.relates_to']).toMatchObject({ rel_type: 'm.thread', event_id: plan.event });
	expect(await react('▶', plan.event)).toEqual([]);
	expect(first(await say('done', { thread: plan.event })).body).toContain('Stage 2 of 4');
});

test('can only be started by someone who may change things', async () => {
	const said = await say('!small start', { sender: bob });
	expect(said.map(({ body }) => body)).toEqual([expect.stringContaining('power level')]);
	expect(await store.sessions(room)).toEqual([]);
	expect(first(await say('!small', { sender: bob })).body).toContain('Small');
});

test('only reads words in its thread, and answers there', async () => {
	const { root } = await begun();
	for (const more of [{}, { thread: '$another' }, { repliesTo: root }]) expect(await say('done', more)).toEqual([]);
	const next = first(await say('Done.', { thread: root }));
	expect(next.body).toContain('Stage 2 of 4');
	expect(next.content['m.relates_to']).toEqual({
		rel_type: 'm.thread',
		event_id: root,
		is_falling_back: false,
		'm.in_reply_to': { event_id: `$in${token}` },
	});
	expect(await say('nice, thank you', { thread: root })).toEqual([]);
	expect(first(await say('glia: where', { thread: root })).body).toContain('You have been at stage 2');
	expect(first(await say('glia: where')).body).toContain('I do not recognise the command');
	expect(first(await say('!small', { thread: root })).body).toContain('Small');
});

test('counts ✅ once, on the message of the current stage', async () => {
	const { root, stage } = await begun();
	const second = first(await react('✅', stage));
	expect(second.body).toContain('Stage 2 of 4');
	expect(second.content['m.relates_to']).toMatchObject({ rel_type: 'm.thread', event_id: root });
	expect(await react('✅', stage, { sender: bob })).toEqual([]);
	expect(await react('✅', root)).toEqual([]);
	expect(await react('💤', second.event)).toEqual([]);
	const gate = first(await react('✅', second.event));
	expect(gate.body).toContain('Point of no return');
	expect(first(await react('✅', gate.event)).body).toContain('a reaction is not enough');
	const third = first(await say('done', { thread: root }));
	expect(third.body).toContain('systemctl start new');
	expect(await react('✅', gate.event)).toEqual([]);
	expect(first(await react('✅', third.event)).body).toContain('Stage 4 of 4');
});

test('does not skip a stage if done is said twice at once', async () => {
	const { root } = await begun();
	const at = new Date(clock + 1000);
	await store.take(
		batch('two', {
			joined: [
				news([incoming('$a', { at, body: 'done', thread: root }), incoming('$b', { at, body: 'done', thread: root })]),
			],
		}),
		at,
	);
	clock += 5000;
	inbox.wake();
	const said = await delivered();
	expect(said.map(({ body }) => body.split('.')[0])).toEqual([
		expect.stringContaining('Stage 2 of 4'),
		expect.stringContaining('before I showed stage 2 of 4'),
	]);
});

test("refuses someone without the right once, but looks up anyone's error", async () => {
	const { root } = await begun();
	const there = { thread: root, sender: bob };
	expect(first(await say('done', there)).body).toContain('power level');
	expect(await say('skip', there)).toEqual([]);
	expect(first(await say('psql: ERROR:  role "x" does not exist', there)).body).toContain('createuser');
	expect(first(await say('where', there)).body).toContain('You have been at stage 1');
});

test('looks up an error that the guide does not know in all of the knowledge', async () => {
	const { root } = await begun();
	const [found] = await say('```\nsynapse.config._base.ConfigError: No signing keys in file /x\n```', { thread: root });
	expect(found?.body).toContain('synapse/config/key.py');
	const [unknown] = await say('```\nthe moon is made of cheese\n```', { thread: root });
	expect(unknown?.body).toContain('I do not recognise this error');
});

test('ignores words and reactions older than a day', async () => {
	const { root, stage } = await begun();
	const at = new Date(clock + 1);
	clock += 25 * 3600_000;
	expect(first(await say('done', { thread: root, at })).body).toContain('more than 24 hours ago');
	expect(first(await react('✅', stage, { at })).body).toContain('more than 24 hours ago');
	expect(first(await say('where', { thread: root, at })).body).toContain('stage 1 of 4');
});

test('allows one session per thread, five per room, and one start per message', async () => {
	const { root } = await begun();
	expect(first(await say('!small start', { thread: root })).body).toContain(
		'Another guide is in progress in this thread',
	);
	expect((await say('!small start\n!small start')).map(({ body }) => body)).toEqual([
		expect.stringContaining('One guide at a time'),
	]);
	for (let i = 0; i < 4; i++) await begun();
	expect(await store.sessions(room)).toHaveLength(5);
	const full = await say('!small start');
	expect(full.map(({ body }) => body)).toEqual([expect.stringContaining('5 guides are in progress')]);
	await say('stop', { thread: root });
	expect(await say('!small start')).toHaveLength(2);
	expect(first(await say('start', { thread: root })).body).toContain('5 guides are in progress');
});

test('stays in an existing thread if it was started there', async () => {
	const [, stage] = await say('!small start', { thread: '$theirs' });
	expect(stage?.content['m.relates_to']).toMatchObject({ rel_type: 'm.thread', event_id: '$theirs' });
	expect(first(await say('done', { thread: '$theirs' })).body).toContain('Stage 2 of 4');
	expect(first(await react('✅', `$out${token}.0`)).content['m.relates_to']).toMatchObject({ event_id: '$theirs' });
});

test('continues at the same stage after a restart', async () => {
	const { root } = await begun();
	await say('done', { thread: root });
	await inbox.stop();
	inbox = open();
	expect(first(await say('done', { thread: root })).body).toContain('Point of no return');
});

test('stays silent, like commands, while a hundred answers are waiting', async () => {
	const { root } = await begun();
	for (let i = 0; i < 101; i++) {
		const message = incoming(`$many${i}`, { at: now(), body: 'where', thread: root });
		await store.take(batch(`many${i}`, { joined: [news([message])] }), now());
	}
	inbox.wake();
	const said = await delivered();
	expect(said).toHaveLength(101);
	expect(said.at(-1)?.body).toContain('answers waiting');
});

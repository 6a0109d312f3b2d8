// The outbox in encrypted rooms on a real Synapse: edits, threads, reactions, and events that are sent more than once.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openOutbox } from '../../src/delivery/outbox.ts';
import { takeIn } from '../../src/delivery/sync.ts';
import { type Connection, connect } from '../../src/edges/matrix/homeserver.ts';
import type { Content, Homeserver as Edge } from '../../src/ports/homeserver.ts';
import type { Saying } from '../../src/ports/saying.ts';
import { silence } from '../../src/runtime/log.ts';
import { openState } from './bot-state.ts';
import type { RoomEvent } from './person.ts';
import { type SecretPerson, secretPerson } from './secret-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

let home: Homeserver;
let alice: SecretPerson;
let sender: Awaited<ReturnType<typeof testSender>>;
let room: string;

beforeEach(async () => {
	home = await sharedSynapse();
	// In one process, both share matrix-bot-sdk, and with it the HTTP client that the edge sets up.
	sender = await testSender();
	alice = await secretPerson(home, 'alice');
	room = await alice.createRoom([sender.user]);
	await sender.homeserver.join(room, []);
	while ((await sender.store.room(room))?.state.encryption === undefined) await sleep(20);
});

afterEach(async () => {
	await alice?.stop();
	await sender?.stop();
});

/** The bot's own store, edge and outbox, without anything that decides what to send. */
async function testSender() {
	const dir = mkdtempSync(join(tmpdir(), 'glia-sender-'));
	const password = randomUUID();
	const account = await home.registerUser(`sender-${randomUUID().slice(0, 8)}`, password);
	const { store, keys } = await openState(dir);
	const now = () => new Date();
	const failed = (error: unknown) => {
		throw error;
	};
	const open = async (): Promise<Connection> => {
		const matrix = { homeserver: home.url, user: account.userId, password, allow: ['*'], bare: true, device: 'Glia' };
		const homeserver = await connect(
			{ matrix: { ...matrix, changes: 'state_default', forgetAfterDays: 7 }, encryption: { reset: false } },
			{
				store,
				keys,
				log: silence,
				version: '0',
				now,
				ending: new AbortController().signal,
				mayVerify: async () => undefined,
				locked: failed,
				fatal: failed,
			},
		);
		if (!homeserver) throw new Error('no connection');
		return homeserver;
	};
	const homeserver = await open();
	let stopping = false;
	const common = { store, homeserver, now, random: Math.random, log: silence, pause: sleep, locked: failed };
	const intake = takeIn({
		...common,
		meant: async messages => [...messages],
		taken: () => {},
		missed: () => {},
		untilSent: sleep,
		unreachable: failed,
		stopping: () => stopping,
	});
	return {
		user: account.userId,
		store,
		homeserver,
		/** Stores messages and delivers them with the given edge and clock until none is waiting. */
		async deliver(sayings: Saying[], { edge = homeserver as Edge, created = now(), loginSince = new Date(0) } = {}) {
			if (sayings[0]) await store.tell(sayings[0].room, sayings, created);
			const delivering = {
				store,
				homeserver: edge,
				ready: () => true,
				loginSince: () => loginSince,
				now,
				random: Math.random,
			};
			const outbox = openOutbox({ ...delivering, log: silence, fatal: failed, locked: failed });
			outbox.wake();
			while ((await store.counts()).outbox > 0) {
				await outbox.back();
				await sleep(20);
			}
			await outbox.stop(1000);
		},
		async stop(): Promise<void> {
			stopping = true;
			await homeserver.close();
			await intake;
			await store.close();
			rmSync(dir, { recursive: true, force: true });
		},
	};
}

function saying(content: Content, type = 'm.room.message'): Saying {
	const said = randomUUID();
	return { said, room, kind: 'event', event: { type, content: { ...content, 'io.glia.said': said } } };
}

function text(body: string, more: Content = {}): Content {
	return { msgtype: 'm.text', body, 'm.mentions': {}, ...more };
}

async function wire(): Promise<RoomEvent[]> {
	const events = await alice.plain.messagesOf(room);
	return events.filter(event => event.sender === sender.user && event.state_key === undefined);
}

test('encrypts edits, threads and reactions', async () => {
	await sender.deliver([saying(text('the first word'))]);
	const first = await alice.waitFor(event => event.content.body === 'the first word');
	const thread = { rel_type: 'm.thread', event_id: first.event_id, is_falling_back: true };
	const edit = { rel_type: 'm.replace', event_id: first.event_id };
	const reaction = { rel_type: 'm.annotation', event_id: first.event_id, key: '✅' };
	await sender.deliver([
		saying(text('in its thread', { 'm.relates_to': { ...thread, 'm.in_reply_to': { event_id: first.event_id } } })),
		saying(text('* better', { 'm.new_content': text('better'), 'm.relates_to': edit })),
		saying({ 'm.relates_to': reaction }, 'm.reaction'),
	]);
	const edited = await alice.waitFor(event => event.content.body === '* better');
	expect(edited.content).toMatchObject({ 'm.new_content': { body: 'better' }, 'm.relates_to': edit });
	const threaded = await alice.waitFor(event => event.content.body === 'in its thread');
	expect(threaded.content['m.relates_to']).toMatchObject(thread);
	const reacted = await alice.plain.waitFor(event => event.type === 'm.reaction' && event.room_id === room);
	expect(reacted.content['m.relates_to']).toEqual(reaction);
	// Relations are also outside the ciphertext, where the homeserver needs them, but nothing else is.
	const said = (await wire()).filter(event => event.type !== 'm.reaction');
	expect(said.map(event => event.content['m.relates_to']?.rel_type)).toEqual([undefined, 'm.thread', 'm.replace']);
	expect(said.every(event => event.type === 'm.room.encrypted' && event.content.body === undefined)).toBe(true);
});

test('sends the same encrypted event with the same transaction ID in each attempt', async () => {
	const tries: unknown[] = [];
	const { homeserver } = sender;
	const edge: Edge = {
		...homeserver,
		async send(place, transaction, event) {
			tries.push([transaction, event]);
			const sent = await homeserver.send(place, transaction, event);
			return tries.length < 3 ? { failure: { kind: 'away', why: 'the answer got lost' } } : sent;
		},
	};
	await sender.deliver([saying(text('once'))], { edge });
	expect(tries).toHaveLength(3);
	expect(tries[1]).toEqual(tries[0]);
	expect(tries[2]).toEqual(tries[0]);
	await alice.waitFor(event => event.content.body === 'once');
	expect(await wire()).toHaveLength(1);
});

test('reads the room first after a day, even if the sent event is no longer known', async () => {
	const yesterday = new Date(Date.now() - 25 * 3600_000);
	for (const sealedIsKept of [true, false]) {
		const body = `kept ${sealedIsKept}`;
		const decided = saying(text(body));
		if (decided.kind !== 'event') continue;
		// The event was sent, but the process was killed before it could mark that.
		const sealed = await sender.homeserver.seal(room, decided.event);
		if (!('value' in sealed)) throw new Error('not sealed');
		expect(sealed.value.type).toBe('m.room.encrypted');
		// Another transaction ID has the same effect as a homeserver that has forgotten the right one.
		await sender.homeserver.send(room, randomUUID(), sealed.value);
		await alice.waitFor(event => event.content.body === body);
		await sender.store.tell(room, [decided], yesterday);
		const [waiting] = await sender.store.due(new Date(), [], 1);
		if (sealedIsKept && waiting) await sender.store.seal(waiting.id, sealed.value);
		await sender.deliver([]);
		expect(await wire()).toHaveLength(sealedIsKept ? 1 : 2);
	}
});

test('recognises what an earlier device sent, or sends it again from this one', async () => {
	const [sent, unsent] = [saying(text('sent before')), saying(text('never sent'))];
	for (const decided of [sent, unsent]) {
		if (decided.kind !== 'event') continue;
		const sealed = await sender.homeserver.seal(room, decided.event);
		if (!('value' in sealed)) throw new Error('not sealed');
		await sender.store.tell(room, [decided], new Date());
		const waiting = (await sender.store.due(new Date(), [], 9)).at(-1);
		if (waiting) await sender.store.seal(waiting.id, { ...sealed.value });
		if (decided === sent) {
			await sender.homeserver.send(room, randomUUID(), sealed.value);
			await sender.deliver([], { loginSince: new Date(Date.now() + 1000) });
		}
	}
	await sender.deliver([], { loginSince: new Date(Date.now() + 1000) });
	await alice.waitFor(event => event.content.body === 'never sent');
	const said = await wire();
	expect(said).toHaveLength(2);
	expect(alice.read.filter(event => event.content.body === 'sent before')).toHaveLength(1);
});

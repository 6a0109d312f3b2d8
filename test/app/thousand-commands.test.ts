// Newer knowledge is loaded while a thousand commands are answered: none is lost, and no answer mixes two editions.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { option } from '../../commands/option.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import { openUpdates } from '../../src/app/knowledge-updates.ts';
import type { Command, Ports } from '../../src/command.ts';
import { openInbox } from '../../src/delivery/inbox.ts';
import { openOutbox } from '../../src/delivery/outbox.ts';
import { openStore } from '../../src/edges/store/store.ts';
import { checkEdition } from '../../src/knowledge/check-edition.ts';
import { silence } from '../../src/runtime/log.ts';
import { batch, incoming, news } from '../contracts/store.ts';
import { playHomeserver } from '../homeserver.ts';
import { outside } from '../outside.ts';
import { editionWith, filesOf, openPublisher, temporary } from '../published.ts';

const start = new Date('2022-09-20T12:00:00Z');
const base = { summary: '', examples: [], usage: '', changes: false };
const marks = /\b(own|edition\d)\b/g;

/** Reads its ports several times, with waits in between, which no real command should do. */
const slow: Command = {
	...base,
	name: 'slow',
	async run(_, ports) {
		const seen: string[] = [];
		for (let i = 0; i < 3; i++) {
			seen.push(...ports.knowledge.notes.map(({ title }) => title), ...ports.code.options().byPath.keys());
			await sleep(Math.random() * 4);
		}
		return { value: { format: 1 }, lead: seen.join(', '), sections: [], kind: 'answer' };
	},
};

test('answers a thousand commands in ten rooms while five editions are loaded', async () => {
	const publisher = openPublisher();
	const now = () => start;
	const updates = await openUpdates({
		keys: [publisher.key],
		own: await editionWith(filesOf('own')),
		glia: '1.0.0',
		path: temporary(),
		now,
		log: silence,
		check: checkEdition,
	});
	const store = await openStore();
	const played = playHomeserver('@glia:example.org', now);
	const rooms = Array.from({ length: 10 }, (_, i) => `!room${i}:example.org`);
	const faults: unknown[] = [];
	const fatal = (error: unknown) => void faults.push(error);
	const commands: Command[] = [slow, option];
	const ports: Ports = {
		get knowledge() {
			return updates.edition().knowledge;
		},
		get code() {
			return updates.edition().code;
		},
		get distributions() {
			return updates.edition().distributions;
		},
		commands,
		now,
		health: { version: '0', startedAt: start, lastSync: () => undefined },
		store,
		web: outside(now),
		limits: usualLimits,
	};
	const log = { ...silence, error: (fields: Record<string, unknown>) => void faults.push(fields) };
	const outbox = openOutbox({
		store,
		homeserver: played.port,
		ready: () => true,
		loginSince: () => new Date(0),
		now,
		random: () => 1,
		log,
		fatal,
		locked: fatal,
	});
	const inbox = openInbox({
		store,
		homeserver: played.port,
		respondent: { commands, ports, log },
		rights: { bare: true, changes: 'state_default' },
		decided: outbox.wake,
		fatal,
	});
	await store.take(batch('0'), start);
	for (const room of rooms) {
		played.createRoom(room, '@alice:example.org');
		played.invite(room, '@alice:example.org');
		await played.port.join(room, []);
	}
	await store.take(batch('1', { joined: rooms.map(room => news([], { room })) }), start);
	for (const gap of await store.gaps(start)) await store.fill(gap, { messages: [] }, start);

	let token = 2;
	/** A hundred messages, ten in each room, each room's from a new person. Some contain several commands. */
	const ask = (round: number) =>
		store.take(
			batch(String(token++), {
				joined: rooms.map((room, r) =>
					news(
						Array.from({ length: 10 }, (_, i) =>
							incoming(`$${round}-${r}-${i}`, {
								room,
								sender: `@${round}:${r}.example.org`,
								body: i % 3 ? '!slow' : '!slow\n!option unheard\n!slow',
							}),
						),
						{ room },
					),
				),
			}),
			start,
		);
	const publish = async (number: number) => {
		const mark = `edition${number}`;
		const text = publisher.bundle(mark, { made: `2022-09-1${number}T10:00:00Z`, files: filesOf(mark) });
		expect(await updates.take({ text, signature: publisher.sign(text) })).toBeUndefined();
	};
	for (let round = 0; round < 10; round++) {
		await ask(round);
		inbox.wake();
		if (round % 2) await publish((round + 1) / 2);
		await sleep(20);
	}
	const answers = () => rooms.flatMap(room => played.sentTo(room));
	for (let i = 0; answers().length < 1000 && i < 3000; i++) await sleep(20);
	await inbox.stop();
	await outbox.stop(1000);
	await store.close();

	expect(faults).toEqual([]);
	expect(answers()).toHaveLength(1000);
	const seen = answers().map(({ body }) => [...new Set(String(body).match(marks))]);
	expect(seen.filter(own => own.length !== 1)).toEqual([]);
	// Not only the first and the last edition have answered.
	expect(new Set(seen.flat()).size).toBeGreaterThanOrEqual(3);
	expect(updates.edition().knowledge.notes[0]?.title).toContain('edition5');
});

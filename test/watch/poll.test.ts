// Ticks, from the check of a server to the outbox, with simulated servers and a simulated clock.
import { describe, expect, test } from 'vitest';
import { watch as watchCommand } from '../../commands/watch.ts';
import type { Observation } from '../../src/advice/watch/observation.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { PlaybookEntry } from '../../src/knowledge/schema/distribution.ts';
import type { Waiting } from '../../src/ports/saying.ts';
import { silence } from '../../src/runtime/log.ts';
import type { Watching } from '../../src/watch/poll.ts';
import { tick } from '../../src/watch/poll.ts';
import { advisory, known, knownDistributions, note, playbookEntry, releases } from '../known.ts';
import { outside } from '../outside.ts';

const hour = 3600_000;
const start = Date.parse('2026-01-05T12:00:00Z');

/** Runs `work` once, when the next poll has seen the server but has not returned yet. */
function duringNextPoll({ web }: Awaited<ReturnType<typeof played>>, work: () => Promise<void>): void {
	const { observe } = web;
	web.observe = async (...asked) => {
		web.observe = observe;
		const seen = await observe(...asked);
		await work();
		return seen;
	};
}

async function played(knowledge = known(), distributions = knownDistributions()) {
	let ms = start;
	const now = () => new Date(ms);
	const kept = await openStore();
	const web = outside(now);
	const holding = { knowledge, distributions, listening: true, writes: Number.POSITIVE_INFINITY };
	const store: typeof kept = {
		...kept,
		/** Fails after `holding.writes` writes, as if the process died. */
		async keepDecided(...decided) {
			if (holding.writes-- <= 0) throw new Error('died');
			await kept.keepDecided(...decided);
		},
	};
	const watching: Watching = {
		store,
		web,
		knowledge: () => holding.knowledge,
		distributions: () => holding.distributions,
		now,
		random: () => 0.5,
		log: { ...silence, warn: (_, text) => void warned.push(text) },
		said: () => {},
		stopping: () => false,
		listening: () => holding.listening,
		every: hour,
	};
	const warned: string[] = [];
	const said: { room: string; body: string; continues?: string; mentions: unknown }[] = [];
	return {
		store,
		web,
		holding,
		said,
		warned,
		now,
		set(time: number) {
			ms = time;
		},
		/** Runs `!watch …` in a room. */
		async watch(words: string, room = '!a', limits = usualLimits) {
			const asked = { words: words.split(' '), text: words, room, sender: '@a:x', at: now() };
			const { knowledge, distributions } = holding;
			return watchCommand.run(asked, { knowledge, distributions, store, web, now, limits });
		},
		async tick() {
			return tick(watching);
		},
		/** Delivers what is waiting, and returns it. */
		async deliver(): Promise<string[]> {
			const heard: string[] = [];
			for (;;) {
				const due: Waiting[] = await store.due(now(), [], 100);
				if (!due.length) break;
				for (const one of due) {
					if (one.kind !== 'event') throw new Error('not an event');
					const { body, 'm.mentions': mentions } = one.event.content;
					said.push({
						room: one.room,
						body: String(body),
						mentions,
						...(one.continues && { continues: one.continues }),
					});
					heard.push(String(body).split('\n')[0]?.replaceAll('`', '') ?? '');
					await store.sent(one.id, `$${one.said}`, now());
				}
			}
			return heard;
		},
		/** Continues for this many hours, with a tick every half hour. */
		async live(hours: number): Promise<string[]> {
			const heard: string[] = [];
			for (const end = ms + hours * hour; ms < end; ms += hour / 2) {
				await tick(watching);
				heard.push(...(await this.deliver()));
			}
			return heard;
		},
	};
}

describe('a tick', () => {
	test('reports changes after the card of a new subscription, without a flood', async () => {
		const world = await played(
			known({
				releases: releases('1.0.0', '1.1.0'),
				advisories: [advisory('CVE-OLD', ['<1.1.0'], { severity: 'high' })],
			}),
		);
		world.web.plays('example.org', '1.0.0');
		const card = await world.watch('example.org docker');
		expect(card.lead).toContain('runs Synapse 1.0.0');
		expect(card.lead).toContain('1 known vulnerability');
		expect(await world.live(48)).toEqual([]);
		world.holding.knowledge = known({
			releases: releases('1.0.0', '1.1.0'),
			advisories: [
				advisory('CVE-OLD', ['<1.1.0'], { severity: 'high' }),
				advisory('CVE-NEW', ['<1.1.0'], { severity: 'critical' }),
			],
		});
		expect(await world.live(24)).toEqual(['🔴 example.org: Vulnerable to CVE-NEW (critical): CVE-NEW · #3']);
		world.web.plays('example.org', '1.1.0');
		expect(await world.live(24)).toEqual(['example.org was upgraded from 1.0.0 to 1.1.0; 1 alert resolved']);
		expect(world.said.map(({ continues }) => continues)).toEqual([undefined, undefined]);
		await world.store.close();
	});

	test('is not undone by a `!watch` that polls the same server at the same time', async () => {
		const world = await played();
		world.web.plays('example.org', '1.3.0');
		await world.watch('example.org');
		world.set(start + 2 * hour);
		duringNextPoll(world, async () => {
			await world.tick();
			world.set(start + 2 * hour + 1000);
		});
		await world.watch('example.org docker');
		expect((await world.store.server('example.org'))?.history).toMatchObject([{ looks: 3 }]);
		await world.store.close();
	});

	test('does not undo a `!watch` that polls the same server at the same time', async () => {
		const world = await played();
		world.web.plays('example.org', '1.3.0');
		await world.watch('example.org');
		world.set(start + 2 * hour);
		duringNextPoll(world, async () => {
			world.set(start + 2 * hour + 1000);
			world.web.plays('example.org', '1.4.0');
			await world.watch('example.org docker');
		});
		await world.tick();
		expect((await world.store.server('example.org'))?.history).toMatchObject([
			{ version: '1.3.0' },
			{ version: '1.4.0', since: new Date(start + 2 * hour + 1000).toISOString() },
		]);
		expect(await world.live(4)).toEqual([]);
		await world.store.close();
	});

	test('does not report what one poll saw as of the time when the slowest poll ended', async () => {
		const world = await played();
		for (const server of ['fast.example.org', 'slow.example.org']) {
			world.web.plays(server, '1.3.0');
			await world.watch(server);
		}
		world.set(start + 2 * hour);
		const { observe } = world.web;
		const [under, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
		let polled = 0;
		world.web.observe = async (...asked) => {
			const seen = await observe(...asked);
			polled++;
			if (polled === 2) under.resolve();
			if (asked[0] === 'slow.example.org') await over.promise;
			return seen;
		};
		const tick = world.tick();
		await under.promise;
		await new Promise(resolve => setImmediate(resolve));
		world.web.observe = observe;
		world.set(start + 2 * hour + 1000);
		world.web.plays('fast.example.org', '1.4.0');
		await world.watch('fast.example.org docker');
		world.set(start + 2 * hour + 9000);
		over.resolve();
		await tick;
		expect((await world.store.server('fast.example.org'))?.history).toMatchObject([
			{ version: '1.3.0' },
			{ version: '1.4.0' },
		]);
		expect(await world.live(4)).toEqual([]);
		await world.store.close();
	});

	test('stores checks without news in one write', async () => {
		const play = await played();
		for (let i = 0; i < 30; i++) {
			play.web.plays(`s${i}.example.org`, '1.0.0');
			await play.watch(`s${i}.example.org`);
		}
		play.set(start + 2 * hour);
		await play.tick();
		play.holding.writes = 0;
		play.set(start + 5 * hour);
		await play.tick();
		for (let i = 0; i < 30; i++)
			expect((await play.store.server(`s${i}.example.org`))?.looked).toEqual(new Date(start + 5 * hour));
	});

	test('sends the whole of what is too long for its messages as a file', async () => {
		const world = await played();
		world.web.plays('example.org', '1.0.0');
		await world.watch('example.org');
		const many = Array.from({ length: 700 }, (_, i) =>
			advisory(`CVE-2026-${10_000 + i}`, ['<1.1.0'], { severity: 'high', title: `${i}: ${'a long title '.repeat(8)}` }),
		);
		world.holding.knowledge = known({ releases: releases('1.0.0', '1.1.0'), advisories: many });
		world.set(start + 2 * hour);
		await world.tick();
		const [message] = await world.store.due(world.now(), [], 1);
		if (message?.kind !== 'event') throw new Error('no message');
		expect(message.event.content.body).toContain('The full answer is in the file `answer.md`.');
		await world.store.sent(message.id, '$message', world.now());
		const [attached] = await world.store.due(world.now(), [], 1);
		expect(attached).toMatchObject({
			kind: 'file',
			file: { name: 'answer.md' },
			content: { 'io.glia.said': attached?.said },
		});
		expect(attached?.kind === 'file' && attached.file.text).toContain('CVE-2026-10699');
		await world.store.close();
	});

	test('sends a reminder to the room instead of the thread, so that people see it', async () => {
		const world = await played();
		world.web.plays('example.org', '1.0.0');
		await world.watch('example.org');
		world.holding.knowledge = known({
			releases: releases('1.0.0', '1.1.0'),
			advisories: [advisory('CVE-NEW', ['<1.1.0'], { severity: 'critical' })],
		});
		await world.live(24);
		const [reminder] = await world.live(24 * 4);
		expect(reminder).toMatch(/^🔴 Still open: example\.org: Vulnerable to CVE-NEW \(critical\): CVE-NEW/);
		expect(world.said.at(-1)?.continues).toBeUndefined();
		await world.store.close();
	});

	test('sends the card of an unreachable server once the server responds', async () => {
		const world = await played();
		const card = await world.watch('example.org');
		expect(card.lead).toContain('I cannot say what `example.org` runs');
		expect(await world.live(4)).toEqual([]);
		world.web.plays('example.org', '1.3.0');
		expect((await world.live(4))[0]).toContain('example.org runs Synapse 1.3.0');
		await world.store.close();
	});

	test('checks every hour, even after the clock was set back, and once after the machine was asleep', async () => {
		const world = await played();
		world.web.plays('example.org', '1.3.0');
		await world.watch('example.org');
		await world.live(10);
		const looks = world.web.looks.length;
		expect(looks).toBeGreaterThan(7);
		world.set(start + 1000 * hour);
		await world.tick();
		expect(world.web.looks.length).toBe(looks + 1);
		world.set(start + 20 * hour);
		await world.tick();
		expect(world.web.looks.length).toBe(looks + 2);
		await world.store.close();
	});

	test('sends no second card while `!watch` is still polling the server', async () => {
		const world = await played();
		world.web.plays('example.org', '1.3.0');
		const { observe } = world.web;
		world.web.observe = async (...asked) => {
			const seen = await observe(...asked);
			world.web.observe = observe;
			await world.tick();
			return seen;
		};
		const card = await world.watch('example.org');
		expect(card.lead).toContain('I am now watching it');
		expect(await world.deliver()).toEqual([]);
		expect(await world.live(4)).toEqual([]);
		await world.store.close();
	});

	test('notices an upgrade after the clock was far ahead', async () => {
		const world = await played();
		world.web.plays('example.org', '1.2.0');
		await world.watch('example.org');
		world.set(start + 1000 * hour);
		await world.live(2);
		world.set(start + 20 * hour);
		await world.live(2);
		world.web.plays('example.org', '1.3.0');
		expect(await world.live(4)).toEqual(['example.org was upgraded from 1.2.0 to 1.3.0']);
		expect((await world.store.server('example.org'))?.history).toMatchObject([{}, { looks: 4 }]);
		await world.store.close();
	});

	test('blames our network if no server responds', async () => {
		const world = await played();
		for (const name of ['a.org', 'b.org', 'c.org', 'd.org', 'e.org']) {
			world.web.plays(name, '1.3.0');
			await world.watch(name);
		}
		await world.live(2);
		for (const name of ['a.org', 'b.org', 'c.org', 'd.org', 'e.org']) world.web.plays(name, 'silent');
		expect(await world.live(48)).toEqual([]);
		for (const name of ['b.org', 'c.org', 'd.org', 'e.org']) world.web.plays(name, '1.3.0');
		expect((await world.live(30))[0]).toContain('a.org has not responded since');
		await world.store.close();
	});

	test('does not blame our network while other servers respond, whenever those are due', async () => {
		const world = await played();
		const down = ['a.org', 'b.org', 'c.org', 'd.org'];
		for (const name of down) world.web.plays(name, '1.3.0');
		for (const name of down) await world.watch(name);
		world.set(start + hour / 2);
		for (const name of ['up1.org', 'up2.org']) {
			world.web.plays(name, '1.3.0');
			await world.watch(name);
		}
		for (const name of down) world.web.plays(name, 'silent');
		// Only the servers that are down are due.
		world.set(start + 1.2 * hour);
		await world.tick();
		expect(world.warned).toEqual([]);
		expect((await world.store.server('a.org'))?.history.at(-1)?.is).toBe('silent');
		expect((await world.live(30)).join()).toContain('a.org has not responded since');
		await world.store.close();
	});

	test('blames no server if those that responded a moment ago are silent too', async () => {
		const world = await played();
		const all = ['a.org', 'b.org', 'c.org', 'd.org'];
		for (const name of all) world.web.plays(name, '1.3.0');
		for (const name of all) await world.watch(name);
		world.set(start + hour / 2);
		world.web.plays('up.org', '1.3.0');
		await world.watch('up.org');
		for (const name of [...all, 'up.org']) world.web.plays(name, 'silent');
		world.set(start + 1.2 * hour);
		await world.tick();
		expect(world.warned).toEqual(['no server is responding: our own network may be down, so I report nothing']);
		expect((await world.store.server('a.org'))?.history.at(-1)?.is).toBe('synapse');
		await world.store.close();
	});

	test.each<[string, Partial<Observation> | 'an internal error']>([
		['is excluded', { kind: 'excluded' }],
		['was put off', { kind: 'unasked' }],
		['cannot be checked because of an internal error', 'an internal error'],
	])('blames our network although another server %s', async (_, what) => {
		const world = await played();
		const all = ['a.org', 'b.org', 'c.org', 'd.org', 'e.org', 'witness.org'];
		for (const name of all) world.web.plays(name, '1.3.0');
		for (const name of all.slice(0, -1)) await world.watch(name);
		world.set(start + hour / 2);
		await world.watch('witness.org');
		const { observe } = world.web;
		world.web.observe = async name => {
			if (['e.org', 'witness.org'].includes(name) && what === 'an internal error') throw new TypeError('not a fact');
			return observe(name);
		};
		for (const name of all) world.web.plays(name, 'silent');
		if (what !== 'an internal error') for (const name of ['e.org', 'witness.org']) world.web.plays(name, what);
		world.set(start + 1.2 * hour);
		await world.tick();
		expect(world.warned).toHaveLength(1);
		expect((await world.store.server('a.org'))?.history.at(-1)?.is).toBe('synapse');
		await world.store.close();
	});

	test('asks servers that can respond whether our network is down, not those that are excluded', async () => {
		const world = await played();
		const [down, excluded] = [
			['a.org', 'b.org', 'c.org', 'd.org'],
			['x1.org', 'x2.org', 'x3.org'],
		];
		for (const name of down) world.web.plays(name, '1.3.0');
		for (const name of excluded) world.web.plays(name, { kind: 'excluded' });
		for (const name of down) await world.watch(name);
		world.set(start + hour / 2);
		world.web.plays('up.org', '1.3.0');
		await world.watch('up.org');
		world.set(start + hour / 2 + 1000);
		for (const name of excluded) await world.watch(name);
		for (const name of down) world.web.plays(name, 'silent');
		world.set(start + 1.2 * hour);
		await world.tick();
		expect(world.warned).toEqual([]);
		await world.store.close();
	});

	test('tells each room once about a server that many watch, even if the process dies in between', async () => {
		const world = await played(known({ releases: releases('1.0.0') }));
		world.web.plays('example.org', '1.0.0');
		const rooms = Array.from({ length: 45 }, (_, i) => `!r${i}`);
		for (const room of rooms) await world.watch('example.org', room, { ...usualLimits, perPerson: 100 });
		await world.live(2);
		world.holding.knowledge = known({ releases: releases('1.0.0', '1.1.0') });
		world.holding.writes = 1;
		world.set(world.now().getTime() + 2 * hour);
		await expect(world.tick()).rejects.toThrow('died');
		await world.deliver();
		const told = world.said.length;
		expect(told).toBeGreaterThan(0);
		expect(told).toBeLessThan(45);
		world.holding.writes = Number.POSITIVE_INFINITY;
		// At the next start, the server is due at once.
		world.set(world.now().getTime() + 1000);
		await world.tick();
		await world.deliver();
		await world.live(3);
		expect(world.said.map(({ room }) => room).sort()).toEqual([...rooms].sort());
		await world.store.close();
	});

	test('tells each room in its own way: quiet hours, severity, mentions, notices', async () => {
		const deadline = { subject: 'old things', at: { date: '2026-02-05' }, promised: 'They go.' };
		const world = await played(known({ releases: releases('1.0.0') }));
		world.web.plays('example.org', '1.0.0');
		for (const room of ['!a', '!b', '!c']) await world.watch('example.org', room);
		await world.store.keepSettings('!b', { quiet: '11:00-20:00', mention: '@admin:x' }, world.now());
		await world.store.keepSettings('!c', { severity: 'severe' }, world.now());
		world.holding.knowledge = known({ releases: releases('1.0.0'), notes: [note('1.0.0/old', { deadline })] });
		world.set(Date.parse('2026-01-22T12:00:00Z'));
		await world.live(1);
		expect(world.said.map(({ room }) => room)).toEqual(['!a']);
		await world.live(9);
		expect(world.said.map(({ room, mentions }) => [room, mentions])).toEqual([
			['!a', {}],
			['!b', { user_ids: ['@admin:x'] }],
		]);
		expect(world.said[1]?.body).toContain('Within two weeks: old things');
		await world.store.close();
	});
});

describe('limits', () => {
	test('limits how many servers a room, and a person in all their rooms, can watch', async () => {
		const world = await played();
		const limits = { every: hour, perRoom: 2, perPerson: 3, keepDays: 7 };
		expect((await world.watch('a.org', '!a', limits)).lead).toContain('I am now watching it');
		await world.watch('b.org', '!a', limits);
		await expect(world.watch('c.org', '!a', limits)).rejects.toThrow('This room is watching 2 servers');
		// Repeating `!watch` for a server that is already watched is allowed.
		expect((await world.watch('b.org docker', '!a', limits)).lead).toContain('I am already watching it');
		await world.watch('a.org', '!b', limits);
		await expect(world.watch('b.org', '!b', limits)).rejects.toThrow('You have started 3 watches');
		await world.store.dropWatch('!a', 'a.org');
		await world.watch('b.org', '!b', limits);
		await world.store.close();
	});

	test('checks nothing while the homeserver is down, and reports the current state afterwards', async () => {
		const world = await played(known({ releases: releases('1.0.0') }));
		world.web.plays('example.org', '1.0.0');
		await world.watch('example.org');
		await world.live(2);
		world.holding.listening = false;
		const looks = world.web.looks.length;
		world.holding.knowledge = known({
			releases: releases('1.0.0', '1.1.0', '1.2.0'),
			advisories: [advisory('CVE-1', ['<1.1.0'])],
		});
		expect(await world.live(48)).toEqual([]);
		expect(world.web.looks.length).toBe(looks);
		world.web.plays('example.org', '1.2.0');
		world.holding.listening = true;
		expect(await world.live(24)).toEqual(['example.org was upgraded from 1.0.0 to 1.2.0']);
		await world.store.close();
	});
});

describe('an internal error about one', () => {
	test('server does not keep the others from being checked', async () => {
		const world = await played();
		for (const server of ['a.org', 'b.org']) {
			world.web.plays(server, '1.2.0');
			await world.watch(server, `!${server}`);
		}
		await world.deliver();
		const observe = world.web.observe;
		world.web.observe = async server => {
			if (server === 'a.org') throw new TypeError('not a fact: os=debian-8');
			return observe(server);
		};
		world.web.plays('b.org', '1.3.0');
		world.set(start + 2 * hour);
		expect(await world.tick()).toBeGreaterThan(1000);
		expect(await world.deliver()).toEqual(['b.org was upgraded from 1.2.0 to 1.3.0']);
	});

	test('room does not keep the others from being told', async () => {
		const world = await played();
		world.web.plays('a.org', '1.2.0');
		for (const room of ['!a', '!b', '!c']) await world.watch('a.org', room);
		await world.deliver();
		// A setting that another version may have accepted.
		await world.store.keepSettings('!b', { zone: 'Nowhere/Land' }, world.now());
		world.web.plays('a.org', '1.3.0');
		world.set(start + 2 * hour);
		expect(await world.tick()).toBeGreaterThan(1000);
		await world.deliver();
		const told = world.said.filter(({ body }) => body.includes('was upgraded')).map(({ room }) => room);
		expect(told.sort()).toEqual(['!a', '!c']);
	});
});

describe("a distribution's own breaking change", () => {
	const entry = (date: string, heading: string, more: Partial<PlaybookEntry> = {}) =>
		playbookEntry(`mdad/${date}/one`, {
			title: `Curated: ${heading}`,
			text: 'Doves replace pigeons.',
			do: 'Buy seed.',
			sources: [{ document: 'CHANGELOG.md', section: date, heading, url: 'https://example.org/log' }],
			...more,
		});
	const synapse = [{ date: '2025-01-01', synapse: '1.1.0' }];
	const playbook = (...entries: PlaybookEntry[]) =>
		knownDistributions({ mdad: { read: '2026-01-05', synapse, entries } });
	const knowledge = known({ releases: releases('1.0.0', '1.1.0') });
	const live = (...entries: { date: string; title: string; breaking: boolean }[]) => ({
		...knowledge,
		playbook: {
			read: '2026-01-06',
			synapse: '1.1.0',
			entries: entries.map(one => ({ ...one, text: 'Feed them\\.', url: 'https://example.org/live' })),
		},
	});

	test('is decided from one edition, although another is loaded meanwhile', async () => {
		const old = playbook(entry('2026-01-01', 'Old'));
		const world = await played(knowledge, old);
		world.web.plays('example.org', '1.1.0');
		await world.watch('example.org mdad');
		await world.live(24);
		const next = {
			knowledge: known({ releases: releases('1.0.0', '1.1.0'), advisories: [advisory('CVE-2026-0001', ['<=1.1.0'])] }),
			distributions: playbook(entry('2026-01-01', 'Old'), entry('2026-01-06', 'New', { breaking: true })),
		};
		world.holding.distributions = {
			...old,
			async mdad() {
				const opened = await old.mdad();
				Object.assign(world.holding, next);
				return opened;
			},
		};
		world.set(start + 26 * hour);
		await world.tick();
		expect(world.holding.knowledge).toBe(next.knowledge);
		expect(await world.deliver()).toEqual([]);
		expect((await world.live(3)).join()).toContain('CVE-2026-0001');
	});

	test("is reported on its day in upstream's words, and not again once curated or after an upgrade", async () => {
		const world = await played(knowledge, playbook(entry('2026-01-01', 'Old')));
		world.web.plays('example.org', '1.0.0');
		world.web.plays('other.org', '1.0.0');
		const card = await world.watch('example.org mdad');
		await world.watch('other.org docker', '!b');
		const { markdown = '' } = card.sections[0] ?? {};
		expect(markdown).toContain('1 recent change in the playbook may break something: `!upgrade mdad 2025-12-06`');
		expect(await world.live(24)).toEqual([]);
		// The title as read live, and the heading that a curator covers.
		const title = '(BC Break) Doves instead of pigeons';
		const heading = '(BC Break) *Doves* instead of [pigeons](docs/pigeons.md)';
		world.holding.knowledge = live(
			{ date: '2026-01-06', title, breaking: true },
			{ date: '2026-01-06', title: 'A new bridge', breaking: false },
		);
		const told = "The playbook changed on 2026-01-06: (BC Break) Doves instead of pigeons (upstream's words)";
		expect(await world.live(24)).toEqual([expect.stringContaining(`example.org: ${told}`)]);
		expect(world.said.at(-1)?.body).toContain('Feed them.');
		expect(world.said.at(-1)?.body).toContain('!upgrade mdad 2026-01-06');
		world.holding.distributions = playbook(entry('2026-01-01', 'Old'), entry('2026-01-06', heading));
		expect(await world.live(24)).toEqual([]);
		world.web.plays('example.org', '1.1.0');
		expect(await world.live(24)).toEqual([expect.stringContaining('was upgraded from 1.0.0 to 1.1.0')]);
		// The change is not reported while the playbook's knowledge cannot be opened, nor again once that is fixed.
		const mended = world.holding.distributions;
		world.holding.distributions = { ...mended, mdad: () => Promise.reject(new Error('broken')) };
		expect((await world.live(24)).filter(line => line.includes('The playbook changed'))).toEqual([]);
		world.holding.distributions = mended;
		expect((await world.live(24 * 40)).filter(line => line.includes('The playbook changed'))).toEqual([]);
		await world.store.close();
	});

	test('says who is affected, what to do and whether that can wait, unless the facts rule it out', async () => {
		const world = await played(knowledge, playbook());
		world.web.plays('example.org', '1.1.0');
		await world.watch('example.org mdad no-workers');
		world.holding.distributions = playbook(
			entry('2026-01-05', 'All', { refuses: 'variables' }),
			entry('2026-01-05', 'Some', { id: 'mdad/2026-01-05/four', components: ['jitsi_enabled'], waits: true }),
			entry('2026-01-05', 'None', { components: ['matrix_synapse_workers_enabled'], id: 'mdad/2026-01-06/two' }),
			entry('2026-01-05', 'Mild', { breaking: false, id: 'mdad/2026-01-06/three' }),
		);
		const [first] = await world.live(24);
		expect(first).toMatch(/^⚠️ example\.org: The playbook changed on 2026-01-05: Curated: All \(plus 1 more alert\)$/);
		const body = world.said.at(-1)?.body ?? '';
		expect(body).toContain('Buy seed.');
		expect(body).toContain('refuses to run until this is done');
		expect(body).toContain('If you use `jitsi`.');
		expect(body).toContain('This can wait until after the update.');
		expect(body).not.toMatch(/None|Mild|stops the reminders/);
		await world.store.close();
	});

	test('is reported if its entry is added before one about the same passage, which is not repeated', async () => {
		const about = (title: string) => entry('2026-01-06', 'Doves', { title, id: `mdad/2026-01-06/${title}` });
		const world = await played(knowledge, playbook());
		world.web.plays('example.org', '1.1.0');
		await world.watch('example.org mdad');
		for (const [entries, titles] of [
			[['Owls'], ['Owls']],
			[['Gulls', 'Owls'], ['Gulls']],
			[['Auks', 'Gulls', 'Owls'], ['Auks']],
			[['Gulls'], []],
			[['Owls'], []],
		] as const) {
			world.holding.distributions = playbook(...entries.map(about));
			const heard = (await world.live(24)).map(line => /changed on 2026-01-06: (\w+)/.exec(line)?.[1]);
			expect(heard, entries.join()).toEqual(titles);
		}
		// Upstream's words about the passage stand for all of its entries.
		const other = await played(knowledge, playbook());
		other.web.plays('example.org', '1.1.0');
		await other.watch('example.org mdad');
		other.holding.knowledge = live({ date: '2026-01-06', title: 'Doves', breaking: true });
		expect(await other.live(24)).toHaveLength(1);
		other.holding.distributions = playbook(about('Gulls'), about('Owls'));
		expect(await other.live(24)).toEqual([]);
		await Promise.all([world.store.close(), other.store.close()]);
	});

	test('is reported once for each entry, even if several are about one item of upstream', async () => {
		const charts = [
			{ chart: '26.1.0', date: '2025-11-01', synapse: '1.0.0' },
			{ chart: '26.1.1', date: '2025-12-30', synapse: '1.0.0' },
		];
		const world = await played(
			knowledge,
			knownDistributions({
				mdad: { read: '2026-01-05', synapse, entries: [entry('2026-01-01', 'Old')] },
				ess: { read: '2026-01-01', charts },
			}),
		);
		for (const name of ['mdad.org', 'ess.org']) world.web.plays(name, '1.1.0');
		await world.watch('mdad.org mdad');
		await world.watch('ess.org ess', '!b');
		expect(await world.live(24)).toEqual([]);
		world.holding.distributions = knownDistributions({
			mdad: {
				read: '2026-01-06',
				synapse,
				entries: [
					entry('2026-01-06', 'Doves and owls', { title: 'Doves' }),
					entry('2026-01-06', 'Doves and owls', { title: 'Owls', id: 'mdad/2026-01-06/two' }),
				],
			},
			ess: { read: '2026-01-01', charts },
		});
		// Upstream's chart 25.12.0 has two such bullets from one pull request.
		const item = {
			chart: '26.1.2',
			part: 'Breaking Changes',
			bullet: '#2',
			url: 'https://example.org',
			breaking: true,
		};
		const [chart] = [{ chart: '26.1.2', date: '2026-01-06', synapse: '1.0.0' }];
		world.holding.knowledge = {
			...knowledge,
			charts: { read: '2026-01-06', charts: [chart], items: ['Doves\\.', 'Owls\\.'].map(text => ({ ...item, text })) },
		};
		const heard = await world.live(24);
		expect(heard.filter(line => line.includes('mdad.org'))).toEqual([
			expect.stringContaining('The playbook changed on 2026-01-06: Doves (plus 1 more alert)'),
		]);
		expect(heard.filter(line => line.includes('ess.org'))).toEqual([
			expect.stringContaining('ESS 26.1.2: Breaking Changes, #2'),
		]);
		const bodies = world.said.map(({ body }) => body).join('\n');
		expect(bodies).toMatch(/Owls(.|\n)*Doves\.(.|\n)*Owls\./);
		expect(await world.live(48)).toEqual([]);
		await world.store.close();
	});

	test('is reported with its chart, even if only a bot has read it', async () => {
		const charts = [
			{ chart: '26.1.0', date: '2025-11-01', synapse: '1.0.0' },
			{ chart: '26.1.1', date: '2025-12-30', synapse: '1.0.0' },
		];
		const world = await played(knowledge, knownDistributions({ ess: { read: '2026-01-01', charts } }));
		world.web.plays('example.org', '1.0.0');
		await world.watch('example.org ess');
		expect(await world.live(24)).toEqual([]);
		const item = { part: 'Removed / Breaking Changes', bullet: '#2', url: 'https://example.org', text: 'Gone\\.' };
		world.holding.knowledge = {
			...knowledge,
			charts: {
				read: '2026-01-06',
				charts: [{ chart: '26.1.2', date: '2026-01-06', synapse: '1.0.0' }],
				items: [
					{ ...item, chart: '26.1.2', breaking: true },
					{ ...item, chart: '26.1.2', part: 'Changed', bullet: '#3', breaking: false },
				],
			},
		};
		expect(await world.live(24)).toEqual([
			expect.stringContaining("example.org: ESS 26.1.2: Removed / Breaking Changes, #2 (upstream's words)"),
		]);
		expect(world.said.at(-1)?.body).toContain('!notes ess 26.1.2');
		expect(await world.live(24)).toEqual([]);
		await world.store.close();
	});
});

// The store's contract for the watch: the same in every store, and also after reopening a store that outlives the
// process.
import { afterEach, describe, expect, test } from 'vitest';
import type { CheckRecord } from '../../src/advice/check/record.ts';
import type { Alert } from '../../src/advice/watch/alerts.ts';
import type { Subscription } from '../../src/advice/watch/subscription.ts';
import { partOf } from '../../src/bot/said-id.ts';
import type { Store } from '../../src/ports/store.ts';
import type { NumberedAlert, RootedSaying, WatchDecision, Watched } from '../../src/ports/watch-store.ts';
import type { Place, Places } from './places.ts';

const now = new Date('2026-11-21T12:00:00Z');
const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000);

const subscription = (room: string, server: string, more: Partial<Subscription> = {}): Subscription => ({
	id: `${room}/${server}`,
	room,
	server,
	facts: [],
	changed: now,
	...more,
});

const alert = (subject: string, more: Partial<Alert> = {}): Alert => ({
	watch: '!a/example.org',
	rule: 'advisory',
	subject,
	stage: 'open',
	episode: 'e1',
	kind: 'new',
	severity: 'warning',
	about: { rule: 'advisory', id: subject, rating: 'moderate', name: subject },
	...more,
});

/** All alerts in one message, in the thread of the first. */
function saying(id: string): (alerts: readonly NumberedAlert[]) => RootedSaying[] {
	return alerts => {
		if (!alerts.length) return [];
		const event = { type: 'm.room.message', content: { body: alerts.map(({ number }) => number).join() } };
		const root = alerts[0]?.root;
		const continues = root !== undefined && { continues: root };
		return [{ saying: { said: id, room: '!a', kind: 'event', event, ...continues }, says: alerts.map((_, i) => i) }];
	};
}

function given(watch: Subscription, alerts: readonly Alert[], say: WatchDecision['say'], at: Date): Promise<void> {
	return store.keepDecided([{ watch, alerts, say }], at);
}

/** All subscriptions to a server, read as two pages of which the first has one entry. */
async function watching(server: string): Promise<Watched[]> {
	const [first, ...rest] = await store.watchedBy(server, '', 1);
	const others = first ? await store.watchedBy(server, first.subscription.id, 100) : [];
	return [...(first ? [first] : []), ...rest, ...others];
}

let store: Store;
let place: Place;

export function watchStoreContract(places: Places): void {
	describe.each(Object.entries(places))('in %s', (_, make) => {
		afterEach(async () => {
			await store.close();
			place.remove();
		});

		async function open(): Promise<void> {
			place = await make();
			store = await place.open();
		}
		/** Reopens the store, as the next start of the process would. */
		async function reopen(): Promise<void> {
			if (!place.outlives) return;
			await store.close();
			store = await place.open();
		}

		test('keeps one subscription per room and server, and deletes everything with it', async () => {
			await open();
			const told = { version: '1.150.0', at: now.toISOString() };
			const record: CheckRecord = {
				...{ day: '2026-11-29', by: 'files', facts: ['workers'], conditions: { '1.2.0/a': [true, 'x'] }, starts: [] },
			};
			const first = subscription('!a', 'example.org', { facts: ['workers'], told, checks: [record] });
			await store.keepWatch(first, now);
			await store.keepWatch({ ...first, facts: ['docker'] }, now);
			await store.keepWatch(subscription('!b', 'example.org'), now);
			await reopen();
			expect(await store.watches('!a')).toEqual([{ ...first, facts: ['docker'] }]);
			expect(await store.watch('!a', 'example.org')).toEqual({ ...first, facts: ['docker'] });
			expect((await watching('example.org')).map(({ subscription }) => subscription.room)).toEqual(['!a', '!b']);
			await given(first, [alert('CVE-1')], saying('s1'), now);
			expect(await store.dropWatch('!a', 'example.org')).toBe(true);
			expect(await store.dropWatch('!a', 'example.org')).toBe(false);
			expect(await store.open('!a')).toEqual([]);
			expect(await store.heard(first.id)).toEqual([]);
			expect(await store.server('example.org')).toBeDefined();
			await store.dropWatch('!b', 'example.org');
			expect(await store.server('example.org')).toBeUndefined();
		});

		test('returns due servers in order, and those due impossibly far in the future', async () => {
			await open();
			for (const name of ['one', 'two', 'three', 'far']) await store.keepWatch(subscription('!a', name), now);
			const history = [{ is: 'synapse' as const, version: '1.150.0', since: 'a', until: 'b', looks: 2 }];
			const next = { one: 30, two: 10, three: 90, far: 100_000 };
			for (const [server, minutes] of Object.entries(next)) {
				await store.keepLook({ server, history, looked: now, next: later(minutes) });
			}
			await reopen();
			const names = async (...asked: Parameters<Store['dueServers']>) =>
				(await store.dueServers(...asked)).map(({ server }) => server);
			expect(await names(later(60), later(180), 10)).toEqual(['two', 'one', 'far']);
			expect(await names(later(60), later(180), 1)).toEqual(['two']);
			expect(await store.nextLook()).toEqual(later(10));
			expect(await store.looks()).toEqual({ last: now, next: later(10) });
			expect(await store.server('one')).toEqual({ server: 'one', history, looked: now, next: later(30) });
			await store.keepLooks([
				{ server: 'one', history: [], looked: later(1), next: later(40) },
				{ server: 'two', history, looked: later(2), next: later(50) },
			]);
			expect(await store.server('one')).toEqual({ server: 'one', history: [], looked: later(1), next: later(40) });
			expect(await store.server('two')).toEqual({ server: 'two', history, looked: later(2), next: later(50) });
			await store.keepLook({ server: 'nobody', history, next: now });
			expect(await store.server('nobody')).toBeUndefined();
		});

		test('lists the servers checked since a given time, latest first', async () => {
			await open();
			const looked = { one: 30, two: 10, three: 20 };
			for (const name of [...Object.keys(looked), 'never']) await store.keepWatch(subscription('!a', name), now);
			for (const [server, minutes] of Object.entries(looked))
				await store.keepLook({ server, history: [], looked: later(minutes), next: later(90) });
			await reopen();
			const names = async (since: Date, limit: number) =>
				(await store.lookedAtSince(since, limit)).map(({ server }) => server);
			expect(await names(later(15), 10)).toEqual(['one', 'three']);
			expect(await names(now, 2)).toEqual(['one', 'three']);
			expect(await names(later(31), 2)).toEqual([]);
		});

		test('stores an alert together with its messages, and never says it twice', async () => {
			await open();
			const watch = subscription('!a', 'example.org');
			await store.keepWatch(watch, now);
			await given(watch, [alert('CVE-1'), alert('CVE-2', { unsaid: true })], saying('s1'), now);
			await given(watch, [alert('CVE-1')], saying('s2'), later(1));
			await reopen();
			expect((await store.due(later(2), [], 10)).map(({ said }) => said)).toEqual(['s1']);
			const open_ = await store.open('!a');
			expect(open_.map(({ number, subject, root, unsaid }) => [number, subject, root, unsaid])).toEqual([
				[1, 'CVE-1', 's1', undefined],
				[2, 'CVE-2', undefined, true],
			]);
			await expect(
				given(
					watch,
					[alert('CVE-3')],
					() => {
						throw new Error('no words');
					},
					now,
				),
			).rejects.toThrow('no words');
			expect((await store.open('!a')).map(({ subject }) => subject)).toEqual(['CVE-1', 'CVE-2']);
		});

		test('stores a check together with what several rooms are told, or none of it', async () => {
			await open();
			const rooms = ['!a', '!b'].map(room => subscription(room, 'example.org'));
			for (const watch of rooms) await store.keepWatch(watch, now);
			const [before] = await store.serversOf('!a');
			const look = { server: 'example.org', history: [], looked: later(1), next: later(60) };
			const decisions = rooms.map(
				(watch): WatchDecision => ({
					watch,
					alerts: [alert('CVE-1', { watch: watch.id }), alert('CVE-2', { watch: watch.id })],
					say: numbered => saying(`s${watch.room}`)(numbered),
				}),
			);
			const failing: WatchDecision = {
				watch: subscription('!b', 'example.org'),
				alerts: [alert('CVE-3', { watch: '!b/example.org' })],
				say: () => {
					throw new Error('no words');
				},
			};
			await expect(store.keepDecided([...decisions, failing], now, look)).rejects.toThrow('no words');
			expect(await store.serversOf('!a')).toEqual([before]);
			expect(await store.open('!a')).toEqual([]);
			await store.keepDecided(decisions, now, look);
			await reopen();
			expect(await store.server('example.org')).toEqual(look);
			const told = (await watching('example.org')).map(({ said }) =>
				said.map(({ subject, number }) => [subject, number]),
			);
			const both = [
				['CVE-1', 1],
				['CVE-2', 2],
			];
			expect(told).toEqual([both, both]);
		});

		test('continues an alert in its thread, ends it once resolved, and never reuses its number', async () => {
			await open();
			const watch = subscription('!a', 'example.org');
			await store.keepWatch(watch, now);
			await given(watch, [alert('CVE-1')], saying('s1'), now);
			const [first] = await store.due(now, [], 1);
			if (!first) throw new Error('nothing is due');
			await store.sent(first.id, '$one', now);
			expect((await store.saidIn('!a', '$one')).map(({ subject }) => subject)).toEqual(['CVE-1']);
			expect(await store.saidIn('!b', '$one')).toEqual([]);
			expect(await store.eventOf('!a', 's1')).toBe('$one');
			await given(watch, [alert('CVE-1', { kind: 'reminder', stage: 'open+1' })], saying('s2'), later(1));
			await reopen();
			const [second] = await store.due(later(1), [], 1);
			expect(second).toMatchObject({ said: 's2', continues: 's1' });
			expect(await store.open('!a')).toMatchObject([{ reminders: 1, stage: 'open', at: later(1).toISOString() }]);
			// Messages that people can still reply to are kept longer than other delivered ones.
			await store.prune(later(100));
			expect(await store.eventOf('!a', 's1')).toBe('$one');
			await given(watch, [alert('CVE-1', { kind: 'solved', stage: 'solved' })], saying('s3'), later(2));
			expect(await store.open('!a')).toEqual([]);
			expect(await store.heard(watch.id)).toMatchObject([{ subject: 'CVE-1', solved: later(2).toISOString() }]);
			await given(watch, [alert('CVE-1', { episode: 'e2' })], saying('s4'), later(3));
			expect((await store.open('!a')).map(({ number }) => number)).toEqual([2]);
		});

		test('knows an alert by each of its messages, for as long as the alert is kept', async () => {
			await open();
			const watch = subscription('!a', 'example.org');
			await store.keepWatch(watch, now);
			const inParts = (id: string, parts: number) => (alerts: readonly NumberedAlert[]) =>
				Array.from({ length: parts }, (_, part): RootedSaying => {
					const said = part === 0 ? id : partOf(id, part);
					const event = { type: 'm.room.message', content: { body: `${id} ${part}` } };
					return {
						saying: { said, room: '!a', kind: 'event', event },
						says: part === 0 ? alerts.map((_, i) => i) : [],
					};
				});
			await given(watch, [alert('CVE-1')], inParts('s1', 3), now);
			await given(watch, [alert('CVE-2')], inParts('s2', 2), now);
			await store.say(
				[{ said: 'other', room: '!a', kind: 'event', event: { type: 'm.room.message', content: {} } }],
				later(1),
			);
			for (let due = await store.due(later(1), [], 1); due[0]; due = await store.due(later(1), [], 1))
				await store.sent(due[0].id, `$${due[0].said}`, now);
			await store.prune(later(100));
			await reopen();
			const saidIn = async (said: string) => (await store.saidIn('!a', `$${said}`)).map(({ subject }) => subject);
			for (const said of ['s1', partOf('s1', 1), partOf('s1', 2)]) expect(await saidIn(said)).toEqual(['CVE-1']);
			for (const said of ['s2', partOf('s2', 1)]) expect(await saidIn(said)).toEqual(['CVE-2']);
			expect(await saidIn('other')).toEqual([]);
			expect(await store.eventOf('!a', 'other')).toBeUndefined();
		});

		test('never gives the number of an alert to another one, even if its watch is over', async () => {
			await open();
			const [one, two] = [subscription('!a', 'one'), subscription('!a', 'two')];
			await store.keepWatch(one, now);
			await store.keepWatch(two, now);
			await given(one, [alert('CVE-1', { watch: one.id })], saying('s1'), now);
			await given(two, [alert('CVE-2', { watch: two.id })], saying('s2'), now);
			// A store of an earlier version does not have the last number yet.
			await store.kept.put('last alert in !a', '');
			await store.dropWatch('!a', 'two');
			await reopen();
			await given(one, [alert('CVE-3', { watch: one.id })], saying('s3'), now);
			expect((await store.open('!a')).map(({ number, subject }) => [number, subject])).toEqual([
				[1, 'CVE-1'],
				[3, 'CVE-3'],
			]);
			await store.dropWatch('!a', 'one');
			const move = { from: '!a', to: '!b', via: 'x', sender: '@admin:x', joined: false, since: now, tries: 0 };
			await store.moved(move, now);
			await store.keepWatch({ ...one, room: '!b' }, now);
			await given({ ...one, room: '!b' }, [alert('CVE-4', { watch: one.id })], saying('s4'), now);
			expect((await store.open('!b')).map(({ number }) => number)).toEqual([4]);
			await store.forget('!b');
			await store.keepWatch({ ...one, room: '!b' }, now);
			await given({ ...one, room: '!b' }, [alert('CVE-5', { watch: one.id })], saying('s5'), now);
			expect((await store.open('!b')).map(({ number }) => number)).toEqual([1]);
		});

		test('remembers which alerts are acknowledged or snoozed', async () => {
			await open();
			const watch = subscription('!a', 'example.org');
			await store.keepWatch(watch, now);
			await given(watch, [alert('CVE-1'), alert('CVE-2')], saying('s1'), now);
			const ids = (await store.open('!a')).map(({ id }) => id);
			await store.ack(ids.slice(0, 1), '@a:x', now);
			await store.snooze(ids.slice(1), { version: '1.170.0' });
			await reopen();
			expect((await store.open('!a')).map(({ acked, snoozed }) => [acked, snoozed])).toEqual([
				[true, undefined],
				[undefined, { version: '1.170.0' }],
			]);
			await store.snooze(ids, { until: '2027-01-15T00:00:00.000Z' });
			expect((await store.open('!a')).map(({ acked, snoozed }) => [acked, snoozed])).toEqual([
				[undefined, { until: '2027-01-15T00:00:00.000Z' }],
				[undefined, { until: '2027-01-15T00:00:00.000Z' }],
			]);
			// A snooze would keep back what an acknowledged alert still says: that its date has arrived.
			await store.ack(ids, '@a:x', now);
			expect((await store.open('!a')).map(({ acked, snoozed }) => [acked, snoozed])).toEqual([
				[true, undefined],
				[true, undefined],
			]);
		});

		test('moves a watch with its room, repeats nothing there, and starts new threads', async () => {
			await open();
			const watch = subscription('!a', 'example.org');
			await store.keepSettings('!a', { zone: 'Europe/Berlin', bare: false }, now);
			await store.keepWatch(watch, now);
			await given(watch, [alert('CVE-1')], saying('s1'), now);
			await store.moved(
				{ from: '!a', to: '!b', via: 'x', sender: '@admin:x', joined: false, since: now, tries: 0 },
				now,
			);
			await reopen();
			expect(await store.watches('!a')).toEqual([]);
			expect(await store.watches('!b')).toEqual([{ ...watch, room: '!b' }]);
			expect(await store.settings('!b')).toEqual({ zone: 'Europe/Berlin', bare: false });
			await given(watch, [alert('CVE-1')], saying('s2'), now);
			expect((await store.due(now, [], 10)).map(({ said, room }) => [said, room])).toEqual([['s1', '!b']]);
			expect((await store.open('!b')).map(({ root }) => root)).toEqual([undefined]);
			await store.forget('!b');
			expect(await store.watches('!b')).toEqual([]);
			expect(await store.server('example.org')).toBeUndefined();
		});

		test('decides nothing for a room that removed us, and decides for it again on our return', async () => {
			await open();
			const joined = (room: string, token: string) => ({
				token,
				joined: [{ room, state: {}, messages: [], redacted: [] }],
				invited: [],
				left: [],
			});
			await store.take(joined('!a', 't1'), now);
			await store.keepWatch(subscription('!a', 'example.org'), now);
			await store.take({ token: 't2', joined: [], invited: [], left: [{ room: '!a' }] }, now);
			expect(await watching('example.org')).toEqual([]);
			await store.take(joined('!a', 't3'), now);
			expect(await watching('example.org')).toHaveLength(1);
		});

		test('takes back what could not be sent before we were removed, so that it is decided again', async () => {
			await open();
			const joined = { joined: [{ room: '!a', state: {}, messages: [], redacted: [] }], invited: [], left: [] };
			await store.take({ token: 't1', ...joined }, now);
			const watch = subscription('!a', 'example.org', { heard: '1.0.0' });
			await store.keepWatch(watch, now);
			await given(
				watch,
				['1', '2', '3', '4'].map(id => alert(`CVE-${id}`)),
				saying('s1'),
				now,
			);
			for (const { id } of await store.due(now, [], 10)) await store.sent(id, '$s1', now);
			const change = { rule: 'change', stage: 'seen', severity: 'info' } as const;
			const unsent = [
				alert('CVE-1', { kind: 'stage', stage: 'worse' }),
				alert('CVE-2', { kind: 'reminder', stage: 'open+1' }),
				alert('CVE-3', { kind: 'solved', stage: 'solved' }),
				alert('CVE-5'),
				alert('1.0.0→1.1.0', { ...change, heard: '1.1.0' }),
			];
			const before = await watching('example.org');
			await given(watch, unsent, saying('s2'), later(1));
			await given(watch, [alert('1.1.0→1.2.0', { ...change, heard: '1.2.0' })], saying('s3'), later(2));
			await store.take({ token: 't2', joined: [], invited: [], left: [{ room: '!a' }] }, later(3));
			await store.take({ token: 't3', ...joined }, later(4));
			await reopen();
			expect(await watching('example.org')).toEqual(before);
			await given(watch, unsent, saying('s4'), later(5));
			expect((await store.due(later(5), [], 10)).map(({ said }) => said)).toEqual(['s4']);
		});

		test('takes back the first message about what a card showed, and what ended before it was sent', async () => {
			await open();
			const joined = { joined: [{ room: '!a', state: {}, messages: [], redacted: [] }], invited: [], left: [] };
			await store.take({ token: 't1', ...joined }, now);
			const watch = subscription('!a', 'example.org');
			await store.keepWatch(watch, now);
			await given(watch, [alert('CVE-1', { unsaid: true })], saying('s1'), now);
			const before = await store.heard(watch.id);
			await given(watch, [alert('CVE-1', { kind: 'stage', stage: 'worse' }), alert('CVE-2')], saying('s2'), later(1));
			const over = alert('CVE-2', { kind: 'solved', stage: 'solved', unsaid: true });
			await given(watch, [over], saying('s3'), later(2));
			await store.take({ token: 't2', joined: [], invited: [], left: [{ room: '!a' }] }, later(3));
			await store.take({ token: 't3', ...joined }, later(4));
			await reopen();
			expect(await store.heard(watch.id)).toEqual(before);
			await given(watch, [alert('CVE-2')], saying('s4'), later(5));
			expect((await store.due(later(5), [], 10)).map(({ said }) => said)).toEqual(['s4']);
		});
	});
}

// Stores that are only partly in memory behave as if they were there completely.
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { between, lookupsOf, type Query } from '../../crypto/by-need.ts';
import { type Database, type Entry, type Key, type Mirror, openMirror } from '../../crypto/mirror.ts';

const require = createRequire(import.meta.url);
const { indexedDB: fake } = require('fake-indexeddb') as { indexedDB: IDBFactory };

/** Pseudo-random numbers that are the same in each run. */
function dice(seed: number): (sides: number) => number {
	let state = seed;
	return sides => {
		state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
		return Math.floor((state / 2 ** 31) * sides);
	};
}

const parts = ['', 'a', 'ab', 'ab"', 'ab\\', 'abé', 'ab\n', 'ab\u{1F600}', 'b', '￿'];

function randomKey(roll: (sides: number) => number, depth = 0): Key {
	const kind = roll(depth > 1 ? 2 : 3);
	if (kind === 0) return `${parts[roll(parts.length)]}${parts[roll(parts.length)]}`;
	if (kind === 1) return [-3, 0, 1, 12, 13, 120, 1.5][roll(7)] ?? 0;
	return Array.from({ length: roll(4) }, () => randomKey(roll, depth + 1));
}

test('finds a prefix with which everything between two keys begins', () => {
	const roll = dice(1);
	let inside = 0;
	for (let i = 0; i < 200_000; i++) {
		// Random keys seldom have anything in common, so let half of these begin alike.
		const start = parts[roll(parts.length)] ?? '';
		const alike = roll(2) === 0;
		const [from, key, to] = [1, 2, 3].map(() => (alike ? start + parts[roll(parts.length)] : randomKey(roll))) as [
			Key,
			Key,
			Key,
		];
		if (fake.cmp(from, key) > 0 || fake.cmp(key, to) > 0) continue;
		inside++;
		const prefix = between(from, to);
		expect(JSON.stringify(key).startsWith(prefix), JSON.stringify([from, key, to, prefix])).toBe(true);
	}
	expect(inside).toBeGreaterThan(5000);
	expect(between('room:a', 'room:\uffff')).toBe('"room:');
	expect(between(['sender', 1, ''], ['sender', 2])).toBe('["sender",');
	expect(between(undefined, 'a')).toBe('');
});

const indexes = [
	{ name: 'by_sender', keyPath: ['sender', 'kind'], unique: false, multiEntry: false },
	{ name: 'by_kind', keyPath: 'kind', unique: false, multiEntry: false },
];
/** The first is read on demand, the other is in memory. Both must return the same results. */
const stores = ['inbound_group_sessions3', 'whole'].map(name => ({ name, keyPath: null, indexes }));
const shape: Database = { name: 'db', version: 1, stores };

type Kept = { databases: Database[]; records: Map<string, Map<string, Entry>>; reads: number };

/** The records on a simulated disk. */
function disk(): Kept {
	return { databases: [shape], records: new Map(stores.map(({ name }) => [name, new Map()])), reads: 0 };
}

function readFrom(kept: Kept) {
	return async (_: string, store: string, { prefix, exact, index }: Query): Promise<Entry[]> => {
		kept.reads++;
		await new Promise(setImmediate);
		const fits = (text: string) => (exact ? text === prefix : text.startsWith(prefix));
		return [...(kept.records.get(store)?.values() ?? [])].filter(({ key, value }) =>
			index === undefined
				? fits(JSON.stringify(key))
				: lookupsOf(stores[0] as never, value).some(({ name, value: found }) => name === index && fits(found)),
		);
	};
}

async function mirrorOf(kept: Kept, most: number): Promise<Mirror> {
	const entries = (_: string, store: string) => kept.records.get(store)?.values() ?? [];
	return openMirror(kept.databases, entries, readFrom(kept), most);
}

async function flush(mirror: Mirror, kept: Kept): Promise<void> {
	await mirror.settled();
	for (const { store, key, record } of mirror.takeTouched()) {
		const rows = kept.records.get(store);
		if (record === undefined) rows?.delete(JSON.stringify(key));
		else rows?.set(JSON.stringify(key), structuredClone(record));
	}
	mirror.forget();
}

function opened(mirror: Mirror): Promise<IDBDatabase> {
	return new Promise((resolve, reject) => {
		const request = indexedDB.open(`${mirror.name}db`);
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

type Act = (store: IDBObjectStore) => IDBRequest;

/** Does the same in a transaction on each store, and returns both results. */
async function both(db: IDBDatabase, acts: readonly Act[], aborted = false): Promise<unknown[]> {
	return Promise.all(
		stores.map(async ({ name }) => {
			const transaction = db.transaction(name, 'readwrite');
			const ended = new Promise(resolve => {
				transaction.oncomplete = transaction.onabort = resolve;
			});
			const answers: unknown[] = [];
			const store = transaction.objectStore(name);
			for (const act of acts) {
				const request = act(store);
				const answer: unknown[] = [];
				answers.push(answer);
				let failed = false;
				await new Promise<void>(resolve => {
					request.onerror = () => {
						failed = true;
						resolve();
					};
					request.onsuccess = () => {
						const { result } = request;
						if (!(result instanceof IDBCursor)) {
							answer.push(result);
							return resolve();
						}
						answer.push([result.key, result.primaryKey, Reflect.get(result, 'value')]);
						result.continue();
					};
				});
				// The transaction is then aborted.
				if (failed) {
					answers.push('failed');
					break;
				}
			}
			if (aborted && answers.at(-1) !== 'failed') transaction.abort();
			await ended;
			return answers;
		}),
	);
}

function randomAct(roll: (sides: number) => number): Act {
	const key = () => (roll(4) ? `r${roll(3)}:k${roll(9)}` : [`r${roll(3)}`, roll(12)]);
	const range = () => {
		const room = `r${roll(3)}:`;
		const all = [
			undefined,
			IDBKeyRange.bound(room, `${room}\uffff`),
			IDBKeyRange.bound([`r${roll(3)}`], ['r2', 5], true, false),
			IDBKeyRange.lowerBound('r1'),
			IDBKeyRange.only(key()),
		];
		return all[roll(all.length)];
	};
	const sender = () => `s${roll(4)}`;
	const ofSender = () => IDBKeyRange.bound([sender(), roll(3), ''], [sender(), 3], true, true);
	const acts: Act[] = [];
	const chosen = key();
	const asked = range();
	const gone = asked && roll(3) === 0 ? asked : chosen;
	const kind = roll(4);
	const value = { sender: sender(), kind: roll(5) ? roll(4) : true, text: `t${roll(1000)}` };
	const senders = (() => {
		try {
			return ofSender();
		} catch {
			return undefined;
		}
	})();
	acts.push(
		store => store.put(value, chosen),
		store => store.put(value, chosen),
		store => store.put(value, chosen),
		store => store.add(value, [...`${chosen}`, 'new']),
		store => store.get(chosen),
		store => store.get(chosen),
		store => store.delete(gone),
		store => store.count(asked),
		store => store.getAll(asked),
		store => store.getAllKeys(asked),
		store => store.openCursor(asked),
		store => store.index('by_sender').getAll(senders),
		store => store.index('by_sender').openCursor(senders),
		store => store.index('by_kind').count(),
		store => store.index('by_kind').get(kind),
	);
	return acts[roll(acts.length)] as Act;
}

test.each([1, 2, 3])('a store read on demand behaves like one in memory (seed %i)', async seed => {
	const roll = dice(seed);
	const kept = disk();
	let mirror = await mirrorOf(kept, 3);
	let db = await opened(mirror);
	for (let i = 0; i < 400; i++) {
		const acts = Array.from({ length: 1 + roll(3) }, () => randomAct(roll));
		const [needed, whole] = await both(db, acts, roll(8) === 0);
		expect(needed, `step ${i}`).toEqual(whole);
		if (roll(3) === 0) await flush(mirror, kept);
		if (roll(50) === 0) {
			db.close();
			await flush(mirror, kept);
			mirror.close();
			mirror = await mirrorOf(kept, 3);
			db = await opened(mirror);
		}
	}
	db.close();
	await flush(mirror, kept);
	expect([...(kept.records.get('inbound_group_sessions3') ?? [])].sort()).toEqual(
		[...(kept.records.get('whole') ?? [])].sort(),
	);
	expect(kept.records.get('whole')?.size).toBeGreaterThan(5);
	expect(kept.reads).toBeGreaterThan(100);
	mirror.close();
});

test('fails the request, and the call behind it, if a value cannot be read', async () => {
	const kept = disk();
	const failing = () => Promise.reject(new Error('the line is cut'));
	const mirror = await openMirror(kept.databases, () => [], failing);
	const db = await opened(mirror);
	const [needed] = await both(db, [store => store.get('a')]);
	expect(needed).toEqual([[], 'failed']);
	db.close();
	await expect(mirror.settled()).rejects.toThrow('the line is cut');
	mirror.close();
});

test('loads the whole store if its format changes', async () => {
	const kept = disk();
	for (let i = 0; i < 20; i++)
		kept.records.get('inbound_group_sessions3')?.set(JSON.stringify(`k${i}`), { key: `k${i}`, value: { other: i } });
	const mirror = await mirrorOf(kept, 3);
	const db = await new Promise<IDBDatabase>((resolve, reject) => {
		const request = indexedDB.open(`${mirror.name}db`, 2);
		request.onupgradeneeded = () =>
			request.transaction?.objectStore('inbound_group_sessions3').createIndex('by_other', 'other');
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
	const found = await new Promise(resolve => {
		const request = db
			.transaction('inbound_group_sessions3')
			.objectStore('inbound_group_sessions3')
			.index('by_other')
			.count();
		request.onsuccess = () => resolve(request.result);
	});
	expect(found).toBe(20);
	expect([...mirror.entries('db', 'inbound_group_sessions3')]).toHaveLength(20);
	db.close();
	mirror.close();
});

// Makes IndexedDB requests wait until the records they ask for have been read. fake-indexeddb runs a request at once; here
// the queue of its transaction waits, and with it every transaction that waits for this one.
import { between, everything, type Query, type Window } from './by-need.ts';
import { checkedKey } from './database.ts';

interface Transaction {
	mode: string;
	_started: boolean;
	db: { _rawDatabase: { rawObjectStores: Map<string, object> } };
	_requests: { request: { readyState: string }; operation: () => unknown; need?: () => Promise<void> }[];
	_start(): void;
}
interface KeyRange {
	lower: unknown;
	upper: unknown;
}
/** The fake-indexeddb classes whose methods create or run requests. */
export interface RequestClasses {
	IDBKeyRange: { new (): KeyRange; only(key: unknown): object };
	IDBTransaction: { prototype: Transaction };
	IDBObjectStore: { prototype: object };
	IDBIndex: { prototype: object };
}

/** Makes requests to stores that are read on demand wait until the records are in memory. */
export function readBeforeRequests(classes: RequestClasses, windowOf: (store: object) => Window | undefined): void {
	const of = (
		prototype: object,
		names: readonly string[],
		need: (source: object, args: unknown[]) => Need | undefined,
	) => {
		for (const name of names) {
			const method = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
			Reflect.set(prototype, name, function (this: object, ...args: unknown[]) {
				const answer = method.apply(this, args);
				const needed = need(this, args);
				const request = needed?.transaction._requests.at(-1);
				if (needed && request) request.need = () => needed.window.need(needed.query);
				return answer;
			});
		}
	};
	const ofStore = (source: object, query: Query): Need | undefined => {
		const { _rawObjectStore, transaction } = source as { _rawObjectStore: object; transaction: Transaction };
		const window = windowOf(_rawObjectStore);
		return window && { window, transaction, query };
	};
	const reading = ['get', 'getKey', 'getAll', 'getAllKeys', 'getAllRecords', 'count', 'openCursor', 'openKeyCursor'];
	of(classes.IDBObjectStore.prototype, [...reading, 'delete'], (source, [asked]) =>
		ofStore(source, queryOf(asked, classes)),
	);
	of(classes.IDBObjectStore.prototype, ['add', 'put'], (source, [, key]) => ofStore(source, queryOf(key, classes)));
	of(classes.IDBObjectStore.prototype, ['clear'], source => ofStore(source, everything));
	of(classes.IDBIndex.prototype, reading, (source, [asked]) => {
		const { _rawIndex, objectStore } = source as { _rawIndex: { name: string }; objectStore: object };
		return ofStore(objectStore, { ...queryOf(asked, classes), index: _rawIndex.name });
	});
	const { prototype } = classes.IDBTransaction;
	const start = prototype._start;
	prototype._start = function () {
		this._started = true;
		const next = this._requests.find(({ request }) => request.readyState !== 'done');
		const need = next?.need ?? upgradeOf(this, windowOf);
		if (!need) return void start.call(this);
		delete next?.need;
		need()
			.catch((error: unknown) => {
				if (next)
					next.operation = () => {
						throw error;
					};
			})
			.then(() => start.call(this));
	};
}

type Need = { window: Window; transaction: Transaction; query: Query };

const upgraded = new WeakSet<Transaction>();

/** When wasm changes the shape of its stores, all of their records have to be in memory. */
function upgradeOf(
	transaction: Transaction,
	windowOf: (store: object) => Window | undefined,
): (() => Promise<void>) | undefined {
	if (transaction.mode !== 'versionchange' || upgraded.has(transaction)) return undefined;
	upgraded.add(transaction);
	const stores = [...transaction.db._rawDatabase.rawObjectStores.values()];
	const needed = stores.flatMap(store => windowOf(store) ?? []);
	if (needed.length === 0) return undefined;
	return async () => {
		for (const window of needed) await window.needAll();
	};
}

/** What an argument of an IndexedDB method asks for; everything if that is unclear. */
function queryOf(asked: unknown, { IDBKeyRange }: RequestClasses): Query {
	if (asked === undefined || asked === null) return everything;
	if (asked instanceof IDBKeyRange) {
		const [from, to] = [asked.lower, asked.upper].map(bound => (bound === undefined ? undefined : checkedKey(bound)));
		const prefix = between(from, to);
		return { prefix, exact: from !== undefined && prefix === JSON.stringify(from) && prefix === JSON.stringify(to) };
	}
	if (typeof asked === 'string' || typeof asked === 'number' || Array.isArray(asked))
		return { prefix: JSON.stringify(checkedKey(asked)), exact: true };
	return everything;
}

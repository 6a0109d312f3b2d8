// What is remembered for a while: bounded in number, the least recently used goes first.
import { LRUCache } from 'lru-cache';

export type TimedCache<Value extends object | string | number | boolean> = LRUCache<string, Value>;

/** A cache whose entries end after the `ttl` (ms) that they are set with, by the clock `now` (ms). */
export function timedCache<Value extends object | string | number | boolean>(
	maxEntries: number,
	now: () => number,
): TimedCache<Value> {
	return new LRUCache({
		// Not `max`, which reserves the memory of all entries at once.
		maxSize: maxEntries,
		sizeCalculation: () => 1,
		perf: { now },
		// Each look at the clock counts: by default it is read at most once a millisecond.
		ttlResolution: 0,
	});
}

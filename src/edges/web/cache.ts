// Caches with limited lifetime and size; the least recently used entry goes first.
import { LRUCache } from 'lru-cache';

export type TimedCache<Value extends object | string | number | boolean> = LRUCache<string, Value>;

/** A cache whose entries expire after their own `ttl` (ms), by the clock `now` (ms). */
export function timedCache<Value extends object | string | number | boolean>(
	maxEntries: number,
	now: () => number,
): TimedCache<Value> {
	return new LRUCache({
		// Not `max`, which allocates memory for all entries up front.
		maxSize: maxEntries,
		sizeCalculation: () => 1,
		perf: { now },
		// Read the clock on every access; the default reads it at most once a millisecond.
		ttlResolution: 0,
	});
}

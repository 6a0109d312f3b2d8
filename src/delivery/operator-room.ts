// Finds the current operator's room: the configured one, or the last in the chain that replaced it.
import type { Store } from '../ports/store.ts';

type PathStore = Pick<Store, 'kept' | 'replacementOf'>;

/** Kept because the store forgets rooms that the bot has left, and with them what replaced them. */
type RoomPath = { named: string; path: string[] };

const memoryKey = 'operator room';

/** `named`: the configured room. When that changes, the old path is forgotten. */
export async function operatorRoom(named: string, { kept, replacementOf }: PathStore): Promise<string> {
	const text = await kept.get(memoryKey);
	const memory = text === undefined ? undefined : (JSON.parse(text) as RoomPath);
	const path = memory?.named === named ? memory.path : [named];
	const known = path.length;
	for (;;) {
		const now = path.at(-1) ?? named;
		const next = await replacementOf(now);
		// Rooms may replace each other in a cycle.
		if (next === undefined || path.includes(next)) break;
		path.push(next);
	}
	if (path.length > known) await kept.put(memoryKey, JSON.stringify({ named, path } satisfies RoomPath));
	return path.at(-1) ?? named;
}

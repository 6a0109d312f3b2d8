// When the running bot last copied its store for a backup that was completed, for metrics and the operator's room.
// A backup does not contain its own date, because the date is written only afterwards.
import type { Store } from '../ports/store.ts';

const key = 'last backup';

export async function noteBackup(kept: Store['kept'], now: Date): Promise<void> {
	await kept.put(key, now.toISOString());
}

/** Undefined if there was none. */
export async function lastBackup(kept: Pick<Store['kept'], 'get'>): Promise<Date | undefined> {
	const at = await kept.get(key);
	return at === undefined ? undefined : new Date(at);
}

// What is wrong with the bot itself, for its operator: faults as data, each with a key that stays the same during
// an episode.
import type { SourceTrouble } from '../watch/upstream-outage.ts';

/** The bot's state at the time it is checked for faults. */
export type BotCondition = {
	/** What the operator has to do to get the device signed. */
	needs?: string;
	/** Why nothing can be said in encrypted rooms. */
	mute?: string;
	muteBy?: 'homeserver' | 'store';
	/** Another Glia on the same account, and sessions that could not be logged out. */
	second?: string;
	lingering?: readonly string[];
	storeLost?: Date;
	/** When a copy of the running bot's store was last handed out; absent if never. */
	lastBackup?: Date;
	/** A newer version of Glia than this one. */
	newer?: string;
	sources: readonly { name: string; read?: Date; trouble?: SourceTrouble; failures: number }[];
	startedAt: Date;
};

export type OperatorFault =
	| { is: 'unsigned'; needs: string }
	| { is: 'mute'; why: string; by?: 'homeserver' | 'store' }
	| { is: 'second'; device: string }
	| { is: 'lingering'; devices: readonly string[] }
	| { is: 'store-lost'; at: Date }
	| { is: 'old-backup'; at: Date }
	| { is: 'newer-version'; version: string }
	| { is: 'stale-source'; name: string; read?: Date; trouble?: SourceTrouble };

/** A source that could not be read for this long (ms), after this many attempts, is stale. */
const staleAfter = 2 * 24 * 3600_000;
const staleTries = 3;
/** A source never read since the start is stale sooner (ms): none of its earlier content is in use. */
const neverReadAfter = 6 * 3600_000;
/** Anyone who has made one backup expects the next within this time (ms): with nightly backups, three have failed. */
const backupAfter = 3 * 24 * 3600_000;

export function lastingFaults(condition: BotCondition, now: Date): Map<string, OperatorFault> {
	const {
		needs,
		mute,
		muteBy: by,
		second,
		lingering = [],
		storeLost,
		lastBackup,
		newer,
		sources,
		startedAt,
	} = condition;
	const found = new Map<string, OperatorFault>();
	if (needs !== undefined) found.set('unsigned', { is: 'unsigned', needs });
	if (mute !== undefined) found.set('mute', { is: 'mute', why: mute, ...(by && { by }) });
	if (second !== undefined) found.set(`second ${second}`, { is: 'second', device: second });
	if (lingering.length > 0) found.set('lingering', { is: 'lingering', devices: lingering });
	if (storeLost) found.set(`store lost ${storeLost.toISOString()}`, { is: 'store-lost', at: storeLost });
	if (lastBackup && now.getTime() - lastBackup.getTime() >= backupAfter)
		found.set(`backup ${lastBackup.toISOString()}`, { is: 'old-backup', at: lastBackup });
	if (newer !== undefined) found.set(`newer ${newer}`, { is: 'newer-version', version: newer });
	for (const { name, read, trouble, failures } of sources) {
		const age = now.getTime() - (read ?? startedAt).getTime();
		if (failures < staleTries || age < (read ? staleAfter : neverReadAfter)) continue;
		found.set(`source ${name}`, {
			is: 'stale-source',
			name,
			...(read && { read }),
			...(trouble !== undefined && { trouble }),
		});
	}
	return found;
}

/** After a start, most of the condition is unknown for a while (ms), which does not mean that a fault is over. */
const settlesIn = 3600_000;

/** Whether a fault that `lastingFaults` no longer finds is over. `key`: as it was found. */
export function isOver(key: string, { sources, startedAt }: BotCondition, now: Date): boolean {
	// Only an update of Glia ends it, and then it never returns.
	if (key.startsWith('newer ')) return false;
	const source = sources.find(({ name }) => key === `source ${name}`);
	// A start also resets the failures.
	if (source) return source.read !== undefined && now.getTime() - source.read.getTime() < staleAfter;
	return now.getTime() - startedAt.getTime() >= settlesIn;
}

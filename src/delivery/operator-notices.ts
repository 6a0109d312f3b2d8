// Reports faults to the operator's room that would otherwise only be in the log, each once while it lasts.
import { type BotCondition, isOver, lastingFaults } from '../advice/operator/faults.ts';
import { saidId } from '../bot/said-id.ts';
import { type OperatorNews, operatorNewsWords } from '../messages/operator.ts';
import type { GivenUp } from '../ports/operator.ts';
import type { Saying } from '../ports/saying.ts';
import type { Store } from '../ports/store.ts';
import { matrixMessages } from '../render/matrix.ts';
import { hasCome } from '../runtime/clock.ts';
import { lastBackup } from './last-backup.ts';
import { operatorRoom } from './operator-room.ts';

export type OperatorNotices = {
	store: Pick<Store, 'kept' | 'joinedRooms' | 'givenUpSince' | 'lostRoomsSince' | 'replacementOf' | 'say'>;
	/** The operator's room, as configured. */
	room: string;
	condition: () => BotCondition;
	/** The longest time (ms) that the event loop was blocked since the last call. */
	takeWorst: () => number;
	now: () => Date;
	/** Called when something was put into the outbox. */
	said: () => void;
};

/**
 * Kept across restarts. Everything up to `since` was reported, and so was what `told` names, which happened while the
 * clock was ahead. `open`: since when each lasting fault has been known, and whether it was reported.
 */
type Memory = {
	since: string;
	told?: string[];
	open: Record<string, { since: string; told: boolean }>;
	frozen?: string;
};

const memoryKey = 'operator told';
/** Why the process ended, for the next start to report. */
const endedKey = 'operator ended';
/** When another process took over, for the operator's room. */
const takenOverKey = 'operator taken over';
/** A blocked event loop is reported if it was blocked for at least `frozenFor` (ms), once per `frozenPause` (ms). */
const frozenFor = 10_000;
const frozenPause = 3600_000;
/** After a clock that was ahead is set right, what happened this recently (ms) may not have been reported yet. */
const recent = 60_000;

/** Records why the process ended, for the next start to report. */
export async function noteEnding(kept: Store['kept'], why: string, now: Date): Promise<void> {
	await kept.put(endedKey, JSON.stringify({ at: now.toISOString(), why }));
}

/** Records that a replica took over from one that could not go on. */
export async function noteTakeOver(kept: Store['kept'], now: Date): Promise<void> {
	await kept.put(takenOverKey, now.toISOString());
}

/** Reports what is new. While the bot is not in the room, nothing is reported and nothing is lost. */
export async function tellOperator(notices: OperatorNotices): Promise<undefined> {
	const { store, now, condition, takeWorst, said } = notices;
	const at = now();
	const room = await operatorRoom(notices.room, store);
	if (!(await store.joinedRooms()).includes(room)) return;
	const memory = await recall(store.kept, at);
	const backup = await lastBackup(store.kept);
	const current = { ...condition(), ...(backup && { lastBackup: backup }) };
	const lasting = lastingFaults(current, at);
	// A fault that is over can return as a new episode.
	for (const key of Object.keys(memory.open))
		if (!lasting.has(key) && isOver(key, current, at)) delete memory.open[key];
	for (const key of lasting.keys()) memory.open[key] ??= { since: at.toISOString(), told: false };
	const { givenUp, lost, keep } = await eventsSince(memory, { store, room, at });
	const fresh = [...lasting].filter(([key]) => !memory.open[key]?.told);
	const ended = await endingIn(store.kept);
	const takenOver = await takeOverIn(store.kept);
	const frozen = frozenIn(memory, takeWorst(), at);
	const news: OperatorNews = {
		faults: fresh.map(([, fault]) => fault),
		givenUp,
		lost,
		...(frozen !== undefined && { frozen }),
		...(ended && { ended }),
		...(takenOver && { takenOver }),
	};
	const once = [ended, takenOver, frozen];
	const isNews = fresh.length + givenUp.length + lost.length > 0 || once.some(one => one !== undefined);
	if (isNews) {
		const what = [
			...fresh.map(([key]) => `${key} ${memory.open[key]?.since}`),
			...givenUp.map(({ key }) => key),
			...lost.map(({ key }) => key),
			...(ended ? [`ended ${ended.at.toISOString()}`] : []),
			...(takenOver ? [`taken over ${takenOver.toISOString()}`] : []),
			...(frozen === undefined ? [] : [`frozen ${at.toISOString()}`]),
		];
		// Before queuing: if the process is killed in between, the next start queues them under the same ids.
		await remember(store.kept, memory);
		await store.say(sayingsOf(room, what, news, at), at);
		for (const [key] of fresh) memory.open[key] = { since: memory.open[key]?.since ?? at.toISOString(), told: true };
		said();
	}
	keep();
	await remember(store.kept, memory);
	if (ended) await store.kept.put(endedKey, '');
	if (takenOver) await store.kept.put(takenOverKey, '');
}

type OneOff<Event> = Event & { key: string; time: Date };
type OneOffs = {
	givenUp: OneOff<GivenUp>[];
	lost: OneOff<{ room: string }>[];
	/** Records in the memory that they were reported. */
	keep: () => void;
};

/** What happened outside the operator's room and was not reported yet. */
async function eventsSince(
	memory: Memory,
	{ store, room, at }: Pick<OperatorNotices, 'store' | 'room'> & { at: Date },
): Promise<OneOffs> {
	const reported = new Date(memory.since);
	const isAhead = reported > at;
	const since = isAhead ? new Date(at.getTime() - recent) : reported;
	const all = {
		givenUp: (await store.givenUpSince(since)).map(one => ({ ...one, key: `given up ${one.id}`, time: one.at })),
		lost: (await store.lostRoomsSince(since)).map(one => ({
			...one,
			key: `lost ${one.room} ${one.since.toISOString()}`,
			time: one.since,
		})),
	};
	const both = [...all.givenUp, ...all.lost];
	const ahead = isAhead ? both.filter(({ time }) => time > at && time <= reported).map(({ key }) => key) : [];
	const told = new Set([...(memory.told ?? []), ...ahead]);
	const isNew = ({ key, room: of }: OneOff<{ room: string }>) => of !== room && !told.has(key);
	return {
		givenUp: all.givenUp.filter(isNew),
		lost: all.lost.filter(isNew),
		keep() {
			const past = both.filter(({ time }) => time <= at).map(({ time }) => time.getTime());
			memory.since = new Date(Math.max(since.getTime(), ...past)).toISOString();
			const future = both.filter(({ time }) => time.toISOString() > memory.since).map(({ key }) => key);
			delete memory.told;
			if (future.length > 0) memory.told = future;
		},
	};
}

function sayingsOf(room: string, what: readonly string[], news: OperatorNews, at: Date): Saying[] {
	const { contents } = matrixMessages(operatorNewsWords(news, at));
	return contents.map((content, part): Saying => {
		const said = saidId('operator', room, ...what, part);
		return {
			said,
			room,
			kind: 'event',
			event: { type: 'm.room.message', content: { ...content, 'io.glia.said': said } },
		};
	});
}

function frozenIn(memory: Memory, worst: number, at: Date): number | undefined {
	const next = memory.frozen === undefined ? undefined : new Date(Date.parse(memory.frozen) + frozenPause);
	if (worst < frozenFor || (next && !hasCome(next, at, frozenPause))) return undefined;
	memory.frozen = at.toISOString();
	return worst;
}

async function recall(kept: Store['kept'], at: Date): Promise<Memory> {
	const text = await kept.get(memoryKey);
	// Nothing that happened before the room was configured is reported.
	return text === undefined ? { since: at.toISOString(), open: {} } : (JSON.parse(text) as Memory);
}

async function remember(kept: Store['kept'], memory: Memory): Promise<void> {
	const text = JSON.stringify(memory);
	if (text !== (await kept.get(memoryKey))) await kept.put(memoryKey, text);
}

async function endingIn(kept: Store['kept']): Promise<OperatorNews['ended']> {
	const text = await kept.get(endedKey);
	if (!text) return undefined;
	const { at, why } = JSON.parse(text) as { at: string; why: string };
	return { at: new Date(at), why };
}

async function takeOverIn(kept: Store['kept']): Promise<Date | undefined> {
	const text = await kept.get(takenOverKey);
	return text ? new Date(text) : undefined;
}

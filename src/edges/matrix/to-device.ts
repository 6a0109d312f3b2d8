// Handles what a sync brings for this device: room keys, changes of other people's devices, the state of our own keys.
import { DeviceLists, isCryptoError, type OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { Log } from '../../runtime/log.ts';
import { isRecord, type Json, record } from './json.ts';

export type Arrived = {
	/** The to-device events, decrypted. */
	events: Json[];
	/** The Megolm sessions whose keys are among them. */
	sessions: Set<string>;
	/** The users whose devices have changed. */
	changed: UserId[];
};

/**
 * Passes to-device events to the machine. Those that it rejects are left out, so that a bad event from a stranger
 * does not block the rest.
 */
export async function receiveToDevice(machine: OlmMachine, sync: Json, log: Log): Promise<Arrived> {
	const lists = record(sync.device_lists);
	const changed = usersOf(lists.changed);
	const counts = countsOf(sync.device_one_time_keys_count);
	const fallbacks = stringsOf(
		sync.device_unused_fallback_key_types ?? sync['org.matrix.msc2732.device_unused_fallback_key_types'],
	);
	const deviceLists = new DeviceLists(changed, usersOf(lists.left));

	async function receive(events: readonly unknown[]): Promise<Json[]> {
		try {
			const read = JSON.parse(await machine.receiveSyncChanges(JSON.stringify(events), deviceLists, counts, fallbacks));
			return Array.isArray(read) ? read.filter(isRecord) : [];
		} catch (error) {
			if (isCryptoError(error) || events.length === 0) throw error;
			log.warn({ err: error, events: events.length }, 'received an invalid to-device message');
			if (events.length === 1) return receive([]);
			const read: Json[] = [];
			for (const event of events) read.push(...(await receive([event])));
			return read;
		}
	}

	const events = await receive(toDeviceEvents(sync));
	return { events, sessions: new Set(events.flatMap(event => sessionOf(event) ?? [])), changed };
}

/** The to-device events as received. */
export function toDeviceEvents(sync: Json): readonly unknown[] {
	const { events } = record(sync.to_device);
	return Array.isArray(events) ? events : [];
}

/** User ids; anything else is left out. */
export function usersOf(value: unknown): UserId[] {
	return stringsOf(value).flatMap(text => {
		try {
			return [new UserId(text)];
		} catch {
			return [];
		}
	});
}

/** The Megolm session whose key a to-device event carries. */
function sessionOf({ type, content }: Json): string | undefined {
	if (type !== 'm.room_key' && type !== 'm.forwarded_room_key') return undefined;
	const session = record(content).session_id;
	return typeof session === 'string' ? session : undefined;
}

function countsOf(value: unknown): Record<string, number> {
	return Object.fromEntries(
		Object.entries(record(value)).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])),
	);
}

function stringsOf(value: unknown): string[] {
	return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
}

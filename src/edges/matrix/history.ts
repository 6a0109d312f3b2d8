// Reads room history backwards. matrix-bot-sdk has no method for it.
import type { Homeserver, Outcome, Wanted } from '../../ports/homeserver.ts';
import type { Encryption } from './encryption.ts';
import { historyFilter, pageOf } from './events.ts';
import { isRecord, type Json, record } from './json.ts';
import { objectOf, roomPath, type Session, senseless } from './session.ts';

/** Events per page. */
const limit = 100;

/** At most this many pages are searched for an event of ours, in case a homeserver never reports the end. */
const maxPages = 1000;

type HistorySetup = { session: Session; encryption: Encryption | undefined; now: () => Date };

export function openHistory({
	session,
	encryption,
	now,
}: HistorySetup): Pick<Homeserver, 'history' | 'find' | 'replied'> {
	const { user } = session;
	const page = (room: string, query: object) =>
		session.call(objectOf, client =>
			client.doRequest('GET', roomPath(room, 'messages'), { dir: 'b', limit, ...query }),
		);

	/**
	 * Searches our own events in a room, newest first, decrypted where possible, until `take` returns something, the
	 * events are older than `since`, or `maxPages` have been read.
	 */
	async function own<T>(
		room: string,
		since: Date,
		take: (closed: readonly Json[], opened: readonly Json[]) => T | undefined,
	): Promise<Outcome<T | undefined>> {
		const filter = JSON.stringify({ senders: [user] });
		let from: string | undefined;
		for (let pages = 0; pages < maxPages; pages++) {
			const read = await page(room, { filter, ...(from && { from }) });
			if ('failure' in read) return read;
			const { chunk, end } = read.value;
			if (!Array.isArray(chunk)) return senseless;
			const events = chunk.filter(isRecord);
			const closed = [...events];
			const opening = await session.guarded(async () => encryption?.open(room, events));
			if ('failure' in opening) return opening;
			const found = take(closed, events);
			if (found !== undefined) return { value: found };
			const oldest = events.at(-1)?.origin_server_ts;
			const isPast = typeof oldest === 'number' && oldest < since.getTime();
			if (typeof end !== 'string' || isPast) return { value: undefined };
			from = end;
		}
		return { value: undefined };
	}

	async function find(room: string, { said, since, sealed, answers }: Wanted): Promise<Outcome<string | undefined>> {
		const ciphertext = sealed?.content.ciphertext;
		return own(room, since, (closed, opened) => {
			// What an earlier device of ours encrypted can no longer be decrypted, but it can be recognised.
			const same = closed.find(({ content }) => ciphertext !== undefined && record(content).ciphertext === ciphertext);
			const reply = opened.find(event => event.type === 'm.room.encrypted' && answers && repliesTo(event) === answers);
			const found = same ?? opened.find(({ content }) => record(content)['io.glia.said'] === said) ?? reply;
			return typeof found?.event_id === 'string' ? found.event_id : undefined;
		});
	}

	return {
		async history(room, from, until) {
			const read = await page(room, { from, filter: historyFilter() });
			if ('failure' in read) return read;
			const unreadable = await session.guarded(async () => encryption?.open(room, read.value.chunk));
			if ('failure' in unreadable) return unreadable;
			const value = pageOf(read.value, room, user, until, now(), unreadable.value);
			return value === undefined ? senseless : { value };
		},
		find,
		async replied(room, since) {
			const events = new Set<string>();
			const read = await own(room, since, closed => {
				for (const event of closed) events.add(repliesTo(event) ?? '');
				return undefined;
			});
			return 'failure' in read ? read : { value: events };
		},
	};
}

/** The relation is outside the encrypted part. */
function repliesTo({ content }: Json): string | undefined {
	const reply = record(record(record(content)['m.relates_to'])['m.in_reply_to']).event_id;
	return typeof reply === 'string' ? reply : undefined;
}

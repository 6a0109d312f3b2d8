// The past of a room, read backwards. matrix-bot-sdk has no method for it.
import type { Homeserver, Outcome, Sealed } from '../../ports/homeserver.ts';
import type { Encryption } from './encryption.ts';
import { historyFilter, pageOf } from './events.ts';
import { isRecord, record } from './json.ts';
import { objectOf, roomPath, type Session, senseless } from './session.ts';

/** Events a page. */
const limit = 100;

type HistorySetup = { session: Session; encryption: Encryption | undefined; now: () => Date };

export function openHistory({ session, encryption, now }: HistorySetup): Pick<Homeserver, 'history' | 'find'> {
	const { user } = session;
	const page = (room: string, query: object) =>
		session.call(objectOf, client =>
			client.doRequest('GET', roomPath(room, 'messages'), { dir: 'b', limit, ...query }),
		);

	async function find(room: string, said: string, since: Date, sealed?: Sealed): Promise<Outcome<string | undefined>> {
		const ciphertext = sealed?.content.ciphertext;
		const filter = JSON.stringify({ senders: [user] });
		let from: string | undefined;
		for (;;) {
			const read = await page(room, { filter, ...(from && { from }) });
			if ('failure' in read) return read;
			const { chunk, end } = read.value;
			if (!Array.isArray(chunk)) return senseless;
			const events = chunk.filter(isRecord);
			// What an earlier device of ours encrypted cannot be decrypted any more, but it can be recognised.
			const same = events.find(({ content }) => ciphertext !== undefined && record(content).ciphertext === ciphertext);
			const opened = await session.guarded(async () => encryption?.open(room, events));
			if ('failure' in opened) return opened;
			const found = same ?? events.find(({ content }) => record(content)['io.glia.said'] === said);
			if (typeof found?.event_id === 'string') return { value: found.event_id };
			const oldest = events.at(-1)?.origin_server_ts;
			const isPast = typeof oldest === 'number' && oldest < since.getTime();
			if (typeof end !== 'string' || isPast) return { value: undefined };
			from = end;
		}
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
	};
}

// Tells rooms that watch servers when upstream cannot be reached, and when it can be reached again, once each.

import type { Settings } from '../advice/watch/subscription.ts';
import { isHeardAgain, silenceOf } from '../advice/watch/upstream-outage.ts';
import type { Answer } from '../answer.ts';
import { saidId } from '../bot/said-id.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import { heardAgainWords, silenceWords } from '../messages/upstream-outage.ts';
import type { Saying } from '../ports/saying.ts';
import type { Store } from '../ports/store.ts';
import type { SourceState } from '../ports/web.ts';
import { matrixMessages } from '../render/matrix.ts';
import { quietUntil } from '../text/local-time.ts';

export type OutagePorts = {
	store: Pick<Store, 'untoldOfSilence' | 'toldOfSilence' | 'tellOfSilence'>;
	/** Empty if sources are switched off. */
	sources: () => readonly SourceState[];
	knowledge: () => Pick<Knowledge, 'read'>;
	/** Whether the homeserver responds. If not, the messages would arrive late, as a backlog. */
	listening: () => boolean;
	now: () => Date;
	/** Called when something was put into the outbox. */
	said: () => void;
	stopping: () => boolean;
};

/** Rooms told in one transaction. */
const batchSize = 20;

/** Tells rooms outside quiet hours that want more than severe news. Does nothing while the homeserver is away. */
export async function tellOfUpstream(telling: OutagePorts): Promise<undefined> {
	const { store, sources, knowledge, listening, now } = telling;
	if (!listening()) return;
	const states = sources();
	const silence = silenceOf(states, knowledge().read, now());
	if (silence) {
		const since = silence.since.toISOString();
		await tell(telling, true, store.untoldOfSilence, ({ room, stay, settings }) =>
			sayingOf(
				room,
				['silence', room, stay, since],
				settings,
				silenceWords(silence, settings.zone ?? 'UTC', settings.mention),
			),
		);
	} else if (isHeardAgain(states, now())) {
		await tell(telling, false, store.toldOfSilence, ({ room, settings, said }) =>
			said === undefined ? undefined : sayingOf(room, ['heard again', said], settings, heardAgainWords(), said),
		);
	}
}

type ToldRoom = { room: string; settings: Settings; said?: string };

async function tell<Room extends ToldRoom>(
	{ store, now, said, stopping }: OutagePorts,
	silent: boolean,
	next: (after: string, limit: number) => Promise<Room[]>,
	say: (asked: Room) => Saying | undefined,
): Promise<void> {
	for (let after = ''; ; ) {
		const rooms = await next(after, batchSize);
		const last = rooms.at(-1);
		if (!last || stopping()) return;
		const at = now();
		const awake = rooms.filter(({ settings: { quiet, zone = 'UTC' } }) => quietUntil(at, quiet, zone) === undefined);
		const told = awake.map(asked => {
			const saying = asked.settings.severity === 'severe' ? undefined : say(asked);
			return { room: asked.room, ...(saying && { saying }) };
		});
		await store.tellOfSilence(silent, told, at);
		if (told.some(({ saying }) => saying)) said();
		after = last.room;
	}
}

/** The transaction id is derived from `identity`, so nothing is said twice. */
function sayingOf(
	room: string,
	identity: readonly string[],
	settings: Settings,
	answer: Answer,
	continues?: string,
): Saying | undefined {
	const [content] = matrixMessages(answer, { always: settings.messages }).contents;
	if (!content) return undefined;
	const said = saidId(...identity);
	const event = { type: 'm.room.message', content: { ...content, 'io.glia.said': said } };
	return { said, room, kind: 'event', event, ...(continues !== undefined && { continues }) };
}

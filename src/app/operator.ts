// The operator's room: what `!operator` can do, and the worker that reports faults. Loaded if a room is configured.
import type { BotCondition } from '../advice/operator/faults.ts';
import { saidId } from '../bot/said-id.ts';
import type { Config } from '../config.ts';
import { tellOperator } from '../delivery/operator-notices.ts';
import { operatorRoom } from '../delivery/operator-room.ts';
import { announcementWords } from '../messages/operator.ts';
import type { OperatorPort } from '../ports/operator.ts';
import type { Saying } from '../ports/saying.ts';
import type { Store } from '../ports/store.ts';
import { matrixMessages } from '../render/matrix.ts';
import { openLoop } from '../runtime/loop.ts';
import { openWorker, type Worker } from '../runtime/worker.ts';

/** `room`: as configured. */
type OperatorSetup = { room: string; config: Config; store: Store; now: () => Date };

/** Deliveries listed by `!operator waiting`. */
const maxOldest = 10;

export function operatorPort({ room, config, store, now }: OperatorSetup): OperatorPort {
	const here = () => operatorRoom(room, store);
	return {
		room: here,
		allow: () => config.matrix.allow,
		rooms: store.operatedRooms,
		async waiting() {
			const { inbox, outbox } = await store.counts();
			// Minus the command itself, which is being decided.
			return { inbox: Math.max(0, inbox - 1), outbox, oldest: await store.waitingDeliveries(maxOldest) };
		},
		async leave(of, key) {
			if (!(await store.joinedRooms()).includes(of)) return false;
			await store.say([{ said: saidId('operator leave', of, ...key), room: of, kind: 'leave' }], now());
			return true;
		},
		async announce(text, key) {
			const own = await here();
			const rooms = (await store.operatedRooms())
				.filter(({ room: one, replacedBy }) => one !== own && replacedBy === undefined)
				.map(({ room: one }) => one);
			const { contents } = matrixMessages(announcementWords(text));
			const sayings = rooms.flatMap(one =>
				contents.map((content, part): Saying => {
					const said = saidId('announcement', one, ...key, part);
					const event = { type: 'm.room.message', content: { ...content, 'io.glia.said': said } };
					return { said, room: one, kind: 'event', event };
				}),
			);
			await store.say(sayings, now());
			return rooms.length;
		},
	};
}

type TellingSetup = Pick<OperatorSetup, 'room' | 'store' | 'now'> & {
	condition: () => BotCondition;
	said: () => void;
	fatal: (error: unknown) => void;
};

/** Reports faults, once a minute. */
export function openTelling({ fatal, ...setup }: TellingSetup): Pick<Worker, 'stop'> {
	const loop = openLoop();
	const worker = openWorker(() => tellOperator({ ...setup, takeWorst: loop.takeWorst }), fatal);
	worker.wake();
	return {
		stop() {
			loop.close();
			return worker.stop();
		},
	};
}

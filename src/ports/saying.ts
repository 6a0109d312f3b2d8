// Messages on their way to a room, from decision to delivery.
import type { Content, File, Sealed } from './homeserver.ts';

/** Something to send to a room. `said` is our unique, permanent id: it is the transaction id and is part of the event. */
export type Saying = {
	said: string;
	room: string;
	/** The event that this answers, and its sender. */
	answers?: string;
	sender?: string;
	/** The event timestamp of the question. */
	asked?: Date;
	/** Whether this tells the sender that too many answers are waiting for them. */
	limit?: boolean;
	/** The command that a ✅ on this message runs. */
	confirms?: string;
	/** The `said` of the message whose thread this belongs to. */
	continues?: string;
} & ({ kind: 'event'; event: Sealed } | { kind: 'file'; file: File; content: Content } | { kind: 'leave' });

/** A message awaiting delivery. `sealed` is the exact event of the first attempt, if it differs from what was decided. */
export type Waiting = Saying & { id: number; sealed?: Sealed; tries: number; created: Date };

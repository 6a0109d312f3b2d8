// What is decided to be said, until it is delivered.
import type { Content, File, Sealed } from './homeserver.ts';

/** What goes to a room. `said` is ours, unique and for ever: it is the transaction id and stands in the event. */
export type Saying = {
	said: string;
	room: string;
	/** The event that this answers, and who asked. */
	answers?: string;
	sender?: string;
	/** When that was asked, as the homeserver says. */
	asked?: Date;
	/** `limit`: the refusal that a sender has too many answers waiting. */
	limit?: boolean;
	/** The command that a ✅ to this stands for. */
	confirms?: string;
	/** What this continues, as `said` of it: it stands in the thread that begins there. */
	continues?: string;
} & ({ kind: 'event'; event: Sealed } | { kind: 'file'; file: File; content: Content } | { kind: 'leave' });

/** A saying on its way. `sealed` is the exact event of the first try, where it differs from what was decided. */
export type Waiting = Saying & { id: number; sealed?: Sealed; tries: number; created: Date };

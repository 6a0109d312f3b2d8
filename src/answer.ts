// The shape of answers, and Refusal, the error meant for a person.

/** A guide as it was asked for: enough to show its stages again after a restart, or years later. */
export type Offer = {
	guide: string;
	/** Parameter values by name, including `way`; defaults stay as they were at the start. */
	stated: Record<string, string>;
	/** Facts as people type them. */
	facts: string[];
	/** The question without the prefix: `postgres 15 17 docker`. */
	asked: string;
};

/**
 * A part of an answer. It is split between messages only if it is too long for one. Its Markdown is ours: anything
 * that a person typed is escaped.
 */
export type Section = {
	/** At most 40 characters, to fit the line of a fold. */
	title: string;
	/** An emoji before the title, such as 🔴 (refuses or stops) or ⚠️ (cannot be undone). */
	mark?: string;
	markdown: string;
	/** Whether Matrix clients show it folded. What can stop a server, or cannot be undone, is never folded. */
	fold: boolean;
};

/** An action that the outbox carries out after the answer has been delivered. */
export type RoomEffect = { leave: true };

export type Answer = {
	/** What `--json` prints. */
	value: Record<string, unknown>;
	/** Markdown; its first 60 characters contain the result. */
	lead: string;
	/** The heading, if the answer is long. */
	title?: string;
	sections: Section[];
	/** A first screen: on a terminal its folds stay closed unless `all` is given. */
	brief?: true;
	/** With `encoding`, `text` is the encoded bytes. */
	files?: { name: string; type: string; text: string; encoding?: 'base64' }[];
	/** A refusal is meant for the person; a fault is our error, logged under the reference in its lead. */
	kind: 'answer' | 'progress' | 'refusal' | 'fault';
	/** The target would refuse to start: exit status 2. */
	wouldRefuse?: true;
	/** Matrix user ids to mention. */
	mention?: string[];
	afterwards?: RoomEffect;
	/** The command that a ✅ on this answer runs, with the rights of the person who reacts. */
	confirms?: string;
	/** A guide session that can start here; with `begin` it starts at once, which requires the right to change things. */
	session?: { offer: Offer; begin: boolean };
};

/** Shown to the person verbatim. Any other error is a bug of ours, and is logged. */
export class Refusal extends Error {
	override name = 'Refusal';
}

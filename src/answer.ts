// Answer, Section, Refusal.

/** A guide as it was asked for: enough to give its stages again after a restart, or years later. */
export type Offer = {
	guide: string;
	/** Values by the names of parameters, `way` among them: defaults stay as they were when it began. */
	stated: Record<string, string>;
	/** Facts as people type them. */
	facts: string[];
	/** How it was asked, without the sign: `postgres 15 17 docker`. */
	asked: string;
};

/** A part of an answer that stays whole. Its Markdown is ours: nothing a person typed stands in it unescaped. */
export type Section = {
	/** At most 40 characters: the line of a fold. */
	title: string;
	/** What hurts, before the title: 🔴 refuses or stops, ⚠️ cannot be undone. */
	mark?: string;
	markdown: string;
	/** Whether Matrix clients show it closed. What can stop a server, or cannot be undone, is never folded. */
	fold: boolean;
};

/** What only the outbox carries out, after the answer has been delivered. */
export type RoomEffect = { leave: true };

export type Answer = {
	/** What `--json` prints. */
	value: Record<string, unknown>;
	/** Markdown; its first 60 characters say the result. */
	lead: string;
	/** The one heading above, if the answer is long. */
	title?: string;
	sections: Section[];
	/** A first screen: on a terminal its folds stay closed until `all` is asked for. */
	brief?: true;
	/** `encoding` says that the text stands for bytes. */
	files?: { name: string; type: string; text: string; encoding?: 'base64' }[];
	/** A refusal is meant for the person; a fault is ours, logged under the reference that its lead names. */
	kind: 'answer' | 'progress' | 'refusal' | 'fault';
	/** The target that was asked about would refuse to start: exit status 2. */
	wouldRefuse?: true;
	/** Matrix ids to mention. */
	mention?: string[];
	afterwards?: RoomEffect;
	/** The command that a ✅ to this answer stands for. The person who reacts needs the right to use it. */
	confirms?: string;
	/** A guide session that may begin here; `begin` at once, which takes the power to change things. */
	session?: { offer: Offer; begin: boolean };
};

/** Said to the person as it stands. Anything else that is thrown is our fault, and logged. */
export class Refusal extends Error {
	override name = 'Refusal';
}

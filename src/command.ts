// The shape of a command, of what it is asked and of what it answers; Refusal, the error meant for a person.
import type { Offer } from './advice/walk.ts';
import type { Ports } from './ports.ts';

/** What somebody asked: the words after the command's name, and where and when they were said. */
export type Asked = {
	/** The words, split at white space. */
	words: readonly string[];
	/** All that followed the command's name, as typed; of a command that takes a text, with its lines. */
	text: string;
	/** The room's id; `console` on the terminal. */
	room: string;
	/** The person's Matrix id; `console` on the terminal. */
	sender: string;
	/** When it was said, as the homeserver dates it. */
	at: Date;
	/** The event that the command replies to, and the root of the thread it stands in. */
	repliesTo?: string;
	thread?: string;
};

/** A part of an answer that stays whole. Its Markdown is ours: nothing a person typed stands in it unescaped. */
export type Section = {
	/** At most 40 letters: the line of a fold. */
	title: string;
	/** What hurts, before the title: 🔴 refuses or stops, ⚠️ cannot be undone. */
	mark?: string;
	markdown: string;
	/** Whether Matrix clients show it closed. What can stop a server, or cannot be undone, is never folded. */
	fold: boolean;
};

/** What only the outbox carries out, after the answer has been delivered. */
export type Effect = { leave: true };

export type Answer = {
	/** What `--json` prints. */
	value: Record<string, unknown>;
	/** Markdown; its first 60 letters say the result. */
	lead: string;
	/** The one heading above, if the answer is long. */
	title?: string;
	sections: Section[];
	/** `encoding` says that the text stands for bytes. */
	files?: { name: string; type: string; text: string; encoding?: 'base64' }[];
	/** A refusal is meant for the person; a fault is ours, logged under the reference that its lead names. */
	kind: 'answer' | 'progress' | 'refusal' | 'fault';
	/** Matrix ids to mention. */
	mention?: string[];
	afterwards?: Effect;
	/** The command that a ✅ to this answer stands for. Whoever reacts needs the right to say it. */
	confirms?: string;
	/** A guide that people may walk through from here; `begin` at once, which takes the power to change things. */
	walk?: { offer: Offer; begin: boolean };
};

/** What people can say. `changes: true` needs the power to change things in the room. */
export type Command = {
	name: string;
	usage: string;
	/** One line of help, in small letters, without a full stop. */
	summary: string;
	/** What one might really type, without the prefix. */
	examples: readonly string[];
	/** More help than one line, as Markdown. */
	help?: string;
	changes: boolean;
	/** It looks at servers of others, which may take long: others do not wait for it. */
	looks?: true;
	/** It takes a text (a configuration, a log): all that follows its name in the message, as long as the event may be. */
	takesText?: true;
	/** Words with which a command that changes things only asks, so that everybody may say it. */
	asks?: (words: readonly string[]) => boolean;
	// A function property, not a method: so a command may ask for fewer ports than there are, and tests hand it those.
	run: (asked: Asked, ports: Ports) => Promise<Answer> | Answer;
};

/** Said to the person as it stands. Anything else that is thrown is our fault, and logged. */
export class Refusal extends Error {
	override name = 'Refusal';
}

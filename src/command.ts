// The shape of a command, of what it is asked and of what it answers; Refusal, the error meant for a person.

import type { Limits } from './advice/watch/subscription.ts';
import type { Answer } from './answer.ts';
import type { Code } from './configuration/code.ts';
import type { GivenFile } from './configuration/files.ts';
import type { Distributions } from './knowledge/distributions.ts';
import type { Knowledge } from './knowledge/schema/synapse.ts';
import type { OperatorPort } from './ports/operator.ts';
import type { WatchStore } from './ports/watch-store.ts';
import type { PublishedKnowledge, SourceState, Web } from './ports/web.ts';

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
	/** Files that came with the command: those of `--file`, and in a room those that it was sent with or speaks of. */
	files?: readonly GivenFile[];
	/** The text of another message that the command speaks of. */
	quoted?: string;
	/** Why this person may not change things here now, as a sentence; undefined if they may. */
	mayNotChange?: () => string | undefined;
	/** The guide that is walked through in the thread, and the stage at hand. */
	session?: { guide: string; stage?: string };
	/** Which text or file was assumed, as sentences. */
	taken?: readonly string[];
	/** The event that the command replies to, and the root of the thread it stands in. */
	repliesTo?: string;
	thread?: string;
};
/** What people can say. `changes: true` needs the power to change things in the room. */
export type Command = {
	name: string;
	usage: string;
	/** One line of help, in lower case, without a full stop. */
	summary: string;
	/** Realistic examples, without the prefix. */
	examples: readonly string[];
	/** More help than one line, as Markdown. */
	help?: string;
	changes: boolean;
	/** It takes the word `all`: everything that its first screen folds or leaves out. */
	takesAll?: true;
	/** It looks at servers of others, which may take long: others do not wait for it. */
	looks?: true;
	/**
	 * It takes a text (a configuration, a log): all that follows its name in the message, as long as the event may be, or a
	 * file, or what another message says. Such texts are not kept.
	 */
	takesText?: true;
	/** Whether the text still has to be looked for: what follows the name brings none. `replies`: to another message. */
	lacksText?: (text: string, replies: boolean) => boolean;
	/** Takes a file that it was sent with or replies to, but does not need one. */
	takesFile?: true;
	/** Whether these words make a changing command read-only, so that everyone may use it. */
	asks?: (words: readonly string[]) => boolean;
	// A function property, not a method: so a command may ask for fewer ports than there are, and tests hand it those.
	run: (asked: Asked, ports: Ports) => Promise<Answer> | Answer;
};

export type Ports = {
	knowledge: Knowledge;
	/** What was read from Synapse's code: options, refusals, routes, migrations. */
	code: Code;
	/** What the playbook and the charts changed on their own account. */
	distributions: Distributions;
	/** Every command, in the order help prints them. */
	commands: readonly Command[];
	now: () => Date;
	health: Health;
	/** What rooms subscribed to and said about it. */
	store: WatchStore;
	/** The outside world; commands can only look at servers. */
	web: Pick<Web, 'observe'>;
	limits: Limits;
	/** Absent where the configuration names no room of the operator's. */
	operator?: OperatorPort;
};

/** What `!status` says about the process itself. */
export type Health = {
	/** `0.1.0` */
	version: string;
	startedAt: Date;
	/** The last time the homeserver answered a sync; undefined on the console. */
	lastSync: () => Date | undefined;
	/** Upstream's sources; absent on the console, empty where they are switched off. */
	sources?: () => readonly SourceState[];
	/** Knowledge that others publish; undefined on the console, and where none is configured. */
	published?: () => PublishedKnowledge | undefined;
	/** A newer version of Glia, as far as is known; undefined on the console. */
	newer?: () => string | undefined;
	/** When the store was found empty although the bot had been here before, if that is not long ago. */
	storeLost?: Date;
	/** Our device as others see it; undefined where nothing is encrypted. */
	device?: () => DeviceStanding | undefined;
};

/** What people compare to be sure that it is us, and whether their clients trust it by itself. */
export type DeviceStanding = {
	/** The device's Ed25519 key in groups of four. */
	fingerprint: string;
	/** The public master key of the account's identity, if it has one. */
	master?: string;
	/** Whether the account's own identity signed it; undefined until the homeserver was asked. */
	signed: boolean | undefined;
	/** What the operator has to do for that, as a sentence. */
	needs?: string;
	/** Since when it is known not to be signed. */
	unsignedSince?: Date;
	/** How many devices the account has, ours included; undefined until the homeserver was asked. */
	devices?: number;
	/** The session of another Glia that is alive on the same account. */
	second?: string;
	/** Why nothing can be said in encrypted rooms now. */
	mute?: string;
	/** Earlier sessions of ours that could not be logged out. */
	lingering?: readonly string[];
};

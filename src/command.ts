// The shape of a command, and what it gets when it is run.

import type { Limits } from './advice/watch/subscription.ts';
import type { Answer } from './answer.ts';
import type { Code } from './configuration/code.ts';
import type { GivenFile } from './configuration/files.ts';
import type { Distributions } from './knowledge/distributions.ts';
import type { Knowledge } from './knowledge/schema/synapse.ts';
import type { OperatorPort } from './ports/operator.ts';
import type { WatchStore } from './ports/watch-store.ts';
import type { PublishedKnowledge, SourceState, Web } from './ports/web.ts';

/** A question: the words after the command's name, and where and when they were said. */
export type Asked = {
	/** The words, split at white space. */
	words: readonly string[];
	/** Everything after the command's name as typed, including further lines if the command accepts a text. */
	text: string;
	/** The room id; `console` in the terminal. */
	room: string;
	/** The person's Matrix user id; `console` in the terminal. */
	sender: string;
	/** The homeserver's timestamp of the message. */
	at: Date;
	/** Files that came with the command: from `--file`, or attached to the message or to one that it refers to. */
	files?: readonly GivenFile[];
	/** The text of another message that the command refers to. */
	quoted?: string;
	/** A sentence saying why this person may not change things here now; undefined if they may. */
	mayNotChange?: () => string | undefined;
	/** The guide session of the thread, and its current stage. */
	session?: { guide: string; stage?: string };
	/** Sentences saying which text or file was assumed. */
	taken?: readonly string[];
	/** The event that the command replies to, and the root of its thread. */
	repliesTo?: string;
	thread?: string;
};
/** What people can say. `changes: true` requires the right to change things in the room. */
export type Command = {
	name: string;
	usage: string;
	/** One line of help, in lower case, without a full stop. */
	summary: string;
	/** Realistic examples, without the prefix. */
	examples: readonly string[];
	/** Further help, as Markdown. */
	help?: string;
	changes: boolean;
	/** It accepts the word `all`, which shows everything that its first screen folds or leaves out. */
	takesAll?: true;
	/** It polls servers, which may take a long time, so other messages do not wait for it. */
	looks?: true;
	/**
	 * It accepts a text (a configuration, a log): everything after its name in the message, up to the size of an
	 * event, or a file, or another message. Such texts are not stored.
	 */
	takesText?: true;
	/** Whether, with these words, all further lines of the message belong to the command. */
	takesLines?: (words: readonly string[]) => boolean;
	/** Whether the text is still missing. `text`: what follows the name; `replies`: whether this is a reply. */
	lacksText?: (text: string, replies: boolean) => boolean;
	/** It accepts, but does not need, a file: one attached to its message, or to the message it replies to. */
	takesFile?: true;
	/** Whether these words make a changing command read-only, so that everyone may use it. */
	asks?: (words: readonly string[]) => boolean;
	// A function property, not a method, so that a command can declare fewer ports, and tests pass only those.
	run: (asked: Asked, ports: Ports) => Promise<Answer> | Answer;
};

export type Ports = {
	knowledge: Knowledge;
	/** What was read from Synapse's code: options, refusals, routes, migrations. */
	code: Code;
	/** The playbook's and the charts' own changes. */
	distributions: Distributions;
	/** Every command, in the order in which `!help` lists them. */
	commands: readonly Command[];
	now: () => Date;
	health: Health;
	/** Rooms' subscriptions and alerts. */
	store: WatchStore;
	/** The outside world; commands can only poll servers. */
	web: Pick<Web, 'observe'>;
	limits: Limits;
	/** Absent if the configuration names no operator's room. */
	operator?: OperatorPort;
};

/** What `!status` says about the process itself. */
export type Health = {
	/** Such as `0.1.0`. */
	version: string;
	startedAt: Date;
	/** When the homeserver last responded to a sync; undefined on the console. */
	lastSync: () => Date | undefined;
	/** The upstream sources; absent on the console, empty if they are switched off. */
	sources?: () => readonly SourceState[];
	/**
	 * Published knowledge, as of the knowledge that the answer uses: another edition may have been loaded since. Undefined
	 * on the console, and if none is configured.
	 */
	published?: (of: Knowledge) => PublishedKnowledge | undefined;
	/** A newer version of Glia, if one is known; undefined on the console. */
	newer?: () => string | undefined;
	/** When the store was found empty although the bot had been here before, if that was recent. */
	storeLost?: Date;
	/** Our device as others see it; undefined without encryption. */
	device?: () => DeviceStanding | undefined;
};

/** What people compare to verify our device, and whether their clients trust it automatically. */
export type DeviceStanding = {
	/** The device's Ed25519 key in groups of four. */
	fingerprint: string;
	/** The public master key of the account's identity, if it has one. */
	master?: string;
	/** Whether the account's own identity signed the device; undefined until the homeserver has responded. */
	signed: boolean | undefined;
	/** A sentence saying what the operator has to do to get it signed. */
	needs?: string;
	/** Since when it has been known to be unsigned. */
	unsignedSince?: Date;
	/** How many devices the account has, including ours; undefined until the homeserver has responded. */
	devices?: number;
	/** The session of another Glia that is running on the same account. */
	second?: string;
	/** Why nothing can be sent to encrypted rooms at the moment, and which side is failing. */
	mute?: string;
	muteBy?: 'homeserver' | 'store';
	/** Earlier sessions of ours that could not be logged out. */
	lingering?: readonly string[];
};

// What commands and the watch may ask for. Edges keep these promises; nobody else knows how.
import type { Command } from './command.ts';
import type { Knowledge } from './knowledge/shape.ts';

export type Ports = {
	knowledge: Knowledge;
	/** Every command, in the order help prints them. */
	commands: readonly Command[];
	now: () => Date;
	health: Health;
};

/** What `!status` says about the process itself. */
export type Health = {
	/** `0.1.0` */
	version: string;
	startedAt: Date;
	/** The last time the homeserver answered a sync; undefined on the console. */
	lastSync: () => Date | undefined;
};

// What is counted for monitoring. Where nothing is served, nothing is counted.
import type { Severity } from '../advice/watch/severity.ts';

/** Hears of what happens. */
export type Counters = {
	/** A command, how it went, and how long it took (ms). */
	answered: (command: string, outcome: string, ms: number) => void;
	/** What a look at a server saw, by its kind, and how long it took (ms). */
	looked: (outcome: string, ms: number) => void;
	/** What became of something that was to be delivered. */
	delivered: (outcome: 'sent' | 'given up') => void;
};

/** How much of everything the store holds now. Ages in seconds; absent where nothing waits. */
export type Figures = {
	rooms: number;
	watches: number;
	servers: number;
	inbox: { waiting: number; gaps: number; oldest?: number };
	/** `retrying` was tried and failed; `givenUp` within the days that the store remembers it. */
	outbox: { waiting: number; retrying: number; givenUp: number; oldest?: number };
	/** Open alerts of all rooms. */
	alerts: Record<Severity, number>;
};

// Counters for monitoring. Without a metrics server nothing is counted.
import type { Severity } from '../advice/watch/severity.ts';

export type Counters = {
	/** Called after each command with its outcome and duration (ms). */
	answered: (command: string, outcome: string, ms: number) => void;
	/** Called after each poll of a server with the kind of result and the duration (ms). */
	looked: (outcome: string, ms: number) => void;
	/** Called when a delivery ends. */
	delivered: (outcome: 'sent' | 'given up') => void;
};

/** What the store holds now. Ages in seconds; absent if nothing is waiting. */
export type Figures = {
	rooms: number;
	watches: number;
	servers: number;
	inbox: { waiting: number; gaps: number; oldest?: number };
	/** `retrying` have failed at least once; `givenUp` counts those the store still remembers. */
	outbox: { waiting: number; retrying: number; givenUp: number; oldest?: number };
	/** Open alerts in all rooms. */
	alerts: Record<Severity, number>;
};

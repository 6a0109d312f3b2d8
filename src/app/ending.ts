// The end of the process: what asks for it, and the exit status that tells how it came.
import { Refusal } from '../answer.ts';
import type { Log } from '../runtime/log.ts';

/** With everything closed, what still runs keeps the process no longer than this (ms). */
export const lastSteps = 1000;

/** The end of the process: what asks for it, and why. */
export type Ending = {
	/** Resolves when somebody or something asks for the end. */
	asked: Promise<void>;
	/** Aborted at the same moment. */
	signal: AbortSignal;
	/** `why` ends the process as refused, in this sentence. */
	end: (why?: string) => void;
	fatal: (error: unknown) => void;
	reason: () => { sentence?: string; fault?: { error: unknown } };
	/** Gives the signals back to Node. */
	release: () => void;
};

/** An end that nothing asks for by itself. */
export function openEnd(): Omit<Ending, 'release'> {
	const asked = Promise.withResolvers<void>();
	const over = new AbortController();
	const reason: ReturnType<Ending['reason']> = {};
	const end = (why?: string) => {
		if (why !== undefined) reason.sentence ??= why;
		over.abort();
		asked.resolve();
	};
	return {
		asked: asked.promise,
		signal: over.signal,
		end,
		fatal(error) {
			reason.fault ??= { error };
			end();
		},
		reason: () => reason,
	};
}

/** The end that signals of the system ask for. `hangUp`: what SIGHUP does. */
export function openEnding(log: Log, hangUp: (() => void) | undefined): Ending {
	const ending = openEnd();
	const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
	const onSignal = (signal: string) => {
		if (signal === 'SIGHUP' && hangUp) return hangUp();
		log.info({ signal }, 'stopping');
		ending.end();
	};
	for (const signal of signals) process.on(signal, onSignal);
	return {
		...ending,
		release() {
			for (const signal of signals) process.off(signal, onSignal);
		},
	};
}

/** The exit status of a process that was asked to end. Throws a Refusal. */
export function statusOf(ending: Ending, log: Log, words: (error: unknown, why: string) => string): number {
	const { sentence, fault } = ending.reason();
	if (fault !== undefined) {
		const { error } = fault;
		log.error({ err: error }, 'stopping because of an internal error');
		const why = error instanceof Error ? error.message : String(error);
		process.stderr.write(`${words(error, why)}.\n`);
		return 3;
	}
	if (sentence !== undefined) throw new Refusal(sentence);
	return 0;
}

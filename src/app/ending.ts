// The end of the process: what requests it, and the exit status.
import { Refusal } from '../answer.ts';
import type { Log } from '../runtime/log.ts';

/** Once everything is closed, leftovers may keep the process alive for at most this long (ms). */
export const lastSteps = 1000;

/** What requests the end of the process, and why. */
export type Ending = {
	/** Resolves when the end is requested. */
	asked: Promise<void>;
	/** Aborted at the same time. */
	signal: AbortSignal;
	/** With `why`, the process ends with this sentence as a refusal. */
	end: (why?: string) => void;
	fatal: (error: unknown) => void;
	reason: () => { sentence?: string; fault?: { error: unknown } };
	/** Restores Node's default signal handling. */
	release: () => void;
};

/** An ending that no signal triggers. Only the first reason counts; the log has the others. */
export function openEnd(log: Log): Omit<Ending, 'release'> {
	const asked = Promise.withResolvers<void>();
	const over = new AbortController();
	const reason: ReturnType<Ending['reason']> = {};
	const hasReason = () => reason.sentence !== undefined || reason.fault !== undefined;
	const end = (why?: string) => {
		if (why !== undefined) {
			if (hasReason()) log.warn({ why }, 'another reason to stop');
			reason.sentence ??= why;
		}
		over.abort();
		asked.resolve();
	};
	return {
		asked: asked.promise,
		signal: over.signal,
		end,
		fatal(error) {
			// What fails while the process is already ending is not why it ends.
			if (hasReason()) log.error({ err: error }, 'another error while stopping');
			else reason.fault = { error };
			end();
		},
		reason: () => reason,
	};
}

/** An ending that system signals trigger. `hangUp`: what SIGHUP does instead of ending the process. */
export function openEnding(log: Log, hangUp: (() => void) | undefined): Ending {
	const ending = openEnd(log);
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

/** Why the process ended, as its last words. `unstored`, if the store failed: where it is, and what is wrong there. */
export function faultSentence(fault: unknown, why: string, unstored?: { place: string; trouble?: string }): string {
	// Errors about the keys are already whole sentences.
	if (fault instanceof Error && fault.name === 'CryptoError') return why;
	if (unstored !== undefined) {
		const { place, trouble } = unstored;
		return `Incoming or outgoing messages cannot be stored in ${place}: ${why}${trouble === undefined ? '' : `: ${trouble}`}`;
	}
	return `Glia is stopping because of an internal error; see the log for details: ${why}`;
}

// The bot's cross-signing identity: signs its device, or says in one sentence what the operator has to do.
import {
	establishIdentity,
	type IdentityMeans,
	type IdentityOutcome,
	isCryptoError,
	type OlmMachine,
	type SendRequest,
} from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { DeviceStanding } from '../../command.ts';
import type { Log } from '../../runtime/log.ts';
import { backoff } from '../../runtime/retry.ts';
import { failureOf } from './failure.ts';

/** How often to check for approval on the account page (ms): an approval lasts a few minutes. */
const pagePause = 60_000;
/**
 * The delay (ms) before each retry while one process of the homeserver has accepted something that another does
 * not know yet. After the last it counts as refused and is retried every hour.
 */
const lags = [500, 1000, 2000, 4000, 8000, 15_000, 30_000, 60_000];
const hour = 3600_000;
/** Messages are held back for this many of these retries, since others could not rely on the signature before. */
const lagsAtFirst = 4;

export type Identity = {
	standing: () => Pick<DeviceStanding, 'signed' | 'needs'>;
	/** Resolves when the first attempt is over, whatever its outcome, or after a few if the homeserver lags. */
	tried: Promise<void>;
	stop: () => void;
};

type Establishing = {
	machine: OlmMachine;
	request: SendRequest;
	means: IdentityMeans;
	/** The seeds of an earlier device. */
	inherited: () => Promise<IdentityMeans['seeds']>;
	user: string;
	log: Log;
	/** Called with each outcome. */
	known: (signed: boolean) => void;
};

export function openIdentity({ machine, request, means: given, inherited, user, log, known }: Establishing): Identity {
	let standing: ReturnType<Identity['standing']> = { signed: undefined };
	let stopped = false;
	let timer: NodeJS.Timeout | undefined;
	/** What the homeserver has accepted but does not show yet, and how often we have looked. */
	let expects: string | undefined;
	let lagged = 0;
	let isNew = false;
	const tried = Promise.withResolvers<void>();

	async function attempt(tries: number): Promise<void> {
		if (stopped) return tried.resolve();
		let wait: number | undefined;
		try {
			const outcome = await establish();
			if (outcome.kind === 'pending') return again(outcome);
			lagged = 0;
			expects = undefined;
			const needs = needsOf(outcome, user);
			if (needs !== undefined && needs !== standing.needs) log.warn({}, needs);
			known(outcome.kind === 'signed');
			standing = { signed: outcome.kind === 'signed', ...(needs !== undefined && { needs }) };
			if (outcome.kind === 'signed') {
				const { signedNow } = outcome;
				const made = outcome.made || isNew;
				isNew = false;
				if (made || signedNow) log.info({ made }, 'this device is now signed by its owner');
			}
			if (outcome.kind === 'needs-account-page') wait = pagePause;
		} catch (error) {
			if (stopped || isCryptoError(error)) return tried.resolve();
			const failure = failureOf(error);
			log.warn({ why: 'why' in failure ? failure.why : failure.kind }, 'this device could not be signed yet');
			wait = failure.kind === 'limited' ? failure.waitMs : backoff(tries, Math.random());
		}
		if (wait !== undefined && !stopped) timer = setTimeout(() => void attempt(tries + 1), wait);
		tried.resolve();
	}

	/** Retries later. Logs the first time, and when the quick retries are used up. */
	function again({ why, expects: taken, made }: Extract<IdentityOutcome, { kind: 'pending' }>): void {
		if (made) isNew = true;
		const wait = lags[lagged++];
		if (wait !== undefined) {
			if (lagged === 1) log.info({ why }, "the homeserver does not know this device's signature yet; trying again");
			expects = taken;
		} else {
			const needs = needsOf({ kind: 'refused', why }, user);
			if (needs !== standing.needs) log.warn({}, `${needs} I will try again every hour.`);
			standing = { signed: false, ...(needs !== undefined && { needs }) };
			// Someone else may have replaced what was expected.
			expects = undefined;
		}
		if (lagged >= lagsAtFirst) tried.resolve();
		if (!stopped) timer = setTimeout(() => void attempt(0), wait ?? hour);
	}

	async function establish(): Promise<IdentityOutcome> {
		const means = { ...given, ...(expects !== undefined && { expects }) };
		if (means.seeds !== undefined) return establishIdentity(machine, request, means);
		const outcome = await establishIdentity(machine, request, { ...means, reset: false });
		if (outcome.kind !== 'needs-seeds') return outcome;
		const seeds = await inherited();
		if (seeds === undefined && !means.reset) return outcome;
		return establishIdentity(machine, request, { ...means, ...(seeds && { seeds }) });
	}

	void attempt(0);
	return {
		standing: () => standing,
		tried: tried.promise,
		stop() {
			stopped = true;
			clearTimeout(timer);
			tried.resolve();
		},
	};
}

/** A sentence saying what the operator has to do; undefined if nothing. */
function needsOf(outcome: IdentityOutcome, user: string): string | undefined {
	if (outcome.kind === 'signed' || outcome.kind === 'pending') return undefined;
	if (outcome.kind === 'refused') return `The homeserver does not allow signing this device: ${outcome.why}.`;
	if (outcome.kind === 'needs-password') {
		return outcome.wrong
			? `The homeserver does not accept matrix.password for the identity of ${user}; correct it and start again.`
			: `The homeserver needs the password of ${user} before it accepts an identity; add matrix.password to the configuration and start again.`;
	}
	if (outcome.kind === 'needs-account-page') {
		const page = outcome.url ?? 'the account page of the homeserver';
		return `Open ${page} in a browser, logged in as ${user}, and allow the reset of its identity; I will continue within a minute.`;
	}
	const wrong = outcome.wrong ? 'encryption.seeds belong to another identity. ' : '';
	return `${wrong}The homeserver has an identity for ${user} whose keys are not in this store. Set encryption.seeds, or set encryption.reset to true once: then anyone who verified the bot must verify it again.`;
}

// Our session at the homeserver: makes requests through its client and logs in again when a token expires, if the
// configuration allows. Failures are returned, not thrown.
import { isFatal } from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { MatrixClient } from 'matrix-bot-sdk';
import type { Config } from '../../config.ts';
import type { Account, Outcome } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import type { Log } from '../../runtime/log.ts';
import { failureOf } from './failure.ts';
import { isRecord, type Json } from './json.ts';
import { login } from './login.ts';
import { sdk } from './sdk.ts';

export type Session = {
	user: string;
	account: () => Account;
	/** Makes a request and parses the response; `read` returns undefined if the response is invalid. */
	call: <T>(
		read: (answer: unknown) => T | undefined,
		ask: (client: MatrixClient) => Promise<unknown>,
	) => Promise<Outcome<T>>;
	/** The current client. Do not keep it: a new token means a new client. */
	client: () => MatrixClient;
	/** Turns crypto errors into failures, except those that must end the process. */
	guarded: <T>(work: () => Promise<T>) => Promise<Outcome<T>>;
	/** Makes the next start log in again, unless the token comes from the configuration: that one is not ours to drop. */
	dropToken: () => Promise<void>;
	/** Marks requests that fail from now on as `stopped`. */
	stop: () => void;
};

type SessionSetup = {
	config: Config['matrix'];
	account: Account;
	store: Pick<Store, 'keepAccount' | 'dropToken'>;
	log: Log;
};

export function openSession({ config, account, store, log }: SessionSetup): Session {
	let current = account;
	let client = new sdk.MatrixClient(config.homeserver, account.token);
	let stopped = false;
	let loggingIn: Promise<boolean> | undefined;

	async function call<T>(
		read: (answer: unknown) => T | undefined,
		ask: (client: MatrixClient) => Promise<unknown>,
	): Promise<Outcome<T>> {
		for (let again = true; ; again = false) {
			const { token } = current;
			try {
				const value = read(await ask(client));
				return value === undefined ? senseless : { value };
			} catch (error) {
				if (stopped) return { failure: { kind: 'stopped' } };
				const failure = failureOf(error);
				if (failure.kind !== 'token' || !again) return { failure };
				// Another request may have renewed it in the meantime.
				if (current.token === token && !(await renewed(failure.soft)))
					return { failure: { kind: 'token', why: tokenSentence(current, config, failure.soft) } };
			}
		}
	}

	/** Logs in again on the same device. Requests that fail at the same time share one login. */
	async function renewed(soft: boolean): Promise<boolean> {
		if (!soft || !config.password) {
			await dropToken();
			return false;
		}
		loggingIn ??= logInAgain(config.password).finally(() => {
			loggingIn = undefined;
		});
		return loggingIn;
	}

	async function logInAgain(password: string): Promise<boolean> {
		try {
			current = { ...(await login(config, password, current.device)), since: current.since };
			await store.keepAccount(current);
			client = new sdk.MatrixClient(config.homeserver, current.token);
			log.info({ device: current.device }, 'logged in again on the same device');
			return true;
		} catch (error) {
			log.warn({ err: error }, 'logging in again failed');
			return false;
		}
	}

	async function dropToken(): Promise<void> {
		if (current.origin === 'login') await store.dropToken();
	}

	return {
		user: account.user,
		account: () => current,
		call,
		client: () => client,
		async guarded(work) {
			try {
				return { value: await work() };
			} catch (error) {
				if (stopped) return { failure: { kind: 'stopped' } };
				if (isFatal(error)) throw error;
				log.error({ err: error }, 'could not decrypt incoming messages');
				return { failure: { kind: 'away', why: error instanceof Error ? error.message : String(error) } };
			}
		},
		dropToken,
		stop() {
			stopped = true;
		},
	};
}

/** The failure of a response with an invalid shape. */
export const senseless = { failure: { kind: 'away', why: 'an invalid response' } } as const;

// Readers for responses.
export const done = () => true as const;
export const objectOf = (raw: unknown): Json | undefined => (isRecord(raw) ? raw : undefined);
export const stringOf = (raw: unknown): string | undefined => (typeof raw === 'string' ? raw : undefined);

/** The path of a room's resource, from the server's root. */
export function roomPath(room: string, rest: string): string {
	return `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/${rest}`;
}

function tokenSentence({ origin }: Account, { password }: Config['matrix'], soft: boolean): string {
	const why = soft ? 'The session has expired' : 'The access token was revoked or has expired';
	if (origin !== 'login') return `${why}; put a new accessToken into the configuration.`;
	if (password && !soft) return `${why}; the next time the bot starts, it logs in again with the password.`;
	return `${why}, and logging in again failed; check the password in the configuration.`;
}

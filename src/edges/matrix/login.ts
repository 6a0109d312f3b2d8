// Logs in: resumes an earlier session or starts a new one. Reports in one sentence what went wrong.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MatrixClient } from 'matrix-bot-sdk';
import { Refusal } from '../../answer.ts';
import type { Config } from '../../config.ts';
import type { Account, Failure } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import { duration } from '../../text/format.ts';
import { failureOf } from './failure.ts';
import { isRecord } from './json.ts';
import { sdk } from './sdk.ts';

type LoginStore = Pick<Store, 'account' | 'keepAccount' | 'owner' | 'kept'>;

/** `fresh`: this start created the session, not an earlier one. */
export type Entered = { account: Account; fresh: boolean };

/** A start that gets no response tries again after these pauses (ms). */
const pauses = [500, 2000];

/** The key under which the device id of an unfinished login is kept. */
const pendingKey = 'login device';
/** The timeout of the logout at the end of a start (ms). */
const logoutTime = 5000;

/** Logs in, with a few attempts. Throws a Refusal. */
export async function enter(config: Config['matrix'], store: LoginStore, now: () => Date): Promise<Entered> {
	for (let tries = 0; ; tries++) {
		try {
			return await firstLogin(config, store, now);
		} catch (error) {
			if (error instanceof Refusal) throw error;
			const failure = failureOf(error);
			const pause = pauses[tries];
			const final = failure.kind === 'refused' || failure.kind === 'token';
			if (final || pause === undefined) throw startRefusal(config, failure);
			await sleep(failure.kind === 'limited' ? Math.min(failure.waitMs, 10_000) : pause);
		}
	}
}

/** The stored login if it still belongs to this configuration, or else a new one. */
async function firstLogin(config: Config['matrix'], store: LoginStore, now: () => Date): Promise<Entered> {
	const owner = await store.owner();
	if (owner !== undefined && owner !== config.user) {
		throw new Refusal(`The store belongs to ${owner}, not to ${config.user}; use another store.`);
	}
	const kept = await store.account();
	const origin = config.accessToken ? createHash('sha256').update(config.accessToken).digest('base64url') : 'login';
	if (kept?.origin === origin) {
		if (kept.homeserver === config.homeserver) return { account: kept, fresh: false };
		const moved = await movedTo(config, kept);
		if (moved) {
			await store.keepAccount(moved);
			return { account: moved, fresh: false };
		}
	}
	let account: Account;
	const fresh = config.accessToken === undefined;
	if (config.accessToken) {
		const { user, device } = await whoami(config.homeserver, config.accessToken);
		if (user !== config.user) {
			throw new Refusal(
				`The access token belongs to ${String(user)}, not to ${config.user}; correct matrix.user or the token.`,
			);
		}
		account = {
			user: config.user,
			homeserver: config.homeserver,
			device,
			token: config.accessToken,
			origin,
			since: now(),
		};
		if (kept && kept.device === device) account.since = kept.since;
	} else {
		account = {
			...(await login(config, config.password ?? '', await pendingDevice(config, store.kept))),
			since: now(),
		};
	}
	await store.keepAccount(account);
	// So that nobody keeps encrypting for it. If this fails, the session was already logged out, or will be later
	// (sessions.ts).
	if (kept && kept.device !== account.device) await logout(new sdk.MatrixClient(config.homeserver, kept.token));
	if (fresh) await store.kept.put(pendingKey, '');
	return { account, fresh };
}

/**
 * The device id to log in with, chosen by us: a login whose response is lost or invalid has still created a
 * device. Later attempts, in this start or another, use the same id, so that there is never more than one.
 */
async function pendingDevice({ homeserver, user }: Config['matrix'], kept: LoginStore['kept']): Promise<string> {
	const of = `${homeserver} ${user} `;
	const known = await kept.get(pendingKey);
	if (known?.startsWith(of)) return known.slice(of.length);
	const characters = randomBytes(10).map(byte => 65 + (byte % 26));
	const device = Buffer.from(characters).toString('latin1');
	await kept.put(pendingKey, of + device);
	return device;
}

/** Ends a session, and with it its device. True if the homeserver no longer knows either. */
export async function logout(client: MatrixClient): Promise<boolean> {
	try {
		await client.doRequest('POST', '/_matrix/client/v3/logout', null, {}, logoutTime);
		return true;
	} catch (error) {
		return failureOf(error).kind === 'token';
	}
}

/**
 * The same session at another address: the store belongs to the account, so ask the homeserver who the token
 * belongs to. Undefined if it does not know the token. Throws a Refusal if it is another account's.
 */
async function movedTo(config: Config['matrix'], kept: Account): Promise<Account | undefined> {
	const found = await whoami(config.homeserver, kept.token).catch((error: unknown) => {
		if (failureOf(error).kind === 'token') return undefined;
		throw error;
	});
	if (!found) return undefined;
	if (found.user !== kept.user) {
		throw new Refusal(
			`The store belongs to ${kept.user}, but ${config.homeserver} says that its session is ${String(found.user)}'s; correct matrix.homeserver or use another store.`,
		);
	}
	return { ...kept, homeserver: config.homeserver };
}

/** The user and device of a token; the device is `''` if it has none. */
async function whoami(homeserver: string, token: string): Promise<{ user: unknown; device: string }> {
	const client = new sdk.MatrixClient(homeserver, token);
	const answer: unknown = await client.getWhoAmI();
	const { user_id: user, device_id: device } = isRecord(answer) ? answer : {};
	return { user, device: typeof device === 'string' ? device : '' };
}

/**
 * Logs in by password. Not with matrix-bot-sdk's MatrixAuth: it cannot set the device id, so each attempt would
 * leave a device behind, and it does not return the id.
 */
export async function login(
	config: Config['matrix'],
	password: string,
	device: string | undefined,
): Promise<Omit<Account, 'since'>> {
	const client = new sdk.MatrixClient(config.homeserver, '');
	const answer: unknown = await client.doRequest('POST', '/_matrix/client/v3/login', null, {
		type: 'm.login.password',
		identifier: { type: 'm.id.user', user: config.user },
		password,
		initial_device_display_name: config.device,
		...(device !== undefined && { device_id: device }),
	});
	const { user_id: user, access_token: token, device_id: id } = isRecord(answer) ? answer : {};
	if (typeof token !== 'string') throw new Error('the login response has no token');
	if (user !== config.user || typeof id !== 'string') {
		// Nobody would use this session.
		await logout(new sdk.MatrixClient(config.homeserver, token));
		if (user === config.user) throw new Error('the login response has no device');
		throw new Refusal(`The homeserver logged in ${String(user)}, not ${config.user}; correct matrix.user.`);
	}
	return { user: config.user, homeserver: config.homeserver, device: id, token, origin: 'login' };
}

function startRefusal(config: Config['matrix'], failure: Failure): Refusal {
	const { homeserver, user } = config;
	if (failure.kind === 'token') return new Refusal(`${homeserver} does not accept the access token of ${user}.`);
	if (failure.kind === 'limited')
		return new Refusal(
			`${homeserver} is rate-limiting logins of ${user} for ${duration(Math.ceil(failure.waitMs / 1000))}. Start again after that; a supervisor will do that automatically.`,
		);
	if (failure.kind === 'refused') return new Refusal(`${homeserver} refuses the login of ${user}: ${failure.why}.`);
	return new Refusal(
		`The homeserver ${homeserver} cannot be reached: ${failure.kind === 'away' ? failure.why : 'stopped'}.`,
	);
}

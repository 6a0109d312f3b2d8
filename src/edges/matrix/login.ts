// Login: the session of an earlier start, or a new one; what does not work is said in one sentence.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../command.ts';
import type { Config } from '../../config.ts';
import type { Account, Failure, Store } from '../../ports.ts';
import { isRecord } from './digest.ts';
import { failureOf } from './failure.ts';
import { sdk } from './sdk.ts';

type Kept = Pick<Store, 'account' | 'keepAccount' | 'owner'>;

/** A start that fails for want of an answer is tried again after these pauses (ms). */
const pauses = [500, 2000];
/** The time-out of a call (ms). */
const time = 30_000;

/** Logs in with some patience. Throws a Refusal. */
export async function enter(config: Config['matrix'], store: Kept, now: () => Date): Promise<Account> {
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

/** The kept login if it still belongs to this configuration, else a new one. */
async function firstLogin(config: Config['matrix'], store: Kept, now: () => Date): Promise<Account> {
	const owner = await store.owner();
	if (owner !== undefined && owner !== config.user) {
		throw new Refusal(`The store belongs to ${owner}, not to ${config.user}; use another store.path.`);
	}
	const kept = await store.account();
	const origin = config.accessToken ? createHash('sha256').update(config.accessToken).digest('base64url') : 'login';
	if (kept?.origin === origin) {
		if (kept.homeserver === config.homeserver) return kept;
		const moved = await movedTo(config, kept);
		if (moved) {
			await store.keepAccount(moved);
			return moved;
		}
	}
	let account: Account;
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
		account = { ...(await login(config, config.password ?? '', undefined)), since: now() };
	}
	await store.keepAccount(account);
	// Nobody is to go on encrypting for it. What is refused here was logged out already, or is by and by (sessions.ts).
	if (kept && kept.device !== account.device)
		await new sdk.MatrixClient(config.homeserver, kept.token)
			.doRequest('POST', '/_matrix/client/v3/logout', null, {}, time)
			.catch(() => undefined);
	return account;
}

/**
 * The same session at another address: the store belongs to the account, and the homeserver says whose the token is.
 * Undefined if it does not know the token. Throws a Refusal if it is somebody else's.
 */
async function movedTo(config: Config['matrix'], kept: Account): Promise<Account | undefined> {
	const found = await whoami(config.homeserver, kept.token).catch((error: unknown) => {
		if (failureOf(error).kind === 'token') return undefined;
		throw error;
	});
	if (!found) return undefined;
	if (found.user !== kept.user) {
		throw new Refusal(
			`The store belongs to ${kept.user}, but ${config.homeserver} says that its session is ${String(found.user)}'s; correct matrix.homeserver or use another store.path.`,
		);
	}
	return { ...kept, homeserver: config.homeserver };
}

/** Whose a token is, and of which device; `''` if it has none. */
async function whoami(homeserver: string, token: string): Promise<{ user: unknown; device: string }> {
	const client = new sdk.MatrixClient(homeserver, token);
	const answer: unknown = await client.doRequest('GET', '/_matrix/client/v3/account/whoami', null, null, time);
	const { user_id: user, device_id: device } = isRecord(answer) ? answer : {};
	return { user, device: typeof device === 'string' ? device : '' };
}

export async function login(
	config: Config['matrix'],
	password: string,
	device: string | undefined,
): Promise<Omit<Account, 'since'>> {
	const client = new sdk.MatrixClient(config.homeserver, '');
	const answer: unknown = await client.doRequest(
		'POST',
		'/_matrix/client/v3/login',
		null,
		{
			type: 'm.login.password',
			identifier: { type: 'm.id.user', user: config.user },
			password,
			initial_device_display_name: config.device,
			...(device !== undefined && { device_id: device }),
		},
		time,
	);
	const { user_id: user, access_token: token, device_id: id } = isRecord(answer) ? answer : {};
	if (typeof token !== 'string' || typeof id !== 'string') throw new Error('a login without a token');
	if (user !== config.user)
		throw new Refusal(`The homeserver logged in ${String(user)}, not ${config.user}; correct matrix.user.`);
	return { user: config.user, homeserver: config.homeserver, device: id, token, origin: 'login' };
}

function startRefusal(config: Config['matrix'], failure: Failure): Refusal {
	const { homeserver, user } = config;
	if (failure.kind === 'token') return new Refusal(`${homeserver} does not accept the access token of ${user}.`);
	if (failure.kind === 'limited')
		return new Refusal(`${homeserver} lets ${user} not log in now: too many tries; wait and start again.`);
	if (failure.kind === 'refused') return new Refusal(`${homeserver} refuses the login of ${user}: ${failure.why}.`);
	return new Refusal(
		`The homeserver ${homeserver} cannot be reached: ${failure.kind === 'away' ? failure.why : 'stopped'}.`,
	);
}

// Login: the session of an earlier start, or a new one; what does not work is said in one sentence.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../command.ts';
import type { Config } from '../../config.ts';
import type { Account, Failure, Store } from '../../ports.ts';
import { isRecord } from './digest.ts';
import { failureOf } from './failure.ts';
import { sdk } from './sdk.ts';

type Kept = Pick<Store, 'account' | 'keepAccount'>;

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
	const kept = await store.account();
	if (kept && (kept.user !== config.user || kept.homeserver !== config.homeserver)) {
		throw new Refusal(
			`The store belongs to ${kept.user} on ${kept.homeserver}, not to ${config.user} on ${config.homeserver}; use another store.path.`,
		);
	}
	const origin = config.accessToken ? createHash('sha256').update(config.accessToken).digest('base64url') : 'login';
	if (kept?.origin === origin) return kept;
	let account: Account;
	if (config.accessToken) {
		const client = new sdk.MatrixClient(config.homeserver, config.accessToken);
		const whoami: unknown = await client.doRequest('GET', '/_matrix/client/v3/account/whoami', null, null, time);
		const user = isRecord(whoami) ? whoami.user_id : undefined;
		if (user !== config.user) {
			throw new Refusal(
				`The access token belongs to ${String(user)}, not to ${config.user}; correct matrix.user or the token.`,
			);
		}
		const device = isRecord(whoami) && typeof whoami.device_id === 'string' ? whoami.device_id : '';
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
	return account;
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

// The homeserver, by matrix-bot-sdk: login, and all that is asked of it while the bot runs. Failures are values.
import type { MatrixClient } from 'matrix-bot-sdk';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Account, Homeserver, Outcome, Store } from '../ports.ts';
import { batchOf, historyFilter, isRecord, pageOf, syncFilter } from './matrix/digest.ts';
import { failureOf } from './matrix/failure.ts';
import { openHttp } from './matrix/http.ts';
import { enter, login } from './matrix/login.ts';
import { sdk } from './matrix/sdk.ts';

/** How long one sync waits for news (ms). */
const patience = 30_000;
/** Time-outs of a call (ms): the ordinary one, that of a sync beyond its waiting, that of a first sync. */
const times = { call: 30_000, sync: 15_000, first: 300_000, upload: 120_000 };

export type Connection = Homeserver & {
	lastSync: () => Date | undefined;
	/** Ends all calls under way; what is asked from then on fails with `stopped`. */
	close: () => Promise<void>;
};

type Edges = {
	store: Pick<Store, 'account' | 'keepAccount' | 'dropToken'>;
	log: Log;
	version: string;
	now: () => Date;
	/** Aborted when the process is to end before this has begun. */
	ending: AbortSignal;
};

/** Logs in, or finds the login of an earlier start. Throws a Refusal; undefined if the process is to end. */
export async function connect(
	config: Config['matrix'],
	{ store, log, version, now, ending }: Edges,
): Promise<Connection | undefined> {
	const http = openHttp(`Glia/${version}`);
	sdk.setRequestFn(http.request);
	quieten(log);
	let stopping = false;
	let lastSync: Date | undefined;
	let displayName: string | undefined;
	let loggingIn: Promise<boolean> | undefined;
	let account: Account;
	ending.addEventListener('abort', http.close, { once: true });
	try {
		account = await enter(config, store, now);
	} catch (error) {
		await http.close();
		if (ending.aborted) return undefined;
		throw error;
	}
	ending.removeEventListener('abort', http.close);
	const self = account.user;
	const client = new sdk.MatrixClient(config.homeserver, account.token);
	const filter = { sync: syncFilter(self), history: historyFilter() };
	const localpart = self.slice(1, self.indexOf(':'));

	/** One call. A token that went soft is renewed once, by the password, on the same device. */
	async function call<T>(
		read: (answer: unknown) => T | undefined,
		ask: (client: MatrixClient) => Promise<unknown>,
	): Promise<Outcome<T>> {
		for (let again = true; ; again = false) {
			const { token } = account;
			try {
				const value = read(await ask(client));
				if (value === undefined) return { failure: { kind: 'away', why: 'an answer that makes no sense' } };
				return { value };
			} catch (error) {
				if (stopping) return { failure: { kind: 'stopped' } };
				const failure = failureOf(error);
				if (failure.kind !== 'token') return { failure };
				if (!again) return { failure };
				if (account.token === token && !(await renewed(failure.soft))) {
					return { failure: { kind: 'token', why: tokenSentence(failure.soft) } };
				}
			}
		}
	}

	async function renewed(soft: boolean): Promise<boolean> {
		const { password } = config;
		if (!soft || !password) {
			// A token from the configuration is not ours to forget; a kept one would only fail again.
			if (account.origin === 'login') await store.dropToken();
			return false;
		}
		loggingIn ??= login(config, password, account.device)
			.then(async fresh => {
				account = { ...fresh, since: account.since };
				await store.keepAccount(account);
				Object.assign(client, { accessToken: account.token });
				log.info({ device: account.device }, 'logged in again on the same device');
				return true;
			})
			.catch((error: unknown) => {
				log.warn({ err: error }, 'logging in again failed');
				return false;
			})
			.finally(() => {
				loggingIn = undefined;
			});
		return loggingIn;
	}

	function tokenSentence(soft: boolean): string {
		const why = soft ? 'The session has expired' : 'The access token was revoked or has expired';
		if (account.origin !== 'login') return `${why}; put a new accessToken into the configuration.`;
		if (config.password && !soft) return `${why}; the next start logs in anew with the password.`;
		return `${why}, and logging in again did not work; check the password in the configuration.`;
	}

	const done = () => true as const;
	const path = (room: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/${rest}`;

	return {
		user: self,
		names: () => (displayName ? [localpart, self, displayName] : [localpart, self]),
		lastSync: () => lastSync,
		async sync(since) {
			const query = {
				filter: filter.sync,
				timeout: since === undefined ? 0 : patience,
				...(since !== undefined && { since }),
			};
			const time = since === undefined ? times.first : patience + times.sync;
			const outcome = await call(
				raw => batchOf(raw, self, now()),
				matrix => matrix.doRequest('GET', '/_matrix/client/v3/sync', query, null, time),
			);
			if ('value' in outcome) {
				lastSync = now();
				if (displayName === undefined) void learnName();
			}
			return outcome;
		},
		history: (room, from, until) =>
			call(
				raw => pageOf(raw, room, self, until, now()),
				matrix =>
					matrix.doRequest(
						'GET',
						path(room, 'messages'),
						{ dir: 'b', from, limit: 100, filter: filter.history },
						null,
						times.call,
					),
			),
		seal: async (_room, event) => ({ value: event }),
		send: (room, transaction, { type, content }) =>
			call(idOf('event_id'), matrix =>
				matrix.doRequest(
					'PUT',
					path(room, `send/${encodeURIComponent(type)}/${encodeURIComponent(transaction)}`),
					null,
					content,
					times.call,
				),
			),
		find: (room, said, since) => find(room, said, since),
		async upload(_room, file) {
			const bytes = Buffer.from(file.text);
			const uploaded = await call(idOf('content_uri'), matrix =>
				matrix.doRequest(
					'POST',
					'/_matrix/media/v3/upload',
					{ filename: file.name },
					bytes,
					times.upload,
					false,
					file.type,
				),
			);
			if ('failure' in uploaded) return uploaded;
			const info = { mimetype: file.type, size: bytes.length };
			return {
				value: { msgtype: 'm.file', body: file.name, filename: file.name, url: uploaded.value, info, 'm.mentions': {} },
			};
		},
		join: (room, via) =>
			call(done, matrix =>
				matrix.doRequest(
					'POST',
					`/_matrix/client/v3/join/${encodeURIComponent(room)}`,
					{ server_name: [...via], via: [...via] },
					{},
					times.upload,
				),
			),
		leave: (room, why) =>
			call(done, matrix =>
				matrix.doRequest('POST', path(room, 'leave'), null, why === undefined ? {} : { reason: why }, times.call),
			),
		forget: room => call(done, matrix => matrix.doRequest('POST', path(room, 'forget'), null, {}, times.call)),
		async predecessor(room) {
			const create = await call(
				raw => (isRecord(raw) ? raw : undefined),
				matrix => matrix.doRequest('GET', path(room, 'state/m.room.create/'), null, null, times.call),
			);
			if ('failure' in create) return create;
			const { predecessor } = create.value;
			const named = isRecord(predecessor) ? predecessor.room_id : undefined;
			return { value: typeof named === 'string' ? named : undefined };
		},
		async close() {
			stopping = true;
			await http.close();
		},
	};

	async function learnName(): Promise<void> {
		displayName = '';
		const found = await call(
			raw => (isRecord(raw) ? raw : undefined),
			matrix =>
				matrix.doRequest(
					'GET',
					`/_matrix/client/v3/profile/${encodeURIComponent(self)}/displayname`,
					null,
					null,
					times.call,
				),
		);
		if ('value' in found && typeof found.value.displayname === 'string') displayName = found.value.displayname;
	}

	async function find(room: string, said: string, since: Date): Promise<Outcome<string | undefined>> {
		const mine = JSON.stringify({ senders: [self] });
		let from: string | undefined;
		for (;;) {
			const page = await call(
				raw =>
					isRecord(raw) && Array.isArray(raw.chunk) ? { events: raw.chunk.filter(isRecord), end: raw.end } : undefined,
				matrix =>
					matrix.doRequest(
						'GET',
						path(room, 'messages'),
						{ dir: 'b', limit: 100, filter: mine, ...(from && { from }) },
						null,
						times.call,
					),
			);
			if ('failure' in page) return page;
			for (const event of page.value.events) {
				if (isRecord(event.content) && event.content['io.glia.said'] === said && typeof event.event_id === 'string') {
					return { value: event.event_id };
				}
			}
			const oldest = page.value.events.at(-1)?.origin_server_ts;
			if (typeof page.value.end !== 'string' || (typeof oldest === 'number' && oldest < since.getTime()))
				return { value: undefined };
			from = page.value.end;
		}
	}
}

function idOf(key: string): (raw: unknown) => string | undefined {
	return raw => {
		const id = isRecord(raw) ? raw[key] : undefined;
		return typeof id === 'string' ? id : undefined;
	};
}

/** The SDK tells of every failed call; we judge them, so here they are only for those who look closely. */
function quieten(log: Log): void {
	const tell = (module: string, ...rest: unknown[]) => {
		const [text] = rest.filter(part => typeof part === 'string');
		log.debug({ module }, typeof text === 'string' ? text.slice(0, 200) : 'matrix-bot-sdk');
	};
	sdk.LogService.setLogger({ info: tell, warn: tell, error: tell, debug: tell, trace: tell });
	sdk.LogService.setLevel(sdk.LogLevel.WARN);
}

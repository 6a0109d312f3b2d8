// The homeserver, by matrix-bot-sdk: login, and all that is asked of it while the bot runs. Failures are values.
import { randomInt } from 'node:crypto';
import { isFatal } from '@matrix-org/matrix-sdk-crypto-nodejs';
import type { MatrixClient } from 'matrix-bot-sdk';
import { Refusal } from '../../answer.ts';
import type { DeviceStanding } from '../../command.ts';
import type { Config } from '../../config.ts';
import type { Account, Homeserver, Outcome, RoomState, Sealed } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import type { Log } from '../../runtime/log.ts';
import { type Encryption, openEncryption, sealFile } from './encryption.ts';
import { addReading, batchOf, encryptedIn, historyFilter, isRecord, pageOf, record, syncFilter } from './events.ts';
import { failureOf } from './failure.ts';
import { openHttp } from './http.ts';
import { enter, login, logout } from './login.ts';
import { sdk } from './sdk.ts';

/** What a log-in without keys means. */
const keyless =
	'this access token belongs to no device: in encrypted rooms I can neither read nor say anything; use the password, or the token of a log-in';
/** The settings of a room that was encrypted once, and of which no sync tells it any more. */
const usualEncryption = { algorithm: 'm.megolm.v1.aes-sha2' };
/** How long one sync waits for news (ms). */
const syncTimeout = 30_000;
/** Time-outs of a call (ms): the ordinary one, that of a sync beyond its waiting, that of a first sync. */
const times = { call: 30_000, sync: 15_000, first: 300_000, upload: 120_000 };

export type Connection = Homeserver & {
	lastSync: () => Date | undefined;
	/** Undefined if the login has no device, and so no keys: then encrypted rooms cannot be read. */
	device: () => DeviceStanding | undefined;
	/**
	 * Ends the session that this start made, if the start comes to nothing: no device is left behind. A session of an
	 * earlier start is kept, and one that the homeserver does not end now: the next start goes on with it.
	 */
	abandon: () => Promise<void>;
	/** Ends all calls under way; what is asked from then on fails with `stopped`. */
	close: () => Promise<void>;
};

type Edges = {
	store: Pick<
		Store,
		'account' | 'owner' | 'keepAccount' | 'dropToken' | 'room' | 'wasEncrypted' | 'unreadable' | 'kept'
	>;
	/** Where the keys lie. */
	folder: string;
	log: Log;
	version: string;
	now: () => Date;
	/** Aborted when the process is to end before this has begun. */
	ending: AbortSignal;
	/** Why this person may not have the device verified; `room` is undefined between devices. */
	mayVerify: (person: string, room: string | undefined) => Promise<string | undefined>;
	/** Nothing works until somebody acts. */
	locked: (why: string) => void;
	/** The process has to be started again: what it holds can no longer be kept. */
	fatal: (error: Error) => void;
};

/** Logs in, or finds the login of an earlier start. Throws a Refusal; undefined if the process is to end. */
export async function connect(
	{ matrix: config, encryption: keys }: Pick<Config, 'matrix' | 'encryption'>,
	{ store, folder, log, version, now, ending, mayVerify, locked, fatal }: Edges,
): Promise<Connection | undefined> {
	const http = openHttp(`Glia/${version}`);
	sdk.setRequestFn(http.request);
	quieten(log);
	let stopping = false;
	let lastSync: Date | undefined;
	/** Whether something was said since the last sync was asked for. */
	let said = false;
	/** Whether the last sync failed: the next one only asks whether the homeserver is there. */
	let failed = false;
	let displayName: string | undefined;
	let loggingIn: Promise<boolean> | undefined;
	let account: Account;
	let fresh = false;
	let encryption: Encryption | undefined;
	let behind: string | undefined;
	let running = false;
	ending.addEventListener('abort', http.close, { once: true });
	try {
		({ account, fresh } = await enter(config, store, now));
	} catch (error) {
		await http.close();
		if (ending.aborted) return undefined;
		throw error;
	}
	const client = new sdk.MatrixClient(config.homeserver, account.token);
	try {
		encryption = await openDevice();
		if (behind !== undefined) throw new Refusal(behind);
	} catch (error) {
		if (!ending.aborted && behind === undefined) await abandon();
		await http.close();
		await encryption?.close();
		if (ending.aborted) return undefined;
		if (behind === undefined) throw error;
		if (account.origin === 'login') await store.dropToken();
		throw new Refusal(behind);
	}
	ending.removeEventListener('abort', http.close);
	running = true;
	const self = account.user;
	/** Another for each start, and after each sync that failed. */
	let question = randomInt(1, 2 ** 31);
	let answered = true;
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

	async function openDevice(): Promise<Encryption | undefined> {
		if (account.device === '') {
			log.error({}, keyless);
			return undefined;
		}
		return openEncryption({
			store: folder,
			user: account.user,
			device: account.device,
			config: keys,
			kept: store.kept,
			say: (room, transaction, event) => saidNow(room, transaction, event),
			refusal: mayVerify,
			password: config.password,
			ask: (method, path, body) => client.doRequest(method, path, null, body ?? null, times.call),
			log,
			broken: fatal,
			behind() {
				behind ??= behindSentence(account, config.password !== undefined);
				if (running) void leaveDevice(behind).catch(fatal);
			},
		});
	}

	/** The keys of this device would be used twice: nothing more is said by it. */
	async function leaveDevice(why: string): Promise<void> {
		stopping = true;
		if (account.origin === 'login') await store.dropToken();
		locked(why);
	}

	async function abandon(): Promise<void> {
		if (fresh && lastSync === undefined && (await logout(client))) await store.dropToken();
	}

	/** Whether a room is encrypted: a yes is for ever, a no until a sync says otherwise. */
	const encrypted = new Map<string, boolean>();
	const mute = { failure: { kind: 'keyless', why: keyless } } as const;
	const done = () => true as const;
	const markerPath = `/_matrix/client/v3/user/${encodeURIComponent(self)}/account_data/io.glia.store`;
	const path = (room: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/${rest}`;

	/** What cannot wait in the outbox: verifications are over in minutes. */
	async function saidNow(room: string, transaction: string, event: Sealed): Promise<string> {
		const sealed = await connection.seal(room, event);
		const sent = 'failure' in sealed ? sealed : await connection.send(room, transaction, sealed.value);
		if ('failure' in sent) throw new Error(JSON.stringify(sent.failure));
		return sent.value;
	}

	const connection: Connection = {
		user: self,
		names: () => (displayName ? [localpart, self, displayName] : [localpart, self]),
		lastSync: () => lastSync,
		device: () => encryption?.standing(),
		async sync(since) {
			if (!answered) question++;
			answered = false;
			const query = {
				filter: syncFilter(self, question),
				// The first one does not wait for news: whoever started the bot wants to know whether it is in sync. Nor does
				// the one after something was said: it moves us behind our own event, which the filter leaves out. Waiting
				// before it, the homeserver would have to compare three states of the room for each message that comes. Nor does
				// one after a failure: a quiet homeserver would seem to be away for another half minute.
				timeout: lastSync === undefined || said || failed ? 0 : syncTimeout,
				...(since !== undefined && { since }),
			};
			said = false;
			const time = since === undefined ? times.first : syncTimeout + times.sync;
			const outcome = await call(
				raw => (isRecord(raw) ? raw : undefined),
				matrix => matrix.doRequest('GET', '/_matrix/client/v3/sync', query, null, time),
			);
			failed = 'failure' in outcome;
			if ('failure' in outcome) return outcome;
			for (const room of encryptedIn(outcome.value)) encrypted.set(room, true);
			const read = await guarded(async () => encryption?.read(outcome.value, store.unreadable));
			if ('failure' in read) return read;
			const batch = batchOf(outcome.value, self, now());
			if (batch === undefined) return { failure: { kind: 'away', why: 'an answer that makes no sense' } };
			if (read.value) addReading(batch, read.value, self, now());
			lastSync = now();
			answered = true;
			// Before what came in is looked at: somebody may call us by it.
			if (displayName === undefined) await learnName();
			return { value: batch };
		},
		async history(room, from, until) {
			const outcome = await call(
				raw => (isRecord(raw) ? raw : undefined),
				matrix =>
					matrix.doRequest(
						'GET',
						path(room, 'messages'),
						{ dir: 'b', from, limit: 100, filter: historyFilter() },
						null,
						times.call,
					),
			);
			if ('failure' in outcome) return outcome;
			const unreadable = await guarded(async () => encryption?.open(room, outcome.value.chunk));
			if ('failure' in unreadable) return unreadable;
			const page = pageOf(outcome.value, room, self, until, now(), unreadable.value);
			if (page === undefined) return { failure: { kind: 'away', why: 'an answer that makes no sense' } };
			return { value: page };
		},
		async seal(room, event) {
			if (inTheOpen(event)) return { value: event };
			const state = await stateOf(room);
			if ('failure' in state) return state;
			if (state.value.encryption === undefined) return { value: event };
			if (encryption === undefined) return mute;
			const { seal } = encryption;
			let sealed = event;
			const outcome = await call(done, async () => {
				sealed = await seal(room, state.value, event);
			});
			return 'failure' in outcome ? outcome : { value: sealed };
		},
		async send(room, transaction, event) {
			const { type, content } = event;
			if (type !== 'm.room.encrypted' && !inTheOpen(event) && encrypted.get(room) !== false) {
				const state = await stateOf(room);
				if ('failure' in state) return state;
				if (state.value.encryption)
					return { failure: { kind: 'unsealed', why: 'the room is encrypted, and this is not' } };
			}
			const sent = await call(idOf('event_id'), matrix =>
				matrix.doRequest(
					'PUT',
					path(room, `send/${encodeURIComponent(type)}/${encodeURIComponent(transaction)}`),
					null,
					content,
					times.call,
				),
			);
			said ||= 'value' in sent;
			return sent;
		},
		find,
		async upload(room, file) {
			const bytes = Buffer.from(file.text, file.encoding ?? 'utf8');
			const state = await stateOf(room);
			if ('failure' in state) return state;
			if (state.value.encryption && encryption === undefined) return mute;
			const hidden = state.value.encryption && sealFile(bytes);
			const uploaded = await call(idOf('content_uri'), matrix =>
				matrix.doRequest(
					'POST',
					'/_matrix/media/v3/upload',
					hidden ? null : { filename: file.name },
					hidden?.bytes ?? bytes,
					times.upload,
					false,
					hidden ? 'application/octet-stream' : file.type,
				),
			);
			if ('failure' in uploaded) return uploaded;
			const { value: url } = uploaded;
			const info = { mimetype: file.type, size: bytes.length };
			const where = hidden ? { file: { ...hidden.info, url } } : { url };
			const msgtype = file.type.startsWith('image/') ? 'm.image' : 'm.file';
			return { value: { msgtype, body: file.name, filename: file.name, ...where, info, 'm.mentions': {} } };
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
		async membership(room, person) {
			const member = await call(
				raw => (isRecord(raw) ? raw : undefined),
				matrix =>
					matrix.doRequest(
						'GET',
						path(room, `state/m.room.member/${encodeURIComponent(person)}`),
						null,
						null,
						times.call,
					),
			);
			if ('value' in member) {
				const { membership } = member.value;
				return { value: typeof membership === 'string' ? membership : 'leave' };
			}
			const { failure } = member;
			const absent = failure.kind === 'refused' && ['M_FORBIDDEN', 'M_NOT_FOUND'].includes(failure.code);
			return absent ? { value: 'leave' } : member;
		},
		async marker() {
			const found = await call(
				raw => (isRecord(raw) ? raw : undefined),
				matrix => matrix.doRequest('GET', markerPath, null, null, times.call),
			);
			if ('value' in found) {
				const { id } = found.value;
				return { value: typeof id === 'string' ? id : '' };
			}
			const { failure } = found;
			return failure.kind === 'refused' && failure.code === 'M_NOT_FOUND' ? { value: undefined } : found;
		},
		mark: id => call(done, matrix => matrix.doRequest('PUT', markerPath, null, { id }, times.call)),
		joined: () =>
			call(
				raw => {
					const rooms = isRecord(raw) ? raw.joined_rooms : undefined;
					return Array.isArray(rooms) ? rooms.filter(room => typeof room === 'string') : undefined;
				},
				matrix => matrix.doRequest('GET', '/_matrix/client/v3/joined_rooms', null, null, times.call),
			),
		abandon,
		async close() {
			stopping = true;
			await http.close();
			await encryption?.close();
		},
	};

	return connection;

	/** Crypto's failures as values, except those that end the process. */
	async function guarded<T>(work: () => Promise<T>): Promise<Outcome<T>> {
		try {
			return { value: await work() };
		} catch (error) {
			if (stopping) return { failure: { kind: 'stopped' } };
			if (isFatal(error)) throw error;
			log.error({ err: error }, 'what came in could not be decrypted');
			return { failure: { kind: 'away', why: error instanceof Error ? error.message : String(error) } };
		}
	}

	/** The state of a room as the sync told it; of a room so new that it has told nothing, as the homeserver says. */
	async function stateOf(room: string): Promise<Outcome<RoomState>> {
		const state: RoomState = (await store.room(room))?.state ?? {};
		const once = encrypted.get(room) ?? (await store.wasEncrypted(room));
		if (once || state.encryption) {
			encrypted.set(room, true);
			return { value: { encryption: usualEncryption, ...state } };
		}
		if (state.create !== undefined) {
			// A sync may have come in while the store was asked.
			if (!encrypted.has(room)) encrypted.set(room, false);
			return encrypted.get(room) ? stateOf(room) : { value: state };
		}
		const asked = await call(
			raw => (isRecord(raw) ? raw : undefined),
			matrix => matrix.doRequest('GET', path(room, 'state/m.room.encryption/'), null, null, times.call),
		);
		if ('value' in asked) return { value: { ...state, encryption: asked.value } };
		const { failure } = asked;
		return failure.kind === 'refused' && failure.code === 'M_NOT_FOUND' ? { value: state } : asked;
	}

	async function learnName(): Promise<void> {
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
		if ('value' in found) displayName = typeof found.value.displayname === 'string' ? found.value.displayname : '';
		else if (found.failure.kind === 'refused') displayName = '';
	}

	async function find(room: string, said: string, since: Date, sealed?: Sealed): Promise<Outcome<string | undefined>> {
		const ciphertext = sealed?.content.ciphertext;
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
			const { events } = page.value;
			// What an earlier device of ours encrypted cannot be decrypted any more, but it can be recognised.
			const same = events.find(({ content }) => ciphertext !== undefined && record(content).ciphertext === ciphertext);
			const opened = await guarded(async () => encryption?.open(room, events));
			if ('failure' in opened) return opened;
			const found = same ?? events.find(({ content }) => record(content)['io.glia.said'] === said);
			if (typeof found?.event_id === 'string') return { value: found.event_id };
			const oldest = events.at(-1)?.origin_server_ts;
			if (typeof page.value.end !== 'string' || (typeof oldest === 'number' && oldest < since.getTime()))
				return { value: undefined };
			from = page.value.end;
		}
	}
}

/** Reactions are never encrypted: servers count them by what they relate to. */
function inTheOpen({ type }: Sealed): boolean {
	return type === 'm.reaction';
}

function behindSentence({ origin }: Account, password: boolean): string {
	const why = 'The keys in the store are older than this session: a backup was restored, or the store was lost';
	if (origin !== 'login') return `${why}. Make a new access token and put it into the configuration.`;
	if (password) return `${why}. They are not used any more; the next start logs in as a new session.`;
	return `${why}. They are not used any more; put the password into the configuration for a new session.`;
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

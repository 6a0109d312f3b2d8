// The homeserver port over matrix-bot-sdk (sdk.ts says which parts are replaced): logs in, and combines its parts.

import { Refusal } from '../../answer.ts';
import type { DeviceStanding } from '../../command.ts';
import type { Config } from '../../config.ts';
import type { Account, Homeserver, Sealed } from '../../ports/homeserver.ts';
import type { KeyStore } from '../../ports/keys.ts';
import type { Store } from '../../ports/store.ts';
import type { Log } from '../../runtime/log.ts';
import type { ProxyOf } from '../../runtime/proxy.ts';
import { type Encryption, openEncryption } from './encryption.ts';
import { openHistory } from './history.ts';
import { openHttp } from './http.ts';
import { type Entered, enter, logout } from './login.ts';
import { openMedia } from './media.ts';
import { openMessages } from './messages.ts';
import { openProfile } from './profile.ts';
import { openRoomStates } from './room-states.ts';
import { roomsApi } from './rooms-api.ts';
import { sdk } from './sdk.ts';
import { keyless, openSender } from './send.ts';
import { openSession, type Session } from './session.ts';
import { openSync } from './sync.ts';

export type Connection = Homeserver & {
	lastSync: () => Date | undefined;
	/** Undefined if the login has no device and so no keys; then encrypted rooms cannot be read. */
	device: () => DeviceStanding | undefined;
	/**
	 * Logs out the session that this start created, so that a failed start leaves no device behind. A session from an
	 * earlier start is kept, and so is one that cannot be logged out now: the next start continues with it.
	 */
	abandon: () => Promise<void>;
	/**
	 * Copies this session's keys, if any, into a folder laid out like the store's, and runs `meanwhile` while they
	 * cannot change. Once it resolves, the homeserver knows that the copy is old.
	 */
	copyKeys: (folder: string, meanwhile: () => Promise<void>) => Promise<void>;
	/** Aborts all requests in progress; later ones fail with `stopped`. May be called again. */
	close: () => Promise<void>;
};

type Edges = {
	store: Pick<
		Store,
		'account' | 'owner' | 'keepAccount' | 'dropToken' | 'room' | 'wasEncrypted' | 'unreadable' | 'kept'
	>;
	keys: KeyStore;
	log: Log;
	version: string;
	/** Absent: no proxies. */
	proxyOf?: ProxyOf | undefined;
	now: () => Date;
	/** Aborted if the process must end before the connection is ready. */
	ending: AbortSignal;
	/** Why this person may not verify the device; `room` is undefined outside rooms. */
	mayVerify: (person: string, room: string | undefined) => Promise<string | undefined>;
	/** Called if nothing works until someone acts. */
	locked: (why: string) => void;
	/** Called if the process must be restarted: its state can no longer be stored. */
	fatal: (error: Error) => void;
};

type ConnectConfig = Pick<Config, 'matrix' | 'encryption'>;

/** Logs in or resumes an earlier login. Throws a Refusal; undefined if the process must end. */
export async function connect(config: ConnectConfig, edges: Edges): Promise<Connection | undefined> {
	const { store, log, now, ending } = edges;
	// A signal that has already been aborted fires no event.
	if (ending.aborted) return undefined;
	const http = openHttp(`Glia/${edges.version}`, { proxyOf: edges.proxyOf });
	sdk.setRequestFn(http.request);
	quieten(log);
	ending.addEventListener('abort', http.close, { once: true });
	let entered: Entered;
	try {
		entered = await enter(config.matrix, store, now);
	} catch (error) {
		await http.close();
		if (ending.aborted) return undefined;
		throw error;
	}
	const session = openSession({ config: config.matrix, account: entered.account, store, log });
	const abandon = async () => {
		if (entered.fresh && (await logout(session.client()))) await store.dropToken();
	};
	let keys: Keys;
	try {
		keys = await openDevice(config, edges, session);
	} catch (error) {
		if (!ending.aborted && !(error instanceof StaleKeys)) await abandon();
		await http.close();
		if (ending.aborted) return undefined;
		if (error instanceof StaleKeys) await session.dropToken();
		throw error;
	}
	ending.removeEventListener('abort', http.close);
	return assemble({ session, keys, edges, abandon, closeHttp: http.close });
}

type HomeserverParts = {
	session: Session;
	keys: Keys;
	edges: Edges;
	abandon: () => Promise<void>;
	closeHttp: () => Promise<void>;
};

function assemble({ session, keys, edges, abandon, closeHttp }: HomeserverParts): Connection {
	const { encryption } = keys;
	const { store, now } = edges;
	const states = openRoomStates(session, store);
	const profile = openProfile(session, edges.log);
	const sync = openSync({ session, profile, states, encryption, store, now });
	const sender = openSender({ session, states, encryption, sent: sync.sent });
	keys.begin(async (room, transaction, event) => {
		const sealed = await sender.seal(room, event);
		const sent = 'failure' in sealed ? sealed : await sender.send(room, transaction, sealed.value);
		if ('failure' in sent) throw new Error(JSON.stringify(sent.failure));
		return sent.value;
	});
	let closed: Promise<void> | undefined;
	async function close(): Promise<void> {
		session.stop();
		await closeHttp();
		await encryption?.close();
	}
	return {
		user: session.user,
		names: profile.names,
		lastSync: sync.last,
		device: () => encryption?.standing(),
		sync: sync.sync,
		...sender,
		...openHistory({ session, encryption, now }),
		...openMessages({ session, encryption, now }),
		...openMedia(session),
		...roomsApi(session),
		copyKeys: (folder, meanwhile) => encryption?.copyTo(folder, meanwhile) ?? meanwhile(),
		async abandon() {
			if (sync.last() === undefined) await abandon();
		},
		close: () => (closed ??= close()),
	};
}

/** Sends an event immediately, bypassing the outbox: verifications time out within minutes. Returns the event id. */
type SayNow = (room: string, transaction: string, event: Sealed) => Promise<string>;

type Keys = {
	/** Undefined for a login without a device. */
	encryption: Encryption | undefined;
	/** Call once ready: from then on outdated keys end the process, and verifications can send. */
	begin: (say: SayNow) => void;
};

/** The homeserver knows newer keys of this device than the store has. */
class StaleKeys extends Refusal {}

/** Opens this device's keys. Throws StaleKeys, with nothing left open, if they must not be used. */
async function openDevice(config: ConnectConfig, edges: Edges, session: Session): Promise<Keys> {
	const { device, user } = session.account();
	const { log, fatal, locked } = edges;
	if (device === '') {
		log.error({}, keyless);
		return { encryption: undefined, begin: () => undefined };
	}
	let stale: string | undefined;
	let say: SayNow | undefined;
	const encryption = await openEncryption({
		keys: edges.keys,
		user,
		device,
		config: config.encryption,
		kept: edges.store.kept,
		async say(room, transaction, event) {
			if (say === undefined) throw new Error('not connected yet');
			return say(room, transaction, event);
		},
		refusal: edges.mayVerify,
		password: config.matrix.password,
		ask: (method, path, body) => session.client().doRequest(method, path, null, body ?? null),
		log,
		broken: fatal,
		behind() {
			stale ??= staleSentence(session.account(), config.matrix.password !== undefined);
			if (say !== undefined) leave(stale).catch(fatal);
		},
	}).catch((error: unknown) => {
		throw stale === undefined ? error : new StaleKeys(stale);
	});

	/** Another copy of these keys is in use: send nothing more with them. */
	async function leave(why: string): Promise<void> {
		session.stop();
		await session.dropToken();
		locked(why);
	}

	if (stale !== undefined) {
		await encryption.close();
		throw new StaleKeys(stale);
	}
	return {
		encryption,
		begin(to) {
			say = to;
			if (stale !== undefined) leave(stale).catch(fatal);
		},
	};
}

function staleSentence({ origin }: Account, password: boolean): string {
	const why = 'The keys in the store are older than this session: a backup was restored, or the store was lost';
	if (origin !== 'login') return `${why}. Create a new access token and put it into the configuration.`;
	if (password)
		return `${why}. They will no longer be used; the next time the bot starts, it logs in with a new session.`;
	return `${why}. They will no longer be used; put the password into the configuration for a new session.`;
}

/** The SDK logs every failed request. We handle failures ourselves, so its messages are logged at debug level. */
function quieten(log: Log): void {
	const tell = (module: string, ...rest: unknown[]) => {
		const [text] = rest.filter(part => typeof part === 'string');
		log.debug({ module }, typeof text === 'string' ? text.slice(0, 200) : 'matrix-bot-sdk');
	};
	sdk.LogService.setLogger({ info: tell, warn: tell, error: tell, debug: tell, trace: tell });
	sdk.LogService.setLevel(sdk.LogLevel.WARN);
}

// A homeserver in memory: device keys, identities, to-device messages, and nothing else.
import {
	DeviceLists,
	type OlmMachine,
	type Request,
	RequestType,
	type SendRequest,
	UserId,
} from '../../crypto/index.ts';

type Signatures = Record<string, Record<string, string>>;
interface Signed {
	keys: Record<string, string>;
	signatures?: Signatures;
}
type DeviceKeys = Signed & { device_id: string };
type Fallbacks = Record<string, object>;
interface Device {
	keys: DeviceKeys | undefined;
	oneTime: Map<string, unknown>;
	fallbacks: Fallbacks;
	inbox: object[];
	changed: Set<string>;
}
interface Identity {
	master_key: Signed;
	self_signing_key: Signed;
	user_signing_key: Signed;
}

/** What the server requires to accept an identity's keys. `-to-replace`: if it has others. `never`: it refuses all. */
export type Policy = 'password-to-replace' | 'password-always' | 'account-page-to-replace' | 'never';

export const PASSWORD = 'correct horse';
export const PAGE = 'https://account.example.org/?action=org.matrix.cross_signing_reset';

export interface Homeserver {
	policy: Policy;
	/** Every request as `METHOD path`, newest last. */
	log: string[];
	/** Called before a request is carried out. If it throws, that is the result. */
	before: (path: string) => void;
	/** Called after a request was carried out. If it throws, the response is lost. */
	after: (path: string) => void;
	/** Whether someone has visited the account page. */
	allowed: boolean;
	client(machine: Pick<OlmMachine, 'userId' | 'deviceId'>): SendRequest;
	/** Syncs this device, then sends everything that it wants to send. Resolves with the decrypted to-device events. */
	sync(machine: OlmMachine): Promise<{ type: string; content: Record<string, unknown> }[]>;
	/** Returns and removes what has arrived for a device since the last call. */
	take(machine: Pick<OlmMachine, 'userId' | 'deviceId'>): { events: object[]; counts: Record<string, number> };
	/** Sends what the machine wants to send. */
	send(machine: OlmMachine, requests: readonly Request[]): Promise<void>;
	toDevices(sender: string, type: string, messages: Record<string, Record<string, object>>): void;
	identity(user: string): Identity | undefined;
	deviceKeys(user: string, device: string): DeviceKeys | undefined;
}

export function homeserver(policy: Policy = 'password-to-replace'): Homeserver {
	const users = new Map<string, Map<string, Device>>();
	const identities = new Map<string, Identity>();
	const sessions = new Set<string>();

	function device(user: string, id: string): Device {
		const devices = users.get(user) ?? new Map<string, Device>();
		users.set(user, devices);
		const found = devices.get(id) ?? {
			keys: undefined,
			oneTime: new Map(),
			fallbacks: {},
			inbox: [],
			changed: new Set(),
		};
		devices.set(id, found);
		return found;
	}

	function changed(user: string): void {
		for (const devices of users.values()) for (const each of devices.values()) each.changed.add(user);
	}

	const routes: Record<string, (user: string, id: string, body: never) => object> = {
		'keys/upload'(user, id, body: { device_keys?: DeviceKeys; one_time_keys?: object; fallback_keys?: Fallbacks }) {
			const mine = device(user, id);
			if (body.device_keys) {
				mine.keys = body.device_keys;
				changed(user);
			}
			for (const [key, value] of Object.entries(body.one_time_keys ?? {})) {
				const old = mine.oneTime.get(key);
				if (old !== undefined && JSON.stringify(old) !== JSON.stringify(value)) {
					throw refusal(400, { errcode: 'M_UNKNOWN', error: `One time key ${key} already exists. Old key: …` });
				}
				mine.oneTime.set(key, value);
			}
			Object.assign(mine.fallbacks, body.fallback_keys);
			return { one_time_key_counts: { signed_curve25519: mine.oneTime.size } };
		},
		'keys/query'(asker, _id, body: { device_keys: Record<string, string[]> }) {
			const asked = Object.keys(body.device_keys);
			const known = asked.filter(user => identities.has(user));
			const of = (part: keyof Identity, list: string[]) =>
				Object.fromEntries(list.map(user => [user, identities.get(user)?.[part]]));
			return {
				failures: {},
				device_keys: Object.fromEntries(
					asked.map(user => {
						const shown = [...(users.get(user) ?? [])].filter(([, { keys }]) => keys !== undefined);
						return [user, Object.fromEntries(shown.map(([id, { keys }]) => [id, keys]))];
					}),
				),
				master_keys: of('master_key', known),
				self_signing_keys: of('self_signing_key', known),
				user_signing_keys: of(
					'user_signing_key',
					known.filter(user => user === asker),
				),
			};
		},
		'keys/claim'(_user, _id, body: { one_time_keys: Record<string, Record<string, string>> }) {
			const claim = ([user, wanted]: [string, Record<string, string>]) => [
				user,
				Object.fromEntries(
					Object.keys(wanted).map(id => {
						const { oneTime } = device(user, id);
						const [first] = oneTime;
						if (first === undefined) return [id, {}];
						oneTime.delete(first[0]);
						return [id, { [first[0]]: first[1] }];
					}),
				),
			];
			return { failures: {}, one_time_keys: Object.fromEntries(Object.entries(body.one_time_keys).map(claim)) };
		},
		'keys/device_signing/upload'(user, _id, body: Identity & { auth?: { password?: string; session?: string } }) {
			const { auth, ...identity } = body;
			const old = identities.get(user);
			const same = JSON.stringify(old) === JSON.stringify(identity);
			const asks = server.policy === 'never' || server.policy === 'password-always' || (old !== undefined && !same);
			if (asks && server.policy === 'account-page-to-replace' && !server.allowed) {
				throw refusal(401, {
					session: 'S',
					flows: [{ stages: ['m.oauth'] }],
					params: { 'm.oauth': { url: PAGE } },
				});
			}
			if (asks && server.policy === 'never') throw refusal(403, { errcode: 'M_FORBIDDEN', error: 'No' });
			if (asks && server.policy.startsWith('password')) {
				if (!sessions.has(auth?.session ?? '') || auth?.password !== PASSWORD) {
					const session = `S${sessions.size}`;
					sessions.add(session);
					throw refusal(401, {
						...(auth === undefined ? {} : { errcode: 'M_FORBIDDEN', error: 'Invalid password' }),
						session,
						flows: [{ stages: ['m.login.password'] }],
						params: {},
					});
				}
			}
			identities.set(user, structuredClone(identity));
			changed(user);
			return {};
		},
		'keys/signatures/upload'(_user, _id, body: Record<string, Record<string, Signed>>) {
			const failures: Record<string, object> = {};
			for (const [user, signedKeys] of Object.entries(body)) {
				for (const [id, { signatures }] of Object.entries(signedKeys)) {
					const keys = users.get(user)?.get(id)?.keys;
					const theirs = signatures?.[user] ?? {};
					const self = Object.keys(identities.get(user)?.self_signing_key.keys ?? {})[0];
					const master = identities.get(user)?.master_key;
					if (master !== undefined && Object.keys(master.keys).includes(`ed25519:${id}`)) continue;
					if (keys === undefined || self === undefined || theirs[self] === undefined) {
						failures[user] = { [id]: { errcode: 'M_INVALID_SIGNATURE', error: "by a key that is not the owner's" } };
						continue;
					}
					keys.signatures = { ...keys.signatures, [user]: { ...keys.signatures?.[user], ...theirs } };
					changed(user);
				}
			}
			return { failures };
		},
	};

	function refusal(statusCode: number, body: object): Error {
		return Object.assign(new Error(JSON.stringify(body)), { statusCode, body });
	}

	const server: Homeserver = {
		policy,
		log: [],
		before: () => {},
		after: () => {},
		allowed: false,
		client: machine => {
			const [user, id] = [machine.userId.toString(), machine.deviceId.toString()];
			return async (method, path, body) => {
				const short = path.replace('/_matrix/client/v3/', '');
				server.log.push(`${method} ${short}`);
				server.before(short);
				if (method === 'GET' && path === '/_matrix/client/v1/auth_metadata') {
					if (server.policy !== 'account-page-to-replace') throw refusal(404, { errcode: 'M_UNRECOGNIZED' });
					return { issuer: 'https://account.example.org/' };
				}
				const route = routes[short];
				if (route === undefined) throw refusal(404, { errcode: 'M_UNRECOGNIZED' });
				const answer = structuredClone(route(user, id, structuredClone(body) as never));
				server.after(short);
				return answer;
			};
		},
		async sync(machine) {
			const mine = device(machine.userId.toString(), machine.deviceId.toString());
			const { events, counts } = server.take(machine);
			const lists = new DeviceLists([...mine.changed].map(user => new UserId(user)));
			mine.changed.clear();
			const fallbacks = Object.keys(mine.fallbacks).length > 0 ? ['signed_curve25519'] : [];
			const seen = await machine.receiveSyncChanges(JSON.stringify(events), lists, counts, fallbacks);
			await server.send(machine, await machine.outgoingRequests());
			return JSON.parse(seen);
		},
		take(machine) {
			const { inbox, oneTime } = device(machine.userId.toString(), machine.deviceId.toString());
			return { events: inbox.splice(0), counts: { signed_curve25519: oneTime.size } };
		},
		async send(machine, requests) {
			for (const request of requests) {
				const answer = await deliver(machine, request);
				await machine.markRequestAsSent(request.id, request.type, JSON.stringify(answer));
			}
		},
		toDevices(sender, type, messages) {
			for (const [user, byDevice] of Object.entries(messages)) {
				for (const [id, content] of Object.entries(byDevice)) {
					for (const [each, { inbox }] of users.get(user) ?? []) {
						if (id === '*' || id === each) inbox.push({ sender, type, content });
					}
				}
			}
		},
		identity: user => identities.get(user),
		deviceKeys: (user, id) => users.get(user)?.get(id)?.keys,
	};

	async function deliver(machine: OlmMachine, request: Request): Promise<unknown> {
		const body = JSON.parse(request.body);
		if (request.type === RequestType.ToDevice) {
			server.toDevices(machine.userId.toString(), request.eventType, body.messages);
			return {};
		}
		const paths: Partial<Record<number, string>> = {
			[RequestType.KeysUpload]: 'keys/upload',
			[RequestType.KeysQuery]: 'keys/query',
			[RequestType.KeysClaim]: 'keys/claim',
			[RequestType.SignatureUpload]: 'keys/signatures/upload',
		};
		return server.client(machine)('POST', `/_matrix/client/v3/${paths[request.type]}`, body);
	}

	return server;
}

// Read-only requests to a homeserver: whether it is one, and who a token belongs to. Without the SDK, so that a
// configuration check need not load it.

import type { Failure, Outcome } from '../../ports/homeserver.ts';
import type { ProxyOf } from '../../runtime/proxy.ts';
import { failureOf } from './failure.ts';
import { openHttp } from './http.ts';
import { isRecord, type Json } from './json.ts';

export type Inquiry = {
	/** The versions of the specification it supports, oldest first. */
	versions: (homeserver: string) => Promise<Outcome<string[]>>;
	/** The login types: `m.login.password` … */
	logins: (homeserver: string) => Promise<Outcome<string[]>>;
	whoami: (homeserver: string, token: string) => Promise<Outcome<{ user: string; device: string | undefined }>>;
	joined: (homeserver: string, token: string) => Promise<Outcome<string[]>>;
	/** Whether the account exists; undefined if the homeserver does not say. */
	exists: (homeserver: string, user: string) => Promise<boolean | undefined>;
	/** The client address in the server's `.well-known`. */
	wellKnown: (server: string) => Promise<string | undefined>;
	close: () => Promise<void>;
};

/** `timeout`: milliseconds for one request. */
export function openInquiry(userAgent: string, proxyOf: ProxyOf | undefined, timeout = 15_000): Inquiry {
	const http = openHttp(userAgent, { maxAnswer: 4 * 1024 * 1024, proxyOf });

	function get(uri: string, token?: string): Promise<Json> {
		const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
		return new Promise((resolve, reject) => {
			http.request({ uri, method: 'GET', headers, timeout }, (error, response) => {
				if (error || !response) return reject(error);
				const { statusCode, body } = response;
				if (statusCode < 400 && isRecord(body)) return resolve(body);
				if (statusCode < 400) return reject(new Error('the response is not from a homeserver'));
				reject(Object.assign(new Error(`status ${statusCode}`), { statusCode, body }));
			});
		});
	}

	async function asked<T>(read: (body: Json) => T | undefined, uri: string, token?: string): Promise<Outcome<T>> {
		try {
			const value = read(await get(uri, token));
			if (value !== undefined) return { value };
			return { failure: { kind: 'away', why: 'the response is not from a homeserver' } };
		} catch (error) {
			return { failure: failureOf(error) as Failure };
		}
	}

	const client = (homeserver: string, path: string) => `${homeserver}/_matrix/client/v3/${path}`;
	return {
		versions: homeserver => asked(({ versions }) => strings(versions), `${homeserver}/_matrix/client/versions`),
		logins: homeserver =>
			asked(
				({ flows }) => strings(Array.isArray(flows) ? flows.map(flow => (isRecord(flow) ? flow.type : flow)) : flows),
				client(homeserver, 'login'),
			),
		whoami: (homeserver, token) =>
			asked(
				({ user_id: user, device_id: device }) =>
					typeof user === 'string' ? { user, device: typeof device === 'string' ? device : undefined } : undefined,
				client(homeserver, 'account/whoami'),
				token,
			),
		joined: (homeserver, token) =>
			asked(({ joined_rooms }) => strings(joined_rooms), client(homeserver, 'joined_rooms'), token),
		async exists(homeserver, user) {
			const found = await asked(body => body, client(homeserver, `profile/${encodeURIComponent(user)}`));
			if ('value' in found) return true;
			const { failure } = found;
			return failure.kind === 'refused' && failure.code === 'M_NOT_FOUND' ? false : undefined;
		},
		async wellKnown(server) {
			const found = await asked(
				body => (isRecord(body['m.homeserver']) ? body['m.homeserver'].base_url : undefined),
				`https://${server}/.well-known/matrix/client`,
			);
			const address = 'value' in found && typeof found.value === 'string' ? found.value.replace(/\/+$/, '') : '';
			return /^https?:\/\//.test(address) && URL.canParse(address) ? address : undefined;
		},
		close: http.close,
	};
}

function strings(value: unknown): string[] | undefined {
	return Array.isArray(value) && value.every(one => typeof one === 'string') ? value : undefined;
}

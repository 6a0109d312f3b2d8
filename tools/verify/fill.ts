// Fills a database with events, as people would: in an almost empty one, background updates finish at once.
import { createHmac } from 'node:crypto';

/** What the trials' configurations set, so that users can be created. */
export const registrationSecret = 'for trials only';

/** Without these options a release that limits rates takes minutes to fill. */
export const unlimited = {
	rc_message: { per_second: 10_000, burst_count: 10_000 },
	rc_joins: {
		local: { per_second: 10_000, burst_count: 10_000 },
		remote: { per_second: 10_000, burst_count: 10_000 },
	},
	rc_room_creation: { per_second: 10_000, burst_count: 10_000 },
	rc_registration: { per_second: 10_000, burst_count: 10_000 },
	rc_login: {
		address: { per_second: 10_000, burst_count: 10_000 },
		account: { per_second: 10_000, burst_count: 10_000 },
	},
};

const rooms = 4;

/** Sends this many messages to some rooms on the release that listens at `base`. Throws if it refuses a request. */
export async function fill(base: string, events: number): Promise<void> {
	const token = await register(base, `user${Date.now()}`);
	const post = (path: string, body: unknown, method = 'POST') => ask(base, path, { method, body, token });
	const made = await Promise.all(
		Array.from({ length: rooms }, () => post('/_matrix/client/r0/createRoom', { preset: 'public_chat' })),
	);
	await Promise.all(
		made.map(async ({ room_id }, room) => {
			for (let i = room; i < events; i += rooms)
				await post(
					`/_matrix/client/r0/rooms/${encodeURIComponent(String(room_id))}/send/m.room.message/${i}`,
					{ msgtype: 'm.text', body: `message ${i} https://example.org/` },
					'PUT',
				);
		}),
	);
}

/** The access token of a new account. */
export async function register(base: string, username: string, admin = false): Promise<string> {
	const { nonce } = await ask(base, '/_synapse/admin/v1/register', { method: 'GET' });
	const mac = createHmac('sha1', registrationSecret)
		.update([nonce, username, 'password', admin ? 'admin' : 'notadmin'].join('\0'))
		.digest('hex');
	const body = { nonce, username, password: 'password', admin, mac };
	return String((await ask(base, '/_synapse/admin/v1/register', { method: 'POST', body })).access_token);
}

type Asked = { method: string; body?: unknown; token?: string };

async function ask(base: string, path: string, { method, body, token }: Asked): Promise<Record<string, unknown>> {
	const response = await fetch(`${base}${path}`, {
		method,
		headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
		...(body !== undefined && { body: JSON.stringify(body) }),
		signal: AbortSignal.timeout(60_000),
	});
	const text = await response.text();
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 200)}`);
	return JSON.parse(text) as Record<string, unknown>;
}

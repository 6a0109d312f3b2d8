// The homeserver of test/crypto over HTTP: sessions and their devices, account data, an empty sync, failures on demand.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { DeviceId, UserId } from '../../../crypto/index.ts';
import { homeserver } from '../../crypto/homeserver.ts';

export const bot = '@bot:example.org';
export const password = 'correct horse';

/** What happens to a call: it gets another response, or the usual one is changed on its way back. */
export type Way = { status: number; body: object } | ((answer: Buffer) => { headers?: object; body: Buffer | string });

export type Served = Awaited<ReturnType<typeof serve>>;

/** Starts the homeserver on a free port on loopback. */
export async function serve() {
	const keys = homeserver();
	const devices = new Map<string, string>();
	const data = new Map<string, unknown>();
	const calls: string[] = [];
	const uploads: Buffer[] = [];
	/** The account's profile. */
	const profile: Record<string, unknown> = {};
	let tokens = 0;
	let way: (path: string) => Way | undefined = () => undefined;

	const server = createServer((request, response) => {
		answer(request, response).catch(() => response.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();

	async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const path = (request.url ?? '').replace('/_matrix/client/v3/', '').replace(/\?.*/, '');
		calls.push(path);
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		if (path.startsWith('/_matrix/media/v3/upload')) uploads.push(Buffer.concat(chunks));
		const text = path.includes('/media/') ? '' : Buffer.concat(chunks).toString();
		const other = way(path);
		if (other && typeof other !== 'function') {
			response.writeHead(other.status).end(JSON.stringify(other.body));
			return;
		}
		const { status, body } = await carriedOut(request, path, text ? JSON.parse(text) : {});
		const plain = Buffer.from(JSON.stringify(body));
		const changed = other?.(plain) ?? { body: plain };
		response.writeHead(status, { 'content-type': 'application/json', ...changed.headers }).end(changed.body);
	}

	type Carried = { status: number; body: object };

	async function carriedOut(request: IncomingMessage, path: string, body: Record<string, unknown>): Promise<Carried> {
		if (path === 'login') {
			if (body.password !== password) return { status: 403, body: { errcode: 'M_FORBIDDEN' } };
			const device = typeof body.device_id === 'string' ? body.device_id : `DEVICE${tokens}`;
			const token = `token-${tokens++}`;
			devices.set(device, token);
			return { status: 200, body: { user_id: bot, access_token: token, device_id: device } };
		}
		const token = request.headers.authorization?.replace('Bearer ', '');
		const device = [...devices].find(([, each]) => each === token)?.[0];
		if (device === undefined) return { status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } };
		if (path === 'logout') devices.delete(device);
		if (path === 'logout') return { status: 200, body: {} };
		if (path === 'account/whoami') return { status: 200, body: { user_id: bot, device_id: device } };
		if (path === 'sync') return { status: 200, body: { next_batch: 's1' } };
		if (path === '/_matrix/media/v3/upload')
			return { status: 200, body: { content_uri: `mxc://example.org/${uploads.length}` } };
		if (path.startsWith('profile/')) {
			if (request.method !== 'GET') Object.assign(profile, body);
			return { status: 200, body: request.method === 'GET' ? profile : {} };
		}
		if (path.startsWith('user/')) {
			if (request.method === 'PUT') data.set(path, body);
			const found = data.get(path);
			return found ? { status: 200, body: found } : { status: 404, body: { errcode: 'M_NOT_FOUND' } };
		}
		const client = keys.client({ userId: new UserId(bot), deviceId: new DeviceId(device) });
		const method = request.method === 'GET' ? 'GET' : 'POST';
		return client(method, `/_matrix/client/v3/${path}`, body).then(
			value => ({ status: 200, body: Object(value) }),
			(error: unknown) => ({ status: Number(Object(error).statusCode) || 500, body: Object(error).body ?? {} }),
		);
	}

	return {
		url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
		keys,
		/** The device IDs of open sessions, each with its token. */
		devices,
		/** The paths of all calls, in order, without `/_matrix/client/v3/`. */
		calls,
		profile,
		uploads,
		/** Decides before each call what happens to it. */
		setWay(to: typeof way) {
			way = to;
		},
		async stop() {
			server.closeAllConnections();
			await new Promise(resolve => server.close(resolve));
		},
	};
}

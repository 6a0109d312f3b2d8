// A small internet on loopback: names, certificates, good and bad servers. Two addresses, 127.0.0.2 and 127.0.0.4, are
// allowed through the operator's configuration; 127.0.0.3 stands for everything that is forbidden.
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createNet, type Socket } from 'node:net';
import { createServer as createTls, type TLSSocket, type TlsOptions } from 'node:tls';
import { openWeb, type WebGiven, type WebSettings } from '../../../src/edges/web/web.ts';
import type { Kept, Web } from '../../../src/ports/web.ts';
import { silence } from '../../../src/runtime/log.ts';
import { type Authority, type Certificate, openAuthority } from './authority.ts';
import { openZone, type Zone } from './zone.ts';

export const ours = '127.0.0.2';
export const other = '127.0.0.4';
export const banned = '127.0.0.3';

/** A request as a simulated server saw it. */
export type Heard = { address: string; port: number; host: string; sni: string | false; path: string; agent: string };

export type World = {
	zone: Zone;
	authority: Authority;
	heard: Heard[];
	/** The addresses and ports that the bot dialled, before they were rerouted. */
	dialled: string[];
	/** What the log says about forbidden addresses. */
	logged: Record<string, unknown>[];
	/** Connections that reached the forbidden address. */
	trespasses: number;
	/** An HTTPS server at this address and port, as the bot sees them. */
	https: (at: At, answer: (request: IncomingMessage, response: ServerResponse) => void) => Promise<void>;
	/** A server that speaks TLS, and then whatever `speak` does. */
	tls: (at: At, speak: (socket: TLSSocket) => void, options?: TlsOptions) => Promise<void>;
	/** A server that does whatever `speak` does. */
	tcp: (at: At, speak: (socket: Socket) => void) => Promise<void>;
	web: (settings?: Partial<WebSettings>, now?: () => Date, given?: Partial<WebGiven>) => Promise<Web>;
	close: () => Promise<void>;
};

type At = { address?: string; port: number; names?: string[]; certificate?: Certificate };

let authority: Authority | undefined;

export async function openWorld(): Promise<World> {
	authority ??= openAuthority();
	const ca = authority;
	const zone = await openZone();
	const servers: Server[] = [];
	const sockets = new Set<Socket>();
	/** The real port of each simulated address and port. */
	const routes = new Map<string, number>();
	const guard = createNet(socket => {
		world.trespasses++;
		socket.destroy();
	});

	async function listen(server: unknown, { address = ours, port }: At): Promise<void> {
		const listening = server as Server;
		listening.on('connection', (socket: Socket) => {
			sockets.add(socket);
			socket.on('error', () => undefined);
			socket.on('close', () => sockets.delete(socket));
		});
		listening.on('tlsClientError', () => undefined);
		listening.listen(0, address);
		await once(listening, 'listening');
		servers.push(listening);
		routes.set(`${address}:${port}`, (listening.address() as AddressInfo).port);
	}

	function certificateOf({ certificate, names, address = ours }: At): Certificate {
		return certificate ?? ca.issue(names ?? [address]);
	}

	const world: World = {
		zone,
		authority: ca,
		heard: [],
		dialled: [],
		logged: [],
		trespasses: 0,
		async https(at, answer) {
			const server = createHttps(certificateOf(at), (request, response) => {
				world.heard.push({
					address: at.address ?? ours,
					port: at.port,
					host: request.headers.host ?? '',
					sni: (request.socket as TLSSocket).servername ?? false,
					path: request.url ?? '',
					agent: request.headers['user-agent'] ?? '',
				});
				answer(request, response);
			});
			await listen(server, at);
		},
		async tls(at, speak, options = {}) {
			const server = createTls({ ...certificateOf(at), ...options }, socket => {
				socket.on('error', () => undefined);
				speak(socket);
			});
			await listen(server, at);
		},
		async tcp(at, speak) {
			await listen(createNet(speak), at);
		},
		web(settings = {}, now = () => new Date(), given = {}) {
			const route = (host: string, port: number) => {
				world.dialled.push(`${host}:${port}`);
				if (host === banned) return { host, port: (guard.address() as AddressInfo).port };
				// If nobody is listening, the connection is refused as in the real world.
				return { host, port: routes.get(`${host}:${port}`) ?? 1 };
			};
			const known = { releases: [], passages: [], advisories: [], charts: [] };
			const log = { ...silence, info: (fields: Record<string, unknown>) => void world.logged.push(fields) };
			return openWeb({ ...played(zone, ca), ...settings }, { now, kept: openKept(), known, route, log, ...given });
		},
		async close() {
			for (const socket of sockets) socket.destroy();
			await Promise.all([...servers, guard].map(server => new Promise(resolve => server.close(resolve))));
			await zone.close();
		},
	};
	guard.listen(0, banned);
	await once(guard, 'listening');
	return world;
}

function played(zone: Zone, ca: Authority): WebSettings {
	return {
		version: '0.0.0',
		contact: '@admin:played.test',
		addresses: [`${ours}/32`, other],
		exclude: [],
		resolvers: [zone.address],
		authorities: [ca.certificate],
		atOnce: 20,
		perAddress: 4,
		requestSeconds: 10,
		lookSeconds: 20,
	};
}

/** A store of texts in memory. */
export function openKept(): Kept & { texts: Map<string, string> } {
	const texts = new Map<string, string>();
	return { texts, get: async key => texts.get(key), put: async (key, text) => void texts.set(key, text) };
}

/** Responds to `/_matrix/federation/v1/version` like Synapse, and to everything else with 404. */
export function synapse(version: string): (request: IncomingMessage, response: ServerResponse) => void {
	return pages({ '/_matrix/federation/v1/version': { server: { name: 'Synapse', version } } });
}

/** Responds to these paths with JSON, and to everything else with 404. */
export function pages(
	bodies: Record<string, unknown>,
	headers: Record<string, string> = {},
): (request: IncomingMessage, response: ServerResponse) => void {
	return (request, response) => {
		const body = bodies[request.url ?? ''];
		response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json', ...headers });
		response.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
	};
}

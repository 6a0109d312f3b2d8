// A simulated proxy on loopback: tunnels CONNECT, forwards plain requests, and requires credentials. Like a real one,
// it responds with 405 to a request without an address, and with 407 if the credentials are wrong.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export type PlayedProxy = Awaited<ReturnType<typeof playProxy>>;

/** `login`: the required credentials. `hosts`: the targets, as `host:port`, of names that only the proxy knows. */
export async function playProxy(login?: string, hosts: Readonly<Record<string, string>> = {}) {
	const asked: string[] = [];
	const sockets = new Set<Socket>();
	const isKnown = ({ headers }: IncomingMessage) =>
		login === undefined || headers['proxy-authorization'] === `Basic ${Buffer.from(login).toString('base64')}`;
	const server = createServer((incoming, response) => {
		if (!isKnown(incoming)) return response.writeHead(407).end();
		const { url = '', method, headers } = incoming;
		if (!url.startsWith('http://')) return response.writeHead(405).end();
		asked.push(`${method} ${url}`);
		const meant = new URL(url);
		meant.host = hosts[meant.host] ?? meant.host;
		const forwarded = request(meant, { method, headers }, answer => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(response);
		});
		forwarded.on('error', () => response.writeHead(502).end());
		incoming.pipe(forwarded);
	});
	server.on('connect', (incoming, client: Socket) => {
		sockets.add(client);
		client.on('error', () => {});
		if (!isKnown(incoming)) return client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
		asked.push(`CONNECT ${incoming.url}`);
		const { hostname, port } = new URL(`http://${incoming.url}`);
		const there = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ''));
		sockets.add(there);
		there.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
		there.once('connect', () => {
			client.write('HTTP/1.1 200 Connection established\r\n\r\n');
			there.pipe(client).pipe(there);
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	const port = typeof address === 'object' && address ? address.port : 0;
	return {
		url: new URL(`http://${login === undefined ? '' : `${login}@`}127.0.0.1:${port}`),
		/** The requests that it let through. */
		asked,
		async stop() {
			for (const socket of sockets) socket.destroy();
			server.closeAllConnections();
			await new Promise(resolve => server.close(resolve));
		},
	};
}

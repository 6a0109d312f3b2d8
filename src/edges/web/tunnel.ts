// A tunnel through the operator's proxy to a checked address, so that the proxy does not resolve any names.
import { type ClientRequest, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Asks the proxy for a tunnel to `at` (an address with its port). Calls back with the socket, or with an error
 * whose `code` contains the proxy's status. Destroy the returned request to abort.
 */
export function openTunnel(
	proxy: URL,
	at: string,
	done: (error: Error | null, socket: Socket | null) => void,
): { destroy: () => void } {
	const login = proxy.username
		? `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString('base64')}`
		: undefined;
	const ask = proxy.protocol === 'https:' ? requestHttps : requestHttp;
	const asked: ClientRequest = ask({
		host: proxy.hostname.replace(/^\[|\]$/g, ''),
		port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
		method: 'CONNECT',
		path: at,
		headers: { host: at, ...(login !== undefined && { 'proxy-authorization': login }) },
		agent: false,
	});
	let over = false;
	const end = (error: Error | null, socket: Socket | null) => {
		if (over) return socket?.destroy();
		over = true;
		done(error, socket);
	};
	asked.once('connect', ({ statusCode = 0 }, socket, head) => {
		// A TLS server never speaks first, so bytes here mean that the tunnel leads elsewhere.
		if (statusCode === 200 && head.length === 0) return end(null, socket as Socket);
		socket.destroy();
		end(Object.assign(new Error(`the proxy returned ${statusCode}`), { code: `PROXY_${statusCode}` }), null);
	});
	asked.once('response', response => {
		response.destroy();
		end(
			Object.assign(new Error(`the proxy returned ${response.statusCode}`), { code: `PROXY_${response.statusCode}` }),
			null,
		);
	});
	asked.on('error', error =>
		end(Object.assign(new Error(`the proxy: ${error.message}`), { code: 'PROXY_AWAY' }), null),
	);
	asked.end();
	return { destroy: () => asked.destroy() };
}

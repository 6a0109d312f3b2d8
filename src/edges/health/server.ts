// /healthz, /readyz and /metrics over HTTP, for supervisors and Prometheus. Read-only.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Refusal } from '../../answer.ts';
import type { Log } from '../../runtime/log.ts';
import type { Loop } from '../../runtime/loop.ts';
import type { Metrics } from './metrics.ts';

export type HealthSetup = {
	listen: { host: string; port: number };
	loop: Loop;
	/** Why the bot cannot work now, one sentence each; empty if it can. */
	troubles: () => Promise<string[]>;
	metrics: Pick<Metrics, 'text' | 'contentType'>;
	log: Log;
};

/** An event loop that was later than this (ms) in the last few seconds counts as frozen. */
const frozen = 10_000;
const zipped = promisify(gzip);

type HealthPage = { status: number; type: string; body: string };

/** Starts listening; `port` is the one configured, or a free one if that was 0. Throws a Refusal if it cannot listen. */
export async function serveHealth(setup: HealthSetup): Promise<{ port: number; close: () => void }> {
	const { listen, log } = setup;
	const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
		answer(request, response, setup).catch((error: unknown) => {
			log.warn({ err: error }, 'a health check failed');
			if (!response.headersSent) response.writeHead(500);
			response.end();
		});
	});
	server.maxConnections = 100;
	// Longer than usual scrape intervals: a request sent while the connection is being closed would look like a failure.
	server.keepAliveTimeout = 75_000;
	server.listen(listen.port, listen.host);
	try {
		await once(server, 'listening');
	} catch (error) {
		const code = error instanceof Error && 'code' in error ? error.code : undefined;
		const at = `${listen.host}:${listen.port}`;
		if (code === 'EADDRINUSE')
			throw new Refusal(`health.listen: ${at} is in use by another program; choose another port.`);
		if (code === 'EADDRNOTAVAIL') throw new Refusal(`health.listen: ${at} is not an address of this machine.`);
		if (code === 'EACCES')
			throw new Refusal(`health.listen: this user cannot listen on ${at}; choose a port above 1023.`);
		throw new Refusal(`health.listen: ${at} cannot be used: ${error instanceof Error ? error.message : error}.`);
	}
	// Do not keep the process alive just for this server.
	server.unref();
	server.on('error', error => log.warn({ err: error }, 'the health server failed'));
	const address = server.address();
	return {
		port: typeof address === 'object' && address ? address.port : listen.port,
		close() {
			server.close();
			server.closeAllConnections();
		},
	};
}

async function answer(request: IncomingMessage, response: ServerResponse, setup: HealthSetup): Promise<void> {
	const { method = '', url = '', headers } = request;
	if (method !== 'GET' && method !== 'HEAD') {
		response.writeHead(405, { allow: 'GET, HEAD' }).end();
		return;
	}
	const { status, type, body } = await pageOf(url.replace(/\?.*/s, ''), setup);
	const zip = body.length > 1024 && /\bgzip\b/.test(headers['accept-encoding'] ?? '');
	const bytes = zip ? await zipped(body) : Buffer.from(body);
	response.writeHead(status, {
		'content-type': type,
		'content-length': bytes.length,
		'cache-control': 'no-store',
		...(zip && { 'content-encoding': 'gzip' }),
	});
	response.end(method === 'HEAD' ? undefined : bytes);
}

async function pageOf(path: string, { loop, troubles, metrics }: HealthSetup): Promise<HealthPage> {
	const plain = { type: 'text/plain; charset=utf-8' };
	if (path === '/healthz') {
		const lag = Math.round(loop.lagMs());
		const alive = lag <= frozen;
		return {
			...plain,
			status: alive ? 200 : 503,
			body: `${alive ? 'alive' : 'frozen'}: the event loop is ${lag} ms late\n`,
		};
	}
	if (path === '/readyz') {
		const found = await troubles();
		return { ...plain, status: found.length ? 503 : 200, body: `${found.length ? found.join('\n') : 'ready'}\n` };
	}
	if (path === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.text() };
	return { ...plain, status: 404, body: 'Available: /healthz, /readyz and /metrics.\n' };
}

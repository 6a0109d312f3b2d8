// The HTTP calls under matrix-bot-sdk: results, failures, and that nothing hangs.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { failureOf } from '../../../src/edges/matrix/failure.ts';
import { openHttp } from '../../../src/edges/matrix/http.ts';
import { sdk } from '../../../src/edges/matrix/sdk.ts';
import { playProxy } from '../../proxy.ts';

const http = openHttp('Glia/1.2.3');
let server: Server | undefined;

afterEach(() => {
	server?.closeAllConnections();
	server?.close();
});

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void) {
	server = createServer(handler);
	await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
	const address = server.address();
	sdk.setRequestFn(http.request);
	sdk.LogService.setLogger({ info() {}, warn() {}, error() {}, debug() {}, trace() {} });
	return new sdk.MatrixClient(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, 'token');
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
	response.writeHead(status, { 'content-type': 'application/json', ...headers });
	response.end(JSON.stringify(body));
}

async function failure(client: InstanceType<typeof sdk.MatrixClient>, time = 5000) {
	return client.doRequest('GET', '/x', null, null, time).then(
		value => ({ value }),
		(error: unknown) => failureOf(error),
	);
}

test('sends the token, the user agent and the query, returns JSON, and reuses connections', async () => {
	const seen: unknown[] = [];
	const sockets = new Set<unknown>();
	const client = await serve((request, response) => {
		seen.push([request.method, request.url, request.headers.authorization, request.headers['user-agent']]);
		sockets.add(request.socket);
		json(response, 200, { ok: true });
	});
	for (let i = 0; i < 10; i++) {
		expect(await client.doRequest('GET', '/x', { a: 'ö&', b: ['1', '2'], c: null }, null, 5000)).toEqual({ ok: true });
	}
	expect(seen[0]).toEqual(['GET', '/x?a=%C3%B6%26&b=1&b=2', 'Bearer token', 'Glia/1.2.3']);
	// The next call may start just before the last one releases its connection.
	expect(sockets.size).toBeLessThanOrEqual(2);
});

test('sends a body as JSON and a file unchanged, and returns bytes unchanged', async () => {
	const client = await serve(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		response.writeHead(200, { 'content-type': 'application/octet-stream', 'x-type': request.headers['content-type'] });
		response.end(Buffer.concat(chunks));
	});
	expect(await client.doRequest('PUT', '/x', null, { a: 'ö' }, 5000)).toEqual({ a: 'ö' });
	const bytes = Buffer.from([0, 255, 10]);
	const raw = await client.doRequest('POST', '/x', null, bytes, 5000, true, 'image/png', true);
	expect(raw.headers['x-type']).toBe('image/png');
	expect(raw.body).toEqual(bytes);
});

test.each<[string, number, unknown, Record<string, string>, unknown]>([
	[
		'a limit in the body',
		429,
		{ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1234 },
		{},
		{ kind: 'limited', waitMs: 1234 },
	],
	[
		'a limit in the header',
		429,
		{ errcode: 'M_LIMIT_EXCEEDED' },
		{ 'retry-after': '7' },
		{ kind: 'limited', waitMs: 7000 },
	],
	[
		'the limit in the header before the one in the body',
		429,
		{ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1 },
		{ 'retry-after': '2' },
		{ kind: 'limited', waitMs: 2000 },
	],
	['a limit without a time', 429, null, {}, { kind: 'limited', waitMs: 5000 }],
	['a limit that is over at once', 429, {}, { 'retry-after': '0' }, { kind: 'limited', waitMs: 500 }],
	['a limit of more than an hour', 429, { retry_after_ms: 1e12 }, {}, { kind: 'limited', waitMs: 3600_000 }],
	[
		'forbidden',
		403,
		{ errcode: 'M_FORBIDDEN', error: 'no.' },
		{},
		{ kind: 'refused', code: 'M_FORBIDDEN', why: 'no (M_FORBIDDEN)' },
	],
	['a revoked token', 401, { errcode: 'M_UNKNOWN_TOKEN' }, {}, { kind: 'token', soft: false, why: 'M_UNKNOWN_TOKEN' }],
	['an expired session', 401, { errcode: 'M_UNKNOWN_TOKEN', soft_logout: true }, {}, { kind: 'token', soft: true }],
	['a locked account', 401, { errcode: 'M_USER_LOCKED', soft_logout: true }, {}, { kind: 'away' }],
	['a server that has reached a resource limit', 403, { errcode: 'M_RESOURCE_LIMIT_EXCEEDED' }, {}, { kind: 'away' }],
	[
		'an internal error of the homeserver',
		500,
		{ errcode: 'M_UNKNOWN', error: 'Internal server error' },
		{},
		{ kind: 'away' },
	],
	['a JSON 404 from something else', 404, { message: 'no route' }, {}, { kind: 'away' }],
	['an unknown endpoint', 404, { errcode: 'M_UNRECOGNIZED' }, {}, { kind: 'away' }],
	['a JSON rejection by something else', 403, { message: 'Blocked' }, {}, { kind: 'away', rejected: true }],
	['a JSON null', 502, null, {}, { kind: 'away', why: 'status 502 from something that is not a homeserver' }],
])('recognises %s', async (_what, status, body, headers, expected) => {
	const client = await serve((_request, response) => json(response, status, body, headers));
	expect(await failure(client)).toMatchObject(expected as object);
});

test("treats a proxy's pages, incomplete responses and dropped connections as an outage", async () => {
	const answers: ((response: ServerResponse) => void)[] = [
		response => {
			response.writeHead(404, { 'content-type': 'text/html' });
			response.end('<html>Not found</html>');
		},
		response => {
			response.writeHead(200, { 'content-type': 'text/html' });
			response.end('<html>Welcome</html>');
		},
		response => {
			response.writeHead(200, { 'content-type': 'application/json' });
			response.end('{"event_id": "$ab');
		},
		response => {
			response.writeHead(200, { 'content-length': '100' });
			response.write('{"event_id"');
			setTimeout(() => response.destroy(), 20);
		},
		response => response.destroy(),
	];
	let call = 0;
	const client = await serve((_request, response) => answers[call++]?.(response));
	for (const _ of answers)
		expect(await failure(client)).toMatchObject({ kind: 'away', why: expect.stringMatching(/\S/) });
	expect(call).toBe(answers.length);
});

describe('compressed responses', () => {
	const text = Buffer.from(JSON.stringify({ event_id: '$ö' }));
	const forms: [string, string, Buffer][] = [
		['gzip', 'gzip', gzipSync(text)],
		['gzip by its old name', 'x-gzip', gzipSync(text)],
		['gzip in capitals', ' GZIP ', gzipSync(text)],
		['deflate', 'deflate', deflateSync(text)],
		['deflate without its header', 'deflate', deflateRawSync(text)],
		['br', 'br', brotliCompressSync(text)],
		['zstd', 'zstd', zstdCompressSync(text)],
		['two layers', 'deflate, gzip', gzipSync(deflateSync(text))],
		['none, by name', 'identity', text],
	];

	test.each(forms)('are read: %s', async (_what, encoding, body) => {
		const client = await serve((_request, response) => {
			response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
			response.end(body);
		});
		expect(await client.doRequest('GET', '/x', null, null, 5000)).toEqual({ event_id: '$ö' });
		const raw = await client.doRequest('GET', '/x', null, null, 5000, true, 'image/png', true);
		expect(raw.body).toEqual(text);
	});

	test('are requested, and errors are read from them', async () => {
		const client = await serve((request, response) => {
			response.writeHead(403, { 'content-encoding': 'gzip' });
			response.end(
				gzipSync(JSON.stringify({ errcode: 'M_FORBIDDEN', error: `${request.headers['accept-encoding']}` })),
			);
		});
		expect(await failure(client)).toMatchObject({ code: 'M_FORBIDDEN', why: 'gzip, deflate, br (M_FORBIDDEN)' });
	});

	test.each<[string, string, Buffer, RegExp]>([
		['in an encoding that was not requested', 'compress', text, /unsupported compression \(compress\)/],
		['that are not really compressed', 'gzip', text, /claims to be gzip but is not/],
		['that are truncated', 'gzip', gzipSync(text).subarray(0, 20), /claims to be gzip but is not/],
		['in many layers', 'gzip,gzip,gzip,gzip', text, /compressed 4 times/],
		['that grow without bound', 'gzip', gzipSync(Buffer.alloc(200_000, ' ')), /too large/],
		['that grow in the second layer', 'br, br', brotliCompressSync(brotliCompressSync(Buffer.alloc(1e8))), /too large/],
	])('%s count as an outage', async (_what, encoding, body, why) => {
		const client = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': encoding });
			response.end(body);
		});
		const bounded = openHttp('Glia/1', { maxAnswer: 100_000 });
		sdk.setRequestFn(bounded.request);
		expect(await failure(client)).toMatchObject({ kind: 'away', why: expect.stringMatching(why) });
		await bounded.close();
	});

	test('may name an encoding without having a body', async () => {
		const client = await serve((_request, response) => {
			response.writeHead(200, { 'content-encoding': 'gzip' });
			response.end();
		});
		expect(await failure(client)).toMatchObject({ why: 'status 200 with a response that is not JSON' });
	});
});

test.each([
	[undefined],
	['text/plain'],
	['text/html; charset=utf-8'],
	['application/octet-stream'],
	['application/json; charset=utf-8'],
	['nonsense'],
])('reads JSON whatever its content type: %s', async type => {
	const client = await serve((_request, response) => {
		response.writeHead(200, type === undefined ? {} : { 'content-type': type });
		response.end('\uFEFF{"ok":true}');
	});
	expect(await client.doRequest('GET', '/x', null, null, 5000)).toEqual({ ok: true });
});

test.each<[number, object]>([
	[413, { kind: 'refused', code: 'M_TOO_LARGE', why: 'status 413 from something that is not a homeserver' }],
	[403, { kind: 'away', rejected: true, why: 'status 403 from something that is not a homeserver' }],
	[400, { kind: 'away', rejected: true, why: 'status 400 from something that is not a homeserver' }],
	[401, { kind: 'away', why: 'status 401 from something that is not a homeserver' }],
	[404, { kind: 'away', why: 'status 404 from something that is not a homeserver' }],
	[429, { kind: 'limited', waitMs: 5000 }],
	[502, { kind: 'away', why: 'status 502 from something that is not a homeserver' }],
])('recognises what a proxy says about a request with a page and status %i', async (status, expected) => {
	const client = await serve((_request, response) => {
		response.writeHead(status, { 'content-type': 'text/html' }).end('<html><center>nginx</center></html>');
	});
	expect(await failure(client)).toEqual(expected);
});

test('gives up on endless responses in time, and aborts all calls on close', async () => {
	const client = await serve((request, response) => {
		if (request.url === '/x') response.write('{');
	});
	expect(await failure(client, 300)).toMatchObject({ kind: 'away', why: 'no response in time' });
	const silent = client.doRequest('GET', '/silent', null, null, 60_000).catch((error: unknown) => failureOf(error));
	const other = openHttp('Glia/1');
	sdk.setRequestFn(other.request);
	const ended = client.doRequest('GET', '/silent', null, null, 60_000).catch((error: unknown) => failureOf(error));
	await other.close();
	expect(await ended).toMatchObject({ kind: 'away' });
	await http.close();
	expect(await silent).toMatchObject({ kind: 'away' });
});

test('reports that nothing is listening', async () => {
	const client = await serve(() => undefined);
	await new Promise(resolve => server?.close(resolve));
	const fresh = openHttp('Glia/1');
	sdk.setRequestFn(fresh.request);
	expect(await failure(client)).toMatchObject({ why: expect.stringContaining('ECONNREFUSED') });
	await fresh.close();
});

test('says in one line that a port does not speak TLS', async () => {
	await serve((_, response) => json(response, 200, {}));
	const address = server?.address();
	const fresh = openHttp('Glia/1');
	sdk.setRequestFn(fresh.request);
	const port = typeof address === 'object' ? address?.port : 0;
	expect(await failure(new sdk.MatrixClient(`https://127.0.0.1:${port}`, 'token'))).toEqual({
		kind: 'away',
		why: 'connections to that port are not encrypted, so https:// cannot work (ERR_SSL_WRONG_VERSION_NUMBER)',
	});
	await fresh.close();
});

test('names the proxy that a request failed through, without its login', async () => {
	const client = await serve(() => undefined);
	const address = server?.address();
	const port = typeof address === 'object' ? address?.port : 0;
	await new Promise(resolve => server?.close(resolve));
	const fresh = openHttp('Glia/1', { proxyOf: () => new URL(`http://glia:hunter2@127.0.0.1:${port}`) });
	sdk.setRequestFn(fresh.request);
	expect(await failure(client)).toEqual({
		kind: 'away',
		why: `nothing is listening at that address (ECONNREFUSED), through the proxy 127.0.0.1:${port}`,
	});
	await fresh.close();
});

test('sends plain requests to a proxy, tunnels encrypted ones, and authenticates', async () => {
	const proxy = await playProxy('glia:open-sesame');
	const proxied = openHttp('Glia/1', { proxyOf: () => proxy.url });
	try {
		await serve((_, response) => json(response, 200, { here: true }));
		sdk.setRequestFn(proxied.request);
		const address = server?.address();
		const port = typeof address === 'object' ? address?.port : 0;
		const plain = new sdk.MatrixClient(`http://127.0.0.1:${port}`, 'token');
		expect(await failure(plain)).toEqual({ value: { here: true } });
		const encrypted = new sdk.MatrixClient(`https://127.0.0.1:${port}`, 'token');
		expect(await failure(encrypted)).toMatchObject({ kind: 'away' });
		expect(proxy.asked).toEqual([`GET http://127.0.0.1:${port}/x`, `CONNECT 127.0.0.1:${port}`]);
	} finally {
		await proxied.close();
		await proxy.stop();
		sdk.setRequestFn(http.request);
	}
});

test('reports a proxy that rejects the credentials', async () => {
	const proxy = await playProxy('glia:open-sesame');
	const stranger = new URL(proxy.url);
	stranger.password = 'wrong';
	const proxied = openHttp('Glia/1', { proxyOf: () => stranger });
	try {
		sdk.setRequestFn(proxied.request);
		const found = await failure(new sdk.MatrixClient('https://matrix.example.org', 'token'));
		expect(found).toMatchObject({ kind: 'away', why: expect.stringContaining('407') });
	} finally {
		await proxied.close();
		await proxy.stop();
		sdk.setRequestFn(http.request);
	}
});

// Whether a replica can reach the homeserver, directly and through the operator's proxy.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { openReach } from '../../src/app/reach.ts';
import { proxiesIn } from '../../src/runtime/proxy.ts';
import { playProxy } from '../proxy.ts';

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
	vi.unstubAllEnvs();
	for (const end of ends.splice(0)) await end();
});

async function homeserver(answer: (response: ServerResponse) => void): Promise<string> {
	const server: Server = createServer((_, response) => answer(response));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	ends.push(async () => {
		server.closeAllConnections();
		server.close();
	});
	return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function reaches(address: string, timeout?: number): Promise<void> {
	const { reach, close } = openReach(`http://${address}`, {
		userAgent: 'Glia',
		proxyOf: await proxiesIn(process.env),
		...(timeout !== undefined && { timeout }),
	});
	ends.push(close);
	await reach();
}

const json = (status: number, body: unknown) => (response: ServerResponse) =>
	response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

test('reaches a homeserver whose name only the proxy knows', async () => {
	const proxy = await playProxy(undefined, {
		'matrix.invalid:8008': await homeserver(json(200, { versions: ['v1.11'] })),
	});
	ends.push(proxy.stop);
	vi.stubEnv('HTTP_PROXY', proxy.url.href);
	await expect(reaches('matrix.invalid:8008')).resolves.toBeUndefined();
	expect(proxy.asked).toEqual(['GET http://matrix.invalid:8008/_matrix/client/versions']);
});

test.each([
	['that rate-limits it', json(429, { errcode: 'M_LIMIT_EXCEEDED' })],
	['that refuses to say', json(403, { errcode: 'M_FORBIDDEN' })],
])('reaches a homeserver %s', async (_, answer) => {
	await expect(reaches(await homeserver(answer))).resolves.toBeUndefined();
});

test.each([
	['a homeserver that is restarting', json(502, '')],
	["a proxy's error page", (response: ServerResponse) => response.end('<html>')],
	['a homeserver that does not respond', () => undefined],
])('does not reach %s', async (_, answer) => {
	await expect(reaches(await homeserver(answer), 200)).rejects.toThrow();
});

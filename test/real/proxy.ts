// A bad network on loopback: a proxy in front of a homeserver that randomly delays, drops, refuses or truncates calls,
// or hangs.
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export type Mischief =
	| 'none'
	| 'delay'
	| 'cut before'
	| 'cut after'
	| '429 header'
	| '429 body'
	| '502'
	| 'truncate'
	| 'half'
	| 'hang';

/** How many of 100 calls each fault hits; the rest succeed. */
export const storm: Partial<Record<Mischief, number>> = {
	delay: 8,
	'cut before': 5,
	'cut after': 6,
	'429 header': 4,
	'429 body': 4,
	'502': 6,
	truncate: 4,
	half: 4,
	hang: 1,
};

/**
 * Starts a proxy. `calm` stops the faults and `stormy` starts them again; `done` counts them. After `leave`, the
 * homeserver is unreachable until `back`. `refuse` makes calls whose path matches fail with 502 until it is changed.
 * `hold` never answers calls whose path matches, and resolves at the first.
 * `sending` counts the messages in transit.
 */
export async function startProxy(target: string, weather: Partial<Record<Mischief, number>>) {
	const upstream = new URL(target);
	const agent = new Agent({ keepAlive: true });
	const done = new Map<Mischief, number>();
	let calm = false;
	let gone = false;
	let sending = 0;
	let refused: RegExp | undefined;
	let held: { paths: RegExp; first: () => void } | undefined;

	const server = createServer((incoming, answer) => {
		if (gone) return void incoming.socket.destroy();
		const sends = incoming.method === 'PUT' && /\/send\//.test(incoming.url ?? '');
		if (sends) sending++;
		pass(incoming, answer)
			.catch(() => incoming.socket.destroy())
			.finally(() => {
				if (sends) sending--;
			});
	});
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	const address = server.address();
	const port = typeof address === 'object' && address ? address.port : 0;

	return {
		url: `http://127.0.0.1:${port}`,
		calm() {
			calm = true;
		},
		stormy() {
			calm = false;
		},
		leave() {
			gone = true;
			server.closeAllConnections();
		},
		back() {
			gone = false;
		},
		refuse(paths: RegExp | undefined) {
			refused = paths;
		},
		hold(paths: RegExp): Promise<void> {
			const { promise, resolve: first } = Promise.withResolvers<void>();
			held = { paths, first };
			return promise;
		},
		sending: () => sending,
		done,
		async stop() {
			server.closeAllConnections();
			await new Promise(resolve => server.close(resolve));
			agent.destroy();
		},
	};

	function choose(): Mischief {
		if (calm) return 'none';
		let chance = Math.random() * 100;
		for (const [mischief, weight] of Object.entries(weather) as [Mischief, number][]) {
			chance -= weight;
			if (chance < 0) return mischief;
		}
		return 'none';
	}

	async function pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
		const mischief = choose();
		done.set(mischief, (done.get(mischief) ?? 0) + 1);
		const chunks: Buffer[] = [];
		for await (const chunk of incoming) chunks.push(chunk);
		if (refused?.test(incoming.url ?? '')) return page(answer, 502, '<html>Bad Gateway</html>', {});
		if (held?.paths.test(incoming.url ?? '')) return held.first();
		if (mischief === 'hang') return;
		if (mischief === 'cut before') return void incoming.socket.destroy();
		if (mischief === '502') return page(answer, 502, '<html>Bad Gateway</html>', { 'content-type': 'text/html' });
		if (mischief === '429 header') return page(answer, 429, '{"errcode":"M_LIMIT_EXCEEDED"}', { 'retry-after': '1' });
		if (mischief === '429 body') return page(answer, 429, '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":700}', {});
		if (mischief === 'delay') await sleep(Math.random() * 3000);
		const { status, headers, body } = await forward(incoming, Buffer.concat(chunks));
		if (mischief === 'cut after') return void incoming.socket.destroy();
		if (mischief === 'truncate') {
			// Half of the body, but with a matching length: only the missing end of the JSON gives it away.
			return page(answer, status, body.subarray(0, Math.floor(body.length / 2)), {
				'content-type': 'application/json',
			});
		}
		if (mischief === 'half') {
			answer.writeHead(status, { ...headers, 'content-length': String(body.length) });
			answer.write(body.subarray(0, Math.floor(body.length / 2)));
			await sleep(20);
			return void incoming.socket.destroy();
		}
		return page(answer, status, body, headers);
	}

	function forward(incoming: IncomingMessage, body: Buffer) {
		return new Promise<{ status: number; headers: Record<string, string>; body: Buffer }>((resolve, reject) => {
			const { host: _host, connection: _connection, 'transfer-encoding': _encoding, ...headers } = incoming.headers;
			const call = request(
				{
					host: upstream.hostname,
					port: upstream.port,
					path: incoming.url,
					method: incoming.method,
					headers: { ...headers, 'content-length': String(body.length) },
					agent,
				},
				async response => {
					const chunks: Buffer[] = [];
					try {
						for await (const chunk of response) chunks.push(chunk);
					} catch (error) {
						return reject(error);
					}
					const type = response.headers['content-type'] ?? 'application/json';
					resolve({
						status: response.statusCode ?? 502,
						headers: { 'content-type': type },
						body: Buffer.concat(chunks),
					});
				},
			);
			call.on('error', reject);
			call.end(body);
		});
	}
}

function page(answer: ServerResponse, status: number, body: string | Buffer, headers: Record<string, string>): void {
	answer.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
	answer.end(body);
}

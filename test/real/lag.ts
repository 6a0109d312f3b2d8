// A slow connection: TCP on loopback that delays what the far end sends. Nothing is lost or reordered.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type Lag = Awaited<ReturnType<typeof startLag>>;

/** Listens in front of a server on 127.0.0.1. What that server sends arrives `lag` milliseconds later. */
export async function startLag(port: number, lag: number) {
	const sockets = new Set<Socket>();
	const state = { lag };
	const server = createServer(near => {
		const far = connect(port, '127.0.0.1');
		for (const socket of [near, far]) {
			sockets.add(socket);
			socket.setNoDelay(true);
			socket.on('error', () => undefined);
			socket.on('close', () => {
				sockets.delete(socket);
				near.destroy();
				far.destroy();
			});
		}
		near.on('data', chunk => far.write(chunk));
		// Timers of different lengths may fire out of order, so each passes on the oldest chunk.
		const words: Buffer[] = [];
		far.on('data', (chunk: Buffer) => {
			words.push(chunk);
			setTimeout(() => near.write(words.shift() ?? ''), state.lag);
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	return {
		port: typeof address === 'object' && address ? address.port : 0,
		/** Changes the lag, in milliseconds, from now on. */
		set(ms: number) {
			state.lag = ms;
		},
		async stop() {
			for (const socket of sockets) socket.destroy();
			server.close();
			await once(server, 'close');
		},
	};
}

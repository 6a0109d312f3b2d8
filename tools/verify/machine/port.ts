// Finds a port of this machine that nothing listens on.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

export async function freePort(): Promise<number> {
	for (;;) {
		// Below the ports for outgoing connections, so that none of them takes it while its server is stopped.
		const port = randomInt(20_000, 32_768);
		const server = createServer();
		const free = await new Promise<boolean>(resolve => {
			server.once('error', () => resolve(false));
			server.listen(port, '127.0.0.1', () => resolve(true));
		});
		if (!free) continue;
		server.close();
		await once(server, 'close');
		return port;
	}
}

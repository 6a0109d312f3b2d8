// Simulated homeservers for the benchmark, in a separate process: each has a name and an address; every tenth is slow.
// Usage: node bench/played-servers.ts <delay of slow ones, ms>; prints where it listens as JSON.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { openAuthority } from '../test/edges/web/authority.ts';

export type Listening = { port: number; resolver: string; certificate: string };

/** The address of `s4711.played.test`. */
export function addressOf(number: number): string {
	return `127.100.${number >> 8}.${number & 255}`;
}

if (import.meta.main) {
	const slowMs = Number(process.argv[2] ?? 2000);
	const authority = openAuthority();
	const version = JSON.stringify({ server: { name: 'Synapse', version: '1.150.0' } });
	const server = createServer(authority.issue(['*.played.test']), (request, response) => {
		const number = Number(/^[sw](\d+)\./.exec(request.headers.host ?? '')?.[1] ?? 1);
		const wellKnown = request.url === '/.well-known/matrix/server';
		const body = wellKnown ? JSON.stringify({ 'm.server': `s${number}.played.test:8448` }) : version;
		response.setHeader('content-type', 'application/json');
		if (number % 10 === 0 && !wellKnown) setTimeout(() => response.end(body), slowMs);
		else response.end(body);
	});
	server.listen({ port: 0, host: '0.0.0.0', backlog: 4096 });
	await once(server, 'listening');
	const names = createSocket('udp4');
	names.on('message', (message, from) => names.send(answerTo(message), from.port, from.address));
	names.bind(0, '127.0.0.1');
	await once(names, 'listening');
	const listening: Listening = {
		port: (server.address() as AddressInfo).port,
		resolver: `127.0.0.1:${names.address().port}`,
		certificate: authority.certificate,
	};
	process.stdout.write(`${JSON.stringify(listening)}\n`);
	process.stdin.on('end', () => process.exit()).resume();
}

/** The response to a DNS query: an A record for names like `s4711.played.test`, empty for any other query. */
function answerTo(message: Buffer): Buffer {
	const length = message[12] ?? 0;
	const label = message.toString('latin1', 13, 13 + length);
	let end = 12;
	while (message[end]) end += (message[end] ?? 0) + 1;
	const isAddress = message.readUInt16BE(end + 1) === 1 && /^s\d+$/.test(label);
	const head = Buffer.from(message.subarray(0, end + 5));
	head.writeUInt16BE(0x8580, 2);
	head.writeUInt16BE(isAddress ? 1 : 0, 6);
	head.writeUInt32BE(0, 8);
	if (!isAddress) return head;
	const address = addressOf(Number(label.slice(1)))
		.split('.')
		.map(Number);
	return Buffer.concat([head, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, ...address])]);
}

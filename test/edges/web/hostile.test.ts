// Broken and malicious servers. None makes the bot reach a forbidden address, none keeps it busy beyond its limit, and
// none gets markup, a mention or an active character into an answer.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Observation } from '../../../src/advice/watch/observation.ts';
import { observationWords } from '../../../src/messages/observation.ts';
import { matrixMessages } from '../../../src/render/matrix.ts';
import { harmless } from '../../../src/text/markdown.ts';
import { openAuthority } from './authority.ts';
import { banned, openWorld, other, ours, pages, synapse, type World } from './world.ts';

/** Runs in its own world. Afterwards, no forbidden address may have been dialled. */
async function inWorld(play: (world: World) => Promise<void>): Promise<void> {
	const world = await openWorld();
	try {
		await play(world);
	} finally {
		await world.close();
	}
	expect(world.trespasses).toBe(0);
	expect(world.dialled.filter(place => !place.startsWith(`${ours}:`) && !place.startsWith(`${other}:`))).toEqual([]);
}

/** Everything that a room would see is in our own words, except what is in code. */
function expectHarmless(observation: Observation): void {
	const { result, advice = '' } = observationWords(observation);
	const [content] = matrixMessages({ value: {}, lead: `${result}. ${advice}`, sections: [], kind: 'answer' }).contents;
	const html = content?.formatted_body ?? '';
	expect(content?.['m.mentions']).toEqual({});
	expect(html.replace(/<code>[^<]*<\/code>/g, '')).toMatch(/^(<\/?p>|<br>|[\w\s.,:;()!?/''"-])*$/);
	expect(harmless(content?.body ?? '')).toBe(content?.body);
	expect(html.length).toBeLessThan(1000);
	expect(JSON.stringify(observation).length).toBeLessThan(2000);
}

/** A room never sees a forbidden address that nobody typed. */
function expectSecretive(observation: Observation, server: string, { logged }: World): void {
	const { result, advice = '' } = observationWords(observation);
	const seen = `${JSON.stringify(observation)} ${result} ${advice}`
		.replaceAll(JSON.stringify(server), '')
		.replaceAll(server, '');
	for (const { address } of logged) expect(seen).not.toContain(address);
}

type Case = {
	name: string;
	arrange: (w: World) => Promise<void> | void;
	/** By default `hostile.test:8448`: an explicit port skips the delegation. */
	server?: string;
	/** The check lasts until its limit, so the limit is short. */
	hangs?: boolean;
	expected: Record<string, unknown>;
	/** What the log says about forbidden addresses. */
	logged?: Record<string, unknown>;
};

const hurried = { requestSeconds: 1, lookSeconds: 2 };

function run(cases: Case[]): void {
	const look = async ({ arrange, server = 'hostile.test:8448', hangs, expected, logged }: Case) =>
		inWorld(async world => {
			world.zone.a('hostile.test', ours);
			await arrange(world);
			const observation = await (await world.web(hangs ? hurried : {})).observe(server);
			expect(observation).toMatchObject(expected);
			expectHarmless(observation);
			if (logged) expect(world.logged).toContainEqual(logged);
			expectSecretive(observation, server, world);
		});
	test.each(cases.filter(({ hangs }) => !hangs))('$name', look);
	// Cases that last until their limit run concurrently.
	test.concurrent.each(cases.filter(({ hangs }) => hangs))('$name', look);
}

const unreached = (trouble: Record<string, unknown>) => ({ kind: 'unreached', trouble });
const broken = (fault: string) => unreached({ is: 'broken', fault });
// Whether the garbage is noticed before the other side closes depends on timing.
const garbled = unreached({ is: 'broken', fault: expect.stringMatching(/^(not-http|closed)$/) });
const running = { kind: 'running', version: '1.150.0' };
const good = JSON.stringify({ server: { name: 'Synapse', version: '1.150.0' } });

/** A TLS server that responds to each request with these bytes, or as a function decides. */
function raw(answer: string | Buffer | ((socket: TLSSocket) => void), end = true): Case['arrange'] {
	return w =>
		w.tls({ port: 8448, names: ['hostile.test'] }, socket => {
			socket.once('data', () => {
				if (typeof answer === 'function') return answer(socket);
				socket.write(answer);
				if (end) socket.end();
			});
		});
}

function http(status: number, headers: Record<string, string | number>, body: string | Buffer = ''): Case['arrange'] {
	return w =>
		w.https({ port: 8448, names: ['hostile.test'] }, (_request, response) => {
			response.writeHead(status, headers).end(body);
		});
}

/** Writes forever, or until the other side closes. */
function endless(start: string, more: string, waitMs = 0): Case['arrange'] {
	return raw(socket => {
		socket.write(start);
		const go = () => {
			if (socket.destroyed) return;
			const isFull = !socket.write(more);
			if (isFull) socket.once('drain', go);
			else if (waitMs) setTimeout(go, waitMs);
			else setImmediate(go);
		};
		go();
	});
}

const headerEnd = '\r\n\r\n';
const json = `HTTP/1.1 200 OK\r\nContent-Type: application/json`;

describe('names', () => {
	run([
		{
			name: 'a name that does not exist',
			arrange: w => w.zone.say('hostile.test', 'NXDOMAIN'),
			expected: unreached({ is: 'no-such-name', name: 'hostile.test' }),
		},
		{
			name: 'a name without an address',
			arrange: w => w.zone.say('hostile.test', []),
			expected: unreached({ is: 'no-address' }),
		},
		{
			name: 'name servers that fail',
			arrange: w => w.zone.say('hostile.test', 'SERVFAIL'),
			expected: unreached({ is: 'resolver', code: 'ESERVFAIL' }),
		},
		{
			name: 'name servers that refuse',
			arrange: w => w.zone.say('hostile.test', 'REFUSED'),
			expected: unreached({ is: 'resolver', code: 'EREFUSED' }),
		},
		{
			name: 'name servers that do not respond',
			arrange: w => w.zone.say('hostile.test', 'silence'),
			hangs: true,
			expected: unreached({ is: 'resolver', code: 'ETIMEOUT' }),
		},
		{
			name: 'name servers that send garbage',
			arrange: w => w.zone.say('hostile.test', 'garbage'),
			hangs: true,
			expected: unreached({ is: 'resolver' }),
		},
		{
			name: 'an alias for itself',
			arrange: w => w.zone.say('hostile.test', [{ type: 'CNAME', value: 'hostile.test' }]),
			expected: unreached({ is: 'no-address' }),
		},
		{
			name: 'an alias for a forbidden address',
			arrange: w =>
				w.zone.say('hostile.test', [
					{ type: 'CNAME', value: 'inside.test' },
					{ type: 'A', value: banned },
				]),
			expected: unreached({ is: 'forbidden' }),
			logged: { name: 'hostile.test', address: banned, range: 'loopback' },
		},
		{
			name: 'an allowed address among forbidden ones: only the allowed one is asked',
			arrange: async w => {
				w.zone.a('hostile.test', banned, ours, '10.0.0.1', '::1');
				await w.https({ port: 8448, names: ['hostile.test'] }, synapse('1.150.0'));
			},
			expected: running,
		},
		{
			name: 'a service that is explicitly not offered',
			arrange: w => w.zone.srv('_matrix-fed._tcp.hostile.test', '.', 0),
			server: 'hostile.test',
			expected: unreached({ is: 'no-service' }),
		},
		{
			name: 'a service at a forbidden host',
			arrange: w => {
				w.zone.srv('_matrix-fed._tcp.hostile.test', 'inside.test', 8448);
				w.zone.a('inside.test', banned);
			},
			server: 'hostile.test',
			expected: unreached({ is: 'forbidden', name: 'hostile.test' }),
			logged: { name: 'inside.test', address: banned, range: 'loopback' },
		},
		{
			name: 'a service whose host is written as a forbidden address',
			arrange: w => w.zone.srv('_matrix-fed._tcp.hostile.test', banned, 8448),
			server: 'hostile.test',
			expected: unreached({ is: 'forbidden', name: 'hostile.test' }),
			logged: { name: banned, address: banned, range: 'loopback' },
		},
		{
			name: 'a service whose host name contains markup',
			arrange: w => w.zone.srv('_matrix-fed._tcp.hostile.test', '<img src=x>`@room[a](b).test', 8448),
			server: 'hostile.test',
			expected: { kind: 'unreached' },
		},
		{
			name: 'a hundred SRV hosts: three are asked',
			arrange: w => {
				w.zone.say(
					'_matrix-fed._tcp.hostile.test',
					Array.from({ length: 20 }, (_, i) => ({
						type: 'SRV' as const,
						target: 'hostile.test',
						port: 9000 + i,
						priority: i,
					})),
				);
			},
			server: 'hostile.test',
			expected: unreached({ is: 'refused', at: 'hostile.test:9002' }),
		},
		...[
			'127.1',
			'0x7f.1',
			'2130706433',
			'0177.0.0.1',
			'127.0.0.1.',
			'a..b',
			'-a.test',
			'user@hostile.test',
			'hostile.test/../x',
			'hostile.test?x',
			'hostile.test\r\nX: y',
			'hostile test',
			'[::1%25lo]',
			'[::1',
			'hostile.test:0',
			'hostile.test:65536',
			'hostile.test:8448:1',
			'',
			`${'a'.repeat(64)}.test`,
			'@room',
			'<b>bold</b>',
			'exаmple.test',
			'\u202Etset.elpmaxe',
		].map(
			(server): Case => ({
				name: `a name that is none: ${JSON.stringify(server).slice(0, 40)}`,
				arrange: () => undefined,
				server,
				expected: { kind: 'misnamed' },
			}),
		),
		...['localhost', 'localhost:8448', 'LOCALHOST:443', 'matrix.localhost:8448'].map(
			(server): Case => ({
				name: `${server} is this machine, whatever the DNS says`,
				arrange: w => w.zone.a('localhost', ours),
				server,
				expected: unreached({ is: 'forbidden', name: server }),
			}),
		),
	]);

	test('resolves an address only once, against DNS rebinding', () =>
		inWorld(async world => {
			world.zone.say('hostile.test', (type, times) =>
				type === 'A' ? [{ type: 'A', value: times % 2 ? ours : banned, ttl: 0 }] : [],
			);
			await world.https({ port: 8448, names: ['hostile.test'] }, synapse('1.150.0'));
			let now = Date.UTC(2026, 0, 1);
			const web = await world.web({}, () => new Date(now));
			const kinds: string[] = [];
			for (let look = 0; look < 6; look++, now += 3600_000) kinds.push((await web.observe('hostile.test:8448')).kind);
			// Each check is pinned to the address that it verified; the next check sees the other one.
			expect(new Set(kinds)).toEqual(new Set(['running', 'unreached']));
			expect(new Set(world.dialled)).toEqual(
				new Set([`${ours}:8448`, `${ours}:443`].filter(at => world.dialled.includes(at))),
			);
		}));
});

/** An address in each range that cannot belong to someone else's server. */
const ranges: [string, string][] = [
	['loopback', '127.0.0.1'],
	['loopback, a second', banned],
	['private, 10', '10.1.2.3'],
	['private, 172', '172.16.0.1'],
	['private, 192', '192.168.1.1'],
	['link-local', '169.254.169.254'],
	['carrier-grade', '100.64.0.1'],
	['this network', '0.0.0.0'],
	['this network, another address', '0.1.2.3'],
	['multicast', '224.0.0.1'],
	['broadcast', '255.255.255.255'],
	['documentation, 192', '192.0.2.1'],
	['documentation, 198', '198.51.100.1'],
	['documentation, 203', '203.0.113.1'],
	['benchmark', '198.18.0.1'],
	['protocol assignments', '192.0.0.8'],
	['6to4 relays', '192.88.99.1'],
	['reserved', '240.0.0.1'],
	['IPv6 loopback', '::1'],
	['IPv6 unspecified', '::'],
	['IPv6 link-local', 'fe80::1'],
	['IPv6 site-local', 'fec0::1'],
	['unique-local', 'fd00::1'],
	['IPv6 multicast', 'ff02::1'],
	['IPv6 documentation', '2001:db8::1'],
	['IPv6 documentation, new', '3fff::1'],
	['IPv6 benchmark', '2001:2::1'],
	['discard', '100::1'],
	['IPv4-mapped loopback', '::ffff:127.0.0.3'],
	['IPv4-mapped private', '::ffff:10.0.0.1'],
	['IPv4-translated', '::ffff:0:7f00:3'],
	['IPv4-compatible', '::7f00:3'],
	['6to4 of loopback', '2002:7f00:3::1'],
	['Teredo server in loopback', '2001:0:7f00:3::1'],
	['Teredo client in loopback', '2001:0:808:808:0:0:80ff:fffc'],
	['NAT64 of loopback', '64:ff9b::7f00:3'],
	['NAT64, local', '64:ff9b:1::7f00:3'],
	['ISATAP of private', '2a00:1::5efe:a00:1'],
];
const written = (address: string) => (address.includes(':') ? `[${address}]` : address);

describe('never reaches a forbidden range', () => {
	describe('as an address of a name', () => {
		run(
			ranges.map(([name, address]) => ({
				name: `${name}: ${address}`,
				arrange: w => w.zone.a('hostile.test', address),
				expected: unreached({ is: 'forbidden' }),
			})),
		);
	});
	describe('as the name of a server', () => {
		run(
			ranges.map(([name, address]) => ({
				name: `${name}: ${address}`,
				arrange: () => undefined,
				server: written(address),
				expected: unreached({ is: 'forbidden' }),
			})),
		);
	});
	describe('as a delegation', () => {
		run(
			ranges.map(([name, address]) => ({
				name: `${name}: ${address}`,
				arrange: w =>
					w.https(
						{ port: 443, names: ['hostile.test'] },
						pages({ '/.well-known/matrix/server': { 'm.server': written(address) } }),
					),
				server: 'hostile.test',
				expected: unreached({ is: 'forbidden' }),
			})),
		);
	});
	describe('as a redirect of the delegation, which is then ignored', () => {
		run(
			ranges.map(([name, address]) => ({
				name: `${name}: ${address}`,
				arrange: async w => {
					await w.https({ port: 443, names: ['hostile.test'] }, (request, response) => {
						response.writeHead(302, { location: `https://${written(address)}:8448${request.url}` }).end();
					});
					await w.https({ port: 8448, names: ['hostile.test'] }, synapse('1.150.0'));
				},
				server: 'hostile.test',
				expected: { ...running, target: { by: 'default' } },
			})),
		);
	});
	describe('as an SRV host', () => {
		run(
			ranges.map(([name, address]) => ({
				name: `${name}: ${address}`,
				arrange: w => {
					w.zone.srv('_matrix-fed._tcp.hostile.test', 'inside.test', 8448);
					w.zone.a('inside.test', address);
				},
				server: 'hostile.test',
				expected: unreached({ is: 'forbidden' }),
			})),
		);
	});
	describe('as the address of the client API', () => {
		run(
			ranges.map(([name, address]) => ({
				name: `${name}: ${address}`,
				arrange: async w => {
					await w.https(
						{ port: 443, names: ['hostile.test'] },
						pages({
							'/.well-known/matrix/client': { 'm.homeserver': { base_url: `https://${written(address)}:8008` } },
						}),
					);
				},
				server: 'hostile.test:8448',
				expected: unreached({ is: 'refused' }),
			})),
		);
	});
});

describe('connections and certificates', () => {
	const tls = (fault: string) => unreached({ is: 'tls', fault, at: 'hostile.test:8448' });
	const certified = (...more: Parameters<World['authority']['issue']>): Case['arrange'] => {
		return w => w.https({ port: 8448, certificate: w.authority.issue(...more) }, synapse('1.150.0'));
	};
	run([
		{
			name: 'a port on which nobody is listening',
			arrange: () => undefined,
			expected: unreached({ is: 'refused', at: 'hostile.test:8448' }),
		},
		{
			name: 'a server that accepts the connection and sends nothing',
			arrange: w => w.tcp({ port: 8448 }, () => undefined),
			hangs: true,
			expected: unreached({ is: 'timeout', during: 'handshake' }),
		},
		{
			name: 'a server that closes the connection at once',
			arrange: w => w.tcp({ port: 8448 }, socket => void socket.end()),
			expected: tls('protocol'),
		},
		{
			name: 'a server that resets the connection',
			arrange: w => w.tcp({ port: 8448 }, socket => void socket.resetAndDestroy()),
			expected: { kind: 'unreached' },
		},
		{
			name: 'a server that speaks plain HTTP',
			arrange: w => w.tcp({ port: 8448 }, socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
			expected: tls('not-tls'),
		},
		{
			name: 'an SSH server',
			arrange: w => w.tcp({ port: 8448 }, socket => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')),
			expected: tls('not-tls'),
		},
		{
			name: 'a server that sends endless garbage instead of TLS',
			arrange: w => w.tcp({ port: 8448 }, flood),
			expected: { kind: 'unreached', trouble: { is: 'tls' } },
		},
		{
			name: 'a server that sends its handshake slowly',
			arrange: w =>
				w.tcp({ port: 8448 }, socket => {
					const bytes = Buffer.concat([Buffer.from([0x16, 3, 3, 0x3f, 0xff]), Buffer.alloc(0x3fff, 2)]);
					let at = 0;
					const timer = setInterval(() => {
						if (socket.destroyed) clearInterval(timer);
						else socket.write(bytes.subarray(at, ++at));
					}, 20);
				}),
			hangs: true,
			expected: { kind: 'unreached' },
		},
		{
			name: 'a certificate that has expired',
			arrange: certified(['hostile.test'], { days: [-30, -1] }),
			expected: tls('expired'),
		},
		{
			name: 'a certificate that is not valid yet',
			arrange: certified(['hostile.test'], { days: [1, 30] }),
			expected: tls('not-yet-valid'),
		},
		{ name: 'a certificate for another name', arrange: certified(['other.test']), expected: tls('wrong-name') },
		{
			name: 'a certificate for the parent name',
			arrange: certified(['test', '*.hostile.test', 'hostile.test.evil.test']),
			expected: tls('wrong-name'),
		},
		{
			name: 'a self-signed certificate',
			arrange: certified(['hostile.test'], { selfSigned: true }),
			expected: tls('self-signed'),
		},
		{
			name: 'a certificate of an unknown authority',
			arrange: w => w.https({ port: 8448, certificate: unknown().issue(['hostile.test']) }, synapse('1.150.0')),
			expected: tls('chain'),
		},
		{
			name: 'a chain without the intermediate',
			arrange: w =>
				w.https(
					{ port: 8448, certificate: w.authority.below().issue(['hostile.test'], { chain: false }) },
					synapse('1.150.0'),
				),
			expected: tls('chain'),
		},
		{
			name: 'a complete chain is fine',
			arrange: w =>
				w.https({ port: 8448, certificate: w.authority.below().issue(['hostile.test']) }, synapse('1.150.0')),
			expected: running,
		},
		{
			name: 'a certificate with markup, mentions and control characters in its names',
			arrange: certified(
				['<img src=x onerror=alert(1)>', '@room', '`**[x](https://evil.test)**', '\u202Egnp.exe', '\u0000\u0007'],
				{
					subject: '<script>',
				},
			),
			expected: tls('wrong-name'),
		},
		{
			name: 'a certificate for a thousand other names',
			arrange: certified(Array.from({ length: 1000 }, (_, i) => `name-${i}.test`)),
			expected: tls('wrong-name'),
		},
		{
			name: 'a certificate for an address that is not in it',
			arrange: w => w.https({ port: 8448, names: ['hostile.test'] }, synapse('1.150.0')),
			server: `${ours}:8448`,
			expected: unreached({ is: 'tls', fault: 'wrong-name' }),
		},
		{
			name: 'a server that requires a client certificate',
			arrange: w =>
				w.tls({ port: 8448, names: ['hostile.test'] }, () => undefined, {
					requestCert: true,
					rejectUnauthorized: true,
				}),
			expected: { kind: 'unreached' },
		},
		{
			name: 'a server that supports only TLS 1.1 and older',
			arrange: w =>
				w.tls({ port: 8448, names: ['hostile.test'] }, () => undefined, {
					minVersion: 'TLSv1.1',
					maxVersion: 'TLSv1.1',
					ciphers: 'ALL:@SECLEVEL=0',
				}),
			expected: tls('protocol'),
		},
		{
			name: 'a server that closes after the handshake',
			arrange: w => w.tls({ port: 8448, names: ['hostile.test'] }, socket => void socket.end()),
			expected: { kind: 'unreached' },
		},
	]);

	function unknown() {
		return openAuthority("Nobody's Authority");
	}
});

function flood(socket: Socket): void {
	const go = () => {
		if (socket.destroyed) return;
		if (socket.write(Buffer.alloc(65_536, 'x'))) setImmediate(go);
		else socket.once('drain', go);
	};
	go();
}

describe('HTTP', () => {
	run([
		{
			name: 'a server that sends its headers slowly',
			arrange: endless('HTTP/1.1 200 OK\r\nX-Slow: ', 'x', 20),
			hangs: true,
			expected: unreached({ is: 'timeout', during: 'answer' }),
		},
		{
			name: 'a server that sends its body slowly',
			arrange: endless(`${json}\r\nContent-Length: 60000${headerEnd}`, 'x', 20),
			hangs: true,
			expected: unreached({ is: 'timeout', during: 'body' }),
		},
		{
			name: 'a server that never responds',
			arrange: raw(() => undefined),
			hangs: true,
			expected: unreached({ is: 'timeout', during: 'answer' }),
		},
		{
			name: 'a server that stops in the middle of the body',
			arrange: raw(`${json}\r\nContent-Length: 500${headerEnd}{"server":`, false),
			hangs: true,
			expected: unreached({ is: 'timeout', during: 'body' }),
		},
		{
			name: 'endless headers',
			arrange: endless('HTTP/1.1 200 OK\r\n', 'X-More: and more and more and more\r\n'),
			expected: broken('headers-too-large'),
		},
		{
			name: 'one header of a megabyte',
			arrange: raw(`HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(1_000_000)}${headerEnd}`),
			expected: broken('headers-too-large'),
		},
		{
			name: 'endless early hints (103)',
			arrange: endless('', 'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n', 5),
			hangs: true,
			expected: unreached({ is: 'timeout' }),
		},
		{
			name: 'an endless body',
			arrange: endless(`${json}${headerEnd}`, 'x'.repeat(10_000)),
			expected: broken('body-too-large'),
		},
		{
			name: 'an endless chunked body',
			arrange: endless(`${json}\r\nTransfer-Encoding: chunked${headerEnd}`, '1\r\nx\r\n'.repeat(2000)),
			expected: broken('body-too-large'),
		},
		{
			name: 'an endless chunk extension',
			arrange: endless(`${json}\r\nTransfer-Encoding: chunked${headerEnd}1;`, 'x'.repeat(1000), 20),
			hangs: true,
			expected: { kind: 'unreached' },
		},
		{
			name: 'endless trailers',
			arrange: endless(`${json}\r\nTransfer-Encoding: chunked${headerEnd}0\r\n`, 'X-More: and more and more\r\n'),
			expected: { kind: 'unreached' },
		},
		{
			name: 'a length of a hundred gigabytes',
			arrange: raw(`${json}\r\nContent-Length: 107374182400${headerEnd}{`, false),
			expected: broken('body-too-large'),
		},
		{
			name: 'a body shorter than announced',
			arrange: raw(`${json}\r\nContent-Length: 500${headerEnd}{}`),
			expected: broken('closed'),
		},
		{
			name: 'a body longer than announced',
			arrange: raw(
				`${json}\r\nContent-Length: ${good.length}${headerEnd}${good}{"server":{"name":"Synapse","version":"1.0.0"}}`,
			),
			expected: { kind: expect.stringMatching(/^(running|unreached)$/) },
		},
		{
			name: 'a length that is not a number',
			arrange: raw(`${json}\r\nContent-Length: -1${headerEnd}${good}`),
			expected: garbled,
		},
		{
			name: 'two lengths',
			arrange: raw(`${json}\r\nContent-Length: 2\r\nContent-Length: 60${headerEnd}${good}`),
			expected: garbled,
		},
		{
			name: 'a length and chunks',
			arrange: raw(`${json}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked${headerEnd}0\r\n\r\n`),
			expected: { kind: expect.stringMatching(/^(unreached|not-matrix)$/) },
		},
		{
			name: 'a chunk whose size is not a number',
			arrange: raw(`${json}\r\nTransfer-Encoding: chunked${headerEnd}zz\r\n{}\r\n`),
			expected: garbled,
		},
		{
			name: 'a chunk longer than its size',
			arrange: raw(`${json}\r\nTransfer-Encoding: chunked${headerEnd}2\r\n{}{}{}\r\n0\r\n\r\n`),
			expected: garbled,
		},
		{ name: 'no headers at all (HTTP/0.9)', arrange: raw(good), expected: garbled },
		{
			name: 'HTTP/1.0 is fine',
			arrange: raw(`HTTP/1.0 200 OK\r\nContent-Type: application/json${headerEnd}${good}`),
			expected: running,
		},
		{
			name: 'a server that speaks HTTP/2 without being asked',
			arrange: raw(Buffer.from('000012040000000000000300000064000400100000000600004000', 'hex')),
			expected: garbled,
		},
		{
			name: 'a server that changes to another protocol',
			arrange: raw(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade${headerEnd}`),
			expected: { kind: 'unreached', trouble: { is: 'broken' } },
		},
		{ name: 'an invalid status', arrange: raw(`HTTP/1.1 9999 Hm${headerEnd}`), expected: garbled },
		{
			name: 'a status line with markup and colours',
			arrange: raw(`HTTP/1.1 404 <b>@room</b>\u001b[31m${headerEnd}`),
			expected: { kind: expect.stringMatching(/^(unreached|not-matrix)$/) },
		},
		{
			name: 'a header with a zero byte',
			arrange: raw(`HTTP/1.1 200 OK\r\nX: a\0b${headerEnd}${good}`),
			expected: garbled,
		},
		{
			name: 'no content (204)',
			arrange: http(204, {}),
			expected: { kind: 'not-matrix', status: 204, what: 'nothing' },
		},
	]);
});

describe('compression', () => {
	const bomb = gzipSync(Buffer.alloc(40_000_000));
	run([
		{ name: 'gzip is fine', arrange: http(200, { 'content-encoding': 'gzip' }, gzipSync(good)), expected: running },
		{
			name: 'brotli is fine',
			arrange: http(200, { 'content-encoding': 'br' }, brotliCompressSync(good)),
			expected: running,
		},
		{
			name: 'forty kilobytes that become forty megabytes',
			arrange: http(200, { 'content-encoding': 'gzip' }, bomb),
			expected: broken('body-too-large'),
		},
		{
			name: 'forty megabytes in a little brotli',
			arrange: http(200, { 'content-encoding': 'br' }, brotliCompressSync(Buffer.alloc(40_000_000))),
			expected: broken('body-too-large'),
		},
		{
			name: 'a compression bomb inside another',
			arrange: http(200, { 'content-encoding': 'gzip, gzip' }, gzipSync(bomb)),
			expected: broken('encoding'),
		},
		{
			name: 'a server that announces gzip and sends something else',
			arrange: http(200, { 'content-encoding': 'gzip' }, good),
			expected: broken('encoding'),
		},
		{
			name: 'truncated gzip',
			arrange: http(200, { 'content-encoding': 'gzip' }, gzipSync(good).subarray(0, 30)),
			expected: broken('encoding'),
		},
		{
			name: 'an unknown encoding',
			arrange: http(200, { 'content-encoding': '<b>@room</b>' }, good),
			expected: broken('encoding'),
		},
		{
			name: 'an encoding named like a property that every object has',
			arrange: http(200, { 'content-encoding': 'constructor' }, good),
			expected: broken('encoding'),
		},
	]);
});

describe('answers', () => {
	const json = { 'content-type': 'application/json' };
	const said = (version: unknown, name: unknown = 'Synapse') =>
		http(200, json, JSON.stringify({ server: { name, version } }));
	const notMatrix = (what: string, status = 200) => ({ kind: 'not-matrix', status, what });
	run([
		{
			name: '200 with a web page',
			arrange: http(200, { 'content-type': 'text/html' }, '<!doctype html><h1>Hi @room'),
			expected: notMatrix('page'),
		},
		{ name: '200 with nothing', arrange: http(200, json), expected: notMatrix('nothing') },
		...[
			'[]',
			'7',
			'{}',
			'{"server": null}',
			'{"server": []}',
			'{"server": {"name": 7}}',
			'{"server": "Synapse 1.150.0"}',
			'{"__proto__": {"server": {"name": "Synapse", "version": "1.0.0"}}}',
		].map(
			(body): Case => ({
				name: `JSON of the wrong shape: ${body}`,
				arrange: http(200, json, body),
				expected: { kind: 'not-matrix' },
			}),
		),
		{ name: 'sixty thousand brackets', arrange: http(200, json, '['.repeat(60_000)), expected: notMatrix('json') },
		{
			name: 'bytes that are not UTF-8',
			arrange: http(200, json, Buffer.from([0xff, 0xfe, 0x80, 0x81])),
			expected: notMatrix('other'),
		},
		{ name: 'a byte order mark is fine', arrange: http(200, json, `\uFEFF${good}`), expected: running },
		{ name: 'UTF-16', arrange: http(200, json, Buffer.from(good, 'utf16le')), expected: { kind: 'not-matrix' } },
		{
			name: 'a version of ten megabytes',
			arrange: said('1.150.0'.padEnd(10_000_000, 'x')),
			expected: broken('body-too-large'),
		},
		{
			name: 'a version of fifty kilobytes',
			arrange: said('1.150.0 '.padEnd(50_000, 'x')),
			expected: { kind: 'unparsable' },
		},
		...[
			'1.150.0 @room',
			'1.150.0 (<img src=x onerror=alert(1)>)',
			'1.150.0 **bold** [link](https://evil.test) `code` ![](mxc://evil/x)',
			'1.150.0 \u202E0.051.1',
			'1.150.0 \u0000\u0007\u001b[31mred\u001b]0;title\u0007',
			'1.150.0\n# heading\n* list\n> quote',
			'1.150.0 \u200B\u2066\uFEFF\u{E0041}',
			'1.150.0 https://evil.test/ @admin:evil.test #room:evil.test',
			'1.150.0 ```\n```',
			`1.150.0 ${'`'.repeat(200)}`,
			'1.150.0 \uD800',
			`1.150.0 ${'Z\u0300'.repeat(400)}`,
		].map(
			(version): Case => ({
				name: `a version that means more than a version: ${JSON.stringify(version).slice(0, 50)}`,
				arrange: said(version),
				expected: { kind: expect.stringMatching(/^(running|unparsable)$/) },
			}),
		),
		...[
			'',
			'latest',
			'1',
			'-1.0.0',
			'1.150.0.0.0',
			'9999999999.1.1',
			'1.1500000000000000000000.0',
			'١.١٥٠.٠',
			'1.150.0foo',
			'v',
			'1,150,0',
		].map(
			(version): Case => ({
				name: `a version that is none: ${JSON.stringify(version)}`,
				arrange: said(version),
				expected: { kind: 'unparsable' },
			}),
		),
		{ name: 'a version that is a number', arrange: said(1.15), expected: { kind: 'unparsable' } },
		...[
			'<b>@room</b>',
			'[Synapse](https://evil.test)',
			'\u202EespanyS',
			'x'.repeat(50_000),
			'Synapse\u0000',
			'',
			'Dendrite',
		].map(
			(name): Case => ({
				name: `a software called ${JSON.stringify(name).slice(0, 40)}`,
				arrange: said('1.150.0', name),
				// Without a name, the server may be anything.
				expected: { kind: name === '' ? 'hidden' : 'other' },
			}),
		),
		...([401, 403, 404, 405, 418, 451] as const).map(
			(status): Case => ({
				name: `status ${status}`,
				arrange: http(status, { 'content-type': 'text/html' }, '<h1>no</h1>'),
				expected: notMatrix('page', status),
			}),
		),
		...([500, 502, 504, 521, 503] as const).map(
			(status): Case => ({
				name: `status ${status}`,
				arrange: http(status, {}, '<h1>no</h1>'),
				expected: { kind: 'failing', status },
			}),
		),
		{
			name: '429 with seconds',
			arrange: http(429, { 'retry-after': '120' }),
			expected: { kind: 'limited', waitSeconds: 120 },
		},
		{
			name: '429 with a date from another clock',
			arrange: http(429, { 'retry-after': 'Fri, 01 Jan 2016 00:10:00 GMT', date: 'Fri, 01 Jan 2016 00:00:00 GMT' }),
			expected: { kind: 'limited', waitSeconds: 600 },
		},
		{
			name: '429 for a thousand years',
			arrange: http(429, { 'retry-after': '999999999' }),
			expected: { kind: 'limited', waitSeconds: 86_400 },
		},
		{ name: '429 with garbage', arrange: http(429, { 'retry-after': '<b>@room' }), expected: { kind: 'limited' } },
		{
			name: '503 with Retry-After',
			arrange: http(503, { 'retry-after': '60' }),
			expected: { kind: 'failing', waitSeconds: 60 },
		},
		{
			name: 'a proxy that hides the version',
			arrange: w =>
				w.https({ port: 8448, names: ['hostile.test'] }, (request, response) => {
					if (request.url === '/_matrix/key/v2/server') response.end('{"server_name": "hostile.test"}');
					else response.writeHead(403).end('<h1>Forbidden</h1>');
				}),
			expected: { kind: 'hidden', status: 403 },
		},
		{
			name: "an error of Matrix's own",
			arrange: http(404, json, '{"errcode": "M_UNRECOGNIZED", "error": "<b>@room</b>"}'),
			expected: { kind: 'hidden', status: 404 },
		},
		{
			name: 'a redirect of the federation API, which is not followed',
			arrange: http(302, { location: `https://${banned}/` }),
			expected: notMatrix('nothing', 302),
		},
	]);
});

describe('redirects and delegations', () => {
	const redirect = (location: (url: string) => string | undefined): Case => ({
		name: '',
		arrange: async w => {
			await w.https({ port: 443, names: ['hostile.test'] }, (request, response) => {
				const to = location(request.url ?? '');
				response.writeHead(302, to === undefined ? {} : { location: to }).end('x'.repeat(1000));
			});
			await w.https({ port: 8448, names: ['hostile.test'] }, synapse('1.150.0'));
		},
		server: 'hostile.test',
		expected: { ...running, target: { by: 'default' } },
	});
	let hops = 0;
	run([
		{ ...redirect(url => url), name: 'to itself' },
		{ ...redirect(url => (url.endsWith('x') ? '/.well-known/matrix/server' : '/x')), name: 'in a loop' },
		{ ...redirect(() => `/${hops++}`), name: 'without end' },
		{ ...redirect(() => 'http://hostile.test/'), name: 'to plain HTTP' },
		{ ...redirect(() => 'file:///etc/passwd'), name: 'to a file' },
		{ ...redirect(() => 'data:application/json,{"m.server":"x.test"}'), name: 'to data' },
		{ ...redirect(() => 'javascript:alert(1)'), name: 'to a script' },
		{ ...redirect(() => 'https://user:secret@hostile.test/'), name: 'with a password' },
		{ ...redirect(() => ''), name: 'to nowhere' },
		{ ...redirect(() => undefined), name: 'without saying where' },
		{ ...redirect(() => 'https://[broken'), name: 'to something that is not an address' },
		{ ...redirect(() => `//${banned}/`), name: 'to a forbidden address without a scheme' },
		{ ...redirect(() => 'https://0x7f000003/'), name: 'to a forbidden address in hexadecimal' },
		{ ...redirect(() => 'https://2130706435/'), name: 'to a forbidden address as one number' },
		{ ...redirect(() => 'https://127.3/'), name: 'to a forbidden address, shortened' },
		{ ...redirect(() => 'https://0177.0.0.3/'), name: 'to a forbidden address in octal' },
		{
			...redirect(() => 'https://%E2%91%A0%E2%91%A1%E2%91%A6.0.0.3/'),
			name: 'to a forbidden address in circled digits',
		},
		{ ...redirect(() => 'https://localhost/'), name: 'to localhost' },
		{ ...redirect(() => `https://${'a'.repeat(10_000)}.test/`), name: 'to a name of ten thousand letters' },
		{ ...redirect(() => 'https://xn--a/'), name: 'to a name that cannot be decoded' },
	]);

	const client = (base: unknown): Case['arrange'] => {
		return w =>
			w.https(
				{ port: 443, names: ['hostile.test'] },
				pages({ '/.well-known/matrix/client': { 'm.homeserver': { base_url: base } } }),
			);
	};
	run(
		[
			`http://${ours}`,
			`https://user:secret@${ours}/`,
			'https://hostile.test/?x=',
			'https://hostile.test/#',
			'javascript:alert(1)',
			7,
			null,
			`https://${'a'.repeat(5000)}.test`,
			'https://hostile.test\r\nX: y',
		].map(
			(base): Case => ({
				name: `a client API at ${String(base).slice(0, 40)}`,
				arrange: client(base),
				expected: unreached({ is: 'refused' }),
			}),
		),
	);

	test('does not loop on delegations that point at each other', () =>
		inWorld(async world => {
			world.zone.a('hostile.test', ours);
			await world.https(
				{ port: 443, names: ['hostile.test'] },
				pages({ '/.well-known/matrix/server': { 'm.server': 'hostile.test' } }),
			);
			await (await world.web()).observe('hostile.test');
			expect(world.heard.filter(({ path }) => path === '/.well-known/matrix/server')).toHaveLength(1);
		}));
});

test('asks the client API if the federation API is unreachable', () =>
	inWorld(async world => {
		world.zone.a('closed.test', ours);
		world.zone.a('matrix.closed.test', ours);
		await world.https({ port: 443, names: ['closed.test', 'matrix.closed.test'] }, (request, response) => {
			if (request.headers.host === 'closed.test')
				pages({ '/.well-known/matrix/client': { 'm.homeserver': { base_url: 'https://matrix.closed.test/' } } })(
					request,
					response,
				);
			else
				pages({ '/_synapse/admin/v1/server_version': { server_version: '1.98.0 (b=matrix-org-hotfixes,4e7b1)' } })(
					request,
					response,
				);
		});
		const observation = await (await world.web()).observe('closed.test');
		expect(observation).toMatchObject({
			kind: 'running',
			version: '1.98.0',
			through: 'client',
			closed: { trouble: { is: 'refused' } },
		});
		expectHarmless(observation);
	}));

test('does not ask an excluded server or its subdomains', () =>
	inWorld(async world => {
		const web = await world.web({ exclude: ['private.test', '*.quiet.test'] });
		for (const name of ['private.test', 'PRIVATE.test:8448', 'a.quiet.test']) {
			expect(await web.observe(name)).toMatchObject({ kind: 'excluded' });
		}
		expect(world.zone.questions).toEqual([]);
	}));

test('checks a server again after an internal error', () =>
	inWorld(async world => {
		let faults = 1;
		const exclude = Object.assign([] as string[], {
			some() {
				if (faults-- > 0) throw new Error('a bug of ours');
				return true;
			},
		});
		const web = await world.web({ exclude });
		await expect(web.observe('a.test')).rejects.toThrow('a bug of ours');
		expect(await web.observe('a.test')).toMatchObject({ kind: 'excluded' });
	}));

test('does not share a check for longer because the clock was turned back', () =>
	inWorld(async world => {
		let clock = Date.parse('2026-11-30T00:00:00Z');
		const web = await world.web({ exclude: ['a.test'] }, () => new Date(clock));
		await web.observe('a.test');
		clock -= 24 * 3600_000;
		await web.observe('a.test');
		clock += 61_000;
		expect(await web.observe('a.test')).toMatchObject({ at: new Date(clock).toISOString() });
	}));

test('shares one check among everyone who asks within a minute', () =>
	inWorld(async world => {
		world.zone.a('busy.test', ours);
		await world.https({ port: 8448, names: ['busy.test'] }, synapse('1.150.0'));
		let now = Date.UTC(2026, 0, 1);
		const web = await world.web({}, () => new Date(now));
		await Promise.all(Array.from({ length: 50 }, () => web.observe('busy.test:8448')));
		now += 30_000;
		await web.observe('busy.test:8448');
		expect(world.heard).toHaveLength(1);
		now += 60_000;
		await web.observe('busy.test:8448');
		expect(world.heard).toHaveLength(2);
	}));

test('says who it is and whom to contact', () =>
	inWorld(async world => {
		world.zone.a('busy.test', ours);
		await world.https({ port: 8448, names: ['busy.test'] }, synapse('1.150.0'));
		await (await world.web({ contact: 'https://example.org/glia\r\nX-Evil: (yes)' })).observe('busy.test:8448');
		expect(world.heard[0]?.agent).toBe('Glia/0.0.0 (https://example.org/gliaX-Evil: yes)');
	}));

test('limits connections in total and per address', () =>
	inWorld(async world => {
		const open = { most: 0, now: 0, maxHere: 0, here: 0 };
		const slowly = (address: string) => (socket: TLSSocket) => {
			open.now++;
			if (address === ours) open.here++;
			open.most = Math.max(open.most, open.now);
			open.maxHere = Math.max(open.maxHere, open.here);
			socket.once('data', () => setTimeout(() => socket.end(`${json}${headerEnd}${good}`), 20));
			socket.once('close', () => {
				open.now--;
				if (address === ours) open.here--;
			});
		};
		const names = Array.from({ length: 40 }, (_, i) => `s${i}.test`);
		for (const [i, name] of names.entries()) world.zone.a(name, i % 2 ? ours : other);
		for (const address of [ours, other]) await world.tls({ address, port: 8448, names }, slowly(address));
		const web = await world.web({ atOnce: 5, perAddress: 3 });
		const observations = await Promise.all(names.map(name => web.observe(`${name}:8448`)));
		expect(new Set(observations.map(({ kind }) => kind))).toEqual(new Set(['running']));
		expect(open.most).toBeLessThanOrEqual(5);
		expect(open.maxHere).toBeLessThanOrEqual(3);
		expect(open.most).toBeGreaterThan(3);
	}));

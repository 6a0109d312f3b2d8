// The cases in the specification's chapter "Server discovery", each with the required address, port, Host and SNI.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorld, ours, pages, synapse, type World } from './world.ts';

let world: World;

beforeEach(async () => {
	world = await openWorld();
});

afterEach(async () => {
	await world.close();
	expect(world.trespasses).toBe(0);
});

type Case = {
	step: string;
	server: string;
	/** What the name's `.well-known/matrix/server` says. */
	delegates?: string;
	names?: Record<string, string>;
	services?: Record<string, [string, number]>;
	/** The port that the server listens on, and the names in its certificate. */
	port: number;
	certified: string[];
	expected: { host: string; sni: string | false; by: string };
};

const cases: Case[] = [
	{
		step: '1: an IP literal without a port',
		server: ours,
		port: 8448,
		certified: [ours],
		expected: { host: ours, sni: false, by: 'literal' },
	},
	{
		step: '1: an IP literal with a port',
		server: `${ours}:8449`,
		port: 8449,
		certified: [ours],
		expected: { host: `${ours}:8449`, sni: false, by: 'literal' },
	},
	{
		step: '2: a name with a port',
		server: 'example.test:8450',
		names: { 'example.test': ours },
		port: 8450,
		certified: ['example.test'],
		expected: { host: 'example.test:8450', sni: 'example.test', by: 'port' },
	},
	{
		step: '2: a name with a port asks neither for a delegation nor for services',
		server: 'example.test:8450',
		delegates: 'elsewhere.test:443',
		names: { 'example.test': ours },
		services: { '_matrix-fed._tcp.example.test': ['elsewhere.test', 443] },
		port: 8450,
		certified: ['example.test'],
		expected: { host: 'example.test:8450', sni: 'example.test', by: 'port' },
	},
	{
		step: '3.1: delegated to an IP literal',
		server: 'example.test',
		delegates: ours,
		names: { 'example.test': ours },
		port: 8448,
		certified: [ours],
		expected: { host: ours, sni: false, by: 'well-known' },
	},
	{
		step: '3.1: delegated to an IP literal with a port',
		server: 'example.test',
		delegates: `${ours}:9443`,
		names: { 'example.test': ours },
		port: 9443,
		certified: [ours],
		expected: { host: `${ours}:9443`, sni: false, by: 'well-known' },
	},
	{
		step: '3.2: delegated to a name with a port',
		server: 'example.test',
		delegates: 'matrix.example.test:443',
		names: { 'example.test': ours, 'matrix.example.test': ours },
		services: { '_matrix-fed._tcp.matrix.example.test': ['wrong.test', 1234] },
		port: 443,
		certified: ['example.test', 'matrix.example.test'],
		expected: { host: 'matrix.example.test:443', sni: 'matrix.example.test', by: 'well-known' },
	},
	{
		step: '3.3: delegated to a name with a service',
		server: 'example.test',
		delegates: 'matrix.example.test',
		names: { 'example.test': ours, 'box.test': ours },
		services: { '_matrix-fed._tcp.matrix.example.test': ['box.test', 8451] },
		port: 8451,
		certified: ['matrix.example.test'],
		expected: { host: 'matrix.example.test', sni: 'matrix.example.test', by: 'srv' },
	},
	{
		step: '3.3: the new service goes before the deprecated one',
		server: 'example.test',
		delegates: 'matrix.example.test',
		names: { 'example.test': ours, 'box.test': ours },
		services: {
			'_matrix-fed._tcp.matrix.example.test': ['box.test', 8451],
			'_matrix._tcp.matrix.example.test': ['old.test', 8452],
		},
		port: 8451,
		certified: ['matrix.example.test'],
		expected: { host: 'matrix.example.test', sni: 'matrix.example.test', by: 'srv' },
	},
	{
		step: '3.4: delegated to a name with the deprecated service',
		server: 'example.test',
		delegates: 'matrix.example.test',
		names: { 'example.test': ours, 'box.test': ours },
		services: { '_matrix._tcp.matrix.example.test': ['box.test', 8452] },
		port: 8452,
		certified: ['matrix.example.test'],
		expected: { host: 'matrix.example.test', sni: 'matrix.example.test', by: 'srv-deprecated' },
	},
	{
		step: '3.5: delegated to a name without a service',
		server: 'example.test',
		delegates: 'matrix.example.test',
		names: { 'example.test': ours, 'matrix.example.test': ours },
		port: 8448,
		certified: ['matrix.example.test'],
		expected: { host: 'matrix.example.test', sni: 'matrix.example.test', by: 'well-known' },
	},
	{
		step: '4: no delegation, a service',
		server: 'example.test',
		names: { 'box.test': ours },
		services: { '_matrix-fed._tcp.example.test': ['box.test', 8453] },
		port: 8453,
		certified: ['example.test'],
		expected: { host: 'example.test', sni: 'example.test', by: 'srv' },
	},
	{
		step: '5: no delegation, the deprecated service',
		server: 'example.test',
		names: { 'box.test': ours },
		services: { '_matrix._tcp.example.test': ['box.test', 8454] },
		port: 8454,
		certified: ['example.test'],
		expected: { host: 'example.test', sni: 'example.test', by: 'srv-deprecated' },
	},
	{
		step: '6: neither delegation nor service',
		server: 'example.test',
		names: { 'example.test': ours },
		port: 8448,
		certified: ['example.test'],
		expected: { host: 'example.test', sni: 'example.test', by: 'default' },
	},
	...['{"m.server": "not a name"}', '{"m.server": 7}', '{}', '[]', 'null', '<html>', '{"m.server": "127.1:443"}'].map(
		(body): Case => ({
			step: `3: an invalid delegation is none: ${body}`,
			server: 'example.test',
			delegates: body,
			names: { 'example.test': ours },
			port: 8448,
			certified: ['example.test'],
			expected: { host: 'example.test', sni: 'example.test', by: 'default' },
		}),
	),
];

test.each(cases)('$step', async ({ server, delegates, names = {}, services = {}, port, certified, expected }) => {
	for (const [name, address] of Object.entries(names)) world.zone.a(name, address);
	for (const [name, [target, at]] of Object.entries(services)) world.zone.srv(name, target, at);
	const version = { '/_matrix/federation/v1/version': { server: { name: 'Synapse', version: '1.150.0' } } };
	const wellKnown = delegates && {
		'/.well-known/matrix/server': /^[[{<n]/.test(delegates) ? delegates : { 'm.server': delegates },
	};
	if (port === 443) await world.https({ port, names: certified }, pages({ ...version, ...wellKnown }));
	else {
		await world.https({ port, names: certified }, pages(version));
		if (wellKnown) await world.https({ port: 443, names: ['example.test'] }, pages(wellKnown));
	}
	const observation = await (await world.web()).observe(server);
	expect(observation).toMatchObject({ kind: 'running', version: '1.150.0', through: 'federation' });
	expect(observation.target?.by).toBe(expected.by);
	const asked = world.heard.filter(({ path }) => path === '/_matrix/federation/v1/version');
	expect(asked).toMatchObject([{ address: ours, port, host: expected.host, sni: expected.sni }]);
});

test('follows 30x redirects of the delegation, across hosts', async () => {
	world.zone.a('example.test', ours);
	world.zone.a('www.example.test', ours);
	await world.https({ port: 443, names: ['example.test', 'www.example.test'] }, (request, response) => {
		if (request.headers.host === 'example.test') {
			response.writeHead(301, { location: `https://www.example.test${request.url}` }).end();
		} else if (request.url === '/.well-known/matrix/server') response.end('{"m.server": "www.example.test:8448"}');
		else response.writeHead(404).end();
	});
	await world.https({ port: 8448, names: ['www.example.test'] }, synapse('1.150.0'));
	expect(await (await world.web()).observe('example.test')).toMatchObject({
		kind: 'running',
		target: { at: 'www.example.test:8448', by: 'well-known', delegated: 'www.example.test:8448' },
	});
});

test('follows an alias to its address', async () => {
	world.zone.say('example.test', [
		{ type: 'CNAME', value: 'box.test' },
		{ type: 'A', value: ours },
	]);
	await world.https({ port: 8450, names: ['example.test'] }, synapse('1.150.0'));
	expect(await (await world.web()).observe('example.test:8450')).toMatchObject({ kind: 'running' });
});

test('requires a certificate for the name, not for the SRV host', async () => {
	world.zone.a('box.test', ours);
	world.zone.srv('_matrix-fed._tcp.example.test', 'box.test', 8453);
	await world.https({ port: 8453, names: ['box.test'] }, synapse('1.150.0'));
	expect(await (await world.web()).observe('example.test')).toMatchObject({
		kind: 'unreached',
		trouble: { is: 'tls', fault: 'wrong-name', at: 'box.test:8453', names: 'box.test' },
	});
});

test('asks the second SRV host if the first one is down', async () => {
	world.zone.a('gone.test', ours);
	world.zone.a('box.test', ours);
	world.zone.say('_matrix-fed._tcp.example.test', [
		{ type: 'SRV', target: 'box.test', port: 8453, priority: 20 },
		{ type: 'SRV', target: 'gone.test', port: 9999, priority: 10 },
	]);
	await world.https({ port: 8453, names: ['example.test'] }, synapse('1.150.0'));
	expect(await (await world.web()).observe('example.test')).toMatchObject({ kind: 'running' });
	expect(world.dialled).toEqual([`${ours}:9999`, `${ours}:8453`]);
});

type Caching = { headers: Record<string, string>; hours: number; asked: number };
const clock = Date.UTC(2026, 0, 1);

test.each<[string, Caching]>([
	['24 hours without headers', { headers: {}, hours: 23, asked: 1 }],
	['no longer than 24 hours without headers', { headers: {}, hours: 25, asked: 2 }],
	['max-age', { headers: { 'cache-control': 'public, max-age=3600' }, hours: 2, asked: 2 }],
	['at most 48 hours', { headers: { 'cache-control': 'max-age=99999999' }, hours: 47, asked: 1 }],
	['no longer than 48 hours', { headers: { 'cache-control': 'max-age=99999999' }, hours: 49, asked: 2 }],
	['max-age minus Age', { headers: { 'cache-control': 'max-age=7200', age: '7000' }, hours: 1, asked: 2 }],
	[
		'Expires',
		{
			headers: { date: 'Thu, 01 Jan 2026 00:00:00 GMT', expires: 'Thu, 01 Jan 2026 03:00:00 GMT' },
			hours: 2,
			asked: 1,
		},
	],
	[
		'Expires by a clock ten years behind',
		{
			headers: { date: 'Fri, 01 Jan 2016 00:00:00 GMT', expires: 'Fri, 01 Jan 2016 03:00:00 GMT' },
			hours: 2,
			asked: 1,
		},
	],
	['an invalid Expires', { headers: { expires: '-1' }, hours: 1, asked: 2 }],
	['no-store', { headers: { 'cache-control': 'no-store' }, hours: 1, asked: 2 }],
])('caches a delegation for as long as it should: %s', async (_, { headers, hours, asked }) => {
	world.zone.a('example.test', ours);
	await world.https({ port: 443, names: ['example.test'] }, (request, response) => {
		// Otherwise Node.js adds its own date.
		response.sendDate = false;
		pages({ '/.well-known/matrix/server': { 'm.server': 'example.test:8450' } }, headers)(request, response);
	});
	await world.https({ port: 8450, names: ['example.test'] }, synapse('1.150.0'));
	let now = clock;
	const web = await world.web({}, () => new Date(now));
	await web.observe('example.test');
	now += hours * 3600_000;
	await web.observe('example.test');
	expect(world.heard.filter(({ path }) => path === '/.well-known/matrix/server')).toHaveLength(asked);
});

test('retries a failed delegation after five minutes, then at growing intervals', async () => {
	world.zone.a('example.test', ours);
	await world.https({ port: 443, names: ['example.test'] }, pages({}));
	await world.https({ port: 8448, names: ['example.test'] }, synapse('1.150.0'));
	let now = clock;
	const web = await world.web({}, () => new Date(now));
	const counts: number[] = [];
	for (let minute = 0; minute <= 240; minute += 5, now += 5 * 60_000) {
		await web.observe('example.test');
		counts.push(world.heard.filter(({ path }) => path === '/.well-known/matrix/server').length);
	}
	// At 0, 5, 15, 35, 75, 135 and 195 minutes: at most an hour apart.
	expect(counts.at(-1)).toBe(7);
});

test('keeps a delegation for up to 48 hours while its host is down', async () => {
	world.zone.a('example.test', ours);
	let down = false;
	await world.https({ port: 443, names: ['example.test'] }, (request, response) => {
		if (down) response.writeHead(502).end();
		else pages({ '/.well-known/matrix/server': { 'm.server': 'example.test:8450' } })(request, response);
	});
	await world.https({ port: 8450, names: ['example.test'] }, synapse('1.150.0'));
	let now = clock;
	const web = await world.web({}, () => new Date(now));
	await web.observe('example.test');
	down = true;
	now += 30 * 3600_000;
	expect(await web.observe('example.test')).toMatchObject({ kind: 'running', target: { by: 'well-known' } });
	now += 30 * 3600_000;
	expect(await web.observe('example.test')).toMatchObject({ kind: 'unreached', target: { by: 'default' } });
});

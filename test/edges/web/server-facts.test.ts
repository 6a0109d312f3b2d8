// A check asks a running server about itself, with GET requests: whenever a person asks, and otherwise once a day.
import { afterEach, expect, test } from 'vitest';
import { openWorld, ours, type World } from './world.ts';

let world: World | undefined;
afterEach(async () => {
	expect(world?.trespasses).toBe(0);
	await world?.close();
	world = undefined;
});

const answers: Record<string, [status: number, body: unknown]> = {
	'/_matrix/federation/v1/version': [200, { server: { name: 'Synapse', version: '1.150.0' } }],
	'/_matrix/client/versions': [200, { versions: ['v1.1'], unstable_features: { 'org.matrix.msc4354': true } }],
	'/_matrix/client/r0/login': [200, { flows: [{ type: 'm.login.sso', identity_providers: [{ id: 'oidc-x' }] }] }],
	'/_matrix/client/r0/register/available?username=glia': [403, { errcode: 'M_FORBIDDEN', error: 'x' }],
};

/** A homeserver with delegation, whose federation and client APIs are at one address. */
async function openServer(): Promise<{ world: World; methods: Set<string | undefined> }> {
	const methods = new Set<string | undefined>();
	world = await openWorld();
	world.zone.a('told.test', ours);
	for (const port of [443, 8448])
		await world.https({ port, names: ['told.test'] }, (request, response) => {
			methods.add(request.method);
			const [status, body] = answers[request.url ?? ''] ?? [404, { errcode: 'M_UNRECOGNIZED' }];
			response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
		});
	return { world, methods };
}

test('finds the facts if a person asks, with GET requests only', async () => {
	const { world, methods } = await openServer();
	const seen = await (await world.web()).observe('told.test', '@a:x');
	expect(seen).toMatchObject({
		kind: 'running',
		tells: {
			facts: ['federation', 'no-mas', 'no-saml', 'no-cas', 'oidc', 'no-registration'],
			features: { 'experimental_features.msc4354_enabled': true },
		},
	});
	expect([...methods]).toEqual(['GET']);
});

test('sends all requests at once, so that a slow server takes no longer than one response', async () => {
	const open = await openWorld();
	world = open;
	open.zone.a('slow.test', ours);
	const waiting: (() => void)[] = [];
	for (const port of [443, 8448])
		await open.https({ port, names: ['slow.test'] }, (request, response) => {
			const [status, body] = answers[request.url ?? ''] ?? [404, { errcode: 'M_UNRECOGNIZED' }];
			const answer = () => response.writeHead(status).end(JSON.stringify(body));
			if (!request.url?.startsWith('/_matrix/client/')) return answer();
			// No request gets its response before all four have arrived.
			waiting.push(answer);
			if (waiting.length === 4) for (const give of waiting) give();
			return undefined;
		});
	const seen = await (await open.web()).observe('slow.test', '@a:x');
	expect(waiting).toHaveLength(4);
	expect(seen).toMatchObject({ tells: { facts: expect.arrayContaining(['oidc', 'no-registration']) } });
});

test('asks once a day in the background, and not right after a start', async () => {
	const { world } = await openServer();
	let now = Date.UTC(2026, 0, 1);
	const web = await world.web({}, () => new Date(now));
	const asked = () => world.heard.filter(({ path }) => path.includes('/login')).length;
	const counts: number[] = [];
	for (let hour = 0; hour < 72; hour++) {
		await web.observe('told.test');
		counts.push(asked());
		now += 3600_000;
	}
	expect(counts[23]).toBeLessThanOrEqual(1);
	expect(counts.at(-1)).toBeGreaterThanOrEqual(2);
	expect(counts.at(-1)).toBeLessThanOrEqual(3);
});

// Polls the simulated homeservers in a separate process, with bare undici or with Glia's web, and reports the results.
// Usage: node bench/poller.ts bare|glia <servers> <at once> <listening, JSON>; runs one round per line of input.
import { createInterface } from 'node:readline';
import { createSecureContext } from 'node:tls';
import { Agent, request } from 'undici';
import { openWeb } from '../src/edges/web/web.ts';
import { addressOf, type Listening } from './played-servers.ts';

/**
 * The result of a round. `seconds`: until the last response; `begunAfter`: seconds until the last request was started
 * (after that, not all workers are busy); `longest` and `p99`: milliseconds for a healthy server; `megabytes`: the
 * largest resident memory; `cpu`: seconds.
 */
export type Round = {
	name: string;
	seconds: number;
	begunAfter: number;
	longest: number;
	p99: number;
	failed: number;
	megabytes: number;
	cpu: number;
};

type Poll = (server: number) => Promise<boolean>;

async function round(name: string, servers: number, concurrency: number, poll: Poll): Promise<Round> {
	const healthy: number[] = [];
	let failed = 0;
	let next = 0;
	let megabytes = 0;
	let begunAfter = 0;
	const sampler = setInterval(() => {
		megabytes = Math.max(megabytes, process.memoryUsage().rss / 1e6);
	}, 100);
	const begun = performance.now();
	const before = process.cpuUsage();
	const work = async () => {
		for (let server = next++; server < servers; server = next++) {
			const started = performance.now();
			begunAfter = (started - begun) / 1000;
			if (!(await poll(server))) failed++;
			if (server % 10 !== 0) healthy.push(performance.now() - started);
		}
	};
	await Promise.all(Array.from({ length: concurrency }, work));
	clearInterval(sampler);
	const seconds = (performance.now() - begun) / 1000;
	const { user, system } = process.cpuUsage(before);
	healthy.sort((a, b) => a - b);
	const at = (part: number) => Math.round(healthy[Math.floor(healthy.length * part)] ?? 0);
	return {
		name,
		seconds,
		begunAfter,
		longest: Math.round(healthy.at(-1) ?? 0),
		p99: at(0.99),
		failed,
		megabytes: Math.round(megabytes),
		cpu: (user + system) / 1e6,
	};
}

/**
 * The shortest client that makes the same requests: it knows the addresses, looks up no names, and only checks the
 * certificate. The delegation is on another host than the federation API.
 */
function bare({ port, certificate }: Listening): { first: Poll; again: Poll } {
	const dispatcher = new Agent({
		allowH2: false,
		pipelining: 0,
		connect: {
			secureContext: createSecureContext({ ca: certificate }),
			lookup(name, options, done) {
				const address = addressOf(Number(/\d+/.exec(name)?.[0]));
				if (options.all) done(null, [{ address, family: 4 }]);
				else done(null, address, 4);
			},
		},
	});
	const get = async (name: string, path: string) => {
		const { statusCode, body } = await request(`https://${name}.played.test:${port}${path}`, { dispatcher });
		await body.json();
		return statusCode === 200;
	};
	const again = (server: number) => get(`s${server}`, '/_matrix/federation/v1/version');
	const delegation = (server: number) => get(`w${server}`, '/.well-known/matrix/server');
	return { first: async server => (await delegation(server)) && (await again(server)), again };
}

/** The clock advances by half an hour before each round: addresses and delegations may be cached, results are not. */
async function glia(where: Listening, concurrency: number): Promise<{ first: Poll; again: Poll }> {
	let halfHours = 0;
	const begun = Date.now();
	const web = await openWeb(
		{
			version: '0.0.0',
			contact: 'bench',
			addresses: ['127.100.0.0/16'],
			exclude: [],
			resolvers: [where.resolver],
			authorities: [where.certificate],
			atOnce: concurrency,
			perAddress: 4,
			requestSeconds: 15,
			lookSeconds: 30,
		},
		{
			now: () => new Date(begun + halfHours * 1800_000),
			kept: { get: async () => undefined, put: async () => undefined },
			known: { releases: [], passages: [], advisories: [], charts: [] },
			route: host => ({ host, port: where.port }),
		},
	);
	const poll: Poll = async server => {
		if (server === 0) halfHours++;
		return (await web.observe(`s${server}.played.test`)).kind === 'running';
	};
	return { first: poll, again: poll };
}

if (import.meta.main) {
	const [kind = '', servers = '', concurrency = '', listening = ''] = process.argv.slice(2);
	const where = JSON.parse(listening) as Listening;
	const run = (name: string, poll: Poll) => round(name, Number(servers), Number(concurrency), poll);
	const polls: { first: Poll; again: Poll } = kind === 'bare' ? bare(where) : await glia(where, Number(concurrency));
	let name: 'first' | 'again' = 'first';
	for await (const _ of createInterface({ input: process.stdin })) {
		process.stdout.write(`${JSON.stringify(await run(name, polls[name]))}\n`);
		name = 'again';
	}
	process.exit();
}

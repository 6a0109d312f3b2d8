// check-config reports every mistake with its line, and what the homeserver says about the bot, and writes nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keysIn, openKeys } from '../../src/edges/matrix/keys.ts';
import { openAuthority } from '../edges/web/authority.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const user = '@glia:example.org';
const tokens: Record<string, object> = {
	right: { user_id: user, device_id: 'DEVICE' },
	other: { user_id: '@other:example.org', device_id: 'DEVICE' },
	bare: { user_id: user },
};

/** The login flows of a homeserver that refuses what a real one refuses. */
let flows: string[];
/** Calls that would change something. */
let changes: string[];
let folder: string;
let servers: Server[];

beforeEach(() => {
	flows = ['m.login.password', 'm.login.token'];
	changes = [];
	servers = [];
	folder = mkdtempSync(join(tmpdir(), 'glia-check-config-'));
});

afterEach(() => {
	for (const server of servers) server.close();
	rmSync(folder, { recursive: true });
});

function answerOf({ method = '', url = '', headers }: IncomingMessage): [number, object] {
	if (method !== 'GET') changes.push(`${method} ${url}`);
	const path = url.replace('/_matrix/client/', '');
	const who = tokens[headers.authorization?.replace('Bearer ', '') ?? ''];
	if (path === 'versions') return [200, { versions: ['v1.1', 'v1.16'] }];
	if (path === 'v3/login') return [200, { flows: flows.map(type => ({ type })) }];
	if (path === `v3/profile/${encodeURIComponent(user)}`) return [200, { displayname: 'glia' }];
	if (path.startsWith('v3/profile/')) return [404, { errcode: 'M_NOT_FOUND', error: 'Profile was not found' }];
	if (!who) return [401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Invalid access token passed.' }];
	if (path === 'v3/account/whoami') return [200, who];
	if (path === 'v3/joined_rooms') return [200, { joined_rooms: ['!ops:example.org'] }];
	return [404, { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' }];
}

async function listening(server: Server): Promise<number> {
	servers.push(server);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	return typeof address === 'object' && address ? address.port : 0;
}

async function homeserver(): Promise<string> {
	const server = createHttp((request, response) => {
		const [status, body] = answerOf(request);
		response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
	});
	return `http://127.0.0.1:${await listening(server)}`;
}

type Ended = { out: string[]; err: string[]; status: number | null };

async function check(
	text: string,
	environment: Record<string, string> = {},
	subcommand = 'check-config',
): Promise<Ended> {
	const path = join(folder, 'config.yaml');
	writeFileSync(path, text, { mode: 0o600 });
	const child = spawn(process.execPath, [main, subcommand, '--config', 'config.yaml'], {
		cwd: folder,
		env: { ...process.env, ...environment },
	});
	let [out, err] = ['', ''];
	child.stdout.setEncoding('utf8').on('data', more => {
		out += more;
	});
	child.stderr.setEncoding('utf8').on('data', more => {
		err += more;
	});
	const [status] = await once(child, 'close');
	return { out: out.trim().split('\n'), err: err.trim().split('\n'), status };
}

const config = (address: string, more: string) => `matrix:
  homeserver: ${address}
  user: "${user}"
  allow: [example.org]
${more}`;

test('looks up the owner of a token, and writes nothing', async () => {
	const { out, err, status } = await check(
		config(await homeserver(), '  accessToken: right\n  password: secret\noperator: { room: "!other:example.org" }\n'),
	);
	expect([err, status]).toEqual([[''], 0]);
	expect(out).toEqual([
		expect.stringMatching(/^store\.path: .*data, which will be created on first startup$/),
		expect.stringMatching(/^matrix\.homeserver: http:\S+ responds and supports Matrix up to v1\.16$/),
		`matrix.user: the token is that of ${user}, on device DEVICE`,
		'operator.room: the bot is not in !other:example.org yet; invite it',
		'matrix: accessToken and password are both set: the bot uses the token for its session, and the password only to sign it',
		'config.yaml: no errors',
	]);
	expect(readdirSync(folder)).toEqual(['config.yaml']);
	expect(changes).toEqual([]);
});

test('does not log in with a password', async () => {
	const { out, status } = await check(config(await homeserver(), '  password: secret\n'));
	expect(status).toBe(0);
	expect(out).toContainEqual(
		expect.stringMatching(/knows @glia:example\.org; the password is only checked at startup/),
	);
	expect(changes).toEqual([]);
});

test.each([
	[
		"another user's token",
		'  accessToken: other\n',
		/^config\.yaml:5: matrix\.accessToken: belongs to @other:example\.org/,
	],
	['an invalid token', '  accessToken: wrong\n', /^config\.yaml:5: matrix\.accessToken: is not accepted: .*M_UNKNOWN/],
	[
		'a token without a device',
		'  accessToken: bare\n',
		/^config\.yaml:5: matrix\.accessToken: does not belong to a device/,
	],
	[
		'an unknown account',
		'  password: x\n',
		/^config\.yaml:3: matrix\.user: http:\S+ does not know @nobody:example\.org$/,
	],
])('reports %s at its line', async (_what, more, mistake) => {
	const text = config(await homeserver(), more);
	const { out, err, status } = await check(
		more.includes('password') ? text.replace(user, '@nobody:example.org') : text,
	);
	expect(err).toEqual([expect.stringMatching(mistake)]);
	expect([out, status]).toEqual([[''], 1]);
});

test('reports a homeserver that accepts no passwords', async () => {
	flows = ['m.login.sso'];
	const { err, status } = await check(config(await homeserver(), '  password: secret\n'));
	expect(err).toEqual([expect.stringMatching(/^config\.yaml:5: matrix\.password: .* does not accept passwords/)]);
	expect(status).toBe(1);
});

test('reports an address that is not a homeserver, or does not respond', async () => {
	const site = createHttp((_, response) => response.writeHead(404).end('<html>'));
	const port = await listening(site);
	const website = await check(config(`http://127.0.0.1:${port}`, '  password: x\n'));
	expect(website.err).toEqual([
		expect.stringMatching(/^config\.yaml:2: matrix\.homeserver: .* status 404 from something/),
	]);
	site.close();
	site.closeAllConnections();
	await once(site, 'close');
	const closed = await check(config(`http://127.0.0.1:${port}`, '  password: x\n'));
	expect(closed.err).toEqual([expect.stringMatching(/^config\.yaml:2: .*nothing is listening at that address/)]);
	expect(closed.status).toBe(1);
});

test('lists all mistakes at once, those in the environment by variable', async () => {
	const text = 'matrix:\n  homeserver: http://127.0.0.1:1\n  user: glia\n  password: x\n  allow: [admin]\n';
	const { err, status } = await check(text, { GLIA_LOG_LEVEL: 'loud' });
	expect(err).toEqual([
		expect.stringMatching(/^config\.yaml:3: matrix\.user: /),
		expect.stringMatching(/^config\.yaml:5: matrix\.allow\.0: admin is neither .* "@admin:example\.org"/),
		expect.stringMatching(/^GLIA_LOG_LEVEL: log\.level: /),
	]);
	expect(status).toBe(1);
});

test('warns of secrets in a file that others can read, and reports a store path that is a file', async () => {
	const path = join(folder, 'config.yaml');
	writeFileSync(path, '');
	chmodSync(path, 0o644);
	const { out } = await check(config(await homeserver(), '  accessToken: right\n'));
	expect(out).toContain(
		'config.yaml holds secrets and can be read by others: move each into a file of its own (matrix.accessToken → accessTokenFile), or chmod 600 config.yaml if the bot runs as its owner',
	);
	writeFileSync(join(folder, 'token'), 'right');
	const filed = await check(config(await homeserver(), '  accessTokenFile: ./token # accessToken: right\n'));
	expect(filed.out.join('\n')).not.toContain('secrets');
	writeFileSync(join(folder, 'data'), '');
	const { err } = await check(config(await homeserver(), '  accessToken: right\n'));
	expect(err).toEqual([expect.stringMatching(/^config\.yaml:1: store\.path: .*data is a file, not a folder$/)]);
	rmSync(join(folder, 'data'));
	mkdirSync(join(folder, 'data'));
	expect(existsSync(join(folder, 'data/glia.sqlite'))).toBe(false);
	mkdirSync(join(folder, 'data/glia.sqlite'));
	expect((await check(config(await homeserver(), '  accessToken: right\n'))).err).toEqual([
		expect.stringMatching(/^config\.yaml:1: store\.path: .*data\/glia\.sqlite is a folder, not a file$/),
	]);
});

test('prints no seeds without a store, and creates none', async () => {
	const text = config('http://127.0.0.1:1', '  password: x\n');
	expect(await check(text, {}, 'seeds')).toMatchObject({
		status: 1,
		err: [expect.stringMatching(/^There is no store in .*data\.$/)],
	});
	expect(existsSync(join(folder, 'data'))).toBe(false);
	writeFileSync(join(folder, 'data'), '');
	expect(await check(text, {}, 'seeds')).toMatchObject({
		status: 1,
		err: [expect.stringMatching(/^The store's folder .*data cannot be used: .*data is a file, not a folder\.$/)],
	});
});

test("reports the sample's placeholder", async () => {
	const { err, status } = await check(config(await homeserver(), '  password: "…"\n'));
	expect(err).toEqual([
		'config.yaml:5: matrix.password: this is still the sample placeholder: set the secret or a file containing it',
	]);
	expect(status).toBe(1);
});

test.each([
	[
		'without a passphrase',
		undefined,
		'encryption: { passphrase: secret }\n',
		/created without .* cannot be added later/,
	],
	[
		'with a passphrase',
		'secret',
		'',
		/encryption\.passphrase: is missing: the keys in .* were created with a passphrase$/,
	],
])(
	'compares keys created %s with the configuration, whether they are open or not',
	async (_how, passphrase, other, mistake) => {
		const token = config(await homeserver(), '  accessToken: right\n');
		const keys = keysIn(join(folder, 'data'));
		mkdirSync(join(folder, 'data'));
		const machine = await openKeys(keys, { user, device: 'DEVICE' }, passphrase);
		const right = `${token}${passphrase === undefined ? '' : `encryption: { passphrase: ${passphrase} }\n`}`;
		expect((await check(right)).err).toEqual(['']);
		await machine.close();
		const before = readdirSync(join(folder, 'data'), { recursive: true }).sort();
		expect((await check(right)).err).toEqual(['']);
		const { err, status } = await check(`${token}${other}`);
		expect([err, status]).toEqual([[expect.stringMatching(mistake)], 1]);
		expect(readdirSync(join(folder, 'data'), { recursive: true }).sort()).toEqual(before);
	},
);

test('looks up the .well-known if a server name is given instead of an address', async () => {
	const authority = openAuthority();
	writeFileSync(join(folder, 'ca.pem'), authority.certificate);
	const real = await homeserver();
	let wellKnown: RequestListener = (_, response) => response.writeHead(404).end('<html>');
	const server = createHttps(authority.issue(['localhost']), (request, response) => wellKnown(request, response));
	const name = `localhost:${await listening(server)}`;
	const environment = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
	const text = config(name, '  accessToken: right\n');

	const without = await check(text, environment);
	expect(without.err).toEqual([
		expect.stringMatching(/^config\.yaml:2: matrix\.homeserver: the address of the homeserver/),
	]);

	wellKnown = ({ url = '' }, response) => {
		if (url !== '/.well-known/matrix/client') response.writeHead(404).end();
		else response.end(JSON.stringify({ 'm.homeserver': { base_url: `${real}/` } }));
	};
	const found = await check(text, environment);
	expect(found.err).toEqual([
		`config.yaml:2: matrix.homeserver: expected an address; it is ${real} (according to the .well-known of ${name})`,
	]);
	expect(found.status).toBe(1);

	const site = await check(config(`https://${name}`, '  accessToken: right\n'), environment);
	expect(site.err).toEqual([expect.stringMatching(new RegExp(`the .well-known of ${name} says ${real}$`))]);

	wellKnown = (request, response) => {
		const [status, body] = answerOf(request);
		response.writeHead(status).end(JSON.stringify(body));
	};
	const itself = await check(text, environment);
	expect(itself.err).toEqual([`config.yaml:2: matrix.homeserver: expected an address; it is https://${name}`]);
});

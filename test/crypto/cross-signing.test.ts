// A bot's identity on a homeserver in memory, with the start cut off at each request.
import { expect, test } from 'vitest';
import {
	DeviceId,
	establishIdentity,
	type IdentityMeans,
	OlmMachine,
	type SendRequest,
	UserId,
} from '../../crypto/index.ts';
import { type Homeserver, homeserver, PAGE, PASSWORD, type Policy } from './homeserver.ts';

const BOT = '@bot:example.org';

async function startBot(server: Homeserver, device: string): Promise<OlmMachine> {
	const machine = await OlmMachine.initialize(new UserId(BOT), new DeviceId(device));
	await server.send(machine, await machine.outgoingRequests());
	return machine;
}

function masterKey(server: Homeserver): string | undefined {
	return Object.values(server.identity(BOT)?.master_key.keys ?? {})[0];
}

async function establish(server: Homeserver, machine: OlmMachine, means?: IdentityMeans) {
	server.log.length = 0;
	return establishIdentity(machine, server.client(machine), means);
}

test('creates and uploads an identity and signs the device at the first start only', async () => {
	const server = homeserver();
	const bot = await startBot(server, 'ONE');
	expect(await establish(server, bot)).toEqual({ kind: 'signed', made: true, signedNow: true });
	expect(await bot.crossSigningStatus()).toEqual({ hasMaster: true, hasSelfSigning: true, hasUserSigning: true });
	expect(Object.keys(server.deviceKeys(BOT, 'ONE')?.signatures?.[BOT] ?? {})).toHaveLength(2);
	expect(await establish(server, bot)).toEqual({ kind: 'signed', made: false, signedNow: false });
	expect(server.log).toEqual(['POST keys/query']);
});

test('shows other users the device as signed by its owner', async () => {
	const server = homeserver();
	const bot = await startBot(server, 'ONE');
	const alice = await OlmMachine.initialize(new UserId('@alice:example.org'), new DeviceId('A'));
	await server.send(alice, [alice.queryKeysForUsers([new UserId(BOT)])]);
	expect(await alice.isDeviceSignedByOwner(new UserId(BOT), new DeviceId('ONE'))).toBe(false);
	await establish(server, bot);
	await server.send(alice, [alice.queryKeysForUsers([new UserId(BOT)])]);
	expect(await alice.isDeviceSignedByOwner(new UserId(BOT), new DeviceId('ONE'))).toBe(true);
	expect(await alice.isDeviceSignedByOwner(new UserId(BOT), new DeviceId('TWO'))).toBe(null);
});

const steps = ['keys/query', 'keys/device_signing/upload', 'keys/signatures/upload'];
test.for(steps.flatMap(step => [`before ${step}`, `after ${step}`]))(
	'keeps the identity if cut off %s',
	async where => {
		const server = homeserver();
		const bot = await startBot(server, 'ONE');
		let cut = false;
		const cutAt = (when: string) => (path: string) => {
			if (cut || where !== `${when} ${path}`) return;
			cut = true;
			throw new Error('connection lost');
		};
		server.before = cutAt('before');
		server.after = cutAt('after');
		await expect(establish(server, bot)).rejects.toThrow('connection lost');
		const made = (await bot.exportCrossSigningKeys())?.master;
		expect(made === undefined).toBe(where.endsWith('query'));
		expect((await establish(server, bot)).kind).toBe('signed');
		if (made !== undefined) expect((await bot.exportCrossSigningKeys())?.master).toBe(made);
	},
);

test('keeps the keys while the server requires a password, and uploads them once it is given', async () => {
	const server = homeserver('password-always');
	const bot = await startBot(server, 'ONE');
	expect(await establish(server, bot)).toEqual({ kind: 'needs-password', wrong: false });
	const made = await bot.exportCrossSigningKeys();
	expect(await establish(server, bot, { password: 'wrong' })).toEqual({ kind: 'needs-password', wrong: true });
	expect(masterKey(server)).toBe(undefined);
	expect(await establish(server, bot, { password: PASSWORD })).toEqual({ kind: 'signed', made: true, signedNow: true });
	expect(await bot.exportCrossSigningKeys()).toEqual(made);
});

async function lostStore(policy: Policy = 'password-to-replace') {
	const server = homeserver(policy);
	const old = await startBot(server, 'OLD');
	await establish(server, old);
	const seeds = await old.exportCrossSigningKeys();
	if (seeds === null) throw new Error('the first device has no seeds');
	return { server, seeds, master: masterKey(server), bot: await startBot(server, 'NEW') };
}

test('asks for the seeds after a lost store, and signs the new device without changing the identity', async () => {
	const { server, seeds, master, bot } = await lostStore();
	expect(await establish(server, bot)).toEqual({ kind: 'needs-seeds', wrong: false });
	expect(await establish(server, bot, { seeds })).toEqual({ kind: 'signed', made: false, signedNow: true });
	expect(server.log).not.toContain('POST keys/device_signing/upload');
	expect(masterKey(server)).toBe(master);
});

test('refuses seeds of another identity, and changes nothing', async () => {
	const { server, master, bot } = await lostStore();
	const { seeds } = await lostStore();
	expect(await establish(server, bot, { seeds })).toEqual({ kind: 'needs-seeds', wrong: true });
	expect(await establish(server, bot, { seeds: { ...seeds, master: 'not base64!' } })).toMatchObject({ wrong: true });
	expect(await bot.crossSigningStatus()).toMatchObject({ hasMaster: false });
	expect(masterKey(server)).toBe(master);
});

test('never replaces an identity with a password alone', async () => {
	const { server, master, bot } = await lostStore();
	expect(await establish(server, bot, { password: PASSWORD })).toEqual({ kind: 'needs-seeds', wrong: false });
	expect(masterKey(server)).toBe(master);
});

test('replaces the identity on a reset with the password', async () => {
	const { server, master, bot } = await lostStore();
	expect(await establish(server, bot, { reset: true })).toEqual({ kind: 'needs-password', wrong: false });
	expect(await bot.crossSigningStatus()).toMatchObject({ hasMaster: false });
	const outcome = await establish(server, bot, { reset: true, password: PASSWORD });
	expect(outcome).toEqual({ kind: 'signed', made: true, signedNow: true });
	expect(masterKey(server)).not.toBe(master);
});

test('does not repeat a reset while the identity works', async () => {
	const { server, bot } = await lostStore();
	const means = { reset: true, password: PASSWORD };
	await establish(server, bot, means);
	const master = masterKey(server);
	expect(await establish(server, bot, means)).toEqual({ kind: 'signed', made: false, signedNow: false });
	expect(masterKey(server)).toBe(master);
});

test.for([
	['a wrong password', { password: 'wrong' }, 'password-to-replace'],
	['a server that never allows it', { password: PASSWORD }, 'never'],
] as const)('stores no keys that the server does not have after a refused reset (%s)', async ([, means, policy]) => {
	const { server, master, seeds, bot } = await lostStore();
	server.policy = policy;
	await establish(server, bot, { reset: true, ...means }).catch(() => {});
	expect(server.log).toContain('POST keys/device_signing/upload');
	expect(await bot.crossSigningStatus()).toEqual({ hasMaster: false, hasSelfSigning: false, hasUserSigning: false });
	expect(masterKey(server)).toBe(master);
	expect(await establish(server, bot, { seeds })).toMatchObject({ kind: 'signed', made: false });
});

test.for(['before', 'after'] as const)('ends with one identity if a reset is cut off %s the upload', async when => {
	const { server, bot } = await lostStore();
	const means = { reset: true, password: PASSWORD };
	let uploads = 0;
	server[when] = path => {
		if (path === 'keys/device_signing/upload' && ++uploads === (when === 'before' ? 2 : 1))
			throw new Error('connection lost');
	};
	await expect(establish(server, bot, means)).rejects.toThrow('connection lost');
	expect((await establish(server, bot, means)).kind).toBe('signed');
	const uploadsOfThat = uploads;
	expect(await establish(server, bot, means)).toEqual({ kind: 'signed', made: false, signedNow: false });
	expect(uploads).toBe(uploadsOfThat);
});

test('names the account page if a reset has to be allowed there, and completes it afterwards', async () => {
	const { server, bot, master } = await lostStore('account-page-to-replace');
	expect(await establish(server, bot)).toEqual({ kind: 'needs-seeds', wrong: false });
	expect(await establish(server, bot, { reset: true })).toEqual({ kind: 'needs-account-page', url: PAGE });
	expect(await bot.crossSigningStatus()).toMatchObject({ hasMaster: false });
	expect(masterKey(server)).toBe(master);
	server.allowed = true;
	expect(await establish(server, bot, { reset: true })).toEqual({ kind: 'signed', made: true, signedNow: true });
});

test('does not report a refused signature as signed, and tries again at the next start', async () => {
	const server = homeserver();
	const bot = await startBot(server, 'ONE');
	const send = server.client(bot);
	const failures = { [BOT]: { ONE: { errcode: 'M_INVALID_SIGNATURE' } } };
	const refusing: SendRequest = async (method, path, body) =>
		path.endsWith('signatures/upload') ? { failures } : send(method, path, body);
	const outcome = await establishIdentity(bot, refusing);
	expect(outcome).toMatchObject({ kind: 'pending', why: expect.stringContaining('M_INVALID_SIGNATURE') });
	failures[BOT].ONE.errcode = 'M_FORBIDDEN';
	expect(await establishIdentity(bot, refusing)).toMatchObject({ kind: 'refused' });
	const forgetting: SendRequest = async (method, path, body) =>
		path.endsWith('signatures/upload') ? { failures: {} } : send(method, path, body);
	expect(await establishIdentity(bot, forgetting)).toMatchObject({
		kind: 'pending',
		why: expect.stringContaining('not show'),
	});
	expect(await establish(server, bot)).toEqual({ kind: 'signed', made: false, signedNow: true });
});

test('uploads device keys first if the server does not have them yet', async () => {
	const server = homeserver();
	const bot = await OlmMachine.initialize(new UserId(BOT), new DeviceId('ONE'));
	expect(await establish(server, bot)).toEqual({ kind: 'signed', made: true, signedNow: true });
	expect(server.log).toContain('POST keys/upload');
});

test('notices an identity that someone else replaced', async () => {
	const { server, bot, seeds } = await lostStore();
	await establish(server, bot, { seeds });
	const other = await startBot(server, 'OTHER');
	await establish(server, other, { reset: true, password: PASSWORD });
	expect(await establish(server, bot)).toEqual({ kind: 'needs-seeds', wrong: false });
	expect(await establish(server, bot, { seeds })).toEqual({ kind: 'needs-seeds', wrong: true });
});

/** A homeserver with several processes: the next `lag.behind` calls reach one that knows an old state. */
function lagging(server: Homeserver, machine: OlmMachine) {
	const now = server.client(machine);
	const old = new Map<string, unknown>();
	const lag = { behind: 0 };
	const send: SendRequest = async (method, path, body) => {
		if (lag.behind > 0 && path.endsWith('signatures/upload')) {
			lag.behind--;
			return { failures: { [BOT]: { ONE: { errcode: 'M_NOT_FOUND', error: 'No self_signing key found for bot' } } } };
		}
		const stale = lag.behind > 0 && path.endsWith('keys/query') ? old.get(path) : undefined;
		if (stale !== undefined) {
			lag.behind--;
			return stale;
		}
		const answer = await now(method, path, body);
		if (path.endsWith('keys/query')) old.set(path, answer);
		return answer;
	};
	return { lag, send };
}

test('waits for a server process that does not know the keys yet, however long it takes', async () => {
	const server = homeserver();
	const bot = await startBot(server, 'ONE');
	const { lag, send } = lagging(server, bot);
	let outcome = await establishIdentity(bot, async (method, path, body) => {
		const answer = await send(method, path, body);
		if (path.endsWith('device_signing/upload')) lag.behind = 4;
		return answer;
	});
	const made = masterKey(server);
	let tries = 0;
	for (; outcome.kind === 'pending'; tries++) {
		outcome = await establishIdentity(bot, send, { expects: outcome.expects });
	}
	expect(outcome).toEqual({ kind: 'signed', made: false, signedNow: true });
	expect(tries).toBe(4);
	expect(masterKey(server)).toBe(made);
});

test('keeps new keys if a response from before the reset arrives', async () => {
	const { server, bot } = await lostStore();
	const { lag, send } = lagging(server, bot);
	let outcome = await establishIdentity(
		bot,
		async (method, path, body) => {
			const answer = await send(method, path, body);
			if (path.endsWith('signatures/upload')) lag.behind = 3;
			return answer;
		},
		{ reset: true, password: PASSWORD },
	);
	expect(outcome).toMatchObject({ kind: 'pending', made: true });
	const made = masterKey(server);
	while (outcome.kind === 'pending') {
		outcome = await establishIdentity(bot, send, { reset: true, password: PASSWORD, expects: outcome.expects });
	}
	expect(outcome.kind).toBe('signed');
	expect([masterKey(server), (await bot.crossSigningStatus()).hasMaster]).toEqual([made, true]);
});

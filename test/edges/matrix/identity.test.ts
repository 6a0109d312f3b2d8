// The bot's signature on its device, on a homeserver whose processes lag behind each other.
import { DeviceId, OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-nodejs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openIdentity } from '../../../src/edges/matrix/identity.ts';
import type { Log } from '../../../src/runtime/log.ts';
import { homeserver } from '../../crypto/homeserver.ts';

const bot = '@bot:example.org';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** A start whose signature the homeserver does not know until `known` is set. */
async function start() {
	const server = homeserver();
	const machine = await OlmMachine.initialize(new UserId(bot), new DeviceId('ONE'), '', undefined, 0);
	const send = server.client(machine);
	await server.send(machine, await machine.outgoingRequests());
	const state = { known: false, uploads: 0, tried: false };
	const logged: string[] = [];
	const keep = (level: string) => (_fields: object, text: string) => void logged.push(`${level}: ${text}`);
	const log: Log = { error: keep('error'), warn: keep('warn'), info: keep('info'), debug: () => undefined };
	const identity = openIdentity({
		machine,
		async request(method, path, body) {
			if (!path.endsWith('signatures/upload')) return send(method, path, body);
			state.uploads++;
			if (state.known) return send(method, path, body);
			return { failures: { [bot]: { ONE: { errcode: 'M_NOT_FOUND', error: 'No self_signing key found' } } } };
		},
		means: { reset: false },
		inherited: async () => undefined,
		known: () => undefined,
		user: bot,
		log,
	});
	void identity.tried.then(() => {
		state.tried = true;
	});
	/** Advances the clock by `ms` milliseconds, and waits for what that triggers. */
	async function pass(ms: number): Promise<void> {
		for (let left = ms; left >= 0; left -= 250) {
			await vi.advanceTimersByTimeAsync(250);
			for (let i = 0; i < 40; i++) await new Promise(resolve => setImmediate(resolve));
		}
	}
	return { identity, state, logged, pass };
}

test('retries a signature that the homeserver does not know yet, and logs this once', async () => {
	const { identity, state, logged, pass } = await start();
	await pass(2000);
	expect(state.uploads).toBeGreaterThan(1);
	expect([state.tried, identity.standing()]).toEqual([false, { signed: undefined }]);
	state.known = true;
	await pass(3000);
	expect([state.tried, identity.standing()]).toEqual([true, { signed: true }]);
	expect(logged).toEqual([
		"info: the homeserver does not know this device's signature yet; trying again",
		'info: this device is now signed by its owner',
	]);
	const { uploads } = state;
	await pass(20_000);
	expect(state.uploads).toBe(uploads);
	identity.stop();
});

test('logs the problem after a few quick attempts, and retries every hour', async () => {
	const { identity, state, logged, pass } = await start();
	await pass(200_000);
	const { uploads } = state;
	expect(uploads).toBe(9);
	expect(identity.standing()).toMatchObject({ signed: false, needs: expect.stringContaining('M_NOT_FOUND') });
	expect(logged).toHaveLength(2);
	await pass(1800_000);
	expect(state.uploads).toBe(uploads);
	state.known = true;
	await pass(1800_000);
	expect(identity.standing()).toEqual({ signed: true });
	expect(logged).toHaveLength(3);
	identity.stop();
});

test('keeps nobody waiting for long on the first attempt', async () => {
	const { identity, state, pass } = await start();
	await pass(5000);
	expect(state.tried).toBe(true);
	identity.stop();
});

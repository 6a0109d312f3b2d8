// The order in which the crypto machine's requests are sent, and what happens if one fails.
import type { OlmMachine, Request } from '@matrix-org/matrix-sdk-crypto-nodejs';
import { beforeEach, expect, test } from 'vitest';
import { openCourier } from '../../../src/edges/matrix/outgoing-requests.ts';

let waiting: Request[];
let happened: string[];
/** IDs of requests that the homeserver refuses once. */
let refused: string[];

beforeEach(() => {
	[waiting, happened, refused] = [[], [], []];
});

function open() {
	const machine = {
		outgoingRequests: async () => [...waiting],
		async markRequestAsSent(id: string) {
			happened.push(`${id} is marked as sent`);
			waiting = waiting.filter(request => request.id !== id);
		},
	} as unknown as OlmMachine;
	const ask = async (_: string, path: string) => {
		const id = path.split('/').at(-1) ?? '';
		happened.push(`${id} goes out`);
		if (refused.includes(id)) {
			refused = refused.filter(one => one !== id);
			throw new Error(`${id} is refused`);
		}
		return {};
	};
	return openCourier(machine, ask, () => undefined);
}

const toDevice = (id: string, eventType: string): Request => ({ id, type: 3, eventType, txnId: id, body: '{}' });

test('marks a verification step as sent before sending it, because the reply may arrive first', async () => {
	waiting = [toDevice('step', 'm.key.verification.key'), toDevice('room-key', 'm.room.encrypted')];
	await open().all();
	expect(happened).toEqual([
		'step is marked as sent',
		'step goes out',
		'room-key goes out',
		'room-key is marked as sent',
	]);
});

test('retries a step that the homeserver rejected, without blocking the rest', async () => {
	refused = ['step'];
	waiting = [toDevice('step', 'm.key.verification.mac'), toDevice('room-key', 'm.room.encrypted')];
	const courier = open();
	await expect(courier.all()).rejects.toThrow('step is refused');
	expect(happened).toContain('room-key is marked as sent');
	happened = [];
	await courier.all();
	await courier.all();
	expect(happened).toEqual(['step goes out']);
});

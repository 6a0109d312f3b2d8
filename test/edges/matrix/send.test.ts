import { expect, test } from 'vitest';
import { openSender } from '../../../src/edges/matrix/send.ts';
import type { Session } from '../../../src/edges/matrix/session.ts';

/** Sends one event, and returns how often the sender reported it. */
async function reported(type: string, answer: unknown = { event_id: '$1' }): Promise<number> {
	let count = 0;
	const session = {
		async call(read: (answer: unknown) => unknown) {
			const value = read(answer);
			return value === undefined ? { failure: { kind: 'away', why: 'an invalid response' } } : { value };
		},
	} as unknown as Session;
	const states = { of: async () => ({ value: {} }), noteEncrypted: () => undefined, isPlain: () => true };
	const sender = openSender({ session, states, encryption: undefined, sent: () => void count++ });
	await sender.send('!room:example.org', 'transaction', { type, content: {} });
	return count;
}

test('reports what was sent in the clear, so that the next sync catches up at once', async () => {
	expect(await reported('m.room.message')).toBe(1);
	expect(await reported('m.reaction')).toBe(1);
});

test('does not spend a sync on catching up after an encrypted event', async () => {
	expect(await reported('m.room.encrypted')).toBe(0);
});

test('does not report an event that the homeserver did not take', async () => {
	expect(await reported('m.room.message', {})).toBe(0);
});

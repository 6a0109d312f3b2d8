// What is left of the store after a power cut.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../../src/edges/store/store.ts';
import type { Store } from '../../../src/ports/store.ts';
import { batch, incoming, news, saying } from '../../contracts/store.ts';
import { cutPower } from '../../power-cuts.ts';

const now = new Date('2026-11-21T12:00:00Z');
const room = '!room:example.org';
const folders: string[] = [];
let store: Store;
let folder: string;

beforeEach(async () => {
	folder = newFolder();
	store = await openStore(folder);
	await store.take(batch('1'), now);
	await store.take(batch('2', { joined: [news()] }), now);
	for (const gap of await store.gaps(now)) await store.fill(gap, { messages: [] }, now);
	await store.kept.put('so far', 'on the disk');
});

afterEach(async () => {
	await store.close();
	for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

function newFolder(): string {
	const path = mkdtempSync(join(tmpdir(), 'glia-power-'));
	folders.push(path);
	return path;
}

/** What the next start finds if the power is cut now. */
async function afterPowerCut<Found>(look: (store: Store) => Promise<Found>): Promise<Found> {
	const place = newFolder();
	cutPower(folder, place);
	const after = await openStore(place);
	try {
		return await look(after);
	} finally {
		await after.close();
	}
}

test('loses a batch together with its token, so that the homeserver sends it again', async () => {
	await store.take(batch('3', { joined: [news([incoming('a')])] }), now);
	expect(await store.token()).toBe('3');
	expect(await afterPowerCut(async after => [await after.token(), await after.unread()])).toEqual(['2', []]);
});

test('has a decision on the disk together with its batch', async () => {
	await store.take(batch('3', { joined: [news([incoming('a')])] }), now);
	await store.settle('a', [saying('answer', { answers: 'a' })], now);
	await afterPowerCut(async after => {
		expect([await after.token(), await after.unread()]).toEqual(['3', []]);
		expect((await after.due(now, [], 9)).map(({ said }) => said)).toEqual(['answer']);
	});
});

test('has a message due again, with the same ID, if it was encrypted but not sent', async () => {
	await store.take(batch('3', { joined: [news([incoming('a')])] }), now);
	await store.settle('a', [saying('answer', { answers: 'a' })], now);
	const [row] = await store.due(now, [], 9);
	await store.seal(row?.id ?? 0, { type: 'm.room.encrypted', content: { ciphertext: 'c' } });
	expect(await store.due(now, [], 9)).not.toEqual([row]);
	expect(await afterPowerCut(after => after.due(now, [], 9))).toEqual([row]);
});

test('knows what was sent, so that reactions to it are recognised', async () => {
	await store.take(batch('3', { joined: [news([incoming('a')])] }), now);
	await store.settle('a', [saying('question', { answers: 'a', confirms: '!leave' })], now);
	const [row] = await store.due(now, [], 9);
	await store.seal(row?.id ?? 0, { type: 'm.room.encrypted', content: { ciphertext: 'c' } });
	await store.sent(row?.id ?? 0, '$question', now);
	await afterPowerCut(async after => {
		expect(await after.due(now, [], 9)).toEqual([]);
		expect(await after.confirmation(room, '$question')).toMatchObject({ command: '!leave' });
	});
});

test('has an invitation on the disk before it can be accepted', async () => {
	await store.take(batch('3', { invited: [{ room: '!other:example.org', inviter: '@a:example.org' }] }), now);
	expect(await afterPowerCut(after => after.token())).toBe('3');
});

test('has everything on the disk that came before a decision', async () => {
	await store.take(batch('3', { joined: [news([incoming('a'), incoming('b')])] }), now);
	await store.settle('a', [saying('answer', { answers: 'a' })], now);
	const [row] = await store.due(now, [], 9);
	await store.sent(row?.id ?? 0, '$event', now);
	await store.settle('b', [], now);
	expect(await afterPowerCut(after => after.due(now, [], 9))).toEqual([]);
	expect(await afterPowerCut(after => after.eventOf(room, 'answer'))).toBe('$event');
});

test('waits for the disk again after a failed write that would not have waited', async () => {
	await store.take(batch('3'), now);
	await expect(
		store.take(batch('4', { joined: [news([incoming('a', { room: null as never })])] }), now),
	).rejects.toThrow();
	await store.kept.put('a', 'b');
	expect(await afterPowerCut(async after => [await after.token(), await after.kept.get('a')])).toEqual(['3', 'b']);
});

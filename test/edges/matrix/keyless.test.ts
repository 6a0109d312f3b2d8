// A login without a device, on a homeserver whose responses the test sets: nothing is sent to a room that was ever
// encrypted, whatever the homeserver says about it.
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Connection, connect } from '../../../src/edges/matrix/homeserver.ts';
import { keysIn } from '../../../src/edges/matrix/keys.ts';
import { openStore } from '../../../src/edges/store/store.ts';
import type { Store } from '../../../src/ports/store.ts';
import { silence } from '../../../src/runtime/log.ts';
import { batch, news } from '../../contracts/store.ts';

const room = '!room:example.org';
const user = '@glia:example.org';
const encryption = { algorithm: 'm.megolm.v1.aes-sha2' };
const create = { sender: '@alice:example.org', content: {} };
const text = { type: 'm.room.message', content: { msgtype: 'm.text', body: 'all of it' } };
const file = { name: 'plan.md', type: 'text/markdown', text: 'all of it' };

let server: Server;
let calls: string[];
/** The response to `state/m.room.encryption`: status and body. */
let state: [number, object];
let sync: object;
/** The response to a request for a page of history. */
let page: object;
/** The filters of syncs. */
let filters: (string | null)[];
let store: Store;
let loud: string[];
let homeserver: Connection;

beforeEach(async () => {
	[calls, loud, filters] = [[], [], []];
	state = [404, { errcode: 'M_NOT_FOUND', error: 'no such state' }];
	sync = {};
	page = { chunk: [] };
	server = createServer((request, answer) => {
		const path = request.url ?? '';
		const [status, body] = path.includes('/whoami')
			? [200, { user_id: user }]
			: path.includes('/state/m.room.encryption')
				? state
				: path.includes('/sync')
					? [200, sync]
					: path.includes('/messages')
						? [200, page]
						: [200, { event_id: '$sent', content_uri: 'mxc://x/y' }];
		if (path.includes('/sync')) filters.push(new URL(path, 'http://x').searchParams.get('filter'));
		if (/\/(send|upload)/.test(path)) calls.push(path.replace(/\?.*/, ''));
		request.resume().on('end', () => {
			answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
		});
	});
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	const address = server.address();
	const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
	store = await openStore();
	const matrix = { homeserver: url, user, accessToken: 'secret', allow: ['*'], bare: true, device: 'Glia' };
	const opened = await connect(
		{ matrix: { ...matrix, changes: 'state_default', forgetAfterDays: 7 }, encryption: { reset: false } },
		{
			store,
			keys: keysIn(''),
			log: { ...silence, error: (_fields, text) => loud.push(text) },
			version: '0',
			now: () => new Date(),
			ending: new AbortController().signal,
			mayVerify: async () => undefined,
			locked: () => undefined,
			fatal: () => undefined,
		},
	);
	if (!opened) throw new Error('no connection');
	homeserver = opened;
});

afterEach(async () => {
	await homeserver.close();
	await store.close();
	server.closeAllConnections();
	await new Promise(resolve => server.close(resolve));
});

/** The results of encrypting a message, sending one, and uploading a file. */
async function tries(): Promise<unknown[]> {
	const outcomes = [
		await homeserver.seal(room, text),
		await homeserver.send(room, 'one', text),
		await homeserver.upload(room, file),
	];
	return outcomes.map(outcome => ('failure' in outcome ? outcome.failure.kind : 'done'));
}

const silent = ['keyless', 'unsealed', 'keyless'];

test('logs at startup that the login has no device', () => {
	expect(loud.join()).toMatch(/does not belong to a device: in encrypted rooms I can neither read nor write/);
	expect(homeserver.device()).toBeUndefined();
});

test('sends nothing to a room that the store or the homeserver calls encrypted', async () => {
	state = [200, encryption];
	expect(await tries()).toEqual(silent);
	state = [404, { errcode: 'M_NOT_FOUND' }];
	await store.take(batch('1', { joined: [news([], { state: { create, encryption } })] }), new Date());
	expect(await tries()).toEqual(silent);
	expect(calls).toEqual([]);
});

test('sends nothing to a room that was ever encrypted, even if forgotten or denied by the homeserver', async () => {
	await store.take(batch('1', { joined: [news([], { state: { create, encryption } })] }), new Date());
	await store.forget(room);
	expect(await tries()).toEqual(silent);
	await store.take(batch('2', { joined: [news([], { state: { create } })] }), new Date());
	expect(await tries()).toEqual(silent);
	expect(calls).toEqual([]);
});

test('sends nothing from the moment a sync says that the room is encrypted, even before that is stored', async () => {
	await store.take(batch('1', { joined: [news([], { state: { create } })] }), new Date());
	expect(await tries()).toEqual(['done', 'done', 'done']);
	const event = { type: 'm.room.encryption', state_key: '', sender: user, event_id: '$e', content: encryption };
	sync = { next_batch: '2', rooms: { join: { [room]: { timeline: { events: [event] } } } } };
	await homeserver.sync('1');
	expect(await tries()).toEqual(silent);
	const reaction = { type: 'm.reaction', content: {} };
	expect(await homeserver.seal(room, reaction)).toEqual({ value: reaction });
	expect(await homeserver.send(room, 'two', reaction)).toEqual({ value: '$sent' });
});

test('changes the request after a failed sync, since Synapse would repeat an old response', async () => {
	sync = { next_batch: '1' };
	await homeserver.sync('0');
	await homeserver.sync('0');
	sync = {};
	expect(await homeserver.sync('0')).toHaveProperty('failure');
	await homeserver.sync('0');
	const [first, second, third, fourth] = filters;
	expect([second, third]).toEqual([first, first]);
	expect(fourth).not.toBe(first);
});

test('does not search an endless history forever', async () => {
	page = { chunk: [], end: 'more' };
	expect(await homeserver.find(room, { said: 'x', since: new Date(0) })).toEqual({ value: undefined });
});

// Tests the harness: a real Synapse that starts, keeps its data across restarts, and can be killed; people in rooms.
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { login, type Person, person, type RoomEvent, speaker } from './person.ts';
import { type Homeserver, homeserver, type Synapse, sharedSynapse, startSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

test('runs on the Node.js that the project installs', () => {
	const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
	expect(major * 100 + minor).toBeGreaterThanOrEqual(2412);
});

describe('a shared Synapse', () => {
	let home: Homeserver;

	beforeAll(async () => {
		home = await sharedSynapse();
	});

	test('only listens on this machine, as the homeserver of glia.test', async () => {
		expect(home.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
		const alice = await person(home, 'alice');
		expect(alice.userId).toMatch(/^@alice-[0-9a-f]{8}:glia\.test$/);
		expect(await alice.request('GET', '/_matrix/client/v3/account/whoami')).toMatchObject({ user_id: alice.userId });
	});

	test('is the same for everyone with its address', async () => {
		const again = homeserver(JSON.parse(JSON.stringify(home.address)));
		const alice = await person(again, 'alice');
		const there = speaker(home.url, alice);
		expect(await there.request('GET', '/_matrix/client/v3/account/whoami')).toMatchObject({ user_id: alice.userId });
	});

	test('registers administrators, and refuses a name that is taken', async () => {
		const alice = await person(home, 'alice');
		const name = alice.userId.slice(1).replace(/:.*/, '');
		await expect(home.registerUser(name, 'secret')).rejects.toThrow('M_USER_IN_USE');
		const root = speaker(home.url, await home.registerUser(`root-of-${name}`, 'secret', { admin: true }));
		const about = `/_synapse/admin/v2/users/${encodeURIComponent(alice.userId)}`;
		expect(await root.request('GET', about)).toMatchObject({ name: alice.userId, admin: false });
		await expect(alice.request('GET', about)).rejects.toThrow('M_FORBIDDEN');
		const phone = await login(home, root.userId, 'secret');
		expect(phone.userId).toBe(root.userId);
		expect(phone.deviceId).not.toBe(root.deviceId);
		await expect(login(home, root.userId, 'wrong')).rejects.toThrow('M_FORBIDDEN');
	});

	test.each(['10', '12'])('lets two people talk in a room of version %s', async version => {
		const [alice, bob] = await Promise.all([person(home, 'alice'), person(home, 'bob')]);
		const room = await alice.createRoom({ version, invite: [bob.userId], name: 'Ops' });
		expect((await alice.state(room, 'm.room.create')).room_version).toBe(version);
		expect(room.includes(':')).toBe(version === '10');
		await bob.join(room);

		const asked = await alice.say(room, 'how are you?');
		await bob.waitFor(event => event.event_id === asked);
		const answered = await bob.reply(room, asked, 'wel');
		const edited = await bob.edit(room, answered, 'well');
		const threaded = await bob.thread(room, asked, 'and you?');
		const reacted = await alice.react(room, answered, '👍');
		const other = await alice.send(room, 'glia.test', { body: 'anything' });
		const redaction = await alice.redact(room, asked, 'never mind');

		const shown = await alice.waitFor(event => event.event_id === edited);
		expect(shown).toMatchObject({ sender: bob.userId, room_id: room, content: { 'm.new_content': { body: 'well' } } });
		expect((await alice.waitFor(event => event.event_id === answered)).content['m.relates_to']).toEqual({
			'm.in_reply_to': { event_id: asked },
		});
		expect((await bob.waitFor(event => event.event_id === redaction)).type).toBe('m.room.redaction');

		const all = await bob.messagesOf(room);
		expect(all[0]?.type).toBe('m.room.create');
		expect(all.slice(-7).map(event => event.event_id)).toEqual([
			...[asked, answered, edited, threaded, reacted, other, redaction],
		]);
		expect(all.find(event => event.event_id === asked)?.content).toEqual({});
		expect(all.find(event => event.event_id === threaded)?.content['m.relates_to']).toMatchObject({
			rel_type: 'm.thread',
			event_id: asked,
		});
		expect(all.find(event => event.event_id === reacted)?.content['m.relates_to']?.key).toBe('👍');
	});

	test('lets people join and leave, and refuses what their power level does not allow', async () => {
		const [alice, bob] = await Promise.all([person(home, 'alice'), person(home, 'bob')]);
		const room = await alice.createRoom({ powerLevels: { events: { 'm.room.message': 50 } } });
		await expect(bob.join(room)).rejects.toThrow('M_FORBIDDEN');
		await alice.invite(room, bob.userId);
		await bob.join(room);
		await expect(bob.say(room, 'hello')).rejects.toThrow('M_FORBIDDEN');
		await bob.leave(room, 'for lunch');
		const left = await alice.waitFor(isMembership(room, bob, 'leave'));
		expect(left.content.reason).toBe('for lunch');
		await alice.invite(room, bob.userId);
		await bob.join(room);
		await alice.kick(room, bob.userId, 'no lunch');
		expect((await bob.waitFor(event => event.content.reason === 'no lunch')).sender).toBe(alice.userId);
		await alice.ban(room, bob.userId);
		await alice.waitFor(isMembership(room, bob, 'ban'));
		await expect(alice.invite(room, bob.userId)).rejects.toThrow('banned');
		await alice.unban(room, bob.userId);
		await alice.invite(room, bob.userId);
		await bob.join(room);
	});

	test('upgrades a room, marks one as encrypted, sets its state', async () => {
		const alice = await person(home, 'alice');
		const old = await alice.createRoom({ version: '10', encrypted: true });
		expect((await alice.state(old, 'm.room.encryption')).algorithm).toBe('m.megolm.v1.aes-sha2');
		await alice.setState(old, 'm.room.topic', '', { topic: 'servers' });
		const next = await alice.upgrade(old, '12');
		expect((await alice.state(old, 'm.room.tombstone')).replacement_room).toBe(next);
		expect((await alice.state(next, 'm.room.create')).predecessor).toMatchObject({ room_id: old });
		expect((await alice.state(next, 'm.room.topic')).topic).toBe('servers');
		await expect(alice.state(next, 'm.room.avatar')).rejects.toThrow('M_NOT_FOUND');
	});

	test('rate-limits nobody, and loses nothing in a limited sync', async () => {
		const [alice, bob] = await Promise.all([person(home, 'alice'), person(home, 'bob')]);
		const room = await alice.createRoom({ invite: [bob.userId] });
		await bob.join(room);
		await bob.waitFor(event => event.room_id === room);
		const ids = await Promise.all(Array.from({ length: 150 }, (_, n) => alice.say(room, `message ${n}`)));
		for (const id of ids) await bob.waitFor(event => event.event_id === id);
		const messages = (await bob.messagesOf(room)).filter(event => event.type === 'm.room.message');
		expect(new Set(messages.map(event => event.event_id))).toEqual(new Set(ids));
		expect(messages).toHaveLength(150);
	});

	test('reports what was seen if nothing matched in time', async () => {
		const alice = await person(home, 'alice');
		const room = await alice.createRoom();
		await alice.say(room, 'is anybody here?');
		await expect(alice.waitFor(event => event.sender === '@nobody:glia.test', 1)).rejects.toThrow('is anybody here?');
	});
});

describe('a separate Synapse', () => {
	let synapse: Synapse;

	beforeAll(async () => {
		synapse = await startSynapse({
			serverName: 'own.test',
			rateLimits: 'default',
			defaultRoomVersion: '10',
			config: { encryption_enabled_by_default_for_room_type: 'all', database: { txn_limit: 5000 } },
		});
		return synapse.stop;
	});

	test('is configured as requested', async () => {
		const alice = await person(synapse, 'alice');
		expect(alice.userId).toMatch(/:own\.test$/);
		const room = await alice.createRoom();
		expect((await alice.state(room, 'm.room.create')).room_version).toBe('10');
		expect((await alice.state(room, 'm.room.encryption')).algorithm).toBe('m.megolm.v1.aes-sha2');
		expect(existsSync(synapse.dir)).toBe(true);
	});

	test("has Synapse's own rate limits, which a person waits out", async () => {
		const alice = await person(synapse, 'alice');
		const room = await alice.createRoom();
		const statuses = await Promise.all(
			Array.from({ length: 15 }, async (_, n) => {
				const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${n}`;
				const headers = { authorization: `Bearer ${alice.accessToken}` };
				const body = JSON.stringify({ msgtype: 'm.text', body: 'too much' });
				return (await fetch(synapse.url + path, { method: 'PUT', headers, body })).status;
			}),
		);
		expect(new Set(statuses)).toEqual(new Set([200, 429]));
		const said = await alice.say(room, 'at last');
		expect((await alice.waitFor(event => event.event_id === said)).content.body).toBe('at last');
	});

	test.each(['stop', 'kill'] as const)('keeps its data after %s and a restart', async end => {
		const alice = await person(synapse, 'alice');
		const room = await alice.createRoom();
		const said = await alice.say(room, `before ${end}`);
		await synapse[end]();
		await expect(fetch(synapse.url)).rejects.toThrow(TypeError);
		const answer = alice.waitFor(event => event.content.body === `after ${end}`);
		await synapse.restart();
		await alice.say(room, `after ${end}`);
		expect((await answer).sender).toBe(alice.userId);
		expect((await alice.messagesOf(room)).map(event => event.event_id)).toContain(said);
	});

	test('restarts while it runs', async () => {
		const alice = await person(synapse, 'alice');
		await synapse.restart();
		await alice.createRoom();
		expect(synapse.logTail(100_000).match(/STARTING SERVER/g)?.length).toBe(4);
	});
});

test('reports why Synapse could not start', async () => {
	const wrong = startSynapse({ config: { default_room_version: 'no such version' } });
	await expect(wrong).rejects.toThrow(/ended before it was ready(.|\n)*room version/);
});

function isMembership(room: string, of: Person, membership: string): (event: RoomEvent) => boolean {
	return ({ room_id, type, state_key, content }) =>
		room_id === room && type === 'm.room.member' && state_key === of.userId && content.membership === membership;
}

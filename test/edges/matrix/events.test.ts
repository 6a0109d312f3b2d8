// How we read what the homeserver sends. Nothing that a stranger sends makes us throw.
import { describe, expect, test } from 'vitest';
import { batchOf, pageOf } from '../../../src/edges/matrix/events.ts';

const self = '@glia:example.org';
const alice = '@alice:example.org';
const room = '!room:example.org';
const now = new Date('2026-11-21T12:00:00Z');
const at = now.getTime() - 1000;

type Json = Record<string, unknown>;

function event(id: string, content: Json, more: Json = {}): Json {
	return { event_id: id, type: 'm.room.message', sender: alice, origin_server_ts: at, content, ...more };
}

function text(id: string, body: string, content: Json = {}, more: Json = {}): Json {
	return event(id, { msgtype: 'm.text', body, ...content }, more);
}

function sync(timeline: Json, more: Json = {}) {
	return batchOf({ next_batch: 't', rooms: { join: { [room]: { timeline, ...more } } } }, self, now)?.joined[0];
}

function bodies(...events: Json[]): string[] {
	return sync({ events })?.messages.map(({ body }) => body) ?? [];
}

describe('messages', () => {
	test('read a text with everything that matters', () => {
		expect(sync({ events: [text('$1', '!help')] })?.messages).toEqual([
			{ event: '$1', room, sender: alice, at: new Date(at), body: '!help', mentioned: false },
		]);
	});

	test.each<[string, Json]>([
		["the bot's own", text('$1', '!help', {}, { sender: self })],
		['a notice', text('$1', '!help', { msgtype: 'm.notice' })],
		['an emote', text('$1', '!help', { msgtype: 'm.emote' })],
		['an edit', text('$1', '* !help', { 'm.relates_to': { rel_type: 'm.replace', event_id: '$0' } })],
		['an edit that hides its relation', text('$1', '* !help', { 'm.new_content': { body: '!help' } })],
		['one that was redacted', event('$1', {})],
		['one without a body', event('$1', { msgtype: 'm.text' })],
		['one whose body is not text', event('$1', { msgtype: 'm.text', body: ['!help'] })],
		['state with the type of a message', text('$1', '!help', {}, { state_key: '' })],
		['a reaction', event('$1', { body: '!help', msgtype: 'm.text' }, { type: 'm.reaction' })],
		['one without an ID', { ...text('', '!help'), event_id: 7 }],
		['one without a sender', { ...text('$1', '!help'), sender: null }],
	])('leave out %s', (_what, given) => {
		expect(bodies(given)).toEqual([]);
	});

	test("leave an old client's quote out of a reply", () => {
		const reply = { 'm.relates_to': { 'm.in_reply_to': { event_id: '$0' } } };
		expect(bodies(text('$1', '> <@a:b> !leave\n> more\n\n!help', reply))).toEqual(['!help']);
		expect(bodies(text('$1', '> <@a:b> !leave', reply))).toEqual(['']);
		expect(bodies(text('$1', '> <@a:b> !leave\n!help', reply))).toEqual(['!help']);
		expect(bodies(text('$1', '> !leave\n\n!help'))).toEqual(['> !leave\n\n!help']);
	});

	test('read known reactions, in any skin tone, as replies, and ignore others', () => {
		const react = (key: string) => {
			const relation = { rel_type: 'm.annotation', event_id: '$0', key };
			return event('$1', { 'm.relates_to': relation }, { type: 'm.reaction' });
		};
		const messages = sync({ events: ['✅', '💤', '▶️', '▶', '👍', 'done'].map(react) })?.messages;
		expect(messages?.map(({ body, repliesTo }) => [body, repliesTo])).toEqual(
			['✅', '💤', '▶', '▶'].map(key => [key, '$0']),
		);
	});

	test('read threads and replies', () => {
		const relation = (content: Json) => sync({ events: [text('$1', 'x', { 'm.relates_to': content })] })?.messages[0];
		const reply = { 'm.in_reply_to': { event_id: '$0' } };
		expect(relation(reply)).toMatchObject({ repliesTo: '$0' });
		const thread = { rel_type: 'm.thread', event_id: '$root', ...reply };
		expect(relation(thread)).toMatchObject({ thread: '$root', repliesTo: '$0' });
		expect(relation({ ...thread, is_falling_back: true })).not.toHaveProperty('repliesTo');
		expect(relation({ rel_type: 'm.thread', event_id: 3 })).not.toHaveProperty('thread');
	});

	test.each<[Json, boolean]>([
		[{ 'm.mentions': { user_ids: [self] } }, true],
		[{ 'm.mentions': { user_ids: [alice] } }, false],
		[{ 'm.mentions': { room: true } }, false],
		[{ 'm.mentions': { user_ids: self } }, false],
		[{ formatted_body: `<a href="https://matrix.to/#/${self}">Glia</a> help` }, true],
		[{ formatted_body: '<a href="https://matrix.to/#/%40glia%3Aexample.org">Glia</a>' }, true],
		[{ formatted_body: `<a href="https://matrix.to/#/${self}">Glia</a>`, 'm.mentions': {} }, false],
	])('%j mentions us: %s', (content, expected) => {
		expect(sync({ events: [text('$1', 'x', content)] })?.messages[0]?.mentioned).toBe(expected);
	});

	test.each([[undefined], [-1], [Number.MAX_VALUE], [now.getTime() + 9e9], ['yesterday']])(
		'replace the timestamp %s',
		time => {
			expect(sync({ events: [text('$1', 'x', {}, { origin_server_ts: time })] })?.messages[0]?.at).toEqual(now);
		},
	);
});

describe('rooms', () => {
	test('take the latest state from state and timeline', () => {
		const state = (type: string, content: Json, more: Json = {}) =>
			event('$s', content, { type, state_key: '', ...more });
		const news = sync(
			{
				events: [
					state('m.room.power_levels', { users: { [alice]: 50 } }),
					state('m.room.join_rules', { join_rule: 'public' }),
					state('m.room.tombstone', { replacement_room: '!new' }),
					state('m.room.power_levels', { hidden: true }, { state_key: 'other' }),
				],
			},
			{
				state: {
					events: [
						state('m.room.create', { room_version: '12' }),
						state('m.room.power_levels', { users: {} }),
						state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
						state('m.room.history_visibility', { history_visibility: 'shared' }),
					],
				},
			},
		);
		expect(news?.state).toEqual({
			create: { sender: alice, content: { room_version: '12' } },
			power: { users: { [alice]: 50 } },
			encryption: { algorithm: 'm.megolm.v1.aes-sha2' },
			joinRule: 'public',
			visibility: 'shared',
			tombstone: { sender: alice, replacement: '!new' },
		});
	});

	test('turn a limited timeline into a gap that starts after the last event of any kind', () => {
		const member = event('$2', { membership: 'join' }, { type: 'm.room.member', state_key: alice });
		const events = [text('$1', 'x'), member];
		expect(sync({ events, limited: true, prev_batch: 'p' })).toMatchObject({ gap: 'p', last: { event: '$2' } });
		expect(sync({ events, limited: false, prev_batch: 'p' })).not.toHaveProperty('gap');
		expect(sync({ events: [] })).not.toHaveProperty('last');
	});

	test('read redactions from old and new room versions', () => {
		const old = event('$1', {}, { type: 'm.room.redaction', redacts: '$a' });
		const fresh = event('$2', { redacts: '$b' }, { type: 'm.room.redaction' });
		expect(sync({ events: [old, fresh] })?.redacted).toEqual(['$a', '$b']);
	});

	test('name who sent an invitation, and list rooms we left', () => {
		const invite = { type: 'm.room.member', sender: alice, state_key: self, content: { membership: 'invite' } };
		const other = { ...invite, state_key: '@someone:else' };
		const raw = {
			next_batch: 't',
			rooms: {
				invite: {
					[room]: { invite_state: { events: [other, invite] } },
					'!b:x': { invite_state: { events: [other] } },
					'!c:x': {},
				},
				leave: { '!d:x': {} },
			},
		};
		expect(batchOf(raw, self, now)).toMatchObject({ invited: [{ room, inviter: alice }], left: [{ room: '!d:x' }] });
	});

	test.each([[null], [undefined], ['x'], [[]], [{}], [{ next_batch: 5 }]])('reject %j as a sync', raw => {
		expect(batchOf(raw, self, now)).toBeUndefined();
	});

	test.each([
		[{ join: { [room]: null } }],
		[{ join: { [room]: { timeline: { events: [null, 5, 'x', {}, { type: 'm.room.message' }] } } } }],
		[{ join: { [room]: { timeline: 5, state: [], summary: 'x' } }, invite: [], leave: 'x' }],
		[{ join: { [room]: { state: { events: [{ type: 'm.room.create', sender: 'x', state_key: '' }] } } } }],
	])('read %j without throwing', rooms => {
		expect(batchOf({ next_batch: 't', rooms }, self, now)?.token).toBe('t');
	});
});

describe('pages of history', () => {
	const until = { event: '$u', at: new Date(at) };
	const page = (chunk: Json[], more: Json = { end: 'next' }, to: typeof until | 'entrance' = until) =>
		pageOf({ chunk, ...more }, room, self, to === 'entrance' ? undefined : to, now);
	const entrance = (more: Json = {}) =>
		event('$j', { membership: 'join' }, { type: 'm.room.member', state_key: self, sender: self, ...more });

	test('continue up to the event, newest first', () => {
		expect(page([text('$3', 'c'), text('$2', 'b')])).toMatchObject({
			messages: [{ event: '$3' }, { event: '$2' }],
			next: 'next',
		});
		expect(page([text('$3', 'c'), text('$u', 'u'), text('$1', 'a')])).toEqual({
			messages: [expect.objectContaining({ event: '$3' })],
			unreadable: [],
		});
	});

	test('end at our join, but not at our name changes', () => {
		const renamed = entrance({ unsigned: { prev_content: { membership: 'join' } } });
		const came = entrance({ unsigned: { prev_content: { membership: 'invite' } } });
		expect(page([text('$3', 'c'), renamed, text('$2', 'b'), came, text('$1', 'a')], {}, 'entrance')).toEqual({
			messages: [expect.objectContaining({ event: '$3' }), expect.objectContaining({ event: '$2' })],
			unreadable: [],
		});
		expect(page([entrance()], { end: 'next' }, 'entrance')).toEqual({ messages: [], unreadable: [] });
	});

	test('end at the start of the room, and a day before the requested event', () => {
		expect(page([text('$3', 'c')], {})).not.toHaveProperty('next');
		const old = { origin_server_ts: at - 25 * 3600_000 };
		expect(page([text('$3', 'c', {}, old)])).not.toHaveProperty('next');
		expect(page([text('$4', 'd'), text('$3', 'c', {}, old)])).toHaveProperty('next');
		expect(page([text('$3', 'c', {}, old)], { end: 'next' }, 'entrance')).toHaveProperty('next');
		expect(page([])).toHaveProperty('next');
	});

	test.each([[null], [{}], [{ chunk: 'x' }]])('reject %j as a page', raw => {
		expect(pageOf(raw, room, self, until, now)).toBeUndefined();
	});
});

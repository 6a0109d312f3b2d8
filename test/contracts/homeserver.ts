// What every homeserver edge must keep: one suite, run on the played one and on a real Synapse.
import { expect, test } from 'vitest';
import type { Homeserver, Outcome } from '../../src/ports/homeserver.ts';

/** The bot's edge, and a person who acts on the same homeserver. */
export type Scene = {
	homeserver: Homeserver;
	/** The person makes a room; the bot is invited to it unless told otherwise. */
	createRoom: (options?: { invite: boolean }) => Promise<string>;
	say: (room: string, body: string) => Promise<string>;
};

function got<T>(outcome: Outcome<T>): T {
	if ('failure' in outcome) throw new Error(JSON.stringify(outcome.failure));
	return outcome.value;
}

export function homeserverContract(open: () => Promise<Scene>): void {
	const message = (said: string) => ({
		type: 'm.room.message',
		content: { msgtype: 'm.notice', body: said, 'io.glia.said': said },
	});

	async function joined(): Promise<Scene & { room: string }> {
		const scene = await open();
		const room = await scene.createRoom();
		got(await scene.homeserver.join(room, []));
		return { ...scene, room };
	}

	test('the same transaction makes one event, another makes another', async () => {
		const { homeserver, room } = await joined();
		const first = got(await homeserver.send(room, 'one', message('one')));
		expect(got(await homeserver.send(room, 'one', message('one')))).toBe(first);
		expect(got(await homeserver.send(room, 'two', message('two')))).not.toBe(first);
	});

	test('what we said is found by our own id, unless it is older than asked', async () => {
		const { homeserver, room } = await joined();
		const event = got(await homeserver.send(room, 'x', message('found')));
		for (let i = 0; i < 3; i++) await homeserver.send(room, `more ${i}`, message(`more ${i}`));
		expect(got(await homeserver.find(room, 'found', new Date(0)))).toBe(event);
		expect(got(await homeserver.find(room, 'never said', new Date(0)))).toBeUndefined();
	});

	test('a sync brings what others say after it, and not what we say', async () => {
		const { homeserver, room, say } = await joined();
		const { token } = got(await homeserver.sync(undefined));
		await homeserver.send(room, 'mine', message('mine'));
		const event = await say(room, '!help');
		const batch = got(await homeserver.sync(token));
		const news = batch.joined.find(one => one.room === room);
		expect(news?.messages).toMatchObject([{ event, room, body: '!help', mentioned: false }]);
		expect(news?.last?.event).toBe(event);
		expect(batch.token).not.toBe(token);
	});

	test('an invitation names who invited', async () => {
		const { homeserver, createRoom } = await open();
		const room = await createRoom();
		const { invited } = got(await homeserver.sync(undefined));
		expect(invited.find(one => one.room === room)?.inviter).toMatch(/^@.+:/);
	});

	test('the past is read backwards, in pages, until an event or the moment when we came', async () => {
		const scene = await open();
		const { homeserver, say } = scene;
		const room = await scene.createRoom();
		await say(room, 'before we came');
		got(await homeserver.join(room, []));
		const events: string[] = [];
		for (let i = 0; i < 120; i++) events.push(await say(room, `said ${i}`));
		const { token } = got(await homeserver.sync(undefined));
		expect(await read(homeserver, room, token)).toEqual(events.toReversed());
		const until = { event: events[10] ?? '', at: new Date(0) };
		expect(await read(homeserver, room, token, until)).toEqual(events.slice(11).toReversed());
	}, 60_000);

	async function read(homeserver: Homeserver, room: string, token: string, until?: { event: string; at: Date }) {
		const found: string[] = [];
		let pages = 0;
		for (let from: string | undefined = token; from !== undefined; pages++) {
			const page: { messages: { event: string }[]; next?: string } = got(await homeserver.history(room, from, until));
			found.push(...page.messages.map(({ event }) => event));
			from = page.next;
		}
		expect(pages).toBeGreaterThan(1);
		return found;
	}

	test('where we are not, everything is refused', async () => {
		const { homeserver, createRoom } = await open();
		const room = await createRoom({ invite: false });
		for (const outcome of [
			await homeserver.join(room, []),
			await homeserver.send(room, 'x', message('x')),
			await homeserver.history(room, got(await homeserver.sync(undefined)).token),
			await homeserver.find(room, 'x', new Date(0)),
			await homeserver.predecessor(room),
			await homeserver.leave(room),
		]) {
			expect(outcome).toMatchObject({ failure: { kind: 'refused', code: expect.stringMatching(/^M_/) } });
		}
	});

	test('left and forgotten; an invitation is refused in the same way', async () => {
		const { homeserver, room, createRoom } = await joined();
		got(await homeserver.leave(room, 'enough'));
		got(await homeserver.forget(room));
		expect(await homeserver.send(room, 'x', message('x'))).toMatchObject({ failure: { kind: 'refused' } });
		const other = await createRoom();
		got(await homeserver.leave(other, 'not allowed'));
		expect(await homeserver.join(other, [])).toMatchObject({ failure: { kind: 'refused' } });
	});

	test('an ordinary room replaces none', async () => {
		const { homeserver, room } = await joined();
		expect(await homeserver.predecessor(room)).toEqual({ value: undefined });
	});

	test('who is in a room; outside of it, nobody that we hear of', async () => {
		const { homeserver, room, createRoom } = await joined();
		expect(await homeserver.membership(room, homeserver.user)).toEqual({ value: 'join' });
		expect(await homeserver.membership(room, '@nobody:example.org')).toEqual({ value: 'leave' });
		expect(await homeserver.joined()).toEqual({ value: [room] });
		const invited = await createRoom();
		expect(await homeserver.membership(invited, homeserver.user)).not.toEqual({ value: 'join' });
		got(await homeserver.leave(room));
		expect(await homeserver.membership(room, homeserver.user)).toEqual({ value: 'leave' });
		expect(await homeserver.joined()).toEqual({ value: [] });
	});

	test('an invitation tells what the room replaces: none', async () => {
		const { homeserver, createRoom } = await open();
		const room = await createRoom();
		const { invited } = got(await homeserver.sync(undefined));
		expect(invited.find(one => one.room === room)?.predecessor).toBeNull();
	});

	test('a file becomes the content of a message', async () => {
		const { homeserver, room } = await joined();
		const content = got(await homeserver.upload(room, { name: 'a.md', type: 'text/markdown', text: 'ä' }));
		expect(content).toMatchObject({
			msgtype: 'm.file',
			body: 'a.md',
			url: expect.stringMatching(/^mxc:/),
			'm.mentions': {},
		});
	});
}

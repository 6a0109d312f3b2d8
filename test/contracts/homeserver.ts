// The contract of every homeserver edge: one suite, run on the simulated homeserver and on a real Synapse.
import { expect, test } from 'vitest';
import { sealFile } from '../../src/edges/matrix/encryption.ts';
import type { Content, Homeserver, Incoming, Outcome, SentFile } from '../../src/ports/homeserver.ts';

/** The bot's edge, and what a person can do on the same homeserver. */
export type Scene = {
	homeserver: Homeserver;
	/** The person creates a room; by default the bot is invited to it. */
	createRoom: (options?: { invite: boolean }) => Promise<string>;
	say: (room: string, body: string) => Promise<string>;
	/** The person sends any event, by default a message. */
	send: (room: string, content: Content, type?: string) => Promise<string>;
	redact: (room: string, event: string) => Promise<void>;
	/** The person uploads a file. Resolves with its `mxc:` URL. */
	put: (bytes: Uint8Array) => Promise<string>;
	/** The person's user ID. */
	person: string;
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

	test('creates one event per transaction', async () => {
		const { homeserver, room } = await joined();
		const first = got(await homeserver.send(room, 'one', message('one')));
		expect(got(await homeserver.send(room, 'one', message('one')))).toBe(first);
		expect(got(await homeserver.send(room, 'two', message('two')))).not.toBe(first);
	});

	test('finds what the bot said by our own ID, and not what it never said', async () => {
		const { homeserver, room } = await joined();
		const event = got(await homeserver.send(room, 'x', message('found')));
		for (let i = 0; i < 3; i++) await homeserver.send(room, `more ${i}`, message(`more ${i}`));
		expect(got(await homeserver.find(room, { said: 'found', since: new Date(0) }))).toBe(event);
		expect(got(await homeserver.find(room, { said: 'never said', since: new Date(0) }))).toBeUndefined();
	});

	test("knows from the bot's replies what it replied to", async () => {
		const { homeserver, room, say } = await joined();
		const [asked, other] = [await say(room, '!help'), await say(room, '!status')];
		const { content } = message('reply');
		const reply = { ...content, 'm.relates_to': { 'm.in_reply_to': { event_id: asked } } };
		got(await homeserver.send(room, 'reply', { type: 'm.room.message', content: reply }));
		const replied = got(await homeserver.replied(room, new Date(0)));
		expect([replied.has(asked), replied.has(other)]).toEqual([true, false]);
	});

	test("syncs what others say after the token, and none of the bot's own messages", async () => {
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

	test('says who sent an invitation', async () => {
		const { homeserver, createRoom } = await open();
		const room = await createRoom();
		const { invited } = got(await homeserver.sync(undefined));
		expect(invited.find(one => one.room === room)?.inviter).toMatch(/^@.+:/);
	});

	test('reads the past backwards, in pages, up to an event or our join', async () => {
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

	test('refuses everything in rooms that we are not in', async () => {
		const { homeserver, createRoom } = await open();
		const room = await createRoom({ invite: false });
		for (const outcome of [
			await homeserver.join(room, []),
			await homeserver.send(room, 'x', message('x')),
			await homeserver.history(room, got(await homeserver.sync(undefined)).token),
			await homeserver.find(room, { said: 'x', since: new Date(0) }),
			await homeserver.predecessor(room),
			await homeserver.leave(room),
		]) {
			expect(outcome).toMatchObject({ failure: { kind: 'refused', code: expect.stringMatching(/^M_/) } });
		}
	});

	test('leaves and forgets a room, and rejects an invitation in the same way', async () => {
		const { homeserver, room, createRoom } = await joined();
		got(await homeserver.leave(room, 'enough'));
		got(await homeserver.forget(room));
		expect(await homeserver.send(room, 'x', message('x'))).toMatchObject({ failure: { kind: 'refused' } });
		const other = await createRoom();
		got(await homeserver.leave(other, 'not allowed'));
		expect(await homeserver.join(other, [])).toMatchObject({ failure: { kind: 'refused' } });
	});

	test('says that an ordinary room replaces no other', async () => {
		const { homeserver, room } = await joined();
		expect(await homeserver.predecessor(room)).toEqual({ value: undefined });
	});

	test('lists the members of our rooms only', async () => {
		const { homeserver, room, createRoom } = await joined();
		expect(await homeserver.membership(room, homeserver.user)).toEqual({ value: 'join' });
		expect(await homeserver.membership(room, '@nobody:example.org')).toEqual({ value: 'leave' });
		expect(await homeserver.people(room)).toEqual({ value: 2 });
		expect(await homeserver.joined()).toEqual({ value: [room] });
		const invited = await createRoom();
		expect(await homeserver.membership(invited, homeserver.user)).not.toEqual({ value: 'join' });
		got(await homeserver.leave(room));
		expect(await homeserver.people(room)).toMatchObject({ failure: { kind: 'refused' } });
		expect(await homeserver.membership(room, homeserver.user)).toEqual({ value: 'leave' });
		expect(await homeserver.joined()).toEqual({ value: [] });
	});

	test("says that an invitation's room replaces no other", async () => {
		const { homeserver, createRoom } = await open();
		const room = await createRoom();
		const { invited } = got(await homeserver.sync(undefined));
		expect(invited.find(one => one.room === room)?.predecessor).toBeNull();
	});

	test('uploads a file as the content of a message', async () => {
		const { homeserver, room } = await joined();
		const content = got(await homeserver.upload(room, { name: 'a.md', type: 'text/markdown', text: 'ä' }));
		expect(content).toMatchObject({
			msgtype: 'm.file',
			body: 'a.md',
			url: expect.stringMatching(/^mxc:/),
			'm.mentions': {},
		});
	});

	/** What the bot receives of the event that `send` creates. */
	async function heard({ homeserver }: Scene, room: string, send: () => Promise<string>): Promise<Incoming> {
		const { token } = got(await homeserver.sync(undefined));
		const event = await send();
		const { joined } = got(await homeserver.sync(token));
		const message = joined.flatMap(news => (news.room === room ? news.messages : [])).find(one => one.event === event);
		if (!message) throw new Error('the sync does not contain the event');
		return message;
	}

	const text = (body: string, more: Content = {}) => ({ msgtype: 'm.text', body, 'm.mentions': {}, ...more });
	const edit = (event: string, body: string) =>
		text(`* ${body}`, {
			'm.new_content': text(body),
			'm.relates_to': { rel_type: 'm.replace', event_id: event },
		});

	test('reads a message again as it arrived, until it is redacted', async () => {
		const scene = await joined();
		const { homeserver, room } = scene;
		const said = await heard(scene, room, () => scene.send(room, text('!why first\nsecond')));
		expect(got(await homeserver.again(room, said.event))).toEqual(said);
		await scene.send(room, edit(said.event, '!why other'));
		expect(got(await homeserver.again(room, said.event))).toEqual(said);
		await scene.redact(room, said.event);
		expect(got(await homeserver.again(room, said.event))).toBeUndefined();
		expect(await homeserver.again(room, '$nothing:example.org')).toMatchObject({ failure: { kind: 'refused' } });
	});

	test('reads what a message refers to: texts with their latest edit, files, our own messages, and others', async () => {
		const { homeserver, room, send, redact, person } = await joined();
		const quoted = async (event: string) => got(await homeserver.quoted(room, event));
		const said = await send(room, text('first'));
		expect(await quoted(said)).toMatchObject({ event: said, sender: person, is: 'text', text: 'first' });
		await send(room, edit(said, 'second'));
		const newest = await send(room, edit(said, 'third'));
		expect(await quoted(said)).toMatchObject({ event: said, is: 'text', text: 'third' });
		expect(await quoted(newest)).toMatchObject({ is: 'text', text: 'third' });
		const thread = { 'm.relates_to': { rel_type: 'm.thread', event_id: said } };
		const file = {
			msgtype: 'm.file',
			body: 'a log',
			filename: 'a.log',
			url: 'mxc://example.org/abc',
			info: { size: 7 },
		};
		expect(await quoted(await send(room, { ...file, ...thread }))).toMatchObject({
			is: 'file',
			thread: said,
			caption: 'a log',
			file: { name: 'a.log', is: 'file', url: 'mxc://example.org/abc', size: 7 },
		});
		expect(await quoted(await send(room, { ...text('x'), msgtype: 'm.location' }))).toMatchObject({ is: 'other' });
		expect(await quoted(await send(room, { ciphertext: 'x' }, 'm.room.encrypted'))).toMatchObject({ is: 'unreadable' });
		const ours = got(await homeserver.send(room, 'ours', message('ours')));
		expect(await quoted(ours)).toMatchObject({ sender: homeserver.user, is: 'text', text: 'ours' });
		await redact(room, newest);
		await redact(room, said);
		expect(await quoted(said)).toMatchObject({ is: 'redacted' });
		expect(await homeserver.quoted(room, '$nothing:example.org')).toMatchObject({ failure: { kind: 'refused' } });
	});

	test('ignores edits by anyone but the author', async () => {
		const { homeserver, room, send } = await joined();
		const said = await send(room, text('first'));
		got(await homeserver.send(room, 'edit', { type: 'm.room.message', content: edit(said, 'forged') }));
		expect(got(await homeserver.quoted(room, said))).toMatchObject({ is: 'text', text: 'first' });
	});

	test('lists in order what one person sent before and after an event', async () => {
		const { homeserver, room, send, say, person } = await joined();
		await say(room, 'one');
		got(await homeserver.send(room, 'ours', message('ours')));
		const two = await say(room, 'two');
		const middle = await say(room, 'middle');
		await send(room, edit(two, 'edited'));
		await send(room, { 'm.relates_to': { rel_type: 'm.annotation', event_id: two, key: '👍' } }, 'm.reaction');
		await say(room, 'three');
		const { before, after } = got(await homeserver.around(room, middle, person));
		const texts = (quoted: typeof before) => quoted.map(one => (one.is === 'text' ? one.text : one.is));
		expect(texts(before).slice(-2)).toEqual(['one', 'edited']);
		expect(texts(after)).toEqual(['three']);
		for (let i = 0; i < 25; i++) await say(room, `more ${i}`);
		// An edit may count as an event of its own.
		const more = got(await homeserver.around(room, middle, person)).after.length;
		expect([19, 20]).toContain(more);
	}, 60_000);

	test('downloads a file up to a size, and an encrypted one only if it matches its event', async () => {
		const scene = await joined();
		const { homeserver, room } = scene;
		const bytes = Buffer.from('ERROR: nothing works, ä');
		const sent = async (content: Content): Promise<SentFile> => {
			const { file } = await heard(scene, room, () =>
				scene.send(room, { msgtype: 'm.file', body: 'a.log', 'm.mentions': {}, ...content }),
			);
			if (!file) throw new Error('the message has no file');
			return file;
		};
		const plain = await sent({ url: await scene.put(bytes), info: { size: bytes.length } });
		const contentOf = (fetched: Awaited<ReturnType<Homeserver['fetch']>>) => {
			const value = got(fetched);
			return typeof value === 'string' ? value : Buffer.from(value.bytes).toString();
		};
		expect(contentOf(await homeserver.fetch(plain, 100))).toBe(bytes.toString());
		expect(contentOf(await homeserver.fetch(plain, bytes.length - 1))).toBe('too large');
		expect(contentOf(await homeserver.fetch({ ...plain, size: 1 }, bytes.length - 1))).toBe('too large');
		const sealed = sealFile(bytes);
		const url = await scene.put(sealed.bytes);
		const secret = await sent({ file: { ...sealed.info, url } });
		expect(contentOf(await homeserver.fetch(secret, 100))).toBe(bytes.toString());
		const { bytes: other } = sealFile(bytes);
		expect(contentOf(await homeserver.fetch({ ...secret, url: await scene.put(other) }, 100))).toBe('forged');
		for (const key of [{}, { ...sealed.info, iv: 'AA' }, { ...sealed.info, hashes: {} }, { ...sealed.info, v: 'v1' }])
			expect(contentOf(await homeserver.fetch({ ...secret, key }, 100))).toBe('forged');
		const gone = { ...plain, url: `${plain.url?.slice(0, -8)}nothing1` };
		expect(await homeserver.fetch(gone, 100)).toMatchObject({ failure: { kind: 'refused', code: 'M_NOT_FOUND' } });
	});
}

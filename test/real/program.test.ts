// The single-file program with a real Synapse: unencrypted and encrypted conversations, restarts, and newer knowledge
// that is loaded while a thousand commands are answered.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { openOwnEdition } from '../../src/app/own-edition.ts';
import { bundleText, horizonOf } from '../../src/knowledge/bundle.ts';
import { bundledFiles } from '../../tools/bundle/files.ts';
import { openAuthority } from '../edges/web/authority.ts';
import { buildProgram } from '../program.ts';
import { openPublisher } from '../published.ts';
import { answerTo as answers, repliesTo, roomWith } from './answers.ts';
import { type Bot, makeBot } from './bot.ts';
import { type Person, person } from './person.ts';
import { answerTo, secretPerson } from './secret-person.ts';
import { patiently } from './siege.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 900_000, hookTimeout: 600_000 });

const address = '127.0.0.2';
const folder = mkdtempSync(join(tmpdir(), 'glia-program-'));
const publisher = openPublisher();
let home: Homeserver;
let program: string;
let server: Server;
/** What the publisher's server has, by path. A bundle is held back until `released` resolves. */
const pages = new Map<string, string>();
let released = Promise.withResolvers<void>();

beforeAll(async () => {
	home = await sharedSynapse();
	program = process.env.GLIA_TEST_PROGRAM ?? buildProgram(folder);
	const authority = openAuthority();
	writeFileSync(join(folder, 'authority.pem'), authority.certificate);
	server = createServer(authority.issue([address]), async (request, response) => {
		const page = pages.get(request.url ?? '');
		if (page !== undefined && request.url === '/knowledge.json') await released.promise;
		response.writeHead(page === undefined ? 404 : 200).end(page);
	});
	server.listen(0, address);
	await once(server, 'listening');
});

afterAll(async () => {
	server?.closeAllConnections();
	server?.close();
	rmSync(folder, { recursive: true, force: true });
});

async function botWith(more: Record<string, unknown> = {}): Promise<Bot> {
	const bot = await makeBot(home, { program });
	const config = JSON.parse(readFileSync(bot.configPath, 'utf8')) as Record<string, unknown>;
	writeFileSync(bot.configPath, JSON.stringify({ ...config, ...more }));
	return bot;
}

const updates = () => ({
	knowledge: {
		updates: {
			address: `https://${address}:${(server.address() as AddressInfo).port}/knowledge.json`,
			key: publisher.key,
		},
	},
	watch: { addresses: [`${address}/32`], authorities: [join(folder, 'authority.pem')] },
});

/** Publishes the knowledge of the checkout as of a day later, with another title for a note. */
async function publish(title: string): Promise<{ read: string; before: string; former: string }> {
	const own = await openOwnEdition();
	const before = own.knowledge.read;
	const read = new Date(Date.parse(before) + 24 * 3600_000).toISOString().slice(0, 10);
	const files = bundledFiles(new URL('../../knowledge/', import.meta.url));
	const change = (name: string, from: string, to: string) => files.set(name, (files.get(name) ?? '').replace(from, to));
	const former = own.knowledge.notes.find(({ release }) => release === '1.66.0')?.title ?? '';
	change('synapse/releases.json', `"read": "${before}"`, `"read": "${read}"`);
	change('synapse/notes/1.66.0.yaml', former, title);
	const text = bundleText({
		author: 'The pigeon fanciers',
		made: `${new Date().toISOString().slice(0, 19)}Z`,
		horizon: { ...horizonOf(own.knowledge), read },
		glia: packageJson.version,
		files,
	});
	pages.set('/knowledge.json', text);
	pages.set('/knowledge.json.sig', publisher.sign(text));
	return { read, before, former };
}

test('answers in an unencrypted and an encrypted room, even after a restart', async () => {
	const bot = await botWith();
	const alice = await person(home, 'alice');
	const bob = await secretPerson(home, 'bob');
	try {
		await bot.start();
		const room = await roomWith(bot, alice, {}, 120_000);
		const secret = await bob.createRoom([bot.userId]);
		await bob.waitFor(event => event.room_id === secret && /Hello, I am/.test(event.content.body ?? ''));
		for (const start of ['first', 'second']) {
			const asked = await alice.say(room, '!upgrade 1.56 1.69');
			const { content } = await alice.waitFor(answers(asked, bot.userId), 120_000);
			expect(content.body, start).toContain('1.56.0 → 1.69.0');
			const hidden = await bob.say(secret, '!notes 1.66');
			expect((await bob.waitFor(answerTo(hidden))).content.body, start).toContain('1.66.0');
			if (start === 'first') {
				expect(await bot.stop()).toBe(0);
				await bot.start();
			}
		}
		expect(bob.failed).toEqual([]);
		const wire = (await bob.plain.messagesOf(secret)).filter(
			({ sender, state_key }) => sender === bot.userId && state_key === undefined,
		);
		expect(new Set(wire.map(({ type }) => type))).toEqual(new Set(['m.room.encrypted']));
	} finally {
		await bob.stop();
		await bot.remove();
	}
});

test('loads newer knowledge while answering a thousand commands, and keeps it after a restart', async () => {
	const title = 'Published for this test';
	const { read, before, former } = await publish(title);
	const bot = await botWith(updates());
	const published = new Map(pages);
	try {
		released.resolve();
		pages.clear();
		await bot.start();
		const people = await Promise.all(Array.from({ length: 8 }, (_, i) => person(home, `asker${i}`)));
		const rooms = await Promise.all(people.map(one => roomWith(bot, one, {}, 180_000)));
		// The bot checks at startup, and a document may take a minute at most, so start it when everyone is ready to ask.
		await bot.stop();
		for (const [path, page] of published) pages.set(path, page);
		released = Promise.withResolvers<void>();
		await bot.start();
		let said = 0;
		const asks = people.map(async (one, i) => {
			const asked: string[] = [];
			for (let n = 0; n < 125; n++) {
				// Two commands in one message, whose answers both show their edition.
				asked.push(await patiently(() => one.say(rooms[i] ?? '', '!notes 1.66\n!status')));
				if (++said === 60) released.resolve();
				// The bot refuses a person who has more than a hundred answers waiting.
				if (n % 40 === 39) await one.waitFor(answers(asked[n - 30] ?? '', bot.userId), 600_000);
			}
			return asked;
		});
		const asked = await Promise.all(asks);
		const found = await Promise.all(
			people.map(async (one, i) => {
				await one.waitFor(answers(asked[i]?.at(-1) ?? '', bot.userId), 600_000);
				const events = await one.messagesOf(rooms[i] ?? '');
				return events.filter(event => asked[i]?.includes(repliesTo(event) ?? '') && event.sender === bot.userId);
			}),
		);
		const bodies = found.flat().map(({ content }) => content.body ?? '');
		expect(new Set(found.flat().map(repliesTo)).size).toBe(1000);
		expect(bodies).toHaveLength(1000);
		const editions = bodies.map(body => {
			const marks = [
				[body.includes(title), body.includes(former)],
				[body.includes(`as of ${read}`), body.includes(`as of ${before}`)],
			];
			return marks.map(([isNew, isOld]) => (isNew === isOld ? 'neither' : isNew ? 'new' : 'old')).join(' ');
		});
		const tally = (which: string) => editions.filter(one => one === which).length;
		expect(new Set(editions)).toEqual(new Set(['old old', 'new new']));
		expect(tally('old old')).toBeGreaterThanOrEqual(20);
		expect(tally('new new')).toBeGreaterThanOrEqual(100);
		await stillCounts(bot, people[0], rooms[0]);
		expect(await bot.stop()).toBe(0);
		pages.clear();
		await bot.start();
		await stillCounts(bot, people[0], rooms[0]);
	} finally {
		released.resolve();
		await bot.remove();
	}

	async function stillCounts(of: Bot, reader: Person | undefined, room = ''): Promise<void> {
		const asked = (await reader?.say(room, '!status')) ?? '';
		const { content } = (await reader?.waitFor(answers(asked, of.userId), 120_000)) ?? { content: { body: '' } };
		expect(content.body).toContain('curated by The pigeon fanciers');
		expect(content.body).toContain(`as of ${read}`);
	}
});

// A room on a real Synapse follows `!postgres 15 17 docker` to the end, despite a kill of the bot, an error on the way
// and a stranger who says `done`; both unencrypted and encrypted.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { guideFor } from '../../src/advice/guide/guide.ts';
import { stagesOf } from '../../src/advice/guide/session.ts';
import { type Profile, parseTerm, profileOf } from '../../src/deployment/facts.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { type Bot, makeBot } from './bot.ts';
import { type Content, type Person, person, type RoomEvent } from './person.ts';
import { type SecretPerson, secretPerson } from './secret-person.ts';
import { type Homeserver, sharedSynapse } from './synapse.ts';

vi.setConfig({ testTimeout: 300_000 });

let home: Homeserver;
let bot: Bot;
const secret: SecretPerson[] = [];

beforeAll(async () => {
	home = await sharedSynapse();
	bot = await makeBot(home, { script: [join(import.meta.dirname, 'bot-process.ts'), 'all'] });
	await bot.start();
}, 240_000);

afterAll(async () => {
	await bot?.remove();
	for (const one of secret) await one.stop();
});

type Speaker = Pick<Person, 'userId' | 'say' | 'waitFor'>;

async function people(encrypted: boolean) {
	const names = ['alice', 'bob'];
	if (!encrypted) {
		const [alice, bob] = await Promise.all(names.map(name => person(home, name)));
		if (!alice || !bob) throw new Error('a person is missing');
		return { alice, bob, plain: { alice, bob } };
	}
	const [alice, bob] = [await secretPerson(home, 'alice'), await secretPerson(home, 'bob')];
	secret.push(alice, bob);
	return { alice, bob, plain: { alice: alice.plain, bob: bob.plain } };
}

/** What the guide says for this deployment, computed here from the knowledge. */
async function guided() {
	const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
	const guide = knowledge.guides.find(({ id }) => id === 'postgres-major');
	const docker = parseTerm('docker');
	if (!guide || !docker) throw new Error('no guide');
	const profile = profileOf([docker]) as Profile;
	return guideFor(
		guide,
		{
			stated: new Map([
				['from', '15'],
				['to', '17'],
			]),
			profile,
		},
		[],
	);
}

const answerTo = (eventId: string) => (event: RoomEvent) =>
	event.sender === bot.userId && event.content['m.relates_to']?.['m.in_reply_to']?.event_id === eventId;

describe.each(['open', 'encrypted'])('in an %s room', how => {
	test('runs a guide from start to end', async () => {
		const { alice, bob, plain } = await people(how === 'encrypted');
		const room = await plain.alice.createRoom({ encrypted: how === 'encrypted', invite: [bot.userId, bob.userId] });
		await plain.bob.join(room);
		await alice.waitFor(event => event.room_id === room && /Hello, I am/.test(event.content.body ?? ''), 60_000);
		const all = stagesOf(await guided());
		const gate = all.findIndex(({ noReturn }) => noReturn !== undefined);
		expect(gate).toBeGreaterThan(4);

		const asked = await alice.say(room, '!postgres 15 17 docker start');
		const plan = await alice.waitFor(answerTo(asked), 60_000);
		const inThread = (replyTo = plan.event_id): Content => ({
			'm.relates_to': {
				rel_type: 'm.thread',
				event_id: plan.event_id,
				is_falling_back: true,
				'm.in_reply_to': { event_id: replyTo },
			},
		});
		const threaded = (event: RoomEvent) =>
			event.sender === bot.userId && event.content['m.relates_to']?.event_id === plan.event_id;
		const stageNumber = (number: number) => (event: RoomEvent) =>
			threaded(event) && (event.content.body ?? '').includes(`Stage ${number} of ${all.length}: `);
		const answered = async (who: Speaker, text: string) => {
			const said = await who.say(room, text, inThread());
			const answer = await who.waitFor(answerTo(said), 60_000);
			expect(threaded(answer), text).toBe(true);
			return answer;
		};
		const first = await alice.waitFor(stageNumber(1), 60_000);
		expect(first.content['m.relates_to']?.rel_type).toBe('m.thread');

		// With a reaction, then with a word.
		await plain.alice.react(room, first.event_id, '✅');
		await alice.waitFor(stageNumber(2), 60_000);
		expect((await answered(alice, 'Done.')).content.body).toContain(`Stage 3 of ${all.length}`);

		// A stranger is refused once, then ignored like any other conversation.
		expect((await answered(bob, 'done')).content.body).toContain('power level');
		await bob.say(room, 'done', inThread());
		await bob.say(room, 'I think it is done', inThread());

		// The bot is killed, and only starts again after the next word.
		await bot.kill();
		const missed = await alice.say(room, 'done', inThread());
		const early = await alice.say(room, 'done', inThread());
		await bot.start();
		expect((await alice.waitFor(answerTo(missed), 60_000)).content.body).toContain(`Stage 4 of ${all.length}`);
		expect((await alice.waitFor(answerTo(early), 60_000)).content.body).toContain('before I showed stage 4');

		// An error that belongs to another stage than the current one.
		const [failure] = all.slice(4).flatMap(({ failures }) => failures);
		if (!failure) throw new Error('no known failure');
		const error = `psql:dump.sql:17: ${failure.text.replaceAll('…', '"x"')}`;
		expect((await answered(bob, `\`\`\`\n${error}\n\`\`\``)).content.body).toContain(failure.cure.slice(0, 12));

		// Each stage is one message, and other messages get no answer.
		for (let number = 5; number <= gate; number++)
			expect((await answered(alice, 'done')).content.body).toContain(`Stage ${number} of ${all.length}`);
		const warned = await answered(alice, 'done');
		expect(warned.content.body).toContain('Point of no return');
		expect(warned.content.body).not.toContain(`Stage ${gate + 1} of`);
		await bot.kill();
		await bot.start();
		for (let number = gate + 1; number <= all.length; number++)
			expect((await answered(alice, 'done')).content.body).toContain(`Stage ${number} of ${all.length}`);
		const end = await answered(alice, 'done');
		expect(end.content.body).toContain('That was the last stage');
		expect(end.content.body).toContain('All of them are done.');

		const path = `/_matrix/client/v1/rooms/${encodeURIComponent(room)}/relations/${encodeURIComponent(plan.event_id)}/m.thread?limit=100`;
		const { chunk } = await plain.alice.request<{ chunk: RoomEvent[] }>('GET', path);
		// The stages, the gate, the end, the refusal, the error and the premature word, and nothing twice.
		expect(chunk.filter(({ sender }) => sender === bot.userId)).toHaveLength(all.length + 1 + 1 + 3);
	});
});

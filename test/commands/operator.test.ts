// !operator: what it answers in the operator's room, and that it answers nowhere else.
import { expect, test } from 'vitest';
import { operator } from '../../commands/operator.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import { Refusal } from '../../src/answer.ts';
import { callsIn } from '../../src/bot/calls.ts';
import { announcementWords } from '../../src/messages/operator.ts';
import type { OperatorPort } from '../../src/ports/operator.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { asked } from '../asked.ts';

const now = new Date('2026-11-29T12:00:00Z');
const done: unknown[] = [];
const port: OperatorPort = {
	room: async () => '!room',
	allow: () => ['@a:x', 'example.org'],
	rooms: async () => [
		{ room: '!room', since: now, encrypted: true, watches: 0 },
		{ room: '!b:x', inviter: '@b:x', since: now, encrypted: false, watches: 2 },
		{ room: '!old:x', since: now, encrypted: false, watches: 0, replacedBy: '!b:x' },
	],
	waiting: async () => ({
		inbox: 1,
		outbox: 12,
		oldest: [
			{ room: '!b:x', since: new Date(now.getTime() - 3600_000), tries: 3, next: new Date(now.getTime() + 60_000) },
		],
	}),
	async leave(room, key) {
		done.push(['leave', room, key]);
		return room === '!b:x';
	},
	async announce(text, key) {
		done.push(['announce', text, key]);
		return 1;
	},
};

const said = (text: string, given: OperatorPort | undefined = port, room = '!room') =>
	operator.run({ ...asked(text), room }, { ...(given && { operator: given }), limits: usualLimits, now: () => now });

test.each<[string, OperatorPort | undefined, string]>([
	['in another room', port, '!b:x'],
	['without a configured room', undefined, '!room'],
	['on the terminal', undefined, 'console'],
])('is refused %s', async (_what, given, room) => {
	for (const text of ['', 'rooms', 'leave !b:x', 'announce yes x']) {
		const answer = operator.run(
			{ ...asked(text), room },
			{ ...(given && { operator: given }), limits: usualLimits, now: () => now },
		);
		await expect(answer).rejects.toThrow(Refusal);
	}
	expect(done).toEqual([]);
});

test('lists rooms and who invited the bot', async () => {
	const answer = await said('rooms');
	expect(answer.lead).toBe('I am in 3 rooms.');
	expect(answer.sections[0]?.markdown).toBe(
		'* `!room` since 2026-11-29; 0 watches; encrypted\n* `!b:x` since 2026-11-29, invited by `@b:x`; 2 watches\n* `!old:x` since 2026-11-29; 0 watches; replaced by `!b:x`',
	);
	expect(answer.value.rooms).toHaveLength(3);
});

test('lists what is waiting, and what the configuration allows', async () => {
	expect((await said('waiting')).lead).toBe(
		'1 message to process, 12 to deliver.\n\n* `!b:x`: processed 1 hour ago, 3 attempts, next in 1 minute\n* and 11 more',
	);
	expect((await said('limits')).lead).toContain('* These may invite me: `@a:x` and `example.org` (`matrix.allow`)');
});

test('leaves rooms, and says which it is not in', async () => {
	done.length = 0;
	expect((await said('leave !b:x')).value).toEqual({ format: 1, left: '!b:x' });
	expect(done).toEqual([['leave', '!b:x', ['@a:x', '2026-11-29T12:00:00.000Z', 'leave !b:x']]]);
	await expect(said('leave !c:x')).rejects.toThrow('I am not in');
	await expect(said('leave')).rejects.toThrow('Which room?');
	await expect(said('leave !room')).rejects.toThrow('!leave');
});

test('asks before an announcement, and removes its markup', async () => {
	done.length = 0;
	const question = await said('announce We *move* on Sunday.');
	expect(question).toMatchObject({ value: { announced: false, rooms: 1 } });
	expect(question.confirms).toBe('!operator announce yes We *move* on Sunday.');
	expect(question.lead).toContain('> We \\*move\\* on Sunday');
	expect(done).toEqual([]);
	expect((await said('announce yes We *move* on Sunday.')).value).toMatchObject({ announced: true, rooms: 1 });
	expect(done).toMatchObject([['announce', 'We *move* on Sunday.', expect.anything()]]);
	await expect(said('announce')).rejects.toThrow('Announce what?');
	await expect(said('announce yes')).rejects.toThrow('Announce what?');
});

test('announces once if two people confirm the question', async () => {
	done.length = 0;
	for (const sender of ['@a:x', '@b:x'])
		await operator.run(
			{ ...asked('announce yes We move.'), sender, room: '!room', repliesTo: '$question' },
			{ operator: port, limits: usualLimits, now: () => now },
		);
	expect(done).toEqual(Array(2).fill(['announce', 'We move.', ['$question', 'announce yes We move.']]));
});

test('announces every line, up to 4,000 characters', async () => {
	const text = 'We move on Sunday.\n\nBackups:\n* yes';
	const question = await said(`announce ${text}`);
	expect(question.confirms).toBe(`!operator announce yes ${text}`);
	expect(matrixMessages(question).contents[0]?.formatted_body).toContain(
		'<blockquote><p>We move on Sunday.</p><p>Backups:<br />* yes</p></blockquote>',
	);
	expect(matrixMessages(announcementWords(text)).contents[0]?.formatted_body).toBe(
		'<p>From my operator: We move on Sunday.</p><p>Backups:<br />* yes</p>',
	);
	expect((await said(`announce ${'a'.repeat(4000)}`)).value.announced).toBe(false);
	expect(matrixMessages(announcementWords('&'.repeat(4000))).files).toEqual([]);
	await expect(said(`announce ${'a'.repeat(4001)}`)).rejects.toThrow('at most 4,000 characters');
});

test('is one command per line, unless it announces something', () => {
	const to = { commands: [operator], names: ['glia'], bare: true };
	const calls = (body: string) => callsIn({ body, mentioned: false }, to).map(({ text }) => text);
	expect(calls('!operator rooms\n!operator limits')).toEqual(['rooms', 'limits']);
	expect(calls('!operator announce One.\nTwo.\n!operator limits')).toEqual(['announce One.\nTwo.\n!operator limits']);
	const long = `announce yes ${'a '.repeat(3000)}`.trim();
	expect(calls(`!operator ${long}`)).toEqual([long]);
});

test('refuses an unknown word', async () => expect(said('reboot')).rejects.toThrow('I do not understand'));

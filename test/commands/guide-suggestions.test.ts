// The commands that a guide's answers suggest: each is accepted, and keeps what was said before.
import { expect, test } from 'vitest';
import { backup } from '../../commands/backup.ts';
import { migrate } from '../../commands/migrate.ts';
import { postgres } from '../../commands/postgres.ts';
import type { Guided } from '../../src/advice/guide/guide.ts';
import type { Answer } from '../../src/answer.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { asked } from '../asked.ts';
import { knownDistributions } from '../known.ts';

const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const ports = {
	knowledge,
	distributions: knownDistributions(),
	store: { watch: async () => undefined, server: async () => undefined },
	now: () => new Date('2026-11-29T12:00:00Z'),
};

async function said(typed: string): Promise<Answer> {
	const [name, ...words] = typed.split(' ');
	const command = [backup, migrate, postgres].find(one => one.name === name) ?? expect.fail(typed);
	return command.run(asked(words.join(' ')), ports as unknown as Parameters<typeof command.run>[1]);
}

/** The commands with the same name in an answer or a refusal. */
async function suggestions(typed: string): Promise<string[]> {
	const text = await said(typed).then(
		({ lead, sections }) => [lead, ...sections.map(({ markdown }) => markdown)].join('\n'),
		(error: Error) => error.message,
	);
	const [name = '', first = ''] = typed.split(' ');
	// Other commands with that name, such as the way back from an upgrade, begin with another word.
	const found = text.matchAll(new RegExp(`\`!(${name} ${first}\\b[^\`\n]*)\``, 'g'));
	return [...new Set([...found].map(([, command = '']) => command))];
}

const valuesOf = async (typed: string) => {
	const { profile, parameters } = (await said(typed)).value as Guided;
	const known = parameters.flatMap(({ name, value, by }) => (by === 'stated' ? [[name, value]] : []));
	return { ...profile, ...Object.fromEntries(known) };
};

test.each([
	'postgres 15 17 docker',
	'postgres 15 17 managed',
	'postgres 15 docker superuser=postgres',
	'postgres sqlite 17 debian',
	'backup 17 debian',
	'backup 16 mdad mas',
	'migrate mdad docker workers',
	'migrate mdad docker proxy=nginx no-email',
])('after !%s', async typed => {
	const stated = await valuesOf(typed);
	const found = await suggestions(typed);
	expect(found.length).toBeGreaterThan(0);
	for (const command of found) {
		expect(await valuesOf(command), command).toMatchObject(stated);
		expect(command).not.toMatch(/=\S*[A-Z]{3}/);
	}
});

test.each(['postgres 15 17 dbname=matrix', 'postgres 15 17 dbname=matrix size=20G', 'backup 17 login=other'])(
	'in the question where PostgreSQL runs, after !%s',
	async typed => {
		const found = await suggestions(typed);
		expect(found.length).toBeGreaterThanOrEqual(3);
		for (const command of found) expect((await said(command)).value).toBeDefined();
	},
);

// !backup: which layout, which version, and what a backup must contain.
import { describe, expect, test } from 'vitest';
import { backup } from '../../commands/backup.ts';
import { upgrade } from '../../commands/upgrade.ts';
import type { Guided } from '../../src/advice/guide/guide.ts';
import { Refusal } from '../../src/answer.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { switchWords } from '../../src/messages/switch.ts';
import { asked } from '../asked.ts';
import { knownCode, knownDistributions } from '../known.ts';

const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const at = new Date('2026-11-29T12:00:00Z');
const store = {
	watch: async (_: string, server: string) =>
		server === 'example.org'
			? { id: '1', room: 'r', server, facts: ['docker', 'postgres=15', 'mas'], changed: new Date(0) }
			: undefined,
};

async function said(typed: string) {
	const ports = { knowledge, store } as unknown as Parameters<typeof backup.run>[1];
	return backup.run({ words: typed.split(' '), room: 'r' } as unknown as Parameters<typeof backup.run>[0], ports);
}

async function guided(typed: string): Promise<Guided> {
	return (await said(typed)).value as Guided;
}

test('restores, starts an isolated Synapse, checks it and removes it, in each layout', async () => {
	for (const [typed, cutOff] of [
		['15 docker domain=example.org', '--network proof'],
		['15 mdad domain=example.org', '--network proof'],
		['17 debian domain=example.org', 'unshare --net'],
	] as const) {
		const { stages, cleanUp, ask } = await guided(typed);
		const commands = [...stages, ...cleanUp].flatMap(({ steps }) => steps.map(step => step.commands ?? '')).join('\n');
		expect(ask, typed).toEqual([]);
		expect(commands, typed).toContain(cutOff);
		for (const part of ['homeserver.yaml', 'signing.key', 'local_content', 'event_json'])
			expect(commands, typed).toContain(part);
		for (const key of ['send_federation: false', 'email: null', 'app_service_config_files: []', 'start_pushers: false'])
			expect(commands, typed).toContain(key);
		expect(cleanUp.length, typed).toBe(1);
	}
});

test('restores into the major version of a precise fact, and takes one version', async () => {
	const tag = ({ parameters }: Guided) => parameters.find(({ name }) => name === 'tag')?.value;
	expect(tag(await guided('postgres=9.6.24 docker'))).toBe('9.6-alpine');
	expect(tag(await guided('15.18 15 to=15 docker'))).toBe('15-alpine');
	await expect(said('15 15 17 docker')).rejects.toThrow('Give only the version to restore into');
});

test('uses an internal network without published ports, so that it contacts no other server', async () => {
	const commands = (await guided('15 docker')).stages.flatMap(({ steps }) => steps.map(step => step.commands ?? ''));
	expect(commands.join('\n')).toContain('docker network create --internal proof');
	expect(commands.join('\n')).not.toMatch(/docker run[^\n]*(?:\\\n[^\n]*)*\s-p\s/);
});

test('restores all databases that the playbook dumps, and does not ask MAS users for a password', async () => {
	const value = (name: string, { parameters }: Guided) => parameters.find(parameter => parameter.name === name)?.value;
	expect(value('format', await guided('16 mdad'))).toBe('all');
	expect(value('format', await guided('16 docker'))).toBe('archive');
	const mas = await guided('example.org');
	expect([mas.title, value('login', mas), value('domain', mas)]).toEqual([
		'Test a backup on PostgreSQL 15',
		'other',
		'example.org',
	]);
	expect(JSON.stringify(mas.stages)).not.toContain('read -rsp');
});

describe('refuses', () => {
	test.each([
		['docker', 'Which major version'],
		['15', 'How is it installed?'],
		['15 16 docker', 'Give only the version'],
		['99 docker', 'I do not know PostgreSQL'],
		['sqlite docker', 'integrity_check'],
		['unwatched.example 15', 'is not watching'],
	])('%s', async (typed, words) => {
		const error = await said(typed).catch((caught: unknown) => caught);
		expect(error).toBeInstanceOf(Refusal);
		expect((error as Refusal).message).toContain(words);
	});
});

test("is linked from a plan's backup, unless the guide does not support it", () => {
	const commands = {
		from: '1.0.0',
		to: '1.1.0',
		updates: [],
		space: [],
		stop: ['z'],
		back: { opens: true, restore: [] },
		backup: ['x'],
		ways: [],
		stated: true,
		workers: 'led',
		asking: ['y'],
	};
	const words = (proof?: object) => switchWords({ ...commands, ...(proof && { proof }) } as never);
	expect(words({ postgres: '15', install: 'docker' })).toContain('`!backup 15 docker` tests');
	expect(words({ install: 'debian' })).toContain('`!backup VERSION debian` tests');
	expect(words()).not.toContain('!backup');
});

test.each(['docker', 'debian', 'pip', 'mdad'])(
	'is linked from a plan for %s with the dump that it writes',
	async install => {
		const ports = {
			knowledge,
			code: knownCode(),
			distributions: knownDistributions(),
			store: openLater(),
			now: () => at,
		};
		const plan = await upgrade.run(asked(`1.140 1.163 ${install} postgres=15 all`), ports);
		const words = plan.sections.map(({ markdown }) => markdown).join('\n');
		const typed = /`!backup ([^`]+)` tests/.exec(words)?.[1] ?? '';
		const written = /synapse-1\.140\.0\.(?:dump|sql\.gz)/.exec(
			words.slice(words.indexOf(' tests that it can be restored')),
		)?.[0];
		const commands = (await guided(typed)).stages[0]?.steps.map(step => step.commands ?? '').join('\n');
		expect(written).toBeDefined();
		expect(commands).toContain(written);
	},
);

test("never points the throwaway Synapse at the live database's port", async () => {
	for (const [typed, port] of [
		['15 docker', '5432'],
		['15 debian', '5499'],
	] as const) {
		const commands = (await guided(typed)).stages.flatMap(({ steps }) => steps.map(step => step.commands ?? ''));
		const filling = commands.find(block => block.includes('s/HOST') || block.includes('s#HOST'));
		expect(filling, typed).toContain(`s/PORT/${port}/`);
		expect(commands.join('\n'), typed).toContain('port: PORT');
	}
});

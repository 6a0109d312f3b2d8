// !migrate: what it reads from the message and from the room, what it refuses, and old names of variables.
import { expect, test } from 'vitest';
import { migrate } from '../../commands/migrate.ts';
import { Refusal } from '../../src/answer.ts';
import type { Asked, Ports } from '../../src/command.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { openDistributions } from '../../src/knowledge/distributions.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const distributions = openDistributions(folder);

/** A room that watches example.org, with facts about it. */
const store = {
	watch: async (_: string, server: string) =>
		server === 'example.org'
			? { id: '1', room: 'r', server, facts: ['docker', 'postgres=15', 'workers'], changed: new Date(0) }
			: undefined,
	server: async () => undefined,
} as unknown as Ports['store'];

async function ask(said: string, more: Partial<Ports['knowledge']> = {}) {
	const asked = { words: said.split(' ').filter(Boolean), text: said, room: 'r', sender: 's', at: new Date(0) };
	return migrate.run(asked as Asked, {
		knowledge: { ...knowledge, ...more },
		distributions,
		store,
		now: () => new Date(0),
	});
}

test.each(['to mdad docker', 'Ansible docker', 'matrix-docker-ansible-deploy docker'])(
	'recognises the playbook in “%s”',
	async said => {
		expect((await ask(said)).value).toEqual((await ask('mdad docker')).value);
	},
);

type Said = { parameters: { name: string; value: string | null }[]; way: string; profile: Record<string, unknown> };

async function asked(said: string) {
	const value = (await ask(said)).value as unknown as Said;
	const of = (name: string) => value.parameters.find(parameter => parameter.name === name)?.value;
	return { ...value, of };
}

test('reads facts, parameters and a release', async () => {
	const { way, profile, of } = await asked('mdad docker postgres no-workers email proxy=nginx 1.163.2 server=external');
	expect(way).toBe('keep');
	expect(profile).toMatchObject({ install: 'docker', workers: false, email: true });
	expect([of('proxy'), of('synapse'), of('server')]).toEqual(['nginx', '1.163.2', 'external']);
	expect((await asked('mdad sqlite caddy synapse=1.160')).way).toBe('sqlite');
	expect((await asked('mdad sqlite caddy')).of('proxy')).toBe('caddy');
});

test("uses a server's name, and the facts of a watched one", async () => {
	const known = await asked('mdad example.org no-workers');
	expect(known.of('domain')).toBe('example.org');
	expect(known.profile).toMatchObject({ postgres: '15', workers: false });
	const other = await asked('mdad example.com domain=example.net');
	expect(other.of('domain')).toBe('example.net');
});

test.each([
	['', 'Where to?'],
	['ess', 'how to move to `ess`'],
	['mdad mdad', 'already runs this server'],
	['mdad debian', 'starts from the official Docker image'],
	['mdad docker synapse=1.100.0', 'too old to move'],
	['mdad 1.160 1.163', 'only the one you run now'],
	['mdad a.example b.example', 'One server at a time'],
	['mdad proxy=apache', 'is not a valid `proxy`'],
	['mdad devture_postgres_enabled workers', 'either names of variables or facts'],
	['mdad sqlite server=external way=keep', 'is not possible here'],
])('refuses “%s”: %s', async (said, why) => {
	const refusal = ask(said);
	await expect(refusal).rejects.toBeInstanceOf(Refusal);
	await expect(refusal).rejects.toThrow(why);
});

test('returns the new names of old variables, and says which are unknown', async () => {
	const { value, lead } = await ask('mdad devture_postgres_enabled: matrix_nothing_like_it');
	expect(value.variables).toMatchObject([
		{ old: 'devture_postgres_enabled', new: 'postgres_enabled', known: true },
		{ old: 'matrix_nothing_like_it', new: null, known: false },
	]);
	expect(lead).toContain('`devture_postgres_enabled` has been called `postgres_enabled` since');
});

test.each([
	// Removed by a change in the playbook, also under the name it had before.
	['jitsi_jvb_server_id', null, 'was removed without a replacement ([2026-08-06]'],
	['matrix_jitsi_jvb_rtp_tcp_port', null, 'was removed without a replacement'],
	['jitsi_jvb_container_labels_traefik_rule', null, 'was removed without a replacement'],
	// Renamed by a role in its own repository: no change in the playbook says so.
	['jitsi_web_config_start_with_audio_muted', 'jitsi_web_config_start_audio_muted_after_nth_participant', 'is now'],
	['traefik_certs_dumper_ssl_dir_path', 'traefik_certs_dumper_ssl_path', 'is now'],
	['jitsi_web_config_channelLastN', null, 'was removed without a replacement'],
	['postgres_connection_password', 'postgres_connection_password', 'is a current variable'],
])('answers %s with what the roles refuse today', async (old, now, says) => {
	const { value, lead } = await ask(`mdad ${old}`);
	expect(value.variables).toMatchObject([{ old, new: now, known: true }]);
	expect(lead).toContain(says);
});

test("compares the release with the playbook's current one at the top", async () => {
	const top = async (synapse: string) => {
		const answer = await ask(`mdad docker postgres synapse=${synapse}`, {
			playbook: { read: '2026-11-01', synapse: '1.160.0', entries: [] },
		});
		return answer.lead;
	};
	expect(await top('1.163.2')).toContain('older than yours');
	expect(await top('1.159.0')).toContain('keeps yours at 1.159.0');
	expect(await top('1.160.0')).not.toContain('The playbook installs');
});

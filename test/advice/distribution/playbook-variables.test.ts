// What happened to the playbook's variables: single names, families, chains of both, and the whole real table.
import { expect, test } from 'vitest';
import { fateOf, variableWord } from '../../../src/advice/distribution/playbook-variables.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import type { Renamed } from '../../../src/knowledge/schema/synapse.ts';
import { fateWords } from '../../../src/messages/playbook.ts';

const change = (date: string) => ({ date, url: `https://example.org/${date}` });
const table: Renamed[] = [
	{ old: 'matrix_redis_*', new: 'redis_*', change: change('2023-01-01') },
	{ old: 'redis_*', new: 'valkey_*', change: change('2025-01-01') },
	{ old: 'redis_old', new: 'valkey_young', change: change('2025-02-02') },
	{ old: 'matrix_no_tls', change: change('2019-01-01') },
	{ old: 'matrix_rate', new: 'matrix_rc', says: 'its key per_second', change: change('2020-01-01') },
	{ old: 'matrix_worker_count', new: 'matrix_workers_count' },
	{ old: 'a_*', new: 'a_*' },
];

test('follows a name through families to its current name, and prefers an entry for the name itself', () => {
	const become = (name: string) => fateOf(name, table)?.new;
	expect(become('redis_port')).toBe('valkey_port');
	expect(become('matrix_redis_port')).toBe('valkey_port');
	expect(become('redis_old')).toBe('valkey_young');
	expect(become('matrix_redis_old')).toBe('valkey_young');
	expect(fateOf('matrix_redis_port', table)?.changes.map(({ date }) => date)).toEqual(['2023-01-01', '2025-01-01']);
});

test('distinguishes names that were removed, never existed or are unknown', () => {
	expect(fateOf('matrix_no_tls', table)).toMatchObject({ never: false });
	expect(fateOf('matrix_no_tls', table)).not.toHaveProperty('new');
	expect(fateOf('matrix_worker_count', table)).toMatchObject({ never: true, new: 'matrix_workers_count' });
	expect(fateOf('valkey_port', table)).toBeUndefined();
	// A circular entry must not loop forever.
	expect(fateOf('a_b', table)).toBeUndefined();
});

test('states the old and the new name, the reason and the change', () => {
	const words = (name: string) => {
		const fate = fateOf(name, table);
		return fate && fateWords(fate);
	};
	expect(words('matrix_rate')).toBe(
		'`matrix_rate` has been called `matrix_rc` since [2020-01-01](<https://example.org/2020-01-01>) (its key per_second).',
	);
	expect(words('matrix_no_tls')).toMatch(/^`matrix_no_tls` was removed without a replacement \(/);
	expect(words('matrix_worker_count')).toBe(
		'`matrix_worker_count` was never a variable of the playbook, which silently ignores it. You probably mean `matrix_workers_count`.',
	);
});

test.each([
	['devture_postgres_enabled', 'postgres_enabled'],
	['devture_traefik_container_web_host_bind_port', 'traefik_container_web_host_bind_port'],
	['matrix_mailer_relay_host_name', 'exim_relay_relay_host_name'],
	['matrix_postgres_connection_password', 'postgres_connection_password'],
	['matrix_coturn_enabled', 'coturn_enabled'],
	['matrix_redis_enabled', 'valkey_enabled'],
	['matrix_synapse_docker_image_name_prefix', 'matrix_synapse_container_image_registry_prefix'],
	['matrix_synapse_workers_generic_worker_count', 'matrix_synapse_workers_generic_workers_count'],
	['hostname_identity', 'matrix_domain'],
	[
		'devture_traefik_additional_entrypoints_auto',
		'matrix_playbook_public_matrix_federation_api_traefik_entrypoint_host_bind_port or traefik_additional_entrypoints_custom',
	],
	['devture_postgres_managed_databases_auto', 'postgres_managed_databases_additional'],
	['devture_traefik_container_additional_networks_auto', 'traefik_container_additional_networks_custom'],
])('finds that %s became %s', async (old, now) => {
	const { renamed } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	expect(fateOf(old, renamed)?.new).toBe(now);
});

test('never suggests a list that the playbook fills itself', async () => {
	const { renamed } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	for (const { old } of renamed) {
		const name = old.replace(/_?\*$/, '_networks_auto');
		expect(fateOf(name, renamed)?.new ?? '', name).not.toMatch(/_auto\b/);
	}
	expect(
		fateWords(
			fateOf('devture_traefik_additional_entrypoints_auto', renamed) ?? {
				old: '',
				says: [],
				never: false,
				changes: [],
			},
		),
	).toContain('leaves out the current entrypoints');
});

test('finds every name in the table', async () => {
	const { renamed } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	expect(renamed.length).toBeGreaterThan(300);
	for (const { old } of renamed) {
		const name = old.replace(/_?\*$/, '_any');
		expect(variableWord.test(name), name).toBe(true);
		expect(fateOf(name, renamed), name).toBeDefined();
	}
});

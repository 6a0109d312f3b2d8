// !check with a vars.yml of the playbook: what is refused, what has no effect and what has changed since, without
// repeating any value.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { wholePorts } from '../respondent.ts';

const ports = await wholePorts([], new Date('2026-11-29T12:00:00Z'));

const answer = async (vars: string, words = '') =>
	await check.run(
		{
			words: words.split(' ').filter(Boolean),
			text: words,
			room: '!a',
			sender: '@a:x',
			at: new Date(0),
			files: [{ name: 'vars.yml', text: vars }],
		},
		ports,
	);
type Found = {
	kind: string;
	option: string;
	line: number;
	nearest?: string;
	replacedBy?: string;
	note?: string;
	onlyIf?: string;
	uses?: string;
};
const findings = async (vars: string, words = '') => (await answer(vars, words)).value.findings as Found[];
const secrets = 'matrix_homeserver_generic_secret_key: x\npostgres_connection_password: x\n';
const proxy = `matrix_playbook_reverse_proxy_type: playbook-managed-traefik\n${secrets}`;
const base = `matrix_domain: example.org\nmatrix_playbook_migration_validated_version: v2026.05.18.0\n${proxy}`;

test('passes a file that is up to date', async () => {
	const { value, wouldRefuse } = await answer(`${base}jitsi_enabled: true\ncoturn_enabled: true\n`);
	expect(value).toMatchObject({ format: 1, distribution: 'mdad', findings: [], refuses: false, to: '2026-08-22' });
	expect(wouldRefuse).toBeUndefined();
});

test.each([
	// Refused by the migration role, whatever is enabled.
	['matrix_coturn_enabled: false', { kind: 'refuses', replacedBy: 'coturn_enabled' }],
	['matrix_dimension_enabled: false', { kind: 'refuses', note: 'mdad/2026-02-12/dimension-gone' }],
	['matrix_mautrix_telegram_api_id: 1', { kind: 'refuses', replacedBy: 'matrix_bridge_mautrix_telegram_api_id' }],
	// Renamed, and later removed under its new name.
	['matrix_mautrix_telegram_bot_token: x', { kind: 'refuses', replacedBy: undefined }],
	['matrix_riot_web_themes_enabled: true', { kind: 'refuses', replacedBy: 'matrix_client_element_themes_enabled' }],
	// Refused by a role that is enabled by default, and by one that is not.
	['matrix_synapse_docker_image: x', { kind: 'refuses', replacedBy: 'matrix_synapse_container_image' }],
	['jitsi_enabled: true\njitsi_jvb_server_id: x', { kind: 'refuses', onlyIf: undefined }],
	['jitsi_jvb_server_id: x', { kind: 'removed' }],
	['jitsi_enabled: "{{ x }}"\njitsi_jvb_server_id: x', { kind: 'refuses', onlyIf: 'jitsi_enabled' }],
	// Silently ignored.
	['jitsi_enabled: true\njitsi_jvb_container_labels_traefik_enabled: x', { note: 'mdad/2026-08-06/jitsi-colibri' }],
	[
		'matrix_synapse_workers_generic_worker_count: 1',
		{ kind: 'without-effect', replacedBy: 'matrix_synapse_workers_generic_workers_count' },
	],
	['matrix_zulip_bridge_enabled: true', { kind: 'removed', note: 'mdad/2026-02-08/zulip-gone' }],
	['matrix_synpase_workers_enabled: true', { kind: 'unknown', nearest: 'matrix_synapse_workers_enabled' }],
])('%s: %j', async (line, wanted) => {
	const [found, other] = await findings(`${base}${line}\n`);
	const option = line.split('\n').at(-1)?.split(':')[0];
	expect({ replacedBy: undefined, onlyIf: undefined, ...found }).toMatchObject({ option, ...wanted });
	expect(other).toBeUndefined();
});

test('reports a migration value that is missing or old, but not a template', async () => {
	const own = (value: string) =>
		findings(
			`matrix_domain: example.org\n${proxy}${value && `matrix_playbook_migration_validated_version: ${value}\n`}`,
		);
	const option = 'matrix_playbook_migration_validated_version';
	expect(await own('')).toMatchObject([{ kind: 'refuses', option, replacement: `${option}: v2026.05.18.0` }]);
	expect(await own('""')).toMatchObject([{ kind: 'refuses', option, line: 5 }]);
	expect(await own('v2026.04.03.0')).toMatchObject([{ kind: 'refuses', option, line: 5 }]);
	expect(await own('"{{ matrix_playbook_migration_expected_version }}"')).toEqual([]);
});

test('reports missing values: the kind of proxy, the IDs of a media repository', async () => {
	const bare = `matrix_domain: example.org\nmatrix_playbook_migration_validated_version: v2026.05.18.0\n${secrets}`;
	expect(await findings(bare)).toMatchObject([
		{ kind: 'refuses', option: 'matrix_playbook_reverse_proxy_type', note: 'mdad/2023-02-26/traefik-default' },
	]);
	expect(await findings(`${base}matrix_media_repo_enabled: true\n`)).toMatchObject([
		{ kind: 'refuses', note: 'mdad/2026-02-09/media-repo-ids' },
	]);
	expect(await findings('matrix_domain: example.org\n')).toMatchObject([
		{ option: 'matrix_homeserver_generic_secret_key' },
		{ option: 'matrix_playbook_reverse_proxy_type' },
		{ option: 'postgres_connection_password' },
		{ option: 'matrix_playbook_migration_validated_version' },
	]);
	const ports = 'matrix_element_call_enabled: true\nlivekit_server_config_rtc_port_range_start: 50000\n';
	expect(await findings(base + ports)).toMatchObject([{ kind: 'refuses', note: 'mdad/2026-07-18/livekit-ports' }]);
	expect(await findings(`${base}${ports}livekit_server_config_rtc_udp_port: ''\n`)).toEqual([]);
	const other = `${bare}matrix_playbook_reverse_proxy_type: playbook-managed-nginx\n`;
	expect(await findings(other)).toMatchObject([
		{ kind: 'refuses', option: 'matrix_playbook_reverse_proxy_type', line: 5 },
	]);
	const external = bare.replace('postgres_connection_password: x', 'postgres_enabled: false');
	expect(await findings(`${external}matrix_playbook_reverse_proxy_type: none\n`)).toEqual([]);
	const done = `${base}matrix_media_repo_enabled: true\nmatrix_media_repo_datastore_file_id: x\n`;
	expect(await findings(done)).toEqual([]);
});

test('selects entries by the chosen homeserver and reverse proxy', async () => {
	const entries = async (more: string, since = '2023-03-01') =>
		((await answer(base + more, `mdad ${since}`)).value.entries as { id: string; concerned: unknown }[])
			.filter(({ concerned }) => concerned === true)
			.map(({ id }) => id);
	const synapse = 'mdad/2024-11-26/authenticated-media';
	const tuwunel = 'mdad/2026-07-19/tuwunel-paths';
	const traefik = 'mdad/2024-11-14/compression';
	expect(await entries('')).toEqual(expect.arrayContaining([synapse, traefik]));
	expect(await entries('')).not.toContain(tuwunel);
	const chosen = await entries('matrix_homeserver_implementation: tuwunel\n');
	expect(chosen).toContain(tuwunel);
	expect(chosen).not.toContain(synapse);
	expect(await entries('matrix_homeserver_implementation: conduwuit\n')).toContain('mdad/2026-02-11/conduwuit-gone');
	const ofProxy = async (type: string) => {
		const { value } = await answer(base.replace('playbook-managed-traefik', type), 'mdad 2023-03-01');
		return (value.entries as { id: string; concerned: unknown }[]).find(({ id }) => id === traefik)?.concerned;
	};
	// The admin's own Traefik reads the same labels.
	expect(await ofProxy('other-traefik-container')).toBe('unknown');
	expect(await ofProxy('none')).toBeUndefined();
});

test('reports a homeserver that the playbook does not support', async () => {
	const found = await findings(`${base}matrix_homeserver_implementation: conduwuit\n`);
	expect(found).toMatchObject([{ kind: 'refuses', option: 'matrix_homeserver_implementation', line: 6 }]);
	expect(await findings(`${base}matrix_homeserver_implementation: tuwunel\n`)).toEqual([]);
	expect(await findings(`${base}matrix_homeserver_implementation: "{{ mine }}"\nmine: x\n`)).toEqual([]);
});

test('lists entries that apply since a day, or since the revision named in the file', async () => {
	const ids = async (vars: string, words: string) =>
		((await answer(vars, words)).value.entries as { id: string; breaking: boolean }[])
			.filter(({ breaking }) => breaking)
			.map(({ id }) => id);
	const jvb = `${base}jitsi_enabled: true\njitsi_jvb_server_id: x\n`;
	expect(await ids(jvb, 'mdad 2026-07-20')).toEqual(['mdad/2026-08-06/jitsi-colibri']);
	expect(await ids(jvb, '')).toEqual(['mdad/2026-08-06/jitsi-colibri']);
	// With Jitsi alone there is nothing to do.
	expect(await ids(`${base}jitsi_enabled: true\n`, '')).toEqual([]);
	expect(await ids(`${base}`, '2026-07-20')).toEqual([]);
});

test('derives facts from the file, with their lines', async () => {
	const { value } = await answer(
		`${base}matrix_synapse_workers_enabled: true\nmatrix_homeserver_federation_enabled: false\nmatrix_bridge_hookshot_enabled: true\n`,
	);
	expect(value.profile).toEqual({ workers: true, mas: false, federation: false, appservices: true });
	expect(value.derived).toContainEqual({ fact: 'workers', file: 'vars.yml', line: 6 });
});

test("does not judge the admin's own names, or what an excerpt leaves open", async () => {
	const { value } = await answer(`${base}vault_key: 1\nmy_thing: "{{ vault_key }}"\n`);
	expect(value).toMatchObject({ findings: [], refuses: false });
	expect((value.unjudged as { option: string }[]).map(({ option }) => option)).toEqual(['vault_key', 'my_thing']);
	// No matrix_domain: the migration value may be in another file.
	expect((await answer('matrix_synapse_workers_enabled: true\n')).value.findings).toEqual([]);
});

test.each([
	['my_x: "{{ matrix_coturn_turn_static_auth_secret }}"', { uses: 'matrix_coturn_turn_static_auth_secret' }],
	[
		'my_x: "{% if matrix_dimension_enabled %}x{% endif %}"',
		{ uses: 'matrix_dimension_enabled', replacedBy: undefined },
	],
	[
		'my_x:\n  - y: ["{{ [matrix_bot_postmoogle_login] | first }}"]',
		{ uses: 'matrix_bot_postmoogle_login', replacedBy: 'matrix_bridge_postmoogle_login' },
	],
	['my_x: &a "{{ matrix_mautrix_telegram_api_id }}"\nmy_y: [*a, *a]', { uses: 'matrix_mautrix_telegram_api_id' }],
])('reports where a template uses a removed variable: %s', async (line, wanted) => {
	const { value } = await answer(`${base}${line}\n`);
	const [found] = value.findings as Found[];
	expect({ replacedBy: undefined, ...found }).toMatchObject({ kind: 'undefined', option: 'my_x', line: 6, ...wanted });
	expect(value.refuses).toBe(false);
});

test.each([
	'my_x: "{{ coturn_turn_static_auth_secret }}"',
	'my_x: "{{ matrix_coturn_turn_static_auth_secret | default(\'\') }}"',
	'my_x: "{{ matrix_coturn_port if matrix_coturn_port is defined else 1 }}"',
	'my_x: "{{ \'matrix_coturn_port\' }}"',
	'my_x: "{{ other.matrix_coturn_port }}"',
	'my_x: !unsafe "{{ matrix_coturn_port }}"',
	'my_x: matrix_coturn_port',
	'my_x: "{{ my_own_thing }}"',
])('does not mistake this for the use of a removed variable: %s', async line =>
	expect(await findings(`${base}${line}\n`)).toEqual([]),
);

test('reads nested anchors and unclosed templates quickly', async () => {
	const layers = Array.from({ length: 12 }, (_, i) => `x_${i + 1}: &x${i + 1} [${`*x${i}, `.repeat(9)}*x${i}]`);
	const bomb = `${base}x_0: &x0 ["{{ matrix_coturn_port }}"]\n${layers.join('\n')}\n`;
	const open = `${base}my_x: "${'{{ a_b '.repeat(20_000)}"\n`;
	const before = process.cpuUsage();
	for (const vars of [bomb, open]) await answer(vars).catch(() => {});
	expect(process.cpuUsage(before).user).toBeLessThan(20_000_000);
});

test('ends the first screen with what to do next', async () => {
	const last = async (vars: string, words = '') => (await answer(vars, words)).sections.at(-1)?.markdown;
	expect(await last(`${base}matrix_coturn_enabled: true\n`)).toMatch(/^\*\*Now:\*\* fix what it stops at/);
	const never = base.replace('v2026.05.18.0', '"{{ matrix_playbook_migration_expected_version }}"');
	expect(await last(never)).toMatch(/^\*\*Now:\*\* give the date of your last update/);
	const telegram = `${base}matrix_bridge_mautrix_telegram_enabled: true\n`;
	expect(await last(telegram, 'mdad 2026-04-20')).toContain('`!check mdad 2026-04-20 all`');
	expect(await last(base, 'mdad 2026-08-14')).toMatch(/^\*\*Now:\*\* pull/);
	expect(await last(`${base}a: [\n`)).toMatch(/^\*\*Now:\*\* fix `vars\.yml/);
	expect(await last(`${base}my_x: '{{ matrix_coturn_port }}'\n`)).toMatch(/^\*\*Now:\*\* fix the values/);
	const { sections } = await answer(`${base}jitsi_enabled: true\nmy_x: 1\n`, 'mdad 2025-06-01');
	expect(sections.filter(({ fold }) => fold).length).toBeLessThanOrEqual(3);
});

test('never repeats a value, wherever it is', async () => {
	const secret = 'pL4ntedS3cret';
	const vars = `${base}matrix_homeserver_generic_secret_key: ${secret}
matrix_coturn_turn_static_auth_secret: "${secret}"
matrix_synpase_x: ${secret}
a_b: [${secret}, {${secret}x: ${secret}}]
matrix_mautrix_telegram_bot_token: '{{ "${secret}" }}'
`;
	for (const words of ['', 'mdad 2025-06-01', 'mdad 2025-06-01 all'])
		expect(JSON.stringify(await answer(vars, words))).not.toContain(secret);
	expect(JSON.stringify(await answer(`${vars}  broken: [${secret}\n`))).not.toContain(secret);
});

test('recognises a homeserver.yaml by its content', async () => {
	expect(
		(await answer('server_name: example.org\nreport_stats: false\ndatabase: {name: sqlite3}\n')).value,
	).not.toHaveProperty('distribution');
});

// `tried.json`: what the playbook's own checks refused in ten files from ten dates (tools/verify/playbook).
const tried: Record<string, { names: string[]; others: string[] }> = JSON.parse(
	readFileSync(new URL('../knowledge/vars/tried.json', import.meta.url), 'utf8'),
);

test.each(Object.entries(tried))('reports what the playbook refuses in %s', async (name, { names, others }) => {
	const found = await findings(readFileSync(new URL(`../knowledge/vars/${name}`, import.meta.url), 'utf8'));
	const refused = found.filter(({ kind, onlyIf }) => kind === 'refuses' && !onlyIf).map(({ option }) => option);
	expect(refused).toEqual(expect.arrayContaining(names));
	expect(new Set(refused).difference(new Set([...names, ...others]))).toEqual(new Set());
	// A value that is missing under its new name is reported at the old one, the rest at another option of their entry.
	const renamed = found.filter(({ kind }) => kind === 'refuses').map(({ replacedBy }) => replacedBy);
	const elsewhere = ['matrix_media_repo_datastore_file_id', 'livekit_server_config_rtc_port_range_end'];
	const asked = others.filter(option => !elsewhere.includes(option));
	expect([...refused, ...renamed]).toEqual(expect.arrayContaining(asked));
});

// `rendered.json`: what was undefined when the playbook's own templates were rendered with the same files, and with
// one written for this test.
const rendered: Record<string, { undefined: string[]; others: string[] }> = JSON.parse(
	readFileSync(new URL('../knowledge/vars/rendered.json', import.meta.url), 'utf8'),
);

test.each(Object.entries(rendered))(
	'reports what is undefined in the templates of %s',
	async (name, { undefined: lacking, others }) => {
		const found = await findings(readFileSync(new URL(`../knowledge/vars/${name}`, import.meta.url), 'utf8'));
		const told = found.flatMap(({ kind, uses }) => (kind === 'undefined' && uses ? [uses] : []));
		expect(told).toEqual(expect.arrayContaining(lacking));
		expect(others).toEqual([]);
		if (!lacking.length) expect(told).toEqual([]);
	},
);

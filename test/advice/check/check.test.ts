import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check } from '../../../src/advice/check/check.ts';
import { deriveFacts } from '../../../src/advice/check/derive.ts';
import { nearest } from '../../../src/arguments/nearest.ts';
import { readProfile } from '../../../src/arguments/words.ts';
import { select } from '../../../src/configuration/condition.ts';
import { configurationOf } from '../../../src/configuration/files.ts';
import { optionsOf } from '../../../src/configuration/options.ts';
import { filesOfSkeleton } from '../../../src/configuration/skeleton.ts';
import { type Profile, parseTerm } from '../../../src/deployment/facts.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const options = optionsOf(JSON.parse(readFileSync(new URL('synapse/code/options.json', folder), 'utf8')));

/** The options that every usable configuration needs, apart from those a case is about. */
const rest = 'report_stats: false\npublic_baseurl: https://matrix.example.org/\n';
const database = 'database:\n  name: sqlite3\n';

const casOff = 'cas_config:\n  enabled: false\n  server_url: https://c.example/\n';

function findings(
	text: string,
	to: string,
	from?: string,
	others: Record<string, string> = {},
	profile: Profile = new Map(),
) {
	const own = text.includes('server_name') ? '' : 'server_name: example.org\n';
	const files = [
		{ name: 'homeserver.yaml', text: `${text}${own}${rest}${/^database:/m.test(text) ? '' : database}` },
		...Object.entries(others).map(([name, text]) => ({ name, text })),
	];
	const question = {
		configuration: configurationOf(files),
		profile,
		options,
		to,
		nearest,
		...(from !== undefined && { from }),
	};
	return check(question, knowledge);
}

/** Each finding as `kind option line`, in the order of the answer. */
function kinds(text: string, to: string, from?: string): string[] {
	return findings(text, to, from).findings.map(({ kind, option, line }) => `${kind} ${option} ${line}`);
}

describe('with several files', () => {
	const email = 'email:\n  smtp_host: mail.example.org\n  smtp_port: 587\n  notif_from: a@example.org\n';
	const replaced = (later: string) =>
		findings(email, '1.163.2', undefined, { 'later.yaml': later }).findings.filter(({ kind }) => kind === 'replaced');

	test('a block of a later file replaces the whole block', () =>
		expect(replaced('email:\n  notif_from: b@example.org\n')).toEqual([
			{
				kind: 'replaced',
				option: 'email',
				file: 'later.yaml',
				line: 1,
				over: { file: 'homeserver.yaml', line: 1 },
				lost: ['email.smtp_host', 'email.smtp_port'],
			},
		]));

	test('hides names that are not options', () =>
		expect(
			findings('email:\n  s3cr3t0p4ssw0rd1: x\n', '1.163.2', undefined, { 'later.yaml': 'email: {}\n' }).findings,
		).toContainEqual(expect.objectContaining({ kind: 'replaced', lost: ['email.*'] })));

	test.each([
		['the later file repeats the whole block', `${email}  app_name: mine\n`],
		['the later file has another block', 'redis:\n  enabled: true\n'],
	])('nothing is lost if %s', (_, later) => expect(replaced(later)).toEqual([]));

	test('a worker\u2019s own file replaces a block too', () =>
		expect(replaced('worker_app: synapse.app.generic_worker\nworker_name: w\nemail: {}\n')).toHaveLength(1));
});

test('accepts names that admins choose themselves', () =>
	expect(
		kinds(
			'instance_map:\n  main: {host: localhost, port: 9093}\n  typist1: {host: localhost, port: 9094}\n',
			'1.163.2',
		),
	).toEqual([]));

describe('findings for a single release', () => {
	test.each([
		['none', 'server_name: example.org\n', '1.163.2', []],
		['a typo', 'server_name: x\nturn-shared-secret: x\n', '1.163.2', ['unknown turn-shared-secret 2']],
		['a name in the wrong place', 'smtp_host: x\n', '1.163.2', ['misplaced smtp_host 1']],
		['an option given twice', 'server_name: x\nserver_name: y\n', '1.163.2', ['duplicate server_name 2']],
		['a removed option', 'enable_group_creation: true\n', '1.163.2', ['removed enable_group_creation 1']],
		[
			'an option that the code refuses',
			'trust_identity_server_for_password_resets: true\n',
			'1.48.0',
			['refuses trust_identity_server_for_password_resets 1'],
		],
		[
			'an option that a note says is refused',
			'account_threepid_delegates:\n  email: https://x\n',
			'1.66.0',
			['refuses account_threepid_delegates.email 2'],
		],
		['a number instead of a string', 'form_secret: 12345678\n', '1.135.0', ['refuses form_secret 1']],
		['a boolean instead of a duration', 'session_lifetime: true\n', '1.163.2', ['refuses session_lifetime 1']],
		['an option newer than the target', 'matrix_rtc: {}\n', '1.100.0', ['unknown matrix_rtc 1']],
		['a section that old releases read even if it is off', casOff, '1.22.0', ['refuses cas_config 1']],
		['a section that is off', casOff, '1.23.0', []],
		[
			'the option that is wrong, not the one it depends on',
			'redis:\n  enabled: true\n  password: x\n  password_path: /x\n',
			'1.163.2',
			['refuses redis.password_path 4'],
		],
		[
			'a section only once, however many options it has',
			'email:\n  smtp_host: x\n  smtp_port: 25\n  app_name: x\n',
			'1.163.2',
			['refuses email 1'],
		],
	])('%s', (_, text, to, expected) => {
		expect(kinds(text, to)).toEqual(expected);
	});

	test('suggests the nearest name for a misspelt option, and the right place for a misplaced one', () => {
		expect(findings('turn-shared-secret: x\n', '1.163.2').findings[0]?.nearest).toBe('turn_shared_secret');
		expect(findings('smtp_host: x\n', '1.163.2').findings[0]?.nearest).toBe('email.smtp_host');
	});

	test('does not judge the settings of modules and libraries', () => {
		const text =
			'modules:\n  - module: x.Y\n    config:\n      whatever: 1\ndatabase:\n  name: psycopg2\n  args:\n    cp_max: 10\n    sslmode: require\n';
		expect(kinds(text, '1.163.2')).toEqual([]);
	});

	test.each([
		'log_file: ""\n',
		'web_client_location: ""\n',
		'worker_app: ""\n',
		'spam_checker: ""\n',
		'oembed: { additional_providers: 0 }\n',
		'redis: { enabled: true, username: "" }\n',
		'email: { smtp_host: x, notif_from: a@x, invite_client_location: "" }\n',
		'autocreate_auto_join_room_preset: ""\n',
		'listeners: [{ port: 8008, path: "", type: http }]\n',
	])('accepts an empty value, which Synapse ignores: %j', text => {
		expect(findings(text, '1.163.2').refuses).toBe(false);
	});

	test('only says that Synapse refuses to start if a finding is a refusal', () => {
		expect(findings('typo_here: 1\n', '1.163.2').refuses).toBe(false);
		expect(findings('invite_3pid_guest: true\n', '1.163.2').refuses).toBe(true);
	});
});

test('reports options that are set and whose default changes within the range', () => {
	expect(kinds('default_room_version: "9"\n', '1.163.2', '1.61.0')).toEqual(['default-changed default_room_version 1']);
});

test('returns the location of each fact', () => {
	const configuration = configurationOf([
		{
			name: 'homeserver.yaml',
			text: 'database:\n  name: psycopg2\nlisteners:\n  - port: 8008\n    x_forwarded: true\n',
		},
	]);
	expect(deriveFacts(configuration).filter(({ line }) => line > 0)).toEqual([
		{ fact: 'database=postgres', file: 'homeserver.yaml', line: 2 },
		{ fact: 'reverse-proxy', file: 'homeserver.yaml', line: 5 },
	]);
});

describe('several elements of a list on one line', () => {
	const two = (one: string, other: string) => `listeners: [{ ${one} }, { ${other} }]\n`;
	const http = 'port: 8008, type: http';

	test.each([
		[two('port: 8009, tls: { a: 1 }', `${http}, tls: false`), ['invalid listeners[].tls 1']],
		[two(`${http}, tls: false`, 'port: 8009, tls: { a: 1 }'), ['invalid listeners[].tls 1']],
	])('are all checked: %j', (text, wanted) => expect(kinds(text, '1.163.2')).toEqual(wanted));

	test('give one line for what is wrong with both', () =>
		expect(kinds(two(`${http}, prot: 1`, `${http}, prot: 2`), '1.163.2')).toEqual(['unknown listeners[].prot 1']));

	const oidc = readProfile(['sso', 'oidc'].flatMap(fact => parseTerm(fact) ?? []));

	test('give one line for what a note or the code says of both', () => {
		const provider = (id: string) =>
			`{ idp_id: "${id}", idp_name: x, issuer: "https://x.example", client_id: x, client_auth_method: client_secret_post }`;
		const told = (text: string) =>
			findings(text, '1.163.2', undefined, {}, oidc).findings.map(({ option, line }) => `${option} ${line}`);
		expect(told(`oidc_providers: [${provider('a b')}, ${provider('c d')}]\n`)).toEqual([
			'oidc_providers[] 1',
			'oidc_providers[].idp_id 1',
		]);
		expect(told(`oidc_providers:\n  - ${provider('a b')}\n  - ${provider('c d')}\n`)).toHaveLength(4);
	});

	test('count separately in a skeleton too', () => {
		const skeleton = `--- # file 1
listeners:  # 1
  -
    port: 8008  # 1
    type: "http"  # 1
  -
    port: 9093  # 1
    type: "replication"  # 1
`;
		const [file] = filesOfSkeleton(skeleton)?.files ?? [];
		const configuration = configurationOf(file ? [file] : []);
		const types = select('listeners[].type', 'main', configuration, undefined).matches.map(({ value }) => value);
		expect(types).toMatchObject([{ value: 'http' }, { value: 'replication' }]);
	});
});

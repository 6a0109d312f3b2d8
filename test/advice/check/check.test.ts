import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check } from '../../../src/advice/check/check.ts';
import { deriveFacts } from '../../../src/advice/check/derive.ts';
import { nearest } from '../../../src/arguments/nearest.ts';
import { configurationOf } from '../../../src/configuration/files.ts';
import { optionsOf } from '../../../src/configuration/options.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const folder = new URL('../../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const options = optionsOf(JSON.parse(readFileSync(new URL('synapse/code/options.json', folder), 'utf8')));

/** What every usable configuration says, below what a case is about. */
const rest = 'report_stats: false\npublic_baseurl: https://matrix.example.org/\n';
const database = 'database:\n  name: sqlite3\n';

/** `kind option line`, in the order of the answer. */
function findings(text: string, to: string, from?: string, others: Record<string, string> = {}) {
	const own = text.includes('server_name') ? '' : 'server_name: example.org\n';
	const files = [
		{ name: 'homeserver.yaml', text: `${text}${own}${rest}${/^database:/m.test(text) ? '' : database}` },
		...Object.entries(others).map(([name, text]) => ({ name, text })),
	];
	const question = {
		configuration: configurationOf(files),
		profile: new Map(),
		options,
		to,
		nearest,
		...(from !== undefined && { from }),
	};
	return check(question, knowledge);
}

function kinds(text: string, to: string, from?: string): string[] {
	return findings(text, to, from).findings.map(({ kind, option, line }) => `${kind} ${option} ${line}`);
}

describe('several files', () => {
	const email = 'email:\n  smtp_host: mail.example.org\n  smtp_port: 587\n  notif_from: a@example.org\n';
	const replaced = (later: string) =>
		findings(email, '1.163.2', undefined, { 'later.yaml': later }).findings.filter(({ kind }) => kind === 'replaced');

	test('a block of a later file takes the place of the whole block', () =>
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

	test('names that no option has are not shown', () =>
		expect(
			findings('email:\n  s3cr3t0p4ssw0rd1: x\n', '1.163.2', undefined, { 'later.yaml': 'email: {}\n' }).findings,
		).toContainEqual(expect.objectContaining({ kind: 'replaced', lost: ['email.*'] })));

	test.each([
		['the later one has all of it', `${email}  app_name: mine\n`],
		['it is another block', 'redis:\n  enabled: true\n'],
	])('nothing is lost where %s', (_, later) => expect(replaced(later)).toEqual([]));

	test('a worker\u2019s own file takes the place of a block, too', () =>
		expect(replaced('worker_app: synapse.app.generic_worker\nworker_name: w\nemail: {}\n')).toHaveLength(1));
});

test('names of one\u2019s own are not unknown options', () =>
	expect(
		kinds(
			'instance_map:\n  main: {host: localhost, port: 9093}\n  typist1: {host: localhost, port: 9094}\n',
			'1.163.2',
		),
	).toEqual([]));

describe('findings of the target alone', () => {
	test.each([
		['nothing to say', 'server_name: example.org\n', '1.163.2', []],
		['a typo', 'server_name: x\nturn-shared-secret: x\n', '1.163.2', ['unknown turn-shared-secret 2']],
		['a name in the wrong place', 'smtp_host: x\n', '1.163.2', ['misplaced smtp_host 1']],
		['twice', 'server_name: x\nserver_name: y\n', '1.163.2', ['duplicate server_name 2']],
		['gone', 'enable_group_creation: true\n', '1.163.2', ['removed enable_group_creation 1']],
		[
			'refused by the code',
			'trust_identity_server_for_password_resets: true\n',
			'1.48.0',
			['refuses trust_identity_server_for_password_resets 1'],
		],
		[
			'refused by a note',
			'account_threepid_delegates:\n  email: https://x\n',
			'1.66.0',
			['refuses account_threepid_delegates.email 2'],
		],
		['a number for a text', 'form_secret: 12345678\n', '1.135.0', ['refuses form_secret 1']],
		['a boolean for a duration', 'session_lifetime: true\n', '1.163.2', ['refuses session_lifetime 1']],
		['younger than the target', 'matrix_rtc: {}\n', '1.100.0', ['unknown matrix_rtc 1']],
	])('%s', (_, text, to, expected) => {
		expect(kinds(text, to)).toEqual(expected);
	});

	test('a misspelt name is told the nearest, a misplaced one its home', () => {
		expect(findings('turn-shared-secret: x\n', '1.163.2').findings[0]?.nearest).toBe('turn_shared_secret');
		expect(findings('smtp_host: x\n', '1.163.2').findings[0]?.nearest).toBe('email.smtp_host');
	});

	test('what a module or a library is told is not judged', () => {
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
	])('an option that is empty is not read: %j', text => {
		expect(findings(text, '1.163.2').refuses).toBe(false);
	});

	test('only what refuses makes it refuse', () => {
		expect(findings('typo_here: 1\n', '1.163.2').refuses).toBe(false);
		expect(findings('invite_3pid_guest: true\n', '1.163.2').refuses).toBe(true);
	});
});

test('a range says which defaults of written options change', () => {
	expect(kinds('default_room_version: "9"\n', '1.163.2', '1.61.0')).toEqual(['default-changed default_room_version 1']);
});

test('facts come with their places', () => {
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

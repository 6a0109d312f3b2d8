// The configuration: valid files are read, all mistakes are listed with their lines, and the sample is correct.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Config, parseConfig, readConfig, readStore, variables } from '../src/config.ts';
import { mistakeLines } from '../src/settings/mistakes.ts';

const folder = mkdtempSync(join(tmpdir(), 'glia-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const small = `matrix:
  homeserver: https://matrix.example.org/
  user: "@glia:example.org"
  password: secret
  allow: ["@admin:example.org", "example.org"]
`;

function right(text: string, environment: Record<string, string> = {}): Config {
	const config = parseConfig(text, folder, environment);
	if (Array.isArray(config)) throw new Error(JSON.stringify(config));
	return config;
}

test('fills in every default of the smallest configuration', () => {
	expect(right(small)).toMatchObject({
		matrix: {
			homeserver: 'https://matrix.example.org',
			user: '@glia:example.org',
			password: 'secret',
			allow: ['@admin:example.org', 'example.org'],
			changes: 'state_default',
			bare: true,
			device: 'Glia',
			forgetAfterDays: 7,
		},
		encryption: { reset: false },
		store: { path: join(folder, 'data') },
		live: { enabled: true },
		watch: { hours: 1, perRoom: 100, perPerson: 300 },
		log: { level: 'info' },
	});
});

test.each<[string, string, string[]]>([
	['an empty file', '', ['1 matrix: is missing']],
	['invalid YAML', 'matrix: [', ['1 not YAML']],
	[
		'an ID without quotes',
		'matrix:\n  user: @glia:example.org',
		['2 not YAML: Plain value cannot start with reserved character @; put it in quotes'],
	],
	[
		'a missing list of who may invite',
		small.replace(/ {2}allow.*\n/, ''),
		['1 matrix.allow: a list of who may invite'],
	],
	['an empty list of who may invite', small.replace(/allow: .*/, 'allow: []'), ['5 matrix.allow: nobody could invite']],
	['an invalid entry in the list', small.replace('"example.org"]', '"exa mple"]'), ['5 matrix.allow.1: a user']],
	[
		'several mistakes',
		'matrix:\n  homeserver: matrix.example.org\n  user: glia\n  alow: ["*"]\n  allow: ["*"]\nlog: { level: loud }\nstor: {}\n',
		[
			'2 matrix.homeserver: the address',
			'3 matrix.user: the full user ID',
			'4 matrix.alow: there is no such option',
			'6 log.level: ',
			'7 stor: there is no such option',
		],
	],
	[
		'a placeholder as a key, and an address with a password',
		`${small}knowledge:\n  updates:\n    address: https://glia:secret@example.org/a\n    key: ${'A'.repeat(43)}=\n`,
		['8 knowledge.updates.address: an address without a user name and a password', '9 knowledge.updates.key: a public'],
	],
	[
		'a password in another address',
		`${small}live: { edition: { address: "https://:secret@example.org/" } }\n`,
		['6 live.edition.address: an address without a user name'],
	],
	[
		'invalid limits of the watch',
		`${small}watch: { hours: 0.01, perRoom: 0, perPerson: many }\n`,
		['6 watch.hours: at most every', '6 watch.perRoom: at least 1', '6 watch.perPerson: expected'],
	],
	['a missing secret', small.replace(/ {2}password.*\n/, ''), ['1 matrix: password or accessToken is missing']],
	[
		'a missing file',
		small.replace('password: secret', 'passwordFile: ./no-such'),
		[`4 matrix.passwordFile: there is no such file in ${folder}`],
	],
	['an empty secret', small.replace('password: secret', 'password: ""'), ['4 matrix.password: is empty']],
	[
		'an invalid list',
		small.replace(/allow: .*/, 'allow: "*"'),
		['5 matrix.allow: a list of who may invite the bot, like ["@admin'],
	],
	[
		'a secret given twice',
		small.replace('secret', 'secret\n  passwordFile: ./x'),
		['5 matrix: give either password or passwordFile'],
	],
	[
		'values of the wrong type',
		`${small.replace('secret', '5')}store: here\nlive: { enabled: maybe }\n`,
		['4 matrix.password: expected text', '6 store: expected options', '7 live.enabled: expected true or false'],
	],
	['an invalid level', `${small}  changes: admin\n`, ['6 matrix.changes: a power level']],
	[
		'a name without a server',
		small.replace(/allow: .*/, 'allow: ["@admin:example.org", admin, localhost]'),
		['5 matrix.allow.1: admin is neither a user nor a server: write "@admin:example.org"'],
	],
	['an invalid port', `${small}health: { listen: 99999 }\n`, ['6 health.listen: an address and a port']],
	['a host name to listen on', `${small}health: { listen: "glia:9090" }\n`, ['6 health.listen: an address and a port']],
	['a room alias', `${small}operator: { room: "#ops:example.org" }\n`, ['6 operator.room: a room ID']],
	['an invalid format', `${small}log: { format: xml }\n`, ['6 log.format: expected one of auto, text, json']],
	[
		'everyone, without quotes',
		small.replace(/allow: .*/, 'allow: *'),
		['5 not YAML: a value that begins with * must be in quotes'],
	],
	[
		'subdomains without quotes',
		small.replace(/allow: .*/, 'allow: [*.example.org]'),
		['5 not YAML: a value that begins with * must be in quotes'],
	],
	[
		'a room without quotes',
		`${small}operator:\n  room: !abc:example.org\n`,
		['7 not YAML: a value that begins with ! must be in quotes'],
	],
	[
		'a backslash in double quotes, without quoting the value',
		small.replace('secret', String.raw`"ab\u12secret"`),
		['4 not YAML: Invalid escape sequence; put the value in single quotes, or write the backslash twice'],
	],
	['a key without letters given twice', `${small}"?": 1\n"?": 2\n`, ['7 a key occurs twice']],
	['an option given twice', `${small}  user: "@b:example.org"\n`, ['6 the key user occurs twice']],
	['two documents', `${small}---\n${small}`, ['6 the file must not contain several documents']],
	[
		'a token with a line break',
		small.replace('password: secret', 'accessToken: "one\\ntwo"'),
		['4 matrix.accessToken: a token has no spaces'],
	],
	[
		'aliases that multiply',
		`a: &a [${'1,'.repeat(9)}]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]\n${small}`,
		['1 its aliases expand to too many values'],
	],
	[
		'options that resemble others, or are in the wrong place',
		`${small}  access_token: x\n  perRoom: 3\nhomeserver: x\nwach: {}\nzzz: 1\n`,
		[
			'6 matrix.access_token: there is no such option; did you mean matrix.accessToken?',
			'7 matrix.perRoom: there is no such option; did you mean watch.perRoom?',
			'8 homeserver: there is no such option; did you mean matrix.homeserver?',
			'9 wach: there is no such option; did you mean watch?',
			'10 zzz: there is no such option',
		],
	],
	...['~', '~/data', '~glia/data', '$HOME/data', `\${HOME}/data`].map((path): [string, string, string[]] => [
		`the path ${path}`,
		`${small}store: { path: "${path}" }\nencryption: { passphraseFile: "${path}" }\nwatch: { authorities: ["${path}"] }\n`,
		['6 store.path: write the', '7 encryption.passphraseFile: write the', '8 watch.authorities.0: write the'],
	]),
	...['?a=b', '#a', '/_matrix/client', '/_matrix'].map((rest): [string, string, string[]] => [
		`${rest} behind the homeserver's address`,
		small.replace('example.org/', `example.org${rest}`),
		['2 matrix.homeserver: only the address'],
	]),
	[
		'a server name that is an address',
		small.replace('@glia:', '@glia:https://').replace('"example.org"', '"@a:https://example.org"'),
		['3 matrix.user: the full user ID', '5 matrix.allow.1: a user'],
	],
	...['"999.1.1.1"', '"192.0.2.1:99999"', '"192.0.2.1:0"', '"[:::]"', '"::1"'].map(
		(entry): [string, string, string[]] => [
			`the name server ${entry}`,
			`${small}watch: { resolvers: [${entry}] }\n`,
			['6 watch.resolvers.0: an address'],
		],
	),
	...['"999.1.1.1:80"', '"[:::::]:80"'].map((entry): [string, string, string[]] => [
		`listening on ${entry}`,
		`${small}health: { listen: ${entry} }\n`,
		['6 health.listen: an address'],
	]),
	[
		'intervals that lead to no date',
		`${small}  forgetAfterDays: 1e300\nwatch: { hours: 1e12 }\nlive: { seconds: 1e9, releases: { hours: 1e12 } }\n`,
		[
			'6 matrix.forgetAfterDays: at most',
			'7 watch.hours: at most',
			'8 live.seconds: at most',
			'8 live.releases.hours: at most',
		],
	],
])('reports %s', (_what, text, expected) => {
	const mistakes = parseConfig(text, folder, {});
	if (!Array.isArray(mistakes)) throw new Error('no mistake was found');
	expect(mistakes.map(({ line, text }) => `${line} ${text}`)).toEqual(
		expected.map(begin => expect.stringMatching(new RegExp(`^${begin.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))),
	);
});

test('reads secrets from files next to the configuration, and prefers the environment', () => {
	writeFileSync(join(folder, 'password'), 'from the file\n');
	const text = small.replace('password: secret', 'passwordFile: ./password');
	expect(right(text).matrix.password).toBe('from the file');
	expect(right(text, { GLIA_MATRIX_PASSWORD: 'from outside' }).matrix.password).toBe('from outside');
	expect(right(small, { GLIA_MATRIX_ACCESS_TOKEN: 'token' }).matrix).toMatchObject({ accessToken: 'token' });
	expect(right(text).matrix).not.toHaveProperty('passwordFile');
});

test('refuses an unreadable file and one with mistakes, with its path', () => {
	expect(() => readConfig(join(folder, 'none.yaml'), {})).toThrow(/none\.yaml: cannot be read: there is no such file/);
	const path = join(folder, 'bad.yaml');
	writeFileSync(path, 'matrix: {}\n');
	expect(() => readConfig(path, {})).toThrow(`${path}:1: matrix.homeserver: `);
});

test('finds the store although other options are wrong, as for a backup', () => {
	const path = join(folder, 'store.yaml');
	writeFileSync(path, 'matrix: { passwordFile: ./none }\nstore: { path: ./kept }\nwach: {}\n');
	expect(readStore(path, {})).toEqual({ path: join(folder, 'kept') });
	expect(readStore(path, { GLIA_STORE_PATH: '/var/lib/glia', GLIA_MATRIX_PASSWORD_FILE: '/none' })).toEqual({
		path: '/var/lib/glia',
	});
	writeFileSync(path, 'store:\n  postgres: { host: db, database: d, user: u, passwordFile: ./none }\n  pth: x\n');
	expect(() => readStore(path, {})).toThrow(`${path}:3: store.pth: there is no such option; did you mean store.path?`);
	writeFileSync(path, 'store:\n  postgres: { host: db, database: d, user: u, passwordFile: ./none }\n');
	expect(() => readStore(path, {})).toThrow(
		`${path}:2: store.postgres.passwordFile: there is no such file in ${folder}`,
	);
	writeFileSync(path, 'store: [');
	expect(() => readStore(path, {})).toThrow(`${path}:1: not YAML: `);
});

test('config.sample.yaml has every option with its default and a comment', () => {
	const text = readFileSync(new URL('../config.sample.yaml', import.meta.url), 'utf8');
	const config = right(text);
	const { homeserver, user, password, allow, ...defaults } = config.matrix;
	expect({ homeserver, user, allow }).toEqual({
		homeserver: 'https://matrix.example.org',
		user: '@glia:example.org',
		allow: ['@admin:example.org', 'example.org'],
	});
	const plain = right(small);
	const { homeserver: _h, user: _u, password: _p, allow: _a, ...expected } = plain.matrix;
	expect({ ...config, matrix: defaults }).toEqual({ ...plain, matrix: expected });
	expect(password).toBe('…');

	// Options without a value are listed as comments.
	const written = new Set([...text.matchAll(/^\s*(?:# )?([a-zA-Z]+):/gm)].map(([, key]) => key));
	for (const key of ['passwordFile', 'accessToken', 'accessTokenFile']) expect(written).toContain(key);
	for (const section of Object.keys(plain)) expect(written).toContain(section);
	for (const key of Object.values(plain).flatMap(part => Object.keys(part))) expect(written).toContain(key);

	const lines = text.split('\n');
	for (const [index, line] of lines.entries()) {
		// A group's comment comes before the group.
		if (!/^ {2}(# )?[a-zA-Z]+:/.test(line)) continue;
		expect(lines[index - 1], `the line before ${line}`).toMatch(/^ +# \S/);
	}
});

test('accepts an address and a port, or a port alone, for health', () => {
	const listen = (text: string) => right(`${small}health: { listen: ${text} }\n`).health.listen;
	expect(listen('9090')).toEqual({ host: '127.0.0.1', port: 9090 });
	expect(listen('"0.0.0.0:80"')).toEqual({ host: '0.0.0.0', port: 80 });
	expect(listen('"[::1]:9090"')).toEqual({ host: '::1', port: 9090 });
	expect(right(small).health.listen).toBeUndefined();
});

test("accepts the bot's own server in the list even without a dot in its name", () => {
	const config = right(small.replace('@glia:example.org', '@glia:intranet').replace(/allow: .*/, 'allow: [intranet]'));
	expect(config.matrix.allow).toEqual(['intranet']);
});

test('accepts a section without options', () => {
	expect(right(`${small}operator:\n  # room: "!abc:example.org"\nwatch:\n`)).toEqual(right(small));
	expect(right(`${small}live:\n  edition:\n    # address: …\nknowledge:\n  updates:\n`)).toEqual(right(small));
});

test('reads TLS without options as TLS', () => {
	const given = `${small}store:\n  postgres:\n    url: postgres://glia@db/glia\n    tls:\n      # authority: ./ca.pem\n`;
	expect(right(given).store.postgres?.tls).toEqual({});
});

describe('a secret is not repeated', () => {
	test.each([
		'password: *hunter2',
		'password: !hunter2',
		'password: >hunter2',
		'password: |hunter2',
		'password: &hunter2',
		'password: "a" hunter2',
		'password: a: hunter2',
		'password: [hunter2',
		'password:hunter2',
		'password: ["hunter2"]',
		'passwordFile: hunter2',
		`passwordFile: ${'hunter2'.repeat(50)}`,
	])('%s', line => {
		const found = parseConfig(small.replace('password: secret', line), folder, {});
		if (!Array.isArray(found)) throw new Error('no mistake was found');
		expect(mistakeLines('config.yaml', found)).not.toContain('hunter2');
	});

	test.each(['hun#ter2', 'hun/ter2', 'hun?ter2'])('in the URL of the database (%s)', password => {
		const file = `${small}store: { postgres: "postgres://glia:${password}@db.example.org/glia" }\n`;
		expect(parseConfig(file, folder, {})).toEqual([
			{ line: 6, text: expect.stringMatching(/^store\.postgres\.url: not a URL: in a password, (?!.*(?:hun|ter2))/) },
		]);
	});

	test('in the address of the homeserver', () => {
		const found = parseConfig(small.replace('https://', 'https://glia:hunter2@'), folder, {});
		expect(found).toEqual([{ line: 2, text: expect.stringMatching(/^matrix\.homeserver: only the address/) }]);
		expect(JSON.stringify(found)).not.toContain('hunter2');
	});

	test('after a key without a space', () => {
		const flow = 'matrix: { homeserver: "https://a.b", user: "@a:a.b", allow: ["*"], password:hunter2, token=hunter2 }';
		expect(parseConfig(flow, folder, {})).toEqual([
			{ line: 1, text: 'matrix.password: there is no space after the colon' },
			{ line: 1, text: expect.stringMatching(/^matrix\.token…: there is no such option/) },
		]);
	});
});

test.each(['sslmod=verify-full', 'sslMode=require', 'tls=true'])('refuses ?%s, which pg would ignore', parameter => {
	const file = `${small}store: { postgres: "postgres://glia@db.example.org/glia?${parameter}" }\n`;
	expect(parseConfig(file, folder, {})).toEqual([
		{
			line: 6,
			text: `store.postgres.url: there is no parameter ${parameter.split('=')[0]}; TLS needs sslmode=verify-full`,
		},
	]);
});

test.each(['sslmode=verify-full&sslrootcert=/ca.pem', 'application_name=glia', 'host=/run/postgresql'])(
	'accepts ?%s in the URL of the database',
	parameters => {
		const file = `${small}store: { postgres: "postgres://glia@db.example.org/glia?${parameters}" }\n`;
		expect(parseConfig(file, folder, {})).not.toBeInstanceOf(Array);
	},
);

describe('the environment', () => {
	test('sets every option, over the file', () => {
		const given = {
			GLIA_MATRIX_HOMESERVER: 'https://other.example.org',
			GLIA_MATRIX_ALLOW: '@b:example.org, *',
			GLIA_MATRIX_CHANGES: '75',
			GLIA_MATRIX_BARE: 'false',
			GLIA_LIVE_UPGRADE_NOTES_HOURS: '12',
			GLIA_WATCH_PER_ROOM: '7',
			GLIA_WATCH_ADDRESSES: '["10.0.0.0/8"]',
			GLIA_HEALTH_LISTEN: '9090',
			GLIA_LOG_LEVEL: 'debug',
			GLIA_STORE_PATH: '12',
			GLIA_WATCH_CONTACT: '',
		};
		expect(right(`${small}watch: { perRoom: 5, perPerson: 6 }\n`, given)).toMatchObject({
			matrix: {
				homeserver: 'https://other.example.org',
				allow: ['@b:example.org', '*'],
				changes: 75,
				bare: false,
			},
			live: { upgradeNotes: { hours: 12 } },
			watch: { perRoom: 7, perPerson: 6, addresses: ['10.0.0.0/8'] },
			health: { listen: { host: '127.0.0.1', port: 9090 } },
			log: { level: 'debug' },
			store: { path: join(folder, '12') },
		});
	});

	test('adds to a database that the file gives as a URL', () => {
		const file = `${small}store: { postgres: "postgres://glia@db.example.org/glia" }\n`;
		const url = 'postgres://glia@db.example.org/glia';
		const given = { GLIA_STORE_POSTGRES_PASSWORD: 'p', GLIA_STORE_POSTGRES_SCHEMA: 'bot' };
		expect(right(file, given).store.postgres).toEqual({ url, password: 'p', schema: 'bot' });
		const other = 'postgres://glia@other.example.org/glia';
		expect(right(file, { GLIA_STORE_POSTGRES_URL: other }).store.postgres).toEqual({ url: other, schema: 'glia' });
	});

	test('is enough without a file', () => {
		const given = {
			GLIA_MATRIX_HOMESERVER: 'https://matrix.example.org',
			GLIA_MATRIX_USER: '@glia:example.org',
			GLIA_MATRIX_PASSWORD: 'secret',
			GLIA_MATRIX_ALLOW: '@admin:example.org,example.org',
		};
		expect(right('', given)).toEqual(right(small));
	});

	test('names mistakes by variable', () => {
		const given = {
			GLIA_MATRIX_ALLOW: 'admin',
			GLIA_WATCH_HOURS: 'often',
			GLIA_WATCH_PER_ROM: '3',
			GLIA_HEALTH_PORT: '9090',
			GLIA_SERVICE_HOST: '10.0.0.1',
			GLIA_PORT: 'tcp://10.0.0.1:9090',
			GLIA_PORT_9090_TCP: 'tcp://10.0.0.1:9090',
			GLIA_METRICS_SERVICE_HOST: '10.0.0.1',
			GLIA_METRICS_SERVICE_PORT_HTTP: '9090',
			GLIA_METRICS_PORT: 'tcp://10.0.0.1:9090',
			GLIA_METRICS_PORT_9090_TCP_ADDR: '10.0.0.1',
		};
		const found = parseConfig(small, folder, given);
		if (!Array.isArray(found)) throw new Error('no mistake was found');
		expect(mistakeLines('config.yaml', found).split('\n')).toEqual([
			'GLIA_WATCH_PER_ROM: there is no such option; did you mean GLIA_WATCH_PER_ROOM?',
			expect.stringMatching(/^GLIA_HEALTH_PORT: there is no such option/),
			expect.stringMatching(/^GLIA_MATRIX_ALLOW: matrix\.allow\.0: admin is neither a user nor a server/),
			'GLIA_WATCH_HOURS: watch.hours: a number of hours',
		]);
	});

	test('overrides a secret or its file', () => {
		writeFileSync(join(folder, 'credential'), 'from a credential\n');
		const given = { GLIA_MATRIX_PASSWORD_FILE: join(folder, 'credential') };
		expect(right(small, given).matrix.password).toBe('from a credential');
		const both = parseConfig(small, folder, { ...given, GLIA_MATRIX_PASSWORD: 'x' });
		expect(both).toEqual([
			expect.objectContaining({
				variable: 'GLIA_MATRIX_PASSWORD_FILE',
				text: 'matrix: give either password or passwordFile, not both',
			}),
		]);
	});

	test('has one variable for each option, listed in the sample', () => {
		const sample = readFileSync(new URL('../config.sample.yaml', import.meta.url), 'utf8');
		const listed = [...sample.matchAll(/^# {3}(GLIA_[A-Z_]+)$/gm)].map(([, name]) => name);
		expect(listed).toEqual(variables);
		expect(new Set(variables).size).toBe(variables.length);
		expect(variables).toContain('GLIA_MATRIX_FORGET_AFTER_DAYS');
	});
});

test('reads the passphrase and seeds, which are three words, from files and the environment too', () => {
	const seed = 'A'.repeat(43);
	expect(right(small).encryption).toEqual({ reset: false });
	const words = `${seed} ${seed}\n ${seed}`;
	const given = { GLIA_ENCRYPTION_PASSPHRASE: 'open', GLIA_ENCRYPTION_SEEDS: words };
	expect(right(small, given).encryption).toEqual({
		reset: false,
		passphrase: 'open',
		seeds: { master: seed, selfSigning: seed, userSigning: seed },
	});
	expect(parseConfig(`${small}\nencryption:\n  seeds: one two\n`, folder, {})).toEqual([
		{ line: expect.any(Number), text: expect.stringMatching(/^encryption\.seeds: three words of 43 characters/) },
	]);
});

test("reads GitHub's token, which has no spaces, from a file or the environment too", () => {
	expect(right(small).live).not.toHaveProperty('token');
	const given = `${small}\nlive:\n  token: ghp_1\n`;
	expect(right(given).live).toMatchObject({ token: 'ghp_1' });
	expect(right(given, { GLIA_LIVE_TOKEN: 'ghp_2' }).live).toMatchObject({ token: 'ghp_2' });
	expect(right(given).live).not.toHaveProperty('tokenFile');
	expect(parseConfig(`${small}\nlive:\n  tokenFile: ./nowhere\n`, folder, {})).toEqual([
		{ line: expect.any(Number), text: `live.tokenFile: there is no such file in ${folder}` },
	]);
	expect(parseConfig(`${small}\nlive:\n  token: two words\n`, folder, {})).toEqual([
		{ line: expect.any(Number), text: expect.stringMatching(/^live\.token: /) },
	]);
});

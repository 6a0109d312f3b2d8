// !why as people use it: ten texts that people really pasted, what narrows the answer, and what it must never repeat.
import { describe, expect, test } from 'vitest';
import { why } from '../../commands/why.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import type { ToldMatch } from '../../src/messages/why.ts';
import type { WatchStore } from '../../src/ports/watch-store.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const store = { watch: async () => undefined, watches: async () => [] } as unknown as WatchStore;
const ports = {
	knowledge: await openKnowledge(folder),
	code: openCode(folder),
	store,
	now: () => new Date('2026-11-29'),
};

async function ask(text: string, files?: { name: string; text: string }[]) {
	const asked = { words: [], text, room: '!a', sender: '@a:x', at: new Date(0), ...(files && { files }) };
	const answer = await why.run(asked, ports);
	const { matches } = answer.value as { matches: ToldMatch[] };
	return { ...answer, matches, all: [answer.lead, ...answer.sections.map(({ markdown }) => markdown)].join('\n') };
}

const [id, sure, forward] = [0, 1, 2];
const texts: [string, string, [string, boolean, string], RegExp][] = [
	[
		'a block that 1.157.0 removed',
		`synapse-1  | Error in configuration at 'experimental.msc3861':
synapse-1  |   experimental_features.msc3861 was removed. Use the matrix_authentication_service configuration instead.
synapse-1 exited with code 1 (restarting)`,
		['symptom/msc3861-removed', true, 'after-fix'],
		/^\*\*Certain: .*1\.157\.0.*\n\nNothing is damaged.*old release still starts/,
	],
	[
		'a migration that systemd kills',
		`systemd[1]: matrix-synapse.service: start operation timed out. Terminating.
systemd[1]: matrix-synapse.service: Failed with result 'timeout'.
systemd[1]: matrix-synapse.service: Scheduled restart job, restart counter is at 14.
synapse.storage.prepare_database - 512 - INFO - main - Applying schema 72/05…`,
		['symptom/systemd-start-timeout', true, 'wait'],
		/not broken[\s\S]*Do not go back now[\s\S]*TimeoutStartSec=infinity/,
	],
	[
		'a skipped rebuild',
		`psycopg2.errors.InvalidForeignKey: there is no unique constraint matching given keys for referenced table "events"
... in run_upgrade / 79/04_...`,
		['symptom/events-rebuild-skipped', true, 'unsafe'],
		/^🛑 \*\*Stop: [\s\S]*Do not start any release[\s\S]*Restore the dump[\s\S]*1\.38 to 1\.81[\s\S]*Without a dump[\s\S]*may\s+not\s+be\s+possible/,
	],
	[
		'a database that is too new',
		'ValueError: Cannot use this database as it is too new for the server to understand',
		['symptom/too-new', true, 'after-fix'],
		/This Synapse is older than the database[\s\S]*apt-cache policy/,
	],
	[
		'an instance map without the main process',
		`ERROR: worker fed1 | ConfigError: Missing worker_replication_host
...
Instance 'master' not in 'instance_map'; `,
		['symptom/worker-map', true, 'after-fix'],
		/On 1\.84\.0, upgrade to 1\.84\.1[\s\S]*1\.88\.0[\s\S]*instance_map:\n {2}main:/,
	],
	[
		'noise from other servers',
		`synapse.federation.transport.server - WARNING - authenticate_request failed: 401: Invalid signature for server m.example with key ed25519:a_X
synapse.http.matrixfederationclient - INFO - {GET-O-11} [m.example] Request failed: ... 502\n`.repeat(200),
		['symptom/other-servers-signatures', true, 'safe'],
		/^\*\*Harmless: [\s\S]*nothing to do with the upgrade[\s\S]*Ignore it/,
	],
	[
		'a statement that timed out',
		`psycopg2.errors.QueryCanceled: canceling statement due to statement timeout
CONTEXT: SQL statement in delete_old_otks_for_next_user_batch …`,
		['symptom/statement-timeout', true, 'after-fix'],
		/not urgent[\s\S]*1\.151\.0[\s\S]*ten minutes instead of an hour[\s\S]*statement_timeout: 3600000[\s\S]*VACUUM/,
	],
	[
		'a proxy that timed out',
		'nginx: upstream timed out (110) while reading response header from upstream, client: 192.0.2.7, request: "GET /_matrix/client/v3/sync?since=s1"',
		['symptom/proxy-timeout', false, 'safe'],
		/^\*\*Not clear from this alone: [\s\S]*Processed request[\s\S]*background_updates/,
	],
	[
		'a renamed variable of the playbook',
		`TASK [galaxy/postgres : Fail if ...] ****
fatal: [matrix.example.org]: FAILED! => {"msg": "... variable matrix_foo_enabled has been renamed to ..."}`,
		['symptom/mdad-renamed', true, 'after-fix'],
		/your services keep\s+running[\s\S]*vars\.yml[\s\S]*!migrate mdad/,
	],
	[
		'an expired key of the archive',
		'W: GPG error: https://packages.matrix.org/debian bookworm InRelease: The following signatures were invalid: EXPKEYSIG F473DD4473365DE1',
		['symptom/archive-key-expired', true, 'after-fix'],
		/keeps running[\s\S]*wget[\s\S]*apt-get update[\s\S]*missed/,
	],
];

describe('ten texts that people really pasted', () => {
	test.each(texts)('%s', async (_, text, wanted, says) => {
		const { matches, lead } = await ask(text);
		expect([matches[0]?.id, matches[0]?.sure, matches[0]?.forward]).toEqual([
			wanted[id],
			wanted[sure],
			wanted[forward],
		]);
		expect(lead).toMatch(says);
	});
});

describe('the answer is narrowed by', () => {
	const text = 'ConfigError: MSC4108 requires MSC3861 to be enabled';

	test('the release in the command', async () => {
		expect((await ask(`1.136.0 ${text}`)).matches[0]?.id).toBe('fault/1.136.0/msc4108-needs-msc3861');
		expect((await ask(`1.120.0 ${text}`)).matches.map(match => match.id)).not.toContain(
			'fault/1.136.0/msc4108-needs-msc3861',
		);
	});

	test('a release that was withdrawn, which someone may still run', async () => {
		const { matches, all } = await ask('1.32.0 postgres FATAL: sorry, too many clients already');
		expect(matches[0]?.id).toBe('symptom/postgres-connections');
		expect(all).toContain('1.32.0 was withdrawn by its developers');
	});

	test.each(['1.0.0', '1.163.2'])(
		'the release, for each message with which any release refuses to start: %s',
		async release => {
			const { entries } = ports.code.refusals();
			const texts = new Set(entries.map(({ key }) => key.slice(key.indexOf(' ') + 1)));
			for (const text of texts) {
				const answer = await ask(`${release} synapse.config._base.ConfigError: ${text.replace(/\{\}|%\w/g, 'x')}`);
				expect(answer.kind, text).toBe('answer');
			}
		},
	);

	test('a release in the log', async () => {
		const { matches } = await ask(`File "/opt/synapse-1.136.0/lib/synapse/config/experimental.py"\n${text}`);
		expect(matches[0]?.id).toBe('fault/1.136.0/msc4108-needs-msc3861');
	});

	test('facts that rule it out', async () => {
		expect((await ask('sqlite FATAL: sorry, too many clients already')).matches).toEqual([]);
		expect((await ask('postgres FATAL: sorry, too many clients already')).matches[0]?.id).toBe(
			'symptom/postgres-connections',
		);
	});
});

describe('the first error', () => {
	test('of two thousand lines counts, not the last', async () => {
		const noise =
			'2026-11-29 09:00:00,000 - synapse.access.http.8008 - 460 - INFO - GET-1 - 192.0.2.1 - 8008 - Processed request\n';
		const text = `${noise.repeat(900)}synapse.config._base.ConfigError: Config option must be a string
${noise.repeat(900)}psycopg2.OperationalError: FATAL: the database system is shutting down
synapse exited with code 1`;
		const { matches } = await ask('', [{ name: 'log', text }]);
		expect(matches[0]).toMatchObject({ kind: 'refusal', line: 901 });
		expect(matches[1]?.id).toBe('symptom/postgres-away');
	});
});

test('lists faults of the running release for an error that says little by itself', async () => {
	const line = 'nginx: upstream timed out (110) while reading response header from upstream, request: "GET /sync"';
	const { matches } = await ask(`1.109.0 ${line}`);
	expect(matches.map(match => match.id)).toContain('fault/1.109.0/sync-waits-for-the-future');
	expect(matches.some(match => match.sure)).toBe(false);
	expect(
		(await ask(`1.163.2 ${line}`)).matches.filter(match => match.kind === 'fault' && match.since === '1.109.0'),
	).toEqual([]);
});

test("is not sure about a guide's error without a session of that guide", async () => {
	const { matches } = await ask('synapse: ERROR: unrecognized configuration parameter "foo" in file "postgresql.conf"');
	expect(matches[0]?.kind).toBe('guide');
	expect(matches[0]?.sure).toBe(false);
});

describe('an error that occurs many times', () => {
	const line = (i: number, message: string) =>
		`2026-11-29 10:00:00,${100 + i} - synapse.http.matrixfederationclient - 700 - ERROR - GET-${i} - ${message}`;
	const many = (count: number, message: string) => Array.from({ length: count }, (_, i) => line(i, message)).join('\n');
	const harmless = 'Failed to get profile: 401 - Access token has expired';

	test.each([1, 2, 20, 21, 500])('is recognised each time if it is harmless: %i times', async number => {
		const { lead, value } = await ask(many(number, harmless));
		expect(lead).toMatch(/^\*\*Harmless: /);
		expect(value).not.toHaveProperty('unexplained');
	});

	test('does not hide an unknown one after it', async () => {
		const { lead, value } = await ask(`${many(30, harmless)}\n${line(31, 'The frobnicator is out of cheese')}`);
		expect(lead).toMatch(/^\*\*I do not recognise this error/);
		expect(value).toMatchObject({ unexplained: { line: 31 }, harmless: [{ count: 30 }] });
	});

	test.each([
		['with two spellings of its message', "ModuleNotFoundError: No module named 'synapse'", 1],
		['more often than places are kept', many(50, 'FATAL: sorry, too many clients already'), 50],
	])('is counted once per occurrence: %s', async (_, text, times) => {
		const { all } = await ask(text);
		if (times > 1) expect(all).toContain(`${times} times in total`);
		else expect(all).not.toContain('in total');
	});
});

describe('an unknown error', () => {
	test('is called unknown, with what would help', async () => {
		const { matches, lead } = await ask('docker ZeroDivisionError: the frobnicator is not aligned with the moon');
		expect(matches).toEqual([]);
		expect(lead).toMatch(/^\*\*I do not recognise this error\.\*\*[\s\S]*docker compose logs/);
	});

	test('is not called harmless among harmless lines', async () => {
		const { matches, all } = await ask(
			'synapse - WARNING - authenticate_request failed: 401\nsynapse - ERROR - Frobnication of the moon failed',
		);
		expect(matches).toEqual([]);
		expect(all).toMatch(/I do not recognise this error.*line 2/);
	});
});

test('recognises symptoms described in a few words, but never as certain', async () => {
	for (const [said, wanted] of [
		['bridges are silent since the upgrade', /^fault\//],
		['restarts every 90 seconds', /^symptom\/systemd-start-timeout$/],
		['calls do nothing although matrix_rtc is set', /^symptom\/matrix-rtc-without-flag$/],
	] as const) {
		const { matches } = await ask(said);
		expect(matches[0]?.id).toMatch(wanted);
		expect(matches.every(match => !match.sure)).toBe(true);
	}
});

test('repeats no value from the text', async () => {
	const secrets = ['s3cr3t-token-abcdef', '/home/alice/keys', 'alice@example.com', '198.51.100.23', 'syt_YWxpY2U_abc'];
	const text = `2026-11-29 synapse ERROR token ${secrets[0]} of ${secrets[2]} at ${secrets[3]}
synapse.config._base.ConfigError: Error accessing file '${secrets[1]}' (config for ${secrets[4]}): [Errno 2]`;
	const answer = await ask(text);
	for (const secret of secrets) expect(JSON.stringify(answer)).not.toContain(secret);
});

const refusedStart = "Error in configuration at 'form_secret':\n  Config option must be a string";

describe('what to type, by installation method', () => {
	const typed = async (facts: string) => {
		const { sections, lead } = await ask(`${facts} ${refusedStart}`);
		return { lead, commands: sections.find(({ title }) => title === 'After the fix')?.markdown };
	};

	test.each([
		['docker', 'docker compose restart synapse', 'docker compose logs -f synapse'],
		['debian', 'systemctl restart matrix-synapse', undefined],
		['distro', 'systemctl restart matrix-synapse', 'journalctl -fu matrix-synapse'],
		['pip', 'synctl restart', undefined],
		['mdad', '--tags=install-all,start', 'journalctl -fu matrix-synapse'],
		['ess', 'helm upgrade ess', 'kubectl -n ess logs -f'],
		['nix', 'nixos-rebuild switch', 'journalctl -fu matrix-synapse'],
	])('%s', async (install, start, log) => {
		const { commands } = await typed(install);
		expect(commands).toContain(start);
		if (log !== undefined) expect(commands).toContain(log);
		expect(commands?.includes('installation generates')).toBe(['mdad', 'ess', 'nix'].includes(install));
	});

	test('says how a changed configuration is applied, for every recipe', () => {
		for (const [install, recipe] of Object.entries(ports.knowledge.installs))
			expect(recipe.apply, install).toBeDefined();
	});

	test('uses the paths of that installation method', async () => {
		expect((await typed('debian')).commands).toContain('/etc/matrix-synapse/homeserver.yaml');
		expect((await typed('docker')).commands).toContain('`/data/homeserver.yaml` inside the container');
	});

	test('suggests no start if no installation is stated, all is well, or nothing may be started', async () => {
		expect((await typed('')).commands).toBeUndefined();
		const titles = async (text: string) => (await ask(text)).sections.map(({ title }) => title);
		expect(
			await titles('docker authenticate_request failed: 401: Invalid signature for server m.example'),
		).not.toContain('After the fix');
		const hopeless =
			'psycopg2.errors.InvalidForeignKey: there is no unique constraint matching given keys for referenced table "events"';
		expect(await titles(`docker ${hopeless}`)).not.toContain('After the fix');
	});
});

describe('knowledge from the room', () => {
	const watching = (...servers: string[]): WatchStore => {
		const watches = servers.map(server => ({
			...{ id: server, room: '!a', server, facts: ['mdad'], changed: new Date(0) },
			told: { version: '1.156.0', at: '2026-11-01T00:00:00Z' },
		}));
		return {
			watches: async () => watches,
			watch: async (_: string, name: string) => watches.find(({ server }) => server === name),
			server: async () => undefined,
		} as unknown as WatchStore;
	};
	const told = async (text: string, kept: WatchStore) => {
		const asked = { words: [], text, room: '!a', sender: '@a:x', at: new Date(0) };
		const { lead, sections } = await why.run(asked, { ...ports, store: kept });
		return JSON.stringify([lead, sections]);
	};

	test('assumes the only server that the room watches, unless another may be meant', async () => {
		const one = await told(refusedStart, watching('example.org'));
		expect(one).toContain('I assume that this is from `example.org`, which this room watches.');
		expect(one).toContain('ansible-playbook');
		for (const text of [`docker ${refusedStart}`, `1.150 ${refusedStart}`])
			expect(await told(text, watching('example.org'))).not.toContain('I assume that this is from');
		expect(await told(refusedStart, watching('example.org', 'example.net'))).not.toContain(
			'I assume that this is from',
		);
		expect(await told(`example.net ${refusedStart}`, watching('example.org', 'example.net'))).toContain(
			'ansible-playbook',
		);
	});

	test("shows a guide's errors with a whole sentence as the title and without placeholders", async () => {
		const asked = { words: [], room: '!a', sender: '@a:x', at: new Date(0) };
		const titles = async (text: string) => {
			const { value, sections } = await why.run({ ...asked, text }, ports);
			expect(JSON.stringify(sections)).not.toMatch(/\{(?:to|from|data|port|user|db-service)\}/);
			return (value as { matches: ToldMatch[] }).matches.map(({ title }) => title);
		};
		expect(await titles('OSError: [Errno 28] No space left on device')).toContain(
			"The older server's files have filled the disk",
		);
		expect(await titles('FATAL: password authentication failed for user "synapse"')).toContain(
			"`pg_hba.conf` asks for SCRAM but the role's password is stored as MD5, or the password is not the one in `homeserver.yaml`",
		);
	});

	test("puts a guide's own errors first in its thread, as certain", async () => {
		const guide = ports.knowledge.guides.find(({ id }) => id === 'mdad');
		const stage = guide?.stages.find(({ failures }) => failures.some(({ id }) => id === 'key-broken'))?.id ?? '';
		const text = 'ConfigError: Error reading signing_key: not enough values to unpack';
		const first = async (session?: { guide: string; stage?: string }) => {
			const asked = { words: [], text, room: '!a', sender: '@a:x', at: new Date(0), ...(session && { session }) };
			const { matches } = (await why.run(asked, ports)).value as { matches: ToldMatch[] };
			return [matches[0]?.kind, matches[0]?.sure];
		};
		expect(await first({ guide: 'mdad', stage })).toEqual(['guide', true]);
		expect(await first()).not.toEqual(['guide', true]);
		expect(await first({ guide: 'postgres-major' })).not.toEqual(['guide', true]);
	});
});

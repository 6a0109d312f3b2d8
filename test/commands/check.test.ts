// !check as people use it: with words, code blocks, files or skeletons; and what the answer must never repeat.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { notes } from '../../commands/notes.ts';
import { rollback } from '../../commands/rollback.ts';
import { upgrade } from '../../commands/upgrade.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import { asked } from '../asked.ts';
import { wholePorts } from '../respondent.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const now = () => new Date('2026-11-29T12:00:00Z');
const ports = await wholePorts([], now());
const base = 'server_name: example.org\nreport_stats: false\ndatabase: {name: sqlite3}\n';

type Given = { name: string; text: string }[];
function ask(text: string, files?: Given) {
	return check.run(
		{ words: text.split(/\s+/), text, room: '!a', sender: '@a:x', at: new Date(0), ...(files && { files }) },
		ports,
	);
}
async function kinds(text: string, files?: Given): Promise<unknown[]> {
	const { findings } = (await ask(text, files)).value as { findings: Record<string, unknown>[] };
	return findings.map(({ kind, option, file, line }) => `${kind} ${option} ${file}:${line}`);
}
async function refusal(text: string, files?: Given): Promise<string> {
	try {
		return `answered: ${(await ask(text, files)).lead}`;
	} catch (error) {
		return (error as Error).message;
	}
}

describe('a required member that is missing is reported once', () => {
	test.each([
		['cas_config: { enabled: true }', ['cas_config message:4']],
		['cas_config:\n  displayname_attribute: x\n  enabled: true', ['cas_config message:4']],
		['account_validity:\n  renew_at: 1w\n  enabled: true', ['account_validity.enabled message:6']],
		['sentry: { environment: x }', ['sentry message:4']],
		['jwt_config: { enabled: true, algorithm: x }', ['jwt_config.enabled message:4']],
		['retention:\n  purge_jobs:\n    - shortest_max_lifetime: 1d', ['retention.purge_jobs[] message:6']],
		[
			'trusted_key_servers:\n  - verify_keys: {}\n  - server_name: a\n  - accept_keys_insecurely: true',
			['trusted_key_servers[] message:5', 'trusted_key_servers[] message:7'],
		],
		['old_signing_keys:\n  "ed25519:a": { key: x }', ['old_signing_keys.* message:5']],
		['thumbnail_sizes: [{ width: 1, height: 1 }]', ['thumbnail_sizes[].method message:4']],
	])('%s', async (text, expected) => {
		const found = (await kinds(`1.163.2\n${base}${text}`)).filter(line => String(line).startsWith('refuses '));
		expect(found).toEqual(expected.map(line => `refuses ${line}`));
	});
});

describe('a file that is not YAML', () => {
	const broken = { name: 'homeserver.yaml', text: `${base}a:\n  b: 1\n   c: 2\n` };
	const worker = { name: 'worker.yaml', text: 'worker_app: synapse.app.generic_worker\nworker_nam: x\n' };

	test.each([['1.163.2'], ['1.98 1.163.2'], ['1.163.2 workers mas']])(
		'%s: only the refusal and its place',
		async words => {
			const { value, lead, sections, wouldRefuse } = await ask(words, [broken]);
			expect(wouldRefuse).toBe(true);
			expect(lead).toContain('1.163.2 would not start: it cannot read 1 file.');
			const at = { file: 'homeserver.yaml', line: 6, option: '' };
			expect(value).toMatchObject({ refuses: true, findings: [{ kind: 'refuses', ...at }] });
			const why = 'it cannot be read, so nothing in it could be checked';
			expect((value as { unjudged: unknown }).unjudged).toEqual([{ ...at, kind: 'unreadable', why }]);
			expect(sections.map(({ title }) => title)).toEqual(['Prevents startup (1)', 'Could not check (1)', 'Next']);
			expect(sections[1]?.markdown).toBe(`* \`homeserver.yaml:6\` ${why}`);
		},
	);

	test('and what the other files show all the same', async () => {
		const { value, lead } = await ask('1.163.2', [broken, worker, { name: 'x.yaml', text: 'smtp_host: "' }]);
		const { findings, unjudged } = value as {
			findings: { kind: string; file: string }[];
			unjudged: { file: string }[];
		};
		expect(findings.map(({ kind, file }) => `${kind} ${file}`)).toEqual([
			'refuses homeserver.yaml',
			'refuses x.yaml',
			'unknown worker.yaml',
		]);
		expect(unjudged.map(({ file }) => file)).toEqual(['homeserver.yaml', 'x.yaml']);
		expect(lead).toContain('it cannot read 2 files. 1 line may not do what you meant.');
	});

	test('and a refusal of another file', async () => {
		const { lead } = await ask('1.163.2', [{ name: 'a.yaml', text: `${base}form_secret: 5\n` }, broken]);
		expect(lead).toContain('1.163.2 would not start: it cannot read 1 file, and 1 setting prevents it.');
	});
});

describe('one refusal is counted once', () => {
	test.each([
		[
			'of a value that no type would mend',
			'1.157.1',
			'experimental_features:\n  msc3861: 1.5\n',
			'experimental_features.msc3861',
		],
		// Until 1.39 the versions above 7, from 1.40.0rc1 on those above 8.
		['of a candidate, as of its final release', '1.40.0rc2', 'default_room_version: 10\n', 'default_room_version'],
	])('%s', async (_, release, text, option) => {
		const { value, lead } = await ask(`${release}\n${base}${text}`);
		const { findings } = value as { findings: { kind: string; option: string }[] };
		expect(findings.filter(({ kind }) => kind === 'refuses').map(one => one.option)).toEqual([option]);
		expect(lead).toContain('1 setting prevents it');
	});
});

describe('an option that was removed between two tested releases no longer stops the start', () => {
	const cas =
		'public_baseurl: https://example.org/\ncas_config: { enabled: true, server_url: "https://cas.example.org" }\n';
	test.each([
		['1.26.0', cas, ['refuses cas_config message:5']],
		['1.27.0', cas, []],
		['1.37.1', cas, []],
		['1.38.0', 'stats:\n  bucket_size: 1.5\n', ['refuses stats.bucket_size message:5']],
		['1.39.0', 'stats:\n  bucket_size: 1.5\n', ['removed stats.bucket_size message:5']],
	])('%s: %s', async (release, text, expected) => expect(await kinds(`${release}\n${base}${text}`)).toEqual(expected));
});

test('does not call a value hidden if only the effect on this release is unknown', async () => {
	const answer = await ask(`1.65.0\n${base}session_lifetime: true\nform_secret: x\n`);
	const unjudged = (answer.value as { unjudged: { option: string }[] }).unjudged;
	expect(unjudged.find(({ option }) => option === 'session_lifetime')).toEqual({
		kind: 'undecided',
		option: 'session_lifetime',
		file: 'message',
		line: 4,
		why: 'it is not known whether this release accepts a value of this type here',
	});
	const { markdown = '' } = answer.sections.find(({ title }) => title.startsWith('Could not check')) ?? {};
	expect(markdown).toContain(
		'`message:4` `session_lifetime`: it is not known whether this release accepts a value of this type here',
	);
	expect(markdown).not.toContain('hidden');
});

describe('reads the configuration from', () => {
	test('a code block', async () => {
		const said = `1.163.2\n\`\`\`yaml\n${base}smtp_host: x\n\`\`\`\nthank you`;
		expect(await kinds(said)).toEqual(['misplaced smtp_host message:4']);
	});

	test('several code blocks, with names', async () => {
		const said = `1.163.2\n\`\`\`yaml homeserver.yaml\n${base}\`\`\`\n\`\`\`yaml conf.d/email.yaml\nsmtp_host: x\n\`\`\``;
		expect(await kinds(said)).toEqual(['misplaced smtp_host conf.d/email.yaml:1']);
	});

	test('the lines after the command', async () => {
		expect(await kinds(`1.163.2\n${base}smtp_host: x`)).toEqual(['misplaced smtp_host message:4']);
	});

	test('files', async () => {
		const files = [{ name: 'homeserver.yaml', text: `${base}smtp_host: x\n` }];
		expect(await kinds('1.163.2', files)).toEqual(['misplaced smtp_host homeserver.yaml:4']);
	});

	test('a skeleton, with the line numbers of the original, and accepts hidden values', async () => {
		const skeleton =
			'--- # file 1\nserver_name: "***"  # 10\nreport_stats: false  # 11\ndatabase:  # 12\n  name: "psycopg2"  # 13\nsmtp_host: "***"  # 40\nown5: "***"  # 41\nsession_lifetime: 0  # 42\n--- # file 2\nworker_app: synapse.app.generic_worker  # 3\nworker_replication_host: "***"  # 4\n';
		expect(await kinds('1.163.2', [{ name: 'x', text: skeleton }])).toEqual([
			'refuses worker_app file 2:3',
			'refuses worker_replication_host file 2:4',
			'misplaced smtp_host file 1:40',
		]);
	});

	test('nowhere, and attaches a script that prints it without values', async () => {
		const { files, sections, value } = await ask('docker');
		const text = files?.[0]?.text ?? '';
		expect(text).toContain('import os, re, sys, yaml');
		expect(JSON.stringify(sections)).toContain(createHash('sha256').update(text).digest('hex'));
		expect(JSON.stringify(sections)).toContain('docker compose exec');
		expect(value).toMatchObject({ skeleton: { text } });
	});
});

describe('which releases', () => {
	test.each([
		['', undefined, ports.knowledge.releases.findLast(({ version }) => !version.includes('rc'))?.version],
		['1.98', undefined, '1.98.0'],
		['1.98 1.120', '1.98.0', '1.120.2'],
		['from 1.98', '1.98.0', ports.knowledge.releases.findLast(({ version }) => !version.includes('rc'))?.version],
	])('%j', async (words, from, to) => {
		expect((await ask(`${words}\n${base}`)).value).toMatchObject({ to, ...(from && { from }) });
	});

	test('refuses a start that is newer than the target', async () => {
		expect(await refusal(`1.120 1.98\n${base}`)).toContain('is not older than');
	});
});

describe('refusals', () => {
	test('do not include what may be outside an excerpt', async () => {
		expect((await ask('1.163.2\nsmtp_host: x')).value).toMatchObject({ refuses: false });
	});

	test('include a whole file without a server name', async () => {
		const answer = await ask('1.163.2', [{ name: 'homeserver.yaml', text: 'report_stats: false\n' }]);
		expect(answer.wouldRefuse).toBe(true);
		expect(answer.value).toMatchObject({ refuses: true });
	});

	test('include invalid YAML in every release, without quoting it', async () => {
		const answer = await ask('1.163.2', [{ name: 'homeserver.yaml', text: `${base}a:\n\tb: hunter2\n` }]);
		expect(answer.wouldRefuse).toBe(true);
		expect(JSON.stringify(answer)).not.toContain('hunter2');
		expect(JSON.stringify(answer.sections)).toContain('homeserver.yaml:5');
	});

	test('include a missing database in a whole file, but not in an excerpt', async () => {
		const part = 'server_name: example.org\nreport_stats: false\n';
		expect((await ask(`1.163.2\n${part}`)).value).toMatchObject({ refuses: false });
		expect(await kinds('1.163.2', [{ name: 'h.yaml', text: part }])).toEqual(['refuses database :0']);
	});

	test('are not claimed for a file that is above our own limit', async () => {
		expect(await refusal('', [{ name: 'h.yaml', text: 'a: b\n'.repeat(300_000) }])).toContain('larger than 1 MB');
	});
});

test('uses facts from the files, and prefers what a person says', async () => {
	const text = `${base.replace('sqlite3', 'psycopg2')}listeners: [{port: 1, type: metrics}]\n`;
	const value = (await ask('1.163.2', [{ name: 'h.yaml', text }])).value;
	expect(value.profile).toMatchObject({ database: 'postgres', metrics: true });
	const denied = await ask('1.163.2 no-metrics', [{ name: 'h.yaml', text }]);
	expect(denied.value.profile).toMatchObject({ metrics: false });
	expect(denied.lead).toContain('`metrics`');
});

test('does not repeat a name that no option could have', async () => {
	const text = `${base}"correct horse": x\n12345678901234567890: x\nemail:\n  "a b": x\n  smtp_host: x\n  smtp_host: y\nverify:\n  "k k": 1\n  "k k": 2\n`;
	const said = JSON.stringify(await ask('1.163.2', [{ name: 'h.yaml', text }]));
	for (const name of ['correct horse', '12345678901234567890', 'a b', 'k k']) expect(said).not.toContain(name);
	expect(said).toContain('email.smtp_host');
});

test('has a skeleton script that keeps every word a condition compares with', async () => {
	const text = readFileSync(new URL('skeleton.py', folder), 'utf8');
	const words = new Set(/set\("""([\s\S]*?)"""/.exec(text)?.[1]?.split(/\s+/));
	const wanted = JSON.stringify(ports.knowledge.notes.map(({ found }) => found)).matchAll(/"is":"([^"]*)"/g);
	// Names of worker apps and an empty string are always shown.
	const shown = /^(?:synapse\.app\.[a-z_]+)?$/;
	const hidden = [...wanted].map(([, word = '']) => word).filter(word => !shown.test(word));
	expect(hidden.filter(word => !words.has(word))).toEqual([]);
});

test('a plan with a file asks nothing that the file answers', async () => {
	const text = `${base}listeners: [{port: 8008, type: http, x_forwarded: true}]\n`.replace('sqlite3', 'psycopg2');
	const said = (files?: Given) => ({
		words: ['1.98', '1.163.2', 'docker', 'postgres=15'],
		text: '',
		room: '!a',
		sender: '@a:x',
		at: new Date(0),
		...(files && { files }),
	});
	type Seen = { steps: { must: boolean; refuses: boolean; ask?: string[] }[] };
	const told = async (files?: Given) =>
		(await upgrade.run(said(files), { ...ports, store: openLater(), now: () => new Date('2026-11-29') }))
			.value as unknown as Seen;
	const before = await told();
	const after = await told([{ name: 'homeserver.yaml', text }]);
	const refusing = ({ steps }: Seen) => steps.filter(({ refuses }) => refuses).length;
	const asking = ({ steps }: Seen) => steps.filter(({ must, ask }) => must && ask).length;
	expect(refusing(before)).toBeGreaterThan(5);
	expect(refusing(after)).toBe(0);
	expect(asking(before)).toBeGreaterThan(5);
	expect(asking(after)).toBe(0);
});

test('never repeats a planted secret in an answer, a refusal or JSON', async () => {
	const secret = 'Pl4nted-S3cret-Value';
	const paths = [...ports.code.options().byPath.keys()].filter(path => !/[[*"]/.test(path));
	const nested = (path: string, value: string): string => {
		const keys = path.split('.');
		return keys
			.map((key, depth) => `${'  '.repeat(depth)}${key}:${depth === keys.length - 1 ? ` ${value}` : ''}`)
			.join('\n');
	};
	const values = [secret, `[${secret}]`, `{${secret}: ${secret}}`, `"https://u:${secret}@x.example/"`];
	// The kinds of values alternate from option to option.
	for (const [index, path] of paths.entries()) {
		const files = [{ name: 'homeserver.yaml', text: `${base}${nested(path, values[index % values.length] ?? '')}\n` }];
		expect(JSON.stringify(await ask('1.163.2', files)), path).not.toContain(secret);
	}
	for (const text of [
		`a: "${secret}`,
		`a: [${secret}`,
		`\t${secret}: x`,
		`a: !${secret} b`,
		`a: *${secret}`,
		`- ${secret}`,
	])
		expect(JSON.stringify(await ask('1.163.2', [{ name: 'h.yaml', text }])), text).not.toContain(secret);
});

test('refuses or answers hostile files in a sentence', async () => {
	const deep = `a: ${'['.repeat(50_000)}`;
	const bomb = `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(',')}]`).join('\n')}\n`;
	for (const text of [deep, bomb, 'a: b\n'.repeat(2_000_000), 'a: \u0000']) {
		const before = process.cpuUsage();
		expect((await refusal('1.163.2', [{ name: 'h.yaml', text }])).length).toBeLessThan(400);
		const { user, system } = process.cpuUsage(before);
		expect((user + system) / 1_000_000).toBeLessThan(1);
	}
});

test('look alone returns the script, and the output of the script decides conditions', async () => {
	const said = async (...words: string[]) =>
		await upgrade.run(
			{ words: ['1.98', '1.163.2', 'docker', ...words], text: '', room: '!a', sender: '@a:x', at: new Date(0) },
			{ ...ports, store: openLater(), now: () => new Date('2026-11-29') },
		);
	const script = await said('look');
	expect(JSON.stringify(script.value)).toContain('1.157.0/msc3861');
	type Seen = {
		steps: { id: string; refuses: boolean; onlyIf?: string }[];
		hidden: { id: string; because: string[] }[];
	};
	const none = (await said('look', 'none')).value as unknown as Seen;
	expect(none.hidden).toContainEqual(
		expect.objectContaining({ id: '1.163.0/profile-limit-needs-auth', because: ['configuration'] }),
	);
	const one = (await said('look', '1.163.0/profile-limit-needs-auth')).value as unknown as Seen;
	expect(one.steps.find(({ id }) => id === '1.163.0/profile-limit-needs-auth')).not.toHaveProperty('onlyIf');
	await expect(said('look', 'rm')).rejects.toThrow('the output of the script');
});

test('refuses versions of Matrix Authentication Service by name', async () => {
	const said = (...words: string[]) =>
		upgrade.run(
			{ words, text: '', room: '!a', sender: '@a:x', at: new Date(0) },
			{ ...ports, store: openLater(), now: () => new Date('2026-11-29') },
		);
	await expect(said('mas', '0.12', '1.0')).rejects.toThrow('Matrix Authentication Service');
	expect(await refusal('mas 0.12 1.0')).toContain('Matrix Authentication Service');
	await expect(notes.run(asked('mas 1.0'), ports)).rejects.toThrow('Matrix Authentication Service');
	expect(() => rollback.run(asked('mas 1.0 0.12'), ports)).toThrow('Matrix Authentication Service');
	expect((await said('1.130', 'mas')).value).toMatchObject({ from: '1.130.0' });
});

describe('files of a reverse proxy', () => {
	const site = `upstream pool { server 10.9.8.7:8008; }
server {
  location ~ ^/_matrix/client/(r0|v3)/(sync|logout)$ { proxy_pass http://10.9.8.7:8081; }
  location ~ ^/_matrix/federation/v1/send/ { proxy_pass http://10.9.8.7:8081; }
  location / { proxy_pass http://pool; }
}
`;

	test('show which routes go to the wrong process, and say nothing about startup', async () => {
		const answer = await ask('1.163 workers', [{ name: 'site.conf', text: site }]);
		expect(answer.lead).toContain('The proxy sends 2 routes to the wrong process.');
		expect(answer.value).toMatchObject({ refuses: false, unjudged: [] });
		expect(answer.value.findings).toContainEqual(
			expect.objectContaining({ kind: 'misplaced', file: 'site.conf', line: 3, option: '/_matrix/client/v3/logout' }),
		);
	});

	test('are checked together with a configuration, without repeating their addresses', async () => {
		const homeserver = 'server_name: x\nreport_stats: false\ndatabase: { name: sqlite3 }\n';
		const answer = await ask('1.163 workers', [
			{ name: 'homeserver.yaml', text: homeserver },
			{ name: 'site.conf', text: site },
		]);
		expect(answer.lead).toContain('nothing that stops');
		expect(answer.lead).toContain('The proxy sends 2 routes');
		expect(JSON.stringify(answer)).not.toMatch(/10\.9\.8\.7|8081|pool/);
	});
});

// As the official image generates it, changed to PostgreSQL by the admin.
const generated = `server_name: example.org
pid_file: /data/homeserver.pid
listeners:
  - port: 8008
    resources:
      - compress: false
        names: [client, federation]
    tls: false
    type: http
    x_forwarded: true
database:
  name: psycopg2
  args: { user: synapse, password: x, dbname: synapse, host: db, cp_min: 5, cp_max: 10 }
log_config: /data/example.org.log.config
media_store_path: /data/media_store
registration_shared_secret: x
report_stats: false
macaroon_secret_key: x
form_secret: x
signing_key_path: /data/example.org.signing.key
trusted_key_servers:
  - server_name: matrix.org
`;

describe("a plan with the image's own configuration has no conditions on required steps", () => {
	test.each(['1.61 docker postgres=14', '1.74 docker postgres=15', '1.98 docker postgres=15', '1.98 mdad postgres=15'])(
		'%s',
		async text => {
			const said = { words: text.split(' '), text, room: '!a', sender: '@a:x', at: new Date(0) };
			const files = [{ name: 'homeserver.yaml', text: generated }];
			const { steps } = (await upgrade.run({ ...said, files }, ports)).value as unknown as {
				steps: { id: string; must: boolean; onlyIf?: string }[];
			};
			const must = steps.filter(step => step.must);
			expect(must.length).toBeLessThanOrEqual(8);
			expect(must.filter(({ onlyIf }) => onlyIf)).toEqual([]);
		},
	);
});

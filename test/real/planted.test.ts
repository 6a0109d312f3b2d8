// Secrets in every option, of every kind and name, in the main file, workers' files and a log configuration: neither script
// prints one, on any Python that is here, but what they say that they keep. They print the same on each of them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { askedByLook, lookScript } from '../../src/advice/check/look.ts';
import { parsePath } from '../../src/configuration/path.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { cache, environment } from '../../tools/verify/machine/environment.ts';
import { SYNAPSE } from './synapse.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const options = openCode(folder).options();
const dir = mkdtempSync(join(tmpdir(), 'glia-planted-'));
afterAll(() => rmSync(dir, { recursive: true }));
const asked = askedByLook(knowledge.notes, { from: '0.0.1', to: SYNAPSE, profile: new Map() });
const script = (name: string, text: string) => {
	writeFileSync(join(dir, name), text);
	return join(dir, name);
};
const skeleton = script('skeleton.py', readFileSync(new URL('skeleton.py', folder), 'utf8'));
const look = script('look.py', lookScript(readFileSync(new URL('look.py', folder), 'utf8'), asked, options));

/** The Pythons of this machine from 3.6 on, each in an environment of its own with the PyYAML that it takes. */
function plainPythons(): [string, string][] {
	return Array.from({ length: 12 }, (_, index) => `3.${index + 6}`).flatMap((version): [string, string][] => {
		const env = { ...process.env, PYENV_VERSION: version };
		const found = spawnSync(`python${version}`, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8', env });
		if (found.status !== 0) return [];
		const home = join(cache, `pyyaml-python${version}`);
		const python = join(home, 'bin', 'python');
		const run = (...words: string[]) => {
			const { status, stderr } = spawnSync(words[0] ?? '', words.slice(1), { encoding: 'utf8', env });
			if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr.slice(-500)}`);
		};
		if (!existsSync(join(home, 'ready'))) {
			mkdirSync(cache, { recursive: true });
			rmSync(home, { recursive: true, force: true });
			run(found.stdout.trim(), '-m', 'venv', home);
			run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'pyyaml');
			writeFileSync(join(home, 'ready'), '');
		}
		return [[`Python ${version}`, python]];
	});
}

/** Environments that people have: from PyPI, of three times; a package of upstream's holds such a one too. */
async function synapsePythons(): Promise<[string, string][]> {
	const releases = knowledge.releases.filter(({ version }) => ['1.81.0', '1.136.0', SYNAPSE].includes(version));
	return Promise.all(
		releases.map(
			async (release): Promise<[string, string]> => [`Synapse ${release.version}`, await environment(release)],
		),
	);
}

const pythons = [...plainPythons(), ...(await synapsePythons())];

const secret = 'Zq7xPlantedKv';
const word = 'correcthorsebattery';
const digits = '84213957';
/** A name of its own: the script shows one invented name in its place everywhere, which would cover up what else leaks. */
const workerName = 'Wn9xPlantedName';
/** What stands for each value, as YAML, and what of it must not be printed. */
const kinds: Record<string, { yaml: string; hidden: string }> = {
	text: { yaml: secret, hidden: secret },
	'a word': { yaml: word, hidden: word },
	'words in quotes': { yaml: `"${word} ${secret}"`, hidden: word },
	'an address with a password': { yaml: `"https://u:${secret}@x.example/"`, hidden: secret },
	'a tag': { yaml: `!secret ${secret}`, hidden: secret },
	'a list': { yaml: `[${secret}, [${secret}]]`, hidden: secret },
	'a mapping': { yaml: `{a: ${secret}, password: ${word}}`, hidden: secret },
	'a name in mixed case': { yaml: `{${secret}: 1}`, hidden: secret },
	'a name of 32 hexadecimal digits': { yaml: '{0f1e2d3c4b5a69788796a5b4c3d2e1f0: 1}', hidden: '0f1e2d3c4b5a6978' },
	'a name like an access token': { yaml: '{syt_YWxpY2U_RkVzcUtKQ0tW_1Yp2mB: 1}', hidden: 'RkVzcUtKQ0tW' },
	'a number': { yaml: digits, hidden: digits },
	'digits in quotes': { yaml: `"${digits}"`, hidden: digits },
	'digits with a unit': { yaml: `"${digits}d"`, hidden: digits },
	'a weak password': { yaml: '"main"', hidden: '' },
};

/** Every option of every release, with one value; elements and members where their names are one's own. */
function planted(yaml: string, wanted: (path: string) => boolean): string {
	const root: Record<string, unknown> = {};
	for (const path of [...options.byPath.keys()].filter(wanted).sort((a, b) => b.length - a.length)) {
		let here = root;
		const segments = parsePath(path) ?? [];
		for (const [index, name] of segments.entries()) {
			const key = name === '[]' ? '0' : name === '*' ? 'own' : name;
			const isLast = index === segments.length - 1;
			if (isLast) here[key] ??= '@';
			else {
				if (typeof here[key] !== 'object') here[key] = segments[index + 1] === '[]' ? [] : {};
				here = here[key] as Record<string, unknown>;
			}
		}
	}
	return Object.entries(root)
		.map(([key, value]) => `${key}: ${JSON.stringify(value).replaceAll('"@"', () => yaml)}`)
		.join('\n');
}

function filesWith(yaml: string): string[] {
	const files = {
		'homeserver.yaml': `server_name: x.example\n# ${secret} in a comment\n${planted(yaml, path => path !== 'worker_name')}\nnot_an_option: ${yaml}\n`,
		'worker1.yaml': `worker_app: synapse.app.generic_worker\nworker_name: ${workerName}\n${planted(yaml, path => path.startsWith('worker_') && !/^worker_(app|name)$/.test(path))}\n`,
		'worker2.yaml': `worker_app: ${yaml}\nworker_name: other${workerName}\n`,
		'log.yaml': `version: 1\nhandlers: {h: {class: ${yaml}, filename: ${yaml}, token: ${yaml}}}\nroot: {handlers: [h], level: ${yaml}}\n`,
	};
	return Object.entries(files).map(([name, text]) => script(name, text));
}

function printed(python: string, of: string, files: readonly string[]): string {
	const { stdout, stderr } = spawnSync(python, [of, ...files], { encoding: 'utf8', maxBuffer: 100_000_000 });
	return `${stdout}${stderr}`;
}

/** Kept on purpose: numbers, and digits with a unit, under a name that says an amount and no secret. */
const amount =
	/(?:^|_)(?:port|size|count|factor|limit|period|lifetime|interval|time|timeout|second|width|height|cp_min|cp_max|age|days|delay|ttl|rounds|complexity|after|duration|pixels|max|min|version): /;
/** `- 5` below such a name is one of its elements. */
function leaks(text: string, hidden: string): string[] {
	let name = '';
	return text.split('\n').filter(line => {
		if (/^\s*[\w"'-][^:]*:/.test(line)) name = `${line.trim().split(':')[0]}: `;
		if (hidden === '' || !line.includes(hidden)) return false;
		return hidden !== digits || !amount.test(name);
	});
}

/** What the first Python prints of each kind: the others have to print the same, so that few kinds are enough for them. */
const first = new Map<string, string>();
const few = new Set(['text', 'a tag', 'a name in mixed case', 'a number']);

describe.each(pythons)('%s', (name, python) => {
	const all = Object.entries(kinds);
	const own = python === pythons[0]?.[1] || name.endsWith(SYNAPSE) ? all : all.filter(([kind]) => few.has(kind));
	test.each(own)('%s', { timeout: 300_000 }, (kind, { yaml, hidden }) => {
		const files = filesWith(yaml);
		const kept = printed(python, skeleton, files);
		expect(leaks(kept, hidden).slice(0, 5)).toEqual([]);
		expect(kept).not.toContain(secret);
		expect(kept).not.toContain(word);
		expect(kept).not.toContain(workerName);
		expect(kept.split('\n').filter(line => line.startsWith('--- # file'))).toHaveLength(files.length);
		expect(kept.length, 'it went through every option').toBeGreaterThan(20_000);
		if (kind === 'a weak password')
			expect(
				kept.split('\n').filter(line => /(?:secret|password|passwd|_pass|token|salt|pepper|dsn)\w*: "main"/.test(line)),
			).toEqual([]);
		expect(kept, 'as the first Python here prints it').toBe(first.get(kind) ?? kept);
		first.set(kind, kept);
		// Ids of notes, or the kind of an error with its line: nothing else.
		expect(printed(python, look, files).trim()).toMatch(
			/^look(?: \??\d[\w.]*\/[a-z0-9-]+)+$|^look none$|^look failed: \w+, line \d+$/,
		);
	});

	test.each([
		['a mistake on the line of a secret', `server_name: x\npassword: "${secret}\nb: c\n`],
		['an alias that is not there', `server_name: x\npassword: *${secret}\n`],
		['a tab', `server_name: x\nemail:\n\tsmtp_pass: ${secret}\n`],
		['a directive', `%${secret} x\n---\na: b\n`],
		['a template', `server_name: x\nform_secret: {{ ${secret} }}\n`],
		['a block of text', `server_name: x\nform_secret: |\n  ${secret}\n  ${word}\nlist:\n  - >-\n    ${secret}\n`],
		['an anchor, merged', `server_name: x\nx: &${secret} {password: ${secret}}\nemail:\n  <<: *${secret}\n`],
	])('%s', { timeout: 120_000 }, (_, text) => {
		const file = script('broken.yaml', text);
		for (const of of [skeleton, look]) expect(printed(python, of, [file])).not.toMatch(new RegExp(`${secret}|${word}`));
	});
});

test('more than one Python was tried', () => {
	expect(pythons.length).toBeGreaterThan(1);
});

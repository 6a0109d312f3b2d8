// Secrets of every kind in every option, in the main file, worker files and a log configuration: neither script prints
// one on any Python found here, except for what they say they keep. They print the same on each Python.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { askedByLook, lookScript } from '../../src/advice/check/look.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { cache, environment } from '../../tools/verify/machine/environment.ts';
import { broken, filesWith, kinds, leaks, lookLine, secret, word, workerName } from './planted.ts';
import { SYNAPSE } from './synapse.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const options = openCode(folder).options();
const dir = mkdtempSync(join(tmpdir(), 'glia-planted-'));
afterAll(() => rmSync(dir, { recursive: true }));
const asked = askedByLook(knowledge, { from: '0.0.1', to: SYNAPSE, profile: new Map() });
const script = (name: string, text: string) => {
	writeFileSync(join(dir, name), text);
	return join(dir, name);
};
const skeleton = script('skeleton.py', readFileSync(new URL('skeleton.py', folder), 'utf8'));
const look = script('look.py', lookScript(readFileSync(new URL('look.py', folder), 'utf8'), asked, options));

/** The Python versions on this machine from 3.6 on, each in its own environment with a matching PyYAML. */
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

/** Environments with three Synapse releases from PyPI. Upstream's packages contain such environments too. */
async function synapsePythons(): Promise<[string, string][]> {
	const releases = knowledge.releases.filter(({ version }) => ['1.81.0', '1.136.0', SYNAPSE].includes(version));
	return Promise.all(
		releases.map(
			async (release): Promise<[string, string]> => [`Synapse ${release.version}`, await environment(release)],
		),
	);
}

const pythons = [...plainPythons(), ...(await synapsePythons())];

function printed(python: string, of: string, files: readonly string[]): string {
	const { stdout, stderr } = spawnSync(python, [of, ...files], { encoding: 'utf8', maxBuffer: 100_000_000 });
	return `${stdout}${stderr}`;
}

/** What the first Python prints for each kind. The others must print the same, so a few kinds are enough for them. */
const first = new Map<string, string>();
const few = new Set(['text', 'a tag', 'a name in mixed case', 'a number']);

describe.each(pythons)('%s', (name, python) => {
	const all = Object.entries(kinds);
	const own = python === pythons[0]?.[1] || name.endsWith(SYNAPSE) ? all : all.filter(([kind]) => few.has(kind));
	test.each(own)('%s', { timeout: 300_000 }, (kind, { yaml, hidden }) => {
		const files = Object.entries(filesWith(yaml, options)).map(([file, text]) => script(file, text));
		const kept = printed(python, skeleton, files);
		expect(leaks(kept, hidden).slice(0, 5)).toEqual([]);
		expect(kept).not.toContain(secret);
		expect(kept).not.toContain(word);
		expect(kept).not.toContain(workerName);
		expect(kept.split('\n').filter(line => line.startsWith('--- # file'))).toHaveLength(files.length);
		expect(kept.length, 'the length with every option').toBeGreaterThan(20_000);
		if (kind === 'a weak password')
			expect(
				kept.split('\n').filter(line => /(?:secret|password|passwd|_pass|token|salt|pepper|dsn)\w*: "main"/.test(line)),
			).toEqual([]);
		expect(kept, 'what the first Python printed').toBe(first.get(kind) ?? kept);
		first.set(kind, kept);
		const said = printed(python, look, files).trim();
		expect(said).toMatch(lookLine);
		// Installed packages only count if Synapse is installed.
		if (!said.startsWith('look failed')) {
			expect(said.startsWith('look python=')).toBe(name.startsWith('Synapse'));
			expect(said.includes('?1.163.0/txredisapi')).toBe(!name.startsWith('Synapse'));
		}
	});

	test.each(broken)('%s', { timeout: 120_000 }, (_, text) => {
		const file = script('broken.yaml', text);
		for (const of of [skeleton, look]) expect(printed(python, of, [file])).not.toMatch(new RegExp(`${secret}|${word}`));
	});
});

test('finds more than one Python', () => {
	expect(pythons.length).toBeGreaterThan(1);
});

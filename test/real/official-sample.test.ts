// The sample configuration from 1.61.0, the last one with all options in it, checked against the newest release.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { mended, officialSample } from '../../tools/verify/configurations/starts.ts';
import { environment } from '../../tools/verify/machine/environment.ts';
import { wholePorts } from '../respondent.ts';
import { SYNAPSE } from './synapse.ts';

const ports = await wholePorts([check], new Date(0));
const release = ports.knowledge.releases.find(({ version }) => version === SYNAPSE);
if (!release) throw new Error(`${SYNAPSE} is unknown`);
const dir = mkdtempSync(join(tmpdir(), 'glia-official-'));
afterAll(() => rmSync(dir, { recursive: true }));
const asShipped = await officialSample(dir);
const whole = mended(asShipped);
if (!whole) throw new Error('the sample cannot be mended');

async function findings(files: { name: string; text: string }[], target = SYNAPSE) {
	const answer = await check.run({ words: [], text: target, room: '', sender: '', at: new Date(0), files }, ports);
	const { findings: found, refuses } = answer.value as unknown as {
		findings: Record<string, unknown>[];
		refuses: boolean;
	};
	return { refuses, found: found.map(({ kind, option }) => `${kind} ${option}`) };
}

/** The error of the release when it reads the file, or null. */
function said(text: string): string | null {
	const probe = fileURLToPath(new URL('../../tools/verify/configurations/probe.py', import.meta.url));
	const log = 'version: 1\nhandlers: { c: { class: logging.StreamHandler } }\nroot: { handlers: [c] }\n';
	const key = 'ed25519 a_abcd 0aGrE1hsx2WTWRcOXhHUCbvSgP3QDm4Sz7xxBeXyJ4M\n';
	const files = {
		'homeserver.yaml': text.replaceAll('/data/', '$DIR/'),
		'example.org.log.config': log,
		'example.org.signing.key': key,
	};
	const asked = [{ case: 'official', files, processes: [['homeserver.yaml']] }];
	const { stdout, stderr } = spawnSync(python, [probe], { input: JSON.stringify(asked), encoding: 'utf8' });
	expect(stdout, stderr).toContain('{');
	return JSON.parse(stdout.slice(stdout.indexOf('{"official"'))).official;
}

const python = await environment(release);

test('is only missing `report_stats` as shipped, which the release also says', async () => {
	expect(await findings(asShipped.files)).toEqual({ refuses: true, found: ['refuses report_stats'] });
	expect(said(asShipped.files[0]?.text ?? '')).toContain('report_stats');
});

test('has no findings once that is set, and the release accepts it', async () => {
	expect(await findings(whole.files)).toEqual({ refuses: false, found: [] });
	expect(said(whole.files[0]?.text ?? '')).toBeNull();
});

test('only has options that some release knows', async () => {
	// `#name:` at the start of a line is a top-level option; `# ` starts prose.
	const text = whole.files[0]?.text ?? '';
	const names = [...text.matchAll(/^#([a-z_]+):(?: |$)/gm)].map(([, name]) => name ?? '');
	expect(names.length).toBeGreaterThan(100);
	const unknown = names.filter(name => !ports.code.options().byPath.has(name));
	expect(unknown).toEqual([]);
});

// The stand-in for `systemctl` must not find what the real one does not find.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemctlScript } from '../../../../tools/verify/guide/played-systemctl.ts';

let root: string;
let script: string;

function systemctl(...words: string[]) {
	const { status, stdout, stderr } = spawnSync('bash', [script, ...words], { encoding: 'utf8' });
	return { status, said: stdout, wrong: stderr };
}

beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), 'systemctl-'));
	script = join(root, 'systemctl');
	writeFileSync(script, systemctlScript(root, { 'matrix-synapse': 'sleep 1000', 'mautrix-one': 'sleep 1000' }));
	systemctl('start', 'matrix-synapse', 'mautrix-one');
});
afterEach(() => {
	systemctl('stop', 'matrix-synapse', 'mautrix-one');
	rmSync(root, { recursive: true, force: true });
});

test('units are listed by their whole names', () => {
	expect(systemctl('list-units', '--plain', 'matrix-synapse').said).toBe('');
	expect(systemctl('list-units', '--plain', 'matrix-synapse*').said).toMatch(/^matrix-synapse\.service /);
	expect(systemctl('list-units', '--plain', 'matrix-synapse.service').said).toMatch(/^matrix-synapse\.service /);
});

test('only a plain list begins with the names', () => {
	expect(systemctl('list-units', 'mautrix-*').said).toMatch(/^ {2}mautrix-one\.service /);
});

test('a stopped unit is not listed, and an unknown option is refused', () => {
	systemctl('stop', 'mautrix-one.service');
	expect(systemctl('list-units', '--plain', '--type=service,target', '*').said).not.toContain('mautrix-one');
	expect(systemctl('list-units', '--types=service')).toMatchObject({
		status: 1,
		wrong: expect.stringContaining('unrecognized option'),
	});
});

// The real knowledge, published by `npm run bundle`, checked in a thread, loaded, and used by `say --config`.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { openUpdates } from '../../src/app/knowledge-updates.ts';
import { openOwnEdition } from '../../src/app/own-edition.ts';
import { bundleText, readBundle } from '../../src/knowledge/bundle.ts';
import { silence } from '../../src/runtime/log.ts';
import { program } from '../program.ts';
import { openPublisher, temporary } from '../published.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function run(script: string, args: string[], environment: Record<string, string> = {}) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
		encoding: 'utf8',
		env: { ...process.env, ...environment },
	});
	return { status, stdout, stderr };
}

const bundle = (args: string[], environment?: Record<string, string>) =>
	run(join(root, 'tools/bundle/main.ts'), args, environment);

test('never overwrites a key, and only prints its public half', () => {
	const file = join(temporary(), 'key.pem');
	const made = bundle(['key', file]);
	expect(made.stdout).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
	const text = readFileSync(file, 'utf8');
	expect(bundle(['key', file]).status).toBe(1);
	expect(readFileSync(file, 'utf8')).toBe(text);
});

test('bundles knowledge, signs it with an encrypted key, checks, loads and uses it in `say --config`', async () => {
	const folder = temporary();
	const key = join(folder, 'key.pem');
	const passphrase = { GLIA_BUNDLE_PASSPHRASE: 'a pigeon' };
	const publicKey = bundle(['key', key], passphrase).stdout.trim();
	expect(readFileSync(key, 'utf8')).toContain('ENCRYPTED PRIVATE KEY');
	const made = bundle(['--author', 'The pigeon fanciers', '--out', folder], passphrase);
	expect(made).toMatchObject({ status: 0, stderr: '' });
	const file = join(folder, 'glia-knowledge.json');
	expect(bundle(['sign', file, '--key', key]).status).toBe(1);
	expect(bundle(['sign', file, '--key', key], passphrase).status).toBe(0);
	expect(bundle(['check', file, '--key', publicKey])).toMatchObject({
		status: 0,
		stdout: expect.stringContaining('valid: The pigeon fanciers'),
	});
	expect(bundle(['check', file, '--key', openPublisher().key]).status).toBe(1);

	const path = join(folder, 'data');
	const text = readFileSync(file, 'utf8');
	const own = await openOwnEdition();
	const setup = { keys: [publicKey], own, glia: packageJson.version, path, now: () => new Date(), log: silence };
	const updates = await openUpdates(setup);
	expect(updates.edition()).toBe(own);
	const signature = readFileSync(`${file}.sig`, 'utf8');
	expect(await updates.take({ text, signature })).toBeUndefined();
	const { knowledge, code, passages, publication } = updates.edition();
	expect(publication?.author).toBe('The pigeon fanciers');
	expect(JSON.stringify(knowledge)).toBe(JSON.stringify(own.knowledge));
	expect([...code.options().byPath]).toEqual([...own.code.options().byPath]);
	expect(passages()).toEqual(own.passages());

	const config = join(folder, 'config.yaml');
	writeFileSync(config, JSON.stringify({ knowledge: { updates: { address: 'https://x.test/', key: publicKey } } }));
	const said = (...args: string[]) => run(program, ['say', ...args, '!notes 1.66.0']);
	const plain = said('--json');
	expect(said('--json', '--config', config)).toEqual(plain);
	// Answers use what the bot has loaded, but only with the bot's configuration.
	const [note] = knowledge.notes.filter(({ release }) => release === '1.66.0');
	const read = readBundle(text);
	if ('refusal' in read || !note) throw new Error('unreadable');
	const files = new Map(read.bundle.files);
	const name = 'synapse/notes/1.66.0.yaml';
	files.set(name, (files.get(name) ?? '').replace(note.title, 'Published for this test'));
	const publisher = openPublisher();
	const newer = bundleText({ ...read.bundle, made: '2099-01-01T00:00:00Z', files });
	const theirs = await openUpdates({ ...setup, keys: [publisher.key], now: () => new Date('2099-01-01') });
	expect(await theirs.take({ text: newer, signature: publisher.sign(newer) })).toBeUndefined();
	writeFileSync(config, JSON.stringify({ knowledge: { updates: { address: 'https://x.test/', key: publisher.key } } }));
	expect(said('--json', '--config', config).stdout).toContain('Published for this test');
	expect(said('--json')).toEqual(plain);
	// With another key, they use the knowledge that came with the program.
	writeFileSync(config, JSON.stringify({ knowledge: { updates: { address: 'https://x.test/', key: publicKey } } }));
	expect(said('--json', '--config', config)).toEqual(plain);
	writeFileSync(config, 'knowledge: { updates: { key: "no key" } }\n');
	expect(said('--json', '--config', config).stdout).toContain('config.yaml:1: knowledge.updates.key');
});

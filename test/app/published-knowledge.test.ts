// The real knowledge, published by `npm run bundle`, checked in a thread, loaded, and used by `say --config`.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { openUpdates } from '../../src/app/knowledge-updates.ts';
import { openOwnEdition } from '../../src/app/own-edition.ts';
import { bundleText, horizonOf, readBundle } from '../../src/knowledge/bundle.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { silence } from '../../src/runtime/log.ts';
import { bundledFiles } from '../../tools/bundle/files.ts';
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

test('refuses keys that no bot would accept, and says what is wrong', () => {
	const folder = temporary();
	const file = join(folder, 'glia-knowledge.json');
	writeFileSync(file, 'text');
	const locked = join(folder, 'locked.pem');
	expect(bundle(['key', locked], { GLIA_BUNDLE_PASSPHRASE: 'a pigeon' }).status).toBe(0);
	const other = join(folder, 'rsa.pem');
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	writeFileSync(other, privateKey.export({ type: 'pkcs8', format: 'pem' }));
	const signing = (key: string, environment?: Record<string, string>) =>
		bundle(['sign', file, '--key', key], environment);
	expect(signing(locked).stderr).toBe(`${locked} is protected: set GLIA_BUNDLE_PASSPHRASE to its passphrase.\n`);
	expect(signing(locked, { GLIA_BUNDLE_PASSPHRASE: 'a dove' }).stderr).toBe(`${locked}: the passphrase is wrong.\n`);
	expect(signing(other).stderr).toContain(`${other} is a key for rsa`);
	expect(signing(file).stderr).toBe(`${file} is not a private key.\n`);
	expect(existsSync(`${file}.sig`)).toBe(false);
	expect(bundle(['key', join(folder, 'more.pem')], { GLIA_BUNDLE_PASSPHRASE: '' }).status).toBe(1);
	expect(existsSync(join(folder, 'more.pem'))).toBe(false);
	expect(bundle(['--help'])).toMatchObject({
		status: 0,
		stderr: '',
		stdout: expect.stringContaining('-- check BUNDLE'),
	});
});

test('checks a bundle by the rules that a bot applies', async () => {
	const folder = temporary();
	const file = join(folder, 'glia-knowledge.json');
	const publisher = openPublisher();
	const own = bundledFiles(new URL('../../knowledge/', import.meta.url));
	const horizon = horizonOf(await openKnowledge(new URL('../../knowledge/', import.meta.url)));
	const check = (files: ReadonlyMap<string, string>) => {
		const made = `${new Date().toISOString().slice(0, 19)}Z`;
		const text = bundleText({ author: 'The pigeon fanciers', made, horizon, glia: packageJson.version, files });
		writeFileSync(file, text);
		writeFileSync(`${file}.sig`, publisher.sign(text));
		return bundle(['check', file, '--key', publisher.key]);
	};
	const note = 'synapse/notes/1.66.0.yaml';
	const html = (own.get(note) ?? '').replace('    text:', '    people: <b>pigeons</b>_\n    text:');
	expect(html).not.toBe(own.get(note));
	expect(check(new Map([...own, [note, html]]))).toMatchObject({ status: 1, stderr: expect.stringContaining(note) });
	expect(check(new Map([...own].filter(([name]) => !name.startsWith('advisories/'))))).toMatchObject({
		status: 1,
		stderr: expect.stringContaining('it has only 0 advisories'),
	});
	expect(check(own).status).toBe(0);
	expect(bundle(['check', file, '--key', 'no key']).stderr).toContain('--key is not a public key');
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

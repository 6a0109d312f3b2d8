// npm run bundle: publishes the knowledge in this checkout as one file with a detached signature, and creates the key
// for it. docs/publishing.md says who does this, and where to keep the key.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { bundleText, horizonOf, readBundle, signedBy } from '../../src/knowledge/bundle.ts';
import { compile } from '../../src/knowledge/compiled.ts';
import { bundledFiles } from './files.ts';

const usage = `
  npm run bundle -- key FILE                      create a key and print its public half
  npm run bundle -- --author NAME [--out FOLDER]  create glia-knowledge.json, unsigned
                    [--key FILE]                  and sign it
  npm run bundle -- sign BUNDLE --key FILE        sign a bundle
  npm run bundle -- check BUNDLE --key PUBLIC     check a bundle as a bot would

If the key has a passphrase, set GLIA_BUNDLE_PASSPHRASE to it.`;

const name = 'glia-knowledge.json';
const passphrase = process.env.GLIA_BUNDLE_PASSPHRASE;

try {
	await run();
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}

async function run(): Promise<void> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { author: { type: 'string' }, out: { type: 'string' }, key: { type: 'string' } },
	});
	const [verb = 'make', file] = positionals;
	if (verb === 'key' && file !== undefined) return makeKey(file);
	if (verb === 'sign' && file !== undefined && values.key !== undefined) return signFile(file, values.key);
	if (verb === 'check' && file !== undefined && values.key !== undefined) return checkFile(file, values.key);
	if (verb !== 'make' || values.author === undefined) throw new Error(usage);
	const { author, out = '.', key } = values;
	await make(author, out, key);
}

/** An existing file is never overwritten: a lost key cannot be recovered. */
function makeKey(file: string): void {
	const { privateKey, publicKey } = generateKeyPairSync('ed25519');
	const locked = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
	writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem', ...locked }), { flag: 'wx', mode: 0o600 });
	console.log(publicText(publicKey));
}

function publicText(key: ReturnType<typeof createPublicKey>): string {
	return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
}

async function make(author: string, folder: string, key: string | undefined): Promise<void> {
	const from = new URL('../../knowledge/', import.meta.url);
	const horizon = horizonOf(await compile(from));
	const made = `${new Date().toISOString().slice(0, 19)}Z`;
	const text = bundleText({ author, made, horizon, glia: packageJson.version, files: bundledFiles(from) });
	// Do not publish what a bot could not read.
	const read = readBundle(text);
	if ('refusal' in read) throw new Error(`this bundle would be refused: ${JSON.stringify(read.refusal)}`);
	mkdirSync(folder, { recursive: true });
	const file = join(folder, name);
	writeFileSync(file, text);
	console.log(`${file}: Synapse up to ${horizon.release}, read ${horizon.read}, created ${made} by ${author}`);
	if (key !== undefined) signFile(file, key);
}

function signFile(file: string, key: string): void {
	const privateKey = createPrivateKey({ key: readFileSync(key), ...(passphrase !== undefined && { passphrase }) });
	const signature = sign(null, readFileSync(file), privateKey).toString('base64');
	writeFileSync(`${file}.sig`, `${signature}\n`);
	console.log(`${file}.sig: signed by ${publicText(createPublicKey(privateKey))}`);
}

function checkFile(file: string, key: string): void {
	const text = readFileSync(file, 'utf8');
	const signed = signedBy(text, readFileSync(`${file}.sig`, 'utf8'), [key]);
	if ('refusal' in signed) throw new Error(`${file}.sig is not a signature of this file by ${key}`);
	const read = readBundle(text);
	if ('refusal' in read) throw new Error(`refused: ${JSON.stringify(read.refusal)}`);
	const { author, made, horizon, glia, files } = read.bundle;
	console.log(
		`valid: ${author}, created ${made} with Glia ${glia}, Synapse up to ${horizon.release}, read ${horizon.read}, ${files.size} files`,
	);
}

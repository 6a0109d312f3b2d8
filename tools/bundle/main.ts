// npm run bundle: publishes the knowledge in this checkout as one file with a detached signature, and creates the key
// for it. docs/publishing.md says who does this, and where to keep the key.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { openUpdates } from '../../src/app/knowledge-updates.ts';
import { openOwnEdition } from '../../src/app/own-edition.ts';
import {
	type BundleRefusal,
	bundleText,
	horizonOf,
	maxBundle,
	publicKey,
	readBundle,
} from '../../src/knowledge/bundle.ts';
import { checkEdition } from '../../src/knowledge/check-edition.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { bundleTroubleWords } from '../../src/messages/published.ts';
import { silence } from '../../src/runtime/log.ts';
import { readArguments } from '../arguments.ts';
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
	const text = { type: 'string' } as const;
	const { values, positionals } = readArguments(usage, { author: text, out: text, key: text }, 2);
	if (passphrase === '') throw new Error('GLIA_BUNDLE_PASSPHRASE is empty: unset it, or set it to the passphrase.');
	const [verb = 'make', file] = positionals;
	if (verb === 'key' && file !== undefined) return makeKey(file);
	if (verb === 'sign' && file !== undefined && values.key !== undefined) return signFile(file, signingKey(values.key));
	if (verb === 'check' && file !== undefined && values.key !== undefined) return checkFile(file, values.key);
	if (verb !== 'make' || values.author === undefined) throw new Error(usage);
	const { author, out = '.', key } = values;
	await make(author, out, key);
}

/** Throws an Error that names a file which cannot be read. */
function bytesOf(file: string): Buffer {
	try {
		return readFileSync(file);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		throw new Error(code === 'ENOENT' ? `${file} does not exist.` : `${file} cannot be read (${code}).`);
	}
}

/** An existing file is never overwritten: a lost key cannot be recovered. */
function makeKey(file: string): void {
	if (existsSync(file)) throw new Error(`${file} already exists, and a key is never overwritten.`);
	const { privateKey, publicKey } = generateKeyPairSync('ed25519');
	const locked = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
	writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem', ...locked }), { flag: 'wx', mode: 0o600 });
	console.log(publicText(publicKey));
}

function publicText(key: KeyObject): string {
	return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
}

async function make(author: string, folder: string, key: string | undefined): Promise<void> {
	// Found out before a bundle is written that could not be signed.
	const signer = key === undefined ? undefined : signingKey(key);
	const from = new URL('../../knowledge/', import.meta.url);
	// Do not publish what a bot would refuse.
	const { mistakes } = await checkEdition(from);
	if (mistakes.length > 0) throw new Error(`a bot would refuse this knowledge:\n${mistakes.join('\n')}`);
	const horizon = horizonOf(await openKnowledge(from));
	const made = `${new Date().toISOString().slice(0, 19)}Z`;
	const text = bundleText({ author, made, horizon, glia: packageJson.version, files: bundledFiles(from) });
	const read = readBundle(text);
	if ('refusal' in read) throw refused(read.refusal);
	if (Buffer.byteLength(text) > maxBundle) throw refused({ is: 'too-large' });
	mkdirSync(folder, { recursive: true });
	const file = join(folder, name);
	writeFileSync(file, text);
	console.log(`${file}: Synapse up to ${horizon.release}, read ${horizon.read}, created ${made} by ${author}`);
	if (signer) signFile(file, signer);
}

function refused(refusal: BundleRefusal): Error {
	return new Error(`A bot would refuse this bundle: ${bundleTroubleWords({ at: new Date(), refusal })}`);
}

/** The private key in a file. Throws an Error that says why it cannot sign. */
function signingKey(file: string): KeyObject {
	const pem = bytesOf(file).toString();
	const isLocked = pem.includes('ENCRYPTED');
	if (isLocked && passphrase === undefined)
		throw new Error(`${file} is protected: set GLIA_BUNDLE_PASSPHRASE to its passphrase.`);
	let key: KeyObject;
	try {
		key = createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
	} catch {
		throw new Error(isLocked ? `${file}: the passphrase is wrong.` : `${file} is not a private key.`);
	}
	if (key.asymmetricKeyType !== 'ed25519')
		throw new Error(
			`${file} is a key for ${key.asymmetricKeyType}; bots need one that \`npm run bundle -- key\` made.`,
		);
	return key;
}

function signFile(file: string, key: KeyObject): void {
	const signature = sign(null, bytesOf(file), key).toString('base64');
	writeFileSync(`${file}.sig`, `${signature}\n`);
	console.log(`${file}.sig: signed by ${publicText(createPublicKey(key))}`);
}

/** Lets a bot of this version load the bundle, with an empty store. */
async function checkFile(file: string, key: string): Promise<void> {
	if (publicKey(key) === undefined)
		throw new Error(`--key is not a public key: one has 44 characters, and \`npm run bundle -- key\` printed it.`);
	const signed = { text: bytesOf(file).toString(), signature: bytesOf(`${file}.sig`).toString() };
	const path = mkdtempSync(join(tmpdir(), 'glia-bundle-'));
	try {
		const own = await openOwnEdition();
		const now = () => new Date();
		// Checked in this process: nothing here would wait for a thread.
		const setup = { keys: [key], own, glia: packageJson.version, path, now, log: silence, check: checkEdition };
		const bot = await openUpdates(setup);
		const refusal = await bot.take(signed);
		if (refusal?.is === 'signature') throw new Error(`${file}.sig is not a signature of this file by ${key}.`);
		if (refusal) throw refused(refusal);
	} finally {
		rmSync(path, { recursive: true, force: true });
	}
	const read = readBundle(signed.text);
	if ('refusal' in read) throw refused(read.refusal);
	const { author, made, horizon, glia, files } = read.bundle;
	console.log(
		`valid: ${author}, created ${made} with Glia ${glia}, Synapse up to ${horizon.release}, read ${horizon.read}, ${files.size} files`,
	);
}

// Chooses the edition in use: the built-in one, or a newer bundle signed by its publisher.
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { isWhole, type KeptBundle, type KeptBundles, openBundles, type SignedText } from '../edges/store/bundles.ts';
import {
	type Bundle,
	type BundleRefusal,
	horizonOf,
	isNewerGlia,
	lackOf,
	reachesBeyond,
	readBundle,
	refusalOf,
	type Standing,
	shrinkageOf,
	signedBy,
} from '../knowledge/bundle.ts';
import type { CheckedEdition } from '../knowledge/check-edition.ts';
import { type Edition, openEdition } from '../knowledge/edition.ts';
import type { Log } from '../runtime/log.ts';

export type UpdatesSetup = {
	/** The trusted publishers' public keys, in base64. */
	keys: readonly string[];
	/** The built-in edition, and the program's version. */
	own: Edition;
	glia: string;
	/** The store's folder. */
	path: string;
	now: () => Date;
	log: Log;
	/** Checks and compiles a bundle's files; in a worker thread, except in tests. */
	check?: (folder: URL) => Promise<CheckedEdition>;
};

export type Updates = {
	/** The edition in use; the same object until it changes. */
	edition: () => Edition;
	/** Loads a bundle, or says why it is refused. Never rejects. */
	take: (signed: SignedText) => Promise<BundleRefusal | undefined>;
	/** The signature of the newest valid bundle: seeing it again means that nothing is new. */
	signature: () => string | undefined;
};

/** The timeout of a check (ms). */
const maxCheck = 120_000;

/** What is kept in memory about a bundle whose text is on disk. */
type NewestBundle = Pick<Bundle, 'made' | 'horizon'> & { hash: string; signature: string; settled: boolean };

type UpdatesState = {
	setup: UpdatesSetup;
	kept: KeptBundles;
	current: Edition;
	/** The folder of the current edition's files, if it comes from a bundle. */
	inUse?: URL;
	/** The newest bundle from our publishers. `settled`: it is in use, or the built-in edition is newer. */
	newest?: NewestBundle;
};

/** Starts with the newest stored bundle, if it is still valid. Never rejects because of what is stored. */
export async function openUpdates(setup: UpdatesSetup): Promise<Updates> {
	const state: UpdatesState = { setup, kept: openBundles(setup.path), current: setup.own };
	try {
		await recall(state);
	} catch (error) {
		setup.log.warn({ err: error }, 'the stored knowledge cannot be used; it will be fetched again');
		delete state.newest;
	}
	let underway: Promise<unknown> = Promise.resolve();
	return {
		edition: () => state.current,
		signature: () => (state.newest?.settled ? state.newest.signature : undefined),
		take(signed) {
			const taken = underway.then(() => take(signed, state));
			underway = taken.catch(() => undefined);
			return taken;
		},
	};
}

/**
 * The edition of the newest bundle stored by a bot, if it is valid, or else our own. Never rejects because of
 * what is stored.
 */
export async function keptEdition({
	own,
	keys,
	path,
	glia,
}: Pick<UpdatesSetup, 'own' | 'keys' | 'path' | 'glia'>): Promise<Edition> {
	try {
		const found = trusted(openBundles(path), keys);
		if (found?.checkedBy !== glia) return own;
		const read = readBundle(found.text);
		if ('refusal' in read || !isWhole(read.bundle, found.files)) return own;
		if (!reachesBeyond(read.bundle, { horizon: horizonOf(own.knowledge), glia })) return own;
		const { author, made } = read.bundle;
		return await openEdition(found.files, { author, made });
	} catch {
		// Repairing its files is the bot's job, and the built-in knowledge is always available.
		return own;
	}
}

/** The newest stored bundle signed with one of these keys, which may have changed since it was stored. */
function trusted(kept: KeptBundles, keys: readonly string[]): KeptBundle | undefined {
	for (const one of kept.all()) if ('key' in signedBy(one.text, one.signature, keys)) return one;
	return undefined;
}

function standing({ setup, newest }: UpdatesState): Standing {
	const own = { horizon: horizonOf(setup.own.knowledge), glia: setup.glia };
	return { own, ...(newest && { newest }), now: setup.now() };
}

/** Loads what an earlier process stored. */
async function recall(state: UpdatesState): Promise<void> {
	const { setup, kept } = state;
	const found = trusted(kept, setup.keys);
	kept.tidy(found ? [found.files] : []);
	if (!found) return;
	const read = readBundle(found.text);
	if ('refusal' in read) return;
	const { bundle } = read;
	const newest = remembered(bundle, found);
	state.newest = newest;
	if (!reachesBeyond(bundle, standing(state).own)) return;
	// Another version of Glia may have other rules, and compile to another format. What is damaged is unpacked again.
	if (found.checkedBy === setup.glia && isWhole(bundle, found.files)) await swap(state, bundle, found.files);
	else {
		const refusal = await checked(bundle, found, state);
		if (refusal) setup.log.warn({ refusal }, 'this version of Glia refuses the stored knowledge');
		newest.settled = refusal === undefined;
	}
}

function remembered({ made, horizon }: Bundle, { text, signature }: SignedText): NewestBundle {
	return { made, horizon, hash: hashOf(text), signature, settled: true };
}

function hashOf(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}

async function take(signed: SignedText, state: UpdatesState): Promise<BundleRefusal | undefined> {
	const { setup, newest } = state;
	const by = signedBy(signed.text, signed.signature, setup.keys);
	if ('refusal' in by) return by.refusal;
	const isSame = newest !== undefined && hashOf(signed.text) === newest.hash;
	if (isSame && newest?.settled) {
		// Signed again, by another key or in another form: the next look need not fetch the bundle for that.
		newest.signature = signed.signature;
		return undefined;
	}
	const read = readBundle(signed.text);
	if ('refusal' in read) return read.refusal;
	const { bundle } = read;
	const outdated = isSame ? undefined : refusalOf(bundle, standing(state));
	const refusal = outdated ?? (await checked(bundle, signed, state));
	if (refusal) return refusal;
	state.newest = remembered(bundle, signed);
	const { author, made, horizon } = bundle;
	setup.log.info({ author, made, horizon }, 'newer knowledge is now in use');
	return undefined;
}

/**
 * Unpacks and checks a bundle, and uses it if it has no mistakes. A full disk must not end the bot: it keeps what
 * it has.
 */
async function checked(bundle: Bundle, signed: SignedText, state: UpdatesState): Promise<BundleRefusal | undefined> {
	try {
		return await tried(bundle, signed, state);
	} catch (error) {
		state.setup.log.error({ err: error }, 'a knowledge bundle cannot be checked or stored');
		const why = error instanceof Error && 'code' in error ? String(error.code).slice(0, 40) : 'an internal error';
		if (error instanceof Unchecked) return { is: 'unchecked', why: error.message };
		return error instanceof Error && 'syscall' in error ? { is: 'unkept', why } : { is: 'unchecked', why };
	}
}

async function tried(bundle: Bundle, signed: SignedText, state: UpdatesState): Promise<BundleRefusal | undefined> {
	const { setup, kept } = state;
	const unpacked = kept.unpack(bundle, signed);
	try {
		const { mistakes } = await (setup.check ?? inThread)(unpacked.files);
		const refusal = mistaken(mistakes, bundle, setup.glia) ?? (await unlike(bundle, unpacked.files, setup));
		if (refusal) return refusal;
		await swap(state, bundle, unpacked.keep(setup.glia));
		return undefined;
	} finally {
		unpacked.drop();
	}
}

/** Why a bundle with mistakes is refused. If it needs a newer Glia, that version may not see them as mistakes. */
function mistaken(mistakes: readonly string[], { glia }: Bundle, ours: string): BundleRefusal | undefined {
	const [first] = mistakes;
	if (first === undefined) return undefined;
	if (isNewerGlia(glia, ours)) return { is: 'needs', glia };
	return { is: 'mistakes', first: first.slice(0, 300), more: mistakes.length - 1 };
}

/** Why the files do not match the bundle's metadata, or are incomplete; undefined if they are fine. */
async function unlike(
	bundle: Bundle,
	files: URL,
	{ own, glia }: Pick<UpdatesSetup, 'own' | 'glia'>,
): Promise<BundleRefusal | undefined> {
	const { knowledge } = await openEdition(files);
	const horizon = horizonOf(knowledge);
	if (horizon.release !== bundle.horizon.release || horizon.read !== bundle.horizon.read)
		return { is: 'unreadable', what: 'its files go up to a different release than it says' };
	const file = lackOf(knowledge, own.knowledge);
	if (file !== undefined)
		return isNewerGlia(bundle.glia, glia) ? { is: 'needs', glia: bundle.glia } : { is: 'lacks', file };
	return shrinkageOf(knowledge, own.knowledge);
}

async function swap(state: UpdatesState, { author, made }: Bundle, files: URL): Promise<void> {
	const before = state.inUse;
	state.current = await openEdition(files, { author, made });
	state.inUse = files;
	// Answers in progress still read from the previous one.
	state.kept.tidy(before ? [files, before] : [files]);
}

/** Why a thread did not finish a check, which says nothing about the bundle. */
class Unchecked extends Error {}

/** Rejects if the file system fails, or if the thread does. */
function inThread(folder: URL): Promise<CheckedEdition> {
	return new Promise((resolve, reject) => {
		const thread = new Worker(new URL('./bundle-thread.ts', import.meta.url), {
			workerData: { folder: folder.href },
			resourceLimits: { maxOldGenerationSizeMb: 1024 },
		});
		const over = () => {
			clearTimeout(timer);
			thread.terminate().catch(() => undefined);
		};
		const failed = (error: Error) => {
			over();
			reject(error);
		};
		const timer = setTimeout(() => failed(new Unchecked('this takes too long')), maxCheck);
		timer.unref();
		thread.once('message', (result: CheckedEdition) => {
			over();
			resolve(result);
		});
		thread.once('error', failed);
		thread.once('exit', () => failed(new Unchecked('the thread ended')));
		thread.unref();
	});
}

// A bundle: knowledge as published by its curators, one file with a detached Ed25519 signature over its bytes.
// Nothing is parsed before the signature is verified.
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { isAbove, isCandidate, type Version } from '../deployment/version.ts';
import { date, version } from './schema/fields.ts';
import type { Knowledge } from './schema/synapse.ts';

/**
 * The format version of a bundle. Raised if an older Glia could read newer files but would misunderstand them;
 * what it cannot read at all, its schemas reject.
 */
export const bundleShape = 1;
/** In bytes. A bundle from November 2026 has four million. */
export const maxBundle = 8 * 1024 * 1024;
/** Tolerated clock skew (ms). A bundle from the future would block all bundles made, or read, before its date. */
const maxAhead = 24 * 3600_000;

/** How far knowledge reaches: the newest final release, withdrawn or not, and the day upstream was read. */
export type Horizon = { release: Version; read: string };

/** A bundle's metadata. */
export type BundleHead = {
	author: string;
	/** ISO 8601 to the second, UTC. Of two bundles, the one made later wins. */
	made: string;
	horizon: Horizon;
	/** The version of Glia that made it, and can therefore read it. */
	glia: string;
};
/** `files` by name below the knowledge folder. */
export type Bundle = BundleHead & { files: ReadonlyMap<string, string> };

/** Why a bundle is not used. */
export type BundleRefusal =
	/** `missing`: there is no signature, or it is not an Ed25519 one. */
	| { is: 'signature'; missing?: true }
	| { is: 'too-large' }
	/** `what` is our wording and contains nothing from the bundle. */
	| { is: 'unreadable'; what: string }
	| { is: 'needs'; glia: string }
	/** Older than the knowledge in use, or than a bundle seen earlier. */
	| { is: 'older'; made: string; horizon: Horizon }
	| { is: 'twice'; made: string }
	/** `day`: when it was made or when upstream was read, whichever is in the future. */
	| { is: 'future'; day: string }
	/** It has noticeably less of something than the knowledge in use, so a part may be missing. */
	| { is: 'shrunk'; what: string; now: number; before: number }
	/** It lacks a file that commands refer to by name. */
	| { is: 'lacks'; file: string }
	/** It could not be stored; `why` is the file system's error code. */
	| { is: 'unkept'; why: string }
	/** The check did not finish; `why` is our wording or an error code. */
	| { is: 'unchecked'; why: string }
	/** The first mistake found, and how many more there are. */
	| { is: 'mistakes'; first: string; more: number };

/** Folders have no dots, so that no file has the name of a folder. */
const fileName = /^[a-z][a-z0-9-]*(\/[A-Za-z0-9][A-Za-z0-9-]*)*\/[A-Za-z0-9][A-Za-z0-9.-]*\.(yaml|json)$/;
/**
 * Not allowed: the bot compiles the files itself, so that nothing bypasses the rules. In any case, since some file
 * systems do not distinguish it.
 */
const compiledName = /\/compiled\.json$/i;
const gliaVersion = z.string().regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}$/);

const anyHead = z.looseObject({ format: z.literal('glia-knowledge'), shape: z.int().min(1), glia: gliaVersion });
const whole = z.strictObject({
	format: z.literal('glia-knowledge'),
	shape: z.literal(bundleShape),
	glia: gliaVersion,
	author: z.string().regex(/^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]{0,98}[^\p{C}\p{Z}])?$/u),
	made: z
		.string()
		.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
		.refine(isMoment),
	horizon: z.strictObject({ release: version, read: date }),
	files: z.record(
		z
			.string()
			.regex(fileName)
			.max(200)
			.refine(name => !compiledName.test(name)),
		z.string(),
	),
});

function isMoment(text: string): boolean {
	const at = new Date(text);
	return !Number.isNaN(at.getTime()) && `${at.toISOString().slice(0, 19)}Z` === text;
}

/**
 * Points of small order, without the sign bit. Anyone can forge a signature by these “keys”, such as 32 zeros, and
 * not every OpenSSL that Node.js comes with rejects them.
 */
const smallOrder = new Set(
	[
		'0000000000000000000000000000000000000000000000000000000000000000',
		'0100000000000000000000000000000000000000000000000000000000000000',
		'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
		'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
		'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
		'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
		'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	].map(hex => Buffer.from(hex, 'hex').toString('base64')),
);

function isSmallOrder(key: Buffer): boolean {
	const unsigned = Buffer.from(key);
	unsigned.writeUInt8(unsigned.readUInt8(31) & 0x7f, 31);
	return smallOrder.has(unsigned.toString('base64'));
}

/** Decodes a public key, 32 bytes in base64; undefined if the text is not one, or if anyone could sign for it. */
export function publicKey(base64: string): KeyObject | undefined {
	const bytes = Buffer.from(base64, 'base64');
	if (bytes.length !== 32 || bytes.toString('base64') !== base64 || isSmallOrder(bytes)) return undefined;
	try {
		return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' });
	} catch {
		return undefined;
	}
}

/** 64 bytes in base64, with an optional trailing newline. */
function signatureIn(text: string): Buffer | undefined {
	const base64 = text.replace(/\r?\n$/, '');
	const bytes = Buffer.from(base64, 'base64');
	return bytes.length === 64 && bytes.toString('base64') === base64 ? bytes : undefined;
}

/** The key that signed exactly this text, or why there is none. */
export function signedBy(
	text: string,
	signature: string,
	keys: readonly string[],
): { key: string } | { refusal: BundleRefusal } {
	const bytes = Buffer.from(text, 'utf8');
	if (bytes.length > maxBundle) return { refusal: { is: 'too-large' } };
	const signed = signatureIn(signature);
	if (!signed) return { refusal: { is: 'signature', missing: true } };
	const key = keys.find(base64 => {
		const of = publicKey(base64);
		return of !== undefined && verify(null, bytes, of, signed);
	});
	return key === undefined ? { refusal: { is: 'signature' } } : { key };
}

/** Parses a signed text into a bundle, or says why this Glia cannot read it. */
export function readBundle(text: string): { bundle: Bundle } | { refusal: BundleRefusal } {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return { refusal: { is: 'unreadable', what: 'not JSON' } };
	}
	const head = anyHead.safeParse(value);
	if (!head.success) return { refusal: { is: 'unreadable', what: 'not a bundle of knowledge' } };
	if (head.data.shape !== bundleShape) return { refusal: { is: 'needs', glia: head.data.glia } };
	const read = whole.safeParse(value);
	if (!read.success) {
		const [issue] = read.error.issues;
		const what = `not in the shape of a bundle: ${issue?.path.slice(0, 1).map(String).join('') || 'an unknown field'}`;
		return { refusal: { is: 'unreadable', what } };
	}
	const { author, made, horizon, glia, files } = read.data;
	return { bundle: { author, made, horizon, glia, files: new Map(Object.entries(files)) } };
}

/** The text of a bundle. Deterministic: the same content produces the same bytes. */
export function bundleText({ author, made, horizon, glia, files }: Bundle): string {
	const sorted = Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
	const head = { format: 'glia-knowledge', shape: bundleShape, glia, author, made, horizon };
	return `${JSON.stringify({ ...head, files: sorted }, undefined, '\t')}\n`;
}

/** How far knowledge reaches. The release is 0.0.0 if there is no final one. */
export function horizonOf({ releases, read }: Pick<Knowledge, 'releases' | 'read'>): Horizon {
	return { release: releases.findLast(one => !isCandidate(one.version))?.version ?? '0.0.0', read };
}

function reachesLess(a: Horizon, b: Horizon): boolean {
	return isAbove(b.release, a.release) || a.read < b.read;
}

/** What a bundle must be newer than. */
export type Standing = {
	/** The built-in knowledge: how far it reaches, and the program's version. */
	own: { horizon: Horizon; glia: string };
	/** The newest bundle with a trusted key so far, whether or not it is still in use. */
	newest?: Pick<Bundle, 'made' | 'horizon'>;
	now: Date;
};

/** Why a readable bundle is not accepted as newer; undefined if it is. */
export function refusalOf(
	{ made, horizon, glia }: BundleHead,
	{ own, newest, now }: Standing,
): BundleRefusal | undefined {
	const future = [made, horizon.read].find(at => new Date(at).getTime() > now.getTime() + maxAhead);
	if (future !== undefined) return { is: 'future', day: future.slice(0, 10) };
	if (newest && made === newest.made) return { is: 'twice', made };
	const isReplayed = newest !== undefined && (made < newest.made || reachesLess(horizon, newest.horizon));
	if (isReplayed || !reachesBeyond({ horizon, glia }, own)) return { is: 'older', made, horizon };
	return undefined;
}

/**
 * Whether a bundle takes precedence over the built-in knowledge. If both reach equally far, the one from the newer
 * program was curated later, and a bundle from the same version was published to fix something.
 */
export function reachesBeyond(bundle: Pick<BundleHead, 'horizon' | 'glia'>, own: Standing['own']): boolean {
	if (reachesLess(bundle.horizon, own.horizon)) return false;
	return reachesLess(own.horizon, bundle.horizon) || !isNewerGlia(own.glia, bundle.glia);
}

/** Compares two versions of Glia, each of three numbers. */
export function isNewerGlia(a: string, b: string): boolean {
	return isAbove(a, b);
}

const counted = ['releases', 'notes', 'faults', 'symptoms', 'advisories', 'guides'] as const;

/** Refuses a bundle with less than 80% of any kind of entry: missing files break no rule, so nobody would notice. */
export function shrinkageOf(
	found: Pick<Knowledge, (typeof counted)[number]>,
	before: Pick<Knowledge, (typeof counted)[number]>,
): BundleRefusal | undefined {
	const what = counted.find(name => found[name].length < before[name].length * 0.8);
	return what && { is: 'shrunk', what, now: found[what].length, before: before[what].length };
}

type NamedKnowledge = Pick<Knowledge, 'guides' | 'installs' | 'lifecycles'>;

/** The first file that commands refer to by name, and that the knowledge in use has and these files lack. */
export function lackOf(found: NamedKnowledge, before: NamedKnowledge): string | undefined {
	const names = new Set(namedFiles(found));
	return namedFiles(before).find(name => !names.has(name));
}

function namedFiles({ guides, installs, lifecycles }: NamedKnowledge): string[] {
	return [
		...guides.map(({ id }) => `guides/${id}.yaml`),
		...Object.keys(installs).map(name => `install/${name}.yaml`),
		...Object.keys(lifecycles).map(name => `lifecycles/${name}.yaml`),
	];
}

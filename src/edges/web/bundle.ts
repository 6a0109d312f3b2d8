// Checks for a newer bundle of knowledge. Fetches the small signature first, and the bundle only if the signature is new.
import type { BundleRefusal } from '../../knowledge/bundle.ts';
import { maxBundle } from '../../knowledge/bundle.ts';
import type { BundleLook, BundleTrouble } from '../../ports/web.ts';
import { hasCome } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Gate } from './client.ts';
import { type Fetched, fetchDocuments, maxWait } from './documents.ts';

export type BundleSettings = {
	/** The bundle's URL; its signature is at the same path with `.sig` appended. */
	address: string;
	hours: number;
	/** Loads what was fetched, or returns why it was refused. Never rejects. */
	take: (signed: { text: string; signature: string }) => Promise<BundleRefusal | undefined>;
	signature: () => string | undefined;
};

type BundleSetup = { settings: BundleSettings; gate: Gate; now: () => Date; random: () => number; log: Log };

const minute = 60_000;
/** Time limits for the bundle and for its signature (ms). */
const totalMs = minute;
const headerBytes = 32 * 1024;
const signatureBytes = 1024;
/**
 * A bundle and its signature are two files, which do not match while they are being uploaded. So the first retry
 * is early.
 */
const firstPause = 5 * minute;

/** Refusals of content that may be accepted later. */
const passing: readonly BundleRefusal['is'][] = ['signature', 'future', 'unkept', 'unchecked'];

export type OpenBundleLook = { look: () => BundleLook; read: () => Promise<void> };

export function openBundleLook({ settings, gate, now, random, log }: BundleSetup): OpenBundleLook {
	const { address, take } = settings;
	const state: BundleLook & { failures: number; refused?: string } = { address, next: now(), failures: 0 };
	let underway: Promise<void> | undefined;

	async function lookNow(): Promise<void> {
		const hours = settings.hours * 60 * minute;
		if (gate.closed() || !hasCome(state.next, now(), 2 * Math.max(hours, maxWait))) return;
		const trouble = await attempt();
		if (trouble === 'closed') return;
		// Spread out the requests of many bots.
		const later = (ms: number) => new Date(now().getTime() + ms * (0.95 + 0.1 * random()));
		if (!trouble) {
			state.failures = 0;
			state.read = now();
			state.next = later(hours);
			delete state.trouble;
			return;
		}
		state.failures++;
		const { waitMs = 0, ...why } = trouble;
		const isNew = JSON.stringify(why) !== JSON.stringify(withoutTime(state.trouble));
		if (isNew) log.warn({ address, ...why }, 'could not load newer knowledge; keeping the current knowledge');
		state.trouble = { at: now(), ...why };
		state.next = later(Math.max(Math.min(hours, firstPause * 2 ** (state.failures - 1)), Math.min(waitMs, maxWait)));
	}

	async function attempt(): Promise<undefined | 'closed' | (Why & { waitMs?: number })> {
		const signed = await fetchText(signatureAddress(address), signatureBytes, gate);
		if (signed === 'closed' || 'source' in signed) return signed;
		if (signed.text === settings.signature()) return undefined;
		// Content that was refused would be refused again, so do not fetch it.
		if (signed.text === state.refused && state.trouble && 'refusal' in state.trouble)
			return { refusal: state.trouble.refusal };
		const bundle = await fetchText(address, maxBundle, gate);
		if (bundle === 'closed' || 'source' in bundle) return bundle;
		const refusal = await take({ text: bundle.text, signature: signed.text });
		if (!refusal) return undefined;
		if (!passing.includes(refusal.is)) state.refused = signed.text;
		return { refusal };
	}

	return {
		look() {
			const { failures: _, refused: __, ...look } = state;
			return look;
		},
		read() {
			underway ??= lookNow().finally(() => {
				underway = undefined;
			});
			return underway;
		},
	};
}

type Why = { source: NonNullable<Fetched['trouble']> } | { refusal: BundleRefusal };

function withoutTime(trouble: BundleTrouble | undefined): Why | undefined {
	if (!trouble) return undefined;
	return 'source' in trouble ? { source: trouble.source } : { refusal: trouble.refusal };
}

function signatureAddress(address: string): string {
	const url = new URL(address);
	url.pathname += '.sig';
	return url.href;
}

async function fetchText(
	address: string,
	bodyBytes: number,
	gate: Gate,
): Promise<{ text: string } | 'closed' | { source: NonNullable<Fetched['trouble']>; waitMs?: number }> {
	const limits = { totalMs, connectMs: totalMs / 2, headerBytes, bodyBytes };
	const setup = { gate, limits, before: new Map(), after: () => undefined };
	const fetched = await fetchDocuments([{ key: address, address }], setup);
	if (!fetched) return 'closed';
	const { copies, trouble, waitMs } = fetched;
	const copy = copies.get(address);
	if (copy) return { text: copy.text };
	return {
		source: trouble ?? { is: 'changed', reason: 'nothing was received' },
		...(waitMs !== undefined && { waitMs }),
	};
}

// Fetches the documents of one source, which may be on different hosts, with conditional requests. Documents that
// cannot be fetched keep their earlier copies.

import type { Attempt } from '../../advice/watch/observation.ts';
import type { SourceTrouble } from '../../advice/watch/upstream-outage.ts';
import { retryAfter } from '../../runtime/retry.ts';
import type { Gate } from './client.ts';
import type { RequestLimits } from './request.ts';

/** The longest that a server can make us wait (ms). */
export const maxWait = 24 * 3600_000;

export type Document = {
	key: string;
	address: string;
	/** Addresses to try in order if there is nothing at the first. */
	otherwise?: readonly string[];
	post?: string | undefined;
	/**
	 * The release that this file belongs to. A release's files never change: a missing one stays missing if another
	 * one exists. If none does, the tag may not have been pushed yet.
	 */
	fixed?: string;
};

/** A document as last read. `asked` is its first address, `address` the one where it was found. */
export type Copy = {
	asked: string;
	address: string;
	text: string;
	/** There is no such file. */
	absent?: true;
	etag?: string;
	modified?: string;
	/** The address of the next page, as the server gave it. */
	next?: string;
};

export type Fetched = {
	copies: Map<string, Copy>;
	/** Why some of it could not be fetched: the first reason, and how long (ms) the server asks us to wait. */
	trouble?: SourceTrouble;
	waitMs?: number;
	/** Some of it is left for the next read. */
	more?: boolean;
};

type DocumentsSetup = {
	gate: Gate;
	limits: Pick<RequestLimits, 'totalMs' | 'connectMs' | 'headerBytes' | 'bodyBytes'>;
	/** Only sent to GitHub's API. */
	token?: string | undefined;
	before: ReadonlyMap<string, Copy>;
	/** The next page, if it is needed. */
	after: (document: Document, copy: Copy, page: number) => Document | undefined;
};

/** At most this many requests to one source per read; the rest follow soon. */
const maxRequests = 40;
const maxPages = 5;
/** The only host that gets the token. */
const tokenHost = 'api.github.com';

/** Undefined if we aborted, which says nothing about the source. */
export async function fetchDocuments(
	documents: readonly Document[],
	given: DocumentsSetup,
): Promise<Fetched | undefined> {
	const fetched: Fetched = { copies: new Map() };
	const { copies } = fetched;
	let requests = 0;
	let isOver = false;
	const there = new Set(
		documents.flatMap(({ key, fixed }) => {
			const copy = given.before.get(key);
			return fixed !== undefined && copy && !copy.absent ? [fixed] : [];
		}),
	);
	const queue = documents.map(document => ({ document, page: 1 }));
	for (let item = queue.shift(); item; item = queue.shift()) {
		const { document, page } = item;
		const before = given.before.get(document.key);
		const own = before?.asked === document.address ? before : undefined;
		let copy = own && document.fixed !== undefined && there.has(document.fixed) ? own : undefined;
		if (!copy && !isOver && requests >= maxRequests) fetched.more = true;
		else if (!copy && !isOver) {
			requests++;
			const found = await fetchOne(document, own, given);
			if (given.gate.closed()) return undefined;
			if ('copy' in found) copy = found.copy;
			else {
				fetched.trouble ??= found.trouble;
				if (found.waitMs !== undefined) fetched.waitMs = Math.max(found.waitMs, fetched.waitMs ?? 0);
				// If a server asks us to wait, rejects the token or does not respond, do not ask it for the rest.
				isOver = found.isOver;
			}
		}
		copy ??= own;
		if (!copy) continue;
		copies.set(document.key, copy);
		const after = page < maxPages ? given.after(document, copy, page) : undefined;
		if (after) queue.unshift({ document: after, page: page + 1 });
	}
	return fetched;
}

type DocumentResult = { copy: Copy } | { trouble: SourceTrouble; waitMs?: number; isOver: boolean };

async function fetchOne(document: Document, own: Copy | undefined, given: DocumentsSetup): Promise<DocumentResult> {
	const { gate, limits } = given;
	const addresses = [document.address, ...(document.otherwise ?? [])];
	let found: DocumentResult | undefined;
	for (const address of addresses) {
		const same = own?.address === address && !own.absent ? own : undefined;
		const attempt = await gate.page(address, {
			budget: { leftMs: limits.totalMs, waitMs: limits.totalMs },
			limits,
			throughProxy: true,
			headers: headersFor(address, document, same, given.token),
			...(document.post !== undefined && { post: document.post }),
		});
		const result = readAttempt(attempt, { document, address, own: same, hasToken: given.token !== undefined });
		found ??= result;
		if ('copy' in result) return result;
		if (!('reply' in attempt && attempt.reply.status === 404)) return found;
	}
	return found ?? { trouble: unasked(document), isOver: true };
}

function unasked({ address }: Document): SourceTrouble {
	return { is: 'unreached', trouble: { is: 'unasked', at: address } };
}

function headersFor(
	address: string,
	{ post }: Document,
	same: Copy | undefined,
	token: string | undefined,
): Record<string, string> {
	const isForToken = token !== undefined && URL.canParse(address) && new URL(address).host === tokenHost;
	return {
		accept: '*/*',
		...(same?.etag !== undefined && { 'if-none-match': same.etag }),
		...(same?.modified !== undefined && { 'if-modified-since': same.modified }),
		...(post !== undefined && { 'content-type': 'application/json' }),
		...(isForToken && { authorization: `Bearer ${token}` }),
	};
}

type Download = { document: Document; address: string; own: Copy | undefined; hasToken: boolean };

function readAttempt(attempt: Attempt, { document, address, own, hasToken }: Download): DocumentResult {
	if ('trouble' in attempt) return { trouble: { is: 'unreached', trouble: attempt.trouble }, isOver: true };
	const { status, body, headers } = attempt.reply;
	if (status === 304 && own) return { copy: own };
	if (status === 404 && document.fixed !== undefined)
		return { copy: { asked: document.address, address, text: '', absent: true } };
	if (status !== 200) {
		const waitMs = waitIn(headers);
		return {
			trouble: {
				is: 'status',
				status,
				...(status === 401 && hasToken && { wrongToken: true as const }),
				...(waitMs !== undefined && { asksToWait: true as const }),
			},
			...(waitMs !== undefined && { waitMs }),
			isOver: waitMs !== undefined || status === 429 || status === 401,
		};
	}
	const { etag, 'last-modified': modified, link } = headers;
	const next = nextPage(link, address);
	return {
		copy: {
			asked: document.address,
			address,
			text: body,
			...(isHeader(etag) && { etag }),
			...(isHeader(modified) && { modified }),
			...(next !== undefined && { next }),
		},
	};
}

/** Only short, printable text is sent back to the server in a header. */
function isHeader(text: string | undefined): text is string {
	return text !== undefined && /^[\x20-\x7E]{1,300}$/.test(text);
}

/** `Link: <…>; rel="next"`, if it is on the same server. */
function nextPage(link: string | undefined, address: string): string | undefined {
	const written = /<([^<>]{1,1000})>\s*;[^,<]{0,200}\brel="?next"?/.exec(link?.slice(0, 4000) ?? '')?.[1];
	if (written === undefined || !URL.canParse(written, address)) return undefined;
	const next = new URL(written, address);
	return next.origin === new URL(address).origin && next.href !== address ? next.href : undefined;
}

/**
 * How long to wait (ms): `Retry-After` in seconds or as a date, or GitHub's rate-limit reset, relative to the
 * server's own clock.
 */
function waitIn(headers: Readonly<Record<string, string>>): number | undefined {
	const { 'retry-after': after, 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset, date } = headers;
	const clock = Date.parse(date ?? '');
	const wait = retryAfter(after, clock);
	if (wait !== undefined) return wait;
	if (remaining !== '0' || reset === undefined || !/^\d{1,12}$/.test(reset)) return undefined;
	const left = Number(reset) * 1000 - clock;
	return Number.isFinite(left) ? Math.max(0, left) : undefined;
}

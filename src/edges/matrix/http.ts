// Replaces the deprecated `request` under matrix-bot-sdk with undici: a timeout for every request, reused
// connections, and an abort of all requests at shutdown.
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import type { ProxyOf } from '../../runtime/proxy.ts';
import { retryAfter } from '../../runtime/retry.ts';
import { acceptEncoding, decompressed, LargeAnswer } from './compression.ts';
import { isRecord } from './json.ts';

/** The parts of `request`'s options that the SDK uses. */
type RequestOptions = {
	uri: string;
	method: string;
	qs?: Record<string, unknown> | null;
	/** `null` asks for a Buffer. */
	encoding?: null;
	/** Milliseconds; a minute if the SDK's method does not set it. */
	timeout: number;
	headers: Record<string, string>;
	body?: string | Buffer;
};

type HttpResponse = { statusCode: number; headers: Record<string, unknown>; body: unknown };
type Callback = (error: Error | null, response?: HttpResponse, body?: unknown) => void;

export type Http = {
	request: (options: RequestOptions, callback: Callback) => void;
	/** Aborts all requests in progress and rejects later ones. */
	close: () => Promise<void>;
};

/** Timeouts (ms) of an ordinary request, and of one that waits for other servers or carries a file. */
const callTimeout = 30_000;
const slowTimeout = 120_000;
const slow = /\/_matrix\/(?:client\/v3\/join\/|media\/v3\/upload)/;
/** Before it responds, Synapse may spend up to 20 seconds fetching the file from another server (ms). */
const downloadTimeout = 60_000;
const download = /\/_matrix\/(?:client\/v1\/media|media\/v3)\/download\//;
/** A first sync of thousands of rooms (ms). */
export const firstSyncTimeout = 300_000;

/** The size limit of a response (bytes), compressed or not; a first sync of thousands of rooms stays far below it. */
const maxBytes = 256 * 1024 * 1024;
/** The size limit of a download (bytes): no command reads more. */
export const maxDownload = 10_000_000;

type HttpSetup = {
	/** Bytes of a response, compressed or not. */
	maxAnswer?: number;
	/** Absent: no proxies. */
	proxyOf?: ProxyOf | undefined;
};

export function openHttp(userAgent: string, { maxAnswer = maxBytes, proxyOf }: HttpSetup = {}): Http {
	const connections = {
		connect: { timeout: 10_000 },
		keepAliveTimeout: 30_000,
		maxResponseSize: maxAnswer,
		// The signal times the whole request; these two would cut a long sync short.
		headersTimeout: 0,
		bodyTimeout: 0,
	};
	const direct = new Agent(connections);
	const proxied = new Map<string, ProxyAgent>();

	/** The dispatcher for an address: the proxy that the environment names for it, or a direct connection. */
	function wayTo(uri: string): Dispatcher {
		const proxy = proxyOf?.(uri)?.href;
		if (proxy === undefined) return direct;
		// For http: addresses, proxies expect plain requests, and they often allow tunnels to port 443 only.
		const proxyTunnel = uri.startsWith('https:');
		const key = `${proxy} ${proxyTunnel}`;
		const known = proxied.get(key) ?? new ProxyAgent({ ...connections, uri: proxy, proxyTunnel });
		proxied.set(key, known);
		return known;
	}

	return {
		request(options, callback) {
			const { pathname } = new URL(options.uri);
			const most = download.test(pathname) ? Math.min(maxDownload, maxAnswer) : maxAnswer;
			const ask = (late: AbortSignal) => call(options, { agent: wayTo(options.uri), late, userAgent, most });
			inTime(timeoutOf(pathname, options.timeout), ask).then(
				answer => callback(null, answer, answer.body),
				(error: unknown) => {
					const failed = error instanceof Error ? error : new Error(String(error));
					const proxy = proxyOf?.(options.uri)?.host;
					callback(proxy === undefined ? failed : Object.assign(failed, { proxy }));
				},
			);
		},
		async close() {
			await Promise.all([direct, ...proxied.values()].map(agent => agent.destroy()));
		},
	};
}

/** Decided here, since most of the SDK's methods accept no timeout. Only a sync's own may exceed `callTimeout`. */
function timeoutOf(pathname: string, timeout: number): number {
	if (slow.test(pathname)) return slowTimeout;
	if (download.test(pathname)) return downloadTimeout;
	return pathname.endsWith('/_matrix/client/v3/sync') ? timeout : Math.min(timeout, callTimeout);
}

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds. The timer of AbortSignal.timeout would outlive
 * the work.
 */
async function inTime<T>(ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
	const late = new AbortController();
	const timer = setTimeout(() => late.abort(new DOMException('no response in time', 'TimeoutError')), ms);
	try {
		return await work(late.signal);
	} finally {
		clearTimeout(timer);
	}
}

type CallContext = { agent: Dispatcher; late: AbortSignal; userAgent: string; most: number };

async function call(options: RequestOptions, { agent, late, userAgent, most }: CallContext): Promise<HttpResponse> {
	const { statusCode, headers, body } = await request(options.uri + query(options.qs), {
		method: options.method as 'GET',
		headers: { ...options.headers, 'User-Agent': userAgent, 'Accept-Encoding': acceptEncoding },
		body: options.body ?? null,
		dispatcher: agent,
		signal: late,
	});
	const sent = await upTo(most, body);
	const bytes = await decompressed(sent, headers['content-encoding'], most);
	if (options.encoding === null && statusCode < 400) return { statusCode, headers, body: bytes };
	const parsed = parse(bytes);
	if (statusCode < 400 && parsed === undefined)
		throw new Error(`status ${statusCode} with a response that is not JSON`);
	if (statusCode === 429) {
		const clock = Date.parse(single(headers.date) ?? '');
		const waitMs = retryAfter(single(headers['retry-after']), Number.isNaN(clock) ? Date.now() : clock);
		const limited = { errcode: 'M_LIMIT_EXCEEDED', ...(isRecord(parsed) && parsed) };
		// The SDK only reads the body, but newer servers may send only the header.
		return { statusCode, headers, body: waitMs === undefined ? limited : { ...limited, retry_after_ms: waitMs } };
	}
	if (statusCode >= 400 && !isRecord(parsed))
		throw Object.assign(new Error(`status ${statusCode} from something that is not a homeserver`), { statusCode });
	return { statusCode, headers, body: parsed };
}

/** Reads the body up to a limit; beyond it the connection is dropped. */
async function upTo(max: number, body: Dispatcher.ResponseData['body']): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of body) {
		length += chunk.length;
		if (length > max) throw new LargeAnswer();
		chunks.push(chunk);
	}
	return Buffer.concat(chunks, length);
}

function single(header: string | string[] | undefined): string | undefined {
	return Array.isArray(header) ? header[0] : header;
}

function query(qs: RequestOptions['qs']): string {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(qs ?? {})) {
		if (value === null || value === undefined) continue;
		for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
	}
	const text = search.toString();
	return text && `?${text}`;
}

/** Judges by the content, not the content type: some proxies label every response as text, or not at all. */
function parse(bytes: Buffer): unknown {
	try {
		return JSON.parse(new TextDecoder().decode(bytes));
	} catch {
		return undefined;
	}
}

// One GET or POST to a checked and pinned address, limited in time and size, whatever the other side does.
import { type ConnectionOptions, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { Client, type Dispatcher } from 'undici';
import type { Attempt, LookFailure, TlsFault, Trouble } from '../../advice/watch/observation.ts';
import { openTunnel } from './tunnel.ts';

export type Destination = {
	/** Checked addresses, in the order to try them. */
	addresses: readonly string[];
	port: number;
	/** The `Host` header. */
	host: string;
	/** The name that the certificate must be valid for; empty for a bare address, which must then be in the certificate. */
	name: string;
	/** The host and port, for messages. */
	at: string;
};

/** Maps a checked address and port to the real ones. They only differ in tests, which cannot listen on port 443. */
export type Route = (address: string, port: number) => { host: string; port: number };

export type RequestLimits = {
	/** From connecting to the end of the body (ms). */
	totalMs: number;
	/** Until the connection is established, including TLS (ms). */
	connectMs: number;
	headerBytes: number;
	/** Of the body, both as sent and decompressed. */
	bodyBytes: number;
};

export type Exchange = {
	path: string;
	headers: Readonly<Record<string, string>>;
	secureContext: SecureContext;
	limits: RequestLimits;
	route: Route;
	/** Functions that abort the requests in progress; each request adds its own. */
	stops: Set<() => void>;
	post?: string;
	/** The proxy to tunnel through; absent: connect directly. */
	proxy?: URL;
};

/** At most this many addresses of one name are tried. */
const maxAddresses = 3;

/** Tries the addresses one after another until one accepts the connection. Never throws. */
export async function request(place: Destination, way: Exchange): Promise<Attempt> {
	const troubles: Trouble[] = [];
	const ends = performance.now() + way.limits.totalMs;
	for (const address of place.addresses.slice(0, maxAddresses)) {
		const totalMs = Math.max(1, ends - performance.now());
		const attempt = await requestAt(address, place, { ...way, limits: { ...way.limits, totalMs } });
		if ('reply' in attempt) return attempt;
		troubles.push(attempt.trouble);
		if (!isAboutAddress(attempt.trouble) || performance.now() >= ends) break;
	}
	// Report the attempt that got furthest: "no route over IPv6" would hide that the server refuses IPv4 connections.
	const rank = (trouble: Trouble) => ['unreachable', 'refused', 'timeout'].indexOf(trouble.is);
	const telling = troubles.reduce((a, b) => (rank(a) !== -1 && (rank(b) === -1 || rank(b) > rank(a)) ? b : a));
	return { trouble: telling };
}

/** Whether another address of the same name may do better. */
function isAboutAddress(trouble: Trouble): boolean {
	return (
		trouble.is === 'unreachable' ||
		trouble.is === 'refused' ||
		(trouble.is === 'timeout' && trouble.during === 'connection')
	);
}

type Phase = (Trouble & { is: 'timeout' })['during'];

/** One exchange with one address, from connecting to the end of the body. It ends once, whatever happens first. */
type Course = {
	place: Destination;
	way: Exchange;
	phase: Phase;
	isOver: boolean;
	socket?: TLSSocket;
	client?: Client;
	tunnel?: { destroy: () => void };
	untilConnected?: NodeJS.Timeout;
	finish: (attempt: Attempt) => void;
	failed: (error: unknown) => void;
};

function requestAt(address: string, place: Destination, way: Exchange): Promise<Attempt> {
	const { limits } = way;
	const { at } = place;
	return new Promise(resolve => {
		const course: Course = {
			place,
			way,
			phase: 'connection',
			isOver: false,
			finish(attempt) {
				if (course.isOver) return;
				course.isOver = true;
				clearTimeout(total);
				clearTimeout(course.untilConnected);
				way.stops.delete(stop);
				// The client does not own a socket that is still connecting, so it would leave it open.
				course.tunnel?.destroy();
				course.socket?.destroy();
				course.client?.destroy().catch(() => undefined);
				resolve(attempt);
			},
			failed: error => course.finish({ trouble: troubleOf(error, at, course.phase) }),
		};
		const stop = () => course.finish({ trouble: { is: 'unasked', at } });
		way.stops.add(stop);
		const late = () => course.finish({ trouble: { is: 'timeout', at, during: course.phase } });
		const total = setTimeout(late, limits.totalMs);
		course.untilConnected = setTimeout(late, Math.min(limits.connectMs, limits.totalMs));
		course.client = clientOf(address, course);
		try {
			course.client.dispatch(
				{
					path: way.path,
					method: way.post === undefined ? 'GET' : 'POST',
					headers: { host: place.host, ...way.headers },
					reset: true,
					...(way.post !== undefined && { body: way.post }),
				},
				readerOf(course),
			);
		} catch (error) {
			course.failed(error);
		}
	});
}

/** A client with one connection to this exact address, so that no name is resolved again after the check. */
function clientOf(address: string, course: Course): Client {
	const { place, way } = course;
	return new Client(`https://${bracketed(address)}:${place.port}`, {
		allowH2: false,
		pipelining: 1,
		maxHeaderSize: way.limits.headerBytes,
		// The exchange has two timers of its own; undici's would add one more each.
		headersTimeout: 0,
		bodyTimeout: 0,
		connect(_options, callback) {
			const done = (error: Error | null, socket: TLSSocket | null) =>
				error || !socket ? callback(error ?? new Error('closed'), null) : callback(null, socket);
			if (!way.proxy) return speakTls(way.route(address, place.port), course, done);
			course.tunnel = openTunnel(way.proxy, `${bracketed(address)}:${place.port}`, (error, socket) => {
				if (course.isOver) socket?.destroy();
				if (error || !socket) return done(error, null);
				course.phase = 'handshake';
				speakTls({ socket }, course, done);
			});
		},
	});
}

/** TLS over a new connection, or through a tunnel. */
function speakTls(
	over: ConnectionOptions,
	course: Course,
	connected: (error: Error | null, socket: TLSSocket | null) => void,
): void {
	const { place, way } = course;
	const connecting = connectTls({
		...over,
		servername: place.name,
		secureContext: way.secureContext,
		ALPNProtocols: ['http/1.1'],
	});
	course.socket = connecting;
	let called = false;
	const done = (error: Error | null) => {
		if (called) return;
		called = true;
		connected(error, error ? null : connecting);
	};
	connecting.setNoDelay(true);
	connecting.once('connect', () => {
		course.phase = 'handshake';
	});
	connecting.once('secureConnect', () => {
		course.phase = 'answer';
		clearTimeout(course.untilConnected);
		done(null);
	});
	connecting.on('error', done);
	connecting.once('close', () => done(new Error('closed')));
}

/** Reads the response, up to the limit for its body. */
function readerOf(course: Course): Dispatcher.DispatchHandler {
	const { bodyBytes } = course.way.limits;
	const broken = (fault: LookFailure) => course.finish({ trouble: { is: 'broken', at: course.place.at, fault } });
	const chunks: Buffer[] = [];
	let bytes = 0;
	let status = 0;
	let headers: Record<string, string> = {};
	return {
		onRequestStart() {},
		onResponseStart(_controller, statusCode, raw) {
			// Informational responses such as 103 could keep coming forever, so the timer keeps running.
			if (statusCode < 200) return;
			course.phase = 'body';
			status = statusCode;
			headers = single(raw);
			if (Number(headers['content-length'] ?? 0) > bodyBytes) broken('body-too-large');
		},
		onResponseData(_controller, chunk) {
			bytes += chunk.length;
			if (bytes > bodyBytes) broken('body-too-large');
			else if (!course.isOver) chunks.push(chunk);
		},
		onResponseEnd() {
			if (course.isOver) return;
			plain(Buffer.concat(chunks), headers['content-encoding'], bodyBytes).then(
				body => ('fault' in body ? broken(body.fault) : course.finish({ reply: { status, headers, body: body.text } })),
				course.failed,
			);
		},
		onResponseError(_controller, error) {
			course.failed(error);
		},
	};
}

function bracketed(address: string): string {
	return address.includes(':') ? `[${address}]` : address;
}

function single(headers: Record<string, string | string[] | undefined>): Record<string, string> {
	const found: Record<string, string> = {};
	for (const [name, value] of Object.entries(headers)) {
		if (value !== undefined) found[name] = Array.isArray(value) ? (value[0] ?? '') : value;
	}
	return found;
}

const decoders = new Map<string, (data: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>([
	['gzip', promisify(gunzip)],
	['x-gzip', promisify(gunzip)],
	['deflate', promisify(inflate)],
	['br', promisify(brotliDecompress)],
]);

/** The text of a body. At most one compression layer, and never more output than the limit. */
async function plain(
	raw: Buffer,
	encoding: string | undefined,
	maxBytes: number,
): Promise<{ text: string } | { fault: LookFailure }> {
	const name = encoding?.trim().toLowerCase() ?? '';
	// Some servers declare an encoding for an empty body.
	if (name === '' || name === 'identity' || raw.length === 0) return { text: raw.toString('utf8') };
	const decode = decoders.get(name);
	if (!decode) return { fault: 'encoding' };
	try {
		return { text: (await decode(raw, { maxOutputLength: maxBytes })).toString('utf8') };
	} catch (error) {
		return { fault: codeOf(error) === 'ERR_BUFFER_TOO_LARGE' ? 'body-too-large' : 'encoding' };
	}
}

function codeOf(error: unknown): string {
	return error instanceof Error && 'code' in error ? String(error.code) : '';
}

const unreachable = [
	'EHOSTUNREACH',
	'ENETUNREACH',
	'EADDRNOTAVAIL',
	'EHOSTDOWN',
	'ENETDOWN',
	'EACCES',
	'EPERM',
	'EINVAL',
];

const tlsFaults: Record<string, TlsFault> = {
	CERT_HAS_EXPIRED: 'expired',
	CERT_NOT_YET_VALID: 'not-yet-valid',
	ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-name',
	ERR_TLS_CERT_ALTNAME_FORMAT: 'wrong-name',
	HOSTNAME_MISMATCH: 'wrong-name',
	DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed',
	SELF_SIGNED_CERT_IN_CHAIN: 'chain',
	UNABLE_TO_GET_ISSUER_CERT: 'chain',
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'chain',
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'chain',
	CERT_UNTRUSTED: 'chain',
	CERT_REJECTED: 'chain',
	CERT_CHAIN_TOO_LONG: 'chain',
	INVALID_CA: 'chain',
	INVALID_PURPOSE: 'chain',
	PATH_LENGTH_EXCEEDED: 'chain',
	CERT_SIGNATURE_FAILURE: 'chain',
	CERT_REVOKED: 'revoked',
	ERR_SSL_WRONG_VERSION_NUMBER: 'not-tls',
	ERR_SSL_PACKET_LENGTH_TOO_LONG: 'not-tls',
	ERR_SSL_HTTP_REQUEST: 'not-tls',
};

function troubleOf(error: unknown, at: string, phase: Phase): Trouble {
	const code = codeOf(error);
	if (code.startsWith('PROXY_')) return { is: 'unreachable', at, code };
	if (code === 'ECONNREFUSED') return { is: 'refused', at };
	if (code === 'ETIMEDOUT') return { is: 'timeout', at, during: phase };
	if (unreachable.includes(code)) return { is: 'unreachable', at, code };
	const fault = tlsFaults[code];
	if (fault !== undefined) {
		const names = fault === 'wrong-name' ? namesIn(error) : undefined;
		return { is: 'tls', at, fault, ...(names !== undefined && { names }) };
	}
	if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO')
		return { is: 'tls', at, fault: 'protocol' };
	if (phase === 'connection') return { is: 'refused', at };
	if (phase === 'handshake') return { is: 'tls', at, fault: 'protocol' };
	if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
		return { is: 'broken', at, fault: 'headers-too-large' };
	}
	const isClosed =
		['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'ECONNRESET', 'EPIPE'].includes(code) ||
		// undici has no error code for a response that ends too early.
		(error instanceof Error && error.message.includes('Invalid EOF state'));
	return { is: 'broken', at, fault: isClosed ? 'closed' : 'not-http' };
}

/** The names in a certificate, at most 200 characters. */
function namesIn(error: unknown): string | undefined {
	const certificate = error instanceof Error && 'cert' in error ? error.cert : undefined;
	const names =
		typeof certificate === 'object' && certificate && 'subjectaltname' in certificate && certificate.subjectaltname;
	return typeof names === 'string' ? names.replace(/DNS:|IP Address:/g, '').slice(0, 200) : undefined;
}

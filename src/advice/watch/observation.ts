// What a poll of a homeserver saw, and what that means: which software it runs, or why we cannot tell.

import type { Version } from '../../deployment/version.ts';
import { retryAfter } from '../../runtime/retry.ts';
import { harmless } from '../../text/markdown.ts';
import { type Build, readBuild } from './build.ts';

/** What is wrong with a certificate or the handshake. */
export type TlsFault =
	| 'expired'
	| 'not-yet-valid'
	| 'wrong-name'
	| 'self-signed'
	| 'chain'
	| 'revoked'
	| 'not-tls'
	| 'protocol';

/** What makes a response invalid. */
export type LookFailure =
	| 'headers-too-large'
	| 'body-too-large'
	| 'not-http'
	| 'closed'
	| 'encoding'
	| 'redirect-loop'
	| 'too-many-redirects'
	| 'redirect-elsewhere';

/** Why a request got no response. `at` is the host and port that was asked. */
export type Trouble =
	| { is: 'no-such-name'; name: string }
	| { is: 'no-address'; name: string }
	/** The resolver failed, or the name's own servers did. */
	| { is: 'resolver'; name: string; code: string }
	/** An SRV record that explicitly denies the service. */
	| { is: 'no-service'; name: string }
	/**
	 * The name resolves to a forbidden address. The address is only in the log, because rooms must not be able to
	 * map a network.
	 */
	| { is: 'forbidden'; name: string }
	| { is: 'refused'; at: string }
	| { is: 'unreachable'; at: string; code: string }
	| { is: 'timeout'; at: string; during: 'connection' | 'handshake' | 'answer' | 'body' }
	| { is: 'tls'; at: string; fault: TlsFault; names?: string }
	| { is: 'broken'; at: string; fault: LookFailure }
	/** We did not ask, or aborted the request: this says nothing about the server. */
	| { is: 'unasked'; at: string };

/** A response; `body` is its text, decompressed. */
export type Reply = { status: number; body: string; headers: Readonly<Record<string, string>> };

export type Attempt = { reply: Reply } | { trouble: Trouble };

/** The specification's step by which a server was found. */
export type DiscoveryStep = 'literal' | 'port' | 'well-known' | 'srv' | 'srv-deprecated' | 'default';

/** A server's federation endpoint: the host and port for requests, and the server name it delegates to. */
export type Target = { at: string; by: DiscoveryStep; delegated?: string };

/** `facts` as people type them: `oidc`, `no-registration`. `features`: experimental options and whether they are on. */
export type ServerFacts = { facts: readonly string[]; features: Readonly<Record<string, boolean>>; at: string };

/** Everything a poll saw. */
export type Sight = {
	server: string;
	/** ISO 8601, UTC. */
	at: string;
	target?: Target;
	/** `/_matrix/federation/v1/version` */
	federation: Attempt;
	/** `/_synapse/admin/v1/server_version`, asked if the federation API was inconclusive. */
	admin?: Attempt;
	/** `/_matrix/key/v2/server` and `/_matrix/client/versions`: whether this is a Matrix server at all. */
	signs?: Attempt[];
};

export type Observation = { server: string; at: string } & Observed;

/** An observation without its server and time. */
export type Observed = { target?: Target } & Found;

/** The kind of a response that does not contain what was asked for. */
export type AnswerKind = 'page' | 'json' | 'nothing' | 'other';

type Found =
	/** Synapse. `closed` says why the federation API was inconclusive. */
	| {
			kind: 'running';
			version: Version;
			/** How the build differs from the release itself. */
			build?: Build;
			written: string;
			through: 'federation' | 'client';
			closed?: Closed;
			tells?: ServerFacts;
	  }
	/** Another homeserver, or a fork with its own name. */
	| { kind: 'other'; software: string; written: string }
	/** Synapse with an unparsable version. */
	| { kind: 'unparsable'; written: string }
	/** A Matrix server that hides its version. `answer` is what it responds with instead, `text` the start of that. */
	| { kind: 'hidden'; status: number; answer?: { is: AnswerKind; text: string } }
	/** Something responds, but not Matrix. */
	| { kind: 'not-matrix'; status: number; what: AnswerKind }
	/** It asks us to wait. */
	| { kind: 'limited'; waitSeconds?: number }
	/** The server, or a proxy in front of it, reports that it is not working. */
	| { kind: 'failing'; status: number; waitSeconds?: number }
	| { kind: 'unreached'; trouble: Trouble }
	/** It was not asked, because too many others were in the queue: this says nothing about the server. */
	| { kind: 'unasked' }
	/** The configuration says not to poll it. */
	| { kind: 'excluded' }
	/** No server can have this name. */
	| { kind: 'misnamed' };

export type Closed = { trouble: Trouble } | { status: number };

/** The maximum length of text kept from a server (characters). */
const maxText = 80;

export function observationOf(sight: Sight): Observation {
	const { server, at, target } = sight;
	return { server, at, ...(target && { target }), ...foundIn(sight) };
}

function foundIn({ federation, admin, signs = [] }: Sight): Found {
	const told = softwareIn(federation);
	if (told) return told;
	const wait = waitIn(federation);
	if (wait) return wait;
	const closed: Closed =
		'trouble' in federation ? { trouble: federation.trouble } : { status: federation.reply.status };
	const own = admin && adminVersionIn(admin);
	if (own !== undefined) {
		const read = readBuild(own);
		if (!read) return { kind: 'unparsable', written: kept(own) };
		return { kind: 'running', ...read, written: kept(own), through: 'client', closed };
	}
	const blank = replyOf(federation);
	const answer = blank && objectIn(blank.body);
	const isServer = hasVersion(answer?.server);
	const statuses = [federation, ...(admin ? [admin] : [])].flatMap(attempt =>
		'reply' in attempt ? [attempt.reply] : [],
	);
	if (signs.some(isSignOfMatrix) || statuses.some(isMatrixError) || isServer) {
		return {
			kind: 'hidden',
			status: statuses[0]?.status ?? 0,
			...(blank && { answer: { is: whatIs(blank), text: kept(blank.body) } }),
		};
	}
	if ([federation, ...(admin ? [admin] : []), ...signs].some(isUnasked)) return { kind: 'unasked' };
	if ('trouble' in federation) return { kind: 'unreached', trouble: federation.trouble };
	const { status } = federation.reply;
	if (status >= 500) return { kind: 'failing', status };
	return { kind: 'not-matrix', status, what: whatIs(federation.reply) };
}

/** Whether we aborted the request, or never sent it. */
function isUnasked(attempt: Attempt): boolean {
	return 'trouble' in attempt && attempt.trouble.is === 'unasked';
}

function objectIn(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
		return typeof value === 'object' && value !== null && !Array.isArray(value)
			? (value as Record<string, unknown>)
			: undefined;
	} catch {
		return undefined;
	}
}

function hasVersion(server: unknown): boolean {
	return typeof server === 'object' && server !== null && 'version' in server && typeof server.version === 'string';
}

function replyOf(attempt: Attempt): Reply | undefined {
	return 'reply' in attempt && attempt.reply.status === 200 ? attempt.reply : undefined;
}

function softwareIn(attempt: Attempt): Found | undefined {
	const reply = replyOf(attempt);
	const server = reply && objectIn(reply.body)?.server;
	if (typeof server !== 'object' || server === null) return undefined;
	const { name, version: written } = server as Record<string, unknown>;
	const software = typeof name === 'string' ? name.trim() : '';
	// Without a name it may be anything, including Synapse.
	if (software === '') return undefined;
	const text = textOf(written);
	if (software.toLowerCase() !== 'synapse') return { kind: 'other', software: kept(software), written: kept(text) };
	// A number has lost its zeros (1.150 is 1.15), and any other value is not a version.
	const read = typeof written === 'string' ? readBuild(written) : undefined;
	return read
		? { kind: 'running', ...read, written: kept(text), through: 'federation' }
		: { kind: 'unparsable', written: kept(text) };
}

/** A string as it is; anything else as JSON. */
function textOf(value: unknown): string {
	if (typeof value === 'string') return value;
	return value === undefined || value === null ? '' : JSON.stringify(value);
}

function adminVersionIn(attempt: Attempt): string | undefined {
	const reply = replyOf(attempt);
	const version = reply && objectIn(reply.body)?.server_version;
	return typeof version === 'string' ? version : undefined;
}

/** Text from a server, for storing: sanitised, on one line, and short. */
function kept(text: string): string {
	// Cut before it is sanitised, because sanitising ten megabytes would be slow.
	const letters = [
		...harmless(text.slice(0, 4 * maxText))
			.replace(/\s+/g, ' ')
			.trim(),
	];
	return letters.length > maxText ? `${letters.slice(0, maxText - 1).join('')}…` : letters.join('');
}

/** The longest wait that a server may ask for: a day. */
const maxWait = 86_400;

function waitIn(attempt: Attempt): Found | undefined {
	if (!('reply' in attempt)) return undefined;
	const { status, headers } = attempt.reply;
	if (status !== 429 && status !== 503) return undefined;
	// Relative to the server's own clock, whatever that says.
	const ms = retryAfter(headers['retry-after'], Date.parse(headers.date ?? ''));
	const seconds = ms === undefined ? undefined : Math.round(ms / 1000);
	if (status === 503 && seconds === undefined) return undefined;
	const wait = seconds !== undefined && { waitSeconds: Math.min(seconds, maxWait) };
	return status === 429 ? { kind: 'limited', ...wait } : { kind: 'failing', status, ...wait };
}

function isMatrixError({ body }: Reply): boolean {
	const code = objectIn(body)?.errcode;
	return typeof code === 'string' && /^M_[A-Z_]{1,60}$/.test(code);
}

/** Whether this is how a Matrix server responds to requests for keys or client API versions. */
function isSignOfMatrix(attempt: Attempt): boolean {
	if (!('reply' in attempt)) return false;
	if (isMatrixError(attempt.reply)) return true;
	const object = replyOf(attempt) && objectIn(attempt.reply.body);
	return Boolean(object && (typeof object.server_name === 'string' || Array.isArray(object.versions)));
}

function whatIs({ body, headers }: Reply): AnswerKind {
	const start = body.slice(0, 500).trimStart();
	if (start === '') return 'nothing';
	if (/^<(?:!doctype|html|head|body|\?xml)/i.test(start) || /html/i.test(headers['content-type'] ?? '')) return 'page';
	return /^[[{]/.test(start) ? 'json' : 'other';
}

/** Whether the poll found out what the server runs, including other software. */
export function isAnswer(observation: Observation): boolean {
	return ['running', 'other', 'unparsable'].includes(observation.kind);
}

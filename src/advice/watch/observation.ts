// What a look at a homeserver saw, and what it means: which software it runs, or why nobody can say.

import type { Version } from '../../deployment/version.ts';
import { retryAfter } from '../../runtime/retry.ts';
import { harmless } from '../../text/markdown.ts';
import { type Build, readBuild } from './build.ts';

/** What is wrong with a certificate or with the handshake. */
export type TlsFault =
	| 'expired'
	| 'not-yet-valid'
	| 'wrong-name'
	| 'self-signed'
	| 'chain'
	| 'revoked'
	| 'not-tls'
	| 'protocol';

/** How an answer was broken. */
export type LookFailure =
	| 'headers-too-large'
	| 'body-too-large'
	| 'not-http'
	| 'closed'
	| 'encoding'
	| 'redirect-loop'
	| 'too-many-redirects'
	| 'redirect-elsewhere';

/** Why a request got no answer. `at` is the host and port that was asked. */
export type Trouble =
	| { is: 'no-such-name'; name: string }
	| { is: 'no-address'; name: string }
	/** The resolver could not say: its failure, or that of the name's own servers. */
	| { is: 'resolver'; name: string; code: string }
	/** An SRV record says that there is decidedly no such service. */
	| { is: 'no-service'; name: string }
	/** It leads to an address that is not spoken to. Which one stands in the log only: rooms must not map a network. */
	| { is: 'forbidden'; name: string }
	| { is: 'refused'; at: string }
	| { is: 'unreachable'; at: string; code: string }
	| { is: 'timeout'; at: string; during: 'connection' | 'handshake' | 'answer' | 'body' }
	| { is: 'tls'; at: string; fault: TlsFault; names?: string }
	| { is: 'broken'; at: string; fault: LookFailure }
	/** We did not ask, or ended it ourselves: this says nothing of the server. */
	| { is: 'unasked'; at: string };

/** An answer; `body` is its text, decompressed. */
export type Reply = { status: number; body: string; headers: Readonly<Record<string, string>> };

export type Attempt = { reply: Reply } | { trouble: Trouble };

/** By which step of the specification a server was found. */
export type DiscoveryStep = 'literal' | 'port' | 'well-known' | 'srv' | 'srv-deprecated' | 'default';

/** Where a server's federation is: the host and port that requests go to, and the server name it delegates to. */
export type Target = { at: string; by: DiscoveryStep; delegated?: string };

/** `facts` as people type them: `oidc`, `no-registration`. `features`: options of experiments, and whether they are on. */
export type ServerFacts = { facts: readonly string[]; features: Readonly<Record<string, boolean>>; at: string };

/** All that a look saw. */
export type Sight = {
	server: string;
	/** ISO 8601, UTC. */
	at: string;
	target?: Target;
	/** `/_matrix/federation/v1/version` */
	federation: Attempt;
	/** `/_synapse/admin/v1/server_version`, asked where the federation did not say. */
	admin?: Attempt;
	/** `/_matrix/key/v2/server` and `/_matrix/client/versions`: whether there is Matrix at all. */
	signs?: Attempt[];
};

export type Observation = { server: string; at: string } & Observed;

/** An observation without its server and its time. */
export type Observed = { target?: Target } & Found;

/** What an answer is that does not say what was asked. */
export type AnswerKind = 'page' | 'json' | 'nothing' | 'other';

type Found =
	/** Synapse. `closed` says why the federation did not tell. */
	| {
			kind: 'running';
			version: Version;
			/** What makes it another build than the release itself. */
			build?: Build;
			written: string;
			through: 'federation' | 'client';
			closed?: Closed;
			tells?: ServerFacts;
	  }
	/** Another homeserver, or a fork with a name of its own. */
	| { kind: 'other'; software: string; written: string }
	/** Synapse, with a version that cannot be read. */
	| { kind: 'unparsable'; written: string }
	/** There is Matrix, but not its version. `answer` is what it answers instead, `text` its beginning, where it answers at all. */
	| { kind: 'hidden'; status: number; answer?: { is: AnswerKind; text: string } }
	/** Something answers, and it is not Matrix. */
	| { kind: 'not-matrix'; status: number; what: AnswerKind }
	/** It asks to be left alone for a while. */
	| { kind: 'limited'; waitSeconds?: number }
	/** It, or what stands in front of it, says that it does not work. */
	| { kind: 'failing'; status: number; waitSeconds?: number }
	| { kind: 'unreached'; trouble: Trouble }
	/** We did not come to ask it, for too many others were being asked: this says nothing of the server. */
	| { kind: 'unasked' }
	/** The configuration says not to look. */
	| { kind: 'excluded' }
	/** No server can have this name. */
	| { kind: 'misnamed' };

export type Closed = { trouble: Trouble } | { status: number };

/** Longest text of a server's that is kept (characters). */
const longest = 80;

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

/** Whether we ended it ourselves, or never began. */
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
	// Without a name it may be anything, Synapse too.
	if (software === '') return undefined;
	const text = textOf(written);
	if (software.toLowerCase() !== 'synapse') return { kind: 'other', software: kept(software), written: kept(text) };
	// A number has lost its zeros on the way (1.150 is 1.15), and no other value is a version.
	const read = typeof written === 'string' ? readBuild(written) : undefined;
	return read
		? { kind: 'running', ...read, written: kept(text), through: 'federation' }
		: { kind: 'unparsable', written: kept(text) };
}

/** The value as text; anything else is shown as JSON. */
function textOf(value: unknown): string {
	if (typeof value === 'string') return value;
	return value === undefined || value === null ? '' : JSON.stringify(value);
}

function adminVersionIn(attempt: Attempt): string | undefined {
	const reply = replyOf(attempt);
	const version = reply && objectIn(reply.body)?.server_version;
	return typeof version === 'string' ? version : undefined;
}

/** What somebody else wrote, for keeping: harmless, on one line, short. */
function kept(text: string): string {
	// Cut before it is cleaned: cleaning ten megabytes takes its time.
	const letters = [
		...harmless(text.slice(0, 4 * longest))
			.replace(/\s+/g, ' ')
			.trim(),
	];
	return letters.length > longest ? `${letters.slice(0, longest - 1).join('')}…` : letters.join('');
}

/** The longest wait that a server may ask for: a day. */
const longestWait = 86_400;

function waitIn(attempt: Attempt): Found | undefined {
	if (!('reply' in attempt)) return undefined;
	const { status, headers } = attempt.reply;
	if (status !== 429 && status !== 503) return undefined;
	// By the server's own clock, whatever that says.
	const ms = retryAfter(headers['retry-after'], Date.parse(headers.date ?? ''));
	const seconds = ms === undefined ? undefined : Math.round(ms / 1000);
	if (status === 503 && seconds === undefined) return undefined;
	const wait = seconds !== undefined && { waitSeconds: Math.min(seconds, longestWait) };
	return status === 429 ? { kind: 'limited', ...wait } : { kind: 'failing', status, ...wait };
}

function isMatrixError({ body }: Reply): boolean {
	const code = objectIn(body)?.errcode;
	return typeof code === 'string' && /^M_[A-Z_]{1,60}$/.test(code);
}

/** Whether this is how Matrix answers when asked for keys or for the versions of its client API. */
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

/** Whether the look found out what the server runs, or that it runs something else. */
export function isAnswer(observation: Observation): boolean {
	return ['running', 'other', 'unparsable'].includes(observation.kind);
}

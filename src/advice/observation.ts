// What a look at a homeserver saw, and what it means: which software it runs, or why nobody can say.
import { type Build, buildWords, readBuild, tellVersion } from './build.ts';
import { code, harmless, quoted } from './markdown.ts';
import type { Version } from './version.ts';

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
export type Fault =
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
	| { is: 'broken'; at: string; fault: Fault }
	/** We did not ask, or ended it ourselves: this says nothing of the server. */
	| { is: 'unasked'; at: string };

/** An answer; `body` is its text, decompressed. */
export type Reply = { status: number; body: string; headers: Readonly<Record<string, string>> };

export type Attempt = { reply: Reply } | { trouble: Trouble };

/** By which step of the specification a server was found. */
export type Step = 'literal' | 'port' | 'well-known' | 'srv' | 'srv-deprecated' | 'default';

/** Where a server's federation is: the host and port that requests go to, and the server name it delegates to. */
export type Target = { at: string; by: Step; delegated?: string };

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

export type Observation = { server: string; at: string; target?: Target } & Found;

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
	  }
	/** Another homeserver, or a fork with a name of its own. */
	| { kind: 'other'; software: string; written: string }
	/** Synapse, with a version that cannot be read. */
	| { kind: 'unparsable'; written: string }
	/** There is Matrix, but not its version. `said` is what it answers instead (Markdown), where it answers at all. */
	| { kind: 'hidden'; status: number; said?: string }
	/** Something answers, and it is not Matrix. */
	| { kind: 'not-matrix'; status: number; what: 'a web page' | 'JSON' | 'nothing' | 'something else' }
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

type Closed = { trouble: Trouble } | { status: number };

/** Longest text of a server's that is kept: 80 letters. */
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
			...(blank && { said: saidWords(blank) }),
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

/** What stands there, as text: what is none is shown as JSON. */
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
	const seconds = secondsIn(headers['retry-after'], headers.date);
	if (status === 503 && seconds === undefined) return undefined;
	const wait = seconds !== undefined && { waitSeconds: Math.min(seconds, longestWait) };
	return status === 429 ? { kind: 'limited', ...wait } : { kind: 'failing', status, ...wait };
}

/** `Retry-After`: seconds, or a date, which counts from the server's own clock, whatever that says. */
function secondsIn(header: string | undefined, date: string | undefined): number | undefined {
	if (header === undefined) return undefined;
	if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header);
	const until = Date.parse(header);
	const from = Date.parse(date ?? '');
	return Number.isFinite(until - from) ? Math.max(0, Math.round((until - from) / 1000)) : undefined;
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

/** An answer that should name a version, in few words. */
function saidWords(reply: Reply): string {
	const what = whatIs(reply);
	return what === 'a web page' || what === 'nothing' ? what : quoted(kept(reply.body));
}

function whatIs({ body, headers }: Reply): 'a web page' | 'JSON' | 'nothing' | 'something else' {
	const start = body.slice(0, 500).trimStart();
	if (start === '') return 'nothing';
	if (/^<(?:!doctype|html|head|body|\?xml)/i.test(start) || /html/i.test(headers['content-type'] ?? ''))
		return 'a web page';
	return /^[[{]/.test(start) ? 'JSON' : 'something else';
}

/** Whether the look found out what the server runs, or that it runs something else. */
export function isAnswer(observation: Observation): boolean {
	return ['running', 'other', 'unparsable'].includes(observation.kind);
}

/** What an observation says, as Markdown: `result` in few words, `advice` for those who run the server. */
export type ObservationWords = { result: string; advice?: string };

export function observationWords(observation: Observation): ObservationWords {
	const { server } = observation;
	const name = quoted(server);
	switch (observation.kind) {
		case 'running':
			return {
				result: `${name} runs Synapse ${observation.version}${buildWords(observation)}`,
				...(observation.closed && {
					advice: `Its federation does not say so (${closedWords(observation.closed)}); its client API does.`,
				}),
			};
		case 'other': {
			const isRelated = /synapse/i.test(observation.software);
			return {
				result: `${name} runs ${quoted(observation.software)}${observation.written ? ` ${quoted(observation.written)}` : ''}, ${isRelated ? 'which is not the Synapse that I know' : 'not Synapse'}`,
				advice: 'I only know what Synapse requires of its admins.',
			};
		}
		case 'unparsable':
			return {
				result: observation.written
					? `${name} runs Synapse, with a version I cannot read: ${quoted(observation.written)}`
					: `${name} runs Synapse and leaves its version out`,
				advice: tellVersion(server),
			};
		case 'hidden':
			return observation.said === undefined
				? {
						result: `${name} runs Matrix and hides its version`,
						advice: `Something in front of it keeps ${code('/_matrix/federation/v1/version')} back${observation.status ? ` (status ${observation.status})` : ''}. Let that path through, or tell me the release: ${code(`!profile ${server} version=1.150`)}`,
					}
				: {
						result: `${name} runs Matrix and does not name its software; asked for its version, it answers with ${observation.said}`,
						advice: tellVersion(server),
					};
		case 'not-matrix':
			return {
				result: `${name} answers, but not as Matrix: ${observation.what}, status ${observation.status}`,
				advice: `Is the name right, and does the proxy pass ${code('/_matrix')} on${elsewhere(observation.target)}?`,
			};
		case 'limited':
			return {
				result: `${name} asks me to wait${waitWords(observation.waitSeconds)}`,
				advice: 'It limits how often it is asked (status 429); I look again later.',
			};
		case 'failing':
			return {
				result: `${name} does not work: status ${observation.status}${waitWords(observation.waitSeconds)}`,
				advice: `${observation.status === 502 || observation.status === 504 ? 'The proxy in front of it gets no answer from Synapse' : 'It says itself that it cannot answer'}${elsewhere(observation.target)}.`,
			};
		case 'unreached': {
			const words = troubleWords(observation.trouble);
			return {
				result: `${name} could not be asked: ${words.result}`,
				advice: `${words.advice}${delegation(observation)}`,
			};
		}
		case 'unasked':
			return { result: `${name} was not looked at yet: too many others come first`, advice: 'I look again later.' };
		case 'excluded':
			return { result: `${name} is not looked at: my configuration excludes it` };
		case 'misnamed':
			return {
				result: `${name} is no name that a homeserver can have`,
				advice: `A name looks like ${code('example.org')} or ${code('example.org:8448')}.`,
			};
	}
}

function closedWords(closed: Closed): string {
	return 'status' in closed ? `status ${closed.status}` : troubleWords(closed.trouble).result;
}

function waitWords(seconds: number | undefined): string {
	if (seconds === undefined) return '';
	return seconds < 120 ? `, ${seconds} seconds` : `, ${Math.ceil(seconds / 60)} minutes`;
}

function elsewhere(target: Target | undefined): string {
	return target?.delegated ? ` at ${quoted(target.at)}, where its delegation leads` : '';
}

const sources: Partial<Record<Step, string>> = {
	'well-known': '.well-known/matrix/server',
	srv: '_matrix-fed._tcp',
	'srv-deprecated': '_matrix._tcp',
};

function delegation({ server, target }: Observation): string {
	if (!target || target.at.startsWith(`${server}:`) || target.at === server) return '';
	const source = target.delegated ? sources['well-known'] : sources[target.by];
	return source ? ` Its ${code(source)} leads to ${quoted(target.at)}.` : '';
}

const tlsWords: Record<TlsFault, ObservationWords & { advice: string }> = {
	expired: { result: 'its certificate has expired', advice: 'Renew it, and see why that did not happen by itself.' },
	'not-yet-valid': {
		result: 'its certificate is not valid yet',
		advice: 'Check the clock of the machine that made it.',
	},
	'wrong-name': {
		result: 'its certificate is for another name',
		advice: 'The certificate has to be for the server name, or for the name it delegates to.',
	},
	'self-signed': {
		result: 'its certificate is signed by nobody but itself',
		advice: 'Federation needs a certificate of an authority that everybody trusts.',
	},
	chain: {
		result: 'its certificate leads to no authority I know',
		advice: 'Often the intermediate certificate is missing: serve the full chain.',
	},
	revoked: { result: 'its certificate was revoked', advice: 'Get a new one.' },
	'not-tls': { result: 'it does not speak TLS on that port', advice: 'The port has to speak HTTPS, not plain HTTP.' },
	protocol: { result: 'no TLS connection came about', advice: 'Check its TLS settings: versions, ciphers, names.' },
};

const faultWords: Record<Fault, string> = {
	'headers-too-large': 'its headers are too large',
	'body-too-large': 'its answer is too large',
	'not-http': 'its answer is not HTTP',
	closed: 'it closed the connection in the middle',
	encoding: 'its answer is compressed in a way I do not read',
	'redirect-loop': 'it redirects in a circle',
	'too-many-redirects': 'it redirects too often',
	'redirect-elsewhere': 'it redirects to what is not HTTPS',
};

const during: Record<(Trouble & { is: 'timeout' })['during'], string> = {
	connection: 'nothing took the connection in time',
	handshake: 'the TLS handshake did not end in time',
	answer: 'no answer came in time',
	body: 'the answer did not end in time',
};

/** What went wrong, and what the server's people can do about it. */
export function troubleWords(trouble: Trouble): { result: string; advice: string } {
	switch (trouble.is) {
		case 'no-such-name':
			return { result: `the name ${quoted(trouble.name)} does not exist`, advice: 'Check its spelling and its DNS.' };
		case 'no-address':
			return {
				result: `the name ${quoted(trouble.name)} has no address`,
				advice: 'It needs an A or AAAA record, or a delegation.',
			};
		case 'resolver':
			return {
				result: `the DNS gave no answer for ${quoted(trouble.name)} (${quoted(trouble.code)})`,
				advice: 'If other servers are found, the fault is with the name servers of this one.',
			};
		case 'no-service':
			return {
				result: `its SRV record ${quoted(trouble.name)} says that there is no such service`,
				advice: 'Remove the record, or let it name a host.',
			};
		case 'forbidden':
			return {
				result: `${quoted(trouble.name)} leads to an address that I do not speak to`,
				advice: `My log names it; my operator can allow it with ${code('watch.addresses')} in the configuration.`,
			};
		case 'unasked':
			return { result: `I did not come to ask ${quoted(trouble.at)}`, advice: 'I look again later.' };
		case 'refused':
			return {
				result: `${quoted(trouble.at)} refuses the connection`,
				advice: 'Does Synapse or its proxy run, and listen on that port?',
			};
		case 'unreachable':
			return {
				result: `there is no way to ${quoted(trouble.at)} (${quoted(trouble.code)})`,
				advice: 'Check its firewall and its routes, IPv6 too.',
			};
		case 'timeout':
			return {
				result: `${during[trouble.during]} (${quoted(trouble.at)})`,
				advice:
					trouble.during === 'connection'
						? 'Often a firewall drops the packets: open the port to everybody.'
						: 'It may be overloaded, or its proxy may wait for a Synapse that does not answer.',
			};
		case 'tls': {
			const words = tlsWords[trouble.fault];
			const names = trouble.names ? ` (${quoted(trouble.names)})` : '';
			return { result: `${words.result}${names} at ${quoted(trouble.at)}`, advice: words.advice };
		}
		case 'broken':
			return {
				result: `${faultWords[trouble.fault]} (${quoted(trouble.at)})`,
				advice: 'Look at it with another client: a homeserver does not answer like this.',
			};
	}
}

/** How a server was moved by its delegation between two looks; undefined if it stayed where it was. */
export function movedBetween(
	before: Observation,
	after: Observation,
): { from: string; to: string; by: Step } | undefined {
	if (!before.target || !after.target || !isAnswer(after) || before.target.at === after.target.at) return undefined;
	return { from: before.target.at, to: after.target.at, by: after.target.delegated ? 'well-known' : after.target.by };
}

/** A move in words. */
export function movedWords(server: string, { from, to, by }: { from: string; to: string; by: Step }): string {
	const source = sources[by];
	return `${quoted(server)} is now served by ${quoted(to)}${source ? `, says its ${code(source)}` : ''}; until now it was ${quoted(from)}`;
}

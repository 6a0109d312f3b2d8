// Words for what a poll of a server found.
import type {
	AnswerKind,
	Closed,
	DiscoveryStep,
	LookFailure,
	Observation,
	Observed,
	Target,
	TlsFault,
	Trouble,
} from '../advice/watch/observation.ts';
import { code, quoted } from '../text/markdown.ts';
import { buildWords, tellVersion } from './version.ts';

/** An observation as Markdown: `result` in a few words, `advice` for the server's administrators. */
export type ObservationWords = { result: string; advice?: string };

export function observationWords(observation: Observed & Pick<Observation, 'server'>): ObservationWords {
	const { server } = observation;
	const name = quoted(server);
	switch (observation.kind) {
		case 'running':
			return {
				result: `${name} runs Synapse ${observation.version}${buildWords(observation)}`,
				...(observation.closed && {
					advice: `I know this from its client API, not from its federation API (${closedWords(observation.closed)}).`,
				}),
			};
		case 'other': {
			const isRelated = /synapse/i.test(observation.software);
			return {
				result: `${name} runs ${quoted(observation.software)}${observation.written ? ` ${quoted(observation.written)}` : ''}, ${isRelated ? 'which is not the Synapse I know' : 'not Synapse'}`,
				advice: 'I only know what Synapse requires of its admins.',
			};
		}
		case 'unparsable':
			return {
				result: observation.written
					? `${name} runs Synapse, with a version I cannot read: ${quoted(observation.written)}`
					: `${name} runs Synapse, but does not give its version`,
				advice: tellVersion(server),
			};
		case 'hidden':
			return observation.answer === undefined
				? {
						result: `${name} runs Matrix, but hides its version`,
						advice: `Something in front of it blocks ${code('/_matrix/federation/v1/version')}${observation.status ? ` (status ${observation.status})` : ''}. Let that path through, or tell me the release: ${code(`!profile ${server} version=1.150`)}`,
					}
				: {
						result: `${name} runs Matrix, but does not name its software; asked for its version, it responds with ${answerWords(observation.answer)}`,
						advice: tellVersion(server),
					};
		case 'not-matrix':
			return {
				result: `${name} responds, but not with Matrix: ${answerKinds[observation.what]}, status ${observation.status}`,
				advice: `Is the name correct, and does the proxy forward ${code('/_matrix')}${elsewhere(observation.target)}?`,
			};
		case 'limited':
			return {
				result: `${name} asks me to wait${waitWords(observation.waitSeconds)}`,
				advice: 'It is rate-limiting me (status 429); I will check again later.',
			};
		case 'failing':
			return {
				result: `${name} is not working: status ${observation.status}${waitWords(observation.waitSeconds)}`,
				advice: `${observation.status === 502 || observation.status === 504 ? 'The proxy in front of it gets no response from Synapse' : 'It reports that it cannot respond'}${elsewhere(observation.target)}.`,
			};
		case 'unreached': {
			const words = troubleWords(observation.trouble);
			return {
				result: `${name} could not be reached: ${words.result}`,
				advice: `${words.advice}${delegation(observation)}`,
			};
		}
		case 'unasked':
			return {
				result: `${name} has not been checked yet: too many others come first`,
				advice: 'I will check again later.',
			};
		case 'excluded':
			return { result: `${name} is not checked: my configuration excludes it` };
		case 'misnamed':
			return {
				result: `${name} is not a valid homeserver name`,
				advice: `A name looks like ${code('example.org')} or ${code('example.org:8448')}.`,
			};
	}
}

const answerKinds: Record<AnswerKind, string> = {
	page: 'a web page',
	json: 'JSON',
	nothing: 'nothing',
	other: 'something else',
};

function answerWords({ is, text }: { is: AnswerKind; text: string }): string {
	return is === 'page' || is === 'nothing' ? answerKinds[is] : quoted(text);
}

/** The complete text: what was observed, and what to do about it. */
export function wholeWords({ result, advice }: ObservationWords): string {
	return advice === undefined ? `${result}.` : `${result}. ${advice}`;
}

function closedWords(closed: Closed): string {
	return 'status' in closed ? `status ${closed.status}` : troubleWords(closed.trouble).result;
}

function waitWords(seconds: number | undefined): string {
	if (seconds === undefined) return '';
	return seconds < 120 ? `, ${seconds} seconds` : `, ${Math.ceil(seconds / 60)} minutes`;
}

function elsewhere(target: Target | undefined): string {
	return target?.delegated ? ` at ${quoted(target.at)}, which it delegates to` : '';
}

const sources: Partial<Record<DiscoveryStep, string>> = {
	'well-known': '.well-known/matrix/server',
	srv: '_matrix-fed._tcp',
	'srv-deprecated': '_matrix._tcp',
};

function delegation({ server, target }: Pick<Observation, 'server' | 'target'>): string {
	if (!target || target.at.startsWith(`${server}:`) || target.at === server) return '';
	const source = target.delegated ? sources['well-known'] : sources[target.by];
	return source ? ` Its ${code(source)} points to ${quoted(target.at)}.` : '';
}

const tlsWords: Record<TlsFault, ObservationWords & { advice: string }> = {
	expired: {
		result: 'its certificate has expired',
		advice: 'Renew it, and find out why it was not renewed automatically.',
	},
	'not-yet-valid': {
		result: 'its certificate is not valid yet',
		advice: 'Check the clock of the machine that issued it.',
	},
	'wrong-name': {
		result: 'its certificate is for another name',
		advice: 'The certificate must be for the server name, or for the name it delegates to.',
	},
	'self-signed': {
		result: 'its certificate is self-signed',
		advice: 'Federation needs a certificate from a publicly trusted authority.',
	},
	chain: {
		result: 'its certificate chain leads to no authority I know',
		advice: 'Often the intermediate certificate is missing: serve the full chain.',
	},
	revoked: { result: 'its certificate was revoked', advice: 'Get a new one.' },
	'not-tls': { result: 'it does not speak TLS on that port', advice: 'The port must speak HTTPS, not plain HTTP.' },
	protocol: { result: 'no TLS connection could be made', advice: 'Check its TLS settings: versions, ciphers, names.' },
};

const faultWords: Record<LookFailure, string> = {
	'headers-too-large': 'its headers are too large',
	'body-too-large': 'its response is too large',
	'not-http': 'its response is not HTTP',
	closed: 'it closed the connection midway',
	encoding: 'its response uses a compression that I do not support',
	'redirect-loop': 'it has a redirect loop',
	'too-many-redirects': 'it redirects too many times',
	'redirect-elsewhere': 'it redirects to something other than HTTPS',
};

export const during: Record<(Trouble & { is: 'timeout' })['during'], string> = {
	connection: 'nothing accepted the connection in time',
	handshake: 'the TLS handshake did not finish in time',
	answer: 'no response arrived in time',
	body: 'the response did not finish in time',
};

/** What went wrong, and what the server's administrators can do about it. */
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
				result: `DNS gave no answer for ${quoted(trouble.name)} (${quoted(trouble.code)})`,
				advice: 'If DNS works for other servers, the problem is with the name servers of this one.',
			};
		case 'no-service':
			return {
				result: `its SRV record ${quoted(trouble.name)} says that the service does not exist`,
				advice: 'Remove the record, or point it to a host.',
			};
		case 'forbidden':
			return {
				result: `${quoted(trouble.name)} resolves to an address I do not connect to`,
				advice: `My log names it; my operator can allow it with ${code('watch.addresses')} in the configuration.`,
			};
		case 'unasked':
			return {
				result: `I ran out of time before I could ask ${quoted(trouble.at)}`,
				advice: 'I will check again later.',
			};
		case 'refused':
			return {
				result: `${quoted(trouble.at)} refuses the connection`,
				advice: 'Is Synapse or its proxy running and listening on that port?',
			};
		case 'unreachable':
			return {
				result: `there is no route to ${quoted(trouble.at)} (${quoted(trouble.code)})`,
				advice: 'Check its firewall and its routes, including IPv6.',
			};
		case 'timeout':
			return {
				result: `${during[trouble.during]} (${quoted(trouble.at)})`,
				advice:
					trouble.during === 'connection'
						? 'Often a firewall drops the packets: open the port to everyone.'
						: 'It may be overloaded, or its proxy may be waiting for a Synapse that does not respond.',
			};
		case 'tls': {
			const words = tlsWords[trouble.fault];
			const names = trouble.names ? ` (${quoted(trouble.names)})` : '';
			return { result: `${words.result}${names} at ${quoted(trouble.at)}`, advice: words.advice };
		}
		case 'broken':
			return {
				result: `${faultWords[trouble.fault]} (${quoted(trouble.at)})`,
				advice: 'Check it with another client: a homeserver does not respond like this.',
			};
	}
}

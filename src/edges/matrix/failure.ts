// Turns the errors of matrix-bot-sdk into failures.

import type { Failure } from '../../ports/homeserver.ts';
import { isRecord } from './json.ts';

/** Error codes that mean the access token is no longer valid. */
const tokenCodes = ['M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN'];
/** Not refusals, despite their status: these pass with time or once someone acts. */
const passing = [
	'M_RESOURCE_LIMIT_EXCEEDED',
	'M_CONSENT_NOT_GIVEN',
	'M_USER_LOCKED',
	'M_USER_SUSPENDED',
	'M_UNRECOGNIZED',
];
/** Statuses with which a proxy rejects what is in a request. Others, such as 404, it uses while it is set up or restarted. */
const rejections = [400, 403, 406, 414, 415, 431, 451];
/** The shortest and the longest that a homeserver can make us wait (ms). Some proxies say `Retry-After: 0`. */
const minWait = 500;
const maxWait = 3600_000;

export function failureOf(
	error: unknown,
): Exclude<Failure, { kind: 'token' }> | { kind: 'token'; why: string; soft: boolean } {
	const { statusCode, errcode, body } =
		isRecord(error) || error instanceof Error ? (error as Record<string, unknown>) : {};
	const said = isRecord(body) ? body : {};
	const status = typeof statusCode === 'number' ? statusCode : undefined;
	const code = typeof errcode === 'string' ? errcode : typeof said.errcode === 'string' ? said.errcode : undefined;
	if (status === 429 || code === 'M_LIMIT_EXCEEDED') {
		const asked = said.retry_after_ms;
		const waitMs = typeof asked === 'number' && asked >= 0 ? Math.min(Math.max(asked, minWait), maxWait) : 5000;
		return { kind: 'limited', waitMs };
	}
	const why = sentence(error, code, said.error, status);
	if (code === undefined && status === 413) return { kind: 'refused', code: 'M_TOO_LARGE', why };
	if (code === undefined && status !== undefined && rejections.includes(status))
		return { kind: 'away', why, rejected: true };
	if (status === undefined || code === undefined || status >= 500 || status === 408 || passing.includes(code))
		return { kind: 'away', why };
	if (status === 401 && tokenCodes.includes(code)) return { kind: 'token', why, soft: said.soft_logout === true };
	return { kind: 'refused', code, why };
}

function sentence(error: unknown, code: string | undefined, said: unknown, status: number | undefined): string {
	if (code !== undefined) return typeof said === 'string' && said ? `${said.replace(/\.$/, '')} (${code})` : code;
	if (!(error instanceof Error)) return status === undefined ? 'no response' : `status ${status}`;
	const proxy = 'proxy' in error ? `, through the proxy ${error.proxy}` : '';
	return `${reasonOf(error)}${proxy}`;
}

/** The codes of connections that are not encrypted, and of certificates that nobody known has signed. */
const notTls = ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_HTTP_REQUEST'];
const unknownAuthorities = [
	'DEPTH_ZERO_SELF_SIGNED_CERT',
	'SELF_SIGNED_CERT_IN_CHAIN',
	'UNABLE_TO_GET_ISSUER_CERT',
	'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
	'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

function reasonOf(error: Error): string {
	const cause = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
	if (error.name === 'TimeoutError') return 'no response in time';
	if (cause === undefined) return firstLine(error.message) || 'no response';
	if (cause === 'ECONNREFUSED') return 'nothing is listening at that address (ECONNREFUSED)';
	if (cause === 'ENOTFOUND' || cause === 'EAI_AGAIN') return `the name cannot be resolved (${cause})`;
	if (notTls.includes(cause)) return `connections to that port are not encrypted, so https:// cannot work (${cause})`;
	if (unknownAuthorities.includes(cause))
		return `its certificate is not trusted: NODE_EXTRA_CA_CERTS can name that of a private CA (${cause})`;
	const message = firstLine(error.message);
	return message.includes(cause) ? message : message ? `${message} (${cause})` : cause;
}

/** OpenSSL's errors have several. */
function firstLine(text: string): string {
	return text.split('\n', 1)[0] ?? '';
}

// A bot's identity: its cross-signing keys made once, known to the server, and its device signed with them.

import type { CrossSigningSeeds, CrossSigningUploads } from './cross-signing-keys.ts';
import { isCryptoError } from './fault.ts';
import type { OlmMachine } from './machine.ts';

/**
 * Sends a request to the homeserver as the bot and resolves with the JSON of a 2xx answer. Other answers reject with
 * an error that has `statusCode` and, parsed, `body`: what matrix-bot-sdk's `doRequest` does.
 */
export type SendRequest = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>;

export interface IdentityMeans {
	/** The account's password, for servers that ask for it. */
	password?: string;
	/** What `exportCrossSigningKeys` gave before the store was lost. */
	seeds?: CrossSigningSeeds;
	/** Replace the identity, if the one that the server has cannot be used. Anyone who verified the bot has to do it again. */
	reset?: boolean;
	/** The master key that the server has taken, as `pending` named it: while the server shows another, nothing is concluded. */
	expects?: string;
}

export type IdentityOutcome =
	/** Other clients see the device as signed by its owner. `made`: the identity is new; `signedNow`: the signature is. */
	| { kind: 'signed'; made: boolean; signedNow: boolean }
	/** The server wants the account's password. `wrong`: it did not take the one given. */
	| { kind: 'needs-password'; wrong: boolean }
	/** The store lacks the keys of the identity that the server has: seeds or a reset. `wrong`: the seeds are another's. */
	| { kind: 'needs-seeds'; wrong: boolean }
	/** Somebody has to allow the reset on the account's page (Matrix Authentication Service); then ask for it again. */
	| { kind: 'needs-account-page'; url: string | null }
	/**
	 * The server took what it was sent, and one of its processes does not know that yet (Synapse with workers). Nothing is
	 * wrong: ask again a little later, with the same means and `expects`. `made`: the identity is new.
	 */
	| { kind: 'pending'; why: string; expects: string; made: boolean }
	/** The server refused for a reason that none of the means changes. */
	| { kind: 'refused'; why: string };

/**
 * Brings the bot's identity in order, and changes nothing when it is. To be called at each start, once the device's keys
 * are uploaded. Killed at any moment, the next call goes on with the same identity. Rejects when the server cannot be
 * reached or answers with something else than these steps expect; nothing is lost by that, call it again later.
 */
export async function establishIdentity(
	machine: OlmMachine,
	request: SendRequest,
	means: IdentityMeans = {},
): Promise<IdentityOutcome> {
	const before = await lookUp(machine, request, means.expects);
	if (before === 'old') return notShown(means.expects ?? '', false);
	if (before.master === null) {
		// Keys that are here already were made by a start that was killed, or refused, before the server had them.
		const outcome = await publish(machine, request, means, before.keys === 'some');
		if (typeof outcome !== 'string') return outcome;
		return sign(machine, request, outcome, true);
	}
	if (before.keys !== 'all') {
		const taken = means.seeds !== undefined && (await takeSeeds(machine, means.seeds));
		if (!taken) {
			if (!means.reset) return { kind: 'needs-seeds', wrong: means.seeds !== undefined };
			return replace(machine, request, means);
		}
	} else if (before.signed) return { kind: 'signed', made: false, signedNow: false };
	return sign(machine, request, before.master, false);
}

function notShown(expects: string, made: boolean): IdentityOutcome {
	return { kind: 'pending', why: 'the server does not return the identity keys yet', expects, made };
}

interface Standing {
	/** The master key that the server has. */
	master: string | null;
	/** How many of the private keys are here and belong to it. */
	keys: 'none' | 'some' | 'all';
	/** The device has the owner's signature, and the server shows it. */
	signed: boolean;
}

/**
 * Asks the server, never only the store: that one believes what it made itself. wasm drops keys that are not the server's:
 * an answer that is older than `expects`, which the server has taken, does not reach it.
 */
async function lookUp(machine: OlmMachine, request: SendRequest): Promise<Standing>;
async function lookUp(machine: OlmMachine, request: SendRequest, expects?: string): Promise<Standing | 'old'>;
async function lookUp(machine: OlmMachine, request: SendRequest, expects?: string): Promise<Standing | 'old'> {
	const { userId, deviceId } = machine;
	const [user, device] = [userId.toString(), deviceId.toString()];
	const query = machine.queryKeysForUsers([userId]);
	const response = await request('POST', '/_matrix/client/v3/keys/query', JSON.parse(query.body));
	const at = (...path: string[]) => path.reduce<unknown>((value, key) => member(value, key), response);
	const master = Object.keys(Object(at('master_keys', user, 'keys')))[0] ?? null;
	if (expects !== undefined && master !== expects) return 'old';
	await machine.markRequestAsSent(query.id, query.type, JSON.stringify(response));
	const { hasMaster, hasSelfSigning, hasUserSigning } = await machine.crossSigningStatus();
	const here = [hasMaster, hasSelfSigning, hasUserSigning].filter(Boolean).length;
	const [selfSigning] = Object.keys(Object(at('self_signing_keys', user, 'keys')));
	const shown =
		selfSigning !== undefined && at('device_keys', user, device, 'signatures', user, selfSigning) !== undefined;
	return {
		master,
		keys: here === 3 ? 'all' : here === 0 ? 'none' : 'some',
		signed: shown && (await machine.isDeviceSignedByOwner(userId, deviceId)) === true,
	};
}

/** Uploads the three public keys; gives the master key that was accepted. `anew` makes others in the store first. */
async function publish(
	machine: OlmMachine,
	request: SendRequest,
	{ password }: IdentityMeans,
	anew: boolean,
): Promise<string | IdentityOutcome> {
	const uploads = await bootstrap(machine, request, anew);
	const accepted = Object.keys(Object(member(member(uploads.uploadSigningKeys, 'master_key'), 'keys')))[0] ?? '';
	const upload = (auth?: object) =>
		request('POST', '/_matrix/client/v3/keys/device_signing/upload', { ...uploads.uploadSigningKeys, ...auth });
	const challenge = await challengeOf(upload());
	if (challenge === undefined) return accepted;
	const { session, flows, params } = challenge;
	const wants = (stage: string) => flows.some(stages => stages.length === 1 && stages[0] === stage);
	if (wants('m.login.password')) {
		if (password === undefined) return { kind: 'needs-password', wrong: false };
		const identifier = { type: 'm.id.user', user: machine.userId.toString() };
		const auth = { type: 'm.login.password', identifier, password, session };
		return (await challengeOf(upload({ auth }))) === undefined ? accepted : { kind: 'needs-password', wrong: true };
	}
	for (const stage of ACCOUNT_PAGE_STAGES) {
		if (!wants(stage)) continue;
		const url = member(member(params, stage), 'url');
		return { kind: 'needs-account-page', url: typeof url === 'string' ? url : null };
	}
	return { kind: 'refused', why: `the server wants ${JSON.stringify(flows)} before it takes the keys of an identity` };
}

// The name in the specification, and the one that servers used before.
const ACCOUNT_PAGE_STAGES = ['m.oauth', 'org.matrix.cross_signing_reset'];

/** Other keys instead of those on the server. The store changes first, and is set right when the server refuses. */
async function replace(machine: OlmMachine, request: SendRequest, means: IdentityMeans): Promise<IdentityOutcome> {
	// Without a password only a server that asks on its account page can accept, so others are not even tried.
	if (means.password === undefined && !(await hasAccountPage(request))) return { kind: 'needs-password', wrong: false };
	let outcome: Awaited<ReturnType<typeof publish>>;
	try {
		outcome = await publish(machine, request, means, true);
	} catch (error) {
		// Refused or not: the server says whose keys count, and wasm drops the ones made here if they do not.
		await lookUp(machine, request);
		throw error;
	}
	if (typeof outcome === 'string') return sign(machine, request, outcome, true);
	await lookUp(machine, request);
	return outcome;
}

/** Signs the device with the identity whose master key the server has taken or shown. */
async function sign(
	machine: OlmMachine,
	request: SendRequest,
	expects: string,
	made: boolean,
): Promise<IdentityOutcome> {
	const { uploadSignatures } = await bootstrap(machine, request, false);
	const answer = await request('POST', '/_matrix/client/v3/keys/signatures/upload', uploadSignatures);
	// 200 even when every signature was refused.
	const failures = Object(member(answer, 'failures'));
	if (Object.keys(failures).length > 0) {
		const why = `the server refused the device's signature: ${JSON.stringify(failures)}`;
		return isBehind(failures) ? { kind: 'pending', why, expects, made } : { kind: 'refused', why };
	}
	const after = await lookUp(machine, request, expects);
	if (after === 'old') return notShown(expects, made);
	if (after.signed) return { kind: 'signed', made, signedNow: true };
	return { kind: 'pending', why: "the server took the device's signature but does not show it", expects, made };
}

/**
 * Whether refusals of signatures look like those of a process that does not know the keys yet: it finds none, or judges
 * by the ones before.
 */
function isBehind(failures: object): boolean {
	const refusals = Object.values(failures).flatMap(keys => Object.values(Object(keys)));
	return refusals.every(refusal => ['M_NOT_FOUND', 'M_INVALID_SIGNATURE'].includes(String(member(refusal, 'errcode'))));
}

async function bootstrap(machine: OlmMachine, request: SendRequest, anew: boolean): Promise<CrossSigningUploads> {
	const uploads = await machine.bootstrapCrossSigning(anew);
	if (uploads.uploadKeys !== null) {
		const { id, type, body } = uploads.uploadKeys;
		const answer = await request('POST', '/_matrix/client/v3/keys/upload', JSON.parse(body));
		await machine.markRequestAsSent(id, type, JSON.stringify(answer));
	}
	return uploads;
}

async function takeSeeds(machine: OlmMachine, seeds: CrossSigningSeeds): Promise<boolean> {
	try {
		const { hasMaster, hasSelfSigning, hasUserSigning } = await machine.importCrossSigningKeys(seeds);
		return hasMaster && hasSelfSigning && hasUserSigning;
	} catch (error) {
		if (isCryptoError(error)) throw error;
		return false;
	}
}

interface Challenge {
	session: unknown;
	/** The stages of each way to authenticate. */
	flows: unknown[][];
	params: unknown;
}

/** What the server wants first, when it answers 401; undefined when it accepted. */
async function challengeOf(answer: Promise<unknown>): Promise<Challenge | undefined> {
	try {
		await answer;
		return undefined;
	} catch (error) {
		const { statusCode, body } = Object(error);
		const flows = member(body, 'flows');
		if (statusCode !== 401 || !Array.isArray(flows)) throw error;
		const stages = flows.map(flow => member(flow, 'stages')).filter(Array.isArray);
		return { session: member(body, 'session'), flows: stages, params: member(body, 'params') };
	}
}

async function hasAccountPage(request: SendRequest): Promise<boolean> {
	try {
		return typeof member(await request('GET', '/_matrix/client/v1/auth_metadata'), 'issuer') === 'string';
	} catch (error) {
		if (Object(error).statusCode === 404) return false;
		throw error;
	}
}

function member(value: unknown, key: string): unknown {
	return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

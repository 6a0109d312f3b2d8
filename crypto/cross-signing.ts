// A bot's identity: its cross-signing keys, created once and uploaded to the server, with which its device is signed.

import type { CrossSigningSeeds, CrossSigningUploads } from './cross-signing-keys.ts';
import { isCryptoError } from './fault.ts';
import type { OlmMachine } from './machine.ts';

/**
 * Sends a request to the homeserver as the bot and resolves with the JSON of a 2xx response. Other responses reject with
 * an error that has `statusCode` and the parsed `body`, as matrix-bot-sdk's `doRequest` does.
 */
export type SendRequest = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>;

export interface IdentityMeans {
	/** The account's password, for servers that require it. */
	password?: string;
	/** What `exportCrossSigningKeys` returned before the store was lost. */
	seeds?: CrossSigningSeeds;
	/** Replace the identity if the server's cannot be used. Everyone who verified the bot then has to do so again. */
	reset?: boolean;
	/** The master key that the server accepted, as reported in `pending`. While the server shows another, nothing is concluded. */
	expects?: string;
}

export type IdentityOutcome =
	/** Other clients see the device as signed by its owner. `made`: the identity is new. `signedNow`: the signature is new. */
	| { kind: 'signed'; made: boolean; signedNow: boolean }
	/** The server requires the account's password. `wrong`: it rejected the one given. */
	| { kind: 'needs-password'; wrong: boolean }
	/** The store does not have the keys of the server's identity: seeds or a reset are needed. `wrong`: the seeds do not match. */
	| { kind: 'needs-seeds'; wrong: boolean }
	/** Someone has to allow the reset on the account's page (Matrix Authentication Service); then try again. */
	| { kind: 'needs-account-page'; url: string | null }
	/**
	 * The server accepted the upload, but one of its processes does not know that yet (Synapse with workers). Nothing is
	 * wrong: try again a little later, with the same means and `expects`. `made`: the identity is new.
	 */
	| { kind: 'pending'; why: string; expects: string; made: boolean }
	/** The server refused for a reason that none of the means can change. */
	| { kind: 'refused'; why: string };

/**
 * Sets up the bot's identity; changes nothing if it is already complete. Call it at each start, once the device's keys
 * have been uploaded. If the process is killed at any point, the next call continues with the same identity. Rejects if
 * the server cannot be reached or responds unexpectedly; nothing is lost, so call it again later.
 */
export async function establishIdentity(
	machine: OlmMachine,
	request: SendRequest,
	means: IdentityMeans = {},
): Promise<IdentityOutcome> {
	const before = await lookUp(machine, request, means.expects);
	if (before === 'old') return notShown(means.expects ?? '', false);
	if (before.master === null) {
		// Keys that are already here were created by a start that was killed or refused before the server had them.
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
	/** How many of the matching private keys are in this store. */
	keys: 'none' | 'some' | 'all';
	/** The device has the owner's signature, and the server shows it. */
	signed: boolean;
}

/**
 * Always asks the server, because the store trusts what it created itself. wasm drops keys that differ from the server's,
 * so a response that is older than `expects`, which the server has accepted, is not passed on to it.
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

/** Uploads the three public keys and returns the accepted master key. `anew` creates new ones in the store first. */
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
	return {
		kind: 'refused',
		why: `the server requires ${JSON.stringify(flows)} before it accepts the keys of an identity`,
	};
}

// The name in the specification, and the one that servers used before it was specified.
const ACCOUNT_PAGE_STAGES = ['m.oauth', 'org.matrix.cross_signing_reset'];

/** Replaces the keys on the server. The store changes first, and is corrected if the server refuses. */
async function replace(machine: OlmMachine, request: SendRequest, means: IdentityMeans): Promise<IdentityOutcome> {
	// Without a password only a server that asks on its account page can accept, so no other is tried.
	if (means.password === undefined && !(await hasAccountPage(request))) return { kind: 'needs-password', wrong: false };
	let outcome: Awaited<ReturnType<typeof publish>>;
	try {
		outcome = await publish(machine, request, means, true);
	} catch (error) {
		// Refused or not, the server decides whose keys count, and wasm drops those created here if they do not.
		await lookUp(machine, request);
		throw error;
	}
	if (typeof outcome === 'string') return sign(machine, request, outcome, true);
	await lookUp(machine, request);
	return outcome;
}

/** Signs the device with the identity whose master key the server has accepted or shown. */
async function sign(
	machine: OlmMachine,
	request: SendRequest,
	expects: string,
	made: boolean,
): Promise<IdentityOutcome> {
	const { uploadSignatures } = await bootstrap(machine, request, false);
	const answer = await request('POST', '/_matrix/client/v3/keys/signatures/upload', uploadSignatures);
	// The status is 200 even if every signature was refused.
	const failures = Object(member(answer, 'failures'));
	if (Object.keys(failures).length > 0) {
		const why = `the server refused the device's signature: ${JSON.stringify(failures)}`;
		return isBehind(failures) ? { kind: 'pending', why, expects, made } : { kind: 'refused', why };
	}
	const after = await lookUp(machine, request, expects);
	if (after === 'old') return notShown(expects, made);
	if (after.signed) return { kind: 'signed', made, signedNow: true };
	return { kind: 'pending', why: "the server accepted the device's signature but does not show it", expects, made };
}

/**
 * Whether refused signatures look like the work of a process that does not know the keys yet: it finds none, or checks
 * against the previous ones.
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
	/** The stages of each authentication flow. */
	flows: unknown[][];
	params: unknown;
}

/** What the server requires first, if it responds with 401; undefined if it accepted. */
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

// Sends the requests of the Olm machine to the homeserver, and returns the responses to it.

import type { OlmMachine, PlainRequest, Request, ToDeviceRequest } from '@matrix-org/matrix-sdk-crypto-nodejs';
import pLimit from 'p-limit';

/** One request to the client API; rejects with what matrix-bot-sdk throws. */
export type Ask = (method: 'GET' | 'POST' | 'PUT', path: string, body?: object) => Promise<unknown>;

export type Courier = {
	/** Sends requests until none are left. A failure does not stop the others; the first error is thrown at the end. */
	all: () => Promise<void>;
	/** Only key queries, which find the devices of users. */
	queries: () => Promise<void>;
	/** How many key queries have been answered. While this number stays the same, so do the devices we know. */
	answered: () => number;
	carry: (request: PlainRequest | ToDeviceRequest) => Promise<void>;
};

// The library's numbers for request types.
const paths: Record<number, string> = {
	0: '/_matrix/client/v3/keys/upload',
	1: '/_matrix/client/v3/keys/query',
	2: '/_matrix/client/v3/keys/claim',
	4: '/_matrix/client/v3/keys/signatures/upload',
};
const keysQuery = 1;
const toDevice = 3;
/** Responses create new requests; more rounds than this mean a loop. */
const maxRounds = 10;

/** `failed` is called for each failed request before its error is thrown. */
export function openCourier(machine: OlmMachine, ask: Ask, failed: (error: unknown) => void): Courier {
	/** One at a time, because the machine hands out a request again until it is marked as sent. */
	const inTurn = pLimit(1);
	let answered = 0;
	/** Verification steps that the homeserver did not accept; tried once more. */
	const untaken: Request[] = [];

	async function carry(request: Request): Promise<void> {
		if (isVerification(request)) {
			// Mark it first: the other side may reply before the homeserver responds, and the machine ignores replies
			// to what it has not sent.
			await machine.markRequestAsSent(request.id, request.type, '{}');
			await tried(request).catch((error: unknown) => {
				untaken.push(request);
				throw error;
			});
			return;
		}
		const answer = await tried(request);
		await machine.markRequestAsSent(request.id, request.type, JSON.stringify(answer));
		if (request.type === keysQuery) answered++;
	}

	function tried(request: Request): Promise<unknown> {
		return post(request).catch((error: unknown) => {
			failed(error);
			throw error;
		});
	}

	function post(request: Request): Promise<unknown> {
		const body = JSON.parse(request.body);
		if (!('txnId' in request)) return ask('POST', paths[request.type] ?? '', body);
		const parts = [request.eventType, request.txnId].map(encodeURIComponent);
		return ask('PUT', `/_matrix/client/v3/sendToDevice/${parts.join('/')}`, { messages: body.messages });
	}

	async function everything(wanted: (request: Request) => boolean): Promise<void> {
		const failures: unknown[] = [];
		for (const request of untaken.splice(0)) await tried(request).catch((error: unknown) => failures.push(error));
		for (let round = 0; round < maxRounds; round++) {
			// Leaves out verification messages in rooms, and key backup, which nothing here starts.
			const waiting = await machine.outgoingRequests();
			const requests = waiting.filter(request => carried(request) && wanted(request));
			if (requests.length === 0) break;
			for (const request of requests) await carry(request).catch((error: unknown) => failures.push(error));
			if (failures.length > 0) break;
		}
		if (failures.length > 0) throw failures[0];
	}

	return {
		all: () => inTurn(() => everything(() => true)),
		queries: () => inTurn(() => everything(({ type }) => type === keysQuery)),
		answered: () => answered,
		carry,
	};
}

function isVerification(request: Request): boolean {
	return 'eventType' in request && request.type === toDevice && request.eventType.startsWith('m.key.verification.');
}

function carried({ type }: Request): boolean {
	return type === toDevice || paths[type] !== undefined;
}

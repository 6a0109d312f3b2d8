// What the keys' machine wants the homeserver to know or to tell: carried there, and the answers carried back.

import type { OlmMachine, PlainRequest, Request, ToDeviceRequest } from '@matrix-org/matrix-sdk-crypto-nodejs';
import pLimit from 'p-limit';

/** One call of the client API; rejects with what matrix-bot-sdk throws. */
export type Ask = (method: 'GET' | 'POST' | 'PUT', path: string, body?: object) => Promise<unknown>;

export type Courier = {
	/** All that waits, until nothing does. One failure does not keep the rest; the first is thrown at the end. */
	all: () => Promise<void>;
	/** Only device queries, which say who a key is for. */
	queries: () => Promise<void>;
	/** How many such questions were answered: while it stays the same, so do the devices that we know. */
	answered: () => number;
	carry: (request: PlainRequest | ToDeviceRequest) => Promise<void>;
};

// Numbers of the library's kinds of requests.
const paths: Record<number, string> = {
	0: '/_matrix/client/v3/keys/upload',
	1: '/_matrix/client/v3/keys/query',
	2: '/_matrix/client/v3/keys/claim',
	4: '/_matrix/client/v3/keys/signatures/upload',
};
const keysQuery = 1;
const toDevice = 3;
/** Answers make new requests; more rounds than this are not an answer to anything. */
const maxRounds = 10;

/** `failed` hears of each call that failed, before it is thrown. */
export function openCourier(machine: OlmMachine, ask: Ask, failed: (error: unknown) => void): Courier {
	/** One after the other: the machine hands a request out again until it is marked as sent. */
	const inTurn = pLimit(1);
	let answered = 0;
	/** Steps of verifications that the homeserver did not take: tried once more. */
	const untaken: Request[] = [];

	async function carry(request: Request): Promise<void> {
		if (isVerification(request)) {
			// First: the other side may answer before the homeserver answers us, and the machine ignores an answer to what it
			// has not sent.
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
			// Not among them: what verification says in rooms, and key backup, which nothing here begins.
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

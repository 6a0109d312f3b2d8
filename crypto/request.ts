// What a machine wants to send to the server, as plain values with the native library's field names.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { wasm } from './wasm.ts';

// matrix-bot-sdk has these numbers in its compiled code.
export const RequestType = {
	KeysUpload: 0,
	KeysQuery: 1,
	KeysClaim: 2,
	ToDevice: 3,
	SignatureUpload: 4,
	RoomMessage: 5,
	KeysBackup: 6,
} as const;
export type RequestType = (typeof RequestType)[keyof typeof RequestType];

/** A request with a JSON body. Pass `id` to `markRequestAsSent` together with the server's response. */
export interface PlainRequest {
	id: string;
	type: Exclude<RequestType, typeof RequestType.ToDevice | typeof RequestType.RoomMessage>;
	body: string;
}

export interface ToDeviceRequest {
	id: string;
	type: typeof RequestType.ToDevice;
	eventType: string;
	txnId: string;
	/** `messages`, plus `event_type` and `txn_id`: matrix-bot-sdk reads them here in one of two places. */
	body: string;
}

export interface RoomMessageRequest {
	id: string;
	type: typeof RequestType.RoomMessage;
	roomId: string;
	eventType: string;
	txnId: string;
	body: string;
}

export type Request = PlainRequest | ToDeviceRequest | RoomMessageRequest;

type WasmRequest =
	| Wasm.KeysUploadRequest
	| Wasm.KeysQueryRequest
	| Wasm.KeysClaimRequest
	| Wasm.ToDeviceRequest
	| Wasm.SignatureUploadRequest
	| Wasm.RoomMessageRequest
	| Wasm.KeysBackupRequest;

/** Frees what it is given. */
export function plainRequest(request: WasmRequest): Request {
	try {
		if (request instanceof wasm.ToDeviceRequest) return toDeviceRequest(request);
		const { id = '', type, body } = request;
		if (request instanceof wasm.RoomMessageRequest) {
			const { room_id: roomId, event_type: eventType, txn_id: txnId } = request;
			return { id, type: RequestType.RoomMessage, roomId, eventType, txnId, body };
		}
		if (type === RequestType.ToDevice || type === RequestType.RoomMessage) throw new Error(`a request of type ${type}`);
		return { id, type, body };
	} finally {
		request.free();
	}
}

export function toDeviceRequest(request: Wasm.ToDeviceRequest): ToDeviceRequest {
	const { id, event_type, txn_id, body } = request;
	const full = JSON.stringify({ ...JSON.parse(body), event_type, txn_id });
	return { id, type: RequestType.ToDevice, eventType: event_type, txnId: txn_id, body: full };
}

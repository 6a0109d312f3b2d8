// Somebody verifies this device by comparing emojis (SAS): what has to be sent next, one step at a time. All of it runs
// inside a transaction of the machine.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { plainRequest, type Request } from './request.ts';
import { wasm } from './wasm.ts';

export interface VerificationStep {
	/** `gone`: never known, or forgotten. */
	state: 'under way' | 'done' | 'cancelled' | 'gone';
	/** To be sent in this order, then marked as sent. */
	requests: Request[];
	/** What both sides show, present from the moment when it is known: seven emojis with their names, and three numbers. */
	emojis?: { symbol: string; name: string }[];
	decimals?: number[];
}

/**
 * The next step of a verification that somebody else asked for. This side confirms as soon as there is something to
 * compare: it trusts nobody more for it, and only the other side decides whether both show the same.
 */
export async function stepVerification(
	machine: Wasm.OlmMachine,
	user: Wasm.UserId,
	flow: string,
): Promise<VerificationStep> {
	const request = machine.getVerificationRequest(user, flow);
	if (request === undefined) return { state: 'gone', requests: [] };
	if (request.isDone()) return { state: 'done', requests: [] };
	if (request.isCancelled() || request.timedOut() || request.isPassive()) return { state: 'cancelled', requests: [] };
	const requests: Request[] = [];
	const send = (outgoing: Wasm.ToDeviceRequest | Wasm.RoomMessageRequest | undefined) => {
		if (outgoing !== undefined) requests.push(plainRequest(outgoing));
	};
	if (request.phase() === wasm.VerificationRequestPhase.Requested && !request.weStarted())
		send(request.acceptWithMethods([wasm.VerificationMethod.SasV1]));
	const sas = request.getVerification();
	if (!(sas instanceof wasm.Sas)) return { state: 'under way', requests };
	if (!sas.hasBeenAccepted()) send(sas.accept());
	if (!sas.canBePresented()) return { state: 'under way', requests };
	const emojis = sas.emoji()?.map(({ symbol, description }) => ({ symbol, name: description }));
	const decimals = [...(sas.decimals() ?? [])];
	if (!sas.haveWeConfirmed()) {
		for (const outgoing of await sas.confirm()) {
			// The signature would say that this side compared, which it cannot.
			if (!(outgoing instanceof wasm.SignatureUploadRequest)) requests.push(plainRequest(outgoing));
		}
	}
	return { state: sas.isDone() ? 'done' : 'under way', requests, ...(emojis && { emojis }), decimals };
}

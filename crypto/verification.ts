// Someone verifies this device by comparing emoji (SAS): what has to be sent next, one step at a time. All of it runs
// inside one of the machine's transactions.
import type * as Wasm from '@matrix-org/matrix-sdk-crypto-wasm';
import { plainRequest, type Request } from './request.ts';
import { wasm } from './wasm.ts';

export interface VerificationStep {
	/** `gone`: never known, or no longer known. */
	state: 'under way' | 'done' | 'cancelled' | 'gone';
	/** Send these in this order, then mark them as sent. */
	requests: Request[];
	/** What both sides show, as soon as it is known: seven emoji with their names, and three numbers. */
	emojis?: { symbol: string; name: string }[];
	decimals?: number[];
}

/**
 * The next step of a verification that someone else requested. This side confirms as soon as there is something to
 * compare: it trusts nobody more because of it, and only the other side decides whether both show the same.
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
			// The signature would claim that this side compared them, which it cannot.
			if (!(outgoing instanceof wasm.SignatureUploadRequest)) requests.push(plainRequest(outgoing));
		}
	}
	return { state: sas.isDone() ? 'done' : 'under way', requests, ...(emojis && { emojis }), decimals };
}

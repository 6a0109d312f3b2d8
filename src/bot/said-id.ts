// Our own message ids, which are also the transaction ids.
import { createHash } from 'node:crypto';

/** Deterministic: the same parts always produce the same id. */
export function saidId(...what: readonly (string | number)[]): string {
	return createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 32);
}

/** The id of a further part of a message about alerts. Depends only on the message's id and the part's number. */
export function partOf(said: string, part: number): string {
	return saidId('alerts', ...[said, String(part)].sort());
}

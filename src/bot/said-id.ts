// Our own ids of what is said; they are its transaction ids as well.
import { createHash } from 'node:crypto';

/** The same for the same thing, whenever and however often it is decided. */
export function saidId(...what: readonly (string | number)[]): string {
	return createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 32);
}

/** What a saying about alerts has as its next messages: the same as long as the saying is. */
export function partOf(said: string, part: number): string {
	return saidId('alerts', ...[said, String(part)].sort());
}

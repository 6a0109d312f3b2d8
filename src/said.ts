// Our own ids of what is said; they are its transaction ids as well.
import { createHash } from 'node:crypto';

/** The same for the same thing, whenever and however often it is decided. */
export function saidId(...what: readonly (string | number)[]): string {
	return createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 32);
}

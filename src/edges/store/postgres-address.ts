// The address of a PostgreSQL database: as pg understands it, and what can be wrong with it.
import type { PostgresAddress } from '../../settings/postgres.ts';

/** Adds the other settings to the URL: pg would overwrite separate ones with what the URL leaves empty. */
export function completed(url: string, { password, tls }: PostgresAddress): string {
	const at = new URL(url);
	if (password !== undefined && at.password === '') at.password = encodeURIComponent(password);
	if (tls) at.searchParams.delete('sslmode');
	return at.href;
}

/** Why no connection came about, if the database's own errors and the usual ones of the network do not say. */
export function connectionTrouble(error: unknown): string {
	if (error instanceof URIError) return 'a % in its address is not followed by two hexadecimal digits';
	if (!(error instanceof Error)) return String(error);
	// The socket of a PostgreSQL that is not running.
	const { code, syscall } = error as NodeJS.ErrnoException;
	if (syscall === 'connect' && code === 'ENOENT') return 'nothing is listening there';
	const [line = ''] = error.message.split('\n');
	return line || 'it does not respond';
}

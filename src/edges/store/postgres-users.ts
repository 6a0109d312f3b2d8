// Who else uses a database, for people who have to stop them.
import type { PostgresAddress } from '../../settings/postgres.ts';
import { connectPostgres, ourName } from './postgres.ts';

/** The addresses from which other Glia processes are connected to the database, and since when. Throws a Refusal. */
export async function usersOf(address: PostgresAddress): Promise<{ from: string; since: Date }[]> {
	const client = await connectPostgres(address);
	try {
		const { rows } = await client.query(
			`SELECT coalesce(host(client_addr), 'its own machine') AS from, min(backend_start) AS since FROM pg_stat_activity
			WHERE datname = current_database() AND usename = current_user AND application_name = $1 AND pid <> pg_backend_pid()
			GROUP BY 1 ORDER BY 2`,
			[ourName],
		);
		return rows as { from: string; since: Date }[];
	} finally {
		await client.end().catch(() => undefined);
	}
}

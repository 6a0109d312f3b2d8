// The store, and the keys of encrypted rooms, in a schema of a PostgreSQL database.
import { Kysely, sql } from 'kysely';
import { Refusal } from '../../answer.ts';
import type { KeyStore } from '../../ports/keys.ts';
import type { Store } from '../../ports/store.ts';
import type { PostgresAddress } from '../../settings/postgres.ts';
import { migrations } from './migrations.ts';
import { connectPostgres, type Fence, PostgresTypes, placeOf, postgresDialect, refusalOf } from './postgres.ts';
import { keysOver, keyTables } from './postgres-keys.ts';
import type { Tables } from './schema.ts';
import { serverOf } from './servers.ts';
import { migrate, storeOver } from './store.ts';

export type PostgresSetup = {
	address: PostgresAddress;
	/** How transactions begin if several processes share the database. */
	fence?: Fence;
	/** Ends a transaction that is idle for this long (ms). */
	idle?: number;
	/** Pollers share the servers: `poller` claims each server that it is about to poll, for `keep` ms. */
	claims?: { poller: string; keep: number };
	/** Whether to migrate the tables to this version; otherwise they must already be current. */
	migrates: boolean;
};

export type PostgresStore = { store: Store; keys: KeyStore };

/** Opens the store. Tables are created or migrated under a lock. Throws a Refusal. */
export async function openPostgresStore(setup: PostgresSetup): Promise<PostgresStore> {
	const { claims } = setup;
	const { db, keys } = await openSchema(setup);
	return {
		store: {
			// Every commit is synchronous: PostgreSQL may be restarted while this process keeps running. Autovacuum removes
			// deleted rows.
			...storeOver(db, writes => writes(db), {
				tidy: async () => undefined,
				copyTo: byItsTools,
				close: () => db.destroy(),
			}),
			...(claims && claimedServers(db, claims)),
		},
		keys,
	};
}

/** Opens the store's database, with tables of this version. Throws a Refusal. */
export async function openSchema(
	setup: Omit<PostgresSetup, 'claims'>,
): Promise<{ db: Kysely<Tables>; keys: KeyStore }> {
	const { address, fence, idle } = setup;
	const place = placeOf(address);
	const client = await connectPostgres(address, idle);
	const db = new Kysely<Tables>({ dialect: postgresDialect(client, fence) });
	try {
		if (setup.migrates) {
			await migrate(db.withPlugin(new PostgresTypes()), place, address.schema);
			await keyTables(db as unknown as Kysely<never>);
		} else if (!(await isCurrent(db))) throw new Refusal(`The store in ${place} belongs to another version of Glia.`);
	} catch (error) {
		await db.destroy();
		throw refusalOf(error, address) ?? error;
	}
	return { db, keys: keysOver(db as unknown as Kysely<never>, place) };
}

/** PostgreSQL databases are backed up with PostgreSQL's own tools, which do not need us. */
async function byItsTools(): Promise<never> {
	throw new Refusal('The store is in PostgreSQL: back it up with pg_dump.');
}

/** Whether exactly our migrations have run here. */
async function isCurrent(db: Kysely<Tables>): Promise<boolean> {
	const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY name COLLATE "C"`.execute(db);
	return JSON.stringify(rows.map(({ name }) => name)) === JSON.stringify(Object.keys(migrations).sort());
}

type LookClaims = NonNullable<PostgresSetup['claims']>;

/**
 * Servers that are due and that no other poller is polling. A poller finishes its polls before it asks again, so its
 * own claims do not count.
 */
function claimedServers(db: Kysely<Tables>, { poller, keep }: LookClaims): Pick<Store, 'dueServers'> {
	const unclaimed = sql`NOT EXISTS (SELECT 1 FROM claims
		WHERE claims.server = servers.server AND replica <> ${poller} AND until > clock_timestamp())`;
	return {
		async dueServers(now, horizon, limit) {
			// Each part uses its own index: with OR, every server would be read.
			const { rows } = await sql<Tables['servers']>`
				WITH open AS (
					(SELECT server, next_look FROM servers WHERE next_look <= ${now.getTime()} AND ${unclaimed}
						ORDER BY next_look LIMIT ${limit} FOR UPDATE SKIP LOCKED)
				), beyond AS (
					(SELECT server, next_look FROM servers WHERE next_look > ${horizon.getTime()} AND ${unclaimed}
						ORDER BY next_look LIMIT ${limit} FOR UPDATE SKIP LOCKED)
				), due AS (
					SELECT server FROM (SELECT * FROM open UNION ALL SELECT * FROM beyond) AS all_due LIMIT ${limit}
				), claimed AS (
					INSERT INTO claims SELECT server, ${poller}, clock_timestamp() + ${keep} * interval '1 ms' FROM due
					ON CONFLICT (server) DO UPDATE SET replica = excluded.replica, until = excluded.until
					RETURNING server
				)
				SELECT servers.* FROM servers JOIN claimed ON claimed.server = servers.server ORDER BY next_look`.execute(db);
			return rows.map(serverOf);
		},
	};
}

// PostgreSQL as the store's database: one serialised connection, as with SQLite, wrapped as a Kysely driver; and
// types that match SQLite's.
import {
	type ColumnDataType,
	type ColumnDefinitionNode,
	type CompiledQuery,
	type DatabaseConnection,
	DataTypeNode,
	type Dialect,
	type Driver,
	GeneratedNode,
	type KyselyPlugin,
	OperationNodeTransformer,
	PostgresAdapter,
	PostgresIntrospector,
	PostgresQueryCompiler,
	type QueryResult,
	RawNode,
} from 'kysely';
import pg from 'pg';
import { Refusal } from '../../answer.ts';
import type { PostgresAddress } from '../../settings/postgres.ts';
import { completed, connectionTrouble } from './postgres-address.ts';

/** The oldest major version that the community maintains and the tests cover. */
const minMajor = 14;
/** The timeout for opening a connection (ms). */
const connectTimeout = 10_000;
/**
 * The timeout for a query (ms). A connection that was cut off silently would otherwise hang for as long as the
 * system retransmits.
 */
const queryTimeout = 20_000;

/** The name of our connections in `pg_stat_activity`. */
export const ourName = 'glia';

/** How a replica's transactions begin; see lease.ts. */
export type Fence = {
	/** Statements to run together with BEGIN. */
	begin: string;
	/** Receives the rows of the last one. Throws if this process may no longer write. */
	check: (rows: unknown[]) => void;
	/** Called when the connection fails, so that this process can no longer write. */
	broken?: (error: unknown) => void;
};

/** Opens one connection and creates the schema if missing. Throws a Refusal for what the operator can fix. */
export async function connectPostgres(address: PostgresAddress, idle = 0): Promise<pg.Client> {
	const client = await connected(address, idle);
	try {
		const { hasSchema } = await check(client, address);
		const schema = pg.escapeIdentifier(address.schema);
		if (!hasSchema) await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
		await client.query(`SET search_path TO ${schema}`);
		return client;
	} catch (error) {
		await client.end().catch(() => undefined);
		throw refusalOf(error, address) ?? error;
	}
}

/** Finds the database's version and whether the store's schema exists, without writing anything. Throws a Refusal. */
export async function askPostgres(address: PostgresAddress): Promise<{ version: string; hasSchema: boolean }> {
	const client = await connected(address, 0);
	try {
		return await check(client, address);
	} catch (error) {
		throw refusalOf(error, address) ?? error;
	} finally {
		await client.end().catch(() => undefined);
	}
}

async function connected(address: PostgresAddress, idle: number): Promise<pg.Client> {
	const { url, schema: _, tls, ...parts } = address;
	let client: pg.Client;
	try {
		client = new pg.Client({
			...(url === undefined ? parts : { connectionString: completed(url, address) }),
			...(tls && { ssl: { rejectUnauthorized: true, ...(tls.authority && { ca: tls.authority }) } }),
			application_name: ourName,
			connectionTimeoutMillis: connectTimeout,
			query_timeout: queryTimeout,
			keepAlive: true,
			keepAliveInitialDelayMillis: 5000,
			types: { getTypeParser: typeParser },
			...(idle > 0 && { idle_in_transaction_session_timeout: idle }),
		});
		// Without a listener, a connection lost between two queries would crash the process.
		client.on('error', () => undefined);
		await client.connect();
	} catch (error) {
		// Before the first statement, nothing but the address, the files it names, and the server can be wrong.
		throw refusalOf(error, address) ?? cannotBeUsed(address, connectionTrouble(error));
	}
	return client;
}

async function check(client: pg.Client, { schema }: PostgresAddress): Promise<{ version: string; hasSchema: boolean }> {
	const { rows } = await client.query(
		`SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
			pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS read_only,
			EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1) AS schema,
			has_database_privilege(current_database(), 'CREATE') AS may_create`,
		[schema],
	);
	const { version, encoding, standby, read_only: readOnly, schema: isThere, may_create: mayCreate } = rows[0];
	if (version < minMajor * 10_000) {
		const major = version >= 100_000 ? Math.trunc(version / 10_000) : `${Math.trunc(version / 10_000)}.x`;
		throw new Refusal(`The store's PostgreSQL is version ${major}; Glia needs ${minMajor} or newer.`);
	}
	if (encoding !== 'UTF8') {
		throw new Refusal(
			`The store's database has the encoding ${encoding}; create it with ENCODING 'UTF8' TEMPLATE template0.`,
		);
	}
	if (standby || readOnly === 'on')
		throw new Refusal("The store's PostgreSQL does not accept writes: it is a standby, or read-only.");
	if (!isThere && !mayCreate)
		throw new Refusal(
			`The user of the store's PostgreSQL cannot create the schema ${schema}: it needs CREATE on the database, or a schema that it owns.`,
		);
	return { version: `${Math.trunc(version / 10_000)}.${version % 10_000}`, hasSchema: isThere };
}

const unknownAuthority = 'its certificate is from an unknown authority; name that under store.postgres.tls.authority';
const sentences: Record<string, string> = {
	'28P01': 'the password is wrong',
	'28000': 'this user may not log in from here (pg_hba.conf)',
	'3D000': 'there is no such database',
	'42501': 'the user lacks a right: it needs CREATE on the database, or a schema that it owns',
	'53100': 'its disk is full',
	'53300': 'it has no free connections; raise max_connections (Glia needs three for each process)',
	'57P03': 'it is starting up or shutting down',
	ECONNREFUSED: 'nothing is listening there',
	ENOTFOUND: 'there is no such host',
	EAI_AGAIN: 'its host name cannot be resolved right now',
	ETIMEDOUT: 'it does not respond',
	EHOSTUNREACH: 'its host cannot be reached',
	ECONNRESET: 'it closed the connection',
	DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; name it under store.postgres.tls.authority',
	SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
	CERT_HAS_EXPIRED: 'its certificate has expired',
	ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

/** Says what an operator can do about a PostgreSQL error; undefined if nothing. Never contains the password. */
export function refusalOf(error: unknown, address: PostgresAddress): Refusal | undefined {
	if (error instanceof Refusal) return error;
	const code = codeOf(error);
	const text = error instanceof Error ? error.message : String(error);
	const sentence: string | undefined =
		sentences[code] ??
		(/does not support SSL/.test(text) ? 'it does not offer TLS' : undefined) ??
		(/timeout expired|OpenConnection terminated due to connection timeout/.test(text)
			? sentences.ETIMEDOUT
			: undefined) ??
		(/SASL|password must be a string/.test(text) ? 'it requires a password, and none is configured' : undefined);
	return sentence === undefined ? undefined : cannotBeUsed(address, sentence);
}

function cannotBeUsed(address: PostgresAddress, why: string): Refusal {
	return new Refusal(`The store's PostgreSQL ${placeOf(address)} cannot be used: ${why}.`);
}

/** Whether an error means that the connection is gone, rather than that a statement is wrong. */
export function isAway(error: unknown): boolean {
	const code = codeOf(error);
	// Classes: connection exceptions, insufficient resources, operator intervention; and the idle-transaction timeout.
	if (/^(08|53|57P|25P03)/.test(code)) return true;
	return !(error instanceof pg.DatabaseError);
}

/** The code of an error, or of the first of several attempts to connect. */
export function codeOf(error: unknown): string {
	if (error instanceof AggregateError) return codeOf(error.errors[0]);
	return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Whether PostgreSQL itself reported this error; false for errors of the connection. */
export function isDatabaseError(error: unknown): boolean {
	return error instanceof pg.DatabaseError;
}

/** Where the database is, for people to read, without its password. */
export function placeOf({ url, host = 'localhost', port = 5432, database = '' }: PostgresAddress): string {
	if (url === undefined) return `${host}:${port}/${database}`;
	try {
		const { host: at, pathname } = new URL(url);
		return `${at}${pathname}`;
	} catch {
		return 'of store.postgres';
	}
}

/** Eight-byte integers are times and counts, which fit a number; as strings they would not compare correctly. */
function typeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
	if (oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC) return Number;
	if (oid === pg.types.builtins.TEXT || oid === pg.types.builtins.VARCHAR) return withNull;
	return pg.types.getTypeParser(oid, format as 'text');
}

/** A private-use character that normal text does not contain. Text that does contain it still round-trips. */
const mark = '\u{F0000}';

/** PostgreSQL text cannot hold U+0000, and anyone can send one. */
function withoutNull(value: unknown): unknown {
	if (typeof value !== 'string' || !/[\0\u{F0000}]/u.test(value)) return value;
	return value.replaceAll(mark, `${mark}1`).replaceAll('\0', `${mark}0`);
}

function withNull(text: string): string {
	if (!text.includes(mark)) return text;
	return text.replaceAll(`${mark}0`, '\0').replaceAll(`${mark}1`, mark);
}

/** Kysely over one connection, which each transaction has to itself. The connection is closed when Kysely is destroyed. */
export function postgresDialect(client: pg.Client, fence?: Fence): Dialect {
	return {
		createAdapter: () => new PostgresAdapter(),
		createIntrospector: db => new PostgresIntrospector(db),
		createQueryCompiler: () => new PostgresQueryCompiler(),
		createDriver: () => new OneConnection(client, fence),
	};
}

class OneConnection implements Driver {
	readonly #client: pg.Client;
	readonly #fence: Fence | undefined;
	readonly #names = new StatementNames();
	/** Resolves when the last transaction in the queue ends. */
	#last: Promise<void> = Promise.resolve();
	#release: (() => void) | undefined;

	constructor(client: pg.Client, fence: Fence | undefined) {
		this.#client = client;
		this.#fence = fence;
	}

	async init(): Promise<void> {}

	async acquireConnection(): Promise<OpenConnection> {
		const before = this.#last;
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#last = promise;
		await before;
		this.#release = resolve;
		return new OpenConnection(this.#client, this.#fence, this.#names);
	}

	async beginTransaction(connection: OpenConnection): Promise<void> {
		await connection.begin();
	}

	async commitTransaction(connection: OpenConnection): Promise<void> {
		await connection.end('COMMIT');
	}

	async rollbackTransaction(connection: OpenConnection): Promise<void> {
		// A lost connection rolls back by itself; the original error says more.
		await connection.end('ROLLBACK').catch(() => undefined);
	}

	async releaseConnection(): Promise<void> {
		this.#release?.();
	}

	async destroy(): Promise<void> {
		await this.#last;
		await this.#client.end().catch(() => undefined);
	}
}

const writes = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode', 'MergeQueryNode']);

/** At most this many prepared statements are kept: each length of a list needs its own, without limit. */
const maxPrepared = 500;

/** Names statements, so that the database parses and plans each once per connection. */
class StatementNames {
	readonly #names = new Map<string, string>();

	/** Undefined for statements not worth keeping: neither reads nor writes, or beyond `maxPrepared`. */
	of({ sql, query }: CompiledQuery): string | undefined {
		const known = this.#names.get(sql);
		if (known !== undefined) return known;
		if (query.kind !== 'SelectQueryNode' && !writes.has(query.kind)) return undefined;
		if (this.#names.size >= maxPrepared) return undefined;
		const name = `glia_${this.#names.size}`;
		this.#names.set(sql, name);
		return name;
	}
}

class OpenConnection implements DatabaseConnection {
	readonly #client: pg.Client;
	readonly #fence: Fence | undefined;
	readonly #names: StatementNames;
	#open = false;

	constructor(client: pg.Client, fence: Fence | undefined, names: StatementNames) {
		this.#client = client;
		this.#fence = fence;
		this.#names = names;
	}

	/** Begins a transaction and checks, in the same round trip, that this process may write. */
	async begin(): Promise<void> {
		const { begin = '', check } = this.#fence ?? {};
		let results: unknown;
		try {
			results = await this.#client.query(`BEGIN; ${begin}`);
		} catch (error) {
			this.#failed(error);
			throw error;
		}
		this.#open = true;
		if (check) {
			const last = Array.isArray(results) ? results.at(-1) : results;
			check((last as pg.QueryResult).rows);
		}
	}

	async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
		this.#open = false;
		try {
			await this.#client.query(how);
		} catch (error) {
			this.#failed(error);
			throw error;
		}
	}

	async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
		const { sql, parameters, query } = compiled;
		const alone = this.#fence !== undefined && !this.#open && writes.has(query.kind);
		try {
			if (alone) await this.begin();
			const name = this.#names.of(compiled);
			const values = parameters.map(withoutNull);
			const { rows, command, rowCount } = await this.#client.query({ text: sql, values, ...(name && { name }) });
			if (alone) await this.end('COMMIT');
			const counts = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
			return { rows, ...(counts && { numAffectedRows: BigInt(rowCount ?? 0) }) };
		} catch (error) {
			if (alone) await this.end('ROLLBACK').catch(() => undefined);
			this.#failed(error);
			throw error;
		}
	}

	#failed(error: unknown): void {
		if (isAway(error)) this.#fence?.broken?.(error);
	}

	// biome-ignore lint/correctness/useYield: the store does not stream
	async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
		throw new Error('the store does not stream queries');
	}
}

/**
 * Migrations are written once, with SQLite's types. For PostgreSQL, integers become eight bytes wide (times are
 * in milliseconds), ids become identity columns, and text is compared byte by byte, whatever the database's
 * locale: pages use `>` on ids.
 */
export class PostgresTypes implements KyselyPlugin {
	readonly #transformer = new Columns();

	transformQuery({ node, queryId }: Parameters<KyselyPlugin['transformQuery']>[0]) {
		return this.#transformer.transformNode(node, queryId);
	}

	async transformResult({ result }: Parameters<KyselyPlugin['transformResult']>[0]) {
		return result;
	}
}

class Columns extends OperationNodeTransformer {
	override transformColumnDefinition(
		...given: Parameters<OperationNodeTransformer['transformColumnDefinition']>
	): ColumnDefinitionNode {
		const column = super.transformColumnDefinition(...given);
		const type = DataTypeNode.is(column.dataType) ? (column.dataType.dataType as ColumnDataType) : undefined;
		if (type === 'integer') {
			const wide = { ...column, dataType: DataTypeNode.create('bigint') };
			if (!column.autoIncrement) return wide;
			return { ...wide, autoIncrement: false, generated: GeneratedNode.create({ identity: true, byDefault: true }) };
		}
		if (type !== 'text') return column;
		const collation = RawNode.createWithSql('COLLATE "C"');
		return { ...column, frontModifiers: [...(column.frontModifiers ?? []), collation] };
	}
}

// Queries whose SQL is built once. Kysely builds a query's tree and text anew for each call, which for the few
// queries that every message needs takes more CPU time than running them in SQLite.
import type { CompiledQuery, Kysely, QueryResult } from 'kysely';
import type { Tables } from './schema.ts';

/** A placeholder in the tree for a value of the call. */
class Slot {
	readonly name: string;
	constructor(name: string) {
		this.name = name;
	}
}

type SqlValue = string | number | null;

/**
 * Runs the query that `build` returns, with the values of this call. `build` is called once per database and gets
 * slots instead of values: it may pass them on, but not inspect them. Every call must use the same names.
 */
export function prepared<Given extends Record<string, SqlValue>, Row>(
	build: (db: Kysely<Tables>, given: Given) => { compile: () => CompiledQuery<Row> },
): (db: Kysely<Tables>, given: Given) => Promise<QueryResult<Row>> {
	// By adapter: it is the same in a database's transactions, and another database may need other SQL.
	const built = new WeakMap<object, CompiledQuery<Row>>();
	return (db, given) => {
		const { adapter } = db.getExecutor();
		let query = built.get(adapter);
		if (!query) {
			query = build(db, slotsFor(given)).compile();
			built.set(adapter, query);
		}
		const parameters = query.parameters.map(value => (value instanceof Slot ? given[value.name] : value));
		return db.executeQuery({ ...query, parameters });
	};
}

/** Typed as values, because `build` uses them like values. */
function slotsFor<Given extends Record<string, SqlValue>>(given: Given): Given {
	return Object.fromEntries(Object.keys(given).map(name => [name, new Slot(name)])) as unknown as Given;
}

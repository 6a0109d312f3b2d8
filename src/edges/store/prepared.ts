// Queries whose SQL is built only once, for the few that every message needs. Kysely rebuilds a query's tree and text
// for each call, which takes more CPU time than running it in SQLite.
import type { CompiledQuery, Kysely, QueryResult } from 'kysely';
import type { Tables } from './schema.ts';

/** A placeholder in the tree for a value that the call provides. */
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
	// By adapter: a database shares it with its transactions, and another database may need different SQL.
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

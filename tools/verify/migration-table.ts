// The table of docs/verified.md: measurements of migrations and background updates, as Markdown.
import type { MigrationTime } from '../../src/knowledge/schema/migrations.ts';

const databases = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const;

/** One row for each measurement, in the order of the file. */
export function migrationTable(times: readonly MigrationTime[]): string[] {
	return times.map(({ release, database, delta, updates, table, seconds, runs, load }) => {
		const what = updates ? `${updates.length > 1 ? `${updates.length} updates` : `\`${updates[0]}\``}` : 'migration';
		const name = delta.replace(/^main /, '');
		return `| ${release} | ${databases[database]} | \`${table}\` | ${what} | \`${name}\` | ${span(seconds)} s | ${runs} | ${span(load)} |`;
	});
}

function span([least, most]: readonly [number, number]): string {
	return least === most ? String(least) : `${least}–${most}`;
}

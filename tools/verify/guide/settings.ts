// Checks whether an admin's changes on the old server apply on the new one.
import { type Job, type Played, sh, surroundingsOf } from './played.ts';

/**
 * Throws if a setting from the old server does not apply. Databases keep their own settings only if they were dumped
 * for the same or a newer version.
 */
export function settingsCameAlong({ stated }: Job, played: Played): void {
	const { way = '' } = stated;
	const ask = (database: string, name: string) => asked(stated, played, { database, sql: `SHOW ${name}` });
	const wanted: [database: string, name: string, value: string][] = [
		['synapse', 'work_mem', '5MB'],
		['synapse', 'log_line_prefix', '%m [%p] %q%u@%d'],
		['synapse', 'datestyle', 'ISO, DMY'],
		['synapse', 'deadlock_timeout', '3s'],
		// This is a setting of the role that asks.
		['synapse', 'lock_timeout', '7min'],
		...(way === 'dump'
			? (
					[
						['synapse', 'statement_timeout', '10min'],
						['bridge', 'search_path', 'public, "other words"'],
					] as const
				).map(one => [...one] as [string, string, string])
			: []),
	];
	for (const [database, name, value] of wanted) {
		const found = ask(database, name);
		if (found !== value) throw new Error(`${name} of ${database} is ${found}, expected ${value}`);
	}
}

/** Throws if a database that was created after the list of databases was first written is not on the new server. */
export function lateCameAlong({ stated }: Job, played: Played): void {
	const found = asked(stated, played, { database: 'late', sql: 'SELECT thing FROM things' });
	if (found !== '1') throw new Error(`the database that was created late contains ${found}, expected 1`);
}

function asked(
	{ layout, superuser = 'synapse', port = '5432' }: Job['stated'],
	played: Played,
	{ database, sql }: { database: string; sql: string },
): string {
	const psql =
		layout === 'debian'
			? `cd /; runuser -u postgres -- psql -XAt -p ${port}`
			: `cd ${played.cwd}; docker compose exec -T db psql -XAt -U ${superuser}`;
	return sh(`${psql} -d ${database} -c "${sql}" < /dev/null`, surroundingsOf(played));
}

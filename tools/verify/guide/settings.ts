// Whether an admin's changes on the old server apply on the new one.
import { type Job, type Played, sh, surroundingsOf } from './played.ts';

/**
 * Throws where a setting of before is not in force. Databases keep theirs only where they are dumped to the same or a
 * newer version.
 */
export function settingsCameAlong({ stated }: Job, played: Played): void {
	const { superuser = 'synapse', way = '' } = stated;
	const ask = (database: string, name: string) =>
		sh(
			`cd ${played.cwd}; docker compose exec -T db psql -XAt -U ${superuser} -d ${database} -c "SHOW ${name}" < /dev/null`,
			surroundingsOf(played),
		);
	const wanted: [database: string, name: string, value: string][] = [
		['synapse', 'work_mem', '5MB'],
		['synapse', 'log_line_prefix', '%m [%p] %q%u@%d'],
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
		if (found !== value) throw new Error(`${name} of ${database} is ${found}, and was ${value}`);
	}
}

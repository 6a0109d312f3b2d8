// Checks whether databases sort as before. A restore can lose a locale, which nothing reports until text is compared.
import { type Job, type Played, sh, surroundingsOf } from './played.ts';

/** By database: its collation, its character type, and its locale provider (`c`, `b` or `i`). */
export type Locales = ReadonlyMap<string, string>;

/** The locales on the server that Synapse uses now. */
export function localesOf({ stated }: Job, played: Played): Locales {
	const { layout, superuser = 'synapse', port = '5432' } = stated;
	const psql =
		layout === 'debian'
			? `cd /; runuser -u postgres -- psql -XAt -p ${port}`
			: `cd ${played.cwd}; docker compose exec -T db psql -XAt -U ${superuser} -d postgres`;
	const listed = sh(
		`${psql} -c "SELECT datname, datcollate, datctype, coalesce(row_to_json(d)->>'datlocprovider', 'c')
			FROM pg_database d WHERE NOT datistemplate" < /dev/null`,
		surroundingsOf(played),
	);
	return new Map(
		listed.split('\n').map(line => {
			const [name = '', ...locale] = line.split('|');
			return [name, locale.join('|')] as const;
		}),
	);
}

/**
 * Throws if a database sorts differently than before. On compose, Synapse's must sort by the C library in C. Debian's
 * pg_upgradecluster does not pass ICU on to the new cluster, so `postgres`, which initdb creates, loses it.
 */
export function localesAreKept(job: Job, before: Locales, now: Locales): void {
	const isDebian = job.stated.layout === 'debian';
	for (const [name, was] of before) {
		if (isDebian && name === 'postgres') continue;
		const wanted = !isDebian && name === 'synapse' ? 'C|C|c' : was;
		if (now.get(name) !== wanted) throw new Error(`${name} sorts by ${now.get(name)}, expected ${wanted}`);
	}
}

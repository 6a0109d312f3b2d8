// What an old server can bring along: damaged indexes, recorded versions, its own settings, hidden sorting.
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { homeserver } from './layouts.ts';
import { type Job, type Played, sh, surroundingsOf } from './played.ts';
import { cluster, cureOf, type Pair, type Provocation, saying } from './provoking.ts';

/** By the ID of the failure. */
export function damageErrors({ root, old, next, at15, at17 }: Pair, guide: Guide): Record<string, Provocation> {
	const cured = (id: string, block: number, names: Record<string, string>) =>
		[...cureOf(id, guide, names).matchAll(/```(?:sql|bash)\n([\s\S]*?)```/g)][block]?.[1] ?? '';
	const refreshing = (name: string) => {
		// A template with a recorded version leaves it like this in a database that sorts by bytes.
		sh(
			`psql -Xqc "CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' COLLATION_VERSION '2.31'"`,
			old.env,
		);
		const warned = at15(`psql -X -d ${name} -c "SELECT 1"`);
		const said = at15(`psql -X -d ${name} -c "ALTER DATABASE ${name} REFRESH COLLATION VERSION"`);
		const update = cured('recorded-version', 0, { dbname: name });
		const quiet = at15(`psql -X <<'EOF'\n${update}\nEOF\npsql -X -d ${name} -c "SELECT 'quiet'"`);
		if (/WARNING/.test(quiet)) throw new Error(`the cure did not end the warning: ${quiet}`);
		return { warned, said };
	};
	return {
		'recorded-version': () => refreshing('recorded').warned,
		'version-change': () => refreshing('refreshed').said,
		'unique-index': () => {
			damagedIndex(old.env);
			sh(`pg_dump -Fc damaged > ${root}/damaged.dump`, old.env);
			const said = at17(`createdb damaged; pg_restore -d damaged --single-transaction ${root}/damaged.dump`);
			const seen = at15(`psql -XAt -d damaged <<'EOF'\n${cured('unique-index', 0, {})}\nEOF`);
			const found = [...seen.matchAll(/^(\(\d+,\d+\))\|ada$/gm)].map(([, ctid = '']) => ctid);
			if (found.length !== 2) throw new Error(`the cure did not show the two rows: ${seen}`);
			const repair = cured('unique-index', 1, {}).replace('(0,3)', found[1] ?? '');
			sh(
				`psql -X -d damaged -v ON_ERROR_STOP=1 <<'EOF'\n${repair}\nEOF\npg_dump -Fc damaged > ${root}/damaged.dump`,
				old.env,
			);
			const rows = sh(
				`pg_restore -d damaged --single-transaction ${root}/damaged.dump; psql -XAt -d damaged -c "SELECT count(*) FROM users"`,
				next.env,
			);
			if (rows !== '2') throw new Error(`${rows} rows after the cure`);
			return said;
		},
		'schema-exists': () => {
			sh(`pg_dump -Fc -n public synapse > ${root}/schema.dump`, old.env);
			const restore = `pg_restore -d bare --single-transaction --no-owner ${root}/schema.dump`;
			const said = at17(`createdb bare; ${restore}`);
			sh(`psql -Xqd bare -c "DROP SCHEMA public"; ${restore}`, next.env);
			return said;
		},
		'unknown-setting': () => {
			const bare = `${next.own} postgres -D ${next.data} -c vacuum_defer_cleanup_age=3 -p 5599`;
			const listed = at17(
				`echo 'vacuum_defer_cleanup_age = 3' >> ${next.data}/postgresql.conf; psql -XAt -c "SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL AND error <> 'setting could not be applied'"; sed -i '$d' ${next.data}/postgresql.conf`,
			);
			// What the stage checks before it starts the server with the file.
			if (!listed.includes('vacuum_defer_cleanup_age|unrecognized'))
				throw new Error(`the stage's check did not find it: ${listed}`);
			return at17(bare);
		},
		'monitoring-columns': () => at17('psql -Xc "SELECT checkpoints_timed FROM pg_stat_bgwriter"'),
	};
}

/** Creates a table with a duplicate key that the index does not see. */
function damagedIndex(env: NodeJS.ProcessEnv): void {
	sh(
		`createdb damaged
psql -Xq -d damaged -c "CREATE TABLE users (name text)" -c "CREATE UNIQUE INDEX users_name ON users (name)" \\
 -c "INSERT INTO users VALUES ('ada'), ('ben')" \\
 -c "UPDATE pg_index SET indisready = false WHERE indexrelid = 'users_name'::regclass"
psql -Xq -d damaged -c "INSERT INTO users VALUES ('ada')" \\
 -c "UPDATE pg_index SET indisready = true WHERE indexrelid = 'users_name'::regclass"`,
		env,
	);
}

/**
 * In a cluster created with ICU, a database with the locale C sorts by ICU, and Synapse starts on it. A database that
 * is created as in the guide does not.
 */
export function icuGoesUnseen(job: Job, played: Played): void {
	const icu = cluster(played, '15', { name: '15-icu', init: '--locale-provider=icu --icu-locale=en' });
	icu.start('127.0.0.15');
	const provider = (name: string) =>
		sh(
			`psql -XAt -c "SELECT datcollate || datctype || datlocprovider::text FROM pg_database WHERE datname = '${name}'"`,
			{
				...icu.env,
			},
		);
	sh(
		`psql -Xqc "CREATE ROLE synapse LOGIN"; createdb -T template0 -E UTF8 --locale=C -O synapse unseen
createdb -T template0 --locale-provider=libc -E UTF8 --locale=C -O synapse plain`,
		icu.env,
	);
	if (provider('unseen') !== 'CCi' || provider('plain') !== 'CCc')
		throw new Error(`it sorts by ${provider('unseen')} and ${provider('plain')}`);
	homeserver(played, {
		name: 'psycopg2',
		args: { user: 'synapse', password: 'x', dbname: 'unseen', host: '127.0.0.15', cp_min: 1, cp_max: 3 },
	});
	const said = saying(
		`${job.python} -m synapse.app.homeserver -c ${played.root}/home/files/homeserver.yaml > ${played.root}/unseen.log 2>&1 & pid=$!
curl -fsS --retry 60 --retry-delay 2 --retry-connrefused localhost:8008/_matrix/client/versions; kill $pid`,
		surroundingsOf(played),
	);
	if (!said.includes('"versions"')) throw new Error(`Synapse noticed that the database sorts by ICU: ${said}`);
	console.log('  seen: Synapse starts on a database with the locale C that sorts by ICU');
}

// Errors of `synapse_port_db`, and of a Synapse that starts on the result.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { homeserver } from './layouts.ts';
import { addresses, type Job, type Played, sh, surroundingsOf } from './played.ts';
import { cluster, type Provocation, saying } from './provoking.ts';

/** By the ID of the failure. */
export function portErrors(_: Job, played: Played): Record<string, Provocation> {
	const { root } = played;
	const server = cluster(played, '17', { auth: 'scram-sha-256' });
	server.start(addresses.old);
	sh(
		`psql -Xqc "CREATE ROLE synapse LOGIN PASSWORD 'changeme'"
createdb -O synapse -T template0 -E UTF8 --locale=C synapse; createdb -O synapse -T template0 -E UTF8 --lc-collate=C.UTF-8 --lc-ctype=C.UTF-8 wrong`,
		server.env,
	);
	const python = join(root, 'synapse', 'python');
	const file = join(root, 'homeserver.db');
	const settings = (name: string, database: Parameters<typeof homeserver>[1]) => {
		homeserver(played, database);
		sh(`cp ${root}/home/files/homeserver.yaml ${root}/${name}.yaml`);
		return `${root}/${name}.yaml`;
	};
	const args = { user: 'synapse', password: 'changeme', dbname: 'synapse', host: addresses.old, cp_min: 1, cp_max: 3 };
	const good = settings('good', { name: 'psycopg2', args });
	const wrong = settings('wrong', { name: 'psycopg2', args: { ...args, dbname: 'wrong' } });
	const closed = settings('closed', { name: 'psycopg2', args: { ...args, password: 'another' } });
	const old = settings('old', { name: 'sqlite3', args: { database: file } });
	const env = surroundingsOf(played);
	const run = (seconds: number, config: string) =>
		saying(`timeout ${seconds} ${python} -m synapse.app.homeserver -c ${config}`, env);
	const port = (database: string, config: string) =>
		saying(`cd /; ${root}/synapse/synapse_port_db --sqlite-database ${database} --postgres-config ${config}`, env);
	writeFileSync(
		join(root, 'change.py'),
		'import sqlite3, sys\nsqlite3.connect(sys.argv[1], isolation_level=None).executescript(sys.argv[2])\n',
	);
	const change = (sql: string) => sh(`${python} ${root}/change.py ${file} "${sql}"`);
	run(60, old);
	return {
		'pending-updates': () => {
			change(
				"DELETE FROM background_updates; INSERT INTO background_updates (update_name, progress_json) VALUES ('a_trial', '{}')",
			);
			return port(file, good);
		},
		'not-psycopg2': () => {
			change('DELETE FROM background_updates');
			return port(file, old);
		},
		'no-such-sqlite': () => port(join(root, 'none.db'), good),
		'port-too-old': () => {
			const older = cluster(played, '13');
			older.start(addresses.new);
			sh(
				'psql -Xqc "CREATE ROLE synapse LOGIN"; createdb -O synapse -T template0 -E UTF8 --locale=C synapse',
				older.env,
			);
			return port(file, settings('older', { name: 'psycopg2', args: { ...args, host: addresses.new } }));
		},
		'port-wrong-collation': () => port(file, wrong),
		'port-password': () => port(file, closed),
		'auto-vacuum': () => {
			change('PRAGMA auto_vacuum=1; VACUUM');
			const said = port(file, good);
			change('PRAGMA auto_vacuum=0; VACUUM');
			return said;
		},
		'sequence-behind': () => {
			port(file, good);
			sh(
				`psql -Xq -d synapse -c "INSERT INTO stream_positions (stream_name, instance_name, stream_id) VALUES ('caches', 'master', 100000) ON CONFLICT (stream_name, instance_name) DO UPDATE SET stream_id = 100000"`,
				server.env,
			);
			return run(40, good);
		},
	};
}

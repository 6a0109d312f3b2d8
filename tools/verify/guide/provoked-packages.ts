// Errors of Debian's own programs.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Guided, GuidedStage } from '../../../src/advice/guide/guide.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { buildDebian } from './layouts.ts';
import { type Job, type Played, sh, surroundingsOf } from './played.ts';
import { cureOf, type Provocation, saying, synapse } from './provoking.ts';

export function packageErrors(job: Job, played: Played, guide: Guide): Record<string, Provocation> {
	buildDebian(job, played, false);
	const env = surroundingsOf(played);
	const upgrade = 'cd /; pg_upgradecluster -m upgrade -v 18 15 main';
	return {
		'wrong-collation-debian': () => {
			const name = 'sudo -u postgres';
			sh(
				`cd /; ${name} createdb -T template0 -E UTF8 --locale=C.UTF-8 -O synapse_user wrong
${name} psql -X -d wrong -c "CREATE TABLE users AS SELECT generate_series(1, 100) AS id" -c "ALTER TABLE users OWNER TO synapse_user"
pg_upgradecluster -m dump -v 18 15 main`,
				env,
			);
			const kept = sh(`cd /; ${name} psql -XAtc "SELECT datcollate FROM pg_database WHERE datname = 'wrong'"`, env);
			if (kept !== 'C.UTF-8') throw new Error(`the locale was not kept: ${kept}`);
			const said = synapse(job, played, {
				user: 'synapse_user',
				password: 'changeme',
				dbname: 'wrong',
				host: '127.0.0.1',
			});
			// The fix, as the guide prints it.
			sh(
				`cd /; ${
					/```bash\n([\s\S]*?)```/.exec(
						cureOf('wrong-collation-debian', guide, {
							user: 'synapse_user',
							dbname: 'wrong',
							port: '5432',
							template: '-T template0 --locale-provider=libc',
						}),
					)?.[1]
				}`,
				env,
			);
			const mended = sh(
				`cd /; ${name} psql -XAt -d wrong -c "SELECT datcollate || (SELECT count(*) FROM users) FROM pg_database WHERE datname = 'wrong'"`,
				env,
			);
			if (mended !== 'C100') throw new Error(`the cure led to ${mended}`);
			sh(
				`cd /; pg_dropcluster --stop 18 main; pg_conftool 15 main set port 5432; echo auto > /etc/postgresql/15/main/start.conf; pg_ctlcluster 15 main start; ${name} dropdb wrong`,
				env,
			);
			return said;
		},
		'changed-directory': () =>
			saying(
				`mkdir -m 700 ${played.root}/own; cd ${played.root}/own; sudo -u postgres /usr/lib/postgresql/15/bin/psql -XAtc "SELECT 1"`,
				env,
			),
		'no-package': () => saying('/usr/bin/apt-get install -s postgresql-99', env),
		'cluster-exists': () =>
			saying('pg_createcluster 18 main > /dev/null; pg_createcluster 18 main; pg_dropcluster 18 main', env),
		'target-exists': () => saying(`pg_createcluster 18 main > /dev/null; ${upgrade}; pg_dropcluster 18 main`, env),
		'checksums-differ': () => saying(`${upgrade}; cat /var/log/postgresql/pg_upgradecluster*/*.log`, env),
		'library-missing': () => {
			sh(
				`cd /; pg_lsclusters; pg_ctlcluster 15 main stop || true
runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_checksums --enable -D /var/lib/postgresql/15/main
pg_ctlcluster 15 main start; runuser -u postgres -- psql -d synapse -c "CREATE EXTENSION pgcrypto"`,
				env,
			);
			return saying(`${upgrade}`, env);
		},
	};
}

/** Whether the fix for the checksums works: the failed upgrade succeeds. */
export function curedChecksums(played: Played): void {
	const env = surroundingsOf(played);
	sh(
		`cd /; pg_ctlcluster 15 main start || true; runuser -u postgres -- psql -d synapse -c "DROP EXTENSION pgcrypto"
pg_upgradecluster -m upgrade -v 18 15 main; pg_lsclusters | grep '^18 *main *5432 online'`,
		env,
	);
	writeFileSync(join(played.root, 'cured'), '');
}

/** An upgrade interrupted by a lost connection: the way back lets Synapse in again, and a second attempt succeeds. */
export function brokenOff(played: Played, guided: Guided): void {
	const env = surroundingsOf(played);
	const blocks = (stages: readonly GuidedStage[], id: string) =>
		(stages.find(stage => stage.id === id)?.steps ?? []).map(({ commands = '' }) => commands);
	sh(
		`cd /; pg_ctlcluster 18 main stop || true; pg_dropcluster 18 main; pg_conftool 15 main set port 5432
echo auto > /etc/postgresql/15/main/start.conf; pg_ctlcluster 15 main start
runuser -u postgres -- psql -d synapse -c "CREATE TABLE long AS SELECT generate_series(1, 3000000) AS id"`,
		env,
	);
	const said = join(played.root, 'broken-off.log');
	sh(
		`cd /; setsid pg_upgradecluster -m dump -v 18 15 main > ${said} 2>&1 & pid=$!
for i in $(seq 600); do grep -q 'Upgrading database synapse' ${said} && break; sleep 0.1; done
kill -KILL -- -$pid || kill -KILL $pid`,
		env,
	);
	const login = () =>
		saying('psql -X -h 127.0.0.1 -U synapse_user -d synapse -Atc "SELECT \'let in\'"', {
			...env,
			PGDATABASE: 'synapse',
		});
	if (login().includes('let in'))
		throw new Error(`it was not broken off where nobody is let in: ${readFileSync(said, 'utf8')}`);
	const [back = ''] = blocks(guided.wayBack.before, 'back-debian');
	const wentBack = saying(`cd /; ${back}`, env);
	if (!/^15\./m.test(wentBack) || !login().includes('let in'))
		throw new Error(`the way back let nobody in: ${wentBack}\n${login()}`);
	const [sweep = ''] = blocks(guided.wayBack.again, 'again-debian');
	sh(`cd /; ${sweep}\npg_upgradecluster -m dump -v 18 15 main; pg_lsclusters | grep '^18 *main *5432 online'`, env);
	console.log('  seen: the way back from an upgrade that was broken off');
}

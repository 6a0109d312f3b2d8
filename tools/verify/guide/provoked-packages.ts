// Errors of Debian's own programs.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Guided, GuidedStage } from '../../../src/advice/guide/guide.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { buildDebian } from './layouts.ts';
import { type Job, type Played, sh, surroundingsOf } from './played.ts';
import { cureOf, type Provocation, saying, synapse } from './provoking.ts';

/** By the ID of the failure. */
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
		...clusterErrors(env, guide),
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

/** Errors of clusters that an administrator has set up in their own way; each fix is run as the guide prints it. */
function clusterErrors(env: NodeJS.ProcessEnv, guide: Guide): Record<string, Provocation> {
	return {
		'removed-setting': () => {
			sh(
				'cd /; echo "old_snapshot_threshold = 60min" >> /etc/postgresql/15/main/postgresql.conf; pg_ctlcluster 15 main restart',
				env,
			);
			const said = saying('cd /; pg_upgradecluster -m dump -v 18 15 main', env);
			const names = { from: '15', to: '18', cluster: 'main' };
			const [, drop = ''] = /```bash\n([\s\S]*?)```/.exec(cureOf('removed-setting', guide, names)) ?? [];
			sh(
				`cd /; pg_conftool 15 main remove old_snapshot_threshold; ${drop}
pg_upgradecluster -m dump -v 18 15 main; pg_lsclusters | grep '^18 *main *5432 online'
pg_dropcluster --stop 18 main; pg_conftool 15 main set port 5432; echo auto > /etc/postgresql/15/main/start.conf; pg_ctlcluster 15 main start`,
				env,
			);
			return said;
		},
		'no-such-role-debian': () => {
			sh(
				`cd /; pg_createcluster -u nobody -g nogroup --socketdir /run/postgresql -p 5499 15 own > /dev/null
chmod 1777 /run/postgresql/; pg_ctlcluster 15 own start`,
				env,
			);
			const query = 'cd /; sudo -u postgres psql -p 5499 -XAtc "SELECT \'let in\'"';
			const said = saying(query, env);
			const [, create = ''] =
				/```bash\n([\s\S]*?)```/.exec(cureOf('no-such-role-debian', guide, { port: '5499' })) ?? [];
			sh(`cd /; ${create.replace('OWNER', 'nobody')}`, env);
			if (!saying(query, env).includes('let in')) throw new Error('the cure lets nobody in');
			sh('cd /; pg_dropcluster --stop 15 own', env);
			return said;
		},
	};
}

/** Applies the fix for the checksums. Throws unless the failed upgrade then succeeds. */
export function curedChecksums(played: Played): void {
	const env = surroundingsOf(played);
	sh(
		`cd /; pg_ctlcluster 15 main start || true; runuser -u postgres -- psql -d synapse -c "DROP EXTENSION pgcrypto"
pg_upgradecluster -m upgrade -v 18 15 main; pg_lsclusters | grep '^18 *main *5432 online'`,
		env,
	);
	writeFileSync(join(played.root, 'cured'), '');
}

/**
 * Interrupts an upgrade, as a lost connection does. Throws unless Synapse can log in again after the way back, and a
 * second attempt succeeds.
 */
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
		throw new Error(`it was not interrupted while logins are refused: ${readFileSync(said, 'utf8')}`);
	const [back = ''] = blocks(guided.wayBack.before, 'back-debian');
	const wentBack = saying(`cd /; ${back}`, env);
	if (!/^15\./m.test(wentBack) || !login().includes('let in'))
		throw new Error(`logins are still refused after the way back: ${wentBack}\n${login()}`);
	const [sweep = ''] = blocks(guided.wayBack.again, 'again-debian');
	sh(`cd /; ${sweep}\npg_upgradecluster -m dump -v 18 15 main; pg_lsclusters | grep '^18 *main *5432 online'`, env);
	console.log('  seen: the way back from an interrupted upgrade');
}

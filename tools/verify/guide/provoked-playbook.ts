// Errors of an upgrade by the playbook's own PostgreSQL role, reported by its own tasks.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPlaybook } from './playbook-machine.ts';
import { type Job, type Played, sh, surroundingsOf } from './played.ts';
import { type Provocation, saying } from './provoking.ts';

/** By the ID of the failure. */
export function playbookErrors(job: Job, played: Played): Record<string, Provocation> {
	buildPlaybook(job, played);
	const env = surroundingsOf(played);
	const upgrade = (tags: string, more = '') => saying(upgradeBy(played, tags, more), env);
	const slow = join(played.root, 'slow');
	return {
		'tags-combined': () => upgrade('upgrade-postgres,install-postgres'),
		'backup-path-exists': () => {
			saying('mkdir /matrix/postgres/data-auto-upgrade-backup', env);
			const said = upgrade('upgrade-postgres');
			saying('rmdir /matrix/postgres/data-auto-upgrade-backup', env);
			return said;
		},
		'dump-not-writable': () => {
			saying('mkdir -m 755 /mnt/dumps', env);
			return upgrade('upgrade-postgres', '--extra-vars=postgres_dump_dir=/mnt/dumps');
		},
		'dump-no-space': () => {
			saying('mount -t tmpfs -o size=16k,mode=1777 tmpfs /mnt/dumps', env);
			const said = upgrade('upgrade-postgres', '--extra-vars=postgres_dump_dir=/mnt/dumps');
			saying('umount /mnt/dumps; rmdir /mnt/dumps', env);
			if (!saying('cat /matrix/postgres/data/PG_VERSION', env).startsWith(job.stated.from ?? ''))
				throw new Error('the role continued after a dump that ran out of space');
			return said;
		},
		'image-not-pulled': () => {
			// There is no image of this version.
			const said = upgrade('upgrade-postgres', allowedUpTo(job, '16'));
			if (saying('ls /matrix/postgres', env).split('\n').includes('data'))
				throw new Error('the role has created a folder for the new server');
			backToTheOldFolder(played);
			return said;
		},
		'databases-not-made': () => {
			// Longer than the role's tasks take on a busy machine.
			writeFileSync(slow, '60 once');
			const said = upgrade('upgrade-postgres', allowed(job));
			backToTheOldFolder(played);
			return said;
		},
		'import-no-server': () => {
			writeFileSync(slow, '120');
			const said = upgrade('upgrade-postgres', allowed(job));
			saying(`rm -f ${slow}`, env);
			backToTheOldFolder(played);
			return said;
		},
		'already-latest': () => {
			appendFileSync(join(played.cwd, 'vars.yml'), `postgres_allowed_versions_custom: [${job.stated.from}]\n`);
			return upgrade('upgrade-postgres');
		},
	};
}

function upgradeBy({ cwd }: Played, tags: string, more: string): string {
	return `cd ${cwd}; ansible-playbook -i inventory/hosts setup.yml --tags=${tags} --extra-vars='{"postgres_systemd_services_to_stop_for_maintenance_list": []}' ${more}`;
}

function allowed(job: Job): string {
	return allowedUpTo(job, job.stated.to ?? '');
}

function allowedUpTo({ stated: { from } }: Job, to: string): string {
	return `--extra-vars='{"postgres_allowed_versions_custom": [${from}, ${to}]}'`;
}

/** Rolls back an upgrade that failed or lost something. Throws if the role had not renamed the old folder. */
function backToTheOldFolder(played: Played): void {
	sh(
		`test -e /matrix/postgres/data-auto-upgrade-backup
systemctl stop matrix-postgres
rm -rf /matrix/postgres/data /tmp/matrix-postgres-dump.sql.zst
mv /matrix/postgres/data-auto-upgrade-backup /matrix/postgres/data
cd ${played.cwd}; just run-tags setup-postgres > /dev/null
systemctl start matrix-postgres
${untilItAnswers}`,
		surroundingsOf(played),
	);
}

const cli = '/matrix/postgres/bin/cli-non-interactive';
const untilItAnswers = `for i in $(seq 120); do ${cli} -d synapse -c 'SELECT 1' < /dev/null > /dev/null 2>&1 && break; sleep 1; done`;

/** Damages a table, so that the dump stops there. Throws if the role notices. */
export function brokenDumpGoesUnseen(job: Job, played: Played): void {
	const env = surroundingsOf(played);
	const ask = (database: string, query: string) =>
		saying(`${cli} -XAt -d ${database} -c "${query}" < /dev/null`, env).trim();
	const file = ask('bridge', "SELECT pg_relation_filepath('sessions')");
	saying(
		`systemctl stop matrix-postgres
head -c 8192 /dev/zero | tr '\\0' '\\377' | dd of=/matrix/postgres/data/${file} conv=notrunc status=none
systemctl start matrix-postgres; ${untilItAnswers}`,
		env,
	);
	const own = saying(
		'docker exec --env-file=/matrix/postgres/env-postgres-psql matrix-postgres pg_dumpall -h matrix-postgres | gzip | gzip -dc | tail -n 3',
		env,
	);
	if (own.includes('PostgreSQL database cluster dump complete')) throw new Error(`the dump is complete:\n${own}`);
	const said = saying(upgradeBy(played, 'upgrade-postgres', allowed(job)), env);
	if (!/failed=0/.test(said)) throw new Error(`the role noticed:\n${said.slice(-2000)}`);
	saying(`systemctl start matrix-postgres; ${untilItAnswers}`, env);
	const tables = ask('synapse', "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
	if (tables !== '0') throw new Error(`Synapse's database still has tables: ${tables}`);
	console.log("  the role does not notice an incomplete dump; the guide's own checks do");
}

// Backups as an administrator creates them, intact and spoiled. The guide must notice every spoiled one.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Guided, knownBy } from '../../../src/advice/guide/guide.ts';
import { type Job, type Played, sh, surroundingsOf } from './played.ts';
import { openReader } from './reader.ts';
import type { Result } from './trial.ts';

const dumpFiles: Record<string, string> = { archive: 'synapse.dump', sql: 'older.sql', all: 'all.sql.gz' };

/** Backs up the running server. Returns the parameters that the administrator states for it. */
export function backUp(job: Job, played: Played): Record<string, string> {
	if (job.stated.layout === 'mdad') return backUpPlaybook(job, played);
	const { root, cwd } = played;
	const isDebian = job.stated.layout === 'debian';
	const folder = isDebian ? join(root, 'backups/synapse') : join(cwd, 'backup');
	const psql = isDebian ? 'cd /; runuser -u postgres --' : `cd ${cwd}; docker compose exec -T db`;
	const role = isDebian ? '' : '-U synapse';
	// Users who log in elsewhere have no passwords on this server.
	const closed =
		job.stated.login === 'other'
			? `; echo 'password_config: { enabled: false }' >> ${folder}/files/homeserver.yaml`
			: '';
	const copied = `mkdir -p ${folder}/files; cp -r ${cwd}/files/. ${folder}/files/${closed}`;
	const dumps = [
		['synapse.dump', `pg_dump ${role} -Fc synapse`],
		['synapse.sql', `pg_dump ${role} synapse`],
		['mas.dump', `pg_dump ${role} -Fc mas`],
		['all.sql', `pg_dumpall ${role}`],
	].map(([file, command]) => `${psql} ${command} < /dev/null > ${folder}/${file}`);
	// A dump for an older server, created as in the upgrade guide.
	const older = `${psql} pg_restore -f - < ${folder}/synapse.dump | sed '1,40{/^SET transaction_timeout/d}' > ${folder}/older.sql`;
	sh([copied, ...dumps, older, `gzip -k ${folder}/all.sql`].join('\n'), surroundingsOf(played));
	return {
		domain: 'guide.test',
		person: 'ada',
		config: join(folder, 'files'),
		key: join(folder, 'files/signing.key'),
		'media-folder': join(folder, 'files/media'),
		dump: join(folder, dumpFiles[job.stated.format ?? 'archive'] ?? ''),
		proof: join(root, 'proof'),
		...(isDebian && debianPlaces(job, played)),
	};
}

/** Backs up into the guide's default places, with the dump command from the playbook's documentation. */
function backUpPlaybook({ homeserver }: Job, played: Played): Record<string, string> {
	if (homedir() !== '/root') throw new Error('the guide uses folders in /root, so that must be the home folder');
	if (homeserver === undefined) throw new Error('the playbook has not rendered a configuration');
	const { cwd } = played;
	sh(
		`mkdir -p /root/backup/config; cp -r ${cwd}/files/media /root/backup/media-store
cp ${cwd}/files/signing.key /root/backup/config/matrix.guide.test.signing.key
/usr/bin/env docker exec --env-file=/matrix/postgres/env-postgres-psql matrix-postgres pg_dumpall -h matrix-postgres | gzip -c > /root/matrix-postgres.sql.gz`,
		surroundingsOf(played),
	);
	writeFileSync('/root/backup/config/homeserver.yaml', homeserver);
	return { domain: 'guide.test', person: 'ada' };
}

/** Makes Python readable for the user that Synapse runs as, because it is in a home folder that only root may enter. */
function debianPlaces(job: Job, { root }: Played): Record<string, string> {
	const home = homedir();
	const parts = readdirSync(home).filter(name => ['.cache', '.local', '.pyenv'].includes(name));
	sh(`${parts.map(name => `mkdir -p /mnt/home/${name}; mount --bind ${home}/${name} /mnt/home/${name}`).join('\n')}
mount --rbind /mnt/home ${home}; chmod 755 ${root}`);
	return { venv: join(job.python, '..'), 'os-user': 'nobody' };
}

type Spoiling = {
	/** The failure that the guide must report. */
	failure: string;
	/** The command that spoils a copy of the backup, run in its folder. */
	by: string;
	/** Parameters that differ from those of the intact backup. */
	stated?: (folder: string) => Record<string, string>;
	password?: string;
};

/** Spoils the dump so that it creates the database in another locale. */
const otherLocale =
	"sed -i -E '/^CREATE DATABASE synapse /s/(LOCALE|LC_COLLATE|LC_CTYPE) = .C./\\1 = '\"'C.UTF-8'\"'/g' all.sql";

const spoilings: Record<'docker' | 'debian', Spoiling[]> = {
	docker: [
		{ failure: 'proof-missing', by: 'rm files/signing.key' },
		{ failure: 'proof-missing', by: 'rm -r files/media' },
		{ failure: 'proof-missing', by: 'rm files/homeserver.yaml' },
		{ failure: 'proof-missing', by: ': > synapse.dump' },
		{ failure: 'proof-wrong-server', by: "sed -i 's/^server_name:.*/server_name: other.test/' files/homeserver.yaml" },
		{ failure: 'proof-empty-dump', by: ': > synapse.dump' },
		// The minor version of the format is the seventh byte.
		{ failure: 'proof-newer-dump', by: "printf '\\143' | dd of=synapse.dump bs=1 seek=6 conv=notrunc status=none" },
		{ failure: 'proof-wrong-database', by: 'cp mas.dump synapse.dump' },
		{ failure: 'proof-cut-off', by: 'truncate -s -2000 synapse.dump' },
		{
			failure: 'proof-no-role',
			by: "sed -i 's/OWNER TO synapse/OWNER TO somebody/' synapse.sql",
			stated: folder => ({ format: 'sql', dump: `${folder}/synapse.sql` }),
		},
		{
			failure: 'proof-locale',
			by: otherLocale,
			stated: folder => ({ format: 'all', dump: `${folder}/all.sql` }),
		},
		{
			failure: 'proof-file-missing',
			by: "sed -i 's#^macaroon_secret_key:.*#macaroon_secret_key_path: /data/macaroon#' files/homeserver.yaml",
		},
		{ failure: 'proof-no-login', by: 'true', password: 'another' },
		{ failure: 'proof-no-login', by: "echo 'password_config: { pepper: another }' >> files/homeserver.yaml" },
		{ failure: 'proof-picture-missing', by: 'find files/media/local_content -type f -delete' },
		// Must be last, because the guide does not remove what it did not create.
		{ failure: 'proof-network-exists', by: 'docker network create --internal proof' },
	],
	debian: [
		...['rm files/homeserver.yaml', 'rm files/signing.key', 'rm -r files/media', ': > synapse.dump'].map(by => ({
			failure: 'proof-missing',
			by,
		})),
		{ failure: 'proof-wrong-server', by: "sed -i 's/^server_name:.*/server_name: other.test/' files/conf.d/*.yaml" },
		{ failure: 'proof-empty-dump', by: ': > synapse.dump' },
		{ failure: 'proof-wrong-database', by: 'cp mas.dump synapse.dump' },
		{ failure: 'proof-cut-off-debian', by: 'truncate -s -2000 synapse.dump' },
		{
			failure: 'proof-no-role-debian',
			by: "sed -i 's/OWNER TO synapse_user/OWNER TO somebody/' synapse.sql",
			stated: folder => ({ format: 'sql', dump: `${folder}/synapse.sql` }),
		},
		{
			failure: 'proof-locale-debian',
			by: otherLocale,
			stated: folder => ({ format: 'all', dump: `${folder}/all.sql` }),
		},
		{ failure: 'proof-no-login', by: 'true', password: 'another' },
		{
			failure: 'proof-file-missing-debian',
			by: "sed -i 's#^macaroon_secret_key:.*#macaroon_secret_key_path: /etc/matrix-synapse/macaroon#' files/homeserver.yaml",
		},
		{ failure: 'proof-picture-missing', by: 'find files/media/local_content -type f -delete' },
		// Must be last, because the guide does not remove what it did not create.
		{ failure: 'proof-cluster-exists', by: 'pg_createcluster 17 proof > /dev/null' },
	],
};

/** Follows the guide to its end on each spoiled backup, and looks for the failure in the output. */
export async function provokeProofs(
	job: Job,
	played: Played,
	guidedBy: (more: Record<string, string>) => Guided,
	results: Result[],
): Promise<void> {
	const whole = backUp(job, played);
	const folder = join(whole.config ?? '', '..');
	const wrong: string[] = [];
	for (const { failure, by, stated, password } of spoilings[job.stated.layout === 'debian' ? 'debian' : 'docker']) {
		const spoiled = `${folder}-spoiled`;
		sh(`rm -rf ${spoiled}; cp -a ${folder} ${spoiled}; cd ${spoiled}; ${by}`, surroundingsOf(played));
		const moved = Object.fromEntries(
			Object.entries(whole).map(([name, value]) => [name, value.replace(folder, spoiled)]),
		);
		const guided = guidedBy({ ...moved, ...stated?.(spoiled) });
		const reader = openReader(played, []);
		if (password) reader.password = password;
		const text = guided.stages.flatMap(({ failures }) => failures).find(({ id }) => id === failure)?.text;
		if (text === undefined) throw new Error(`the guide has no failure ${failure}`);
		let said = '';
		for (const stage of guided.stages) {
			said += await reader.tryOut(stage);
			said += logged(played);
			if (knownBy(text, said)) break;
		}
		for (const stage of guided.cleanUp) await reader.tryOut(stage);
		reader.end();
		const seen = knownBy(text, said);
		console.log(`  ${seen ? 'seen' : 'NOT SEEN'}: ${failure} (${by})`);
		const saw = said.split('\n').find(line => knownBy(text, line)) ?? text;
		if (seen) results.push({ of: failure, saw: saw.replaceAll(played.root, '…').trim().slice(0, 300) });
		else wrong.push(`${failure} (${by}): expected “${text}”, got: ${said.slice(-3000)}`);
	}
	if (wrong.length) throw new Error(wrong.join('\n'));
}

/** What `docker logs` or the file named by the guide would show. */
function logged({ root }: Played): string {
	const files = ['containers/proof-synapse.log', 'proof/throwaway/synapse.log'].map(name => join(root, name));
	return files
		.filter(file => existsSync(file))
		.map(file => readFileSync(file, 'utf8'))
		.join('\n');
}

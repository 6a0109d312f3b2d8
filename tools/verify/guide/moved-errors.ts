// Each error that someone may see during the move, caused on purpose.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Moving } from './moving.ts';
import { sh } from './played.ts';

/** What the errors are caused with: folders, commands, and a Synapse that starts with a changed configuration. */
export type Hands = {
	job: Moving;
	/** The playbook's folder. */
	matrix: string;
	/** Runs one of the trial's own commands. Returns all its output; throws if it fails, unless it may. */
	type: (script: string, more?: { mayFail?: boolean }) => string;
	/** The text with this machine's folders in place of the playbook's. */
	here: (text: string) => string;
	/** Starts Synapse with a changed configuration. Returns its output. */
	start: (change: (config: string) => string, before?: string) => string;
};

/** By the ID of the failure; each returns the output. */
export function moveErrors({ job, matrix, type, here, start }: Hands): Record<string, () => string> {
	const { root } = job;
	const cli = `${matrix}/postgres/bin/cli-non-interactive`;
	const key = `${matrix}/synapse/config/${job.host}.signing.key`;
	const database = (name: string) => (config: string) => config.replace('database: synapse', `database: ${name}`);
	const restore = (dump: string, name: string) => {
		type(`${cli} -c 'CREATE DATABASE ${name} OWNER synapse'`);
		const command = job.restore.command.replaceAll('--dbname=synapse', `--dbname=${name}`);
		writeFileSync(join(root, 'trial.sh'), here(command.replaceAll('synapse.sql.gz', dump)));
		return type(`bash ${root}/trial.sh`, { mayFail: true });
	};
	const dumping = (words: string, file: string) =>
		type(`docker compose exec -T db pg_dump -U synapse ${words} synapse | gzip > ${job.dump}/${file}`);
	return {
		'already-exists': () => type(`bash ${root}/restore.sh`, { mayFail: true }),
		'role-missing': () => {
			type(
				`docker compose exec -T db psql -U synapse -d synapse -c 'CREATE ROLE somebody' -c 'ALTER TABLE users OWNER TO somebody'`,
			);
			dumping('', 'owned.sql.gz');
			type(`docker compose exec -T db psql -U synapse -d synapse -c 'ALTER TABLE users OWNER TO synapse'`);
			return restore('owned.sql.gz', 'trial_owned');
		},
		'not-owner': () => {
			dumping('--no-owner --no-privileges', 'unowned.sql.gz');
			restore('unowned.sql.gz', 'trial_unowned');
			return start(database('trial_unowned'));
		},
		'too-new': () => {
			type(`${cli} -c 'CREATE DATABASE trial_new TEMPLATE synapse OWNER synapse'
${cli} -d trial_new -c 'UPDATE schema_compat_version SET compat_version = 9999' -c 'UPDATE schema_version SET version = 9999'`);
			return start(database('trial_new'));
		},
		collation: () => {
			type(`${cli} -c "CREATE DATABASE trial_locale TEMPLATE template0 LOCALE 'C.UTF-8' OWNER synapse"`);
			return start(database('trial_locale'));
		},
		'no-socket': () =>
			start(config => config.replaceAll(`${root}/socket`, '/run-postgres')).replaceAll(
				`${root}/socket`,
				'/run-postgres',
			),
		'key-broken': () => {
			sh(`cp -p ${key} ${key}.right && echo 'ed25519 a_lost' >> ${key}`);
			const said = start(config => config);
			sh(`mv ${key}.right ${key}`);
			return said;
		},
		'key-unreadable': () =>
			start(
				config => config,
				'setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -dac_override,-dac_read_search',
			).replaceAll(`${matrix}/synapse/config/`, '/data/'),
		'appservice-missing': () =>
			start(
				config =>
					`${config.replace(/^app_service_config_files:.*$/m, '')}\napp_service_config_files: ['/data/appservices/bridge.yaml']\n`,
			),
		'module-missing': () =>
			start(config => `${config.replace(/^modules:.*$/m, '')}\nmodules: [{ module: not_there.Module }]\n`),
	};
}

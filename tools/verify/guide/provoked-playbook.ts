// Errors with which the playbook's own role of PostgreSQL refuses an upgrade, said by its own tasks.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPlaybook } from './playbook-machine.ts';
import { type Job, type Played, surroundingsOf } from './played.ts';
import { type Provocation, saying } from './provoking.ts';

export function playbookErrors(job: Job, played: Played): Record<string, Provocation> {
	buildPlaybook(job, played);
	const upgrade = (tags: string) =>
		saying(
			`cd ${played.cwd}; ansible-playbook -i inventory/hosts setup.yml --tags=${tags} --extra-vars='{"postgres_systemd_services_to_stop_for_maintenance_list": []}'`,
			surroundingsOf(played),
		);
	return {
		'tags-combined': () => upgrade('upgrade-postgres,install-postgres'),
		'backup-path-exists': () => {
			saying('mkdir /matrix/postgres/data-auto-upgrade-backup', surroundingsOf(played));
			const said = upgrade('upgrade-postgres');
			saying('rmdir /matrix/postgres/data-auto-upgrade-backup', surroundingsOf(played));
			return said;
		},
		'already-latest': () => {
			appendFileSync(join(played.cwd, 'vars.yml'), `postgres_allowed_versions_custom: [${job.stated.from}]\n`);
			return upgrade('upgrade-postgres');
		},
	};
}

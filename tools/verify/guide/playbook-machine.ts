// A machine on which the playbook has installed PostgreSQL: its own role, run by Ansible, with stand-ins for Docker and
// systemd.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homeserver } from './layouts.ts';
import { addresses, databasePassword, type Job, type PlaybookOf, type Played, sh, surroundingsOf } from './played.ts';
import { systemctlScript } from './played-systemctl.ts';

const user = '3991';

/** Installs PostgreSQL with the playbook's own role, and starts Synapse on it. */
export function buildPlaybook(job: Job, played: Played): void {
	const { playbook } = job;
	if (!playbook) throw new Error('there is no playbook');
	const { root, cwd } = played;
	Object.assign(played, { user, group: user });
	writeFileSync(join(root, 'played.json'), JSON.stringify(played));
	places(root);
	openTmp([root, playbook.dir]);
	programs(job, played, playbook);
	mkdirSync(join(cwd, 'inventory/host_vars', playbook.host), { recursive: true });
	// The role sets this password again with every run, so it must be the one that the trial's Synapse uses.
	const vars = `${playbook.vars}\nmatrix_synapse_database_password: ${databasePassword}\n`;
	writeFileSync(join(cwd, 'vars.yml'), `${vars}postgres_allowed_versions_custom: [${job.stated.from}]\n`);
	sh(
		`cd ${cwd}; ln -s ../../../vars.yml inventory/host_vars/${playbook.host}/vars.yml; ln -s ${playbook.dir}/group_vars inventory/group_vars
printf '[matrix_servers]\\n%s ansible_connection=local ansible_python_interpreter=${playbook.ansible}/python\\n' ${playbook.host} > inventory/hosts`,
	);
	writeFileSync(join(cwd, 'setup.yml'), play(playbook));
	const env = surroundingsOf(played);
	sh(`cd ${cwd}; just install-all`, env);
	const cli = '/matrix/postgres/bin/cli-non-interactive';
	sh(
		`for i in $(seq 60); do ${cli} -d postgres -c 'SELECT 1' < /dev/null > /dev/null 2>&1 && break; sleep 1; done
${cli} -d postgres -c "CREATE ROLE bridge LOGIN" -c "CREATE DATABASE bridge OWNER bridge" < /dev/null
${cli} -d bridge -c "SET ROLE bridge" -c "CREATE TABLE sessions AS SELECT generate_series(1, 1000) AS id" < /dev/null`,
		env,
	);
	homeserver(played, {
		name: 'psycopg2',
		args: {
			user: 'synapse',
			password: databasePassword,
			dbname: 'synapse',
			host: 'matrix-postgres',
			cp_min: 1,
			cp_max: 5,
		},
	});
	sh('systemctl start matrix-synapse', env);
	// Remove the allowed versions only now, because the guide adds its own line with them.
	writeFileSync(join(cwd, 'vars.yml'), vars);
}

/** Mounts folders of the machine, private to these namespaces. */
function places(root: string): void {
	const home = homedir();
	sh(`mkdir -p ${root}/matrix ${root}/units ${root}/socket ${root}/roothome /matrix /etc/systemd/system
mount --bind ${root}/matrix /matrix; mount --bind ${root}/units /etc/systemd/system
mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system
for file in passwd group; do cp /etc/$file ${root}/$file; done
echo 'matrix:x:${user}:${user}::/:/usr/sbin/nologin' >> ${root}/passwd; echo 'matrix:x:${user}:' >> ${root}/group
mount --bind ${root}/passwd /etc/passwd; mount --bind ${root}/group /etc/group
chown ${user}:${user} ${root}/socket /matrix
printf '${addresses.new} matrix-postgres\\n' >> ${root}/hosts
for name in .cache .local .pyenv; do [ -d ${home}/$name ] && mkdir -p ${root}/roothome/$name && mount --bind ${home}/$name ${root}/roothome/$name; done
mount --rbind ${root}/roothome ${home}`);
}

/**
 * On a server everyone may write to /tmp, where the role's container puts its dump. The machine on which a trial runs
 * may be stricter, so /tmp becomes a folder of the namespace, in which only these places are still visible.
 */
function openTmp(places: readonly string[]): void {
	const kept = places.filter(place => place.startsWith('/tmp/'));
	const open = '/mnt/tmp';
	sh(`mkdir -m 1777 ${open}
${kept.map(place => `mkdir -p /mnt${place}; mount --rbind ${place} /mnt${place}`).join('\n')}
mount --rbind ${open} /tmp`);
}

function programs({ node, python, servers }: Job, { root, cwd, programs }: Played, playbook: PlaybookOf): void {
	const put = (name: string, text: string) => {
		writeFileSync(join(root, 'bin', name), `#!/bin/bash\n${text}\n`);
		chmodSync(join(root, 'bin', name), 0o755);
	};
	const docker = `${node} --no-warnings ${fileURLToPath(new URL('played-run.ts', import.meta.url))}`;
	// The containers of a backup's proof have their own network, which another stand-in simulates.
	const apart = `${node} --no-warnings ${fileURLToPath(new URL('played-docker.ts', import.meta.url))}`;
	put(
		'docker',
		`case " $* " in *' proof'*|*=proof*|*^proof*|' info '*) exec ${apart} "$@" ;; *) exec ${docker} "$@" ;; esac`,
	);
	put(
		'systemctl',
		systemctlScript(root, {
			'matrix-postgres': `${docker} serve matrix-postgres`,
			'matrix-synapse': (programs.synapse ?? [python]).join(' '),
		}),
	);
	put(
		'ansible-playbook',
		`cd ${cwd}; ANSIBLE_ROLES_PATH=${playbook.dir}/roles ANSIBLE_COLLECTIONS_PATH=${root}/collections ANSIBLE_NOCOLOR=1 \\
ANSIBLE_CONFIG=${root}/none.cfg ANSIBLE_DISPLAY_SKIPPED_HOSTS=false exec ${playbook.ansible}/ansible-playbook \\
 -e devture_playbook_help_container_retries_count=1 -e devture_playbook_help_container_retries_delay=1 \\
 -e matrix_user_uid=${user} -e matrix_user_gid=${user} -e postgres_start_wait_time=5 -e postgres_managed_databases_postgres_start_wait_timeout_seconds=5 "$@"`,
	);
	const run = `ansible-playbook -i inventory/hosts setup.yml`;
	put(
		'just',
		`case "$1" in
update) exit 0 ;;
install-all) ${run} --tags=install-all && systemctl start matrix-postgres && if [ -e files/homeserver.yaml ]; then systemctl start matrix-synapse; fi ;;
install-service) [ "$2" = postgres ] || { echo "just install-service $2 is not simulated" >&2; exit 1; }
	${run} --tags=install-postgres && systemctl restart matrix-postgres ;;
stop-all) systemctl stop matrix-synapse matrix-postgres ;;
start-all) systemctl start matrix-postgres matrix-synapse ;;
run-tags) ${run} --tags="$2" ;;
*) echo "error: Justfile does not contain recipe \\\`$1\\\`" >&2; exit 1 ;;
esac`,
	);
	module(
		root,
		'docker_image_pull',
		'dict(name=dict(required=True), pull=dict())',
		`
    major = module.params["name"].split(":")[-1].split(".")[0].split("-")[0]
    if major not in ${JSON.stringify(Object.keys(servers))}:
        module.fail_json(msg="Error pulling image " + module.params["name"] + " - manifest unknown")
    module.exit_json(changed=False)`,
	);
	module(
		root,
		'docker_network',
		'dict(name=dict(required=True), driver=dict(), enable_ipv6=dict(type="bool"), driver_options=dict(type="dict"))',
		`
    with open("${root}/networks", "a") as made:
        made.write(module.params["name"] + "\\n")
    module.exit_json(changed=False)`,
	);
}

/** Writes a stand-in for a module of the Docker collection, which would need the daemon; only what the role uses. */
function module(root: string, name: string, options: string, body: string): void {
	const folder = join(root, 'collections/ansible_collections/community/docker/plugins/modules');
	mkdirSync(folder, { recursive: true });
	writeFileSync(
		join(folder, `${name}.py`),
		`from ansible.module_utils.basic import AnsibleModule
def main():
    module = AnsibleModule(argument_spec=${options})${body}
main()
`,
	);
}

/** A play with the role itself. All other roles are listed so that their defaults are known, but never run. */
function play({ dir, roles }: PlaybookOf): string {
	const present = roles.filter(role => role !== 'galaxy/postgres');
	return `- hosts: matrix_servers
  gather_facts: true
  become: false
  pre_tasks:
    # Ansible detects it from the first process of the machine, which here is a trial.
    - ansible.builtin.set_fact: { service_mgr: systemd, cacheable: true }
      tags: [always]
  roles:
${present.map(role => `    - { role: ${role}, when: false }`).join('\n')}
    - role: galaxy/postgres
  # ${dir}
`;
}

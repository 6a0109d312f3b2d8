// Runs parts of matrix-docker-ansible-deploy from a clone: its own checks of vars.yml, and its templates.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cache, Unavailable } from '../machine/environment.ts';
import { run } from '../machine/process.ts';

/** The newest for Python 3.11; with only the collections that the checks need. */
const core = 'ansible-core==2.19.14';

export type Playbook = {
	/** A clone, with external roles in roles/galaxy. */
	dir: string;
	/** The first nine characters of its commit; `unknown` if it is not a clone. */
	commit: string;
	/** The release of Synapse that it installs. */
	synapse: string;
	ansible: { bin: string; version: string };
	/** The roles in setup.yml, and those of them that are missing. */
	roles: string[];
	missing: string[];
};

/** The result for one host's vars.yml, or, in `refused`, why the playbook refused it. */
export type Rendered = { refused: string } | { homeserver: string; mas?: string; restore?: Restore };

/** How the playbook restores a dump: its role's command, the SQL that creates databases, and the login as variables. */
export type Restore = { command: string; managed: string; env: string };

/** Throws Unavailable if the folder has no such playbook. */
export async function openPlaybook(folder: string | undefined): Promise<Playbook> {
	if (folder === undefined)
		throw new Unavailable(
			'it needs a clone of matrix-docker-ansible-deploy: `--playbook <folder>`, after `just roles` in it',
		);
	const dir = resolve(folder);
	const setup = join(dir, 'setup.yml');
	if (!existsSync(setup) || !existsSync(join(dir, 'roles/custom/matrix-synapse')))
		throw new Unavailable(`${folder} is not a clone of matrix-docker-ansible-deploy`);
	const all = [...readFileSync(setup, 'utf8').matchAll(/^\s+(?:- )?(?:role: )?((?:galaxy|custom)\/[\w-]+)\s*$/gm)];
	const roles = all.map(([, role = '']) => role);
	const defaults = readFileSync(join(dir, 'roles/custom/matrix-synapse/defaults/main.yml'), 'utf8');
	return {
		dir,
		commit: await run('git', ['-C', dir, 'rev-parse', '--short=9', 'HEAD'])
			.then(said => said.trim())
			.catch(() => 'unknown'),
		synapse: /^matrix_synapse_version: v(\S+)/m.exec(defaults)?.[1] ?? 'unknown',
		ansible: await ansible(),
		roles,
		missing: roles.filter(role => !existsSync(join(dir, 'roles', role))),
	};
}

async function ansible(): Promise<Playbook['ansible']> {
	const home = join(cache, core.replace('==', '-'));
	const bin = join(home, 'bin');
	if (!existsSync(join(home, 'done'))) {
		const half = `${home}.${process.pid}`;
		rmSync(home, { recursive: true, force: true });
		try {
			await run('python3', ['-m', 'venv', half]);
			// Scripts contain the path in which they were installed, so they are installed in place.
			renameSync(half, home);
			await run(join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', core]);
			writeFileSync(join(home, 'done'), '');
		} finally {
			rmSync(half, { recursive: true, force: true });
		}
	}
	return { bin, version: core.split('==')[1] ?? '' };
}

/** The playbook's checks before it installs anything, each with its condition as in its own main.yml. */
const checks: { role: string; file: string; when?: string }[] = [
	{ role: 'custom/matrix_playbook_migration', file: 'validate_migration_version' },
	{ role: 'custom/matrix_playbook_migration', file: 'validate_config' },
	{ role: 'custom/matrix-base', file: 'validate_config' },
	{ role: 'custom/matrix-synapse', file: 'init' },
	{ role: 'custom/matrix-synapse', file: 'validate_config' },
	{
		role: 'custom/matrix-authentication-service',
		file: 'validate_config',
		when: 'matrix_authentication_service_enabled',
	},
	{ role: 'custom/matrix-static-files', file: 'validate_config', when: 'matrix_static_files_enabled' },
	{ role: 'galaxy/postgres', file: 'validate_config', when: 'postgres_enabled' },
	{ role: 'galaxy/exim_relay', file: 'validate_config', when: 'exim_relay_enabled' },
	{ role: 'galaxy/traefik', file: 'validate_config', when: 'traefik_enabled' },
	{ role: 'galaxy/traefik_certs_dumper', file: 'validate_config', when: 'traefik_certs_dumper_enabled' },
	{ role: 'galaxy/valkey', file: 'validate_config', when: 'valkey_enabled' },
	{ role: 'galaxy/container_socket_proxy', file: 'validate_config', when: 'container_socket_proxy_enabled' },
];

function play({ dir, roles, missing }: Playbook, out: string, dump: string | undefined): string {
	const present = ({ role, file }: (typeof checks)[number]) =>
		existsSync(join(dir, 'roles', role, 'tasks', `${file}.yml`));
	// The roles are listed so that their defaults are known, but never run: only tagged tasks do.
	const task = ({ role, file, when }: (typeof checks)[number]) => `
        - ansible.builtin.include_role:
            name: ${role}
            tasks_from: ${file}
            apply: { tags: [glia] }${when ? `\n          when: ${when} | bool` : ''}`;
	const synapse = join(dir, 'roles/custom/matrix-synapse');
	return `- hosts: matrix_servers
  gather_facts: true
  become: false
  roles:
${roles
	.filter(role => !missing.includes(role))
	.map(role => `    - { role: ${role}, when: false }`)
	.join('\n')}
  post_tasks:
    - tags: [glia]
      block:${checks.filter(present).map(task).join('')}
        - ansible.builtin.copy:
            content: "{{ matrix_synapse_configuration | to_nice_yaml(indent=2, width=999999) }}"
            dest: ${out}/{{ inventory_hostname }}.yaml
            mode: '0644'
          vars:
            role_path: ${synapse}
        - ansible.builtin.copy:
            content: "{{ matrix_authentication_service_configuration | to_nice_yaml(indent=2, width=999999) }}"
            dest: ${out}/{{ inventory_hostname }}.mas.yaml
            mode: '0644'
          vars:
            role_path: ${join(dir, 'roles/custom/matrix-authentication-service')}
          when: matrix_authentication_service_enabled | bool
${dump === undefined ? '' : restoring(join(dir, 'roles/galaxy/postgres'), out, dump)}`;
}

/** What the PostgreSQL role would run for a dump, taken from its own tasks and templates. */
function restoring(role: string, out: string, dump: string): string {
	return `        - ansible.builtin.copy:
            content: >-
              {{ (lookup('file', '${role}/tasks/import_postgres.yml') | from_yaml
              | selectattr('name', 'defined')
              | selectattr('name', 'eq', 'Generate Postgres database import command')
              | first)['ansible.builtin.set_fact'].postgres_import_command }}
            dest: ${out}/import.j2
            mode: '0644'
        - ansible.builtin.template:
            src: "{{ item.src }}"
            dest: ${out}/{{ inventory_hostname }}.{{ item.dest }}
            mode: '0644'
          vars:
            server_path_postgres_dump: ${dump}
            postgres_default_import_database: synapse
            postgres_detected_version_corresponding_container_image: "{{ postgres_container_image_to_use }}"
          loop:
            - { src: ${out}/import.j2, dest: import }
            - { src: ${role}/templates/sql/init-managed-dbs-user-and-role.sql.j2, dest: sql }
            - { src: ${role}/templates/env-postgres-psql.j2, dest: env }
`;
}

/** Checks and renders every host's vars.yml in a scratch folder. With a dump's path, also says how it is restored. */
export function render(
	playbook: Playbook,
	vars: ReadonlyMap<string, string>,
	scratch: string,
	dump?: string,
): Map<string, Rendered> {
	const { dir, ansible } = playbook;
	const out = join(scratch, 'out');
	mkdirSync(out, { recursive: true });
	const inventory = join(scratch, 'inventory');
	for (const [host, text] of vars) {
		mkdirSync(join(inventory, 'host_vars', host), { recursive: true });
		writeFileSync(join(inventory, 'host_vars', host, 'vars.yml'), text);
	}
	const local = `ansible_connection=local ansible_python_interpreter=${join(ansible.bin, 'python')}`;
	const hosts = [...vars.keys()].map(host => `${host} ${local}`);
	writeFileSync(join(inventory, 'hosts'), `[matrix_servers]\n${hosts.join('\n')}\n`);
	symlinkSync(join(dir, 'group_vars'), join(inventory, 'group_vars'));
	writeFileSync(join(scratch, 'play.yml'), play(playbook, out, dump));
	// Where template lookups search outside a role.
	for (const role of ['matrix-synapse', 'matrix-authentication-service']) {
		mkdirSync(join(scratch, 'templates', 'templates'), { recursive: true });
		const from = join(dir, 'roles/custom', role, 'templates');
		if (role === 'matrix-synapse')
			symlinkSync(join(from, 'synapse'), join(scratch, 'templates', 'templates', 'synapse'));
		else symlinkSync(join(from, 'config.yaml.j2'), join(scratch, 'templates', 'templates', 'config.yaml.j2'));
	}
	const said = command(
		playbook,
		['-f', '2', '-i', join(inventory, 'hosts'), join(scratch, 'play.yml'), '--tags', 'glia'],
		{
			cwd: scratch,
			extra: ['-e', 'matrix_user_uid=991', '-e', 'matrix_user_gid=991'],
		},
	);
	writeFileSync(join(scratch, 'said.txt'), said);
	return new Map(
		[...vars.keys()].map((host): [string, Rendered] => {
			const refused = refusalOf(host, said);
			const file = join(out, `${host}.yaml`);
			if (refused !== undefined) return [host, { refused }];
			if (!existsSync(file)) throw new Error(`there is no result for ${host}:\n${said.slice(-3000)}`);
			const mas = join(out, `${host}.mas.yaml`);
			const part = (name: string) => readFileSync(join(out, `${host}.${name}`), 'utf8');
			const restore =
				dump === undefined ? undefined : { command: part('import'), managed: part('sql'), env: part('env') };
			return [
				host,
				{
					homeserver: readFileSync(file, 'utf8'),
					...(existsSync(mas) && { mas: readFileSync(mas, 'utf8') }),
					...(restore && { restore }),
				},
			];
		}),
	);
}

/** Runs ansible-playbook. Returns its output; the caller checks whether it succeeded. */
export function command(
	{ dir, ansible }: Playbook,
	args: readonly string[],
	{ cwd, extra = [] }: { cwd: string; extra?: string[] },
): string {
	const { stdout, stderr } = spawnSync(join(ansible.bin, 'ansible-playbook'), [...args, ...extra], {
		cwd,
		encoding: 'utf8',
		maxBuffer: 200_000_000,
		env: {
			...process.env,
			ANSIBLE_ROLES_PATH: join(dir, 'roles'),
			ANSIBLE_CONFIG: join(cwd, 'none.cfg'),
			ANSIBLE_NOCOLOR: '1',
			ANSIBLE_DISPLAY_SKIPPED_HOSTS: 'false',
			ANSIBLE_RETRY_FILES_ENABLED: 'false',
		},
	});
	return stdout + stderr;
}

/** The message of the first task that failed for this host. */
function refusalOf(host: string, said: string): string | undefined {
	const line = said
		.split('\n')
		.find(text => text.startsWith(`fatal: [${host}]`) || text.startsWith(`failed: [${host}]`));
	if (line === undefined) return undefined;
	const json = line.slice(line.indexOf('=> {') + 3);
	try {
		return String((JSON.parse(json) as { msg?: unknown }).msg ?? json);
	} catch {
		return line;
	}
}

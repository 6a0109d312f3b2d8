// A machine simulated for a guide, in its own namespaces: the required layout, with the old server and Synapse running.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemctlScript } from './played-systemctl.ts';
import type { Server } from './servers.ts';

/** What the simulated programs know about the machine. They read it from the file that GLIA_PLAYED names. */
export type Played = {
	/** The folder below which everything is written. */
	root: string;
	/** The admin's working directory: the folder of the compose file. */
	cwd: string;
	/** The user PostgreSQL runs as. */
	user: string;
	group: string;
	servers: Record<string, Server>;
	/** A folder with locales that the machine itself does not have. */
	locales?: string;
	/** Commands of services other than PostgreSQL. */
	programs: Record<string, string[]>;
};

/** What the PostgreSQL role needs from the playbook, and the deployment's vars.yml. */
export type PlaybookOf = { dir: string; roles: string[]; ansible: string; vars: string; host: string };

export type Locale = 'C.UTF-8' | 'en_US.UTF-8' | 'icu';

export type Job = {
	guide: string;
	stated: Record<string, string>;
	facts: string[];
	/** The Python of an environment with Synapse, and its release. */
	python: string;
	release: string;
	servers: Record<string, Server>;
	root: string;
	node: string;
	/** Where the results go. */
	results: string;
	/** The mount namespace that must not be touched. */
	outside: string;
	/**
	 * `onward`: to the end and clean-up. `back`: back before the start, and after it. `each`: back from each stage
	 * before the start, then to the end and clean-up. `failures`: every known error once.
	 */
	flow: 'onward' | 'back' | 'each' | 'failures';
	/** The locale of the old server, including Synapse's database; by default C. */
	locale?: Locale;
	/** Present if the layout is the playbook's. */
	playbook?: PlaybookOf;
	/** The homeserver.yaml from the playbook's templates, if its backup is tested. */
	homeserver?: string;
};

/** The credentials of a simulated Synapse and its database. */
export const databasePassword = 'changeme';
/** The addresses of the names of the old and the new server, which differ from the machine's own. */
export const addresses = { old: '172.31.0.2', new: '172.31.0.3' };

/** The unit of a second program, which has to be stopped and started together with Synapse. */
export const bridgeUnit = 'mautrix-guide';

/** Whether a bridge is installed from a package alongside Synapse. */
export function hasBridge({ guide, stated, flow }: Job): boolean {
	return guide === 'postgres-major' && stated.layout === 'debian' && flow !== 'failures';
}

/** Runs one of the tool's own commands, not the guide's. Throws with its output if it fails. */
export function sh(script: string, env: NodeJS.ProcessEnv = process.env): string {
	const { status, stdout, stderr } = spawnSync('bash', ['-c', `set -eo pipefail\n${script}`], {
		encoding: 'utf8',
		env,
	});
	if (status !== 0) throw new Error(`${script.split('\n')[0]}: ${stdout}${stderr}`.slice(-2000));
	return stdout.trim();
}

/** The environment in which commands of the guide run. */
export function surroundingsOf(played: Played): NodeJS.ProcessEnv {
	return {
		PATH: [join(played.root, 'bin'), process.env.PATH].join(':'),
		HOME: played.root,
		LANG: 'C.UTF-8',
		GLIA_PLAYED: join(played.root, 'played.json'),
		PGPASSWORD: databasePassword,
		PYTHONWARNINGS: 'ignore',
		...(played.locales && { LOCPATH: played.locales }),
	};
}

/** The unit in Debian's package names the file, and the folder with the files that are read after it. */
function configurations({ root, stated }: Job): string[] {
	const file = ['-c', join(root, 'home/files/homeserver.yaml')];
	return stated.layout === 'debian' ? [...file, '-c', join(root, 'home/files/conf.d')] : file;
}

/** Sets up the network, names, libraries and folders that the layout needs, invisible outside the namespaces. */
export function prepare(job: Job): Played {
	const { root, servers, stated } = job;
	// What follows mounts folders over the machine's own, and guides delete things: never do that outside.
	if (readlinkSync('/proc/self/ns/mnt') === job.outside) throw new Error('this is not a separate namespace');
	const isPackaged = stated.layout === 'debian';
	const id = (flag: string, name: string) => spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout.trim();
	const owner = isPackaged || spawnSync('id', ['postgres']).status === 0 ? 'postgres' : 'nobody';
	sh(`ip link set lo up; ip addr add ${addresses.old}/32 dev lo; ip addr add ${addresses.new}/32 dev lo
printf '127.0.0.1 localhost\\n${addresses.old} db old.example proof-db\\n${addresses.new} new.example\\n' > ${root}/hosts
mount --bind ${root}/hosts /etc/hosts`);
	const libraries = Object.values(servers).flatMap(({ libraries }) => libraries);
	// The user that PostgreSQL runs as needs access to programs in a cache that only root can read.
	sh('mount -t tmpfs tmpfs /mnt && chmod 755 /mnt');
	const moved = new Map<string, string>();
	const homes = Object.values(servers).flatMap(({ path }) => path.map(bin => dirname(bin)));
	for (const place of new Set([...homes, ...libraries])) {
		if (!place.startsWith(homedir())) continue;
		const top = `/mnt/${moved.size}`;
		sh(`mkdir -p ${top} && mount --bind ${place} ${top} && mount -o remount,bind,ro ${top}`);
		moved.set(place, top);
	}
	const at = (place: string) => {
		const around = moved.get(dirname(place));
		return moved.get(place) ?? (around === undefined ? place : join(around, basename(place)));
	};
	const reached: Record<string, Server> = Object.fromEntries(
		Object.entries(servers).map(([major, server]) => [
			major,
			{ ...server, home: at(server.home), path: server.path.map(at), libraries: server.libraries.map(at) },
		]),
	);
	// Programs at a new path find their libraries through the linker's cache, which also works for privileged programs.
	sh(`(cat /etc/ld.so.conf; printf '%s\\n' ${libraries.map(at).join(' ')}) > ${root}/ld.conf
ldconfig -X -C ${root}/ld.so.cache -f ${root}/ld.conf && mount --bind ${root}/ld.so.cache /etc/ld.so.cache`);
	const played: Played = {
		root,
		cwd: join(root, 'home'),
		user: id('-u', owner),
		group: id('-g', owner),
		servers: reached,
		programs: { synapse: [job.python, '-m', 'synapse.app.homeserver', ...configurations(job)] },
	};
	if (job.locale === 'en_US.UTF-8') {
		// The package `locales` has its source.
		sh(
			`mkdir ${root}/locales; localedef -i en_US -f UTF-8 ${root}/locales/en_US.UTF-8; cp -r /usr/lib/locale/C.utf8 ${root}/locales/; chmod -R a+rX ${root}/locales`,
		);
		played.locales = join(root, 'locales');
	}
	mkdirSync(join(root, 'bin'), { recursive: true });
	mkdirSync(join(root, 'home', 'files'), { recursive: true });
	writeFileSync(join(root, 'played.json'), JSON.stringify(played));
	const wrapper = (name: string, text: string) => {
		writeFileSync(join(root, 'bin', name), `#!/bin/bash\n${text}\n`);
		chmodSync(join(root, 'bin', name), 0o755);
	};
	// A script in an environment contains the path of its Python. These scripts find Python wherever it is.
	sh(`mkdir -p ${root}/synapse
printf '#!/bin/bash\\nexec %s "$@"\\n' ${job.python} > ${root}/synapse/python
printf '#!/bin/bash\\nexec %s -m synapse._scripts.synapse_port_db "$@"\\n' ${job.python} > ${root}/synapse/synapse_port_db
chmod 755 ${root}/synapse/*`);
	const docker = fileURLToPath(new URL('played-docker.ts', import.meta.url));
	wrapper('docker', `exec '${job.node}' --no-warnings '${docker}' "$@"`);
	wrapper(
		'sudo',
		`[ "$1" = -u ] && [ $# -gt 2 ] || { echo 'simulated: only sudo -u USER COMMAND' >&2; exit 1; }\nuser=$2; shift 2\nexec runuser -u "$user" -- "$@"`,
	);
	wrapper(
		'journalctl',
		`while [ $# -gt 0 ]; do case "$1" in -n) shift 2 ;; -u) unit=$2; shift 2 ;; --no-pager) shift ;; *) echo "journalctl: unrecognized option '$1'" >&2; exit 1 ;; esac; done\ntail -n 20 ${root}/$unit.log 2>/dev/null || echo '-- No entries --'`,
	);
	wrapper(
		'systemctl',
		systemctlScript(root, {
			'matrix-synapse': (played.programs.synapse ?? []).join(' '),
			...(hasBridge(job) && { [bridgeUnit]: `bash ${root}/bridge.sh` }),
		}),
	);
	return played;
}

// Tools for causing errors: servers to break, commands that may fail, and a Synapse that may refuse to start.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allStages } from '../../../src/knowledge/guide-stages.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { homeserver } from './layouts.ts';
import { type Job, type Played, sh, surroundingsOf } from './played.ts';

/** Causes one error. Returns all output. */
export type Provocation = () => string;

/** The output of a command, whether it succeeds or not. */
export function saying(script: string, env: NodeJS.ProcessEnv): string {
	const { output } = spawnSync('bash', ['-c', `exec 2>&1\n${script}`], {
		encoding: 'utf8',
		env,
		input: '',
		timeout: 600_000,
		maxBuffer: 50_000_000,
	});
	return output.map(text => text ?? '').join('');
}

/** A server to break, with its programs on PATH and its socket as PGHOST. */
export function cluster(played: Played, major: string, { auth = 'trust', name = major, init = '' } = {}) {
	const server = played.servers[major];
	if (!server) throw new Error(`PostgreSQL ${major} is not there`);
	const data = join(played.root, `broken-${name}`);
	const env: NodeJS.ProcessEnv = {
		...surroundingsOf(played),
		PATH: [...server.path, process.env.PATH].join(':'),
		PGHOST: data,
		PGUSER: 'postgres',
		PGDATABASE: 'postgres',
	};
	const own = `setpriv --reuid ${played.user} --regid ${played.group} --clear-groups`;
	sh(
		`mkdir -p ${data} && chown ${played.user} ${data}
${own} initdb -D ${data} -U postgres -E UTF8 --locale=C -A trust ${init} > /dev/null
printf 'local all all trust\\nhost all all all ${auth}\\n' > ${data}/pg_hba.conf`,
		env,
	);
	return {
		data,
		env,
		own,
		start(address: string): void {
			const log = openSync(`${data}.log`, 'a');
			spawn(
				'bash',
				[
					'-c',
					`exec ${own} postgres -D ${data} -c listen_addresses=${address} -c unix_socket_directories=${data} -c fsync=off -c ssl=off`,
				],
				{ env, detached: true, stdio: ['ignore', log, log] },
			).unref();
			closeSync(log);
			sh('for i in $(seq 100); do pg_isready -q && break; sleep 0.1; done', env);
		},
		stop: () => sh(`${own} pg_ctl -D ${data} -m fast -w stop`, env),
		log: () => readFileSync(`${data}.log`, 'utf8'),
	};
}

export type Cluster = ReturnType<typeof cluster>;

/** An old server with a database, an empty new one, and their queries. */
export type Pair = {
	job: Job;
	played: Played;
	root: string;
	old: Cluster;
	next: Cluster;
	at15: (script: string) => string;
	at17: (script: string) => string;
	/** An environment with the client programs of an outdated 16. */
	path16: NodeJS.ProcessEnv;
	/** The database `trial` on the old server, as in Synapse's configuration. */
	database: Record<string, string>;
	/** Recreates the database `trial` with these options of `createdb`. */
	trial: (options: string) => void;
};

/** Runs Synapse on this database until it exits, for at most a minute. Returns its output. */
export function synapse(job: Job, played: Played, database: Record<string, string>, more = ''): string {
	homeserver(played, { name: 'psycopg2', args: { ...database, cp_min: 1, cp_max: 3 } });
	const config = join(played.root, 'home/files/homeserver.yaml');
	return saying(`timeout 60 ${job.python} -m synapse.app.homeserver -c ${config} ${more}`, surroundingsOf(played));
}

/** The fix for an error, with the names of this trial. */
export function cureOf(id: string, guide: Guide, names: Record<string, string>): string {
	const cure =
		allStages(guide)
			.flatMap(({ failures }) => failures)
			.find(failure => failure.id === id)?.cure ?? '';
	return cure.replace(/\{([a-z-]+)\}/g, (_, name: string) => names[name] ?? name);
}

// A whole move on a simulated machine: what it needs from outside the namespaces in which it runs.
import { chmodSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { Unavailable } from '../machine/environment.ts';
import { filledIn } from './deployments.ts';
import { inNamespaces } from './namespace.ts';
import { secret } from './people.ts';
import { type Playbook, type Restore, render } from './playbook.ts';
import { addresses, databasePassword, type Job } from './played.ts';
import { server } from './servers.ts';
import type { Trial } from './trial.ts';
import { guidedFor, varsOf } from './vars.ts';

/** What the program inside needs to know. */
export type Moving = Job & {
	homeserver: string;
	restore: Restore;
	pepper: string;
	domain: string;
	host: string;
	/** The folder for the dumps. */
	dump: string;
};

/** The major versions of the old server's PostgreSQL and of the one that the playbook's role installs. */
const majors = { old: '15', new: '18' };
const facts =
	'docker no-workers no-email no-oidc no-saml no-turn no-registration no-metrics no-retention no-modules no-appservices no-url-previews';

/** Which server moves, and where to. */
const kinds = {
	dump: { way: 'dump', database: 'postgres', stated: {} },
	sqlite: { way: 'sqlite', database: 'sqlite', stated: {} },
	keep: { way: 'keep', database: 'postgres', stated: { server: 'external', 'db-host': addresses.old } },
	// The other machine is simulated only by a different folder for the dumps.
	elsewhere: {
		way: 'dump',
		database: 'postgres',
		stated: { layout: 'plain', place: 'new', 'new-machine': 'new.example' },
	},
} as const satisfies Record<string, { way: string; database: string; stated: Record<string, string> }>;

export type Kind = keyof typeof kinds;

function factsOf(kind: Kind): string[] {
	return [kinds[kind].database, ...facts.split(' ')];
}

/** A deployment in the official layout in one folder, and its names. */
export type Setting = { root: string; home: string; pepper: string; domain: string; host: string; dump: string };

export function settingIn(root: string): Setting {
	const domain = 'guide.test';
	return {
		root,
		home: join(root, 'home'),
		pepper: 'a pepper',
		domain,
		host: `matrix.${domain}`,
		dump: join(root, 'move'),
	};
}

function statedIn({ home, domain, host, dump }: Setting): Record<string, string> {
	return {
		domain,
		host,
		proxy: 'nginx',
		'federation-port': '443',
		folder: home,
		'signing-key': join(home, 'files/signing.key'),
		data: join(home, 'files'),
		'media-store': join(home, 'files/media'),
		dump,
	};
}

/** Moves a server there and back with the guide's own commands. Resolves to what failed. */
export async function moveOnMachine(
	guide: Guide,
	playbook: Playbook,
	{ python, release, kind = 'dump' }: { python: string; release: string; kind?: Kind },
	keep: (trials: readonly Trial[]) => void,
): Promise<string[]> {
	if (process.getuid?.() !== 0)
		throw new Unavailable('the simulated machines run in separate namespaces, which needs root');
	if (playbook.missing.includes('galaxy/postgres')) throw new Unavailable('the role galaxy/postgres is missing');
	const [old, now] = await Promise.all([server(majors.old), server(majors.new)]);
	const root = mkdtempSync(join(tmpdir(), 'glia-move-'));
	chmodSync(root, 0o755);
	const setting = settingIn(root);
	try {
		const job: Moving = {
			...renderedFor(guide, playbook, setting, release, kind),
			guide: guide.id,
			stated: { layout: 'compose', ...statedIn(setting), ...kinds[kind].stated, from: majors.old, synapse: release },
			facts: factsOf(kind),
			flow: 'back',
			python,
			release,
			servers: { [majors.old]: old, [majors.new]: now },
			root,
			node: process.execPath,
			results: join(root, 'results.json'),
			outside: readlinkSync('/proc/self/ns/mnt'),
			pepper: setting.pepper,
			domain: setting.domain,
			host: setting.host,
			dump: setting.dump,
		};
		const note = join(root, 'job.json');
		writeFileSync(note, JSON.stringify(job));
		const { status, said } = await inNamespaces(new URL('moved.ts', import.meta.url), [note]);
		const { way, database } = kinds[kind];
		const servers = { postgres: `${old.version} → ${now.version}`, sqlite: now.version, external: old.version };
		const ran = { postgresql: servers[way === 'keep' ? 'external' : database], synapse: release };
		keep(trialsOf(job, { guide, kind, versions: { ...ran, playbook: playbook.commit } }));
		// The playbook's checks have accepted its vars.yml, and Synapse has run with the result.
		if (status === 0) {
			const by = { way, proxy: 'nginx', login: 'synapse', 'federation-port': '443' };
			const versions = { playbook: playbook.commit, 'ansible-core': playbook.ansible.version, synapse: release };
			keep([{ of: 'vars', with: by, versions, played: 'Nothing was installed.' }]);
		}
		return status === 0 ? [] : [`machine, ${kind}: ${said.slice(-3000)}`];
	} finally {
		if (!process.env.GLIA_KEEP) rmSync(root, { recursive: true, force: true });
	}
}

/** What the playbook renders from the guide's vars.yml. Throws if the playbook refuses it. */
export function renderedFor(
	guide: Guide,
	playbook: Playbook,
	setting: Setting,
	release: string,
	kind: Kind = 'dump',
): Pick<Moving, 'homeserver' | 'restore'> {
	const { root, pepper, host, dump } = setting;
	const stated = { ...statedIn(setting), ...kinds[kind].stated };
	const guided = guidedFor(guide, { name: 'guide', stated, facts: factsOf(kind) }, release);
	const vars = filledIn(varsOf(guided), {
		macaroon_secret_key: secret,
		form_secret: secret,
		registration_shared_secret: secret,
		'password_config.pepper': pepper,
		'database.args.password': databasePassword,
	});
	const all = render(playbook, new Map([[host, vars]]), join(root, 'playbook'), join(dump, 'synapse.sql.gz'));
	const rendered = all.get(host);
	if (!rendered || 'refused' in rendered || !rendered.restore)
		throw new Error(`the playbook refuses it: ${JSON.stringify(rendered).slice(0, 500)}`);
	return { homeserver: rendered.homeserver, restore: rendered.restore };
}

/** The results of the run as trials. A failure counts for every deployment. */
function trialsOf(
	{ results, stated }: Moving,
	{ guide, kind, versions }: { guide: Guide; kind: Kind; versions: Record<string, string> },
): Trial[] {
	if (!existsSync(results)) return [];
	const { layout = 'compose', place = 'same' } = stated;
	const seen = JSON.parse(readFileSync(results, 'utf8')) as {
		of: string;
		saw?: string;
		with?: Record<string, string>;
	}[];
	const failures = new Set(guide.stages.flatMap(stage => stage.failures.map(({ id }) => id)));
	return seen.map(({ of, saw, with: by }) => ({
		of,
		with: by ?? (failures.has(of) ? {} : { way: kinds[kind].way, layout, place }),
		versions,
		...(!failures.has(of) && { played }),
		...(saw && { saw }),
	}));
}

const played =
	"Neither containers nor systemd were used. Stand-ins for `docker`, `systemctl` and the playbook's runs used the same programs on real data. The restore used the playbook role's own command, unchanged.";

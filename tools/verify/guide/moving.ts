// A whole move on a played machine: what it needs from outside of the namespaces it is played in.
import { chmodSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { Unavailable } from '../machine/environment.ts';
import { filledIn } from './deployments.ts';
import { inNamespaces } from './namespace.ts';
import { secret } from './people.ts';
import { type Playbook, type Restore, render } from './playbook.ts';
import type { Job } from './played.ts';
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
	/** Where the dump lies, as the playbook was told. */
	dump: string;
};

/** The old server's PostgreSQL, and the one that the playbook's role has now. */
const majors = { old: '15', new: '18' };
const facts =
	'docker postgres no-workers no-email no-oidc no-saml no-turn no-registration no-metrics no-retention no-modules no-appservices no-url-previews';

/** The move and the way back with the guide's own commands. Resolves to what failed. */
export async function moveOnMachine(
	guide: Guide,
	playbook: Playbook,
	{ python, release }: { python: string; release: string },
	keep: (trials: readonly Trial[]) => void,
): Promise<string[]> {
	if (process.getuid?.() !== 0)
		throw new Unavailable('machines are played in namespaces of their own, which takes root');
	if (playbook.missing.includes('galaxy/postgres')) throw new Unavailable('the role galaxy/postgres is not there');
	const [old, now] = await Promise.all([server(majors.old), server(majors.new)]);
	const root = mkdtempSync(join(tmpdir(), 'glia-move-'));
	chmodSync(root, 0o755);
	const pepper = 'a pepper';
	const domain = 'guide.test';
	const host = `matrix.${domain}`;
	const dump = join(root, 'move');
	const home = join(root, 'home');
	const stated = {
		domain,
		host,
		proxy: 'nginx',
		'federation-port': '443',
		folder: home,
		'signing-key': join(home, 'files/signing.key'),
		'media-store': join(home, 'files/media'),
		dump,
	};
	try {
		const guided = guidedFor(guide, { name: 'guide', stated, facts: facts.split(' ') }, release);
		const vars = filledIn(varsOf(guided), {
			macaroon_secret_key: secret,
			form_secret: secret,
			registration_shared_secret: secret,
			'password_config.pepper': pepper,
		});
		const rendered = render(
			playbook,
			new Map([[host, vars]]),
			join(root, 'playbook'),
			join(dump, 'synapse.sql.gz'),
		).get(host);
		if (!rendered || 'refused' in rendered || !rendered.restore)
			throw new Error(`the playbook does not take it: ${JSON.stringify(rendered).slice(0, 500)}`);
		const job: Moving = {
			guide: guide.id,
			stated: { ...stated, layout: 'compose', from: majors.old, synapse: release },
			facts: facts.split(' '),
			flow: 'back',
			python,
			release,
			servers: { [majors.old]: old, [majors.new]: now },
			root,
			node: process.execPath,
			results: join(root, 'results.json'),
			outside: readlinkSync('/proc/self/ns/mnt'),
			homeserver: rendered.homeserver,
			restore: rendered.restore,
			pepper,
			domain,
			host,
			dump,
		};
		const note = join(root, 'job.json');
		writeFileSync(note, JSON.stringify(job));
		const { status, said } = await inNamespaces(new URL('moved.ts', import.meta.url), [note]);
		const results = existsSync(job.results)
			? (JSON.parse(readFileSync(job.results, 'utf8')) as { of: string; saw?: string }[])
			: [];
		const failures = new Set(guide.stages.flatMap(stage => stage.failures.map(({ id }) => id)));
		keep(
			results.map(({ of, saw }) => ({
				of,
				with: failures.has(of) ? {} : { way: 'dump', layout: 'compose', place: 'same' },
				versions: { postgresql: `${old.version} → ${now.version}`, synapse: release, playbook: playbook.commit },
				...(!failures.has(of) && { played }),
				...(saw && { saw }),
			})),
		);
		// The checks of the playbook accepted its vars.yml before, and Synapse ran from what was made of it.
		if (status === 0) {
			const by = { way: 'dump', proxy: 'nginx', login: 'synapse', 'federation-port': '443' };
			const versions = { playbook: playbook.commit, 'ansible-core': playbook.ansible.version, synapse: release };
			keep([{ of: 'vars', with: by, versions, played: 'Nothing was installed by it.' }]);
		}
		return status === 0 ? [] : [`machine: ${said.slice(-3000)}`];
	} finally {
		if (!process.env.GLIA_KEEP) rmSync(root, { recursive: true, force: true });
	}
}

const played =
	'No container and no systemd ran: `docker`, `systemctl` and the playbook’s runs were played by the same programs on real data; the restore was the command of the playbook’s role as it stands.';

// One switch from a release to the next halt: the exact commands for the way Synapse was installed.
import { code } from './markdown.ts';
import type { Profile } from './profile.ts';
import type { Version } from './version.ts';
import { compare, isCandidate, isWithin } from './version.ts';

export type Leg = { from: Version; to: Version };

/** A leg, with the day its release appeared and the day it is asked about (`2026-11-21`). */
export type DatedLeg = Leg & { released: string; today: string };

/** From this release on the project lives at element-hq, under AGPL-3.0; its images and archives moved with it. */
const movedIn = '1.99.0';

function owner(version: Version): 'matrix-org' | 'element-hq' {
	return compare(version, movedIn) < 0 ? 'matrix-org' : 'element-hq';
}

function image(version: Version): string {
	return compare(version, movedIn) < 0
		? `docker.io/matrixdotorg/synapse:v${version}`
		: `ghcr.io/element-hq/synapse:v${version}`;
}

/**
 * For a release older than half a year: the last day whose packages suit it, since dependencies have no upper bounds. Ten
 * days after the release, but not before 2023-02-01, was right for nearly all that were tried; `pinned` has the others.
 */
function timeOf(released: string, today: string): string | undefined {
	const day = 24 * 3600 * 1000;
	if (Date.parse(today) - Date.parse(released) < 180 * day) return undefined;
	const soonAfter = new Date(Date.parse(released) + 10 * day).toISOString().slice(0, 10);
	return soonAfter > '2023-02-01' ? soonAfter : '2023-02-01';
}

/** Packages that broke these releases though they are of their time: each seen when the release was started with them. */
const pinned: { releases: string; package: string }[] = [
	{ releases: '<1.56.0', package: 'jinja2<3.1' },
	{ releases: '<1.56.0', package: 'markupsafe<2.1' },
	{ releases: '>=1.66.0 <1.87.0', package: 'pydantic<2' },
	{ releases: '>=1.111.0 <1.119.0', package: 'twisted<24.10' },
];

/** Arguments for pip, one a line. */
function pins(version: Version): string[] {
	return pinned.filter(({ releases }) => isWithin(version, releases)).map(pin => `  "${pin.package}" \\`);
}

/** What archives call the systems that the fact `os` knows. */
const codenames: Record<string, string> = {
	'debian-9': 'stretch',
	'debian-10': 'buster',
	'debian-11': 'bullseye',
	'debian-12': 'bookworm',
	'debian-13': 'trixie',
	'ubuntu-16.04': 'xenial',
	'ubuntu-18.04': 'bionic',
	'ubuntu-20.04': 'focal',
	'ubuntu-21.04': 'hirsute',
	'ubuntu-21.10': 'impish',
	'ubuntu-22.04': 'jammy',
	'ubuntu-22.10': 'kinetic',
	'ubuntu-23.04': 'lunar',
	'ubuntu-23.10': 'mantic',
	'ubuntu-24.04': 'noble',
	'ubuntu-24.10': 'oracular',
	'ubuntu-25.04': 'plucky',
	'ubuntu-25.10': 'questing',
	'ubuntu-26.04': 'resolute',
};

/** Commands that put the release in place and start it, for each value of `install`. Lines of at most 60 letters. */
function installing(
	{ to: version, released, today }: DatedLeg,
	profile: Profile,
): Record<string, { how: string; language: string; lines: string[] }> {
	const old = timeOf(released, today);
	const codename = codenames[String(profile.get('os')?.value)];
	const extra = profile.get('database')?.value === 'postgres' ? '[postgres]' : '';
	return {
		docker: {
			how: 'In `compose.yaml` (or your `docker run`) name the new image, then:',
			language: 'bash',
			lines: [
				`# image: ${image(version)}`,
				'docker compose pull synapse',
				'docker compose up -d synapse',
				'docker compose logs -f synapse',
			],
		},
		debian: {
			how: `Packages of ${code('packages.matrix.org')}. They exist for the systems of their time only: if there is none of ${version} for yours, halt at the last release that has one, upgrade the system, and go on${isCandidate(version) ? '. Candidates stand in the archive’s component `prerelease`' : ''}:`,
			language: 'bash',
			lines: [
				'apt-get update',
				...(codename ? [] : ['. /etc/os-release']),
				'apt-get install \\',
				`  "matrix-synapse-py3=${version.replace('rc', '~rc')}+${codename ?? `\${VERSION_CODENAME}`}1"`,
				'journalctl -fu matrix-synapse',
			],
		},
		distro: {
			how: `Your distribution decides which release it has; go on only if it offers ${version}:`,
			language: 'bash',
			lines: [
				'apt-get update',
				'apt-cache policy matrix-synapse',
				'apt-get install matrix-synapse',
				'journalctl -fu matrix-synapse',
			],
		},
		pip: {
			how: `In the virtual environment that Synapse runs in (keep the extras you use in the brackets)${old ? '; packages much newer than an old release can break it, so only those of its time are taken' : ''}:`,
			language: 'bash',
			lines: [
				'source env/bin/activate',
				...(old ? ['pip install uv', `uv pip install --exclude-newer ${old} \\`] : ['pip install --upgrade \\']),
				...pins(version),
				`  "matrix-synapse${extra}==${version}"`,
				'synctl restart',
			],
		},
		source: {
			how: 'In the checkout, with its virtual environment active:',
			language: 'bash',
			lines: [
				'git remote set-url origin \\',
				`  https://github.com/${owner(version)}/synapse.git`,
				'git fetch --tags',
				`git checkout v${version}`,
				...(old ? ['pip install uv', `uv pip install --exclude-newer ${old} \\`] : ['pip install --upgrade \\']),
				...pins(version),
				'  ".[all]"',
				'synctl restart',
			],
		},
		mdad: {
			how: `The playbook pins a release of its own: take the state of it that has ${version}, or set the version in \`vars.yml\`. Read its \`CHANGELOG.md\` since your last run first.`,
			language: 'bash',
			lines: [
				`# vars.yml: matrix_synapse_version: v${version}`,
				'just update',
				'ansible-playbook -i inventory/hosts setup.yml \\',
				'  --tags=install-all,start',
				'journalctl -fu matrix-synapse',
			],
		},
		ess: {
			how: `The chart pins a release of its own: take the chart version whose notes name ${version}.`,
			language: 'bash',
			lines: [
				'helm upgrade ess --namespace ess \\',
				'  oci://ghcr.io/element-hq/ess-helm/matrix-stack \\',
				'  --version CHART -f values.yaml --wait',
				'kubectl -n ess logs -f sts/ess-synapse-main',
			],
		},
		nix: {
			how: `The channel pins a release of its own: go on only if it has ${version}:`,
			language: 'bash',
			lines: [
				'nix-channel --update',
				'nix eval nixpkgs#matrix-synapse.version',
				'nixos-rebuild switch',
				'journalctl -fu matrix-synapse',
			],
		},
	};
}

function block({ language, lines }: { language: string; lines: string[] }): string {
	return `\`\`\`${language}\n${lines.join('\n')}\n\`\`\``;
}

const backups = {
	postgres: ['pg_dump -Fc -f synapse-before.dump synapse'],
	sqlite: ['sqlite3 homeserver.db ".backup before.db"'],
};

const asPostgres = ['sudo -u postgres pg_dump -Fc synapse \\', '  > synapse-before.dump'];
const inPackage = ['sqlite3 /var/lib/matrix-synapse/homeserver.db \\', '  ".backup before.db"'];

/** Where the way of installing decides how the database is reached. */
const reached: Record<string, Partial<typeof backups>> = {
	debian: { postgres: asPostgres, sqlite: inPackage },
	distro: { postgres: asPostgres, sqlite: inPackage },
	nix: { postgres: ['sudo -u postgres pg_dump -Fc matrix-synapse \\', '  > synapse-before.dump'] },
	docker: {
		postgres: ['docker compose exec -T postgres \\', '  pg_dump -U synapse -Fc synapse > synapse-before.dump'],
	},
	mdad: {
		postgres: [
			'docker exec \\',
			'  --env-file=/matrix/postgres/env-postgres-psql \\',
			'  matrix-postgres pg_dumpall -h matrix-postgres \\',
			'  | gzip > synapse-before.sql.gz',
		],
	},
	ess: {
		postgres: ['kubectl -n ess exec sts/ess-postgres -- \\', '  pg_dumpall -U postgres > synapse-before.sql'],
	},
};

/** These bring PostgreSQL, so nothing else is meant unless somebody says so. */
const bringsPostgres: readonly unknown[] = ['mdad', 'ess'];

function backup(profile: Profile): string {
	const install = profile.get('install')?.value;
	const database = profile.get('database')?.value ?? (bringsPostgres.includes(install) ? 'postgres' : undefined);
	const { postgres, sqlite } = { ...backups, ...reached[String(install)] };
	const lines =
		database === 'postgres'
			? postgres
			: database === 'sqlite'
				? sqlite
				: ['# PostgreSQL:', ...postgres, '# SQLite:', ...sqlite];
	return `**1. Back up** the database, \`homeserver.yaml\` and the signing key; it is the only way back over an incompatible schema. (Names are the usual ones: put yours.)\n\n${block({ language: 'bash', lines })}`;
}

/** Asks the running server for its release: in its container, where no port of it need be published. */
function asking(profile: Profile): string[] {
	const ask = 'curl -s localhost:8008/_synapse/admin/v1/server_version';
	const install = profile.get('install')?.value;
	if (install === 'docker') return ['docker compose exec synapse \\', `  ${ask}`];
	if (install === 'mdad') return ['docker exec matrix-synapse \\', `  ${ask}`];
	if (install === 'ess') return ['curl -s https://matrix.example.org\\', '/_matrix/federation/v1/version'];
	return [ask];
}

function workers(profile: Profile): string {
	const stated = profile.get('workers')?.value;
	if (stated === false) return '';
	const order =
		'Stop all workers and the main process, start the main process alone, wait until it listens (it changes the database), then start the workers. All of them run the same release.';
	return stated === true ? `\n\n**Workers:** ${order}` : `\n\n**If you run workers:** ${order}`;
}

/** What to do at a switch, as Markdown. */
export function switchText(leg: DatedLeg, profile: Profile): string {
	const { from, to } = leg;
	const all = installing(leg, profile);
	const install = profile.get('install')?.value;
	const chosen = typeof install === 'string' ? all[install] : undefined;
	const commands = chosen
		? `${chosen.how}\n\n${block(chosen)}`
		: `Take the lines for the way yours was installed (say it, like \`docker\` or \`debian\`, and only those are shown):\n\n${Object.entries(
				all,
			)
				.filter(([name]) => ['docker', 'debian', 'pip', 'mdad'].includes(name))
				.map(([name, { how, ...commands }]) => `${code(name)}: ${how}\n\n${block(commands)}`)
				.join('\n\n')}`;
	return `${backup(profile)}

**2. Switch** from ${from} to ${to}. ${commands}${workers(profile)}

**3. Watch the log** until \`Synapse now listening on\`; a schema change can take minutes and must not be interrupted. \`Error in configuration\` names the option that stops the start. Then this must say ${to}:

${block({ language: 'bash', lines: asking(profile) })}`;
}

/** How to wait for the background updates at a halt, as Markdown. */
export function waitText(at: Version): string {
	return `Let ${at} run until its background updates are done: the query must give 0. Hours or days are normal on a large database. Going on earlier is what ruins it.

${block({ language: 'sql', lines: ['SELECT count(*) FROM background_updates;'] })}`;
}

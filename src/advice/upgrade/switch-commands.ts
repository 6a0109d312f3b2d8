// One switch from a release to the next halt: the exact commands for the way Synapse was installed.

import type { Fact, Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, isCandidate, isWithin } from '../../deployment/version.ts';
import { code } from '../../text/markdown.ts';
import { isBuilt, type System } from './packages.ts';

export type Leg = { from: Version; to: Version };

/**
 * A leg, with the day its release appeared, the day it is asked about (`2026-11-21`), and the systems that upstream builds
 * packages for.
 */
export type DatedLeg = Leg & { released: string; today: string; systems: readonly System[] };

/** From this release on the project lives at element-hq, under AGPL-3.0; its images moved with it. */
const movedIn = '1.99.0';

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

/** Optional parts of the package that facts tell of, as pip writes them. */
function extrasOf(profile: Profile): string[] {
	const told = (fact: Fact, value: string | boolean = true) => profile.get(fact)?.value === value;
	return [
		...(told('oidc') ? ['oidc'] : []),
		...(told('database', 'postgres') ? ['postgres'] : []),
		...(told('workers') ? ['redis'] : []),
		...(told('saml') ? ['saml2'] : []),
		...(told('url-previews') ? ['url-preview'] : []),
	];
}

type Commands = { how: string; language: string; lines: string[] };

/** Upstream's packages carry this name from here on; before, they were for Python 2 and lay elsewhere. */
const firstPackage = '0.34.0';

/** What to do at a system that upstream has no package of the release for: there is nothing to download. */
export function unpackaged({ name, packages }: System, { version, from, systems }: Packaging): string {
	const first = packages.first;
	if (compare(version, first) < 0)
		return `There is **no package** of ${version} for ${name}: upstream builds them from ${first} on. Run ${version} from the image or from PyPI meanwhile, on the same database and configuration.`;
	const both = systems.filter(system => isBuilt(system, version) && isBuilt(system, from));
	const newer = (both.length ? both : systems.filter(system => isBuilt(system, version))).map(system => system.name);
	const last = 'last' in packages ? packages.last : from;
	const before = both.length
		? `Upgrade the system first (${newer.join(', ')} have packages of ${from} and of ${version}), install the package of ${from} for the new system, since the old one looks for a Python that is gone, see that Synapse runs, and ask again with the new \`os=\`.`
		: `Halt at ${last}, upgrade the system (${newer.join(', ')} have packages of ${version}), and ask again with the new \`os=\`; or change to the image or to PyPI.`;
	return `There is **no package** of ${version} for ${name}: upstream built them up to ${last}. ${before}`;
}

type Packaging = { version: Version; from: Version; systems: readonly System[] };

/** Upstream's packages. Older ones are no longer in the index, but still in the pool. */
function packaged({ version, from, systems }: Packaging, profile: Profile): Commands {
	if (compare(version, firstPackage) < 0)
		return {
			how: `The package ${code('matrix-synapse-py3')} began with ${firstPackage}. Upstream's packages for Python 2 before it were called ${code('matrix-synapse')}; whether the archive still has that of ${version} shows here:`,
			language: 'bash',
			lines: [
				'P=https://packages.matrix.org/debian/pool/main/m',
				'wget -qO- $P/matrix-synapse/ \\',
				`  | grep -o 'matrix-synapse_${version}[^"<]*deb' | sort -u`,
			],
		};
	const os = String(profile.get('os')?.value);
	const system = systems.find(other => other.os === os);
	if (system && !isBuilt(system, version))
		return { how: unpackaged(system, { version, from, systems }), language: 'bash', lines: [] };
	const codename = codenames[os];
	const built = systems.filter(other => isBuilt(other, version)).map(({ name }) => name);
	const which = built.length
		? `${version} has them for ${built.join(', ')}`
		: 'There are packages for the systems of their time only';
	return {
		how: `Packages of ${code('packages.matrix.org')}. Its index names only the newest; older ones still lie in its pool, from where \`apt-get\` takes them as a file. ${which}: on another system, halt at the last release that has one, upgrade the system, and go on.`,
		language: 'bash',
		lines: [
			...(codename ? [] : ['. /etc/os-release']),
			'A=$(dpkg --print-architecture)',
			`F=matrix-synapse-py3_${version.replace('rc', '~rc')}+${codename ?? `\${VERSION_CODENAME}`}1_$A.deb`,
			`P=https://packages.matrix.org/debian/pool/${isCandidate(version) ? 'prerelease' : 'main'}/m`,
			'wget $P/matrix-synapse-py3/$F',
			'apt-get update && apt-get install ./$F',
			'journalctl -fu matrix-synapse',
		],
	};
}

/** Where upstream's images and its releases on PyPI begin. */
const firstImage = '0.29.0';
const firstOnPyPI = '0.33.5';

/** What takes the place of commands that would ask for what never was. */
function tooOld(version: Version): Record<string, Commands> {
	const none = (what: string, first: Version) => ({
		how: `Upstream has ${what} from ${first} on, so there is none of ${version}: install it from the tag ${code(`v${version}`)} of its repository, with Python 2.7.`,
		language: 'bash',
		lines: [],
	});
	return {
		...(compare(version, firstImage) < 0 && { docker: none('images', firstImage) }),
		...(compare(version, firstOnPyPI) < 0 && { pip: none('releases on PyPI', firstOnPyPI) }),
	};
}

/** Commands that put the release in place and start it, for each value of `install`. Lines of at most 60 letters. */
function installing(
	{ from, to: version, released, today, systems }: DatedLeg,
	profile: Profile,
): Record<string, Commands> {
	const old = timeOf(released, today);
	const extras = extrasOf(profile);
	const byPoetry = compare(version, '1.58.0') >= 0;
	const everywhere = profile.get('workers')?.value === true ? ', for Synapse and each worker' : '';
	const named = extras.length
		? 'keep the extras you use in the brackets'
		: 'if you use extras, name them: `"matrix-synapse[postgres]==…"`';
	return {
		docker: {
			how: `In \`compose.yaml\` (or your \`docker run\`) name the new image${everywhere}, then:`,
			language: 'bash',
			lines: [
				`# image: ${image(version)}`,
				'docker compose pull synapse',
				'docker compose up -d synapse',
				'docker compose logs -f synapse',
			],
		},
		debian: packaged({ version, from, systems }, profile),
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
			how: `In the virtual environment that Synapse runs in (${named})${old ? '; packages much newer than an old release can break it, so only those of its time are taken' : ''}:`,
			language: 'bash',
			lines: [
				'source env/bin/activate',
				...(old ? ['pip install uv', `uv pip install --exclude-newer ${old} \\`] : ['pip install --upgrade \\']),
				...pins(version),
				`  "matrix-synapse${extras.length ? `[${extras.join(',')}]` : ''}==${version}"`,
				'synctl restart',
			],
		},
		source: {
			how: `In the checkout, with its virtual environment active (instead of \`all\` name the extras you use, if you know them${byPoetry ? '; if you installed by Poetry, `poetry install --extras all` takes the place of the lines with `pip`, and brings the packages that upstream tested' : ''}):`,
			language: 'bash',
			lines: [
				'git remote set-url origin \\',
				'  https://github.com/element-hq/synapse.git',
				'git fetch --tags',
				`git checkout v${version}`,
				...(old ? ['pip install uv', `uv pip install --exclude-newer ${old} \\`] : ['pip install --upgrade \\']),
				...pins(version),
				'  ".[all]"',
				'synctl restart',
			],
		},
		mdad: {
			how: `The playbook installs the release that it names itself. Read its \`CHANGELOG.md\` since your last run, bring it to its newest state, and see which one that is:

${block({
	language: 'bash',
	lines: ['just update', 'grep -r ^matrix_synapse_version: \\', '  roles/custom/matrix-synapse/defaults'],
})}

* It says ${code(`v${version}`)}: go on.
* It says an older one: write ${code(`matrix_synapse_version: v${version}`)} into \`vars.yml\`, and delete that line when the playbook has caught up, or it keeps you at ${version} for ever.
* It says a newer one: the last line that this prints is the state of the playbook that brought ${version}. Check it out (and \`git checkout master\` before the next \`just update\`). If nothing is printed, the playbook left ${version} out, and the line in \`vars.yml\` is the only way:

${block({
	language: 'bash',
	lines: [
		`git log -S'matrix_synapse_version: v${version}' \\`,
		"  --format='%h %cs' -- '*matrix-synapse/defaults/*'",
		'git checkout COMMIT && just roles',
	],
})}

Then:`,
			language: 'bash',
			lines: [
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
				"nix-instantiate --eval '<nixpkgs>' -A matrix-synapse.name",
				'nixos-rebuild switch',
				'journalctl -fu matrix-synapse',
			],
		},
		...tooOld(version),
	};
}

function block({ language, lines }: { language: string; lines: string[] }): string {
	if (!lines.length) return '';
	return `\`\`\`${language}\n${lines.join('\n')}\n\`\`\``;
}

/** What is typed before a query, and whether the query follows in quotes: where the database is reached. */
type Reach = { postgres: string[]; sqlite: string[] };

const usual: Reach = { postgres: ['psql synapse -c'], sqlite: ['sqlite3 homeserver.db'] };
const inPackage: Reach = {
	postgres: ['sudo -u postgres psql synapse -c'],
	sqlite: ['sqlite3 /var/lib/matrix-synapse/homeserver.db'],
};
const reached: Record<string, Partial<Reach>> = {
	debian: inPackage,
	distro: inPackage,
	nix: { postgres: ['sudo -u postgres psql matrix-synapse -c'] },
	docker: { postgres: ['docker compose exec postgres \\', '  psql -U synapse -c'] },
	mdad: {
		postgres: [
			'docker exec \\',
			'  --env-file=/matrix/postgres/env-postgres-psql \\',
			'  matrix-postgres psql -h matrix-postgres synapse -c',
		],
	},
	ess: { postgres: ['kubectl -n ess exec sts/ess-postgres -- \\', '  psql -U postgres synapse -c'] },
};

/**
 * A backup is named for the release it was made of, so that the second halt does not overwrite the first. SQLite waits
 * for whoever writes at that moment: without it, a running Synapse of before 1.71 makes it give up, with an empty file.
 */
function backups(from: Version): Record<string, Partial<Reach>> {
	const dump = `synapse-${from}.dump`;
	const patiently = 'sqlite3 -cmd ".timeout 60000"';
	const packaged = {
		postgres: ['sudo -u postgres pg_dump -Fc synapse \\', `  > ${dump}`],
		sqlite: [`${patiently} \\`, '  /var/lib/matrix-synapse/homeserver.db \\', `  ".backup homeserver-${from}.db"`],
	};
	return {
		usual: {
			postgres: [`pg_dump -Fc -f ${dump} synapse`],
			sqlite: [`${patiently} homeserver.db \\`, `  ".backup homeserver-${from}.db"`],
		},
		debian: packaged,
		distro: packaged,
		nix: { postgres: ['sudo -u postgres pg_dump -Fc matrix-synapse \\', `  > ${dump}`] },
		docker: { postgres: ['docker compose exec -T postgres \\', `  pg_dump -U synapse -Fc synapse > ${dump}`] },
		mdad: {
			postgres: [
				'docker exec \\',
				'  --env-file=/matrix/postgres/env-postgres-psql \\',
				'  matrix-postgres pg_dumpall -h matrix-postgres \\',
				`  | gzip > synapse-${from}.sql.gz`,
			],
		},
		ess: {
			postgres: ['kubectl -n ess exec sts/ess-postgres -- \\', `  pg_dumpall -U postgres > synapse-${from}.sql`],
		},
	};
}

/** These bring PostgreSQL, so nothing else is meant unless somebody says so. */
const bringsPostgres: readonly unknown[] = ['mdad', 'ess'];

/** Lines for the database that it is, or for both. */
function forDatabase(profile: Profile, { postgres, sqlite }: Reach): string[] {
	const install = profile.get('install')?.value;
	const database = profile.get('database')?.value ?? (bringsPostgres.includes(install) ? 'postgres' : undefined);
	if (database === 'postgres') return postgres;
	return database === 'sqlite' ? sqlite : ['# PostgreSQL:', ...postgres, '# SQLite:', ...sqlite];
}

function backup(from: Version, profile: Profile): string {
	const all = backups(from);
	const { postgres = [], sqlite = [] } = { ...all.usual, ...all[String(profile.get('install')?.value)] };
	const lines = forDatabase(profile, { postgres, sqlite });
	return `Back up** the database, \`homeserver.yaml\` and the signing key; it is the only way back over an incompatible schema. (Names are the usual ones: put yours.)\n\n${block({ language: 'bash', lines })}`;
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

/** These start and stop all processes by themselves, in the right order. */
const leadsProcesses: readonly unknown[] = ['mdad', 'ess', 'nix'];

const systemd = {
	stop: ['systemctl stop matrix-synapse.target'],
	start: ['systemctl start matrix-synapse.target'],
};
const synctl = { stop: ['synctl -a workers stop', 'synctl stop'], start: ['synctl -a workers start'] };

/** How workers are stopped, with the main process, and started again, where one does it oneself. */
const stopping: Record<string, { stop: string[]; start: string[] }> = {
	docker: {
		stop: ['docker compose stop worker1 worker2 synapse'],
		start: ['docker compose up -d worker1 worker2'],
	},
	debian: systemd,
	distro: systemd,
	pip: synctl,
	source: synctl,
};

/** The parts of a switch in their order, with the workers stopped before it and started after it. */
function withWorkers(profile: Profile, [saving, switching, watching]: [string, string, string]): string[] {
	const install = profile.get('install')?.value;
	const stated = profile.get('workers')?.value;
	if (stated === false || leadsProcesses.includes(install)) return [saving, switching, watching];
	const why = 'All of them have to run the same release, and the main process changes the database alone.';
	if (stated !== true) {
		return [
			saving,
			`${switching}\n\nIf you run workers, stop all of them and the main process first, and start them again after the next part. ${why}`,
			watching,
		];
	}
	const commands = stopping[String(install)];
	const how = (lines: string[] | undefined) => (lines ? `\n\n${block({ language: 'bash', lines })}` : '');
	return [
		saving,
		`Stop all workers** and the main process. ${why}${how(commands?.stop)}`,
		switching,
		watching,
		`Start the workers** again.${how(commands?.start)}`,
	];
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
	const parts = withWorkers(profile, [
		backup(from, profile),
		`Switch** from ${from} to ${to}. ${commands}`,
		`Watch the log** until \`Synapse now listening on\`; a schema change can take minutes and must not be interrupted. \`Error in configuration\` names the option that stops the start. Then this must say ${to}:

${block({ language: 'bash', lines: asking(profile) })}`,
	]);
	return parts.map((part, i) => `**${i + 1}. ${part}`).join('\n\n');
}

/** A query on Synapse's database, typed where it is reached. It has neither double quotes nor dollars. */
function asked(query: string, profile: Profile): Reach {
	const { postgres, sqlite } = { ...usual, ...reached[String(profile.get('install')?.value)] };
	const typed = (lines: string[]) => [
		...lines.map((line, i) => (i < lines.length - 1 ? line : `${line} \\`)),
		...query.split('\n').map((line, i, all) => `  ${i ? '' : '"'}${line}${i < all.length - 1 ? '' : '"'}`),
	];
	return { postgres: typed(postgres), sqlite: typed(sqlite) };
}

/** How to wait for the background updates at a halt, as Markdown. */
export function waitText(at: Version, profile: Profile): string {
	const lines = forDatabase(profile, asked('SELECT count(*) FROM background_updates', profile));
	return `Let ${at} run until its background updates are done: this must print 0. Hours or days are normal on a large database. Do not go on earlier.

${block({ language: 'bash', lines })}`;
}

/** How to see that such a wait lasts for ever, and the way out, as Markdown. These are about PostgreSQL only. */
export function stuckText({ query, text }: { query: string; text: string }, profile: Profile): string {
	return `If the number does not fall for an hour, look what is left:

${block({ language: 'bash', lines: asked(query.trim(), profile).postgres })}

${text}`;
}

// What is known about a deployment: facts that are stated true, stated false or unknown.

/** A fact with one of several values; if `values` is absent, a number (`postgres=14`, `python=3.11`). */
type ClosedFactEntry = { means: string; values?: readonly string[]; example: string };

/** Facts that have a value. */
export const closedFacts = {
	install: {
		means:
			"how Synapse is installed; `debian` means upstream's package archive, and `distro` means Debian's or Ubuntu's own",
		values: ['pip', 'source', 'debian', 'distro', 'docker', 'mdad', 'ess', 'nix'],
		example: 'docker',
	},
	database: { means: 'the database engine that Synapse uses', values: ['sqlite', 'postgres'], example: 'postgres' },
	postgres: { means: 'the major version of PostgreSQL', example: 'postgres=14' },
	sqlite: { means: 'the version of the SQLite library', example: 'sqlite=3.40' },
	python: { means: 'the version of Python that runs Synapse', example: 'python=3.11' },
	os: {
		means: 'the operating system that Synapse runs on; `rhel` also covers its rebuilds (Rocky, Alma, CentOS Stream)',
		values: [
			...['9', '10', '11', '12', '13'].map(release => `debian-${release}`),
			...['16.04', '18.04', '20.04', '21.04', '21.10', '22.04', '22.10', '23.04', '23.10'].map(r => `ubuntu-${r}`),
			...['24.04', '24.10', '25.04', '25.10', '26.04', '26.10'].map(release => `ubuntu-${release}`),
			...['8', '9', '10'].map(release => `rhel-${release}`),
			...['12', '13', '14', '15', '16', '17', '18', '19', '20', '21', '22', '23', '24'].map(r => `alpine-3.${r}`),
			...['13', '14', '15'].map(release => `freebsd-${release}`),
		],
		example: 'os=debian-12',
	},
} satisfies Record<string, ClosedFactEntry>;

/** Facts that are true or false; denied with the prefix `no-`. */
export const openFacts = {
	workers: 'Synapse runs as several processes',
	'reverse-proxy': 'a reverse proxy is in front of Synapse (nginx, Caddy, Traefik, HAProxy, Apache …)',
	federation: 'the server talks to other homeservers',
	appservices: 'bridges or other application services are registered',
	modules: 'Python modules are loaded (`modules`, `password_providers`, `spam_checker` …)',
	email: 'Synapse sends email',
	phone: 'phone numbers are used (registration, password reset, identity server)',
	sso: 'users log in through another system (SAML, CAS or OpenID Connect)',
	saml: 'users log in through SAML',
	cas: 'users log in through CAS',
	oidc: 'users log in through OpenID Connect',
	mas: 'Matrix Authentication Service handles logins',
	metrics: "Prometheus or another system reads Synapse's metrics",
	'admin-api': 'scripts or tools use the admin API',
	media: 'Synapse stores uploaded media (that is, media storage is on and not handled by a separate media repository)',
	'url-previews': '`url_preview_enabled` is true',
	turn: 'calls go through a TURN server',
	registration: 'users can register themselves',
	retention: 'message retention policies are on',
} satisfies Record<string, string>;

export type ClosedFact = keyof typeof closedFacts;
export type OpenFact = keyof typeof openFacts;
export type Fact = ClosedFact | OpenFact;

/** What is known about one fact, and the stated fact that it follows from, as written in `because`. */
type KnownFact = { value: string | boolean; stated: string };

/** Everything known about a deployment. Absent facts are unknown. */
export type Profile = ReadonlyMap<Fact, KnownFact>;

/** The same string for the same facts, and a different one for others. */
export function profileKey(profile: Profile): string {
	return [...profile]
		.map(([fact, { value }]) => `${fact}=${value}`)
		.sort()
		.join(' ');
}

export const unknownDeployment: Profile = new Map();

/** A statement about one fact, as people type it and notes test it: `workers`, `no-email`, `postgres<13`. */
export type Term = { fact: Fact; operator: '=' | '<' | '<=' | '>' | '>='; value: string | boolean };

const termShape = /^(no-)?([a-z][a-z-]*?)(?:(<=|>=|<|>|=)([a-z0-9.-]+))?$/;

export function isClosed(name: string): name is ClosedFact {
	return Object.hasOwn(closedFacts, name);
}

export function isOpen(name: string): name is OpenFact {
	return Object.hasOwn(openFacts, name);
}

/** Values that can be typed alone: `docker` is `install=docker`, `postgres` is `database=postgres`. */
const bareValues = new Map<string, ClosedFact>(
	(['install', 'database', 'os'] as const).flatMap(fact =>
		closedFacts[fact].values.map((value): [string, ClosedFact] => [value, fact]),
	),
);

/** Every word that stands for a fact, for suggestions and help. */
export function factWords(): string[] {
	return [...Object.keys(closedFacts), ...Object.keys(openFacts), ...bareValues.keys()];
}

/** The form of systems that upstream may build packages for: `debian-14`, `ubuntu-27.04`. */
const systemShape = /^(?:debian-[1-9]\d?|ubuntu-\d\d\.\d\d)$/;

/** Whether the text has the form of a Debian or Ubuntu version, known or not. */
export function isSystem(text: string): boolean {
	return systemShape.test(text);
}

/**
 * Parses a stored statement, which was valid when it was accepted. Any system is valid here: the list grows with
 * upstream's packages, and an older edition, or a bot that has not read upstream yet, has a shorter one.
 */
export function parseStored(text: string): Term | undefined {
	const system = text.replace(/^os=/, '');
	return parseTerm(text, isSystem(system) ? [system] : []);
}

/**
 * Parses one statement; undefined if it is not one. `postgres=15.3` is major version 15. `systems`: systems that
 * upstream builds packages for, in addition to those listed here.
 */
export function parseTerm(text: string, systems: readonly string[] = []): Term | undefined {
	const bare = systems.includes(text) ? 'os' : bareValues.get(text);
	if (bare) return { fact: bare, operator: '=', value: text };
	const [, no, name, operator, value] = termShape.exec(text) ?? [];
	if (name === undefined) return undefined;
	if (operator === undefined) {
		return isOpen(name) ? { fact: name, operator: '=', value: !no } : undefined;
	}
	if (no || value === undefined || !isClosed(name)) return undefined;
	const closed: ClosedFactEntry = closedFacts[name];
	if (closed.values) {
		const isKnown = closed.values.includes(value) || (name === 'os' && systems.includes(value));
		return isKnown ? { fact: name, operator: '=', value } : undefined;
	}
	if (!/^\d+(\.\d+)*$/.test(value)) return undefined;
	const major = name === 'postgres' && !value.startsWith('9.') ? value.split('.')[0] : value;
	return { fact: name, operator: operator as Term['operator'], value: major ?? value };
}

/** A statement as written in `because` and in profiles: `install=docker`, `no-workers`. */
export function writeTerm({ fact, operator, value }: Term): string {
	if (value === true) return fact;
	if (value === false) return `no-${fact}`;
	return `${fact}${operator}${value}`;
}

/** The version of `python3` in each system. */
const systemPythons: Readonly<Record<string, string>> = {
	'debian-9': '3.5',
	'debian-10': '3.7',
	'debian-11': '3.9',
	'debian-12': '3.11',
	'debian-13': '3.13',
	'ubuntu-16.04': '3.5',
	'ubuntu-18.04': '3.6',
	'ubuntu-20.04': '3.8',
	'ubuntu-21.04': '3.9',
	'ubuntu-21.10': '3.9',
	'ubuntu-22.04': '3.10',
	'ubuntu-22.10': '3.10',
	'ubuntu-23.04': '3.11',
	'ubuntu-23.10': '3.11',
	'ubuntu-24.04': '3.12',
	'ubuntu-24.10': '3.12',
	'ubuntu-25.04': '3.13',
	'ubuntu-25.10': '3.13',
	'ubuntu-26.04': '3.14',
	// https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/9/html/installing_and_using_dynamic_programming_languages
	'rhel-8': '3.6',
	'rhel-9': '3.9',
	'rhel-10': '3.12',
	// https://pkgs.alpinelinux.org/package/v3.24/main/x86_64/python3 and similar pages.
	'alpine-3.12': '3.8',
	'alpine-3.13': '3.8',
	'alpine-3.14': '3.9',
	'alpine-3.15': '3.9',
	'alpine-3.16': '3.10',
	'alpine-3.17': '3.10',
	'alpine-3.18': '3.11',
	'alpine-3.19': '3.11',
	'alpine-3.20': '3.12',
	'alpine-3.21': '3.12',
	'alpine-3.22': '3.12',
	'alpine-3.23': '3.12',
	'alpine-3.24': '3.14',
	// FreeBSD is missing: its packages change within a release.
};

/** The Python version of a system, if known. */
export function pythonOf(os: string): string | undefined {
	return systemPythons[os];
}

/**
 * The major PostgreSQL version in each system's own archive. Read on 2026-11-30: the package `postgresql` in Debian's
 * indices (11 to 13) and on packages.debian.org and packages.ubuntu.com (https://packages.ubuntu.com/noble/postgresql
 * and similar pages; Debian 10, Ubuntu 20.04 to 26.04). The archives of Debian 9, Ubuntu 16.04 and 18.04 are closed.
 */
const systemPostgres: Readonly<Record<string, string>> = {
	'debian-9': '9.6',
	'debian-10': '11',
	'debian-11': '13',
	'debian-12': '15',
	'debian-13': '17',
	'ubuntu-16.04': '9.5',
	'ubuntu-18.04': '10',
	'ubuntu-20.04': '12',
	'ubuntu-22.04': '14',
	'ubuntu-24.04': '16',
	'ubuntu-26.04': '18',
	// The default version, if there are several.
	// https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/8/html/considerations_in_adopting_rhel_8/application-streams_considerations-in-adopting-rhel-8
	'rhel-8': '10',
	// https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/9/html/configuring_and_using_database_servers/using-postgresql_configuring-and-using-database-servers
	'rhel-9': '13',
	// https://developers.redhat.com/articles/2025/03/11/discover-packaging-parallel-database-streams-rhel-10
	'rhel-10': '16',
};

/** The PostgreSQL version of a system, if known. */
export function postgresOf(os: string): string | undefined {
	return systemPostgres[os];
}

/**
 * The SQLite version that each system's Python uses, if known. Those of Debian 11 to 13 and Ubuntu 26.04 were read on
 * 2026-11-30: the package `libsqlite3-0` in Debian's indices and on https://packages.ubuntu.com/resolute/libsqlite3-0.
 */
const systemSqlites: Readonly<Record<string, string>> = {
	'debian-9': '3.16.2',
	'debian-10': '3.27.2',
	'debian-11': '3.34.1',
	'debian-12': '3.40.1',
	'debian-13': '3.46.1',
	'ubuntu-16.04': '3.11.0',
	'ubuntu-18.04': '3.22.0',
	'ubuntu-20.04': '3.31.1',
	'ubuntu-22.04': '3.37.2',
	'ubuntu-24.04': '3.45.1',
	'ubuntu-26.04': '3.46.1',
	'rhel-8': '3.26.0',
	'rhel-9': '3.34.1',
	'rhel-10': '3.46.1',
	'alpine-3.13': '3.34.1',
};

/** The SQLite version of a system, if known. */
export function sqliteOf(os: string): string | undefined {
	return systemSqlites[os];
}

/** Packages that exist for Debian and Ubuntu only. */
const debianPackages: readonly unknown[] = ['debian', 'distro'];

/** Installations that use neither the Python nor the SQLite of the host system. */
const ownPython: readonly unknown[] = ['docker', 'mdad', 'ess', 'nix'];

/** What follows from one fact, according to the meanings above. */
function impliedBy({ fact, value }: Term): [Fact, string | boolean][] {
	if (fact === 'postgres') return [['database', 'postgres']];
	if (fact === 'sqlite') return [['database', 'sqlite']];
	if ((fact === 'saml' || fact === 'cas' || fact === 'oidc') && value === true) return [['sso', true]];
	if (fact === 'sso' && value === false) return (['saml', 'cas', 'oidc'] as const).map(kind => [kind, false]);
	if (fact === 'media' && value === false) return [['url-previews', false]];
	if (fact === 'url-previews' && value === true) return [['media', true]];
	return [];
}

/** Two values of one fact, and how each was stated. */
export type Contradiction = { fact: Fact; stated: [string, string] };

/** Everything that the statements (each with `=`) say and imply, or the first two that contradict each other. */
export function profileOf(terms: readonly Term[]): Profile | Contradiction {
	const profile = new Map<Fact, KnownFact>();
	for (const term of terms) {
		const stated = writeTerm(term);
		for (const [fact, value] of [[term.fact, term.value] as const, ...impliedBy(term)]) {
			const before = profile.get(fact);
			if (before && before.value !== value) return { fact, stated: [before.stated, stated] };
			if (!before || fact === term.fact) profile.set(fact, { value, stated });
		}
	}
	const os = profile.get('os');
	const install = profile.get('install');
	if (os && install && debianPackages.includes(install.value) && !isSystem(String(os.value)))
		return { fact: 'install', stated: [os.stated, install.stated] };
	addSystem(profile);
	return profile;
}

/** Adds the Python and the SQLite of the system, if the deployment uses them and no others are known. */
function addSystem(profile: Map<Fact, KnownFact>): void {
	const os = profile.get('os');
	const install = profile.get('install');
	const python = os && pythonOf(String(os.value));
	// A stated Python takes precedence: one may be installed alongside the system's.
	if (os && python && !profile.has('python') && !ownPython.includes(install?.value))
		profile.set('python', { value: python, stated: os.stated });
	const sqlite = os && sqliteOf(String(os.value));
	// The system's SQLite only matters if it is the database.
	if (os && sqlite && profile.get('database')?.value === 'sqlite' && !profile.has('sqlite'))
		if (!ownPython.includes(install?.value)) profile.set('sqlite', { value: sqlite, stated: os.stated });
}

/**
 * Everything known from two sources, including what follows only from both together: a person names the system, and
 * the configuration says that SQLite is the database. If they differ, `over` counts.
 */
export function together(under: Profile, over: Profile): Profile {
	const profile = new Map([...under, ...over]);
	addSystem(profile);
	return profile;
}

export function isContradiction(result: Profile | Contradiction): result is Contradiction {
	return !(result instanceof Map);
}

/** The profile as JSON: each known fact with its value, in the order of the lists above. */
export function profileJson(profile: Profile): Record<string, string | boolean> {
	const order = [...Object.keys(closedFacts), ...Object.keys(openFacts)] as Fact[];
	return Object.fromEntries(
		order.flatMap(fact => {
			const known = profile.get(fact);
			return known ? [[fact, known.value]] : [];
		}),
	);
}

/** Compares dotted numbers: `9.6` is less than `10`. */
export function compareNumbers(a: string, b: string): number {
	const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
	for (let i = 0; i < Math.max(left.length, right.length); i++) {
		const difference = (left[i] ?? 0) - (right[i] ?? 0);
		if (difference) return difference;
	}
	return 0;
}

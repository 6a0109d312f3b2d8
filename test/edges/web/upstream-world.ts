// All of upstream on loopback, in the form of the real documents: GitHub's API and raw files, endoflife.date, OSV and
// the playbook. The content consists of facts (versions, dates, code names), without any of upstream's text.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SourcesSettings } from '../../../src/edges/web/sources.ts';
import type { Release } from '../../../src/knowledge/schema/synapse.ts';
import { hashOf } from '../../../src/knowledge/upstream/passage.ts';
import { chartFeed, chartValues } from './upstream.ts';
import { ours, type World } from './world.ts';

export type PlayedRelease = {
	version: string;
	/** As on GitHub: `2026-03-01`. */
	date: string;
	tag?: string;
	body?: string;
	draft?: boolean;
	schema?: number;
	schemaCompat?: number;
	/** The tag is missing, and with it the files. */
	untagged?: boolean;
	/** Upstream has deleted the release, but not its tag. */
	deleted?: boolean;
	/** The text of its section in docs/upgrade.md. */
	upgrade?: string;
};

/** What each host serves. A test may change anything between two reads. */
export type UpstreamWorld = {
	releases: PlayedRelease[];
	/** Entries in GitHub's list of advisories, and in OSV's `vulns`. */
	advisories: unknown[];
	vulns: unknown[];
	/** Releases by product, as in endoflife.date. */
	products: Record<string, unknown[]>;
	builds: string[];
	playbook: { synapse: string; entries: [date: string, title: string, text: string][] };
	/** Newest first. `synapse` is the version that the chart's values install; `untagged` charts have no values. */
	charts: { chart: string; date: string; synapse?: string; log?: string; draft?: boolean; untagged?: boolean }[];
	/** Responses that replace the usual ones, by host and path without query. */
	instead: Map<string, (request: IncomingMessage, response: ServerResponse) => void>;
	/** Changes every text before it is sent. */
	mangle?: ((place: string, text: string) => string) | undefined;
	/** Sends the response itself if it returns true. `place` is the host and the path without query. */
	intercept?: ((place: string, text: string, response: ServerResponse) => boolean) | undefined;
	perPage: number;
	/** Requests in the order in which they arrived. */
	asked: { host: string; path: string; status: number; authorization?: string | undefined }[];
	settings: SourcesSettings;
};

const api = 'api.github.com';
const raw = 'raw.githubusercontent.com';
const hosts = [api, raw, 'endoflife.date', 'api.osv.dev'];
const repository = '/repos/element-hq/synapse';

/** A release as GitHub's API returns it, with all fields. */
export function githubRelease({
	version,
	date,
	tag = `v${version}`,
	body,
	draft = false,
}: PlayedRelease): Record<string, unknown> {
	const id = hashOf(tag);
	const text = body ?? `# Synapse ${version} (${date})\n\nNo significant changes.\n`;
	return {
		url: `https://${api}${repository}/releases/${id}`,
		html_url: `https://github.com/element-hq/synapse/releases/tag/${tag}`,
		id: Number.parseInt(id, 16),
		author: { login: 'someone', id: 1, type: 'User', site_admin: false },
		node_id: `RE_${id}`,
		tag_name: tag,
		target_commitish: 'develop',
		name: tag,
		draft,
		immutable: false,
		prerelease: version.includes('rc'),
		created_at: `${date}T10:00:00Z`,
		updated_at: `${date}T12:00:00Z`,
		published_at: draft ? null : `${date}T12:00:00Z`,
		assets: [],
		tarball_url: `https://${api}${repository}/tarball/${tag}`,
		// Editing a release in a browser leaves Windows line endings.
		body: text.replaceAll('\n', '\r\n'),
		reactions: { total_count: 3, '+1': 3 },
	};
}

/** An advisory as GitHub's API returns it. `parts`: package and range. */
export function githubAdvisory(
	ghsa: string,
	parts: [name: string, range: string][],
	more: Record<string, unknown> = {},
): Record<string, unknown> {
	return {
		ghsa_id: ghsa,
		cve_id: null,
		url: `https://${api}${repository}/security-advisories/${ghsa}`,
		html_url: `https://github.com/element-hq/synapse/security/advisories/${ghsa}`,
		summary: `Something of ${ghsa}`,
		description: '### Impact\r\n\r\nSomething.\r\n',
		severity: 'high',
		author: null,
		publisher: { login: 'someone' },
		identifiers: [{ value: ghsa, type: 'GHSA' }],
		state: 'published',
		created_at: null,
		updated_at: '2026-01-02T00:00:00Z',
		published_at: '2026-01-02T00:00:00Z',
		closed_at: null,
		withdrawn_at: null,
		submission: null,
		vulnerabilities: parts.map(([name, range]) => ({
			package: { ecosystem: 'pip', name },
			vulnerable_version_range: range,
			patched_versions: '',
			vulnerable_functions: [],
		})),
		cvss: { vector_string: null, score: null },
		cwes: [],
		credits: [],
		...more,
	};
}

/** A record as OSV returns it. */
export function osvRecord(id: string, affected: Record<string, unknown>[], more: Record<string, unknown> = {}) {
	return {
		id,
		summary: `Something of ${id}`,
		details: 'Something.',
		aliases: [],
		modified: '2026-01-03T00:00:00.123456Z',
		published: '2026-01-02T00:00:00Z',
		database_specific: { severity: 'HIGH', cwe_ids: ['CWE-20'], github_reviewed: true },
		references: [{ type: 'WEB', url: 'https://example.org' }],
		affected: affected.map(part => ({
			package: { name: 'matrix-synapse', ecosystem: 'PyPI', purl: 'pkg:pypi/matrix-synapse' },
			database_specific: { source: 'https://example.org' },
			...part,
		})),
		schema_version: '1.7.0',
		...more,
	};
}

export const pypi = (...events: Record<string, string>[]) => ({ type: 'ECOSYSTEM', events });

/** A product's release as endoflife.date returns it. */
export function productRelease(name: string, codename: string | null, released: string, ends: string | null) {
	return {
		name,
		codename,
		label: codename ? `${name} (${codename})` : name,
		releaseDate: released,
		isLts: false,
		ltsFrom: null,
		isEol: ends !== null && ends < '2026-01-01',
		eolFrom: ends,
		isMaintained: true,
		latest: { name: `${name}.1`, date: released, link: 'https://example.org' },
		custom: null,
	};
}

/** All versions on the pages, even those that nobody runs Synapse on. */
export function allProducts(): Record<string, unknown[]> {
	const debian: [string, string, string, string | null][] = [
		['14', 'Forky', '2027-06-01', null],
		['13', 'Trixie', '2025-08-09', '2028-08-09'],
		['12', 'Bookworm', '2023-06-10', '2026-06-10'],
		['11', 'Bullseye', '2021-08-14', '2024-08-14'],
		['10', 'Buster', '2019-07-06', '2022-09-10'],
		['9', 'Stretch', '2017-06-17', '2020-07-18'],
		['8', 'Jessie', '2015-04-25', '2018-06-17'],
		['7', 'Wheezy', '2013-05-04', '2016-04-25'],
		['6', 'Squeeze', '2011-02-06', '2014-05-31'],
		['1.1', 'Buzz', '1996-06-17', '1997-06-05'],
	];
	const ubuntu: [string, string, string, string][] = [
		['27.04', 'Zany Zebra', '2027-04-20', '2028-01-20'],
		['26.10', 'Stonking Stingray', '2026-10-15', '2027-07-15'],
		['26.04', 'Resolute Raccoon', '2026-04-23', '2031-04-30'],
		['25.10', 'Questing Quokka', '2025-10-09', '2026-07-01'],
		['24.04', 'Noble Numbat', '2024-04-25', '2029-05-31'],
		['22.04', 'Jammy Jellyfish', '2022-04-21', '2027-04-01'],
		['20.10', 'Groovy Gorilla', '2020-10-22', '2021-07-22'],
		['14.04', 'Trusty Tahr', '2014-04-17', '2019-04-25'],
		['4.10', 'Warty Warthog', '2004-10-26', '2006-04-30'],
	];
	const python = ['3.15', '3.14', '3.13', '3.12', '3.11', '3.10', '3.9', '3.0', '2.7', '2.6'];
	const postgresql = ['19', '18', '17', '16', '15', '14', '13', '9.6', '9.5', '8.3', '6.3'];
	return {
		debian: debian.map(release => productRelease(...release)),
		ubuntu: ubuntu.map(release => productRelease(...release)),
		python: python.map((name, at) => productRelease(name, null, `${2026 - at}-10-07`, `${2031 - at}-10-31`)),
		postgresql: postgresql.map((name, at) => productRelease(name, null, `${2026 - at}-09-25`, `${2031 - at}-11-12`)),
	};
}

/** Simulated releases from those in the knowledge. */
export function playedReleases(releases: readonly Release[]): PlayedRelease[] {
	return releases.map(({ version, date, schema, schemaCompat }) => ({
		version,
		date,
		...(schema !== undefined && { schema }),
		...(schemaCompat !== undefined && { schemaCompat }),
	}));
}

/** docs/upgrade.md in the last of these releases. */
export function upgradeNotes(releases: readonly PlayedRelease[]): string {
	const former = Array.from({ length: 60 }, (_, i) => `# Upgrading to v1.${60 - i}.0\n\nNothing to do.\n`);
	const sections = releases.flatMap(({ version, upgrade }) =>
		upgrade === undefined ? [] : [`# Upgrading to v${version.replace(/rc\d+$/, '')}\n\n${upgrade}\n`],
	);
	return ['# Upgrading Synapse\n\nRead this first.\n', ...sections.reverse(), ...former].join('\n');
}

function fileOf(world: UpstreamWorld, release: PlayedRelease, path: string): string | undefined {
	const { schema = 93, schemaCompat = 90 } = release;
	const until = world.releases.filter(({ date }) => date <= release.date);
	const files: Record<string, () => string> = {
		'synapse/storage/schema/__init__.py': () =>
			`SCHEMA_VERSION = ${schema}  # remember to update the list below when updating\n\nSCHEMA_COMPAT_VERSION = (\n    # some words\n    ${schemaCompat}\n)\n`,
		'pyproject.toml': () => '[project]\nname = "matrix-synapse"\nrequires-python = ">=3.10.0,<4.0.0"\n',
		'synapse/storage/engines/postgres.py': () =>
			'            if not allow_outdated_version and self._version < 140000:\n                raise RuntimeError("old")\n',
		'synapse/storage/engines/sqlite.py': () =>
			'        if sqlite3.sqlite_version_info < (3, 40, 0):\n            raise RuntimeError("old")\n',
		'rust/Cargo.toml': () => '[package]\nrust-version = "1.82.0"\n',
		'scripts-dev/build_debian_packages.py': () =>
			`import sys\n\nDISTS = (\n${world.builds.map(build => `    "${build}",  # (EOL some day)\n`).join('')})\n\nDESC = """\\\nBuilds.\n"""\n`,
		'docs/upgrade.md': () => upgradeNotes(until),
	};
	return Object.hasOwn(files, path) ? files[path]?.() : undefined;
}

function playbookFiles({ playbook }: UpstreamWorld): Record<string, string> {
	const former = Array.from({ length: 30 }, (_, i): [string, string, string] => [
		`2025-01-${String(30 - i).padStart(2, '0')}`,
		'A bridge',
		'It is there.',
	]);
	const entries = [...playbook.entries, ...former];
	return {
		'CHANGELOG.md': entries.map(([date, title, text]) => `# ${date}\n\n## ${title}\n\n${text}\n`).join('\n'),
		'roles/custom/matrix-synapse/defaults/main.yml': `---\nmatrix_synapse_enabled: true\n# renovate: datasource=docker\nmatrix_synapse_version: v${playbook.synapse}\n`,
	};
}

type Answered = { text: string; link?: string };

/** The document at a URL, or undefined. */
export function textAt(world: UpstreamWorld, url: URL): Answered | undefined {
	const { pathname, host } = url;
	if (host === api && pathname === `${repository}/releases`) {
		const listed = world.releases.filter(({ deleted }) => !deleted);
		const newest = listed.toSorted((a, b) => b.date.localeCompare(a.date)).map(githubRelease);
		return paged(url, newest, world.perPage);
	}
	if (host === api && pathname === '/repos/element-hq/ess-helm/releases')
		return paged(url, JSON.parse(chartFeed(...world.charts)) as unknown[], world.perPage);
	if (host === api && pathname === `${repository}/security-advisories`)
		return paged(url, world.advisories, world.perPage);
	if (host === 'api.osv.dev' && pathname === '/v1/query') return { text: JSON.stringify({ vulns: world.vulns }) };
	const product = /^\/api\/v1\/products\/(\w+)$/.exec(pathname)?.[1] ?? '';
	if (host === 'endoflife.date' && Object.hasOwn(world.products, product)) {
		const result = {
			name: product,
			label: product,
			category: 'os',
			labels: { eol: 'Support' },
			links: {},
			releases: world.products[product],
		};
		return {
			text: JSON.stringify({
				schema_version: '1.2.0',
				generated_at: '2026-01-01T00:00:00+00:00',
				last_modified: '2026-01-01T00:00:00+00:00',
				result,
			}),
		};
	}
	if (host !== raw) return undefined;
	const chart = /^\/element-hq\/ess-helm\/([\d.]+)\/charts\/matrix-stack\/values\.yaml$/.exec(pathname)?.[1];
	if (chart !== undefined) {
		const found = world.charts.find(one => one.chart === chart && !one.untagged);
		return found && { text: chartValues(found.synapse ?? '1.150.0') };
	}
	const playbook = /^\/spantaleev\/matrix-docker-ansible-deploy\/master\/(.+)$/.exec(pathname)?.[1];
	const [, tag, path = ''] = /^\/element-hq\/synapse\/(v[^/]+)\/(.+)$/.exec(pathname) ?? [];
	const release = world.releases.find(({ version, tag: own = `v${version}`, untagged }) => own === tag && !untagged);
	const text = playbook === undefined ? release && fileOf(world, release, path) : playbookFiles(world)[playbook];
	return text === undefined ? undefined : { text };
}

function paged(url: URL, all: readonly unknown[], perPage: number): Answered {
	const page = Number(url.searchParams.get('page') ?? 1);
	const last = Math.max(1, Math.ceil(all.length / perPage));
	const to = (other: number, rel: string) => {
		const target = new URL(url);
		target.searchParams.set('page', String(other));
		return `<${target.href}>; rel="${rel}"`;
	};
	const links = [
		...(page > 1 ? [to(page - 1, 'prev')] : []),
		...(page < last ? [to(page + 1, 'next'), to(last, 'last')] : []),
	];
	return {
		text: JSON.stringify(all.slice((page - 1) * perPage, page * perPage)),
		...(links.length && { link: links.join(', ') }),
	};
}

/** What upstream says, before it is served. */
export function upstreamWorld(given: Partial<UpstreamWorld> = {}): UpstreamWorld {
	return {
		releases: [],
		advisories: [],
		vulns: [],
		products: allProducts(),
		builds: ['debian:bookworm', 'debian:sid', 'ubuntu:jammy', 'ubuntu:noble', 'debian:trixie'],
		playbook: { synapse: '1.150.0', entries: [] },
		charts: [],
		instead: new Map(),
		perPage: 100,
		asked: [],
		settings: standardSettings(),
		...given,
	};
}

/** Serves all of upstream's hosts, at the addresses of the default configuration. */
export async function openUpstreamWorld(world: World, given: Partial<UpstreamWorld> = {}): Promise<UpstreamWorld> {
	const upstream = upstreamWorld(given);
	for (const host of hosts) world.zone.a(host, ours);
	await world.https({ port: 443, names: hosts }, (request, response) => {
		const host = request.headers.host ?? '';
		const url = new URL(request.url ?? '/', `https://${host}`);
		const heard = { host, path: request.url ?? '', status: 0, authorization: request.headers.authorization };
		upstream.asked.push(heard);
		response.on('finish', () => {
			heard.status = response.statusCode;
		});
		const instead = upstream.instead.get(`${host}${url.pathname}`);
		if (instead) return instead(request, response);
		const found = textAt(upstream, url);
		if (!found) return response.writeHead(404).end('404: Not Found');
		const place = `${host}${url.pathname}`;
		const text = upstream.mangle?.(place, found.text) ?? found.text;
		if (upstream.intercept?.(place, text, response)) return;
		const etag = `W/"${hashOf(text + (found.link ?? ''))}"`;
		const headers = { etag, date: new Date(0).toUTCString(), ...(found.link && { link: found.link }) };
		if (request.headers['if-none-match'] === etag) return response.writeHead(304, headers).end();
		response.writeHead(200, headers).end(text);
	});
	return upstream;
}

function standardSettings(): SourcesSettings {
	const master = `https://${raw}/spantaleev/matrix-docker-ansible-deploy/master`;
	return {
		seconds: 10,
		releases: { address: `https://${api}${repository}/releases?per_page=100`, hours: 1 },
		upgradeNotes: { address: `https://${raw}/element-hq/synapse/{tag}/docs/upgrade.md`, hours: 6 },
		files: { address: `https://${raw}/element-hq/synapse/{tag}/{path}`, hours: 6 },
		advisories: { address: `https://${api}${repository}/security-advisories?per_page=100`, hours: 6 },
		lifecycles: { address: 'https://endoflife.date/api/v1/products/{product}', hours: 24 },
		playbook: {
			changes: `${master}/CHANGELOG.md`,
			defaults: `${master}/roles/custom/matrix-synapse/defaults/main.yml`,
			hours: 6,
		},
		charts: {
			releases: `https://${api}/repos/element-hq/ess-helm/releases?per_page=100`,
			values: `https://${raw}/element-hq/ess-helm/{tag}/charts/matrix-stack/values.yaml`,
			hours: 6,
		},
	};
}

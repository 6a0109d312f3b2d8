// Upstream as it could look one day, in our own words: a feed, upgrade notes, advisories, lifecycles, a playbook.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SourcesSettings } from '../../../src/edges/web/sources.ts';
import type { KnownUpstream } from '../../../src/knowledge/live.ts';
import { hashed, hashOf } from '../../../src/knowledge/upstream/passage.ts';
import { upgradePassages } from '../../../src/knowledge/upstream/upgrade-notes.ts';
import { sourceTroubleWords } from '../../../src/messages/upstream-outage.ts';
import type { SourceState } from '../../../src/ports/web.ts';
import { releases } from '../../known.ts';
import { ours, type World } from './world.ts';

const former = Array.from({ length: 50 }, (_, i) => `1.${50 + i}.0`);

export const known: KnownUpstream = {
	releases: releases(
		...former,
		{ version: '1.149.0', schema: 92, schemaCompat: 89 },
		{ version: '1.150.0', schema: 93, schemaCompat: 89 },
	),
	passages: hashed(upgradePassages(upgradeNotes(['1.150.0', '## Pigeons\n\nFeed them.']), version => version)),
	advisories: [],
	charts: ['26.1.0', '26.1.1'],
};

/** What is wrong with a source, in the words that people read. */
export function troubleOf(state: SourceState | undefined): string {
	return state?.trouble === undefined ? '' : sourceTroubleWords(state.trouble);
}

export function feed(...list: { version: string; log?: string; date?: string; draft?: boolean }[]): string {
	return JSON.stringify(
		list.map(({ version, log = 'No significant changes.', date = '2026-03-01', draft = false }) => ({
			tag_name: `v${version}`,
			draft,
			published_at: `${date}T12:00:00Z`,
			body: `# Synapse ${version} (${date})\n\n${log}`,
			html_url: 'https://example.org',
		})),
	);
}

/** Fifty former sections, then these. */
export function upgradeNotes(...sections: [version: string, text: string][]): string {
	return [...sections, ...former.map((version): [string, string] => [version, 'Nothing to do.'])]
		.map(([version, text]) => `# Upgrading to v${version}\n\n${text}\n`)
		.join('\n');
}

export const files: Record<string, string> = {
	'synapse/storage/schema/__init__.py': 'SCHEMA_VERSION = 94\nSCHEMA_COMPAT_VERSION = (\n    # some words\n    90\n)\n',
	'pyproject.toml': '[project]\nrequires-python = ">=3.10"\n',
};

/** The part of the Debian build script that lists the distributions. */
export const builds = (...dists: string[]): string =>
	`import sys\n\nDISTS = (\n${dists.map(dist => `    "${dist}",  # (EOL some day)\n`).join('')})\n\nDESC = "Builds."\n`;

export const advisories = (...more: Record<string, unknown>[]): string =>
	JSON.stringify(
		[{}, ...more].map((own, i) => ({
			ghsa_id: `GHSA-aaaa-bbbb-000${i}`,
			cve_id: `CVE-2026-1000${i}`,
			summary: 'Events of a certain size stop the server',
			severity: 'medium',
			published_at: '2026-03-02T00:00:00Z',
			vulnerabilities: [{ vulnerable_version_range: '>= 1.100.0, < 1.151.0', patched_versions: '1.151.0' }],
			...own,
		})),
	);

export const lifecycle = (name: string, ...versions: [string, string][]): string =>
	JSON.stringify({
		schema_version: '1.2.0',
		result: {
			name,
			releases: versions.map(([version, ends]) => ({ name: version, releaseDate: '2020-01-01', eolFrom: ends })),
		},
	});

export function playbookChanges(...entries: [date: string, title: string, text: string][]): string {
	const former = Array.from({ length: 25 }, (_, i): [string, string, string] => [
		`2025-01-${String(28 - i).padStart(2, '0')}`,
		'A bridge',
		'It is there.',
	]);
	return [...entries, ...former].map(([date, title, text]) => `# ${date}\n\n## ${title}\n\n${text}\n`).join('\n');
}

/** GitHub's list of chart releases, newest first, with other releases in between. */
export function chartFeed(
	...list: { chart: string; log?: string; date?: string; draft?: boolean; headed?: boolean }[]
): string {
	const entry = (tag_name: string, body: string, date: string, draft = false) => ({
		tag_name,
		draft,
		prerelease: false,
		published_at: `${date}T12:00:00Z`,
		body,
		html_url: 'https://example.org',
	});
	return JSON.stringify([
		...list.map(({ chart, log = '## Internal\n\n- Tidy. (#1)', date = '2026-03-01', draft, headed = true }) =>
			entry(chart, `${headed ? `# ESS Community Helm Chart ${chart} (${date})\n\n` : ''}${log}\n`, date, draft),
		),
		entry('matrix-tools-0.5.3', 'Other tools.', '2026-01-01'),
	]);
}

/** The part of a chart's values that says which Synapse it installs. */
export function chartValues(synapse: string): string {
	return `synapse:\n  image:\n    registry: ghcr.io\n    repository: element-hq/synapse\n\n    ## The tag\n    tag: "v${synapse}"\n`;
}

export type Upstream = {
	settings: SourcesSettings;
	/** The document at each path, or a function that responds. */
	pages: Map<string, string | ((request: IncomingMessage, response: ServerResponse) => void)>;
	/** The requested paths, followed by ` 304` if that was the response. */
	asked: string[];
};

/** All of upstream on one host in the simulated world, with the pages that the tests set. */
export async function openUpstream(world: World): Promise<Upstream> {
	const pages: Upstream['pages'] = new Map<string, string>([
		[
			'/releases',
			feed(
				{ version: '1.151.0', log: '## Deprecations and Removals\n\n- Remove the pigeons. ([\\#1](https://x.test))' },
				{ version: '1.150.0' },
			),
		],
		[
			'/v1.151.0/docs/upgrade.md',
			upgradeNotes(
				['1.151.0', 'Read [this](usage/a.md).\n\n## Doves\n\nBuy seed.'],
				['1.150.0', '## Pigeons\n\nFeed them.'],
			),
		],
		['/v1.151.0/scripts-dev/build_debian_packages.py', builds('debian:bookworm', 'debian:sid', 'ubuntu:noble')],
		...Object.entries(files).map(([path, text]): [string, string] => [`/v1.151.0/${path}`, text]),
		['/advisories', advisories()],
		['/eol/postgresql', lifecycle('postgresql', ['14', '2026-11-12'])],
		['/eol/python', lifecycle('python', ['3.10', '2026-10-31'])],
		['/eol/debian', lifecycle('debian', ['12', '2026-06-10'])],
		['/eol/ubuntu', lifecycle('ubuntu', ['24.04', '2029-05-31'])],
		[
			'/changes',
			playbookChanges(['2026-03-03', '(BC Break) Doves instead of pigeons', 'Change [this](docs/doves.md).']),
		],
		[
			'/charts',
			chartFeed(
				{
					chart: '26.2.0',
					log: '## Removed / Breaking Changes\n\n- Remove the pigeons. (#2)\n\n## Internal\n\n- Tidy. (#1)',
				},
				{ chart: '26.1.1' },
			),
		],
		['/26.2.0/values.yaml', chartValues('1.151.0')],
		['/defaults', 'matrix_synapse_enabled: true\n# renovate: x\nmatrix_synapse_version: v1.150.0\n'],
	]);
	const asked: string[] = [];
	world.zone.a('upstream.test', ours);
	await world.https({ port: 443, names: ['upstream.test'] }, (request, response) => {
		const page = pages.get(request.url ?? '');
		if (typeof page === 'function') {
			asked.push(request.url ?? '');
			return page(request, response);
		}
		const etag = page && `"${hashOf(page)}"`;
		const isSame = etag !== undefined && request.headers['if-none-match'] === etag;
		asked.push(`${request.url}${isSame ? ' 304' : ''}`);
		if (isSame) return response.writeHead(304).end();
		response.writeHead(page === undefined ? 404 : 200, etag ? { etag } : {}).end(page);
	});
	const at = (path: string) => `https://upstream.test${path}`;
	return {
		pages,
		asked,
		settings: {
			seconds: 10,
			releases: { address: at('/releases'), hours: 1 },
			upgradeNotes: { address: at('/{tag}/docs/upgrade.md'), hours: 6 },
			files: { address: at('/{tag}/{path}'), hours: 6 },
			advisories: { address: at('/advisories'), hours: 6 },
			lifecycles: { address: at('/eol/{product}'), hours: 24 },
			playbook: { changes: at('/changes'), defaults: at('/defaults'), hours: 6 },
			charts: { releases: at('/charts'), values: at('/{tag}/values.yaml'), hours: 6 },
		},
	};
}

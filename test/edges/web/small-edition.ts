// An edition with little knowledge, and an upstream that is two releases ahead.
import { hashed } from '../../../src/knowledge/upstream/passage.ts';
import { upgradePassages } from '../../../src/knowledge/upstream/upgrade-notes.ts';
import { advisory, known as knowledgeOf, note, releases } from '../../known.ts';
import { githubAdvisory, osvRecord, pypi, type UpstreamWorld, upgradeNotes, upstreamWorld } from './upstream-world.ts';

export const edition = {
	knowledge: {
		...knowledgeOf({
			releases: releases(
				...['1.145.0', '1.146.0', '1.147.0', '1.148.0'],
				{ version: '1.149.0', schema: 92, schemaCompat: 89 },
				{ version: '1.150.0', schema: 93, schemaCompat: 90, postgresql: '14', python: '3.10' },
			),
			notes: [note('1.150.0/old', { deadline: { subject: 'old', at: { version: '1.153.0' }, promised: 'It goes.' } })],
			advisories: [advisory('CVE-2026-1', ['<1.150.0'], { severity: 'high' })],
			lifecycles: { debian: { link: 'https://endoflife.date/debian', releases: [] } },
		}),
		read: '2026-01-10',
	},
	passages: hashed(upgradePassages(upgradeNotes([]), version => version)),
	charts: ['26.2.0', '26.2.1', '26.2.2', '26.2.3'],
};

export function whole(more: Partial<UpstreamWorld> = {}): UpstreamWorld {
	const old = edition.knowledge.releases.map(({ version, date }) => ({ version, date }));
	return upstreamWorld({
		releases: [
			...old,
			{
				version: '1.151.0rc1',
				date: '2026-02-20',
				body: '# Synapse 1.151.0rc1 (2026-02-20)\n\n## Features\n\n- x ([\\#1](https://x.test))\n',
			},
			{
				version: '1.151.0',
				date: '2026-03-01',
				schema: 94,
				schemaCompat: 91,
				upgrade: '## Doves\n\nBuy [seed](usage/a.md).\n\n### More\n\n```\ncode\n```',
				body: '# Synapse 1.151.0 (2026-03-01)\n\n## Deprecations and Removals\n\n- Remove the pigeons. ([\\#1](https://x.test))\n',
			},
			{ version: '1.152.0', date: '2026-03-09', draft: true },
		],
		advisories: [
			githubAdvisory('GHSA-aaaa-bbbb-cccc', [['matrix-synapse', '< 1.151.0']], { cve_id: 'CVE-2026-2' }),
			githubAdvisory('GHSA-dddd-eeee-ffff', [
				['sydent', '<= 2.4.6'],
				['matrix-synapse', '1.139.0, 1.139.1'],
			]),
		],
		vulns: [
			osvRecord(
				'GHSA-aaaa-bbbb-cccc',
				[{ ranges: [pypi({ introduced: '0' }, { fixed: '1.151.0' })], versions: ['1.150.0'] }],
				{
					aliases: ['CVE-2026-2', 'PYSEC-2026-1'],
				},
			),
			osvRecord('PYSEC-2026-1', [{ ranges: [], versions: ['1.149.0', '1.150.0'] }], { aliases: ['CVE-2026-2'] }),
		],
		playbook: { synapse: '1.150.0', entries: [['2026-03-03', '(BC Break) Doves', 'Change this.']] },
		charts: [
			{
				chart: '26.3.0',
				date: '2026-03-02',
				synapse: '1.151.0',
				log: '## Removed / Breaking Changes\n\n- Remove the pigeons. (#2)',
			},
			...['26.2.3', '26.2.2', '26.2.1', '26.2.0'].map(chart => ({ chart, date: '2026-02-01' })),
		],
		...more,
	});
}

/** OSV's address and the query for it. */
export const osv = { address: 'https://api.osv.dev/v1/query', post: '{}', hours: 6 };

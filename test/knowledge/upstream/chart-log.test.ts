// Which bullets of the charts' change log need to be read, and what a chart's values install.
import { expect, test } from 'vitest';
import { chartLogs, installedBy } from '../../../src/knowledge/upstream/chart-log.ts';

const log = `# ESS Community Helm Chart 26.8.1 (2026-08-21)

## Removed / Breaking Changes

- Removed one value in favour of another.

  Both were there. (#1519)

## Added

- A new setting. (#1)
- A new setting, which is now required. (#2)

## Changed

- Upgrade Element Web to v1.12.26.

  Highlights:
  - Room list: the old list is removed

  Full Changelogs:
  - [v1.12.26](https://example.org)

  (#3)
- Upgrade HAProxy to 3.2.

  Its old configuration is no longer read. (#4)
- Requests stay inside the cluster. (#5, #6)
- Upgrade Hookshot to v7.4.4.

  Highlights:
  - Do not log addresses. Fixes GHSA-5c49-6fvm-2xvc

  (#8)
- Upgrade Synapse to v1.139.2.

  Highlights:
  - Fix CVE-2025-61672

  (#9)

## Internal

- CI: faster. (#7)

# ESS Community Helm Chart 25.04.01 (2025-05-16)

### Security

- Fix a hole.
`;

test('lists breaking changes, changes, security and remarks, but not new versions and plain features', () => {
	const [newest, oldest] = chartLogs(log);
	expect(newest?.date).toBe('2026-08-21');
	expect(newest?.bullets.map(({ part, bullet }) => `${part} ${bullet}`)).toEqual([
		'Removed / Breaking Changes #1519',
		'Added #2',
		'Changed #4',
		'Changed #5, #6',
		'Changed #8',
	]);
	expect(oldest).toMatchObject({ chart: '25.04.01', bullets: [{ part: 'Security', bullet: 'Fix a hole' }] });
});

const image = (repository: string, tag: string) =>
	`  image:\n    ## The path\n    repository: ${repository}\n\n    ## The tag\n    tag: ${tag}\n`;

test('reads what is installed from the images in the values', () => {
	const values = `a:\n${image('vectorim/element-web', '"v1.12.8"')}b:\n${image('element-hq/matrix-authentication-service', '"1.9.0"')}c:\n${image('synapse', '"v1.145.0-ess.1"')}`;
	expect(installedBy(values)).toEqual({ synapse: '1.145.0', mas: '1.9.0', elementWeb: '1.12.8' });
	expect(installedBy(`a:\n${image('matrixdotorg/synapse', 'v1.116.0')}`)).toEqual({ synapse: '1.116.0' });
	expect(installedBy(`a:\n${image('synapse', '"v1.147.1.ess.1"')}`)).toEqual({ synapse: '1.147.1' });
	expect(installedBy(`a:\n${image('vectorim/element-web', '"v1.12.8"')}`)).toBeUndefined();
});

import { expect, test } from 'vitest';
import { isNewerEdition, newestEdition } from '../../src/deployment/edition.ts';

test.each([
	["GitHub's list, in any order", '[{"tag_name":"v0.9.0"},{"tag_name":"v0.10.0"},{"tag_name":"v0.2.0"}]', '0.10.0'],
	[
		'drafts and candidates do not count',
		'[{"tag_name":"v2.0.0","draft":true},{"tag_name":"v1.1.0","prerelease":true},{"tag_name":"v1.1.0-rc.1"},{"tag_name":"v1.0.0"}]',
		'1.0.0',
	],
	['one release', '{"tag_name":"v1.2.3"}', '1.2.3'],
	['a version', '{"version":"1.2.3"}', '1.2.3'],
	['other tags are left out', '[{"tag_name":"nightly"},{"tag_name":7},null,"v9.9.9"]', undefined],
	['invalid JSON', '<html>', undefined],
	['nothing', '[]', undefined],
])('%s', (_what, text, expected) => expect(newestEdition(text)).toBe(expected));

test.each([
	['1.0.0', '0.9.9', true],
	['0.10.0', '0.9.0', true],
	['0.9.0', '0.9.0', false],
	['0.8.0', '0.9.0', false],
	['9.9.9', 'a build of mine', false],
])('says whether %s is newer than %s: %s', (version, than, expected) =>
	expect(isNewerEdition(version, than)).toBe(expected),
);

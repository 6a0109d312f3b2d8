// What Synapse requires, in our words: for every refusal since 1.100, and never with the wrong option.
import { expect, test } from 'vitest';
import { optionsNamedIn, refusalTexts, wantOf } from '../../src/advice/why/refusals.ts';
import { compare } from '../../src/deployment/version.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { refusalWords } from '../../src/messages/refusals.ts';

const code = openCode(new URL('../../knowledge/', import.meta.url));
const options = code.options();
const words = (text: string) => refusalWords(wantOf(text), optionsNamedIn(text, options), 'synapse/config/x.py');

test('describes every message since 1.100, except those that say nothing by themselves', () => {
	const recent = refusalTexts(code).filter(({ sites }) =>
		sites.some(({ until }) => until === undefined || compare(until, '1.100.0') > 0),
	);
	expect(recent.length).toBeGreaterThan(200);
	const placed = recent.filter(({ text }) => wantOf(text).is === 'place').map(({ text }) => text);
	expect(placed).toEqual(['Error during initialisation: {} There may be more information in the logs.']);
});

test.each([
	['recaptcha_public_key must be a string.', '`recaptcha_public_key` must be text', 'in quotes'],
	['caches.per_cache_factors must be a dictionary', '`caches.per_cache_factors` must be a mapping', 'indented'],
	['Bad duration {}', 'must be a duration', '`30s`'],
	[
		'You have configured both `turn_shared_secret` and `turn_shared_secret_path`. These are mutually incompatible.',
		'only one of `turn_shared_secret` and `turn_shared_secret_path`',
		'Keep one',
	],
	["Error accessing file '{}' (config for {}): {}", 'missing, not readable', 'path inside'],
	['Missing lxml library. This is required for URL preview API.', '`lxml`', 'Install'],
	['Please specify both a cert path and a key path or neither.', 'missing', 'Add the missing option'],
	['Synapse requires PostgreSQL 14 or above.', 'PostgreSQL', '`!postgres`'],
])('%s', (text, cause, fix) => {
	expect(words(text).cause).toContain(cause);
	expect(words(text).fix).toContain(fix);
});

test('does not confuse what a message recommends with what it refuses', () => {
	const { cause, fix } = words(
		'm.homeserver is not supported in extra_well_known_content, use public_baseurl in base config instead.',
	);
	expect(`${cause} ${fix}`).not.toContain('public_baseurl');
	expect(fix).toContain('extra_well_known_content');
});

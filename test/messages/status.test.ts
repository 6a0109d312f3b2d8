import { expect, test } from 'vitest';
import { statusWords } from '../../src/messages/status.ts';

const status = {
	format: 1 as const,
	version: '0.2.0',
	upSeconds: 60,
	horizon: { release: '1.163.2', read: '2026-11-21' },
	notes: 1,
	unread: 0,
	advisories: 1,
	watch: { servers: [] },
};

test('reports a newer version only if one is known', () => {
	expect(statusWords({ ...status, newer: '0.3.0' }, 'UTC').lead).toContain(
		'* A newer Glia is out: 0.3.0. Please tell my operator',
	);
	expect(statusWords(status, 'UTC').lead).not.toContain('newer');
});

const source = { name: 'releases', address: 'https://example.org', trouble: 'no answer' };

test.each<[string, Partial<Parameters<typeof statusWords>[0]>]>([
	['an unsigned session', { device: { fingerprint: 'f', signed: false } }],
	['a second Glia', { device: { fingerprint: 'f', second: 'OTHER' } }],
	['an old session', { device: { fingerprint: 'f', lingering: ['OLD'] } }],
	['silence in encrypted rooms', { device: { fingerprint: 'f', mute: 'M_UNKNOWN' } }],
	['a lost store', { storeLost: '2026-11-29T12:00:00Z' }],
	['a room that moved away', { awaitsInvitation: { here: '!new:example.org', elsewhere: 0 } }],
	['a source that was never read', { sources: [source] }],
	['a source that is no longer read', { sources: [{ ...source, read: '2026-11-28T12:00:00Z', ago: 86_400 }] }],
	[
		'refused knowledge',
		{ updates: { address: 'https://example.org', refused: { at: '2026-11-29T12:00:00Z', why: 'it is too large' } } },
	],
])('the first line does not say that all is well if there is %s', (_what, more) => {
	const { lead, sections } = statusWords({ ...status, ...more }, 'UTC');
	expect(`${lead}${JSON.stringify(sections)}`).toContain('⚠️');
	expect(lead).toMatch(/^\*\*There are problems:\*\*/);
});

test('says in the first line that all is well if there are no warnings', () => {
	const sources = [
		{ name: 'releases', address: '', read: '2026-11-29T12:00:00Z', ago: 60 },
		{ name: 'charts', address: '' },
	];
	const well = { ...status, sources, device: { fingerprint: 'f', signed: true }, awaitsInvitation: { elsewhere: 2 } };
	const { lead, sections } = statusWords(well, 'UTC');
	expect(`${lead}${JSON.stringify(sections)}`).not.toContain('⚠️');
	expect(lead).toMatch(/^\*\*All is well:\*\*/);
});

test('says whether the homeserver or the store keeps the bot silent in encrypted rooms', () => {
	const words = (muteBy?: 'homeserver' | 'store') => {
		const device = { fingerprint: 'f', mute: 'out of space', ...(muteBy && { muteBy }) };
		return statusWords({ ...status, device }, 'UTC').lead;
	};
	expect(words('store')).toContain('my store cannot record this start (out of space)');
	expect(words('homeserver')).toContain('the homeserver does not store my account data (out of space)');
});

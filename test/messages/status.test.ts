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

test('a newer version is told, and none where none is known', () => {
	expect(statusWords({ ...status, newer: '0.3.0' }, 'UTC').lead).toContain(
		'* A newer Glia is out: 0.3.0. Please tell my operator',
	);
	expect(statusWords(status, 'UTC').lead).not.toContain('newer');
});

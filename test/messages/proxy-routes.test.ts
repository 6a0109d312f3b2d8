import { expect, test } from 'vitest';
import type { ProxyChecked } from '../../src/advice/check/proxy.ts';
import { routeSections, routesVerdict, uncheckedIn } from '../../src/messages/proxy-routes.ts';

const clear: ProxyChecked = { findings: [], unknown: [], undecided: [], problems: [], reached: true };
const verdict = (checked: Partial<ProxyChecked>) => routesVerdict({ ...clear, ...checked }, '1.163.2')[0];

test('gives the all-clear only if everything was checked', () => {
	expect(verdict({})).toBe('The proxy sends all routes of 1.163.2 to the right process.');
	expect(verdict({ undecided: [{ file: 'a', line: 1 }] })).toMatch(/could not check all/);
	expect(verdict({ problems: [{ file: 'a', line: 1, why: 'A brace closes nothing.' }] })).toMatch(
		/could not check all/,
	);
	expect(verdict({ reached: false })).toMatch(/^I could not check/);
});

test('lists what was not checked, and why', () => {
	const checked = {
		...clear,
		undecided: [{ file: 'site.conf', line: 3 }],
		problems: [{ file: 'Caddyfile', line: 0, why: 'This file is for Caddy.' }],
	};
	expect(uncheckedIn(checked).map(({ file, line }) => [file, line])).toEqual([
		['Caddyfile', 0],
		['site.conf', 3],
	]);
	const [section] = routeSections(checked, '1.163.2');
	expect(section?.title).toBe('Could not check in the proxy (2)');
	expect(section?.markdown).toContain('`Caddyfile`: This file is for Caddy.');
	expect(section?.markdown).toContain('`site.conf:3`');
});

// What clients and bridges require of a server: reported if the release is too old, and only to those concerned.
import { expect, test } from 'vitest';
import { faultsOn } from '../../src/advice/upgrade/faults.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { deployed } from '../deployed.ts';

const known = await openKnowledge(new URL('../../knowledge/', import.meta.url));

function told(target: string, facts: string): string[] {
	const faults = faultsOn({ from: '1.50.0', to: target, halts: [], profile: deployed(facts) }, known);
	return faults.flatMap(({ id, at }) => (at === 'target' ? [id] : []));
}

test.each([
	['1.0.0/element-x', '1.113.0', '1.114.0', 'docker'],
	['1.0.0/element-web-1-11-40', '1.53.0', '1.54.0', 'docker'],
	['1.0.0/mautrix-bridges', '1.69.0', '1.70.0', 'appservices'],
	['1.0.0/mautrix-media', '1.110.0', '1.111.0', 'appservices'],
	['1.0.0/call-transports', '1.139.2', '1.140.0', 'docker'],
	['1.86.0/mas-1-2', '1.135.2', '1.136.0', 'mas'],
])('%s: needs a release above %s, and accepts %s', (id, old, young, facts) => {
	expect(told(old, facts)).toContain(id);
	expect(told(young, facts)).not.toContain(id);
	const fault = known.faults.find(other => other.id === id);
	expect(fault).toMatchObject({ severity: 'noticeable', danger: 'nothing', fixed: young });
	expect(fault?.onlyIf).toMatch(/users|bridge|MAS/);
	expect(fault?.sources.length).toBeGreaterThan(0);
});

test('applies requirements of bridges and of MAS only to those who have them', () => {
	expect(told('1.69.0', 'no-appservices')).not.toContain('1.0.0/mautrix-bridges');
	expect(told('1.135.2', 'no-mas')).not.toContain('1.86.0/mas-1-2');
});

// Notes that no configuration decides are joined into one step, and so are those about packages of several systems.
import { expect, test } from 'vitest';
import { plan } from '../../../src/advice/upgrade/plan.ts';
import { tally } from '../../../src/advice/upgrade/tally.ts';
import { type Profile, parseTerm, profileOf } from '../../../src/deployment/facts.ts';
import type { Note } from '../../../src/knowledge/schema/synapse.ts';
import { worded } from '../../../src/messages/switch.ts';
import { known, note } from '../../known.ts';

function facts(text: string): Profile {
	return profileOf(text.split(' ').flatMap(word => parseTerm(word) ?? [])) as Profile;
}

function decided(notes: Note[], said = 'docker', more: Parameters<typeof known>[0] = {}) {
	const way = { from: '1.0.0', to: '1.3.0', profile: facts(said), today: '2026-11-29' };
	return plan(way, known({ ...more, notes }));
}

function planned(...asked: Parameters<typeof decided>) {
	return worded(decided(...asked));
}

const script = { must: true, onlyIf: 'a script reads the log', foundIn: 'scripts' } as const;

test('combines what no file can decide into one step, with each condition next to its text', () => {
	const { steps } = planned([
		note('1.1.0/log', { ...script, endpoints: ['/a'] }),
		note('1.2.0/proxy', { ...script, when: 'before', foundIn: 'proxy', onlyIf: 'a proxy caches' }),
		note('1.2.0/file', { must: true, onlyIf: '`a` is set', found: { option: 'a' } }),
	]);
	const step = steps.find(({ id }) => id === '1.3.0/outside');
	expect(step).toMatchObject({
		when: 'before',
		must: false,
		concerned: true,
		onlyIf: 'one of the conditions below applies (your configuration does not show whether it does)',
		title: 'May apply to you: check your scripts and the proxy',
		tells: ['1.1.0/log', '1.2.0/proxy'],
		endpoints: ['/a'],
	});
	expect(step?.text).toContain('*During the upgrade: only if a script reads the log:*\n\nText of 1.1.0/log.');
	expect(step?.text).toContain('*Only if a proxy caches:*');
	expect(steps.map(({ id }) => id)).toEqual(['1.3.0/outside', '1.2.0/file', '1.3.0/switch', '1.3.0/try']);
});

test.each([
	['a refusal to start', { refuses: true }],
	['information', { must: false }],
	['a note that may not affect this deployment', { applies: { all: ['workers'] } }],
	['a change that cannot be undone', { oneWay: 'It stays.' }],
	['a note that a query decides', { foundIn: 'database' as const }],
])('keeps %s as a separate step', (_, more) => {
	const ids = planned([note('1.1.0/log', { ...script, ...more })]).steps.map(({ id }) => id);
	expect(ids).toContain('1.1.0/log');
	expect(ids).not.toContain('1.3.0/outside');
});

test('a single note needs no list of conditions', () => {
	const step = planned([note('1.1.0/log', script)]).steps.find(({ id }) => id === '1.3.0/outside');
	expect(step).toMatchObject({
		onlyIf: 'the condition below applies (your configuration does not show whether it does)',
	});
	expect(step?.text).toMatch(/^\*\*1\.1\.0: /);
});

test('counts as one possible thing to do, and blocks nothing', () => {
	const notes = [note('1.1.0/log', script), note('1.2.0/other', script)];
	// Both with and without words, because a status card counts one and a plan the other.
	for (const found of [decided(notes), planned(notes)])
		expect(tally(found)).toMatchObject({ sure: 0, perhaps: 1, empty: false });
	expect(planned(notes).steps[0]).toMatchObject({ check: true });
	expect(planned(notes).steps[0]).not.toHaveProperty('otherwise');
});

const ended = (id: string, os: string) =>
	note(id as '1.1.0/x', { must: true, when: 'before', applies: { all: ['install=debian', `os=${os}`] } });
const systems = [ended('1.1.0/no-debian-10', 'debian-10'), ended('1.2.0/no-ubuntu-20', 'ubuntu-20.04')];
const lifecycles = {
	debian: {
		releases: [
			{ version: '10', released: '2019-07-06', packages: { first: '0.1.0', last: '1.0.0' } },
			{ version: '12', released: '2023-06-10', packages: { first: '0.1.0' } },
		],
	},
} as unknown as NonNullable<Parameters<typeof known>[0]>['lifecycles'];

test('asks once about packages of several systems if the system is not stated', () => {
	const more = lifecycles ? { lifecycles } : {};
	const { steps } = planned(systems, 'debian', more);
	const step = steps.find(({ id }) => id === '1.3.0/which-system');
	expect(step).toMatchObject({ concerned: true, ask: ['os'], tells: ['1.1.0/no-debian-10', '1.2.0/no-ubuntu-20'] });
	expect(step?.text).toContain('1.3.0 packages for Debian 12.');
	expect(step?.text).toContain('* Debian 10: up to 1.0.0');
	expect(steps.filter(({ id }) => id.includes('no-'))).toEqual([]);
	const stated = planned(systems, 'debian os=debian-10', more).steps.map(({ id }) => id);
	expect(stated).toContain('1.1.0/no-debian-10');
	expect(stated).not.toContain('1.3.0/which-system');
	expect(planned(systems, 'docker', more).steps.map(({ id }) => id)).toEqual(['1.3.0/switch', '1.3.0/try']);
	expect(planned(systems, 'workers', more).steps[0]).toMatchObject({ concerned: 'unknown' });
});

const wait = {
	id: 'wait',
	ways: [{ from: '<1.0.0', to: '>=1.3.0' }],
	first: '1.0.0',
	last: '1.2.0',
	best: '1.2.0',
	required: true,
	waitFor: 'background updates',
	waitAtStart: '>=1.0.0 <1.3.0',
	ruins: true,
	sticks: false,
	tryFrom: [],
	tells: ['1.3.0/stuck'],
	settles: [],
	why: 'Else it breaks.',
};

test('lets a wait replace the notes that it settles, however old, and names them', () => {
	const stuck = { ...script, when: 'before', foundIn: 'database', story: 'stuck' } as const;
	const notes = [note('1.1.0/first', { ...stuck }), note('1.3.0/stuck', { ...stuck, possible: '1.2.0' })];
	const ids = (settles: string[]) =>
		planned(notes, 'docker', { stops: [{ ...wait, settles }] }).steps.map(({ id, tells }) => [id, tells]);
	expect(ids(['1.3.0/stuck'])).toEqual([
		['1.0.0/wait', ['1.3.0/stuck', '1.1.0/first']],
		['1.3.0/switch', []],
		['1.3.0/try', []],
	]);
	expect(ids([]).map(([id]) => id)).toEqual(['1.0.0/wait', '1.3.0/stuck', '1.3.0/switch', '1.3.0/try']);
});

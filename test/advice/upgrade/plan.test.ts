import { describe, expect, test } from 'vitest';
import { plan } from '../../../src/advice/upgrade/plan.ts';
import { unknownDeployment } from '../../../src/deployment/facts.ts';
import type { Knowledge } from '../../../src/knowledge/schema/synapse.ts';
import { deployed } from '../../deployed.ts';
import { advisory, known, note, releases } from '../../known.ts';

function planned(from: string, to: string, knowledge: Knowledge, profile = unknownDeployment) {
	return plan({ from, to, profile, today: '2026-11-21' }, knowledge);
}

/** The IDs of the steps, without the final test that every plan has. */
function ids(steps: readonly { id: string }[]): string[] {
	return steps.map(({ id }) => id).filter(id => !id.endsWith('/try'));
}

describe('the range', () => {
	const knowledge = known({
		releases: releases('1.0.0', '1.1.0rc1', '1.1.0', '1.2.0', '1.3.0'),
		notes: ['1.0.0/a', '1.1.0/b', '1.2.0/c', '1.3.0/d'].map(id => note(id as '1.0.0/a')),
	});
	test.each([
		['1.0.0', '1.2.0', ['1.1.0/b', '1.2.0/c', '1.2.0/switch']],
		['1.1.0rc1', '1.2.0', ['1.1.0/b', '1.2.0/c', '1.2.0/switch']],
		['1.0.0', '1.1.0rc1', ['1.1.0/b', '1.1.0rc1/switch']],
		['1.2.0', '1.3.0', ['1.3.0/d', '1.3.0/switch']],
	])('%s → %s', (from, to, expected) => expect(ids(planned(from, to, knowledge).steps)).toEqual(expected));
});

test('whether a note certainly applies depends on the start of the leg that reaches it', () => {
	const knowledge = known({
		releases: releases('1.0.0', '1.1.0', '1.2.0', '1.3.0'),
		notes: [note('1.3.0/a', { onlyIf: 'it is queued', certainBelow: '1.2.0', must: true })],
	});
	const onlyIf = (from: string) => planned(from, '1.3.0', knowledge).steps.find(({ id }) => id === '1.3.0/a')?.onlyIf;
	expect(onlyIf('1.1.0')).toBeUndefined();
	expect(onlyIf('1.2.0')).toBe('it is queued');
});

describe('the order of steps', () => {
	const knowledge = known({
		notes: [
			note('1.1.0/early', { when: 'before' }),
			note('1.2.0/possible-later', { when: 'before', possible: '1.1.0' }),
			note('1.2.0/cleanup', { when: 'after' }),
			note('1.2.0/stops-the-start', { when: 'before', must: true, refuses: true }),
			note('1.2.0/must', { when: 'before', must: true }),
		],
	});
	test('puts refusals first, then requirements, by release', () => {
		expect(ids(planned('1.0.0', '1.2.0', knowledge).steps)).toEqual([
			'1.2.0/stops-the-start',
			'1.2.0/must',
			'1.1.0/early',
			'1.2.0/possible-later',
			'1.2.0/switch',
			'1.2.0/cleanup',
		]);
	});
	test('sorts unsorted notes: refusals, requirements, information; certain before uncertain; by release', () => {
		const unsure = { applies: { all: ['workers'] } };
		const steps = [
			note('1.1.0/refuses', { refuses: true, must: true }),
			note('1.2.0/refuses', { refuses: true, must: true }),
			note('1.1.0/may-refuse', { refuses: true, must: true, ...unsure }),
			note('1.2.0/may-refuse', { refuses: true, must: true, onlyIf: '`a` is set' }),
			note('1.1.0/must', { must: true }),
			note('1.3.0/must', { must: true }),
			note('1.1.0/perhaps', { must: true, ...unsure }),
			note('1.1.0/know'),
			note('1.3.0/know'),
			note('1.1.0/may-know', unsure),
		];
		const sorted = steps.map(({ id }) => id);
		const orders = [
			steps,
			steps.toReversed(),
			steps.map((_, i) => steps[(i * 7 + 3) % steps.length] ?? steps[0]).flatMap(step => step ?? []),
		];
		for (const notes of orders) {
			const { steps: planned_ } = planned('1.0.0', '1.3.0', known({ notes }));
			expect(ids(planned_).filter(id => !id.endsWith('/switch'))).toEqual(sorted);
		}
	});
	test('moves a step that is not possible at the start into the upgrade', () => {
		const when = (from: string) =>
			planned(from, '1.2.0', knowledge).steps.find(({ id }) => id === '1.2.0/possible-later')?.when;
		expect([when('1.0.0'), when('1.1.0')]).toEqual(['switch', 'before']);
	});
});

test('applies the last note of a story to everyone its notes apply to', () => {
	const conditions = (...clauses: (string | undefined)[]) => {
		const notes = clauses.map((onlyIf, i) => note(`1.${i + 1}.0/logs`, { story: 'logs', ...(onlyIf && { onlyIf }) }));
		const way = { from: '1.0.0', to: '1.3.0', profile: unknownDeployment, today: '2026-11-21' };
		return plan(way, known({ notes })).steps.find(({ id }) => id.endsWith('/logs'))?.onlyIf;
	};
	expect(conditions('`a` is set', '`b` is set', '`c` is set')).toBe('`c` is set, or `a` is set, or `b` is set');
	expect(conditions('`a` is set', undefined, '`a` is set')).toBe('`a` is set');
	expect(conditions('`a` is set', '`a` is set, or no list')).toBe('`a` is set, or no list');
	expect(conditions('`a` is set', '`b` is set', undefined)).toBeUndefined();
});

test('shows only the last note of a story, in place of the others', () => {
	const source = (heading: string) => [{ document: 'upgrade.md', section: 's', heading, url: 'https://example.org' }];
	const knowledge = known({
		notes: [
			note('1.1.0/deprecated', { story: 'groups', sources: source('A') }),
			note('1.2.0/off', { story: 'groups', sources: source('B') }),
			note('1.3.0/removed', { story: 'groups', sources: source('C') }),
		],
	});
	const [step] = planned('1.0.0', '1.3.0', knowledge).steps;
	expect(step).toMatchObject({ id: '1.3.0/removed', tells: ['1.1.0/deprecated', '1.2.0/off'] });
	expect(step?.sources.map(({ heading }) => heading)).toEqual(['C', 'A', 'B']);
	expect(ids(planned('1.0.0', '1.2.0', knowledge).steps)).toContain('1.2.0/off');
});

test('hides notes that do not apply, with the fact that rules them out', () => {
	const knowledge = known({
		notes: [note('1.1.0/a', { applies: { all: ['workers'] } }), note('1.1.0/b', { applies: { all: ['postgres<13'] } })],
	});
	const result = planned('1.0.0', '1.1.0', knowledge, deployed('no-workers'));
	expect(result.hidden).toEqual([{ id: '1.1.0/a', title: '1.1.0/a', because: ['no-workers'], sources: [] }]);
	expect(result.steps[0]).toMatchObject({ id: '1.1.0/b', concerned: 'unknown', ask: ['postgres'] });
});

describe('required stops', () => {
	const stop = {
		id: 'old-database',
		ways: [{ from: '<1.1.0', to: '>=1.3.0' }],
		first: '1.1.0',
		last: '1.2.0',
		best: '1.2.0',
		required: true,
		waitFor: 'background updates',
		ruins: true,
		sticks: false,
		tryFrom: [],
		tells: [],
		settles: [],
		why: 'Else it breaks.',
		applies: { all: ['database=postgres'] },
	};
	const knowledge = known({
		stops: [stop],
		notes: [note('1.1.0/a'), note('1.3.0/b'), note('1.2.0/late', { when: 'before', possible: '1.1.0' })],
	});
	test('divide the upgrade into legs, each with its switch and a wait between them', () => {
		const result = planned('1.0.0', '1.3.0', knowledge, deployed('postgres'));
		expect(result.stops).toMatchObject([{ from: '1.1.0', to: '1.2.0', best: '1.2.0', required: true }]);
		expect(ids(result.steps)).toEqual([
			'1.1.0/a',
			'1.2.0/late',
			'1.2.0/switch',
			'1.2.0/wait',
			'1.3.0/b',
			'1.3.0/switch',
		]);
	});
	test('appear if the database is not stated, but not on the other database', () => {
		expect(planned('1.0.0', '1.3.0', knowledge).stops).toHaveLength(1);
		expect(planned('1.0.0', '1.3.0', knowledge, deployed('sqlite')).stops).toEqual([]);
	});
	test('decide whether a later leg starts below a release', () => {
		const notes = [note('1.3.0/a', { onlyIf: 'it is queued', certainBelow: '1.2.0', must: true })];
		const onlyIf = (fact: string) =>
			planned('1.0.0', '1.3.0', known({ stops: [stop], notes }), deployed(fact)).steps.find(
				({ id }) => id === '1.3.0/a',
			)?.onlyIf;
		expect(onlyIf('postgres')).toBe('it is queued');
		expect(onlyIf('sqlite')).toBeUndefined();
	});
	test('are only a wait for those who start at the stop', () => {
		const waiting = known({ stops: [{ ...stop, waitAtStart: '>=1.1.0 <1.3.0' }] });
		const result = planned('1.2.0', '1.3.0', waiting);
		expect(result.stops.filter(({ required }) => required)).toEqual([]);
		expect(result.steps).toMatchObject([
			{ id: '1.2.0/old-database', when: 'before', must: true },
			{ id: '1.3.0/switch' },
			{ id: '1.3.0/try' },
		]);
		expect(ids(planned('1.2.0', '1.3.0', waiting, deployed('sqlite')).steps)).toEqual(['1.3.0/switch']);
		expect(ids(planned('1.1.0', '1.2.0', waiting).steps)).toEqual(['1.2.0/switch']);
	});
	test('settle notes that ask for the same wait, if waiting there is possible', () => {
		const notes = [
			note('1.3.0/empty-first', { when: 'before', must: true, possible: '1.1.0' }),
			note('1.3.0/not-yet-queued', { when: 'before', must: true, possible: '1.2.0' }),
			note('1.1.0/earlier', { when: 'before', must: true }),
		];
		const tells = notes.map(({ id }) => id);
		const asking = known({ notes, stops: [{ ...stop, tells, waitAtStart: '>=1.1.0 <1.3.0' }] });
		const halting = planned('1.0.0', '1.3.0', asking, deployed('postgres')).steps;
		expect(ids(halting)).toEqual(['1.1.0/earlier', '1.2.0/switch', '1.2.0/wait', '1.3.0/switch']);
		expect(halting[2]?.tells).toEqual(['1.3.0/empty-first', '1.3.0/not-yet-queued']);
		const starting = planned('1.1.0', '1.3.0', asking, deployed('postgres')).steps;
		expect(ids(starting)).toEqual(['1.1.0/old-database', '1.3.0/not-yet-queued', '1.3.0/switch']);
		expect(starting[0]?.tells).toEqual(['1.3.0/empty-first']);
	});
	test('settle no certain note if they are uncertain themselves', () => {
		const sure = note('1.3.0/empty-first', { when: 'before', must: true, possible: '1.1.0' });
		const perhaps = note('1.3.0/if-postgres', { when: 'before', must: true, applies: stop.applies });
		const asking = known({ notes: [sure, perhaps], stops: [{ ...stop, tells: [sure.id, perhaps.id] }] });
		expect(ids(planned('1.0.0', '1.3.0', asking).steps)).toEqual([
			'1.2.0/switch',
			'1.2.0/wait',
			'1.3.0/empty-first',
			'1.3.0/switch',
		]);
	});
	test('come first if they are at the start, because they take longest', () => {
		const first = known({
			stops: [{ ...stop, waitAtStart: '>=1.1.0 <1.3.0' }],
			notes: [note('1.3.0/refuses', { when: 'before', must: true, refuses: true })],
		});
		expect(ids(planned('1.1.0', '1.3.0', first).steps)).toEqual([
			'1.1.0/old-database',
			'1.3.0/refuses',
			'1.3.0/switch',
		]);
	});
	test('apply only to the upgrades they name', () => {
		expect(planned('1.0.0', '1.2.0', knowledge).stops).toEqual([]);
		expect(planned('1.1.0', '1.3.0', knowledge).stops).toEqual([]);
	});
});

describe('the final test', () => {
	const notes = [note('1.1.0/clean', { when: 'after', must: true }), note('1.1.0/do')];
	const last = (text = 'docker') => planned('1.0.0', '1.1.0', known({ notes }), deployed(text)).steps;
	test('comes right after the switch', () =>
		expect(last().map(({ id }) => id)).toEqual(['1.1.0/do', '1.1.0/switch', '1.1.0/try', '1.1.0/clean']));
	test('covers what the deployment has', () => {
		const task = (text: string) => last(text).find(({ id }) => id === '1.1.0/try')?.task;
		expect(task('docker')).toMatchObject({ media: true, federation: true, bridges: false });
		expect(task('no-federation no-media appservices')).toMatchObject({
			media: false,
			federation: false,
			bridges: true,
		});
	});
	test('appears once, however many stops there are', () => {
		const stop = { first: '1.1.0', last: '1.1.0', best: '1.1.0', waitFor: 'background updates', why: 'Why.' };
		const more = { id: 'halt', required: true, ruins: true, sticks: false, tryFrom: [], tells: [], settles: [] };
		const ways = [{ from: '<1.1.0', to: '>=1.2.0' }];
		const { steps } = planned('1.0.0', '1.2.0', known({ stops: [{ ...stop, ...more, ways }] }));
		expect(steps.map(({ id }) => id)).toEqual(['1.1.0/switch', '1.1.0/wait', '1.2.0/switch', '1.2.0/try']);
	});
});

describe('minimum versions', () => {
	const knowledge = known({
		releases: releases(
			{ version: '1.0.0', postgresql: '9.6', python: '3.6', sqlite: '3.11' },
			{ version: '1.1.0', postgresql: '10', python: '3.7', sqlite: '3.11' },
			{ version: '1.2.0', postgresql: '10', python: '3.7', sqlite: '3.27', rust: '1.58.1' },
		),
	});
	test('are listed if they rise, with whether the deployment meets them', () => {
		const floors = (text: string) => planned('1.0.0', '1.2.0', knowledge, deployed(text)).floors;
		expect(floors('')).toEqual([
			{ of: 'python', at: '1.1.0', min: '3.7', met: 'unknown' },
			{ of: 'postgresql', at: '1.1.0', min: '10', met: 'unknown' },
			{ of: 'sqlite', at: '1.2.0', min: '3.27', met: 'unknown' },
			{ of: 'rust', at: '1.2.0', min: '1.58.1', met: 'unknown' },
		]);
		expect(floors('docker postgres=9.6')).toEqual([{ of: 'postgresql', at: '1.1.0', min: '10', met: false }]);
		expect(floors('docker postgres=11')).toEqual([{ of: 'postgresql', at: '1.1.0', min: '10', met: true }]);
	});
	test('are listed even if they do not rise if the deployment is below them', () => {
		const result = planned('1.1.0', '1.2.0', knowledge, deployed('docker postgres=9.6'));
		expect(result.floors).toEqual([{ of: 'postgresql', at: '1.1.0', min: '10', met: false }]);
	});
	test('are those of the releases before if the files of a release could not be read yet', () => {
		const unread = known({ releases: [...knowledge.releases, ...releases('1.3.0')] });
		const floors = (from: string, to: string) => planned(from, to, unread, deployed('pip postgres=9.6')).floors;
		expect(floors('1.0.0', '1.3.0')).toEqual(floors('1.0.0', '1.2.0'));
		expect(floors('1.2.0', '1.3.0')).toEqual([{ of: 'postgresql', at: '1.2.0', min: '10', met: false }]);
	});
});

test('sorts advisories into fixed, passed through, open and hidden', () => {
	const knowledge = known({
		advisories: [
			advisory('CVE-1', ['<1.2.0']),
			advisory('CVE-2', ['>=1.1.0 <1.2.0']),
			advisory('CVE-3', ['<1.3.0'], { severity: 'high' }),
			advisory('CVE-4', ['<1.2.0'], { applies: { all: ['url-previews'] } }),
			advisory('CVE-5', ['<1.0.0']),
		],
	});
	expect(planned('1.0.0', '1.2.0', knowledge, deployed('no-url-previews')).advisories).toEqual({
		fixed: ['CVE-1'],
		passedThrough: ['CVE-2'],
		open: [{ id: 'CVE-3', severity: 'high', title: 'CVE-3', fixedIn: '1.3.0' }],
		hidden: [{ id: 'CVE-4', because: ['no-url-previews'] }],
	});
});

test('lists unread passages, those of a candidate under its release', () => {
	const passage = {
		document: 'CHANGES.md',
		part: 'Deprecations and Removals',
		bullet: '#1',
		url: 'https://example.org',
		hash: 'abcdef',
	} as const;
	const knowledge = known({
		unread: [
			{ ...passage, release: '1.1.0rc1' },
			{ ...passage, release: '1.3.0' },
		],
	});
	expect(planned('1.0.0', '1.1.0', knowledge).unread).toHaveLength(1);
});

import { describe, expect, test } from 'vitest';
import { plan } from '../../../src/advice/upgrade/plan.ts';
import { rollback } from '../../../src/advice/upgrade/rollback.ts';
import type { Stop, Verified } from '../../../src/knowledge/schema/synapse.ts';
import { planWords } from '../../../src/messages/plan.ts';
import { rollbackWords } from '../../../src/messages/rollback.ts';
import { trialWords } from '../../../src/messages/trials.ts';
import { known, note, releases } from '../../known.ts';

function verified(run: string[], outcome: Verified['outcome'], more: Partial<Verified> = {}): Verified {
	return {
		claim: `rollback/${run.slice(-2).join('/')}`,
		kind: 'rollback',
		says: `${run.at(-1)} ${outcome} after ${run.at(-2)}`,
		releases: run,
		database: 'sqlite',
		outcome,
		holds: true,
		date: '2026-11-21',
		recipe: 'aaaaaa',
		...more,
	};
}

const all = releases(
	{ version: '1.40.0', schema: 60, schemaCompat: 60 },
	{ version: '1.41.0', schema: 61, schemaCompat: 60 },
	{ version: '1.42.0', schema: 62, schemaCompat: 61 },
	{ version: '1.43.0', schema: 62, schemaCompat: 61 },
	{ version: '1.44.0', schema: 62, schemaCompat: 61 },
);
const trials = [
	verified(['1.40.0', '1.42.0', '1.41.0'], 'starts'),
	verified(['1.40.0', '1.42.0', '1.40.0'], 'refuses', { error: 'Too new for `me`' }),
	verified(['1.40.0', '1.44.0', '1.41.0'], 'starts'),
	verified(['1.40.0', '1.44.0', '1.40.0'], 'refuses', { error: 'Too new' }),
	// That 1.40.0 starts after 1.41.0 says nothing about the floor of 1.42 to 1.44.
	verified(['1.40.0', '1.41.0', '1.40.0'], 'starts'),
];

describe('a rollback', () => {
	const tried = (release: string) =>
		rollback(release, undefined, known({ releases: all, verified: trials })).tried?.map(({ says }) => says);

	test.each([
		['1.42.0', ['1.41.0 starts after 1.42.0', '1.40.0 refuses after 1.42.0']],
		['1.44.0', ['1.41.0 starts after 1.44.0', '1.40.0 refuses after 1.44.0']],
		// Not run itself: the newest release after which 1.41.0 starts, and the oldest after which 1.40.0 does not.
		['1.43.0', ['1.41.0 starts after 1.44.0', '1.40.0 refuses after 1.42.0']],
		['1.41.0', ['1.40.0 starts after 1.41.0']],
		['1.40.0', undefined],
	])('from %s', (release, says) => {
		expect(tried(release)).toEqual(says);
	});

	test("is confirmed in one sentence, with the release's own message", () => {
		const { lead } = rollbackWords(rollback('1.42.0', '1.40.0', known({ releases: all, verified: trials })), []);
		expect(lead).toContain(
			'Tested on 2026-11-21: 1.41.0 starts after 1.42.0; 1.40.0 refuses after 1.42.0, with `` Too new for `me` ``.',
		);
	});
});

describe('a plan', () => {
	const stop: Stop = {
		id: 'halt',
		ways: [{ from: '<=1.41.0', to: '>=1.43.0' }],
		first: '1.42.0',
		last: '1.42.0',
		best: '1.42.0',
		required: true,
		waitFor: 'background updates',
		ruins: true,
		sticks: false,
		tryFrom: [],
		tells: [],
		settles: [],
		why: 'Because.',
	};
	const knowledge = known({
		releases: all,
		stops: [stop],
		notes: [note('1.43.0/owls', { refuses: true, must: true }), note('1.43.0/doves', { refuses: true, must: true })],
		verified: [
			verified(['1.43.0'], 'refuses', { kind: 'refusal', of: '1.43.0/owls', error: 'No owls', says: 'owls refuse' }),
			verified(['1.43.0'], 'starts', { kind: 'refusal', of: '1.43.0/owls', says: 'without owls' }),
			verified(['1.41.0', '1.43.0'], 'refuses', { kind: 'stop', of: 'halt', error: 'Ruined', says: 'a jump refuses' }),
		],
	});
	const way = { from: '1.40.0', to: '1.44.0', profile: new Map(), today: '2026-11-21' };
	const made = plan(way, knowledge);

	test('lists tests at its steps and stops', () => {
		const tried = made.steps.flatMap(step => (step.tried ? [[step.id, step.tried.map(({ says }) => says)]] : []));
		expect(tried).toEqual([
			['1.42.0/wait', ['a jump refuses']],
			['1.43.0/owls', ['owls refuse', 'without owls']],
		]);
		expect(made.stops.find(({ required }) => required)?.tried).toHaveLength(1);
	});

	test('marks tested dangers, and quotes the test in the step', () => {
		const { sections } = planWords(made, []);
		const [dangers] = sections;
		expect(dangers?.markdown).toMatch(/Synapse does not start without step \d \(tested\): 1\.43\.0\/owls/);
		expect(dangers?.markdown).toMatch(/Synapse does not start without step \d: 1\.43\.0\/doves/);
		expect(dangers?.markdown).toMatch(/Stop at 1\.42\.0\*\* .* \(tested\)\./);
		const step = sections.find(({ title }) => title.includes('owls'))?.markdown;
		expect(step).toContain('* Tested on 2026-11-21: owls refuse, with `No owls`.');
		expect(step).not.toContain('without owls');
	});
});

describe('the wording', () => {
	test('has one sentence per day, and says what was only simulated', () => {
		const later = verified(['1.40.0'], 'starts', { date: '2026-12-01', says: 'b', faked: 'sqlite 3.22' });
		expect(trialWords([verified(['1.40.0'], 'starts', { says: 'a' }), later])).toEqual([
			'Tested on 2026-11-21: a.',
			'Tested on 2026-12-01: b (simulated, because nothing that old was available).',
		]);
		expect(trialWords([])).toEqual([]);
		const twice = verified(['1.40.0'], 'starts', { says: 'a' });
		expect(trialWords([twice, { ...twice, database: 'postgresql' }])).toEqual([expect.not.stringContaining('a; a')]);
	});
});

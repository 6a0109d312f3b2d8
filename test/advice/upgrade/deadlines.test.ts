import { describe, expect, test } from 'vitest';
import { deadlines, earliest } from '../../../src/advice/upgrade/deadlines.ts';
import type { Profile } from '../../../src/deployment/facts.ts';
import { unknownDeployment } from '../../../src/deployment/facts.ts';
import type { Knowledge, Note } from '../../../src/knowledge/schema/synapse.ts';
import { deployed } from '../../deployed.ts';
import { known, note, releases } from '../../known.ts';

function promise(
	id: `${string}/${string}`,
	deadline: Omit<NonNullable<Note['deadline']>, 'subject' | 'promised'>,
	more: Partial<Note> = {},
): Note {
	return note(id, { ...more, deadline: { subject: id, promised: 'It goes.', ...deadline } });
}

/** A release every 14 days, up to 1.10.0 on 2026-01-01. */
const fortnightly = releases(
	...Array.from({ length: 11 }, (_, i) => ({
		version: `1.${i}.0`,
		date: new Date(Date.UTC(2026, 0, 1 + (i - 10) * 14)).toISOString().slice(0, 10),
	})),
);

function found(notes: Note[], { all = false, today = '2026-02-01', profile = unknownDeployment as Profile } = {}) {
	return deadlines({ at: '1.10.0', today, all }, profile, known({ releases: fortnightly, notes }));
}

describe('a promise', () => {
	test('is no longer open once kept', () => {
		const notes = [promise('1.5.0/a', { at: { version: '1.7.0' }, landed: '1.7.0' })];
		expect(found(notes)).toEqual([]);
		expect(found(notes, { all: true })).toMatchObject([{ landed: '1.7.0', slipped: false }]);
	});
	test('has slipped if it was kept late or is overdue', () => {
		expect(found([promise('1.5.0/a', { at: { version: '1.7.0' }, landed: '1.9.0' })], { all: true })).toMatchObject([
			{ landed: '1.9.0', slipped: true },
		]);
		expect(found([promise('1.5.0/a', { at: { version: '1.7.0' } })])).toMatchObject([{ landed: null, slipped: true }]);
		expect(found([promise('1.5.0/a', { at: { date: '2026-01' } })])).toMatchObject([{ slipped: true }]);
		expect(found([promise('1.5.0/a', { at: { date: '2026' } })])).toMatchObject([{ slipped: false }]);
	});
	test('has not slipped if it was kept early', () => {
		expect(found([promise('1.5.0/a', { at: { version: '1.7.0' }, landed: '1.6.0' })], { all: true })).toMatchObject([
			{ slipped: false },
		]);
	});
	test('is no longer open once withdrawn', () => {
		const notes = [promise('1.5.0/a', { at: { version: '1.7.0' }, withdrawn: 'It stays.' })];
		expect(found(notes)).toEqual([]);
		expect(found(notes, { all: true })).toMatchObject([{ slipped: false, withdrawn: 'It stays.' }]);
	});
});

test('estimates the month of a future version from the release cadence', () => {
	expect(found([promise('1.5.0/a', { at: { version: '1.15.0' } })])).toMatchObject([{ estimate: '2026-03' }]);
	expect(found([promise('1.5.0/a', { at: { version: '2.0.0' } })])[0]).not.toHaveProperty('estimate');
});

test('puts the earliest deadline first, and vague ones last', () => {
	const notes = [
		promise('1.1.0/vague', { at: { vague: 'some day' } }),
		promise('1.1.0/far', { at: { date: '2027' } }),
		promise('1.1.0/near', { at: { version: '1.15.0' } }),
		promise('1.1.0/overdue', { at: { version: '1.9.0' } }),
	];
	expect(found(notes).map(({ subject }) => subject.split('/')[1])).toEqual(['overdue', 'near', 'far', 'vague']);
});

test('leaves out deadlines that the facts rule out', () => {
	const profile = deployed('no-workers');
	const notes = [
		promise('1.1.0/a', { at: { vague: 'x' } }, { applies: { all: ['workers'] } }),
		promise('1.1.0/b', { at: { vague: 'x' } }),
	];
	expect(found(notes, { profile }).map(({ id }) => id)).toEqual(['1.1.0/b']);
});

test.each([
	['2027', '2027-01-01'],
	['2027-03', '2027-03-01'],
	['2027-03-04', '2027-03-04'],
])('reads %s as %s at the earliest', (written, day) => expect(earliest(written)).toBe(day));

describe('ends of support', () => {
	const lifecycles = {
		postgresql: {
			link: 'https://endoflife.date/postgresql',
			releases: [
				{ version: '12', released: '2019-10-03', ends: '2024-11-21' },
				{ version: '13', released: '2020-09-24', ends: '2025-11-13' },
				{ version: '14', released: '2021-09-30', ends: '2026-11-12' },
				{ version: '18', released: '2025-09-25', ends: '2030-11-14' },
			],
		},
	};
	const debian = {
		debian: {
			link: 'https://endoflife.date/debian',
			releases: [
				{
					version: '12',
					released: '2023-06-10',
					ends: '2026-06-10',
					packages: { first: '0.9.0', until: '2027-10-31', because: 'Python 3.11' },
				},
				{ version: '11', released: '2021-08-14', ends: '2024-08-14', packages: { first: '0.8.0', last: '0.9.0' } },
				{ version: '10', released: '2019-07-06', ends: '2022-09-10' },
			],
		},
	};
	function ends(text: string, of: Knowledge['lifecycles'] = lifecycles) {
		// The files of 1.0.1 could not be read yet.
		const list = releases({ version: '1.0.0', postgresql: '14' }, '1.0.1');
		const knowledge = known({ releases: list, lifecycles: of });
		return deadlines({ at: '1.0.0', today: '2026-11-21', all: false }, deployed(text), knowledge).map(
			({ subject }) => subject,
		);
	}
	test('include only near ones if no version is stated, and none of a version that Synapse dropped', () =>
		expect(ends('')).toEqual(['PostgreSQL 14']));
	test('include that of a stated version, however far away', () =>
		expect(ends('postgres=18')).toEqual(['PostgreSQL 18']));
	test('include that of a stated version even if Synapse dropped it', () =>
		expect(ends('postgres=12')).toEqual(['PostgreSQL 12']));
	test('include none of the other database', () => expect(ends('sqlite')).toEqual([]));
	test.each([
		['', ['Synapse packages for Debian 12']],
		['debian', ['Synapse packages for Debian 12']],
		['docker', []],
		['pip os=debian-12', []],
		['docker os=debian-12', []],
		['debian os=debian-12', ['Synapse packages for Debian 12']],
		// Dropped by the requested release: the plan says that there is no package.
		['debian os=debian-11', []],
		['debian os=debian-10', []],
	])("include systems with upstream's packages unless something else is used: %j", (text, subjects) =>
		expect(ends(text, debian)).toEqual(subjects),
	);
	test("use upstream's own date rather than the distribution's", () => {
		const knowledge = known({ releases: releases({ version: '1.0.0', postgresql: '14' }), lifecycles: debian });
		const asked = { at: '1.0.0', today: '2026-11-21', all: false };
		expect(deadlines(asked, unknownDeployment, knowledge)).toMatchObject([
			{
				id: 'lifecycle/debian-12',
				at: { date: '2027-10-31' },
				promised: { is: 'packages', because: 'Python 3.11', newest: '1.0.0', system: 'Debian 12' },
				applies: { all: ['install=debian', 'os=debian-12'] },
			},
		]);
	});
});

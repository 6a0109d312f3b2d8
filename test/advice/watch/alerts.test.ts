// What a room is told about a server, and what it is not told: single cases, then random histories of servers.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CheckRecord } from '../../../src/advice/check/record.ts';
import type { Alert, Watch } from '../../../src/advice/watch/alerts.ts';
import { alerts, facingOf } from '../../../src/advice/watch/alerts.ts';
import { conditionsOf } from '../../../src/advice/watch/conditions.ts';
import type { LookRun } from '../../../src/advice/watch/history.ts';
import { runningOf, withLook } from '../../../src/advice/watch/history.ts';
import type { SaidAlert } from '../../../src/advice/watch/said-alert.ts';
import { profileFrom } from '../../../src/advice/watch/subscription.ts';
import type { Knowledge, Unread } from '../../../src/knowledge/schema/synapse.ts';
import { conditionTitle, textOf, titleOf } from '../../../src/messages/conditions.ts';
import { advisory, known, note, releases, unread } from '../../known.ts';

const day = 24 * 3600_000;

/** A room that remembers what it was told, as the store does. */
function listener(more: Partial<Watch> = {}) {
	let watch: Watch = {
		id: 'w',
		server: 'example.org',
		profile: profileFrom([]),
		changed: '2022-01-01T00:00:00.000Z',
		zone: 'UTC',
		smallest: 'info',
		...more,
	};
	const said: SaidAlert[] = [];
	const log: Alert[] = [];
	return {
		said,
		log,
		watch: () => watch,
		change(changes: Partial<Watch>) {
			watch = { ...watch, ...changes };
		},
		/** One tick; with `lost`, the process dies before anything is written. */
		hears(history: readonly LookRun[], knowledge: Knowledge, now: Date, lost = false): Alert[] {
			const found = alerts({ knowledge, history, watch, said, now }).filter(({ notBefore }) => !notBefore);
			if (lost) return found;
			for (const alert of found) {
				if (alert.heard !== undefined) watch = { ...watch, heard: alert.heard };
				log.push(alert);
				if (alert.rule === 'first' || alert.rule === 'change') continue;
				const { rule, subject, episode, stage, severity, about } = alert;
				const at = now.toISOString();
				const open = said.find(one => one.rule === rule && one.subject === subject && one.episode === episode);
				if (!open) {
					const unsaid = alert.unsaid && { unsaid: true as const };
					said.push({ rule, subject, episode, stage, at, reminders: 0, severity, about, ...unsaid });
				} else if (alert.kind === 'solved') open.solved = at;
				else if (alert.kind === 'reminder') {
					open.reminders++;
					open.at = at;
					delete open.snoozed;
				} else Object.assign(open, { stage, at, severity, about, reminders: 0 });
			}
			return found.filter(({ unsaid }) => !unsaid);
		},
	};
}

function runs(version: string, from: string, until = from): LookRun {
	const at = (date: string) => new Date(date).toISOString();
	return { is: 'synapse', version, since: at(from), until: at(until), looks: 3 };
}

const names = (found: readonly Alert[]) => found.map(({ rule, subject, stage }) => `${rule} ${subject} ${stage}`);

describe('a check of the configuration', () => {
	const found = { option: 'old_option' };
	const deadline = { subject: 'old', at: { date: '2022-03-01' }, promised: 'It goes.' };
	const notes = [note('1.0.0/old', { deadline, found, applies: { all: ['workers'] } })];
	const knowledge = known({ releases: releases('1.0.0'), notes });
	const record = (holds: boolean): CheckRecord => {
		// As recordOf creates it for the condition above.
		const of = createHash('sha256')
			.update(JSON.stringify([found, false]))
			.digest('hex')
			.slice(0, 8);
		const conditions: CheckRecord['conditions'] = { '1.0.0/old': [holds, of] };
		return { day: '2022-02-01', by: 'files', facts: ['workers'], conditions, starts: [] };
	};
	const heard = (more: Partial<Watch>, day = '2022-02-20') =>
		listener({ heard: '1.0.0', ...more })
			.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(`${day}T12:00:00Z`))
			.filter(({ rule }) => rule === 'deadline')
			.map(({ stage }) => stage);

	test('decides whether a deadline applies, without a question', () => {
		expect(heard({})).toEqual(['ask']);
		expect(heard({ checks: [record(true)] })).toEqual(['d14']);
		expect(heard({ checks: [record(false)] })).toEqual([]);
	});

	test('counts less than what a person says', () => {
		expect(heard({ checks: [record(true)], profile: profileFrom(['no-workers']) })).toEqual([]);
	});

	test('answers a question about what has happened since it was asked', () => {
		const room = listener({ heard: '1.0.0' });
		const hears = (day: string) =>
			names(room.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(`${day}T12:00:00Z`)));
		expect(hears('2022-02-20')).toEqual(['deadline 1.0.0/old ask']);
		expect(hears('2022-03-10')).toEqual([]);
		room.change({ checks: [record(true)] });
		expect(hears('2022-03-11')).toEqual(['deadline 1.0.0/old passed']);
		// If it does not apply, the question ends without a word.
		const other = listener({ heard: '1.0.0' });
		const heard = (day: string) =>
			names(other.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(`${day}T12:00:00Z`)));
		expect(heard('2022-02-20')).toEqual(['deadline 1.0.0/old ask']);
		other.change({ checks: [record(false)] });
		expect(heard('2022-03-11')).toEqual([]);
		expect(other.said.every(({ solved }) => solved)).toBe(true);
	});

	test('resolves nothing when it is too old to be trusted', () => {
		const at = { date: '2022-05-01' };
		const far = known({
			releases: releases('1.0.0'),
			notes: [note('1.0.0/old', { deadline: { ...deadline, at }, found, applies: { all: ['workers'] } })],
		});
		const room = listener({ heard: '1.0.0', checks: [{ ...record(true), day: '2021-12-01' }] });
		const hears = (day: string) => names(room.hears([runs('1.0.0', '2021-12-01')], far, new Date(`${day}T12:00:00Z`)));
		expect(hears('2022-02-20')).toEqual(['deadline 1.0.0/old d90']);
		expect(hears('2022-03-10')).toEqual([]);
		// Checked again, it goes on where it was.
		room.change({ checks: [{ ...record(true), day: '2022-03-20' }] });
		expect(hears('2022-03-20')).toEqual([]);
		expect(hears('2022-04-10')).toEqual(['deadline 1.0.0/old d30']);
	});

	test('is trusted for ninety days', () => {
		expect(heard({ checks: [{ ...record(false), day: '2021-11-22' }] })).toEqual([]);
		expect(heard({ checks: [{ ...record(false), day: '2021-11-21' }] })).toEqual(['ask']);
		// Another time zone's tomorrow; and a clock that was ahead.
		expect(heard({ checks: [{ ...record(false), day: '2022-02-21' }] })).toEqual([]);
		expect(heard({ checks: [{ ...record(false), day: '2022-02-22' }] })).toEqual(['ask']);
	});
});

describe('a room that wants less', () => {
	const all = [
		advisory('CVE-1', ['<1.1.0'], { severity: 'critical' }),
		advisory('CVE-2', ['<1.1.0'], { severity: 'moderate' }),
	];
	const knowledge = known({ releases: releases('1.0.0', '1.1.0'), advisories: all });
	const at = (days: number) => new Date(Date.parse('2022-02-01') + days * day);

	test('is reminded no earlier because of what it does not want to hear', () => {
		const room = listener({ smallest: 'severe' });
		const heard: [number, string][] = [];
		// The first message shows both.
		for (let days = 0; days < 30; days += 0.5)
			for (const name of names(room.hears([runs('1.0.0', '2022-01-09')], knowledge, at(days))))
				heard.push([days, name]);
		expect(heard.slice(1)).toEqual([
			[3, 'advisory CVE-1 open+1'],
			[10, 'advisory CVE-1 open+2'],
			[24, 'advisory CVE-1 open+3'],
		]);
	});

	test('does not hear that what it was not told of is over', () => {
		const room = listener({ smallest: 'severe' });
		room.hears([runs('1.0.0', '2022-01-09')], knowledge, at(0));
		const corrected = all.map(one => ({ ...one, affected: ['<1.0.0'] }));
		const without = known({ releases: releases('1.0.0', '1.1.0'), advisories: corrected });
		expect(names(room.hears([runs('1.0.0', '2022-01-09')], without, at(1)))).toEqual(['advisory CVE-1 solved']);
		expect(room.said.filter(({ rule }) => rule === 'advisory').every(({ solved }) => solved)).toBe(true);
	});

	test('is reminded although it was told at a time when the clock was ahead', () => {
		const room = listener({ smallest: 'severe' });
		room.hears([runs('1.0.0', '2022-01-09')], knowledge, at(400));
		const hears = (days: number) => names(room.hears([runs('1.0.0', '2022-01-09')], knowledge, at(days)));
		expect(hears(0)).toEqual(['advisory CVE-1 open+1']);
		expect(hears(1)).toEqual([]);
	});
});

describe('what nothing shows any more', () => {
	const lifecycles = {
		python: { link: 'https://example.org', releases: [{ version: '3.9', released: '2020-01-01', ends: '2022-04-01' }] },
	};
	const seen = (version: string, since: string, facts?: readonly string[]): LookRun[] => [
		{ ...runs(version, since, '2022-02-20'), ...(facts && { tells: { facts, features: {}, at: since } }) } as LookRun,
	];
	const hears = (room: ReturnType<typeof listener>, knowledge: Knowledge, history: readonly LookRun[]) =>
		names(room.hears(history, knowledge, new Date('2022-02-20T12:00:00Z')));

	test('is not resolved by an upgrade after which the server was not asked yet', () => {
		const deadline = { subject: 'old', at: { date: '2022-05-01' }, promised: 'It goes.' };
		const notes = [note('1.0.0/old', { deadline, applies: { all: ['oidc'] } })];
		const knowledge = known({ releases: releases('1.0.0', '1.1.0'), notes });
		const room = listener({ heard: '1.0.0' });
		expect(hears(room, knowledge, seen('1.0.0', '2022-02-10', ['oidc']))).toEqual([
			'deadline 1.0.0/old d90',
			'release 1.1 out',
		]);
		expect(hears(room, knowledge, seen('1.1.0', '2022-02-11'))).toEqual(['change 1.0.0→1.1.0 seen']);
		expect(hears(room, knowledge, seen('1.1.0', '2022-02-11', ['oidc']))).toEqual([]);
		expect(hears(room, knowledge, seen('1.1.0', '2022-02-11', ['no-oidc']))).toEqual(['deadline 1.0.0/old solved']);
	});

	test('stays open: the end of support and the minimum version of what a check found', () => {
		const newest = releases('1.0.0', '1.1.0').map(release => ({ ...release, python: '3.10' }));
		const check = { day: '2022-02-20', by: 'files' as const, facts: ['python=3.9'], conditions: {}, starts: [] };
		for (const [knowledge, name] of [
			[known({ releases: releases('1.0.0'), lifecycles }), 'lifecycle python-3.9 d90'],
			[known({ releases: newest }), 'floor python-3.10 newest'],
		] as const) {
			const room = listener({ heard: '1.0.0', checks: [check] });
			expect(hears(room, knowledge, seen('1.0.0', '2022-02-10'))).toContain(name);
			room.change({ checks: [{ ...check, day: '2021-02-20' }] });
			expect(hears(room, knowledge, seen('1.0.0', '2022-02-10'))).toEqual([]);
			// Somebody says that it is over.
			room.change({ profile: profileFrom(['python=3.11']) });
			expect(hears(room, knowledge, seen('1.0.0', '2022-02-10'))).toEqual([name.replace(/\S+$/, 'solved')]);
		}
	});

	test('stays open: ends of support and packages that are unlikely for other servers', () => {
		const link = 'https://example.org';
		const ended = { python: { link, releases: [{ version: '3.9', released: '2015-01-01', ends: '2020-01-01' }] } };
		const packages = { first: '0.9.0', last: '0.99.0' };
		const bullseye = { version: '11', released: '2021-08-14', ends: '2026-08-31', packages };
		const systems = { debian: { link, releases: [bullseye] } };
		const newest = releases('1.0.0').map(release => ({ ...release, python: '3.10' }));
		const check = { day: '2022-02-20', by: 'look' as const, conditions: {}, starts: [] };
		for (const [facts, now, later, name] of [
			[['python=3.9'], { lifecycles: ended }, { lifecycles: ended }, 'lifecycle python-3.9 passed'],
			[['python=3.9'], { lifecycles }, { lifecycles, releases: newest }, 'lifecycle python-3.9 d90'],
			[['debian', 'os=debian-11'], { lifecycles: systems }, { lifecycles: systems }, 'lifecycle debian-11 passed'],
		] as const) {
			const room = listener({ heard: '1.0.0', checks: [{ ...check, facts }] });
			const history = seen('1.0.0', '2022-02-10');
			expect(hears(room, known({ releases: releases('1.0.0'), ...now }), history)).toEqual([name]);
			room.change({ checks: [{ ...check, facts, day: '2021-02-20' }] });
			expect(hears(room, known({ releases: releases('1.0.0'), ...later }), history)).toEqual([]);
		}
	});

	test('stays open until the release changes: what the knowledge no longer has', () => {
		const list = releases('1.0.0', '1.1.0');
		const deadline = { subject: 'old', at: { date: '2022-05-01' }, promised: 'It goes.' };
		const fault: Knowledge['faults'][number] = {
			...{ id: '1.0.0/owls', severity: 'severe', release: '1.0.0', broken: ['>=1.0.0 <1.1.0'], danger: 'service' },
			...{ title: 'Owls are silent', text: 'Nothing is heard.', errors: [], symptoms: [], sources: [] },
		};
		for (const [more, name] of [
			[{ advisories: [advisory('CVE-1', ['<1.1.0'], { severity: 'high' })] }, 'advisory CVE-1 open'],
			[{ faults: [fault] }, 'fault 1.0.0/owls open'],
			[{ notes: [note('1.0.0/old', { deadline })] }, 'deadline 1.0.0/old d90'],
			[{ lifecycles }, 'lifecycle python-3.9 d90'],
		] as const) {
			const all = known({ releases: list, ...(more as object) });
			const less = known({ releases: list });
			const room = listener({ heard: '1.0.0', profile: profileFrom(['python=3.9']) });
			const history = seen('1.0.0', '2022-02-10');
			const heard = (knowledge: Knowledge, runs = history) =>
				hears(room, knowledge, runs).filter(other => !other.startsWith('release'));
			expect(heard(all)).toContain(name);
			expect(heard(less), name).toEqual([]);
			expect(heard(all), name).toEqual([]);
			// Nobody can say whether it is over.
			expect(heard(less, [...history, runs('1.1.0', '2022-02-21')]), name).toEqual(['change 1.0.0→1.1.0 seen']);
			expect(room.said.every(({ solved }) => solved)).toBe(true);
		}
	});

	test('stays open: an advisory that was reported under another of its names', () => {
		const list = releases('1.0.0', '1.1.0');
		const holes = (id: string, ...aliases: string[]) =>
			known({ releases: list, advisories: [advisory(id, ['<1.1.0'], { severity: 'high', aliases })] });
		const room = listener({ heard: '1.0.0' });
		const history = seen('1.0.0', '2022-02-10');
		expect(hears(room, holes('GHSA-1'), history)).toEqual(['advisory GHSA-1 open']);
		expect(hears(room, holes('CVE-1', 'GHSA-1'), history)).toEqual([]);
		const later = new Date('2022-02-24T12:00:00Z');
		expect(names(room.hears(history, holes('CVE-1', 'GHSA-1'), later))).toEqual(['advisory GHSA-1 open+1']);
		const upgraded = [...history, runs('1.1.0', '2022-02-25')];
		expect(names(room.hears(upgraded, holes('CVE-1', 'GHSA-1'), later))).toEqual([
			'change 1.0.0→1.1.0 seen',
			'advisory GHSA-1 solved',
		]);
	});

	test('raises nothing, and is gone from a card', () => {
		const knowledge = known({ releases: releases('1.0.0'), lifecycles });
		const room = listener({ heard: '1.0.0', profile: profileFrom(['python=3.9']) });
		expect(hears(listener({ heard: '1.0.0' }), knowledge, seen('1.0.0', '2022-02-10'))).toEqual([]);
		hears(room, knowledge, seen('1.0.0', '2022-02-10'));
		room.change({ profile: profileFrom([]) });
		const now = new Date('2022-02-20T12:00:00Z');
		const history = seen('1.0.0', '2022-02-10');
		const card = alerts({ knowledge, history, watch: room.watch(), said: room.said, now, card: true });
		expect(names(card)).toEqual(['lifecycle python-3.9 solved']);
	});
});

describe('what was resolved and is back', () => {
	const list = releases('1.0.0', '1.1.0');
	const at = (days: number) => new Date(Date.parse('2022-02-20T12:00:00Z') + days * day);

	test('is reported again, but at most once a week', () => {
		const hole = advisory('CVE-1', ['<1.1.0'], { severity: 'high', applies: { all: ['registration'] } });
		const knowledge = known({ releases: list, advisories: [hole] });
		const room = listener({ heard: '1.0.0', smallest: 'warning' });
		const heard = (days: number, fact: string) => {
			const tells = { facts: [fact], features: {}, at: at(days).toISOString() };
			return names(room.hears([{ ...runs('1.0.0', '2022-02-10'), tells } as LookRun], knowledge, at(days)));
		};
		expect(heard(0, 'registration')).toEqual(['advisory CVE-1 open']);
		expect(heard(1, 'no-registration')).toEqual(['advisory CVE-1 solved']);
		expect(heard(2, 'registration')).toEqual(['advisory CVE-1 open']);
		expect(heard(3, 'no-registration')).toEqual(['advisory CVE-1 solved']);
		for (const days of [4, 6, 7.5]) expect(heard(days, 'registration'), String(days)).toEqual([]);
		expect(heard(8, 'registration')).toEqual(['advisory CVE-1 open']);
		expect(new Set(room.said.map(({ episode }) => episode)).size).toBe(3);
	});

	test('is reported again although a person last said something when the clock was ahead', () => {
		const holes = (affected: string) =>
			known({ releases: list, advisories: [advisory('CVE-1', [affected], { severity: 'high' })] });
		const room = listener({ heard: '1.0.0', smallest: 'warning', changed: '2024-01-01T00:00:00.000Z' });
		const history = [runs('1.0.0', '2022-02-10')];
		const heard = (version: string, days: number) => {
			if (history.at(-1)?.is === 'synapse') history.push(runs(version, at(days).toISOString()));
			return names(room.hears(history, holes('<1.1.0'), at(days))).filter(name => name.startsWith('advisory'));
		};
		expect(heard('1.0.0', 0)).toEqual(['advisory CVE-1 open']);
		expect(heard('1.1.0', 10)).toEqual(['advisory CVE-1 solved']);
		expect(heard('1.0.0', 30)).toEqual([]);
		expect(heard('1.0.0', 31)).toEqual(['advisory CVE-1 open']);
		expect(room.said.map(({ episode }) => episode)).not.toContain('2024-01-01T00:00:00.000Z');
	});

	test.each([
		['deadline 1.0.0/old', (date: string) => ({ deadline: { subject: 'old', at: { date }, promised: 'It goes.' } })],
		['lifecycle python-3.9', (ends: string) => ({ ends })],
	])('is a %s that upstream had postponed, without a word about that', (name, dated) => {
		const knowledge = (date: string) => {
			const { deadline, ends = '2030-01-01' } = dated(date) as { deadline?: object; ends?: string };
			const python = { link: 'https://example.org', releases: [{ version: '3.9', released: '2020-01-01', ends }] };
			const notes = deadline ? [note('1.0.0/old', { deadline } as never)] : [];
			return known({ releases: releases('1.0.0'), notes, lifecycles: { python } });
		};
		const room = listener({ heard: '1.0.0', profile: profileFrom(['python=3.9']) });
		const heard = (days: number, date: string) =>
			names(room.hears([runs('1.0.0', '2022-02-10')], knowledge(date), at(days)));
		expect(heard(0, '2022-03-10')).toEqual([`${name} d30`]);
		expect(heard(1, '2022-12-10')).toEqual([]);
		expect(heard(250, '2022-12-10')).toEqual([`${name} d90`]);
		expect(heard(270, '2022-12-10')).toEqual([`${name} d30`]);
	});

	test('is a release that was withdrawn and is out again', () => {
		const [before, after] = [
			releases('1.0.0', '1.1.0'),
			releases('1.0.0', { version: '1.1.0', withdrawn: true, deleted: true }),
		];
		const room = listener({ heard: '1.0.0' });
		const heard = (days: number, of: typeof before) =>
			names(room.hears([runs('1.0.0', '2022-02-10')], known({ releases: of }), at(days)));
		expect(heard(0, before)).toEqual(['release 1.1 out']);
		expect(heard(1, after)).toEqual(['withdrawn 1.1.0 gone']);
		expect(heard(2, before)).toEqual([]);
		expect(heard(3, before)).toEqual(['release 1.1 out']);
		expect(heard(4, before)).toEqual([]);
	});
});

describe('deadlines', () => {
	const dated = (date: string, more = {}) =>
		known({
			releases: releases('1.0.0'),
			notes: [note('1.0.0/old', { deadline: { subject: 'old', at: { date }, promised: 'It goes.' }, ...more })],
		});

	test('alert once each at 90, 30, 14, 7 and 1 days and on the day', () => {
		const knowledge = dated('2022-06-01');
		const room = listener({ heard: '1.0.0' });
		const stages: string[] = [];
		for (let at = Date.parse('2022-01-10'); at < Date.parse('2022-06-10'); at += day / 2) {
			stages.push(...room.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(at)).map(({ stage }) => stage));
		}
		expect(stages).toEqual(['d90', 'd30', 'd14', 'd7', 'd1', 'passed']);
	});

	test('alert only about the current stage after a gap', () => {
		const knowledge = dated('2022-06-01');
		const room = listener({ heard: '1.0.0' });
		room.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date('2022-03-10'));
		expect(names(room.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date('2022-05-31')))).toEqual([
			'deadline 1.0.0/old d1',
		]);
	});

	test('alert only those affected, and ask once if unknown', () => {
		const knowledge = dated('2022-06-01', { applies: { all: ['workers'] } });
		const excluded = listener({ heard: '1.0.0', profile: profileFrom(['no-workers']) });
		const silent = listener({ heard: '1.0.0' });
		const asked: Alert[] = [];
		for (let at = Date.parse('2022-01-10'); at < Date.parse('2022-09-01'); at += day) {
			expect(excluded.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(at))).toEqual([]);
			asked.push(...silent.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(at)));
		}
		expect(names(asked)).toEqual(['deadline 1.0.0/old ask']);
		expect(asked[0]?.ask).toEqual(['workers']);
	});

	test('alert for a version: two releases ahead, one ahead, its candidate, in force', () => {
		const notes = [
			note('1.0.0/old', { deadline: { subject: 'old', at: { version: '1.3.0' }, promised: 'x', landed: '1.3.0' } }),
		];
		const all = ['1.0.0', '1.1.0', '1.2.0', '1.3.0rc1', '1.3.0'];
		const room = listener({ heard: '1.0.0' });
		const stages = all.map(last => {
			const knowledge = known({ releases: releases(...all.slice(0, all.indexOf(last) + 1)), notes });
			const found = room.hears([runs('1.0.0', '2022-01-01')], knowledge, new Date('2022-01-10'));
			return found.filter(({ rule }) => rule === 'deadline').map(({ stage }) => stage);
		});
		expect(stages).toEqual([[], ['two-away'], ['next'], ['rc'], ['in-force']]);
	});

	test('stay due if the next major version comes first, and count its candidates', () => {
		const at = (version: string) => ({ deadline: { subject: 'old', at: { version }, promised: 'x' } });
		const heard = (version: string, ...all: string[]) => {
			const room = listener({ heard: '1.0.0' });
			return all.map((_, last) => {
				const knowledge = known({
					releases: releases(...all.slice(0, last + 1)),
					notes: [note('1.0.0/old', at(version))],
				});
				const found = room.hears([runs('1.0.0', '2022-01-01')], knowledge, new Date('2022-01-10'));
				const open = room.said.filter(({ rule, solved }) => rule === 'deadline' && !solved).length;
				return [...found.filter(({ rule }) => rule === 'deadline').map(({ stage }) => stage), open];
			});
		};
		expect(heard('1.2.0', '1.0.0', '1.1.0', '1.2.0', '2.0.0')).toEqual([['two-away', 1], ['next', 1], [1], [1]]);
		expect(heard('2.0.0', '1.0.0', '2.0.0rc1')).toEqual([[0], ['rc', 1]]);
	});

	test('alert when overdue, and not again until a candidate has it', () => {
		const notes = (landed: boolean) => [
			note('1.0.0/old', {
				deadline: {
					subject: 'old',
					at: { date: '2022-06-01' },
					promised: 'It goes.',
					...(landed && { landed: '1.2.0' }),
				},
			}),
		];
		const [room, late] = [listener({ heard: '1.0.0' }), listener({ heard: '1.0.0' })];
		const heard: string[] = [];
		for (let at = Date.parse('2022-05-31'); at < Date.parse('2025-01-01'); at += 4 * day) {
			const candidate = at >= Date.parse('2024-11-01');
			const knowledge = known({
				releases: releases('1.0.0', ...(candidate ? ['1.2.0rc1'] : [])),
				notes: notes(candidate),
			});
			heard.push(...names(room.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(at))));
			// A room that subscribed a year later saw it in the status card.
			if (at < Date.parse('2023-06-01')) continue;
			const told = late.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(at));
			if (candidate) heard.push(...names(told));
			else expect(told).toEqual([]);
		}
		expect(heard).toEqual(['d1', 'passed', 'rc', 'rc'].map(stage => `deadline 1.0.0/old ${stage}`));
		expect(room.said.map(({ about }) => conditionTitle(about, 'example.org'))).toEqual(['Release candidate out: old']);
	});

	test('alert after an acknowledgement only on the day, and after a snooze when it ends', () => {
		const knowledge = dated('2022-06-01');
		const room = listener({ heard: '1.0.0' });
		const at = (date: string) => names(room.hears([runs('1.0.0', '2022-01-09')], knowledge, new Date(date)));
		at('2022-03-10');
		const [open] = room.said;
		if (!open) throw new Error('nothing was said');
		open.snoozed = { until: '2022-04-01T00:00:00.000Z' };
		expect(at('2022-03-20')).toEqual([]);
		expect(at('2022-04-01')).toEqual(['deadline 1.0.0/old d90+1']);
		open.acked = true;
		expect(at('2022-05-20')).toEqual([]);
		expect(at('2022-06-01')).toEqual(['deadline 1.0.0/old passed']);
	});
});

describe('other alerts', () => {
	test('are withheld at the first check, and solved by the upgrade that fixes them', () => {
		const knowledge = known({
			releases: releases('1.0.0', '1.1.0', '1.2.0'),
			advisories: [advisory('CVE-1', ['<1.2.0'])],
		});
		const room = listener();
		expect(names(room.hears([], knowledge, new Date('2022-02-01')))).toEqual([]);
		const before = runs('1.0.0', '2022-02-02', '2022-02-03');
		expect(names(room.hears([before], knowledge, new Date('2022-02-02')))).toEqual(['first 1.0.0 seen']);
		expect(names(room.hears([before], knowledge, new Date('2022-02-03')))).toEqual([]);
		const after = [before, runs('1.2.0', '2022-02-04')];
		expect(names(room.hears(after, knowledge, new Date('2022-02-04')))).toEqual(['change 1.0.0→1.2.0 seen']);
		expect(room.said.every(({ solved }) => solved !== undefined)).toBe(true);
	});

	test('report a later advisory, remind the room of it, and report it as solved after the upgrade', () => {
		const list = releases('1.0.0', '1.1.0');
		const room = listener({ heard: '1.0.0' });
		const history = [runs('1.0.0', '2022-02-02')];
		room.hears(history, known({ releases: list }), new Date('2022-02-02'));
		const knowledge = known({ releases: list, advisories: [advisory('CVE-1', ['<1.1.0'], { severity: 'high' })] });
		const heard = (date: string, seen = history) => names(room.hears(seen, knowledge, new Date(date)));
		expect(heard('2022-03-01')).toEqual(['advisory CVE-1 open']);
		expect(heard('2022-03-03')).toEqual([]);
		expect(heard('2022-03-04')).toEqual(['advisory CVE-1 open+1']);
		expect(heard('2022-03-05', [...history, runs('1.1.0', '2022-03-05')])).toEqual([
			'change 1.0.0→1.1.0 seen',
			'advisory CVE-1 solved',
		]);
	});

	test('report a severe fault of the running release until a release without it is running', () => {
		const list = releases('1.0.0', '1.1.0');
		const room = listener({ heard: '1.0.0' });
		const history = [runs('1.0.0', '2022-02-02')];
		room.hears(history, known({ releases: list }), new Date('2022-02-02'));
		const broken = (id: string, severity: 'severe' | 'noticeable'): Knowledge['faults'][number] => ({
			...{ id, severity, release: '1.0.0', broken: ['>=1.0.0 <1.1.0'], danger: 'service' },
			...{ title: 'Owls are silent', text: 'Nothing is heard.', errors: [], symptoms: [], sources: [] },
		});
		const faults = [broken('1.0.0/owls', 'severe'), broken('1.0.0/noise', 'noticeable')];
		const heard = (date: string, seen = history) =>
			names(room.hears(seen, known({ releases: list, faults }), new Date(date)));
		expect(heard('2022-03-01')).toEqual(['fault 1.0.0/owls open']);
		expect(heard('2022-03-03')).toEqual([]);
		expect(heard('2022-03-05', [...history, runs('1.1.0', '2022-03-05')])).toEqual([
			'change 1.0.0→1.1.0 seen',
			'fault 1.0.0/owls solved',
		]);
	});

	test.each([
		['postgres=13', 'postgres=17', 'postgres<14'],
		['workers', 'no-workers', 'workers'],
	])('report faults and deadlines only to the rooms with %s, not with %s', (affected, other, term) => {
		const deadline = { subject: 'owls', at: { version: '1.1.0' }, promised: 'Owls are removed.', landed: '1.1.0' };
		const applies = { all: [term] };
		const fault: Knowledge['faults'][number] = {
			...{ id: '1.0.0/owls', severity: 'severe', release: '1.0.0', broken: ['>=1.0.0 <1.1.0'], danger: 'service' },
			...{ title: 'Owls are silent', text: 'Nothing is heard.', errors: [], symptoms: [], sources: [], applies },
		};
		const knowledge = known({
			releases: releases('1.0.0', '1.1.0'),
			faults: [fault],
			notes: [note('1.0.0/owls', { applies, deadline })],
		});
		const heard = (fact: string) => {
			const room = listener({ heard: '1.0.0', profile: profileFrom([fact]) });
			return names(room.hears([runs('1.0.0', '2022-02-02')], knowledge, new Date('2022-03-01')));
		};
		expect(heard(affected)).toEqual(['deadline 1.0.0/owls in-force', 'fault 1.0.0/owls open', 'release 1.1 out']);
		expect(heard(other)).toEqual(['release 1.1 out']);
	});

	test('report only advisories that apply, and only once if the knowledge changes back and forth', () => {
		const list = releases('1.0.0', '1.1.0');
		const history = [runs('1.0.0', '2022-02-02')];
		const hole = advisory('CVE-1', ['<1.1.0'], { severity: 'high', applies: { all: ['workers'] } });
		const [none, open] = [known({ releases: list }), known({ releases: list, advisories: [hole] })];
		const without = listener({ heard: '1.0.0', profile: profileFrom(['no-workers']) });
		expect(names(without.hears(history, open, new Date('2022-03-01')))).toEqual(['release 1.1 out']);
		const room = listener({ heard: '1.0.0', smallest: 'warning' });
		const heard = [open, none, open, none, open].map((knowledge, i) =>
			names(room.hears(history, knowledge, new Date(`2022-03-0${i + 1}`))),
		);
		expect(heard.flat().filter(name => name === 'advisory CVE-1 open')).toHaveLength(1);
	});

	test('let a severe vulnerability suppress release news, and ignore quiet hours', () => {
		const knowledge = known({
			releases: releases('1.0.0', '1.1.0'),
			advisories: [advisory('CVE-1', ['<1.1.0'], { severity: 'critical' }), advisory('CVE-2', ['<1.1.0'])],
		});
		const room = listener({ heard: '1.0.0', zone: 'Europe/Berlin', quiet: '22:00-07:00' });
		const history = [runs('1.0.0', '2022-02-02')];
		expect(names(room.hears(history, knowledge, new Date('2022-02-02T23:00:00Z')))).toEqual(['advisory CVE-1 open']);
		const held = alerts({
			knowledge,
			history,
			watch: room.watch(),
			said: room.said,
			now: new Date('2022-02-02T23:00:00Z'),
		});
		expect(held.map(({ subject, notBefore }) => [subject, notBefore])).toEqual([['CVE-2', '2022-02-03T06:00:00.000Z']]);
		expect(names(room.hears(history, knowledge, new Date('2022-02-03T06:00:00Z')))).toEqual(['advisory CVE-2 open']);
	});

	test('suppress release news only if the newest release fixes the vulnerability', () => {
		const list = releases('1.0.0', '1.1.0');
		const heard = (...affected: string[]) => {
			const advisories = affected.map((range, i) => advisory(`CVE-${i}`, [range], { severity: 'critical' }));
			const history = [runs('1.0.0', '2022-02-02')];
			return names(
				listener({ heard: '1.0.0' }).hears(history, known({ releases: list, advisories }), new Date('2022-03-01')),
			);
		};
		expect(heard('>=0.0.0')).toEqual(['advisory CVE-0 open', 'release 1.1 out']);
		expect(heard('<1.1.0')).toEqual(['advisory CVE-0 open']);
		expect(heard('>=0.0.0', '<1.1.0')).toEqual(['advisory CVE-0 open', 'advisory CVE-1 open']);
		// Fixed by a release in between and open again in the newest.
		expect(heard('<1.0.1', '>=1.1.0')).toEqual(['advisory CVE-0 open']);
		expect(heard('<=1.1.0')).toEqual(['advisory CVE-0 open', 'release 1.1 out']);
	});

	test('conclude nothing about an unknown release until it is known', () => {
		const hole = advisory('CVE-1', ['<1.1.0'], { severity: 'high' });
		const before = known({ releases: releases('1.0.0', '1.1.0'), advisories: [hole] });
		const room = listener({ heard: '1.0.0' });
		const history = [runs('1.0.0', '2022-02-02')];
		expect(names(room.hears(history, before, new Date('2022-02-02')))).toEqual(['advisory CVE-1 open']);
		const after = [...history, runs('1.2.0', '2022-02-03')];
		const [change, ...rest] = room.hears(after, before, new Date('2022-02-03'));
		expect(rest).toEqual([]);
		expect(change && titleOf(change, 'example.org')).toBe(
			'`example.org` now runs 1.2.0, a release I do not know of; previously, it ran 1.0.0',
		);
		const text = change && textOf(change, 'example.org');
		expect(text).toContain('I cannot say how new or how safe it is.');
		expect(text).not.toMatch(/Nothing is left|can go back|fixed/);
		for (let at = Date.parse('2022-02-04'); at < Date.parse('2022-04-01'); at += day)
			expect(room.hears(after, before, new Date(at))).toEqual([]);
		const now = known({ releases: releases('1.0.0', '1.1.0', '1.2.0'), advisories: [hole] });
		expect(names(room.hears(after, now, new Date('2022-04-01')))).toEqual(['advisory CVE-1 solved']);
	});

	test('say so if more advisories are fixed, or open again, than are named', () => {
		const text = (from: string, to: string, count: number) => {
			const advisories = Array.from({ length: count }, (_, i) => advisory(`CVE-${i}`, ['<1.1.0']));
			const knowledge = known({ releases: releases('1.0.0', '1.1.0'), advisories });
			const history = [runs(from, '2022-02-02'), runs(to, '2022-02-03', '2022-02-04')];
			const [change] = listener({ heard: from }).hears(history, knowledge, new Date('2022-02-04'));
			return change ? textOf(change, 'example.org') : '';
		};
		for (const [from, to] of [
			['1.0.0', '1.1.0'],
			['1.1.0', '1.0.0'],
		] as const) {
			expect(text(from, to, 6)).toMatch(/`CVE-5`\./);
			expect(text(from, to, 7)).toMatch(/`CVE-5` and more\./);
		}
	});

	test('mention unread passages before any all-clear after an upgrade', () => {
		const passage = (text: string) => ({ ...unread('1.1.0'), text });
		const heard = (...passages: Unread[]) => {
			const knowledge = known({ releases: releases('1.0.0', '1.1.0'), unread: passages });
			const history = [runs('1.0.0', '2022-02-02'), runs('1.1.0', '2022-02-03')];
			const [alert] = listener({ heard: '1.0.0' }).hears(history, knowledge, new Date('2022-02-03'));
			return alert ? textOf(alert, 'example.org') : '';
		};
		expect(heard()).toMatch(/^Nothing is left to do after the upgrade\./);
		const told = heard(passage('Owls are grey.'), passage('Synapse will now refuse to start without owls.'));
		expect(told).toMatch(/^2 passages that nobody has read yet: `!upgrade 1\.0\.0 1\.1\.0` shows them\./);
		expect(told).toContain('“Synapse will now refuse to start without owls\\.”');
		expect(told).not.toContain('Nothing is left');
	});

	test('report a silent server once after a day, its return once, and each later silence again', () => {
		const knowledge = known({ releases: releases('1.0.0') });
		const room = listener({ heard: '1.0.0' });
		let history: LookRun[] = [runs('1.0.0', '2022-02-02')];
		const heard: string[] = [];
		for (let hour = 0; hour < 30 * 24; hour++) {
			const now = new Date(Date.parse('2022-02-03') + hour * 3600_000);
			const silent = (hour > 48 && hour < 200) || (hour > 300 && hour < 310) || (hour > 400 && hour < 500);
			history = withLook(history, silent ? { is: 'silent' } : { is: 'synapse', version: '1.0.0' }, now.toISOString());
			heard.push(...names(room.hears(history, knowledge, now)));
		}
		expect(heard).toEqual(['unseen silent long', 'unseen silent solved', 'unseen silent long', 'unseen silent solved']);
	});

	test('report alternating versions once as a mixture, and its end once', () => {
		const knowledge = known({ releases: releases('1.0.0', '1.1.0'), advisories: [advisory('CVE-1', ['<1.1.0'])] });
		const live = (versionAt: (hour: number) => string) => {
			const room = listener({ heard: '1.0.0' });
			let history: LookRun[] = [];
			const heard: string[] = [];
			for (let hour = 0; hour < 14 * 24; hour++) {
				const now = new Date(Date.parse('2022-02-03') + hour * 3600_000);
				history = withLook(history, { is: 'synapse', version: versionAt(hour) }, now.toISOString());
				heard.push(...names(room.hears(history, knowledge, now)).filter(name => !name.startsWith('release')));
			}
			return heard;
		};
		const mixed = live(hour => (hour > 100 && (hour > 200 || hour % 3) ? '1.1.0' : '1.0.0'));
		expect(mixed).toEqual([
			'advisory CVE-1 open',
			'change 1.0.0→1.1.0 seen',
			'advisory CVE-1 solved',
			'mixture versions seen',
			'advisory CVE-1 open',
			'mixture versions solved',
			'advisory CVE-1 solved',
		]);
		// Rolled back after two hours, and after ten days.
		for (const upgraded of [2, 240]) {
			const back = live(hour => (hour > 50 && hour <= 50 + upgraded ? '1.1.0' : '1.0.0'));
			expect(back.filter(name => name.startsWith('change'))).toEqual([
				'change 1.0.0→1.1.0 seen',
				'change 1.1.0→1.0.0 seen',
			]);
			expect(back.filter(name => name.startsWith('mixture'))).toEqual([]);
		}
		// While several versions answer, one of them may still have what the oldest does not.
		const younger = known({ releases: releases('1.0.0', '1.1.0'), advisories: [advisory('CVE-2', ['>=1.1.0'])] });
		const room = listener({ heard: '1.1.0', smallest: 'warning' });
		let history: LookRun[] = [];
		for (let hour = 0; hour < 120; hour++) {
			const now = new Date(Date.parse('2022-02-03') + hour * 3600_000);
			const version = hour < 60 || hour % 3 ? '1.1.0' : '1.0.0';
			history = withLook(history, { is: 'synapse', version }, now.toISOString());
			room.hears(history, younger, now);
		}
		expect(names(room.log.filter(({ unsaid }) => !unsaid))).toEqual(['advisory CVE-2 open', 'mixture versions seen']);
		// A mixture that ends on the version it began with is not also a rollback.
		const ended = live(hour => (hour > 100 && hour < 200 && hour % 3 ? '1.1.0' : '1.0.0'));
		expect(ended.filter(name => /^(change|mixture)/.test(name))).toEqual([
			'change 1.0.0→1.1.0 seen',
			'mixture versions seen',
			'mixture versions solved',
		]);
	});

	test('do not call alerts solved if the server now runs other software', () => {
		const knowledge = known({ advisories: [advisory('CVE-1', ['<1.1.0'])] });
		const room = listener({ heard: '1.0.0' });
		const history = [runs('1.0.0', '2022-02-02')];
		room.hears(history, knowledge, new Date('2022-02-02'));
		const other: LookRun = {
			is: 'other',
			since: '2022-02-03T00:00:00.000Z',
			until: '2022-02-03T00:00:00.000Z',
			looks: 1,
		};
		expect(names(room.hears([...history, other], knowledge, new Date('2022-02-03')))).toEqual(['unseen other long']);
	});

	test("suppress a product's end of support if the deployment is below Synapse's minimum", () => {
		const knowledge = known({
			releases: releases({ version: '1.0.0', postgresql: '10' }, { version: '1.1.0', postgresql: '14' }),
			lifecycles: {
				postgresql: { link: 'https://x', releases: [{ version: '13', released: '2020-01-01', ends: '2022-03-01' }] },
			},
		});
		const room = listener({ heard: '1.0.0', profile: profileFrom(['postgres=13']) });
		const heard = room.hears([runs('1.0.0', '2022-02-02')], knowledge, new Date('2022-02-20'));
		expect(names(heard)).toEqual(['floor postgresql-14 newest', 'release 1.1 out']);
		// A release is known before its files have been read.
		const fresh = { ...knowledge, releases: [...knowledge.releases, { version: '1.1.1', date: '2022-02-21' }] };
		expect(names(room.hears([runs('1.0.0', '2022-02-02')], fresh, new Date('2022-02-21')))).toEqual([]);
		const unread = { ...knowledge, releases: fresh.releases.filter(({ version }) => version !== '1.1.0') };
		expect(names(room.hears([runs('1.0.0', '2022-02-02')], unread, new Date('2022-02-21')))).not.toContain(
			'floor postgresql-14 solved',
		);
		const late = listener({ heard: '1.0.0', profile: profileFrom(['postgres=13']) });
		const [floor] = late.hears([runs('1.0.0', '2022-02-02')], fresh, new Date('2022-02-21'));
		expect(floor && textOf(floor, 'example.org')).toContain('Required since 1.1.0');
	});
});

/** Random numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

/** 400 days of releases, announcements and advisories, and of the checks of a server. */
function lifeOf(seed: number) {
	const random = randomOf(seed);
	const pick = <T>(...list: T[]) => list[Math.floor(random() * list.length)] as T;
	const start = Date.parse('2022-01-01');
	const date = (days: number) => new Date(start + days * day).toISOString().slice(0, 10);
	const all = Array.from({ length: 16 }, (_, i) => ({ version: `1.${i}.0`, date: date(i * 28) }));
	const notes = Array.from({ length: 12 }, (_, i) => {
		const announced = Math.floor(random() * 12);
		const goes = announced + Math.floor(random() * 5);
		const at = pick({ version: `1.${goes}.0` }, { date: date(goes * 28).slice(0, 7) }, { vague: 'some day' });
		const landed = goes < 14 ? { landed: `1.${goes + Math.floor(random() * 2)}.0` } : {};
		const applies = pick(undefined, { all: ['workers'] }, { any: ['email', 'media'] }, { all: ['postgres<14'] });
		return note(`1.${announced}.0/n${i}`, {
			...(applies && { applies }),
			deadline: { subject: `n${i}`, at, promised: 'x', ...landed },
		});
	});
	const advisories = Array.from({ length: 8 }, (_, i) => {
		const fixed = 1 + Math.floor(random() * 14);
		return advisory(`CVE-${i}`, [`<1.${fixed}.0`], {
			severity: pick('low' as const, 'moderate' as const, 'high' as const),
			published: date(fixed * 28 + Math.floor(random() * 60)),
		});
	});
	const facts = pick<string[]>([], ['workers'], ['no-workers', 'postgres=13'], ['email', 'workers', 'postgres=15']);
	/** What is known on that day. */
	const knowledgeAt = (today: string): Knowledge => {
		const out = all.filter(release => release.date <= today);
		const known_ = new Set(out.map(({ version }) => version));
		return known({
			releases: out,
			notes: notes
				.filter(({ release }) => known_.has(release))
				.map(one => {
					const { landed, ...deadline } = one.deadline ?? { subject: '', at: { vague: '' }, promised: '' };
					return { ...one, deadline: { ...deadline, ...(landed !== undefined && known_.has(landed) && { landed }) } };
				}),
			advisories: advisories.filter(({ published }) => published <= today),
		});
	};
	/** What the checks see: occasional upgrades, rollbacks, silences and mixtures. */
	const looks: { at: Date; saw: Parameters<typeof withLook>[1]; today: string }[] = [];
	let at = 0;
	let silentUntil = -1;
	let mixedUntil = -1;
	for (let half = 0; half < 2 * 400; half++) {
		const now = new Date(start + (half * day) / 2);
		const today = now.toISOString().slice(0, 10);
		const newest = all.filter(release => release.date <= today).length - 1;
		if (random() < 0.01) at = Math.min(newest, at + 1 + Math.floor(random() * 4));
		else if (random() < 0.002) at = Math.max(0, at - 1);
		if (random() < 0.004) silentUntil = half + Math.floor(random() * 20);
		if (random() < 0.005) mixedUntil = half + Math.floor(random() * 40);
		const silent = half < silentUntil;
		const version = `1.${half < mixedUntil && random() < 0.5 ? Math.min(newest, at + 1) : at}.0`;
		looks.push({ at: now, today, saw: silent ? { is: 'silent' } : { is: 'synapse', version } });
	}
	return { random, facts, knowledgeAt, looks };
}

const identity = ({ watch, rule, subject, stage, episode }: Alert) => [watch, rule, subject, stage, episode].join('|');

describe('random histories of servers', () => {
	const seeds = Array.from({ length: 20 }, (_, i) => [i + 1] as const);

	test.each(seeds)(
		'history %i: repeats nothing, loses nothing, reports only what applies, and closes what is solved',
		seed => {
			const { random, facts, knowledgeAt, looks } = lifeOf(seed);
			const profile = profileFrom(facts);
			const [steady, shaken] = [listener({ profile }), listener({ profile })];
			let history: LookRun[] = [];
			for (const { at, today, saw } of looks) {
				history = withLook(history, saw, at.toISOString());
				const knowledge = knowledgeAt(today);
				const heard = steady.hears(history, knowledge, at);
				// Ticks are skipped, repeated, or killed before anything is written.
				if (random() < 0.6) {
					if (random() < 0.3) shaken.hears(history, knowledge, at, true);
					shaken.hears(history, knowledge, at);
					if (random() < 0.3) expect(shaken.hears(history, knowledge, at)).toEqual([]);
				}
				const facing = facingOf({ watch: steady.watch(), history, knowledge, now: at });
				const now = conditionsOf(facing);
				const is = (one: { rule: string; subject: string }) =>
					now.some(({ rule, subject }) => rule === one.rule && subject === one.subject);
				const mixed = steady.said.some(({ rule, solved }) => rule === 'mixture' && solved === undefined);
				if (mixed) expect(names(heard).filter(name => name.startsWith('change'))).toEqual([]);
				for (const alert of heard) {
					if (alert.rule === 'first' || alert.rule === 'change') continue;
					expect(is(alert), `${identity(alert)} ${alert.kind}`).toBe(alert.kind !== 'solved');
					// There is no reminder of a deadline that has passed if the thing still works.
					if (alert.rule === 'deadline' && alert.kind === 'reminder') expect(alert.stage).toMatch(/^in-force/);
					if (alert.rule === 'deadline' && alert.kind !== 'solved') {
						const of = knowledge.notes.find(({ id }) => id === alert.subject);
						if (facts.includes('no-workers')) expect(of?.applies).not.toEqual({ all: ['workers'] });
					}
				}
				// Every open alert still holds, or may hold for one of several versions; and everything that holds was
				// reported, except for releases.
				for (const open of steady.said) if (!open.solved && !mixed) expect(is(open), open.subject).toBe(true);
				if (runningOf(history, undefined, at)) {
					for (const condition of now.filter(({ unsure }) => !unsure)) {
						const told = steady.said.some(
							({ rule, subject, solved }) => rule === condition.rule && subject === condition.subject && !solved,
						);
						const before = steady.said.some(
							({ rule, subject }) => rule === condition.rule && subject === condition.subject,
						);
						if (condition.rule !== 'release')
							expect(told || before, `${condition.rule} ${condition.subject}`).toBe(true);
					}
				}
			}
			for (const { log } of [steady, shaken]) expect(new Set(log.map(identity)).size).toBe(log.length);
			// At the end, both rooms have the same open alerts.
			const last = looks.at(-1);
			if (!last) throw new Error('no checks');
			shaken.hears(history, knowledgeAt(last.today), last.at);
			const open = (room: ReturnType<typeof listener>) =>
				room.said.flatMap(({ rule, subject, stage, solved }) => (solved ? [] : [`${rule} ${subject} ${stage}`])).sort();
			expect(open(shaken)).toEqual(open(steady));
		},
	);

	test.each(seeds.slice(0, 10))('history %i: alerts do not depend on the order of the knowledge', seed => {
		const { random, facts, knowledgeAt, looks } = lifeOf(seed);
		const shuffled = <T>(list: readonly T[]) =>
			list
				.map(one => ({ one, at: random() }))
				.sort((a, b) => a.at - b.at)
				.map(({ one }) => one);
		let runs: LookRun[] = [];
		for (const [i, { at, saw, today }] of looks.entries()) {
			runs = withLook(runs, saw, at.toISOString());
			if (i % 50) continue;
			const knowledge = knowledgeAt(today);
			const watch = listener({ profile: profileFrom(facts), heard: '1.0.0' }).watch();
			const mixed = { ...knowledge, advisories: shuffled(knowledge.advisories), notes: shuffled(knowledge.notes) };
			const decide = (from: Knowledge) =>
				alerts({ knowledge: from, history: runs, watch, said: [], now: at }).map(identity);
			expect(decide(mixed)).toEqual(decide(knowledge));
		}
	});
});

describe('a withdrawn release', () => {
	const all = releases('1.0.0', '1.1.0', '1.2.0', '1.3.0');
	const without = (...gone: string[]) =>
		known({
			releases: all.map(release =>
				gone.includes(release.version) ? { ...release, withdrawn: true, deleted: true as const } : release,
			),
		});
	const at = (days: number) => new Date(Date.parse('2022-02-01') + days * day);

	test('is reported once to those who run it, and closed silently when they switch to another', () => {
		const room = listener({ heard: '1.3.0' });
		const heard: string[] = [];
		for (let days = 0; days < 100; days += 5)
			heard.push(...names(room.hears([runs('1.3.0', '2022-01-09')], without('1.3.0'), at(days))));
		expect(heard).toEqual(['withdrawn 1.3.0 gone']);
		expect(names(room.hears([runs('1.2.0', '2022-06-01')], without('1.3.0'), at(150)))).toEqual([
			'change 1.3.0→1.2.0 seen',
		]);
		expect(room.said.filter(({ rule, solved }) => rule === 'withdrawn' && !solved)).toEqual([]);
	});

	test('is reported to rooms that were told of it, and to no others', () => {
		const told = listener({ heard: '1.2.0' });
		const history = [runs('1.2.0', '2022-01-09')];
		expect(names(told.hears(history, known({ releases: all }), at(0)))).toEqual(['release 1.3 out']);
		expect(names(told.hears(history, without('1.3.0'), at(1)))).toEqual(['withdrawn 1.3.0 gone']);
		expect(names(told.hears(history, without('1.3.0'), at(2)))).toEqual([]);
		const late = listener({ heard: '1.2.0' });
		expect(names(late.hears(history, without('1.3.0'), at(1)))).toEqual([]);
	});

	test('does not keep its replacement from being reported', () => {
		const room = listener({ heard: '1.2.0' });
		const history = [runs('1.2.0', '2022-01-09')];
		room.hears(history, known({ releases: all }), at(0));
		room.hears(history, without('1.3.0'), at(1));
		const replaced = without('1.3.0');
		const knowledge = { ...replaced, releases: [...replaced.releases, { version: '1.3.1', date: '2022-02-03' }] };
		expect(names(room.hears(history, knowledge, at(3)))).toEqual(['release 1.3.1 out']);
	});
});

describe('an advisory with unclear versions', () => {
	const unclear = (more = {}) =>
		known({
			releases: releases('1.0.0', '1.1.0'),
			unclear: [
				{
					id: 'CVE-2026-1',
					aliases: [],
					severity: 'critical',
					rated: true,
					published: '2026-01-01',
					title: 'Anyone can read rooms',
					links: ['https://example.org/a'],
					written: 'all since the <b>spring</b>',
					...more,
				},
			],
		});
	const heard = (knowledge: Knowledge) => {
		const room = listener({ heard: '1.1.0' });
		const days = [1, 2, 30, 90, 300];
		return days.flatMap(days => room.hears([runs('1.1.0', '2022-01-09')], knowledge, new Date(2022, 1, days)));
	};

	test("is reported once in upstream's words if critical or high", () => {
		const [alert, ...others] = heard(unclear());
		expect(others).toEqual([]);
		expect(alert).toMatchObject({ rule: 'unclear', severity: 'warning', subject: 'CVE-2026-1' });
		expect(alert && titleOf(alert, 'example.org')).toContain('Anyone can read rooms');
		expect(alert && textOf(alert, 'example.org')).toContain('`all since the <b>spring</b>`');
	});

	test.each([{ severity: 'moderate' }, { severity: 'low' }, { rated: false }])('is not reported with %j', more =>
		expect(heard(unclear(more))).toEqual([]),
	);

	test('is not reported twice if its readable part applies to the server', () => {
		const knowledge = { ...unclear(), advisories: [advisory('CVE-2026-1', ['<1.2.0'], { severity: 'critical' })] };
		expect(new Set(names(heard(knowledge)).map(name => name.split(' ')[0]))).toEqual(new Set(['advisory']));
	});
});

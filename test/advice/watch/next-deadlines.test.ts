// The deadlines on a status card: those that certainly affect the server are chosen first, and all are shown by date.
import { expect, test } from 'vitest';
import { earliest } from '../../../src/advice/upgrade/deadlines.ts';
import { facingOf } from '../../../src/advice/watch/alerts.ts';
import { nextDeadlines } from '../../../src/advice/watch/deadline-conditions.ts';
import { withLook } from '../../../src/advice/watch/history.ts';
import { profileFrom } from '../../../src/advice/watch/subscription.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';

const knowledge = await openKnowledge(new URL('../../../knowledge/', import.meta.url));

test.each([[[]], [['postgres=15']], [['postgres=15', 'python=3.10', 'modules']], [['postgres=14', 'install=debian']]])(
	'deadlines are in the order of their dates with %j, however few are shown',
	facts => {
		const now = new Date('2026-11-22T12:00:00Z');
		const history = withLook([], { is: 'synapse', version: '1.160.0' }, now.toISOString());
		const watch = {
			id: 'w',
			server: 'example.org',
			profile: profileFrom(facts),
			changed: now.toISOString(),
			zone: 'UTC',
			smallest: 'info' as const,
		};
		const facing = facingOf({ watch, history, knowledge, now });
		const all = nextDeadlines(facing, 100);
		for (const most of [1, 2, 3]) {
			const told = nextDeadlines(facing, most);
			expect(told).toHaveLength(Math.min(most, all.length));
			const places = told.map(({ id }) => all.findIndex(one => one.id === id));
			expect(places).toEqual(places.toSorted((a, b) => a - b));
		}
		const dates = all.flatMap(({ at }) => (at.date === undefined ? [] : [earliest(at.date)]));
		expect(dates).toEqual(dates.toSorted());
	},
);

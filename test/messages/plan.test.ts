import { describe, expect, test } from 'vitest';
import { deadlines } from '../../src/advice/upgrade/deadlines.ts';
import { plan } from '../../src/advice/upgrade/plan.ts';
import { releaseNotes } from '../../src/advice/upgrade/release-notes.ts';
import { runningOf, withLook } from '../../src/advice/watch/history.ts';
import { isContradiction, profileOf, type Term, unknownDeployment } from '../../src/deployment/facts.ts';
import type { Knowledge } from '../../src/knowledge/schema/synapse.ts';
import { wayWords } from '../../src/messages/conditions.ts';
import { deadlineLine, deadlinesWords } from '../../src/messages/deadlines.ts';
import { notesWords } from '../../src/messages/notes.ts';
import { planWords } from '../../src/messages/plan.ts';
import { rollbackWords } from '../../src/messages/rollback.ts';
import { cardWords } from '../../src/messages/status-card.ts';
import { known, note, releases, unread } from '../known.ts';

test('lists a wait that protects the database among the dangers, even if no stop is needed', () => {
	const stop = {
		id: 'rebuild',
		ways: [{ from: '<1.1.0', to: '>=1.3.0' }],
		first: '1.1.0',
		last: '1.2.0',
		best: '1.2.0',
		required: true,
		waitFor: 'background updates',
		waitAtStart: '>=1.1.0 <1.3.0',
		ruins: true,
		sticks: false,
		tryFrom: [],
		tells: [],
		settles: [],
		why: 'A migration fails halfway.',
		applies: { all: ['database=postgres'] },
	};
	const way = { from: '1.2.0', to: '1.3.0', profile: unknownDeployment, today: '2026-11-21' };
	const [dangers] = planWords(plan(way, known({ stops: [stop] })), []).sections;
	expect(dangers?.markdown).toContain(
		'🔴 Finish step 1 before you continue, if you use PostgreSQL: Stay on 1.2.0 and wait for background updates',
	);
});

test('describes a refusal that affects some by its condition', () => {
	const refuses = { refuses: true, must: true, when: 'before' as const };
	const notes = [
		note('1.1.0/acme', { ...refuses, onlyIf: '`homeserver.yaml` has `acme`' }),
		note('1.1.0/mail', { ...refuses, applies: { any: ['email', 'sso'] }, onlyIf: '`template_dir` is set' }),
		note('1.2.0/all', refuses),
	];
	const words = (terms: readonly Term[]) => {
		const profile = profileOf(terms);
		if (isContradiction(profile)) throw new TypeError('the facts contradict each other');
		const way = { from: '1.0.0', to: '1.3.0', profile, today: '2026-11-21' };
		return planWords(plan(way, known({ notes })), []);
	};
	const { lead, sections } = words([]);
	// What certainly prevents startup comes first, although it belongs to a later release.
	expect(sections[0]?.markdown.split('\n').filter(line => /^\* 🔴 Synapse/.test(line))).toEqual([
		'* 🔴 Synapse does not start without step 1: 1.2.0/all',
		'* 🔴 Synapse might not start without step 2 if `homeserver.yaml` has `acme`: 1.1.0/acme',
		'* 🔴 Synapse might not start without step 3 if you send email or use single sign-on, and `template_dir` is set: 1.1.0/mail',
	]);
	expect(lead).toContain('1 thing to do, 2 more if they affect you (all of them can keep Synapse from starting)');
	const text = (title: string) => sections.find(section => section.title.endsWith(title))?.markdown;
	expect(text('all')).toMatch(/^Text of /);
	expect(text('acme')).toMatch(/^\*Only if `homeserver\.yaml` has `acme`:\*\n\nText of /);
	expect(text('mail')).toMatch(
		/^\*Only if you send email or use single sign-on, and `template_dir` is set:\*\n\nText of /,
	);
	// A stated fact settles its own condition, but not the condition in words.
	const stated = words([{ fact: 'email', operator: '=', value: true }]);
	expect(stated.sections[0]?.markdown).toContain(
		'Synapse might not start without step 3 if `template_dir` is set: 1.1.0/mail',
	);
	expect(stated.lead).toContain('1 thing to do, 2 more if they affect you');
});

test('starts with a minimum that the deployment is below', () => {
	const notes = [note('1.2.0/stop', { refuses: true, must: true, when: 'before' as const })];
	const profile = profileOf([{ fact: 'postgres', operator: '=', value: '9.6' }]);
	if (isContradiction(profile)) throw new TypeError('the facts contradict each other');
	const way = { from: '1.0.0', to: '1.2.0', profile, today: '2026-11-21' };
	const [dangers] = planWords(
		plan(way, known({ notes, releases: [...releases('1.0.0'), ...releases({ version: '1.2.0', postgresql: '10' })] })),
		[],
	).sections;
	expect(dangers?.markdown).toMatch(/^\* 🔴 1\.2\.0 and newer need PostgreSQL 10 or newer, but yours is older\./);
});

test('marks only certain refusals red in an alert, and does not number steps that it does not show', () => {
	const refuses = { refuses: true, must: true };
	const notes = [note('1.1.0/acme', { ...refuses, onlyIf: '`acme` is on' }), note('1.1.0/all', refuses)];
	const way = { from: '1.0.0', to: '1.1.0', profile: unknownDeployment, today: '2026-11-21' };
	const words = wayWords(plan(way, known({ notes })));
	expect(words).toContain('1 thing to do, 1 more if it affects you (all of them can keep Synapse from starting)');
	expect(words).not.toContain('acme');
	expect(words).toContain('🔴 Synapse does not start until this is done: 1.1.0/all');
});

test('links a note that comes from the code to the file at its release', () => {
	const url = 'https://github.com/element-hq/synapse/blob/v1.1.0/synapse/config/key.py';
	const sources = [{ document: 'synapse/config/key.py', section: 'Synapse 1.1.0', url }];
	const way = { from: '1.0.0', to: '1.1.0', profile: unknownDeployment, today: '2026-11-21' };
	const { sections } = planWords(plan(way, known({ notes: [note('1.1.0/key', { must: true, sources })] })), []);
	const text = sections.find(({ title }) => title.endsWith('key'))?.markdown;
	expect(text?.replaceAll('\\', '')).toContain(`* Upstream: [\`synapse/config/key.py\` in 1.1.0](${url})`);
});

test('names the product whose support has ended', () => {
	const lifecycles = {
		postgresql: {
			link: 'https://example.org/',
			releases: [{ version: '14', released: '2021-09-30', ends: '2026-11-12' }],
		},
	};
	const knowledge = known({ releases: releases({ version: '1.0.0', postgresql: '14' }, '1.1.0'), lifecycles });
	const way = { from: '1.0.0', to: '1.1.0', profile: unknownDeployment, today: '2026-11-21' };
	const [ended] = plan(way, knowledge).deadlines;
	expect(ended && deadlineLine(ended)).toMatch(/^\*\*PostgreSQL 14 got its last security fixes on 2026-11-12\./);
});

test('counts a deadline that only a candidate has implemented as pending', () => {
	const promise = { subject: 'old paths', at: { version: '1.4.0' }, promised: 'They go with 1.4.', landed: '1.4.0rc1' };
	const knowledge = known({
		releases: releases('1.0.0', '1.3.0', '1.4.0rc1'),
		notes: [note('1.3.0/old-paths', { deadline: promise })],
	});
	const found = deadlines({ at: '1.3.0', today: '2026-11-21', all: false }, unknownDeployment, knowledge);
	const horizon = { release: '1.3.0', read: '2026-11-20' };
	expect(deadlinesWords(found, { all: false, today: '2026-11-21', horizon }).lead).toContain('1 pending deadline');
});

test.each([
	[{ version: '1.4.0' }, 'removal was announced for 1.4.0, but the announcement was withdrawn: they stay.'],
	[{ date: '2026-10' }, 'removal was announced for 2026-10, but the announcement was withdrawn: they stay.'],
	[{ vague: 'some day' }, 'removal was announced, but the announcement was withdrawn: they stay.'],
])('says that the announcement for %o was withdrawn, not its subject', (at, words) => {
	const deadline = { subject: 'old paths', at, promised: 'They go.', withdrawn: 'They stay.' };
	const knowledge = known({ releases: releases('1.0.0', '1.3.0'), notes: [note('1.3.0/old-paths', { deadline })] });
	const found = deadlines({ at: '1.3.0', today: '2026-11-21', all: true }, unknownDeployment, knowledge);
	expect(found.map(deadlineLine)).toEqual([`**Old paths**: ${words}`]);
});

test('shows the three nearest deadlines, and folds all others', () => {
	const promised = (version: string) => ({ subject: `thing ${version}`, at: { version }, promised: 'It goes.' });
	const knowledge = known({
		releases: releases('1.0.0', '1.3.0'),
		notes: ['1.4.0', '1.5.0', '1.6.0', '1.7.0'].map(version =>
			note(`1.3.0/at-${version.replaceAll('.', '-')}`, { deadline: promised(version) }),
		),
	});
	const found = deadlines({ at: '1.3.0', today: '2026-11-21', all: false }, unknownDeployment, knowledge);
	const horizon = { release: '1.3.0', read: '2026-11-20' };
	const { sections } = deadlinesWords(found, { all: false, today: '2026-11-21', horizon });
	expect(sections.map(({ title, fold }) => [title, fold])).toEqual([
		['Next (3)', false],
		['Later (1)', true],
	]);
	expect(sections[0]?.markdown).toContain('Thing 1.4.0');
	expect(sections[1]?.markdown).toContain('Thing 1.7.0');
});

test('reports the same warning of several releases once, with each release', () => {
	const cautions = ['1.1.0/rooms', '1.2.0/rooms'].map(id => ({ id, text: 'Rooms disappear.' }));
	const result = { release: '1.3.0', floor: '1.0.0', reason: { is: 'none-refuses' as const }, cautions };
	const [section] = rollbackWords(result, []).sections;
	expect(section?.markdown).toBe('* Rooms disappear. (1.1.0 and 1.2.0)');
});

test("shows a candidate's date and link, and says what is not known about it", () => {
	const list = releases('1.0.0', '1.1.0rc1', '1.2.0rc1', { version: '1.2.0', python: '3.9' }, '1.3.0rc1', '1.3.0rc2');
	const knowledge = known({ releases: list, notes: [note('1.3.0/doves', { must: true })] });
	const told = (release: string, candidate?: string) =>
		notesWords(releaseNotes([release], unknownDeployment, knowledge), { fixed: [], open: [] }, candidate);

	const ahead = told('1.3.0', '1.3.0rc2');
	expect(ahead.lead).toContain('Synapse 1.3.0rc2: 1 note');
	expect(ahead.sections[0]?.title).toBe('1.3.0 is not out yet');
	expect(ahead.sections[0]?.markdown).toContain('1.3.0rc1, released 2022-01-05: [');
	expect(ahead.sections[0]?.markdown).toContain('1.3.0rc2, released 2022-01-06: [');
	expect(ahead.sections[0]?.markdown).toContain('at least what `!notes 1.2.0` says');
	expect(ahead.value).toMatchObject({
		release: '1.3.0',
		facts: {},
		candidates: [{ version: '1.3.0rc1' }, { version: '1.3.0rc2' }],
	});

	const out = told('1.2.0', '1.2.0rc1');
	expect(out.lead).toContain('1.2.0rc1 was a release candidate of 1.2.0; these are the notes of 1.2.0.');
	expect(out.sections[0]?.title).toBe('Facts about 1.2.0');
	expect(told('1.1.0', '1.1.0rc1').sections[0]?.title).toBe('1.1.0 was never published');
});

test.each([
	[1, false, '1 note, nothing to do'],
	[2, false, '2 notes, nothing to do'],
	[1, true, '1 note, nothing to act on in it'],
	[2, true, '2 notes, nothing to act on in them'],
])('says that %i notes require nothing (with unread passages: %s)', (number, isUnread, words) => {
	const notes = Array.from({ length: number }, (_, i) => note(`1.1.0/n${i}`));
	const passages = isUnread ? [unread('1.1.0', { bullet: '#1', text: 'Grey owls.' })] : [];
	const knowledge = known({ releases: releases('1.0.0', '1.1.0'), notes, unread: passages });
	const { lead } = notesWords(releaseNotes(['1.1.0'], unknownDeployment, knowledge), { fixed: [], open: [] });
	expect(lead).toContain(words);
});

test('calls the rollback from a candidate of unknown schema a guess', () => {
	const knowledge = known({
		releases: releases({ version: '1.2.0', schema: 80, schemaCompat: 80 }, '1.3.0rc1'),
	});
	const way = { from: '1.2.0', to: '1.3.0rc1', profile: unknownDeployment, today: '2026-11-21' };
	const found = plan(way, knowledge);
	expect(found.rollback).toMatchObject({ canReturn: true, by: '1.2.0' });
	expect(planWords(found, []).sections[0]?.markdown).toContain(
		'⚠️ Judging by the schema of 1.2.0, you could go back to 1.2.0',
	);
	const { lead } = rollbackWords(found.rollback, []);
	expect(lead).toContain('Probably: judging by the schema of 1.2.0');
});

describe('passages that nobody has read', () => {
	const way = { from: '1.0.0', to: '1.1.0', profile: unknownDeployment, today: '2026-11-21' };
	const list = releases('1.0.0', '1.1.0');
	const passages = (...texts: string[]) => texts.map((text, i) => unread('1.1.0', { bullet: `#${i}`, text }));
	const planned = (knowledge: Knowledge) => plan(way, knowledge);

	test.each([[[]], [[note('1.1.0/act', { must: true })]], [[note('1.1.0/know')]]])(
		'come first in every verdict',
		notes => {
			const knowledge = known({ releases: list, notes, unread: passages('Grey owls.', 'It will now fail.', 'x') });
			const found = planned(knowledge);
			const verdicts = [
				planWords(found, []).lead,
				wayWords(found),
				notesWords(releaseNotes(['1.1.0'], unknownDeployment, knowledge), { fixed: [], open: [] }).lead,
			];
			for (const verdict of verdicts) {
				expect(verdict).toMatch(/^[^,;]*3 passages that nobody has read yet \(one says “It will now fail\\\.”\)/);
				expect(verdict).not.toMatch(/nothing to do\b/i);
			}
			const [hurts] = planWords(found, []).sections;
			expect(hurts?.markdown).toMatch(/^\* ⚠️ Unread, in 1\.1\.0: “It will now fail/);
			expect(found.unread.map(({ bullet }) => bullet)).toEqual(['#1', '#0', '#2']);
		},
	);

	test('leave the verdict unchanged if there are none', () => {
		expect(planWords(planned(known({ releases: list })), []).lead).toContain('nothing to do but the upgrade itself');
		expect(planWords(planned(known({ releases: list, notes: [note('1.1.0/know')] })), []).lead).toContain(
			'nothing to do, 1 good to know',
		);
	});

	test.each([
		[4, '1 more unread passage mentions a refusal'],
		[9, '6 more unread passages mention a refusal'],
	])('quote three of %i that warn, and count the rest', (length, rest) => {
		const texts = Array.from({ length }, (_, i) => `Release ${i} refuses to start.`);
		const found = planned(known({ releases: list, unread: passages(...texts) }));
		const markdown = planWords(found, []).sections[0]?.markdown ?? '';
		expect(markdown.match(/Unread, in/g)).toHaveLength(3);
		expect(markdown).toContain(rest);
	});
});

test('counts things to do the same way in a plan, an alert and a status card', () => {
	const knowledge = known({
		releases: releases('1.0.0', '1.1.0'),
		notes: [
			note('1.1.0/sure', { must: true }),
			note('1.1.0/asked', { must: true, applies: { all: ['workers'] } }),
			note('1.1.0/home', { must: true, onlyIf: '`owls` stands there' }),
			note('1.1.0/stops', { must: true, refuses: true, applies: { all: ['email'] } }),
			note('1.1.0/know'),
		],
	});
	const counted = '1 thing to do, 3 more if they affect you (1 of them can keep Synapse from starting)';
	const history = withLook([], { is: 'synapse', version: '1.0.0' }, '2026-11-20T00:00:00.000Z');
	const now = new Date('2026-11-21T00:00:00Z');
	const running = runningOf(history, undefined, new Date());
	const base = { profile: unknownDeployment, today: '2026-11-21' };
	const told = { told: false, seen: [], contradicted: [], derived: [], outdated: [] };
	const facing = { ...base, server: 'example.org', running, history, ...told, knowledge, now };
	const found = plan({ from: '1.0.0', to: '1.1.0', ...base }, knowledge);
	expect(planWords(found, []).lead).toContain(`${counted}, 1 good to know`);
	expect(wayWords(found)).toContain(`From 1.0.0: ${counted}.`);
	const { sections } = cardWords({ facing, zone: 'UTC' });
	expect(sections[0]?.markdown).toContain(`Upgrade to 1.1.0: ${counted};`);
	// Clients open a room at its end, so everything but the state is folded.
	expect(sections.map(({ fold }) => fold)).toEqual([false, ...sections.slice(1).map(() => true)]);
});

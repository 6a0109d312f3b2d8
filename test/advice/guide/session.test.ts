// A guide session, word by word: where it is after each, what it says, and what it ignores.
import { expect, test } from 'vitest';
import { guideFor } from '../../../src/advice/guide/guide.ts';
import {
	begin,
	type GuideSession,
	guidedFor,
	type HeardWord,
	isOutput,
	moved,
	offerOf,
	type SessionStep,
	step,
	wordOf,
} from '../../../src/advice/guide/session.ts';
import { unknownDeployment } from '../../../src/deployment/facts.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { sessionWords } from '../../../src/messages/guide-session.ts';
import { smallGuide } from '../../guide.ts';

const alice = '@alice:example.org';
const bob = '@bob:example.org';
const minute = (number: number) => new Date(Date.UTC(2026, 10, 21, 12, number)).toISOString();

const guide = smallGuide();

function offered(of: Guide = guide): GuideSession {
	const profile = unknownDeployment;
	const stated = new Map([['name', 'matrix']]);
	const offer = offerOf(guideFor(of, { stated, profile }, []), { stated, profile, asked: 'small matrix' });
	return { ...offer, id: 'w', room: '!a', is: 'offered', passed: [], since: '', refused: [] };
}

/** Plays a session of the guide `of`: each call says something in it and returns the answer. */
function conversation(
	session = begin(offered(), guided(offered()), { by: alice, now: minute(0) }).session,
	of = guide,
) {
	let now = 0;
	let here = session;
	return {
		session: () => here,
		place: () => here.place && `${here.place.stage}${here.place.gate ? '?' : ''}`,
		say(said: string, more: Partial<Extract<HeardWord, { word: unknown }>> = {}): SessionStep | undefined {
			now += 1;
			const word = wordOf(said);
			const who = { by: alice, at: minute(now), now: minute(now) };
			const next = step(here, word ? { ...who, ...word, ...more } : { ...who, text: said }, guided(here, of));
			if (next) here = next.session;
			return next;
		},
		words(said: string, more: Partial<Extract<HeardWord, { word: unknown }>> = {}): string | undefined {
			const next = this.say(said, more);
			if (!next) return undefined;
			const { lead, sections } = sessionWords(next, guided(here, of));
			return [lead, ...sections.map(({ title, markdown }) => `## ${title}\n${markdown}`)].join('\n');
		},
	};
}

function guided(session: GuideSession, of: Guide = guide) {
	return guidedFor(session, [of], []);
}

test('accepts a word on its own, in any case and followed by punctuation', () => {
	expect(['done', 'Done.', ' DONE!! ', '!done', 'skip…', '✅', '✅\uFE0F'].map(text => wordOf(text)?.word)).toEqual([
		'done',
		'done',
		'done',
		'done',
		'skip',
		'done',
		'done',
	]);
	for (const talk of ['I am done', 'done?no', 'stop that', 'where are you', '', '>', 'constructor', 'toString'])
		expect(wordOf(talk), talk).toBeUndefined();
});

test('runs from the first stage to the last, and warns before the point of no return', () => {
	const { session, ...first } = begin(offered(), guided(offered()), { by: alice, now: minute(0) });
	expect(first.gives).toEqual({ stage: 'look', gate: false });
	expect(sessionWords({ session, ...first }, guided(session)).lead).toContain('Stage 1 of 4: Look');
	const way = conversation(session);
	expect(way.words('done')).toContain('psql -d matrix < dump.sql');
	expect(way.place()).toBe('restore');
	const gate = way.words('done') ?? '';
	expect(way.place()).toBe('switch?');
	expect(gate).toContain('Point of no return');
	expect(gate).toContain('Later writes are lost.');
	expect(gate).toContain('Start the old one');
	expect(gate).not.toContain('systemctl start new');
	expect(way.words('done')).toContain('systemctl start new');
	expect(way.place()).toBe('switch');
	way.say('done');
	expect(way.place()).toBe('tidy');
	expect(way.words('done')).toContain('the last stage, number 4.** All of them are done.');
	expect(way.session()).toMatchObject({ is: 'ended', begun: { by: alice } });
	expect(way.session().passed.map(({ stage, as, by }) => [stage, as, by])).toEqual(
		['look', 'restore', 'switch', 'tidy'].map(stage => [stage, 'done', alice]),
	);
	expect(way.words('done')).toContain('is finished');
	expect(way.words('where')).toContain('**Finished: every stage is done.**');
	expect(way.words('back')).toContain('Stage 4 of 4');
	expect(way.session().is).toBe('open');
});

test('passes the point of no return on a word, not on a reaction', () => {
	const way = conversation();
	way.say('done');
	way.say('✅');
	expect(way.place()).toBe('switch?');
	expect(way.words('✅')).toContain('a reaction is not enough');
	expect(way.place()).toBe('switch?');
	way.say('done');
	expect(way.place()).toBe('switch');
});

test('says what a skip costs, and lists what was not done at the end', () => {
	const way = conversation();
	expect(way.words('skip')).toMatch(/^\*\*Skipped: 1\. Look\.\*\* See what there is\./);
	expect(way.place()).toBe('restore');
	way.say('done');
	way.say('done');
	expect(way.words('skip')).toContain('The server stays down until it is done.');
	expect(way.words('done')).toContain('⚠️ Not done: 1. Look; 3. Switch.');
	expect(way.words('where')).toContain('**Finished.** ⚠️ Not done: 1. Look; 3. Switch.');
});

test('shows the previous stage again on “back”, but not before the first', () => {
	const way = conversation();
	expect(way.words('back')).toContain('nothing before stage 1 of 4');
	way.say('done');
	expect(way.words('back')).toContain('It undoes nothing');
	expect(way.place()).toBe('look');
	expect(way.session().passed.map(({ stage, as }) => [stage, as])).toEqual([
		['look', 'done'],
		['restore', 'left'],
	]);
	expect(way.words('where')).toMatch(/▶️ 1\. Look.*▫️ 2\. Restore \(left unfinished by/s);
});

test('says that the server is down after “back”, and again if the stage that takes it down is redone', () => {
	const way = conversation();
	expect(way.words('stop')).toContain('If you have already taken the server down, it is still down');
	way.say('start');
	way.say('done');
	way.say('back');
	expect(way.words('stop')).toContain('the server is still down');
	expect(way.words('where')).toContain('the server is still down');
	way.say('start');
	for (const word of ['done', 'done', 'done', 'done']) way.say(word);
	expect(way.place()).toBe('tidy');
	expect(way.words('stop')).not.toContain('down');
	way.say('start');
	for (const word of ['back', 'back', 'back']) way.say(word);
	expect(way.place()).toBe('look');
	// Shown once more, so it may have been started again.
	expect(way.words('stop')).toContain('If you have already taken the server down, it is still down');
	way.say('start');
	way.say('done');
	expect(way.words('stop')).toContain('the server is still down');
});

test('after “back”, does not show the rollback of a stage before the point of no return that was passed', () => {
	const way = conversation();
	for (const word of ['done', 'done', 'done', 'back']) way.say(word);
	// Its stage was shown, so it may have been run in part.
	expect(way.place()).toBe('restore');
	const stopped = way.words('stop') ?? '';
	expect(stopped).toContain('Restore the dump of the new one');
	expect(stopped).not.toContain('Start the old one');
	way.say('start');
	const gate = way.words('done') ?? '';
	expect(gate).toContain('Point of no return');
	expect(gate).toContain('Restore the dump of the new one');
	expect(gate).not.toContain('You have not done any of it yet');
});

test('leaves a stage finished if it is skipped after “back”', () => {
	const way = conversation();
	way.say('done');
	way.say('back');
	expect(way.words('skip')).toMatch(/^\*\*Stage 2 of 4/);
	expect(way.words('stop')).toContain('the server is still down');
	way.say('start');
	for (const word of ['done', 'skip', 'done']) way.say(word);
	const end = way.words('where') ?? '';
	expect(end).toContain('**Finished.** ⚠️ Not done: 3. Switch.');
	expect(end).toContain('the server is still down');
});

test('on “stop”, says how to go back and whether the server is down; on “start”, continues', () => {
	const way = conversation();
	expect(way.say('start')).toBeUndefined();
	// Only the way back from this stage: later ones were never started.
	const first = way.words('stop') ?? '';
	expect(first).toContain('Go on with the old one');
	expect(first).not.toContain('Start the old one');
	expect(first).not.toContain('Drop the half-made one');
	way.say('start');
	way.say('done');
	way.say('done');
	const stopped = way.words('stop') ?? '';
	expect(stopped).toContain('the server is still down');
	expect(stopped).toContain('Start the old one');
	expect(stopped).toContain('Drop the half-made one');
	expect(stopped).not.toContain('Go on with the old one');
	expect(stopped).not.toContain('Restore the dump of the new one');
	expect(way.words('done')).toContain('`start` picks up from there');
	expect(way.words('where')).toContain('Stopped at stage 3 of 4');
	way.say('start');
	expect(way.place()).toBe('switch?');
	way.say('done');
	way.say('done');
	expect(way.words('stop')).toContain('Restore the dump of the new one');
});

test('on “where”, shows all stages, who finished them, and the current one', () => {
	const way = conversation();
	way.say('done', { by: bob });
	const where = way.words('where') ?? '';
	expect(where).toContain('You have been at stage 2 of 4 (Restore)');
	expect(where).toContain('✅ 1. Look (done by `@bob:example.org`, 2026-11-21 12:01 UTC)');
	expect(where).toContain('▶️ 2. Restore');
	expect(where).toContain('psql -d matrix');
	expect(way.say('where')?.gives).toEqual({ stage: 'restore', gate: false });
});

test('refuses someone without permission only once, and lets them use “where”', () => {
	const way = conversation();
	const mayNot = { why: 'You may not.', old: false };
	expect(way.words('done', { by: bob, mayNot })).toBe('You may not.');
	for (const word of ['done', 'skip', 'back', 'stop']) expect(way.say(word, { by: bob, mayNot })).toBeUndefined();
	expect(way.place()).toBe('look');
	expect(way.words('where', { by: bob, mayNot })).toContain('You have been at stage 1');
	const old = { why: 'That was long ago.', old: true };
	expect(way.words('done', { mayNot: old })).toBe('That was long ago.');
	expect(way.words('done', { mayNot: old })).toBe('That was long ago.');
	expect(way.session().refused).toEqual([bob]);
});

test('does not act on a word sent before the stage was shown, unless it is a reaction', () => {
	const way = conversation();
	way.say('done');
	expect(way.words('done', { at: minute(0) })).toContain('before I showed stage 2 of 4 (Restore)');
	expect(way.words('skip', { at: minute(0) })).toContain('before I showed');
	expect(way.place()).toBe('restore');
	way.say('✅', { at: minute(0) });
	expect(way.place()).toBe('switch?');
});

test('looks up an error in its stage, then in all; ignores chat, and answers unknown output with a sentence', () => {
	const way = conversation();
	expect(way.words('psql: ERROR:  role "someone" does not exist')).toMatch(/^\*\*Restore:\*\*.*role/s);
	way.say('done');
	expect(way.words('oh: ERROR:  role "someone" does not exist')).toContain('Make it with createuser.');
	for (const talk of ['We go on tomorrow', 'I am done with this', 'an error, I think', 'a\nb\nc\nd\ne\nf'])
		expect(way.say(talk), talk).toBeUndefined();
	for (const output of ['```\nsegfault\n```', 'ERROR: out of luck', 'psql: error: something', 'pg_dump: error: no'])
		expect(way.words(output), output).toContain('I do not recognise this error');
	expect(way.place()).toBe('restore');
});

test.each([
	['help', /Say `done` when it is finished.*`back`/],
	['Next', /If it is finished, say `done`/],
	['ok', /If it is finished, say `done`/],
	['yes!', /If it is finished, say `done`/],
	['pause', /Take your time, I will wait/],
	['how long does this take?', /paste what the terminal or the log says/],
])('answers %s and changes nothing', (said, answer) => {
	const way = conversation();
	const before = way.place();
	expect(way.words(said)).toMatch(answer);
	expect(way.place()).toBe(before);
	way.say('stop');
	expect(way.say(said)).toBeUndefined();
});

test('searches hostile output just as quickly', () => {
	for (const text of ['\n'.repeat(60_000), ' '.repeat(60_000), 'a: '.repeat(20_000), 'a.'.repeat(30_000)])
		expect(isOutput(text)).toBe(false);
});

test('keeps the defaults it started with if the guide changes', () => {
	const later = smallGuide({ name: 'synapse2' });
	const session = { ...offered(), stated: { ...offered().stated } };
	const fresh = begin(session, guided(session, later), { by: alice, now: minute(0) });
	const way = conversation(fresh.session, later);
	expect(way.words('done')).toContain('psql -d matrix');
});

test('says that a stage was removed, and continues after the last one that remains', () => {
	const way = conversation();
	way.say('done');
	const { stages, ...rest } = guide;
	const [look, restore, ...others] = stages;
	if (!look || !restore) throw new Error('no stages');
	const changed = { ...rest, stages: [look, { ...restore, id: 'load', title: 'Load' }, ...others] };
	const on = conversation(way.session(), changed);
	const said = on.words('done') ?? '';
	expect(said).toContain('(`restore`) is no longer in it');
	expect(said).toContain('Stage 2 of 4: Load');
	expect(said).toContain('✅ 1. Look');
	expect(on.place()).toBe('load');
	expect(on.session().passed.map(({ stage }) => stage)).toEqual(['look']);
	const asked = conversation(way.session(), changed);
	expect(asked.words('where')).toContain('no longer in it');
});

test('ends with a reason if the guide is gone, or now refuses the deployment', () => {
	const way = conversation();
	const next = step(way.session(), { by: alice, at: minute(9), now: minute(9), word: 'done', sign: false }, undefined);
	expect(next?.session.is).toBe('stopped');
	expect(next && sessionWords(next, undefined).lead).toContain('I no longer have this guide');
	const refusing = { ...guide, refuses: [{ id: 'no', when: { all: ['name=matrix'] }, says: 'Not for matrix.' }] };
	expect(conversation(way.session(), refusing).words('done')).toContain('Not for matrix.');
});

test('continues at the same stage in an upgraded room', () => {
	const way = conversation();
	way.say('done');
	const next = moved(way.session(), guided(way.session())) ?? expect.fail('it does not continue');
	expect(next.gives).toEqual({ stage: 'restore', gate: false });
	expect(sessionWords(next, guided(next.session)).lead).toMatch(/^The room was upgraded.*Stage 2 of 4/s);
});

test('can be continued in an upgraded room after “stop”, unless the guide is gone', () => {
	const way = conversation();
	way.say('done');
	way.say('stop');
	const next = moved(way.session(), guided(way.session())) ?? expect.fail('it cannot be continued');
	expect([next.session.is, next.gives]).toEqual(['stopped', undefined]);
	const { lead } = sessionWords(next, guided(next.session));
	expect(lead).toMatch(/^The room was upgraded.*Stopped at stage 2 of 4.*still down.*`start`/s);
	expect(moved(way.session(), undefined)).toBeUndefined();
});

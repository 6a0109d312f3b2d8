// A guide for one deployment, with small examples: values, ways, conditions, refusals, known errors.
import { expect, test } from 'vitest';
import { failuresIn, guideFor, knownBy, wayBackFrom } from '../../../src/advice/guide/guide.ts';
import { parseTerm, profileOf } from '../../../src/deployment/facts.ts';
import { waysBackBeginAtStages } from '../../../src/knowledge/rules/guide.ts';
import type { Files } from '../../../src/knowledge/rules/rule.ts';
import { type GuideFile, guideShape } from '../../../src/knowledge/schema/guide.ts';
import { readValue } from '../../../src/knowledge/schema/parameter.ts';
import type { Guide, Tried } from '../../../src/knowledge/schema/synapse.ts';
import { foundWords, guideRefusalWords, guideWords } from '../../../src/messages/guide.ts';
import { triedWords } from '../../../src/messages/guide-trials.ts';
import { smallGuide } from '../../guide.ts';

type Given = Partial<Record<keyof GuideFile, unknown>>;

function guideOf(given: Given = {}): Guide {
	const stage = { id: 'one', title: 'One', why: 'Because.', steps: [{ commands: 'do {name}' }] };
	return {
		id: 'small',
		...guideShape.parse({
			title: 'Small',
			summary: 'Small things.',
			parameters: [
				{
					name: 'layout',
					means: 'the layout',
					values: ['compose', 'debian'],
					follows: [{ when: { all: ['install=docker'] }, is: 'compose' }],
				},
				{ name: 'name', means: 'its name', kind: 'name', default: 'synapse' },
			],
			ways: [{ id: 'way', title: 'The way', fits: 'All.' }],
			dangers: [],
			stages: [stage],
			wayBack: { before: [], after: [] },
			...given,
		}),
	};
}

function profile(...facts: string[]) {
	const known = profileOf(facts.map(fact => parseTerm(fact)).filter(term => term !== undefined));
	if (!(known instanceof Map)) throw new Error('the facts contradict each other');
	return known;
}

function guided(guide: Guide, stated: Record<string, string> = {}, facts: string[] = [], tried: Tried[] = []) {
	return guideFor(guide, { stated: new Map(Object.entries(stated)), profile: profile(...facts) }, tried);
}

test('uses a stated value, or one that follows from facts, or the default, or leaves it unknown', () => {
	const value = (stated: Record<string, string>, ...facts: string[]) =>
		guided(guideOf(), stated, facts).parameters.map(({ name, value, by }) => `${name} ${value} ${by}`);
	expect(value({})).toEqual(['name synapse default']);
	expect(value({ name: 'other' }, 'docker')).toEqual(['layout compose fact', 'name other stated']);
	expect(value({ layout: 'debian' }, 'docker')[0]).toBe('layout debian stated');
});

test('fills values into commands, leaves unknown ones in capitals and asks for them', () => {
	const guide = guideOf({
		parameters: [
			{ name: 'host', means: 'the host', kind: 'host' },
			{ name: 'quiet', means: 'x', kind: 'name', optional: true },
		],
		stages: [{ id: 'one', title: 'One', why: 'W.', steps: [{ commands: 'ping {host} && echo {quiet}' }] }],
	});
	expect(guided(guide, { host: 'db' }).stages[0]?.steps[0]?.commands).toBe('ping db && echo QUIET');
	const unknown = guided(guide);
	expect(unknown.stages[0]?.steps[0]?.commands).toBe('ping HOST && echo QUIET');
	expect(unknown.ask).toEqual(['host']);
});

test('hides stages of other layouts and says why, and shows uncertain ones with their condition', () => {
	const stage = (id: string, applies: unknown) => ({ id, title: id, why: 'W.', applies, steps: [{ commands: id }] });
	const guide = guideOf({
		stages: [
			stage('a', { all: ['layout=compose'] }),
			stage('b', { all: ['layout=debian'] }),
			stage('c', { all: ['workers'] }),
		],
	});
	const known = guided(guide, { layout: 'debian' });
	expect(known.stages.map(({ id, concerned }) => [id, concerned])).toEqual([
		['b', true],
		['c', 'unknown'],
	]);
	expect(known.hidden).toEqual([{ id: 'a', title: 'a', because: ['layout=debian'] }]);
	expect(guided(guide, {}, ['docker', 'no-workers']).stages.map(({ id }) => id)).toEqual(['a']);
	expect(guided(guide).ask).toEqual(['layout', 'workers']);
});

const ways = [
	{
		id: 'dump',
		title: 'Dump',
		fits: 'Small.',
		cost: { disk: { perGB: 1.5, plus: 1 }, minutes: { perGB: [1, 5], plus: [2, 4] }, says: 'Cheap.' },
	},
	{
		id: 'upgrade',
		title: 'Upgrade',
		fits: 'Large.',
		applies: { all: ['layout=debian'] },
		prefer: { all: ['size>=100'] },
	},
];
const sized = {
	ways,
	parameters: [...guideOf().parameters, { name: 'size', means: 'the size', kind: 'size', optional: true }],
};

test('chooses a stated way, or a preferred one, or the first that fits', () => {
	const way = (stated: Record<string, string>) => guided(guideOf(sized), stated).way;
	expect(way({})).toBe('dump');
	expect(way({ size: '200', layout: 'debian' })).toBe('upgrade');
	expect(way({ size: '200', layout: 'compose' })).toBe('dump');
	expect(way({ size: '200', layout: 'debian', way: 'dump' })).toBe('dump');
	const { refused } = guided(guideOf(sized), { layout: 'compose', way: 'upgrade' });
	expect(refused).toEqual([{ way: 'Upgrade', because: ['layout=compose'], possible: ['dump'] }]);
	expect(refused.map(guideRefusalWords)).toEqual([
		'“Upgrade” is not possible here (`layout=compose`). Possible: `way=dump`.',
	]);
});

test('computes the cost of a way from the size', () => {
	expect(guided(guideOf(sized), { size: '20' }).ways[0]?.cost).toEqual({
		says: 'Cheap.',
		gigabytes: 31,
		minutes: [22, 104],
	});
	expect(guided(guideOf(sized)).ways[0]?.cost).toEqual({ says: 'Cheap.' });
});

test('shows no stage if the guide refuses', () => {
	const guide = guideOf({
		parameters: [
			{ name: 'from', means: 'x', kind: 'major' },
			{ name: 'to', means: 'y', kind: 'major' },
		],
		refuses: [{ id: 'down', when: { all: ['from>{to}'] }, says: 'There is no way from {from} down to {to}.' }],
	});
	expect(guided(guide, { from: '17', to: '15' })).toMatchObject({
		refused: ['There is no way from 17 down to 15.'],
		stages: [],
	});
	expect(guided(guide, { from: '9.6', to: '15' }).refused).toEqual([]);
});

test('finds known errors in pasted text, those of the current stage first', () => {
	const failing = (id: string, text: string) => ({
		id: `at-${id}`,
		title: id,
		why: 'W.',
		steps: [{ commands: id }],
		failures: [{ id, text, cause: `Cause of ${id}.`, cure: 'Cure.' }],
	});
	const plan = guided(
		guideOf({
			stages: [
				failing('role', 'ERROR:  role "{name}" already exists'),
				failing('any', 'already exists'),
				failing('space', 'No space left on device'),
			],
		}),
	);
	const found = (at: string | undefined, pasted: string) =>
		failuresIn(plan, at, pasted).map(({ failure }) => failure.id);
	expect(found(undefined, 'psql:globals.sql:14: error:   role “mas” already\n exists')).toEqual(['role', 'any']);
	expect(found('at-any', 'ERROR: role "mas" already exists')).toEqual(['any', 'role']);
	expect(found('at-role', 'all is well')).toEqual([]);
	const [first] = failuresIn(plan, undefined, 'write failed: no space left on device');
	expect(first && foundWords(first)).toContain('Cause of space.');
});

test('shows a test only if the same variant was tested', () => {
	const trial = (layout: string): Tried => ({
		guide: 'small',
		of: 'one',
		with: { layout, from: '15' },
		versions: { postgresql: '15.18 → 17.10' },
		date: '2026-11-21',
		recipe: 'aaaaaa',
	});
	const shown = (layout: string) =>
		guided(guideOf(), { layout: 'compose' }, [], [trial(layout)]).stages[0]?.tried.length;
	expect([shown('compose'), shown('debian')]).toEqual([1, 0]);
	const answer = guideWords(guided(guideOf(), { layout: 'compose' }, [], [trial('compose')]), { asked: 'small' });
	expect(answer.sections.map(({ markdown }) => markdown).join()).toContain(
		'Tested on 2026-11-21 with PostgreSQL 15.18 → 17.10.',
	);
});

test('says whether a stage was not tested at all or only in part', () => {
	const trial: Tried = {
		...{ guide: 'small', of: 'one', with: {}, versions: { postgresql: '17.10' }, date: '2026-11-21' },
		recipe: 'aaaaaa',
	};
	const shown = (tried: Tried[], untried: string[]) =>
		triedWords({ ...guided(guideOf(), {}, [], []).stages[0], tried, untried } as Parameters<typeof triedWords>[0]);
	expect(shown([trial], ['It needs a provider.'])).toMatch(
		/17\.10\. Not all of this was tested as written\. It needs a provider\.\*$/,
	);
	expect(shown([], ['It needs a provider.'])).toBe('*We have not tested this. It needs a provider.*');
	expect(shown([], [])).toBe('*We have not tested this yet.*');
});

test('names the point of no return and the downtime before the stages', () => {
	const stage = (id: string, more: object) => ({ id, title: id, why: 'W.', steps: [{ commands: id }], ...more });
	const answer = guideWords(
		guided(
			guideOf({
				stages: [stage('stop', { down: 'begins' }), stage('start', { down: 'ends', noReturn: 'It is written to.' })],
				wayBack: {
					before: [stage('back', { from: 'stop' })],
					again: [stage('half', { from: 'stop' })],
					after: [stage('forth', {})],
				},
			}),
		),
		{ asked: 'small', file: true },
	);
	expect(answer.sections[0]).toMatchObject({ fold: false, title: 'Risks' });
	expect(answer.sections[0]?.markdown).toContain('Stage 2 is the point of no return: It is written to.');
	expect(answer.sections[0]?.markdown).toContain('down from stage 1 to stage 2');
	expect(answer.files?.[0]).toMatchObject({ name: 'small.md' });
	expect(answer.files?.[0]?.text).toContain('## Rollback after the point of no return');
	expect(answer.files?.[0]?.text).toContain('**From stage 1 on: back**');
	expect(answer.files?.[0]?.text).toContain('## Before you try again');
});

test('shows the way back from the last stage that was started', () => {
	const small = guideFor(smallGuide(), { stated: new Map(), profile: profile() }, []);
	expect([-1, 0, 1, 2].map(reached => wayBackFrom(small, reached).map(({ id }) => id))).toEqual([
		[],
		['halt'],
		['old'],
		['new'],
	]);
});

test('refuses a way back from an unknown stage', () => {
	const at = (...path: PropertyKey[]) => path.join('.');
	const guide = smallGuide();
	const wrong = { ...guide, wayBack: { ...guide.wayBack, before: [{ ...guide.wayBack.before[0], from: 'nowhere' }] } };
	expect(waysBackBeginAtStages({ guides: [{ value: wrong, at }] } as unknown as Files)).toEqual([
		'wayBack.before.0.from expected the id of a stage, got nowhere',
	]);
});

test.each([
	'a b',
	"a'b",
	'a"b',
	'a$b',
	'a;b',
	'a|b',
	'a&b',
	'a`b',
	'a\nb',
	'a\\b',
	'(a)',
	'<a>',
	'{a}',
	'-a',
	'*',
	'~',
	'#a',
	'a\u0000',
])('refuses the parameter %j, which a shell would not read as a plain word', typed => {
	for (const kind of [
		'name',
		'path',
		'image',
		'host',
		'tag',
		'url',
		'email',
		'major',
		'port',
		'size',
		'release',
	] as const)
		expect(readValue({ kind }, typed)).toBeUndefined();
});

test('accepts an image from a registry with a port, and a tag that is pinned to a digest', () => {
	const pinned = `17-alpine@sha256:${'0a'.repeat(32)}`;
	expect(readValue({ kind: 'image' }, 'registry.example:5000/library/postgres')).toBe(
		'registry.example:5000/library/postgres',
	);
	expect(readValue({ kind: 'tag' }, pinned)).toBe(pinned);
	expect(readValue({ kind: 'tag' }, '17-alpine@sha256:0a')).toBeUndefined();
});

test.each([
	['20G', '20'],
	['20gb', '20'],
	['1.5T', '1536'],
	['512MiB', '0.5'],
	['20', undefined],
	['G', undefined],
])('reads the size %s as %s GB', (typed, gigabytes) => {
	expect(readValue({ kind: 'size' }, typed)).toBe(gigabytes);
});

test('joins the parts of a file, with uncertain ones as comments', () => {
	const part = (text: string, applies?: unknown) => ({
		file: { name: 'etc/vars.yml', text },
		...(applies ? { applies } : {}),
	});
	const guide = guideOf({
		stages: [
			{
				id: 'one',
				title: 'One',
				why: 'Because.',
				steps: [
					part('a: 1\n'),
					part('b: 2\n', { all: ['workers'] }),
					part('c: 3\n', { all: ['email'] }),
					{ text: 'Done.' },
				],
			},
		],
	});
	const answer = guideWords(guided(guide, {}, ['email']), { asked: 'small' });
	const whole = 'a: 1\n\n# Only if you run workers:\n# b: 2\n\nc: 3';
	expect(answer.files).toEqual([{ name: 'vars.yml', type: 'application/yaml', text: `${whole}\n` }]);
	expect(answer.sections.find(({ title }) => title === '1. One')?.markdown).toContain(
		`\`etc/vars.yml\`:\n\n\`\`\`yaml\n${whole}\n\`\`\`\n\nDone.`,
	);
	const without = guideWords(guided(guide, {}, ['email', 'no-workers']), { asked: 'small' });
	expect(without.files?.[0]?.text).toBe('a: 1\n\nc: 3\n');
});

test('can match the beginning of a value', () => {
	const guide = guideOf({
		parameters: [
			{ name: 'data', means: 'x', kind: 'path', default: './schemas' },
			{
				name: 'storage',
				means: 'y',
				derived: true,
				follows: [{ when: { all: ['data!=.*|/*'] }, is: 'volume' }],
				default: 'folder',
			},
		],
		stages: [{ id: 'one', title: 'One', why: 'W.', steps: [{ commands: 'see {storage}' }] }],
	});
	const seen = (data: string) => guided(guide, { data }).stages[0]?.steps[0]?.commands;
	expect(['./schemas', '/srv/pg', '../pg', 'pgdata'].map(seen)).toEqual([
		'see folder',
		'see folder',
		'see folder',
		'see volume',
	]);
});

test('closes a code block in a fix on its own line, whether the error was reproduced or not', () => {
	const failure = { id: 'bad', text: 'ERROR: it is bad', cause: 'It was.', cure: 'Do:\n\n```bash\nls\n```' };
	const stage = { id: 'one', title: 'One', why: 'W.', steps: [{ commands: 'ls' }], failures: [failure] };
	const trial: Tried = { guide: 'small', of: 'bad', with: {}, versions: {}, date: '2026-11-21', recipe: 'aaaaaa' };
	for (const trials of [[], [trial]]) {
		const { sections } = guideWords(guided(guideOf({ stages: [stage] }), {}, [], trials), { asked: 'small' });
		const fences = sections.flatMap(({ markdown }) => markdown.split('\n').filter(line => line.includes('```')));
		expect(fences.filter(line => !/^\s*```(bash)?$/.test(line))).toEqual([]);
		expect(fences.length % 2).toBe(0);
	}
});

test.each([
	['database "…" does not exist', 'psql: error: FATAL:  database "synapse" does not exist'],
	[
		'connection to server at "matrix-postgres" (…), port 5432 failed: Connection refused',
		'psql: error: connection to server at "matrix-postgres" (172.31.0.3), port 5432 failed: Connection refused\n\tIs the server running?',
	],
	['invalid command \\restrict', 'psql:/dump.sql:5: error: invalid command \\restrict'],
])('recognises an error as the program prints it and as Ansible reports it: %s', (text, said) => {
	expect(knownBy(text, said)).toBe(true);
	expect(knownBy(text, `fatal: [matrix.example.org]: FAILED! => ${JSON.stringify({ rc: 2, stderr: said })}`)).toBe(
		true,
	);
	expect(knownBy(text, said.replace(/error/, 'note').replace(/does not|failed|invalid/, 'is'))).toBe(false);
});

// What other people's scripts rely on: every field of the JSON, and what must hold between fields, for random questions
// to the real knowledge. The expectations are computed here from the knowledge alone, not by the code that answers.
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { commands } from '../commands/index.ts';
import { respond } from '../src/bot/respond.ts';
import { concern } from '../src/deployment/condition.ts';
import { closedFacts, openFacts, parseTerm, profileOf } from '../src/deployment/facts.ts';
import { compare, finalOf, isCandidate, isWithin } from '../src/deployment/version.ts';
import { openCode } from '../src/knowledge/code-tables.ts';
import { openKnowledge } from '../src/knowledge/compiled.ts';
import type { Advisory } from '../src/knowledge/schema/synapse.ts';
import { random } from './render/random.ts';

const folder = new URL('../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);
const now = new Date('2026-11-21T12:00:00Z');
const health = { version: '0', startedAt: now, lastSync: () => undefined };
const known = new Map(knowledge.releases.map(release => [release.version, release]));
const finals = new Set(knowledge.releases.map(release => finalOf(release.version)));
const noteIds = new Set(knowledge.notes.map(({ id }) => id));
const stable = knowledge.releases
	.filter(({ version, withdrawn }) => !withdrawn && !isCandidate(version))
	.map(({ version }) => version);

async function answerTo(said: string): Promise<unknown> {
	const answers = await respond(
		{ room: 'console', sender: 'console', at: now, body: said, mentioned: false },
		{
			commands,
			ports: { knowledge, code, commands, now: () => now, health } as Parameters<typeof respond>[1]['ports'],
			names: ['glia'],
			bare: true,
			mayChange: () => undefined,
			log: { error: fields => expect.fail(`${said}: ${String(fields.err)}`) },
		},
	);
	expect(answers).toHaveLength(1);
	// As a script reads it.
	return JSON.parse(JSON.stringify(answers[0]?.value));
}

/** The release of a note, which may only have candidates so far. */
const noted = z.string().refine(text => finals.has(text), 'a release');
const version = z.string().refine(text => known.has(text), 'a release');
const url = z.string().startsWith('https://');
const applies = z.union([
	z.strictObject({ all: z.array(z.string()).min(1) }),
	z.strictObject({ any: z.array(z.string()).min(1) }),
]);
const source = z.object({ document: z.string(), section: z.string().min(1), heading: z.string().optional(), url });
const step = z.object({
	id: z.string(),
	release: z.union([noted, version]),
	when: z.enum(['before', 'switch', 'after']),
	must: z.boolean(),
	refuses: z.boolean(),
	concerned: z.union([z.literal(true), z.literal('unknown')]),
	title: z.string().min(1),
	text: z.string().min(1),
	applies: applies.optional(),
	options: z.array(z.string()),
	endpoints: z.array(z.string()),
	story: z.string().optional(),
	tells: z.array(z.string()),
	sources: z.array(source),
	leg: z.number().int().min(0),
	generated: z.literal(true).optional(),
});
const hidden = z.array(z.object({ id: z.string(), because: z.array(z.string()).min(1), sources: z.array(source) }));
const horizon = z.object({ release: version, read: z.iso.date() });
const unread = z.array(z.object({ release: version, url }));
const rollback = z.object({
	release: version,
	floor: version,
	floorWhy: z.string().min(1),
	to: version.optional(),
	canReturn: z.union([z.boolean(), z.literal('unknown')]).optional(),
});
const open = z.array(z.object({ id: z.string(), fixedIn: version.nullable() }));
const deadline = z.object({
	id: z.string(),
	subject: z.string().min(1),
	announced: noted.nullable(),
	at: z.strictObject({ version: z.string().optional(), date: z.string().optional(), vague: z.string().optional() }),
	promised: z.string().min(1),
	landed: version.nullable(),
	slipped: z.boolean(),
	estimate: z
		.string()
		.regex(/^\d{4}-\d\d$/)
		.optional(),
	replacedBy: z.string().nullable(),
	applies: applies.optional(),
	options: z.array(z.string()),
	sources: z.array(source),
});
const plan = z.object({
	format: z.literal(1),
	from: version,
	to: version,
	profile: z.record(z.string(), z.union([z.string(), z.boolean()])),
	horizon,
	steps: z.array(step),
	hidden,
	stops: z.array(
		z.object({
			from: version,
			to: version,
			best: version,
			required: z.boolean(),
			waitFor: z.string().min(1),
			why: z.string().min(1),
			applies: applies.optional(),
		}),
	),
	floors: z.array(
		z.object({
			of: z.enum(['python', 'postgresql', 'sqlite', 'rust']),
			at: version,
			min: z.string().regex(/^\d+(\.\d+)*$/),
			met: z.union([z.boolean(), z.literal('unknown')]),
		}),
	),
	rollback: rollback.required({ to: true, canReturn: true }),
	advisories: z.object({ fixed: z.array(z.string()), passedThrough: z.array(z.string()), open }),
	deadlines: z.array(deadline),
	unread,
	gaps: z.array(z.string()),
});

const { one, number, chance } = random(20261121);

function randomFacts(): string[] {
	const closed = Object.entries(closedFacts).flatMap(([fact, about]) => {
		if (!chance(0.25)) return [];
		if ('values' in about) return [`${fact}=${one(about.values)}`];
		return [`${fact}=${fact === 'postgres' ? number(9, 18) : `3.${number(5, 45)}`}`];
	});
	const open = Object.keys(openFacts).flatMap(fact => (chance(0.2) ? [chance(0.5) ? fact : `no-${fact}`] : []));
	return [...closed, ...open];
}

/** Facts that do not contradict each other. */
function randomProfile() {
	for (;;) {
		const facts = randomFacts();
		const profile = profileOf(facts.flatMap(fact => parseTerm(fact) ?? []));
		if (profile instanceof Map) return { facts, profile };
	}
}

type Question = ReturnType<typeof randomProfile> & { from: string; to: string };

function randomQuestion(): Question {
	for (;;) {
		const [a, b] = [one(knowledge.releases), one(knowledge.releases)];
		const order = compare(a.version, b.version);
		const [from, to] = order < 0 ? [a, b] : [b, a];
		const { facts, profile } = randomProfile();
		// With `install=ess`, a version that begins with 0 is one of the chart.
		const isChart = facts.includes('install=ess') && compare(from.version, '1.0.0') < 0;
		if (order !== 0 && !to.withdrawn && !isChart) return { from: from.version, to: to.version, facts, profile };
	}
}

const questions = Array.from({ length: 200 }, randomQuestion);

/** Whether a release is vulnerable, from the ranges alone. */
function has(hole: Advisory, release: string): boolean {
	const within = (ranges: readonly string[]) => ranges.some(range => isWithin(release, range));
	return within(hole.affected) && !within(hole.patched);
}

function isRising(numbers: readonly number[]): boolean {
	return numbers.every((value, i) => i === 0 || value >= (numbers[i - 1] ?? value));
}

describe.each(questions)('!upgrade $from $to $facts', ({ from, to, facts, profile }) => {
	const said = `!upgrade ${from} ${to} ${facts.join(' ')}`;
	let answer: Promise<z.infer<typeof plan>> | undefined;
	const answered = () => {
		answer ??= answerTo(said).then(value => plan.parse(value));
		return answer;
	};
	const stated = new Set(facts);

	test('has the right shape, and each note of the range once: as a step, within one, or hidden', async () => {
		const { steps, hidden, ...rest } = await answered();
		expect([rest.from, rest.to]).toEqual([from, to]);
		const notes = steps.filter(({ generated }) => !generated);
		const places = [
			...notes.map(({ id }) => id),
			...steps.flatMap(({ tells }) => tells),
			...hidden.map(({ id }) => id),
		];
		const inRange = knowledge.notes
			.filter(({ release }) => compare(release, finalOf(to)) <= 0)
			// From a candidate, its final release's own notes still apply.
			.filter(({ release }) => compare(release, from) > 0)
			.map(({ id }) => id);
		expect(places.toSorted()).toEqual(inRange.toSorted());
		expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
		expect(notes.every(({ sources }) => sources.every(({ url }) => url.startsWith('https://')))).toBe(true);
	});

	test('hides only what stated facts rule out', async () => {
		const { steps, hidden } = await answered();
		for (const { id, because } of hidden) {
			expect(because.filter(fact => !stated.has(fact))).toEqual([]);
			const note = knowledge.notes.find(other => other.id === id);
			// Packages that depend on Python and SQLite rule out notes on their minimum versions, whatever the note says.
			const isBrought = because.some(fact => /^install=(debian|distro|nix)$/.test(fact));
			if (isBrought && /^(python|sqlite)-floor$/.test(note?.story ?? '')) continue;
			expect(concern(note?.applies, profile).is).toBe(false);
		}
		for (const { applies, concerned } of steps) expect(concern(applies, profile).is).toBe(concerned);
	});

	test('goes from before, through the switches in order, to after', async () => {
		const { steps, stops } = await answered();
		expect(isRising(steps.map(({ when }) => ['before', 'switch', 'after'].indexOf(when)))).toBe(true);
		const switching = steps.filter(({ when }) => when === 'switch');
		expect(isRising(switching.map(({ leg }) => leg))).toBe(true);
		const required = [...new Set(stops.filter(stop => stop.required).map(({ best }) => best))];
		const switches = steps.filter(({ id, generated }) => generated && id.endsWith('/switch'));
		expect(switches.map(({ release }) => release)).toEqual([...required, to]);
		for (const { id, when } of steps.filter(({ generated }) => !generated)) {
			const note = knowledge.notes.find(other => other.id === id);
			const tooEarly = note?.when === 'before' && note.possible !== undefined && compare(note.possible, from) > 0;
			expect(when).toBe(tooEarly ? 'switch' : note?.when);
		}
	});

	test('stops within the upgrade, and requires it only if the rule and the database do', async () => {
		const { stops } = await answered();
		for (const { from: first, to: last, best, required, applies } of stops) {
			expect(isRising([compare(first, best), 0, compare(last, best)])).toBe(true);
			expect(compare(best, from) > 0 && compare(best, finalOf(to)) < 0).toBe(true);
			expect(known.get(best)?.withdrawn).toBeUndefined();
			if (required) expect(concern(applies, profile).is).not.toBe(false);
		}
		const onPostgres = profile.get('database')?.value !== 'sqlite';
		const below = (bound: string) => compare(from, bound) < 0;
		const reaches = (bound: string) => compare(finalOf(to), bound) >= 0;
		const demanded = onPostgres && ((below('1.38.0') && reaches('1.83.0')) || (below('1.21.0') && reaches('1.82.0')));
		expect(stops.some(stop => stop.required)).toBe(demanded);
	});

	test("states minimum versions as in the target's code", async () => {
		const { floors } = await answered();
		const end = known.get(finalOf(to)) ?? known.get(stable.findLast(other => compare(other, to) < 0) ?? '');
		for (const { of, at, min, met } of floors) {
			expect(end?.[of]).toBe(min);
			expect(known.get(at)?.[of]).toBe(min);
			const fact = ({ postgresql: 'postgres', python: 'python', sqlite: 'sqlite', rust: undefined } as const)[of];
			if (fact === undefined || !profile.has(fact)) expect(met).toBe('unknown');
		}
	});

	test('rolls back no further than the floor', async () => {
		const { rollback } = await answered();
		expect(rollback.release).toBe(to);
		expect(compare(rollback.floor, to)).toBeLessThanOrEqual(0);
		expect(rollback.to).toBe(from);
		expect(rollback.canReturn).toBe(compare(from, rollback.floor) >= 0);
	});

	test('puts each advisory in one place by its ranges', async () => {
		const { advisories } = await answered();
		const expected = { fixed: [] as string[], passedThrough: [] as string[], open: [] as string[] };
		for (const hole of knowledge.advisories.filter(({ applies }) => concern(applies, profile).is !== false)) {
			const between = knowledge.releases.filter(
				({ version }) => !isCandidate(version) && compare(version, from) > 0 && compare(version, to) < 0,
			);
			if (has(hole, to)) expected.open.push(hole.id);
			else if (has(hole, from)) expected.fixed.push(hole.id);
			else if (between.some(({ version }) => has(hole, version))) expected.passedThrough.push(hole.id);
		}
		expect({ ...advisories, open: advisories.open.map(({ id }) => id) }).toMatchObject(expected);
		for (const { id, fixedIn } of advisories.open) {
			const hole = knowledge.advisories.find(other => other.id === id);
			const fixes = stable.filter(other => compare(other, to) > 0 && hole && !has(hole, other));
			expect(fixedIn).toBe(fixes[0] ?? null);
		}
	});

	test('lists deadlines that the target still has', async () => {
		const { deadlines } = await answered();
		for (const { announced, landed, applies } of deadlines) {
			if (announced !== null) expect(compare(announced, finalOf(to))).toBeLessThanOrEqual(0);
			if (landed !== null) expect(compare(landed, finalOf(to))).toBeGreaterThan(0);
			expect(concern(applies, profile).is).not.toBe(false);
		}
		const promised = knowledge.notes
			.filter(({ release, deadline: promise }) => promise && !promise.withdrawn && compare(release, finalOf(to)) <= 0)
			.filter(({ deadline: promise }) => !promise?.landed || compare(promise.landed, finalOf(to)) > 0)
			.filter(({ applies }) => concern(applies, profile).is !== false);
		expect(deadlines.flatMap(({ id, announced }) => (announced === null ? [] : [id])).toSorted()).toEqual(
			promised.map(({ id }) => id).toSorted(),
		);
	});
});

test('!notes of every release has the right shape, its facts and its notes', async () => {
	const shape = z.object({
		format: z.literal(1),
		// For a candidate, its final release, which may not be out yet.
		release: noted,
		facts: z.looseObject({ date: z.iso.date().optional() }),
		notes: z.array(step),
		advisories: z.object({ fixed: z.array(z.string()), open }),
	});
	for (const release of knowledge.releases) {
		const found = shape.parse(await answerTo(`!notes ${release.version}`));
		const { version: _, ...facts } = release;
		if (found.release === release.version) expect(found.facts).toEqual(facts);
		const own = knowledge.notes.filter(note => note.release === finalOf(release.version)).map(({ id }) => id);
		expect(found.notes.map(({ id }) => id).toSorted()).toEqual(own.toSorted());
	}
});

test('!rollback of every release, even a withdrawn one, has the right shape', async () => {
	for (const release of knowledge.releases) {
		const found = rollback.extend({ format: z.literal(1) }).parse(await answerTo(`!rollback ${release.version}`));
		expect(found.release).toBe(release.version);
		expect(compare(found.floor, found.release)).toBeLessThanOrEqual(0);
		expect('to' in found || 'canReturn' in found).toBe(false);
	}
});

test('!option of every option has the right shape, and dates that match the code', async () => {
	const shape = z.object({
		format: z.literal(1),
		option: z.string(),
		first: version.optional(),
		deprecated: z.union([noted, version]).optional(),
		removed: version.optional(),
		replacedBy: z.string().min(1).optional(),
		defaults: z.array(z.object({ from: version, value: z.unknown().optional() })),
		notes: z.array(z.string().refine(id => noteIds.has(id), 'a note')),
		text: z.string().min(1),
		sources: z.array(source).min(1),
	});
	const { read, byPath } = code.options();
	for (const [path, { changes }] of byPath) {
		const found = shape.parse(await answerTo(`!option ${path}`));
		expect(found.option).toBe(path);
		const before = read.filter(release => found.first !== undefined && compare(release, found.first) < 0);
		for (const release of before) expect(changes.findLast(([from]) => compare(from, release) <= 0)).toBeUndefined();
		if (found.removed === undefined) continue;
		const { removed } = found;
		expect(changes.find(([from]) => from === removed)?.[1]?.refused ?? true).toBeTruthy();
		for (const { from } of found.defaults) expect(compare(from, removed)).toBeLessThan(0);
		if (found.deprecated !== undefined) expect(compare(found.deprecated, removed)).toBeLessThan(0);
	}
});

test('!options between neighbouring releases adds up to what the code says', async () => {
	const one = z.object({ option: z.string(), release: version });
	const ended = one.extend({ replacedBy: z.string().optional() });
	const shape = z.object({
		format: z.literal(1),
		from: version,
		to: version,
		added: z.array(one.extend({ default: z.unknown().optional() })),
		removed: z.array(ended),
		deprecated: z.array(ended),
		defaults: z.array(one.extend({ before: z.unknown(), after: z.unknown() })),
	});
	const { read, byPath } = code.options();
	const has = (path: string, release: string) => {
		const state = byPath.get(path)?.changes.findLast(([from]) => compare(from, release) <= 0)?.[1];
		return state !== undefined && state !== null && !state.refused;
	};
	const finalOnes = read.filter(release => stable.includes(release));
	for (const [index, to] of finalOnes.entries()) {
		const from = finalOnes[index - 1];
		if (from === undefined) continue;
		const found = shape.parse(await answerTo(`!options ${from} ${to}`));
		for (const { option, release } of [...found.added, ...found.removed, ...found.deprecated, ...found.defaults]) {
			expect(compare(release, from)).toBeGreaterThan(0);
			expect(compare(release, to)).toBeLessThanOrEqual(0);
			expect(byPath.has(option)).toBe(true);
		}
		for (const { option } of found.added) expect([has(option, from), has(option, to)]).toEqual([false, true]);
		for (const { option } of found.removed) expect([has(option, from), has(option, to)]).toEqual([true, false]);
		const named = new Set([...found.added, ...found.removed].map(({ option }) => option));
		const changed = [...byPath.keys()].filter(path => has(path, from) !== has(path, to) && !named.has(path));
		// There is no date for options that only the first schema (1.132.0) names.
		if (to !== '1.132.0') expect(changed).toEqual([]);
	}
});

test('!deadlines has the right shape: open ones, and with `all` past ones too', async () => {
	const shape = z.object({ format: z.literal(1), deadlines: z.array(deadline) });
	const opened = shape.parse(await answerTo('!deadlines')).deadlines;
	const all = shape.parse(await answerTo('!deadlines all')).deadlines;
	// What has only been removed in a candidate still works in the newest release.
	const newest = stable.at(-1) ?? '';
	expect(opened.filter(({ landed }) => landed !== null && compare(landed, newest) <= 0)).toEqual([]);
	expect(opened.every(({ id }) => all.some(other => other.id === id))).toBe(true);
	const promises = knowledge.notes
		.filter(note => note.deadline && compare(note.release, newest) <= 0)
		.map(({ id }) => id);
	expect(all.flatMap(({ id }) => (noteIds.has(id) ? [id] : [])).toSorted()).toEqual(promises.toSorted());
	for (let i = 0; i < 20; i++) {
		const { facts, profile } = randomProfile();
		for (const { applies } of shape.parse(await answerTo(`!deadlines ${facts.join(' ')}`)).deadlines)
			expect(concern(applies, profile).is).not.toBe(false);
	}
});

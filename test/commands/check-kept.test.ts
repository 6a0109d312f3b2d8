// What !check stores for a watched server: facts and conditions, never a value; who may store it, what uses it, and
// when it is deleted.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { deadlines } from '../../commands/deadlines.ts';
import { profile } from '../../commands/profile.ts';
import { status } from '../../commands/status.ts';
import { unwatch } from '../../commands/unwatch.ts';
import { upgrade } from '../../commands/upgrade.ts';
import { believedFor } from '../../src/advice/check/record.ts';
import { faultKey } from '../../src/advice/upgrade/way.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import type { Answer } from '../../src/answer.ts';
import type { Asked, Command, Ports } from '../../src/command.ts';
import { openStore } from '../../src/edges/store/store.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import type { Store } from '../../src/ports/store.ts';
import { outside } from '../outside.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);
const room = '!room:example.org';
const secret = 'planted-hunter2';
const whole = `server_name: ${secret}.example.org\nreport_stats: false\ndatabase: {name: psycopg2, args: {password: ${secret}}}\n`;
const numeric = '1.135.0/numeric-form-secret';

let store: Store;
let clock: number;

beforeEach(async () => {
	clock = Date.parse('2026-11-29T12:00:00Z');
	store = await openStore();
	await store.keepWatch(
		{
			...{ id: 'w', room, server: 'example.org', facts: ['docker'], changed: new Date(clock) },
			told: { version: '1.98.0', at: new Date(clock).toISOString() },
		},
		new Date(clock),
	);
});
afterEach(() => store.close());

async function ask(said: string, more: Partial<Asked> = {}): Promise<Answer> {
	const now = () => new Date(clock);
	const all = [check, deadlines, profile, status, unwatch, upgrade] satisfies Command[] as Command[];
	const [name = '', ...rest] = said.split(/(?<=^\S+)\s/);
	const text = rest.join('').trim();
	const command = all.find(one => one.name === name);
	if (!command) throw new Error(name);
	const health = { version: '0', startedAt: now(), lastSync: () => undefined };
	const ports = { knowledge, code, store, now, commands: all, health, web: outside(now), limits: usualLimits };
	const words = text.split(/\s+/).filter(Boolean);
	return command.run({ words, text, room, sender: '@a:x', at: now(), ...more }, ports as unknown as Ports);
}

const file = (text: string) => ({ files: [{ name: 'homeserver.yaml', text }] });

type PlanValue = {
	steps: { id: string; concerned: unknown; onlyIf?: string }[];
	hidden: { id: string; because: string[] }[];
};

/** How a note appears in the plan: whether it certainly applies if it is a step, why it is hidden, or `absent`. */
async function inPlan(id: string, command = 'upgrade example.org'): Promise<unknown> {
	const value = (await ask(command)).value as unknown as PlanValue;
	const step = value.steps.find(one => one.id === id);
	if (step?.onlyIf !== undefined) return 'unknown';
	return step ? step.concerned : (value.hidden.find(one => one.id === id)?.because ?? 'absent');
}

test('a check decides conditions in the plan, and adds facts to it', async () => {
	expect(await inPlan(numeric)).toBe('unknown');
	const answer = await ask('check example.org', file(whole));
	expect(answer.lead).toContain('Kept for `example.org`');
	expect(await inPlan(numeric)).toEqual(['configuration']);
	const plan = await ask('upgrade example.org');
	expect(plan.value.profile).toMatchObject({ install: 'docker', database: 'postgres' });
	expect(JSON.stringify([plan.lead, plan.sections])).toContain('its configuration from 2026-11-29');
	await ask('check example.org', file(`${whole}form_secret: 12345\n`));
	expect(await inPlan(numeric)).toBe(true);
});

test('a check stores IDs, facts and a date, but nothing of the configuration itself', async () => {
	const yaml = `${whole}macaroon_secret_key: ${secret}\noidc_providers: [{idp_id: ${secret}, issuer: "https://${secret}"}]\n`;
	const answer = await ask('check example.org', file(yaml));
	const kept = await store.watch(room, 'example.org');
	expect(kept?.checks).toHaveLength(1);
	expect(JSON.stringify([kept, answer])).not.toContain(secret);
	const [record] = kept?.checks ?? [];
	expect(record).toMatchObject({ day: '2026-11-29', by: 'files' });
	expect(record?.facts).toContain('database=postgres');
	const ids = new Set([...knowledge.notes.map(({ id }) => id), ...knowledge.faults.map(({ id }) => faultKey(id))]);
	for (const [id, [holds, of]] of Object.entries(record?.conditions ?? {})) {
		expect(ids.has(id)).toBe(true);
		expect([typeof holds, of]).toEqual(['boolean', expect.stringMatching(/^[0-9a-f]{8}$/)]);
	}
});

test('a check stores the results of a skeleton too, and those of look.py in addition', async () => {
	const skeleton =
		'--- # file 1\nserver_name: "***"  # 1\nreport_stats: false  # 2\ndatabase:  # 3\n  name: "psycopg2"  # 4\n';
	await ask('check example.org', file(skeleton));
	expect((await store.watch(room, 'example.org'))?.checks).toMatchObject([{ by: 'skeleton' }]);
	expect(await inPlan(numeric)).toEqual(['configuration']);
	const looked = await ask(`check example.org look ${numeric}`);
	expect(looked.value).toMatchObject({ refuses: true, findings: [{ kind: 'refuses', note: numeric }] });
	expect((await store.watch(room, 'example.org'))?.checks?.map(({ by }) => by)).toEqual(['skeleton', 'look']);
	expect(await inPlan(numeric)).toBe(true);
	// The script's output may be quoted as it is, or sent as a file.
	for (const more of [{ quoted: 'look none\n' }, file('look none')]) {
		expect((await ask('check example.org', more)).value).toMatchObject({ refuses: false });
		expect(await inPlan(numeric)).toEqual(['configuration']);
		await ask(`check example.org look ${numeric}`);
	}
});

test('the instructions for look.py name the command that accepts its output; other IDs are refused', async () => {
	const { files, sections } = await ask('check example.org look');
	expect(files?.[0]?.text).toContain(`"${numeric}"`);
	expect(JSON.stringify(sections)).toMatch(/!check example\.org 1\.98\.0 1\.\d+\.\d+ look none/);
	await expect(ask('check example.org look 1.2.3/nothing')).rejects.toThrow('is not output from the script');
	await expect(ask('check example.org 1.140 1.156 look 1.135.0/numeric-form-secret')).rejects.toThrow(
		'is not output from the script',
	);
});

test('look.py leaves open what it could not determine', async () => {
	const answer = await ask(`check example.org look ?${numeric}`);
	expect(answer.value).toMatchObject({ refuses: false, unjudged: [{ note: numeric }] });
	expect(await inPlan(numeric)).toBe('unknown');
});

test("look.py's Python is stored if the environment is permanent, and a person's statement overrides it", async () => {
	await ask('check example.org look python=3.11 none');
	expect((await store.watch(room, 'example.org'))?.checks).toMatchObject([{ by: 'look', facts: [] }]);
	await ask('profile example.org pip');
	await ask('check example.org look python=3.11 none');
	expect((await store.watch(room, 'example.org'))?.checks).toMatchObject([{ by: 'look', facts: ['python=3.11'] }]);
	expect((await ask('upgrade example.org')).value.profile).toMatchObject({ python: '3.11' });
	await ask('profile example.org python=3.13');
	expect((await ask('upgrade example.org')).value.profile).toMatchObject({ python: '3.13' });
});

test('installed packages are stored as conditions', async () => {
	await ask('profile example.org pip');
	expect(await inPlan('1.163.0/txredisapi')).toBe('unknown');
	await ask('check example.org', file(whole));
	expect(await inPlan('1.163.0/txredisapi'), 'no file says it').toBe('unknown');
	await ask('check example.org look python=3.11 1.163.0/txredisapi');
	expect(await inPlan('1.163.0/txredisapi')).toBe(true);
	await ask('check example.org look python=3.11 none');
	expect(await inPlan('1.163.0/txredisapi')).toEqual(['configuration']);
});

describe('nothing is stored', () => {
	test.each<[string, string, Partial<Asked>, RegExp]>([
		['without a server', 'check', file(whole), /^(?![\s\S]*Kept)(?![\s\S]*Nothing is kept)/],
		['for a server that the room does not watch', 'check other.example', file(whole), /is not watching it/],
		[
			'for someone who may not change things',
			'check example.org',
			{ ...file(whole), mayNotChange: () => 'Yours is 0.' },
			/Nothing is kept[^\n]*Yours is 0/i,
		],
		['from invalid YAML', 'check example.org', file('a: [\n'), /cannot read this as its configuration/],
	])('%s', async (_what, said, more, words) => {
		const answer = await ask(said, more);
		expect(answer.lead).toMatch(words);
		expect((await store.watch(room, 'example.org'))?.checks).toBeUndefined();
		expect(await inPlan(numeric)).toBe('unknown');
	});
});

test('a statement overrides the configuration, and the difference is mentioned', async () => {
	await ask('check example.org', file(whole));
	const card = await ask('profile example.org sqlite');
	expect(card.value.profile).toMatchObject({ database: 'sqlite' });
	expect(JSON.stringify(card.sections)).toMatch(
		/⚠️ According to its configuration from 2026-11-29, you use PostgreSQL;/,
	);
	const plan = await ask('upgrade example.org');
	expect(plan.value.profile).toMatchObject({ database: 'sqlite' });
});

test('the stored check is shown with its date, and can be deleted', async () => {
	await ask('check example.org', file(whole));
	const card = await ask('profile example.org');
	expect(card.value).toMatchObject({
		checked: [{ day: '2026-11-29', by: 'files' }],
		derived: expect.arrayContaining([{ fact: 'database=postgres', day: '2026-11-29' }]),
	});
	expect(JSON.stringify(card.sections)).toMatch(/Checked on 2026-11-29: \d+ conditions checked/);
	expect(JSON.stringify((await ask('status')).sections)).toContain('configuration checked 2026-11-29');
	await ask('profile example.org forget configuration');
	const left = await store.watch(room, 'example.org');
	expect(left).toMatchObject({ facts: ['docker'], told: { version: '1.98.0' } });
	expect(left?.checks).toBeUndefined();
	expect(await inPlan(numeric)).toBe('unknown');
	await ask('check example.org', file(whole));
	await ask('profile example.org docker');
	expect((await store.watch(room, 'example.org'))?.checks).toHaveLength(1);
	await ask('profile example.org forget all');
	expect((await store.watch(room, 'example.org'))?.checks).toBeUndefined();
});

test('an old check is reported as old, and decides nothing', async () => {
	await ask('check example.org', file(whole));
	clock += believedFor * 24 * 3600_000;
	expect(await inPlan(numeric)).toEqual(['configuration']);
	clock += 24 * 3600_000;
	expect(await inPlan(numeric)).toBe('unknown');
	const plan = await ask('upgrade example.org');
	expect(plan.value.profile).toEqual({ install: 'docker' });
	expect(JSON.stringify([plan.lead, plan.sections])).toMatch(/no longer use it[^"]*!check example\.org/);
	expect(JSON.stringify((await ask('profile example.org')).sections)).toContain('too long ago to use');
});

test('a condition that changed in another edition is open again', async () => {
	await ask('check example.org', file(whole));
	const watch = await store.watch(room, 'example.org');
	if (!watch) throw new Error('no watch');
	const other = (watch.checks ?? []).map(record => ({
		...record,
		conditions: Object.fromEntries(
			Object.entries(record.conditions).map(([id, [holds]]) => [id, [holds, 'other'] as const]),
		),
	}));
	await store.keepWatch({ ...watch, checks: other }, new Date(clock));
	expect(await inPlan(numeric)).toBe('unknown');
});

test('deadlines use the stored check', async () => {
	const open = async () => {
		const { deadlines } = (await ask('deadlines example.org')).value as {
			deadlines: { id: string; concerned?: unknown }[];
		};
		return deadlines;
	};
	const deciding = new Set(knowledge.notes.filter(({ found, deadline }) => found && deadline).map(({ id }) => id));
	const before = (await open()).filter(({ id }) => deciding.has(id));
	expect(before.length).toBeGreaterThan(0);
	await ask('check example.org', file(whole));
	const after = (await open()).filter(({ id }) => deciding.has(id));
	expect(after.length).toBeLessThan(before.length);
});

test('a stored check follows a room upgrade, and ends with the watch', async () => {
	await ask('check example.org', file(whole));
	const move = { from: room, to: '!new:example.org', via: 'example.org', sender: '@a:x' };
	await store.moved({ ...move, since: new Date(clock), tries: 0, joined: false }, new Date(clock));
	expect((await store.watch('!new:example.org', 'example.org'))?.checks).toHaveLength(1);
	await store.forget('!new:example.org');
	expect(await store.watch('!new:example.org', 'example.org')).toBeUndefined();
});

test('the help mentions it', () => {
	expect(check.help).toContain('I never repeat or keep your values');
	expect(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')).toContain('check');
});

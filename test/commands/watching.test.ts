// Commands that change what a room knows, or how it is told.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { alerts } from '../../commands/alerts.ts';
import { profile } from '../../commands/profile.ts';
import { room } from '../../commands/room.ts';
import { snooze } from '../../commands/snooze.ts';
import type { Alert } from '../../src/advice/watch/alerts.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Store } from '../../src/ports/store.ts';
import { asked } from '../asked.ts';
import { known, knownDistributions, releases } from '../known.ts';

const now = () => new Date('2026-11-29T12:00:00Z');
const knowledge = { ...known({ releases: releases('1.0.0', '1.1.0', '1.2.0rc1') }), systems: ['debian-14'] };

let store: Store;
beforeEach(async () => {
	store = await openStore();
});
afterEach(() => store.close());

test.each([
	['docker', ['workers', 'postgres=15', 'os=debian-14']],
	['install', ['workers', 'postgres=15', 'os=debian-14']],
	['postgres', ['install=docker', 'workers', 'os=debian-14']],
	['postgres=15', ['install=docker', 'workers', 'os=debian-14']],
	['workers docker', ['postgres=15', 'os=debian-14']],
	['os', ['install=docker', 'workers', 'postgres=15']],
	['debian-14', ['install=docker', 'workers', 'postgres=15']],
])('!profile forgets %s, by the name of a fact or as it was stated', async (words, left) => {
	const facts = ['install=docker', 'workers', 'postgres=15', 'os=debian-14'];
	await store.keepWatch({ id: 'w', room: '!room', server: 'example.org', facts, changed: now() }, now());
	const ports = { store, knowledge, distributions: knownDistributions(), now };
	await profile.run(asked(`example.org forget ${words}`), ports);
	expect((await store.watch('!room', 'example.org'))?.facts).toEqual([...left].sort());
});

test.each([
	['debian', 'install=docker'],
	['postgres=16', 'postgres=15'],
	['no-workers', 'workers'],
	['sqlite', 'os=debian-14'],
	['docker email', 'install=docker'],
	['version', 'configuration'],
])('!profile refuses to forget %s, which is not stored, and says what is', async (words, named) => {
	const facts = ['install=docker', 'workers', 'postgres=15', 'os=debian-14'];
	const checks = [{ by: 'files' as const, day: '2026-11-29', facts: [], conditions: {}, starts: [] }];
	const since = new Date('2026-11-01T12:00:00Z');
	const watch = { id: 'w', room: '!room', server: 'example.org', facts, checks, changed: since };
	await store.keepWatch(watch, since);
	const stored = await store.watch('!room', 'example.org');
	const ports = { store, knowledge, distributions: knownDistributions(), now };
	const forgotten = profile.run(asked(`example.org forget ${words}`), ports);
	await expect(forgotten).rejects.toThrow('it is not stored for');
	await expect(forgotten).rejects.toThrow(named);
	expect(await store.watch('!room', 'example.org')).toEqual(stored);
});

test('!profile says if nothing is stored that it could forget', async () => {
	await store.keepWatch({ id: 'w', room: '!room', server: 'example.org', facts: [], changed: now() }, now());
	const ports = { store, knowledge, distributions: knownDistributions(), now };
	for (const word of ['workers', 'version', 'configuration'])
		await expect(profile.run(asked(`example.org forget ${word}`), ports)).rejects.toThrow('Nothing is stored');
});

test('!profile forgets `postgres` as the database too', async () => {
	const watch = { id: 'w', room: '!room', server: 'example.org', facts: ['database=postgres'], changed: now() };
	await store.keepWatch(watch, now());
	const ports = { store, knowledge, distributions: knownDistributions(), now };
	await profile.run(asked('example.org forget postgres'), ports);
	expect((await store.watch('!room', 'example.org'))?.facts).toEqual([]);
	await expect(profile.run(asked('example.org forget pigeons'), ports)).rejects.toThrow('pigeons');
});

test.each([
	['zone new york', { zone: 'America/New_York' }],
	['quiet 22:00 – 7:00', { quiet: '22:00-07:00' }],
	['mention @admin:example.org', { mention: '@admin:example.org' }],
	['mention me', { mention: '@a:x' }],
	['severity warning', { severity: 'warning' }],
])('!room %s is saved', async (words, settings) => {
	await room.run(asked(words), { store, now });
	expect(await store.settings('!room')).toEqual(settings);
});

test.each(['mention @admin:example.org and @b:example.org', 'mention @a : x', 'severity warn ing', 'bare o n'])(
	'!room %s is refused instead of joined to one word',
	async words => {
		await expect(room.run(asked(words), { store, now })).rejects.toThrow('is not a valid value');
		expect(await store.settings('!room')).toEqual({});
	},
);

test.each([
	['until 1.0', 'Synapse 1.0.0 is already out'],
	['until 1.0.1', 'Synapse 1.1.0 is already out'],
	['until 1.1', 'Synapse 1.1.0 is already out'],
	['until 1.2', 'Nothing is open'],
	['until 1.2.0rc1', 'Nothing is open'],
])('!snooze %s: %s', async (words, refusal) => {
	await expect(snooze.run(asked(words), { store, knowledge, now })).rejects.toThrow(refusal);
});

test('!alerts shows only snoozes that last', async () => {
	const watch = { id: 'w', room: '!room', server: 'example.org', facts: [], changed: now() };
	await store.keepWatch(watch, now());
	const severity = 'warning' as const;
	const shown = ['CVE-1', 'CVE-2', 'CVE-3', 'CVE-4'].map(
		(subject): Alert => ({
			...{ watch: 'w', rule: 'advisory', subject, stage: 'open', episode: 'e', kind: 'new', severity, unsaid: true },
			about: { rule: 'advisory', id: subject, rating: 'moderate', name: subject },
		}),
	);
	await store.keepDecided([{ watch, alerts: shown, say: () => [] }], now());
	const ids = (await store.open('!room')).map(({ id }) => id);
	const untils = [
		{ until: '2026-11-29T11:00:00.000Z' },
		{ until: '2026-11-29T13:00:00.000Z' },
		{ version: '1.1.0' },
		{ version: '1.2.0' },
	];
	for (const [at, until] of untils.entries()) await store.snooze(ids.slice(at, at + 1), until);
	const { value } = await alerts.run(asked(''), { store, knowledge, now });
	expect(value.alerts).toMatchObject([{ number: 1 }, { snoozed: untils[1] }, { number: 3 }, { snoozed: untils[3] }]);
	expect((value.alerts as { snoozed?: unknown }[]).map(one => 'snoozed' in one)).toEqual([false, true, false, true]);
});

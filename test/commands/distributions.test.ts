// !upgrade mdad, !upgrade ess and !notes ess, with the real knowledge.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { notes } from '../../commands/notes.ts';
import { upgrade } from '../../commands/upgrade.ts';
import { Refusal } from '../../src/answer.ts';
import { isVersion } from '../../src/deployment/version.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { terminalText } from '../../src/render/terminal.ts';
import { asked } from '../asked.ts';
import { wholePorts } from '../respondent.ts';

const ports = await wholePorts([], new Date('2026-11-29T12:00:00Z'));
const upgraded = async (text: string) => await upgrade.run(asked(text), ports);
type Told = {
	entries: { id: string; date: string; breaking: boolean; concerned: unknown; sources: { heading?: string }[] }[];
	hidden: { id: string; because: string[] }[];
	plan?: { from: string; to: string; profile: Record<string, unknown>; steps: unknown[] };
};
const valueFor = async (text: string) => (await upgraded(text)).value as Told & Record<string, unknown>;

test('lists every entry since June 2025, breaking or not, and the Synapse releases in between', async () => {
	const value = await valueFor('mdad 2025-06-01 2026-08-22');
	expect(value).toMatchObject({ format: 1, distribution: 'mdad', from: '2025-06-01', to: '2026-08-22', unread: [] });
	expect(value.entries).toHaveLength(64);
	// Including what only commits say: certificate dumper paths, derived secrets, LiveKit's TURN, the migration value.
	expect(value.entries.filter(({ breaking }) => breaking)).toHaveLength(39);
	expect(value.plan).toMatchObject({ from: '1.130.0', to: '1.159.0', profile: { install: 'mdad' } });
	expect(value.plan?.steps.length).toBeGreaterThan(10);
});

test('applies a withdrawn change only to checkouts that have it', async () => {
	const ids = async (text: string) => (await valueFor(text)).entries.map(({ id }) => id.split('/')[2]);
	expect(await ids('mdad 2026-08-14 2026-08-19')).toEqual(['rtc-transports-dropped']);
	expect(await ids('mdad 2026-08-14 2026-08-20')).toEqual(['rtc-transports-well-known']);
	expect(await ids('mdad 2026-08-20')).toEqual(['rtc-transports-well-known']);
});

test('facts and components shorten both the entries and the plan', async () => {
	const value = await valueFor('mdad 2026-01-01 2026-08-22 no-jitsi workers postgres=17 telegram');
	expect(value.hidden).toContainEqual(
		expect.objectContaining({ id: 'mdad/2026-08-06/jitsi-colibri', because: ['no-jitsi'] }),
	);
	expect(value.entries.find(({ id }) => id === 'mdad/2026-04-24/telegram-go')?.concerned).toBe(true);
	expect(value.plan?.profile).toMatchObject({ install: 'mdad', workers: true, postgres: '17' });
});

test.each([
	['mdad c0681e4bc', '2026-08-22'],
	['mdad 0b5b472421', '2026-07-16'],
	['mdad v2026.04.03.0', '2026-04-03'],
	['mdad 2026-06', '2026-06-01'],
	['mdad 20260601', '2026-06-01'],
	['2026-06-01 mdad', '2026-06-01'],
	['mdad since 2026-06-01 to 2026-07-01', '2026-06-01'],
	['mdad 2026-06-01..2026-07-01', '2026-06-01'],
	['mdad 01.06.2026', '2026-06-01'],
	['mdad 2026/6/1', '2026-06-01'],
	['mdad June 2026', '2026-06-01'],
	['mdad since march', '2026-03-01'],
	['mdad 6 months ago', '2026-05-29'],
	['mdad matrix_playbook_migration_validated_version: v2026.04.03.0', '2026-04-03'],
	['mdad matrix_playbook_migration_validated_version=v2026.04.03.0', '2026-04-03'],
	['playbook 2026-06-01', '2026-06-01'],
	['matrix-docker-ansible-deploy 2026-06-01', '2026-06-01'],
	['ess v26.1.0', '26.1.0'],
	['ess 26', '26.1.0'],
	['ess matrix-stack-26.1.0', '26.1.0'],
	['helm 26.1.0', '26.1.0'],
])('starts “%s” at %s', async (text, from) => expect((await valueFor(text)).from).toBe(from));

test('applies Redis and its successors to workers and encrypted Hookshot only', async () => {
	const concerns = async (text: string) =>
		(await valueFor(`mdad 2024-01-01 2024-12-31 ${text}`)).entries
			.filter(({ id }) => /keydb-default|valkey-default/.test(id))
			.map(({ concerned }) => concerned);
	expect(await concerns('hookshot')).toEqual(['unknown', 'unknown']);
	expect(await concerns('workers')).toEqual([true, true]);
	expect(await concerns('hookshot-encryption')).toEqual([true, true]);
});

test('shows a conditional stop with its condition, and not in red', async () => {
	const { sections } = await upgraded('mdad 2025-01-01 2025-01-31');
	const words = 'only if the database is PostgreSQL 11 or 12: Back up, then upgrade PostgreSQL before';
	expect(sections.find(({ title }) => title.startsWith('Breaking changes in full'))?.markdown).toContain(words);
	const whole = await upgraded('mdad 2025-01-01 2025-01-31 all');
	expect(whole.sections.find(({ title }) => title.startsWith('Before you pull past'))).toMatchObject({
		mark: '🟡',
		markdown: expect.stringContaining(words),
	});
});

test('accepts Synapse releases instead of dates or charts', async () => {
	for (const text of ['mdad 1.98 1.163', '1.98 1.163 mdad'])
		expect(await valueFor(text)).toMatchObject({ from: '1.98.0', profile: { install: 'mdad' } });
	expect(await valueFor('helm 1.120 1.140')).toMatchObject({ profile: { install: 'ess' } });
	expect(await valueFor('ess 1.120 1.140')).toMatchObject({ from: '1.120.0', profile: { install: 'ess' } });
});

test('says what each chart installs, and plans for the releases in between', async () => {
	const value = await valueFor('ess 26.1.0 26.8.0');
	expect(value).toMatchObject({ format: 1, distribution: 'ess', from: '26.1.0', to: '26.8.0' });
	expect(value.charts).toContainEqual(expect.objectContaining({ chart: '26.8.0', synapse: '1.158.0' }));
	expect(value.plan).toMatchObject({ from: '1.145.0', to: '1.158.0', profile: { install: 'ess' } });
	expect(await valueFor('ess 0.7 0.12')).toMatchObject({ from: '0.7.0', to: '0.12.0' });
	expect((await valueFor('ess 26.7.1')).to).toBe('26.8.1');
});

test('lists what a chart installs in its notes', async () => {
	const { value } = await notes.run(asked('ess 26.8'), ports);
	expect((await notes.run(asked('ess latest'), ports)).value).toMatchObject({ chart: '26.8.1' });
	expect(value).toMatchObject({ chart: '26.8.1', synapse: '1.159.0', mas: '1.23.0', elementWeb: '1.12.26' });
});

test('shows breaking changes that apply unfolded, and the rest with all', async () => {
	const brief = await upgraded('mdad 2026-04-20 2026-08-22 telegram');
	expect(brief.sections.some(({ fold, markdown }) => !fold && markdown.includes('☐ 2026-04-24: mautrix'))).toBe(true);
	const text = terminalText(await upgraded('mdad 2026-07-01 2026-08-22 jitsi all'), { color: false, width: 80 });
	expect(text).toContain('LINE bridging is available');
	expect(text).toContain('matrix_bridge_mautrix_telegram_enabled');
});

describe('refuses', () => {
	test.each([
		['mdad', 'Since when?'],
		['ess', 'From which chart?'],
		['mdad workers', 'Give a date, a commit, or your migration value'],
		['mdad foobar', 'prints the date'],
		['mdad last month', 'For later changes, see its change log: https://'],
		['mdad 06/01/2026', 'may be `2026-01-06` or `2026-06-01`'],
		['ess foobar', 'From which chart?'],
		['ess 26.1.0-rc1', 'Did you mean `26.1.0`?'],
		['ess 27', 'Did you mean `26.8.1`?'],
		['mdad 2027-01-01', 'is in the future; today is 2026-11-29'],
		['mdad 2026-09-01', 'which end on 2026-08-22'],
		['mdad 2025-02-30', 'is not a date'],
		['mdad 2019-12-31', 'since 2020-01-01'],
		['mdad 2026-05-01 2026-01-01', '`!upgrade mdad 2026-01-01 2026-05-01`'],
		['mdad 2026-01-01 2026-02-01 2026-03-01', 'is a third'],
		['mdad deadbee1', 'I do not know of a commit'],
		['mdad v2026.04.05.0', 'did you mean `v2026.04.02.0`'],
		['mdad 2026-01-01 jitzi', 'Did you mean `jitsi`?'],
		['mdad 2026-01-01 slack', 'say which'],
		['mdad 2026-01-01 postgres=17 postgres=16', 'contradict'],
		['mdad 2026-01-01 jitsi no-jitsi', 'contradict'],
		['mdad 2026-01-01 no-jitsi jitsi', 'contradict'],
		['mdad 2026-01-01 workers=yes no-workers', 'contradict'],
		['mdad 2026-01-01 postgres<14', 'only one value'],
		['ess 26.1.0 hookshot no-hookshot', 'contradict'],
		['ess 26.8.0 26.1.0', '`!upgrade ess 26.1.0 26.8.0`'],
		['ess 26.8.0 26.8.0', 'there is nothing to compare'],
		['ess 26.8.1', 'nothing to upgrade to'],
		['ess 26.9.0', 'Did you mean `26.8.1`?'],
		['ess 26.1.0 26.8.0 jitsi', 'do not know of a component or fact'],
	])('“%s”, with “%s”', async (text, words) => {
		await expect(upgraded(text)).rejects.toThrow(Refusal);
		await expect(upgraded(text)).rejects.toThrow(words);
	});

	test.each([
		['ess', 'Which chart?'],
		['ess 26.1.0 26.8.0', 'One chart at a time'],
		['mdad 2026-01-01', 'dates, not releases'],
	])(
		'the notes of “%s”, with “%s”',
		async (text, words) => await expect(async () => notes.run(asked(text), ports)).rejects.toThrow(words),
	);
});

describe('a chart newer than this edition that the bot has read', () => {
	const item = { part: 'Removed / Breaking Changes', bullet: '#9', url: 'https://example.org/1', breaking: true };
	const live = (more: Partial<typeof item> & { text?: string } = {}) => ({
		...ports,
		knowledge: {
			...ports.knowledge,
			charts: {
				read: '2026-11-28',
				charts: [{ chart: '26.11.3', date: '2026-11-24', synapse: '1.163.2', mas: '1.30.0' }],
				items: [{ ...item, chart: '26.11.3', text: 'A value is gone\\.', ...more }],
			},
		},
	});

	test("is listed with what it installs, a plan and upstream's words", async () => {
		const { value, sections, lead } = await upgrade.run(asked('ess 26.8.0'), live());
		expect(value).toMatchObject({ to: '26.11.3', synapse: { to: '1.163.2' }, horizon: { read: '2026-11-28' } });
		expect(value.unread).toEqual([
			expect.objectContaining({ chart: '26.11.3', bullet: '#9', text: 'A value is gone\\.' }),
		]);
		expect(lead).toContain('1 entry not reviewed yet');
		expect(sections.find(({ title }) => title.startsWith('Breaking changes in full'))?.markdown).toContain(
			'A value is gone',
		);
		const told = await notes.run(asked('ess 26.11.3'), live());
		expect(told.value).toMatchObject({ chart: '26.11.3', synapse: '1.163.2', unread: [{ bullet: '#9' }] });
		expect(told.lead).toContain('1 item not reviewed yet');
	});

	test.each([
		['markup', { part: 'A <b>@room</b>', bullet: '[x](https://evil.test)' }],
		['a javascript: URL', { url: 'javascript:alert(1)' }],
		['long text', { part: 'x'.repeat(200), text: 'long '.repeat(20_000) }],
	])('does no harm with %s', async (_, more) => {
		for (const answer of [
			await upgrade.run(asked('ess 26.8.0'), live(more)),
			await upgrade.run(asked('ess 26.8.0 all'), live(more)),
			await notes.run(asked('ess 26.11.3'), live(more)),
		])
			for (const { formatted_body: html = '', 'm.mentions': mentions } of matrixMessages(answer).contents) {
				expect(html).not.toMatch(/<b>|href="(?!https:)|evil\.test"/);
				expect(mentions ?? {}).not.toHaveProperty('room');
			}
	});
});

test('lists other archives in a table: all releases, one, or a release that the table does not have', async () => {
	const told = async (text: string) => await notes.run(asked(text), ports);
	const all = await told('yunohost');
	expect(all.value).toMatchObject({ format: 1, archive: 'yunohost', read: '2026-03-12' });
	expect((all.value as { releases: unknown[] }).releases).toHaveLength(110);
	expect(all.lead).toMatch(
		/^\*\*YunoHost: the newest is 1\.149\.1, 2026-03-12, commit [0-9a-f]{9}\.\*\*\n\nThis is a table, not advice/,
	);
	expect((await told('YunoHost 1.147')).value.releases).toEqual([
		{ date: '2026-02-13', version: '1.147.1', at: expect.stringMatching(/^[0-9a-f]{9}$/) },
		{ date: '2026-02-13', version: '1.147.0', at: expect.stringMatching(/^[0-9a-f]{9}$/) },
	]);
	expect((await told('nixos 1.160')).lead).toMatch(/^\*\*NixOS \(nixpkgs\): 1\.160\.0, 2026-09-04, #559918/);
	expect((await told('home-assistant')).lead).toMatch(/1\.114\.0, 2024-09-04, commit 0192aadc2\.[\s\S]*was removed/);
	const { archives } = JSON.parse(
		readFileSync(new URL('../../knowledge/distributions/archives.json', import.meta.url), 'utf8'),
	) as { archives: { word: string; releases: { date: string; version: string }[] }[] };
	for (const { word, releases } of archives) {
		expect(releases.map(({ date }) => date).toSorted(), word).toEqual(releases.map(({ date }) => date));
		for (const { version } of releases) expect(isVersion(version), `${word} ${version}`).toBe(true);
	}
	expect((await told('alpine 1.163.1')).lead).toMatch(/^\*\*Alpine Linux: 1\.163\.1 \(3\.24\), 2026-10-23/);
	expect((await told('debian 1.163.1')).lead).toMatch(
		/^\*\*Debian: 1\.163\.1 is not in the table \(as of 2026-11-29\)/,
	);
	await expect(told('debian 1.99.99')).rejects.toThrow(Refusal);
});

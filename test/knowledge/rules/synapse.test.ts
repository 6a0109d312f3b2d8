import { describe, expect, test } from 'vitest';
import { closedFacts } from '../../../src/deployment/facts.ts';
import { readFiles } from '../../../src/knowledge/load.ts';
import * as index from '../../../src/knowledge/rules/index.ts';
import { optionsExist } from '../../../src/knowledge/rules/options.ts';
import type { KnowledgeRule } from '../../../src/knowledge/rules/rule.ts';
import * as synapse from '../../../src/knowledge/rules/synapse.ts';
import { folderOf, guideText, noteText, passages, releases } from '../folder.ts';

const all = { ...synapse, optionsExist, ...index };

/** What one rule says about these files, all of which have the right shape. */
function said(rule: KnowledgeRule, texts: Record<string, string>): string[] {
	const { files, mistakes } = readFiles(folderOf(texts));
	expect(mistakes).toEqual([]);
	return rule(files);
}

const notes = (release: string, lines: Record<string, string> = {}) => ({
	[`synapse/notes/${release}.yaml`]: noteText(lines),
});
const twoNotes = (release: string, first: Record<string, string>, second: Record<string, string>) => ({
	[`synapse/notes/${release}.yaml`]: noteText(first) + noteText(second).replace('notes:\n', ''),
});
const ways = (lines: Record<string, string>) => {
	const stop = {
		id: 'halt',
		ways: '[{ from: "<1.65.0", to: ">=1.66.0" }]',
		first: '1.64.0',
		last: '1.66.0',
		best: '1.65.0',
		required: 'true',
		waitFor: 'pigeons',
		why: 'They are slow.',
		...lines,
	};
	const keys = Object.entries(stop).map(([key, value]) => `${key}: ${value}`);
	return { 'synapse/ways.yaml': `stops:\n  - ${keys.join('\n    ')}\nrollbackFloors: []\n` };
};
const advisory = (lines: Record<string, string> = {}, id = 'CVE-2022-12345') => {
	const keys = {
		severity: 'high',
		affected: '["<1.66.0"]',
		patched: '[">=1.66.0"]',
		fixed: '2022-08-31',
		published: '2022-09-06',
		title: 'Pigeons bite',
		text: 'They do.',
		links: '["https://example.org/"]',
		...lines,
	};
	return {
		[`advisories/${id}.yaml`]: Object.entries(keys)
			.map(([key, value]) => `${key}: ${value}\n`)
			.join(''),
	};
};
const packaged = (version: string) =>
	`releases: [{ version: "${version}", released: 2028-04-20, ends: 2033-04-20, packages: { first: 1.65.0, last: 1.66.0 } }]\nlink: https://example.org/\n`;
const waivers = (...lines: string[]) => ({
	'synapse/waivers.yaml': `waivers:\n${lines.map(line => `  - { ${line}, because: Only tests used it. }\n`).join('')}`,
});
/** A recipe for each installation method; the one for Docker has a pin. */
const recipes = (pinned: string) =>
	Object.fromEntries(
		closedFacts.install.values.map(way => [
			`install/${way}.yaml`,
			`sources: [{ link: "https://example.org/", read: 2026-11-29 }]
workers: led
${way === 'docker' ? `pins: [{ releases: "${pinned}", package: a }]` : 'pins: []'}
backup: { postgres: [dump], sqlite: [dump] }
query: { postgres: [ask], sqlite: [ask] }
switch: [{ lines: [go] }]
version: [which]
`,
		]),
	);
const bullet = 'document: CHANGES.md, release: 1.66.0rc1, part: Deprecations and Removals, bullet: "#12345"';
const heading = 'document: upgrade.md, heading: Mail is sent by carrier pigeon';

const renamed = (...names: string[]) => ({
	'guides/move-names.yaml': `playbook: https://example.org
read: "${'0'.repeat(40)}"
never: {}
changes:
${names.map((line, i) => `  - commit: "00000000${i}"\n    date: "2022-01-01"\n    names:\n      ${line}\n`).join('')}`,
});

const claims = (refusals: string[], untried: string[]) => {
	const tried = refusals.map(note => `  - { note: ${note}, message: coo, refused: {}, accepted: {} }`);
	const others = untried.map(note => `  - { note: ${note}, because: Nobody has a hawk. }`);
	return {
		'synapse/claims.yaml': ['refusals:', ...tried, 'untried:', ...(others.length ? others : ['  []'])].join('\n'),
	};
};

const migration = {
	'synapse/code/deltas.json': JSON.stringify({
		entries: [{ key: 'main 60/01pigeons.sql', changes: [['1.66.0', { tables: { pigeons: ['index'] } }]] }],
	}),
};

/** A measurement of a migration with this name. */
function measured(name: string): string {
	const time = { case: 'flights', delta: `main 60/${name}.sql`, release: '1.66.0', database: 'sqlite' };
	const took = { table: 'pigeons', rows: 1_000_000, seconds: [1, 2], opens: [5, 6], runs: 2, date: '2026-11-29' };
	const where = { server: 'SQLite 3.40', load: [1, 2] };
	return JSON.stringify({ machine: 'a loft', times: [{ ...time, ...took, ...where }] });
}

/** Options that releases have had. */
const options = {
	'synapse/code/options.json': JSON.stringify({
		entries: ['pigeons', 'pigeons.fed', 'lofts[].pigeons', 'lofts[].module', 'password_providers'].map(key => ({
			key,
		})),
	}),
};

const faultTrials = (...faults: string[]) => ({
	'synapse/claims.yaml': [
		'refusals: []',
		'faults:',
		...faults.map(fault => `  - { fault: ${fault}, message: coo, attempt: {} }`),
		'untried: []',
	].join('\n'),
});

/** The text of a file with one fault. */
function faultText({ broken = '[">=1.66.0 <1.67.0"]', fixed = '1.67.0', found = '' } = {}): string {
	return `faults:
  - id: pigeons
    broken: ${broken}
    fixed: ${fixed}
    severity: severe
    danger: service
    title: Pigeons do not start
    text: They sit. Take the cure.
    links: ["https://example.org/"]
${found && `    found: ${found}\n`}`;
}

const pigeons = { 'synapse/faults/1.66.0.yaml': faultText() };

const released = {
	'synapse/releases.json': JSON.stringify({
		read: '2026-11-20',
		releases: ['1.65.0', '1.66.0', '1.67.0'].map(version => ({ version, date: '2026-01-01' })),
	}),
};

/** Each rule, files that break it, what it says about them, and files that follow it. */
const cases: [rule: KnowledgeRule, broken: Record<string, string>, says: string[], kept: Record<string, string>][] = [
	[
		all.filesAreReleases,
		{ ...notes('1.66.5'), ...notes('1.66.0rc1') },
		[
			'synapse/notes/1.66.0rc1.yaml:1:1 expected a file named for a release, got 1.66.0rc1',
			'synapse/notes/1.66.5.yaml:1:1 expected a file named for a release, got 1.66.5',
		],
		// Only candidates of 1.67.0 are out: its notes already apply to them.
		{ ...notes('1.66.0'), ...notes('1.67.0') },
	],
	[
		all.idsAreUnique,
		twoNotes('1.66.0', { id: 'doves' }, { id: 'doves' }),
		['synapse/notes/1.66.0.yaml:8:9 expected an id of its own, got doves for the second time'],
		{ ...twoNotes('1.66.0', { id: 'doves' }, { id: 'pigeons' }), ...notes('1.65.0', { id: 'doves' }) },
	],
	[
		all.notesHaveSources,
		notes('1.66.0', { code: '[]' }),
		['synapse/notes/1.66.0.yaml:2:5 expected covers, or code if no document mentions it, got neither'],
		{
			...notes('1.66.0', { covers: `[{ ${heading}, read: "aaaaaa" }]` }),
			...notes('1.65.0', { code: '[README.md]' }),
		},
	],
	[
		all.possibleIsAhead,
		{ ...notes('1.64.0', { possible: '1.65.0' }), ...notes('1.66.0', { when: 'after', possible: '1.65.0' }) },
		[
			'synapse/notes/1.64.0.yaml:7:15 expected a release up to 1.64.0, got 1.65.0',
			'synapse/notes/1.66.0.yaml:7:15 expected possible only with when: before, got after',
		],
		{ ...notes('1.65.0', { possible: '1.65.0' }), ...notes('1.66.0', { possible: '1.64.0' }) },
	],
	[
		all.refusingIsMust,
		notes('1.66.0', { must: 'false', refuses: 'true' }),
		['synapse/notes/1.66.0.yaml:4:11 expected must: true, since the release does not start without it, got false'],
		{ ...notes('1.66.0', { refuses: 'true' }), ...notes('1.65.0', { must: 'false' }) },
	],
	[
		all.beforeSaysWhatToDo,
		notes('1.66.0', { text: 'See the upgrade notes.' }),
		['synapse/notes/1.66.0.yaml:6:11 expected a text that says what to do (ten words or more), got fewer'],
		{ ...notes('1.66.0'), ...notes('1.65.0', { when: 'after', text: 'It is faster.' }) },
	],
	[
		all.versionsExist,
		{
			...notes('1.66.0', {
				possible: '1.63.0',
				deadline: '{ subject: a, at: { vague: later }, promised: b, landed: 1.70.0 }',
			}),
			...ways({ first: '1.63.0', best: '1.63.1', last: '1.63.2' }),
			...advisory({ patched: '[">=1.66.1", ">=1.64.0 <1.64.9"]' }),
		},
		[
			'synapse/notes/1.66.0.yaml:7:15 expected a release that exists, got 1.63.0',
			'synapse/notes/1.66.0.yaml:8:72 expected a release that exists, got 1.70.0',
			'synapse/ways.yaml:4:12 expected a release that exists, got 1.63.0',
			'synapse/ways.yaml:6:11 expected a release that exists, got 1.63.1',
			'synapse/ways.yaml:5:11 expected a release that exists, got 1.63.2',
			'advisories/CVE-2022-12345.yaml:3:11 expected a release that exists, got 1.66.1',
			'advisories/CVE-2022-12345.yaml:3:23 expected a release that exists, got 1.64.9',
		],
		// What upstream promises may be in the future.
		{
			...notes('1.66.0', {
				possible: '1.64.0',
				deadline: '{ subject: a, at: { version: 1.99.0 }, promised: b, landed: 1.66.0 }',
			}),
			...ways({}),
			...advisory(),
		},
	],
	[
		all.stopsAreInOrder,
		ways({ best: '1.66.0', last: '1.65.0' }),
		['synapse/ways.yaml:2:5 expected first ≤ best ≤ last, got 1.64.0, 1.66.0, 1.65.0'],
		ways({ best: '1.64.0' }),
	],
	[
		all.stopsTellNotes,
		{
			...twoNotes('1.66.0', { id: 'hawks', refuses: 'true' }, { id: 'doves' }),
			...ways({ tells: '[1.66.0/hawks, 1.66.0/owls]' }),
		},
		[
			'synapse/ways.yaml:10:13 expected a note that no longer matters after waiting, but Synapse does not start without 1.66.0/hawks',
			'synapse/ways.yaml:10:27 expected the ID of a note, like 1.66.0/email-delegation, but there is no 1.66.0/owls',
		],
		{ ...notes('1.66.0', { id: 'doves' }), ...ways({ tells: '[1.66.0/doves]' }) },
	],
	[
		all.storiesAreInOrder,
		{
			...twoNotes('1.66.0', { id: 'a', when: 'after', story: 'post' }, { id: 'b', story: 'post' }),
			...notes('1.65.0', { deadline: '{ subject: a, at: { vague: later }, promised: b, landed: 1.64.0 }' }),
		},
		[
			'synapse/notes/1.65.0.yaml:7:72 expected 1.65.0 or later, since this release announces it, got 1.64.0',
			"synapse/notes/1.66.0.yaml:10:11 expected the story's notes of one release in the order before, switch, after, got before after after",
		],
		{
			...twoNotes('1.66.0', { id: 'a', story: 'post' }, { id: 'b', when: 'after', story: 'post' }),
			...notes('1.65.0', { when: 'after', story: 'post' }),
		},
	],
	[
		all.coversAreRead,
		{
			...notes('1.66.0', { covers: `[{ ${heading}, read: "cccccc" }]` }),
			...notes('1.65.0', { covers: `[{ ${heading}, read: "aaaaaa" }]` }),
			...waivers(`${bullet.replace('#12345', '#1')}, read: "bbbbbb"`),
		},
		[
			'synapse/notes/1.65.0.yaml:7:14 gone: upstream has no upgrade.md › 1.65.0 › Mail is sent by carrier pigeon',
			'synapse/notes/1.66.0.yaml:7:85 changed since read: upgrade.md › 1.66.0 › Mail is sent by carrier pigeon is now "aaaaaa", read was "cccccc"',
			'synapse/waivers.yaml:2:5 gone: upstream has no CHANGES.md › 1.66.0rc1 › Deprecations and Removals › #1',
		],
		{
			...notes('1.66.0', { covers: `[{ ${heading}, read: "aaaaaa" }]` }),
			...notes('1.65.0', {
				covers: `[{ section: 1.66.0, ${heading}, read: "aaaaaa" }, { ${bullet}, read: "bbbbbb" }]`,
			}),
		},
	],
	[
		all.waiversAreNeeded,
		{
			...notes('1.66.0', { covers: `[{ ${bullet}, read: "bbbbbb" }]` }),
			...waivers(
				`${bullet}, read: "bbbbbb"`,
				`${heading}, release: 1.66.0, read: "aaaaaa"`,
				`${heading}, release: 1.66.0, read: "aaaaaa"`,
			),
		},
		[
			'synapse/waivers.yaml:2:5 expected a waiver of something that nothing else covers, but CHANGES.md › 1.66.0rc1 › Deprecations and Removals › #12345 is covered by 1.66.0/pigeons',
			'synapse/waivers.yaml:4:5 expected a waiver of something that nothing else covers, but upgrade.md › 1.66.0 › Mail is sent by carrier pigeon is already waived',
		],
		{
			...notes('1.66.0', { covers: `[{ ${heading}, read: "aaaaaa" }]` }),
			...notes('1.65.0', { covers: `[{ section: 1.66.0, ${heading}, read: "aaaaaa" }]` }),
			...waivers(`${bullet}, read: "bbbbbb"`),
		},
	],
	[
		all.patchesAreNotAffected,
		advisory({ affected: '["<=1.66.0"]' }),
		['advisories/CVE-2022-12345.yaml:3:10 expected releases that are not affected, got 1.66.0, which is both'],
		advisory({ affected: '["<1.64.0", ">=1.65.0 <1.66.0"]', patched: '[">=1.64.0 <1.65.0", ">=1.66.0"]' }),
	],
	[
		all.advisoriesHaveNames,
		advisory({}, 'pigeons'),
		[
			'advisories/pigeons.yaml:1:1 expected a file named CVE-2023-32323, GHSA-xxxx-xxxx-xxxx or synapse-1.5.0-subject, got pigeons',
		],
		{ ...advisory(), ...advisory({}, 'GHSA-22p3-qrh9-cx32'), ...advisory({}, 'synapse-1.5.0-pigeons') },
	],
	[
		all.faultsStandWhereTheyBegin,
		{ ...released, 'synapse/faults/1.66.0.yaml': faultText({ broken: '[">=1.65.0 <1.66.1"]', fixed: '1.65.0' }) },
		[
			'synapse/faults/1.66.0.yaml:2:5 expected synapse/faults/1.66.0.yaml to be named for 1.65.0, the first release that has pigeons',
			'synapse/faults/1.66.0.yaml:2:5 expected 1.65.0 to be free of pigeons, which it fixes',
		],
		{ ...released, 'synapse/faults/1.66.0.yaml': faultText() },
	],
	[
		all.faultIdsAreUnique,
		{ 'synapse/faults/1.66.0.yaml': `${faultText()}${faultText().replace('faults:\n', '')}` },
		['synapse/faults/1.66.0.yaml:10:9 expected an id of its own'],
		{ 'synapse/faults/1.66.0.yaml': faultText() },
	],
	[
		all.supportEndsAfterRelease,
		{
			'lifecycles/pigeon.yaml':
				'releases: [{ version: "1", released: 2022-01-01, ends: 2021-01-01 }]\nlink: https://example.org/\n',
		},
		['lifecycles/pigeon.yaml:1:56 expected a day after 2022-01-01, got 2021-01-01'],
		{
			'lifecycles/pigeon.yaml':
				'releases: [{ version: "1", released: 2021-01-01, ends: 2022-01-01 }]\nlink: https://example.org/\n',
		},
	],
	[
		all.packagedSystemsAreFacts,
		{ 'lifecycles/ubuntu.yaml': packaged('28.04.1') },
		['lifecycles/ubuntu.yaml:1:23 expected a system with packages, like debian-14, got ubuntu-28.04.1'],
		{ 'lifecycles/ubuntu.yaml': packaged('28.04') },
	],
	[
		all.datesRise,
		{
			'synapse/releases.json': JSON.stringify({
				read: '2022-01-01',
				releases: [
					{ version: '0.33.2.1', date: '2018-08-01' },
					{ version: '0.33.3', date: '2018-08-22' },
					{ version: '1.2.0', date: '2022-01-02' },
					{ version: '1.2.1', date: '2022-01-01' },
				],
			}),
		},
		[
			'synapse/releases.json expected dates that rise within a line, got 1.2.0 after the next release',
			'src/knowledge/rules/synapse.ts unnecessary exception: 0.33.2.1 is not later than the next release',
		],
		{
			'synapse/releases.json': JSON.stringify({
				read: '2022-01-01',
				releases: [
					{ version: '0.33.2.1', date: '2018-09-06' },
					{ version: '0.33.3', date: '2018-08-22' },
					{ version: '1.2.0rc1', date: '2022-01-09' },
					{ version: '1.2.0', date: '2022-01-02' },
					{ version: '1.3.0', date: '2022-01-01' },
				],
			}),
		},
	],
	[
		all.faultTrialsAreOfFaults,
		{ ...pigeons, ...faultTrials('1.66.0/pigeons', '1.66.0/doves', '1.66.0/pigeons') },
		[
			'synapse/claims.yaml:4:14 expected a known fault, got 1.66.0/doves',
			'synapse/claims.yaml:5:14 expected one entry for a fault, got 1.66.0/pigeons for the second time',
		],
		{ ...pigeons, ...faultTrials('1.66.0/pigeons') },
	],
	[
		all.migratedTablesAreClassed,
		{ ...migration, 'synapse/large-tables.yaml': 'tables: { owls: nights }\nsmall: [doves]\n' },
		[
			'synapse/large-tables.yaml expected every table that a migration touches, but pigeons is missing (main 60/01pigeons.sql)',
		],
		{ ...migration, 'synapse/large-tables.yaml': 'tables: { owls: nights }\nsmall: [pigeons]\n' },
	],
	[
		all.measuredMigrationsExist,
		{
			...migration,
			'synapse/large-tables.yaml': 'tables: { owls: nights }\nsmall: [pigeons]\n',
			'synapse/migration-times.json': measured('02doves'),
		},
		[
			'synapse/migration-times.json expected a migration in the code, got main 60/02doves.sql in flights',
			'synapse/migration-times.json expected a large table, got pigeons in flights',
		],
		{
			...migration,
			'synapse/large-tables.yaml': 'tables: { pigeons: lofts }\n',
			'synapse/migration-times.json': measured('01pigeons'),
		},
	],
	[
		all.claimsAreOfRefusals,
		{
			...twoNotes('1.66.0', { id: 'hawks', refuses: 'true' }, { id: 'doves' }),
			...claims(['1.66.0/hawks', '1.66.0/doves'], ['1.66.0/hawks']),
		},
		[
			'synapse/claims.yaml:3:13 expected a note that refuses, got 1.66.0/doves',
			'synapse/claims.yaml:5:13 expected one entry for a note or its case, got 1.66.0/hawks for the second time',
		],
		{ ...notes('1.66.0', { id: 'hawks', refuses: 'true' }), ...claims(['1.66.0/hawks'], []) },
	],
	[
		all.guidesHold,
		{ 'guides/move.yaml': guideText.replace('lift {from}', 'lift {form}') },
		['guides/move.yaml:17:19 expected a parameter of this guide, got form'],
		{ 'guides/move.yaml': guideText },
	],
	[
		all.recipesHold,
		recipes('<1.6.0'),
		['install/docker.yaml:3:20 expected a range that contains a release, got <1.6.0'],
		recipes('<1.65.0'),
	],
	[
		all.renamedOnce,
		renamed('a_x: b_x', 'a_x: c_x', 'old_x: b_x'),
		['guides/move-names.yaml:12:12 expected each name once, got a_x again'],
		renamed('a_x: b_x', 'b_x: c_x'),
	],
	[
		all.optionsExist,
		{
			...options,
			...notes('1.66.0', {
				options: '[pigeons.fd, "lofts[].pigeons", lofts.pigeon]',
				found: '{ any: [{ option: pigeons.fed }, { each: "lofts[]", all: [{ absent: [modul] }] }] }',
			}),
			'synapse/faults/1.66.0.yaml': faultText({ found: '{ not: { option: piegons } }' }),
			'synapse/effects.yaml':
				'effects: [{ kind: refuses, option: pigeons.fod, found: { option: pigeons, aboveOption: pigeons.feed }, says: flies, code: [a] }]',
		},
		[
			'synapse/notes/1.66.0.yaml:7:15 expected an option of some release, got pigeons.fd; the nearest is pigeons.fed',
			'synapse/notes/1.66.0.yaml:7:46 expected an option of some release, got lofts.pigeon; the nearest is lofts[].pigeons',
			'synapse/notes/1.66.0.yaml:8:81 expected an option of some release, got lofts[].modul; the nearest is lofts[].module',
			'synapse/faults/1.66.0.yaml:10:29 expected an option of some release, got piegons; the nearest is pigeons',
			'synapse/effects.yaml:1:88 expected an option of some release, got pigeons.feed; the nearest is pigeons.fed',
			'synapse/effects.yaml:1:36 expected an option of some release, got pigeons.fod; the nearest is pigeons.fed',
		],
		{
			...options,
			...notes('1.66.0', {
				options: '[pigeons, "pigeons.*", lofts.pigeons, lofts, "password_providers[].module", structured]',
				found: '{ any: [{ option: handlers.main.class, in: log-config }, { package: pigeons }] }',
			}),
		},
	],
	[
		all.familiesStayFamilies,
		renamed('"a_*": b_x', 'c_x: { new: d_x, says: "why" }'),
		['guides/move-names.yaml:8:14 expected * at the end of both names or of none, got b_x'],
		renamed('"a_*": "b_*"', 'c_x: ~'),
	],
];

describe('the rules', () => {
	test.each(cases.map(([rule, ...rest]) => [rule.name, rule, ...rest] as const))(
		'%s',
		(_, rule, broken, says, kept) => {
			expect(said(rule, broken)).toEqual(says);
			expect(said(rule, kept)).toEqual([]);
		},
	);

	test('are all applied, and each tested above', () => {
		expect(cases.map(([rule]) => rule.name).sort()).toEqual(all.rules.map(rule => rule.name).sort());
		const rules = Object.values(all).filter(value => typeof value === 'function');
		expect(rules.map(rule => rule.name).sort()).toEqual(all.rules.map(rule => rule.name).sort());
	});

	test('accept the test folder', () => {
		expect(all.rules.flatMap(rule => said(rule, {}))).toEqual([]);
		expect([releases.length, passages.length]).toEqual([5, 2]);
	});
});

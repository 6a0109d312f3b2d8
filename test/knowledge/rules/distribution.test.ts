// Each rule for the entries of distributions: what it accepts, what it refuses, and in which words.
import { expect, test } from 'vitest';
import {
	breakingSaysWhatToDo,
	coversAreRead,
	type DistributionFiles,
	entriesStandInTheirFile,
	entryIdsAreUnique,
	isCalledBreaking,
	unreadSections,
	upstreamsBreaksAreBreaking,
} from '../../../src/knowledge/rules/distribution.ts';
import { chartFileShape, chartWaiversShape, playbookFileShape } from '../../../src/knowledge/schema/distribution.ts';
import { readYaml } from '../../../src/knowledge/schema/yaml-file.ts';

const upstream = {
	mdad: {
		commit: '0'.repeat(40),
		read: '2026-11-20',
		passages: [
			{
				date: '2026-02-12',
				heading: 'Dimension has been removed from the playbook',
				added: '2026-02-12',
				hash: 'aaaaaa',
			},
			{ date: '2026-02-12', heading: 'A new bridge', added: '2026-02-13', hash: 'bbbbbb' },
		].map(passage => ({ ...passage, commit: '123456789', url: 'https://example.org' })),
		synapse: [],
	},
	ess: {
		read: '2026-11-20',
		passages: [
			{ chart: '26.3.0', part: 'Removed / Breaking Changes', bullet: '#1', hash: 'cccccc' },
			{ chart: '26.3.0', part: 'Changed', bullet: '#2', hash: 'dddddd' },
		].map(passage => ({ ...passage, url: 'https://example.org' })),
		charts: [],
	},
};

function files(given: { mdad?: string; ess?: string; waivers?: string }): DistributionFiles {
	const mistakes: string[] = [];
	const file = <Value>(name: string, text: string | undefined, shape: Parameters<typeof readYaml<Value>>[2]) => {
		const read = text === undefined ? undefined : readYaml(name, text, shape, mistakes);
		return read ? [{ ...read, base: /(\d+)\.yaml$/.exec(name)?.[1] ?? '' }] : [];
	};
	const found = {
		mdad: { upstream: upstream.mdad, entries: file('mdad/2026.yaml', given.mdad, playbookFileShape), enabled: [] },
		ess: {
			upstream: upstream.ess,
			entries: file('ess/26.yaml', given.ess, chartFileShape),
			waivers: file('ess/waivers.yaml', given.waivers, chartWaiversShape),
		},
	};
	expect(mistakes).toEqual([]);
	return found;
}

const entry = (more: string, cover = 'heading: A new bridge, read: "bbbbbb"', date = '2026-02-12') =>
	`entries:\n  - { id: one, date: "${date}", title: One, text: Two., ${more}, covers: [{ ${cover} }] }\n`;
const removed = 'heading: Dimension has been removed from the playbook, read: "aaaaaa"';
const chart = (more: string, cover = 'part: Changed, bullet: "#2", read: "dddddd"', version = '26.3.0') =>
	`entries:\n  - { id: one, chart: "${version}", title: One, text: Two., ${more}, covers: [{ ${cover} }] }\n`;

test('lists as unread what neither an entry nor a waiver covers', () => {
	const { mdad, ess } = unreadSections(
		files({
			mdad: entry('breaking: false'),
			waivers: 'waivers:\n  - { chart: "26.3.0", part: Changed, bullet: "#2", read: "dddddd", because: Nothing. }\n',
		}),
	);
	expect(mdad.map(({ heading }) => heading)).toEqual(['Dimension has been removed from the playbook']);
	expect(ess.map(({ bullet }) => bullet)).toEqual(['#1']);
});

test('reports a cover of a missing or changed section with its position', () => {
	expect(coversAreRead(files({ mdad: entry('breaking: false') }))).toEqual([]);
	expect(coversAreRead(files({ mdad: entry('breaking: false', 'heading: Another, read: "bbbbbb"') }))).toEqual([
		'mdad/2026.yaml:2:86 gone: upstream has no 2026-02-12 › Another',
	]);
	expect(coversAreRead(files({ mdad: entry('breaking: false', 'heading: A new bridge, read: "eeeeee"') }))).toEqual([
		expect.stringContaining('changed since read: 2026-02-12 › A new bridge is now "bbbbbb", read was "eeeeee"'),
	]);
	const waiver = 'waivers:\n  - { chart: "26.4.0", part: Changed, bullet: "#2", read: "dddddd", because: Nothing. }\n';
	expect(coversAreRead(files({ waivers: waiver }))).toEqual([expect.stringContaining('gone')]);
});

test("allows a cover of another day's section", () => {
	const other = 'date: "2026-02-12", heading: A new bridge, read: "bbbbbb"';
	expect(coversAreRead(files({ mdad: entry('breaking: false', other, '2026-02-20') }))).toEqual([]);
});

test('requires entries in the file of their year or chart', () => {
	expect(entriesStandInTheirFile(files({ mdad: entry('breaking: false'), ess: chart('breaking: false') }))).toEqual([]);
	const wrong = files({
		mdad: entry('breaking: false', 'heading: A new bridge, read: "bbbbbb"', '2025-02-12'),
		ess: chart('breaking: false', 'part: Changed, bullet: "#2", read: "dddddd"', '25.3.0'),
	});
	expect(entriesStandInTheirFile(wrong)).toEqual([
		expect.stringMatching(/^mdad\/2026\.yaml:2:\d+ expected a day in 2026, got 2025-02-12$/),
		expect.stringMatching(/^ess\/26\.yaml:2:\d+ expected a chart 26\.x, got 25\.3\.0$/),
	]);
});

test('requires unique IDs within a day or a chart', () => {
	const text = entry('breaking: false');
	expect(entryIdsAreUnique(files({ mdad: text }))).toEqual([]);
	const twice = `${text}${text.split('\n')[1]}\n`;
	expect(entryIdsAreUnique(files({ mdad: twice }))).toEqual([expect.stringContaining('for the second time')]);
});

test('requires breaking entries to say what to do and whether it can wait; a refusal cannot wait', () => {
	const said = (more: string) => breakingSaysWhatToDo(files({ mdad: entry(more) }));
	expect(said('breaking: true, waits: true, do: This.')).toEqual([]);
	expect(said('breaking: true, waits: true')).toEqual([expect.stringContaining('expected do')]);
	expect(said('breaking: true, do: This.')).toEqual([expect.stringContaining('expected waits')]);
	expect(said('breaking: false, refuses: variables')).toEqual([expect.stringContaining('expected breaking: true')]);
	expect(said('breaking: true, waits: true, refuses: values, do: This.')).toEqual([
		expect.stringContaining('expected waits: false'),
	]);
});

test('requires entries to be breaking if upstream calls them breaking or removes something', () => {
	expect(upstreamsBreaksAreBreaking(files({ mdad: entry('breaking: true', removed) }))).toEqual([]);
	expect(upstreamsBreaksAreBreaking(files({ mdad: entry('breaking: false', removed) }))).toHaveLength(1);
	const part = 'part: Removed / Breaking Changes, bullet: "#1", read: "cccccc"';
	expect(upstreamsBreaksAreBreaking(files({ ess: chart('breaking: false', part) }))).toHaveLength(1);
	expect(upstreamsBreaksAreBreaking(files({ ess: chart('breaking: false') }))).toEqual([]);
});

test.each([
	['(BC Break) coturn is off', true],
	['(Backward Compatibility Break) Jitsi', true],
	['(Potential BC Break) A prefix', true],
	['The MX Puppet bridges have been removed from the playbook', true],
	['Support for bridging to LINE', false],
	['(Compatibility Break) https://matrix.example.com/ redirects', true],
])('the heading “%s”: %s', (heading, breaks) => expect(isCalledBreaking(heading)).toBe(breaks));

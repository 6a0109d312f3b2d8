import { describe, expect, test } from 'vitest';
import { readKnowledge } from '../../src/knowledge/load.ts';
import { folderOf, noteText, passages } from './folder.ts';

const real = new URL('../../knowledge/', import.meta.url);

/** The lines of the error, without its first line. */
function mistakesOf(files: Record<string, string>): string[] {
	const folder = folderOf(files);
	try {
		readKnowledge(folder);
	} catch (error) {
		const [head, ...lines] = String((error as Error).message).split('\n');
		expect(head).toMatch(new RegExp(`^${lines.length} mistakes? in the knowledge:$`));
		return lines;
	}
	return [];
}

describe('reading the knowledge', () => {
	test('the real knowledge has no mistakes', () => {
		const knowledge = readKnowledge(real);
		expect(knowledge.releases.at(0)?.version).toBe('0.0.0');
		expect(knowledge.read >= '2026-10-23').toBe(true);
	});

	test('without curated files, releases are known and everything is unread', () => {
		const knowledge = readKnowledge(folderOf({}));
		expect(knowledge.releases).toHaveLength(5);
		expect(knowledge.unread).toEqual(passages);
		expect([knowledge.notes, knowledge.advisories, knowledge.stops, knowledge.rollbackFloors]).toEqual([
			[],
			[],
			[],
			[],
		]);
	});

	test('a note gets its ID from its position, and its sources from what it covers', () => {
		const covers = `
      - { document: upgrade.md, heading: Mail is sent by carrier pigeon, read: "aaaaaa" }
      - { document: CHANGES.md, release: 1.66.0rc1, part: Deprecations and Removals, bullet: "#12345", read: "bbbbbb" }`;
		const knowledge = readKnowledge(
			folderOf({
				'synapse/notes/1.66.0.yaml': noteText({ covers }),
				'synapse/notes/1.65.0.yaml': noteText({ possible: '1.64.0' }),
			}),
		);
		expect(knowledge.notes.map(note => note.id)).toEqual(['1.65.0/pigeons', '1.66.0/pigeons']);
		expect(knowledge.notes[1]).toEqual({
			id: '1.66.0/pigeons',
			release: '1.66.0',
			when: 'before',
			must: true,
			refuses: false,
			options: [],
			endpoints: [],
			metrics: [],
			title: 'Feed the pigeons',
			text: 'Before the upgrade set `pigeons.fed` to true and see in the log that all of them have landed.',
			sources: [
				{
					document: 'upgrade.md',
					section: 'Upgrading to v1.66.0',
					heading: 'Mail is sent by carrier pigeon',
					url: 'https://example.org/upgrade.html#mail-is-sent-by-carrier-pigeon',
				},
				{
					document: 'CHANGES.md',
					section: 'Synapse 1.66.0rc1',
					heading: 'Deprecations and Removals',
					bullet: '#12345',
					url: 'https://example.org/v1.66.0rc1',
				},
			],
		});
		expect(knowledge.unread).toEqual([]);
	});

	test('a waiver in any waiver file covers a passage too', () => {
		const waiver = `waivers:
  - { document: CHANGES.md, release: 1.66.0rc1, part: Deprecations and Removals, bullet: "#12345", read: "bbbbbb", because: Only tests used it. }`;
		const knowledge = readKnowledge(folderOf({ 'synapse/waivers-1.66.yaml': waiver }));
		expect(knowledge.unread.map(passage => passage.document)).toEqual(['upgrade.md']);
	});

	test('a file that is wrong in ten ways has ten mistakes, each with its position', () => {
		const text = `notes:
  - id: Carrier_Pigeons
    when: bevore
    possible: 1.10
    must: yes
    applies: { all: [worker] }
    wings: 2
    title: ""
    text: Look <b>here</b>
    deadline: { subject: pigeons, at: { version: 1.66 }, promised: they rest }
    covers:
      - { document: CHANGES.md, release: 1.66.0rc1, part: Top, bullet: "#1", read: 123456 }
`;
		const mistakes = mistakesOf({ 'synapse/notes/1.66.0.yaml': text });
		const at = (place: string) => `synapse/notes/1.66.0.yaml:${place}`;
		expect(mistakes.sort()).toEqual(
			[
				`${at('2:9')} expected small letters, digits and hyphens, got Carrier_Pigeons`,
				`${at('3:11')} expected before or switch or after, got bevore`,
				`${at('4:15')} expected a version in quotes or with three parts, like 1.146.0: write 1.10.0, got 1.10`,
				`${at('5:11')} expected true or false, got yes`,
				`${at('6:22')} expected a fact of the closed list, like workers, no-email or postgres<13 (see: !help facts), got worker`,
				`${at('7:5')} there is no key wings here`,
				`${at('8:12')} expected some text, got nothing`,
				`${at('9:11')} expected no HTML in prose; put it in \`code\` if it is meant to be read, got Look <b>here</b>`,
				`${at('10:50')} expected a version in quotes or with three parts, like 1.146.0: write 1.66.0, got 1.66`,
				`${at('12:84')} expected a quoted hash, like "3f9c0a" (write "000000" and run npm run mark-read), got 123456`,
			].sort(),
		);
	});

	test('mistakes of several files and of the rules between them are listed together', () => {
		const mistakes = mistakesOf({
			'synapse/notes/1.64.0.yaml': noteText({ must: '' }),
			'synapse/notes/1.65.0.yaml': noteText({ must: 'false', refuses: 'true' }),
			'synapse/notes/1.66.yaml': noteText(),
			'synapse/ways.yaml': 'stops: []\nstops: []\nrollbackFloors: []\n',
			'advisories/CVE-2023-32323.yaml': 'severity: bad',
			'synapse/waivers.yaml': 'waivers: [',
		});
		expect(mistakes.map(line => line.replace(/ .*/, '').replace(/:.*/, ''))).toEqual([
			'synapse/notes/1.64.0.yaml',
			'synapse/notes/1.66.yaml',
			...Array(7).fill('advisories/CVE-2023-32323.yaml'),
			'synapse/ways.yaml',
			'synapse/waivers.yaml',
			'synapse/notes/1.65.0.yaml',
		]);
		expect(mistakes).toContain('synapse/notes/1.64.0.yaml:2:5 expected must: true or false, got nothing');
		expect(mistakes).toContain('synapse/ways.yaml:2:1 the key stops is here twice');
		expect(mistakes.some(line => /waivers\.yaml:\d+:\d+ not YAML: /.test(line))).toBe(true);
	});

	test('a file with mistakes is not blamed on the files that refer to it', () => {
		const ways = `stops:
  - { id: halt, ways: [{ from: "<1.65.0", to: ">=1.66.0" }], first: 1.64.0, last: 1.66.0, best: 1.65.0, required: true,
      waitFor: pigeons, why: They are slow., tells: [1.66.0/pigeons] }
rollbackFloors: []
`;
		const claims = `refusals: [{ note: 1.66.0/pigeons, message: coo, refused: {}, accepted: {} }]
faults: [{ fault: 1.66.0/hawks, message: coo, attempt: {} }]
untried: []
`;
		const around = { 'synapse/ways.yaml': ways, 'synapse/claims.yaml': claims };
		const notes = noteText({ wings: '2' });
		expect(
			mistakesOf({ ...around, 'synapse/notes/1.66.0.yaml': notes, 'synapse/faults/1.66.0.yaml': 'faults: 1' }),
		).toEqual([
			'synapse/notes/1.66.0.yaml:7:5 there is no key wings here',
			'synapse/faults/1.66.0.yaml:1:9 expected a list, got 1',
		]);
		// A wrong name hides the release, and with it the IDs of all notes in the file.
		expect(
			mistakesOf({ ...around, 'synapse/notes/1.66.yaml': noteText(), 'synapse/faults/x.yaml': 'faults: 1' }),
		).toEqual([
			'synapse/notes/1.66.yaml:1:1 expected a file named for a release, with three parts, like 1.146.0.yaml',
			'synapse/faults/x.yaml:1:9 expected a list, got 1',
		]);
		// A mistake in the file of another release does not excuse a missing ID.
		expect(mistakesOf({ ...around, 'synapse/notes/1.65.0.yaml': noteText({ wings: '2' }) })).toHaveLength(4);
	});

	test('a broken generated file is the only mistake that is listed', () => {
		const waivers = `waivers:
  - { document: CHANGES.md, release: 1.66.0rc1, part: Deprecations and Removals, bullet: "#12345", read: "bbbbbb", because: Only tests used it. }`;
		expect(mistakesOf({ 'synapse/waivers.yaml': waivers, 'synapse/upstream.json': '{' })).toHaveLength(1);
	});

	test('only the first error of invalid YAML is listed', () => {
		const mistakes = mistakesOf({ 'synapse/waivers.yaml': 'waivers:\n\t- [\n  }: {\n- a: ]\n' });
		expect(mistakes).toEqual([expect.stringMatching(/^synapse\/waivers\.yaml:2:\d+ not YAML: /)]);
	});

	test('a mistake is reported for the alternative that was meant', () => {
		const covers = (cover: string) => mistakesOf({ 'synapse/notes/1.66.0.yaml': noteText({ covers: `[${cover}]` }) });
		expect(covers('{ document: upgrade.md, headin: Mail, read: "aaaaaa" }')).toEqual([
			'synapse/notes/1.66.0.yaml:7:38 there is no key headin here',
		]);
		expect(covers('{ document: readme.md, read: "aaaaaa" }')[0]).toMatch(
			/7:14 expected a source: .*, got \{ document: readme\.md/,
		);
	});

	test('a note from code has the file at that release as its source', () => {
		const lines = {
			code: '[synapse/config/pigeons.py, CHANGES.md@1.65.0]',
			onlyIf: '"`homeserver.yaml` has `pigeons`"',
		};
		const [read] = readKnowledge(folderOf({ 'synapse/notes/1.66.0.yaml': noteText(lines) })).notes;
		expect(read?.sources).toEqual([
			{
				document: 'synapse/config/pigeons.py',
				section: 'Synapse 1.66.0',
				url: 'https://github.com/element-hq/synapse/blob/v1.66.0/synapse/config/pigeons.py',
			},
			{
				document: 'CHANGES.md',
				section: 'Synapse 1.65.0',
				url: 'https://github.com/element-hq/synapse/blob/v1.65.0/CHANGES.md',
			},
		]);
		expect(read).not.toHaveProperty('code');
		expect(read?.onlyIf).toBe('`homeserver.yaml` has `pigeons`');
	});

	test('names with an underscore must be in code, even in titles', () => {
		const said = (lines: Record<string, string>) => mistakesOf({ 'synapse/notes/1.66.0.yaml': noteText(lines) });
		expect(said({ title: 'Feed carrier_pigeons' })).toEqual([
			'synapse/notes/1.66.0.yaml:5:12 expected names with an underscore in `code`, also in a title, got Feed carrier_pigeons',
		]);
		const deadline = (subject: string) => `{ subject: ${subject}, at: { vague: later }, promised: b }`;
		expect(said({ deadline: deadline('old_pigeons') })[0]).toContain('expected names with an underscore in `code`');
		expect(said({ title: 'Feed `carrier_pigeons`', deadline: deadline('"`old_pigeons`"') })).toEqual([]);
	});

	test('onlyIf must be a clause that continues “only if”', () => {
		const said = (onlyIf: string) =>
			mistakesOf({ 'synapse/notes/1.66.0.yaml': noteText({ onlyIf: JSON.stringify(onlyIf) }) });
		const wrong = ['Only pigeons fly', 'only if pigeons fly', 'The pigeons fly', 'pigeons fly.', 'pigeons\nfly', ''];
		for (const clause of [...wrong, 'x'.repeat(121)]) {
			expect(said(clause).join()).toMatch(/:7:13 expected (a clause|.*120)/);
		}
		for (const clause of ['the pigeons fly', '`pigeons` has `fly`', 'Mjolnir flies', 'onlyness'])
			expect(said(clause)).toEqual([]);
	});

	test('broken generated files are reported with the position', () => {
		expect(mistakesOf({ 'synapse/releases.json': '{"read":"2022-09-06","releases":[{"version":"1.64"}]}' })).toEqual([
			'synapse/releases.json releases.0.version: expected a version with three parts: write 1.64.0; run npm run refresh',
			expect.stringMatching(/^synapse\/releases\.json releases\.0\.date: /),
		]);
		expect(mistakesOf({ 'synapse/upstream.json': '{' })[0]).toMatch(/^synapse\/upstream\.json is not JSON: /);
	});
});

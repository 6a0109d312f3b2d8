import { expect, test } from 'vitest';
import type { Passage } from '../../../src/knowledge/schema/synapse.ts';
import { stamp } from '../../../tools/refresh/stamp.ts';

const passages: Passage[] = [
	{
		document: 'upgrade.md',
		release: '1.66.0',
		section: 'Upgrading to v1.66.0',
		heading: 'Mail by pigeon',
		url: 'x',
		hash: '111111',
	},
	{ document: 'upgrade.md', release: '1.65.0', section: 'Upgrading to v1.65.0', url: 'x', hash: '222222' },
	{ document: 'CHANGES.md', release: '1.66.0rc1', part: 'Top', bullet: 'Pigeons came', url: 'x', hash: '3e3333' },
];

test('writes hashes in place, and changes no other byte', () => {
	const text = `# a comment
notes:
  - id: pigeons   # and one here
    covers: [{ document: upgrade.md, heading: Mail by pigeon, read: "000000" }, { read: '222222',   document: upgrade.md, section: 1.65.0 }]
  - id: doves

  - id: ravens
    covers:
      - document: CHANGES.md
        read: 000000 # a number to YAML
        release: 1.66.0rc1
        part: Top
        bullet: "Pigeons came"`;
	const stamped = stamp(text, '1.66.0', passages);
	expect(stamped.text).toBe(text.replace('read: "000000"', 'read: "111111"').replace('read: 000000', 'read: "3e3333"'));
	expect([stamped.changed, stamped.unchanged, stamped.problems]).toEqual([2, 1, []]);
	expect(stamp(stamped.text, '1.66.0', passages)).toMatchObject({ text: stamped.text, changed: 0, unchanged: 3 });
});

test('writes the hashes of waivers too', () => {
	const text = 'waivers:\n  - { document: upgrade.md, release: 1.65.0, read: "000000", because: It is nothing. }\n';
	expect(stamp(text, undefined, passages)).toMatchObject({
		text: text.replace('000000', '222222'),
		changed: 1,
		problems: [],
	});
});

test('reports what matches no passage, with its position and a suggestion, and writes the rest', () => {
	const text = `notes:
  - covers:
      - { document: upgrade.md, heading: Mail by dove, read: "000000" }
      - { document: upgrade.md, section: 1.65.0, read: "000000" }
      - { document: upgrade.md, read: "000000", colour: red }
`;
	const stamped = stamp(text, '1.66.0', passages);
	expect(stamped.text).toBe(text.replace('1.65.0, read: "000000"', '1.65.0, read: "222222"'));
	expect(stamped.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
		'3:9 no passage upgrade.md › 1.66.0 › Mail by dove',
		'5:9 not a cover or waiver that can be stamped; it needs document, its names, and read: "000000"',
	]);
	expect(stamped.problems[0]?.nearest[0]?.heading).toBe('Mail by pigeon');
});

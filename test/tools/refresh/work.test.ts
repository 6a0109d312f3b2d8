import { expect, test } from 'vitest';
import type { Passage } from '../../../src/knowledge/schema/synapse.ts';
import { newsOf } from '../../../tools/refresh/work.ts';

const passage = (bullet: string, hash: string): Passage => ({
	document: 'CHANGES.md',
	release: '1.2.0',
	part: 'Top',
	bullet,
	url: 'x',
	hash,
});

test('lists what is new, changed and gone', () => {
	const before = {
		read: '2022-01-01',
		releases: [{ version: '1.2.0', date: '2022-01-01' }],
		passages: [passage('a', '111111'), passage('b', '222222'), passage('c', '333333')],
	};
	const after = {
		read: '2022-02-01',
		releases: [...before.releases, { version: '1.3.0', date: '2022-02-01' }],
		passages: [passage('a', '111111'), passage('b', '444444'), passage('d', '555555')],
	};
	expect(newsOf(before, after)).toEqual([
		'2 releases and candidates up to 2022-02-01, 3 passages',
		'new      release 1.3.0',
		'new      CHANGES.md › 1.2.0 › Top › d',
		'changed  CHANGES.md › 1.2.0 › Top › b',
		'gone     CHANGES.md › 1.2.0 › Top › c',
	]);
	expect(newsOf(after, after)).toHaveLength(1);
});

// How answers say what a guide was tested on.
import { expect, test } from 'vitest';
import type { Guided } from '../../src/advice/guide/guide.ts';
import { playedSection } from '../../src/messages/guide-trials.ts';

test('says once what stood in for the real thing, however many trials share it', () => {
	const played = ['No containers. A stand-in ran.', 'No containers. A stand-in ran. Version 15 dumped.'];
	const tried = [undefined, ...played].map(text => ({ ...(text !== undefined && { played: text }) }));
	const stage = { tried, failures: [], untried: [] };
	const guided = { stages: [stage], cleanUp: [], wayBack: { before: [], again: [], after: [] } };
	const [section] = playedSection(guided as unknown as Guided);
	expect(section?.markdown.match(/No containers/g)).toHaveLength(1);
	expect(section?.markdown).toContain('* No containers. A stand-in ran. Version 15 dumped.');
});

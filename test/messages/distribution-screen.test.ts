// The first screen of a distribution's changes: what is red in it, and that you can take it in within three seconds.
import { describe, expect, test } from 'vitest';
import { upgrade } from '../../commands/upgrade.ts';
import { matrixMessages } from '../../src/render/matrix.ts';
import { asked } from '../asked.ts';
import { wholePorts } from '../respondent.ts';

const ports = await wholePorts([], new Date('2026-11-29T12:00:00Z'));

/** The text that shows before anything is unfolded: of each fold only its summary. */
function unfolded(html: string): string {
	return html.replace(/<details><summary>(.*?)<\/summary>.*?<\/details>/gs, ' $1 ').replace(/<[^>]+>/g, ' ');
}

const many = 'jitsi coturn hookshot media-repo workers mas mautrix-telegram mautrix-whatsapp ntfy etherpad prometheus';
const questions = [
	'mdad 2020-01-01',
	`mdad 2020-01-01 ${many} postgres=9.6`,
	'mdad 2021-03-01 2022-09-01 workers',
	'mdad 2023-01-01 jitsi',
	`mdad 2024-06-01 ${many}`,
	'mdad 2025-06-01',
	'mdad 2025-06-01 no-jitsi no-coturn no-workers no-mas',
	'mdad 2026-08-14 2026-08-18',
	'mdad 2026-08-20',
	'mdad v2026.04.03.0 telegram',
	'ess 0.7 26.8.1',
	'ess 0.7 0.12',
	'ess 25.12 26.8.1 matrixrtc hookshot',
	'ess 26.1.0 26.8.0',
	'ess 26.8.0',
];

describe('each answer is one message, short until it is unfolded', () => {
	test.each(questions)('%s', async text => {
		const answer = await upgrade.run(asked(text), ports);
		const { contents } = matrixMessages(answer);
		expect(contents).toHaveLength(1);
		const html = contents[0]?.formatted_body ?? '';
		const read = unfolded(html).replace(/\s+/g, ' ').trim();
		expect(read.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length).toBeLessThanOrEqual(250);
		expect(html.match(/<details>/g)?.length ?? 0).toBeLessThanOrEqual(3);
		for (const { title, fold } of answer.sections) if (fold) expect([...title].length).toBeLessThanOrEqual(40);
		// Clients open a room at the end, so the next step is there.
		expect(answer.sections.at(-1)).toMatchObject({ fold: false, markdown: expect.stringMatching(/^\*\*Now:\*\* /) });
		expect(read).toMatch(/For every detail: !upgrade (?:mdad|ess) .* all$/);
		// Only what certainly applies is red.
		const { entries } = answer.value as { entries: { breaking: boolean; concerned: unknown }[] };
		const isSure = entries.some(({ breaking, concerned }) => breaking && concerned === true);
		expect(/🔴 \d+ breaking/.test(read)).toBe(isSure);
	});
});

test("folds contain everything: what to do, who is affected, and upstream's page", async () => {
	const { sections } = await upgrade.run(asked('mdad 2026-04-20 telegram'), ports);
	const fold = sections.find(({ title }) => title.startsWith('Breaking changes in full'))?.markdown ?? '';
	expect(fold).toMatch(/2026-04-24: mautrix-telegram is rewritten[\s\S]*\*\*Do:\*\*[\s\S]*Upstream: \[/);
	expect(fold).toMatch(/Only some servers:[\s\S]*2026-07-28/);
	expect(sections.some(({ markdown }) => markdown.includes('☐ 2026-04-24: mautrix-telegram is rewritten'))).toBe(true);
});

test('with little space, the backup is what remains of the plan for Synapse', async () => {
	const shown = await Promise.all(
		questions.map(async text => {
			const open = (await upgrade.run(asked(text), ports)).sections.flatMap(({ fold, markdown }) =>
				fold ? [] : markdown,
			);
			const head = open.findIndex(markdown => markdown.startsWith('**Synapse '));
			return head < 0 ? [] : open.slice(head + 1, -1);
		}),
	);
	const short = shown.filter(parts => parts.length === 1 || parts.length === 2);
	expect(short).not.toHaveLength(0);
	for (const parts of short) expect(parts.join('\n')).toMatch(/back up/i);
});

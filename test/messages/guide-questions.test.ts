// A guide with many open questions asks the most important ones, on one screen and without files.
import { expect, test } from 'vitest';
import { guideFor } from '../../src/advice/guide/guide.ts';
import { questionsOf } from '../../src/advice/guide/questions.ts';
import { profileFrom } from '../../src/advice/watch/subscription.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { guideAnswer } from '../../src/messages/guide-questions.ts';
import { matrixMessages } from '../../src/render/matrix.ts';

const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const guide = knowledge.guides.find(({ id }) => id === 'mdad');
if (!guide) throw new Error('no guide');
const guided = (stated: Record<string, string> = {}, facts: string[] = []) =>
	guideFor(guide, { stated: new Map(Object.entries(stated)), profile: profileFrom(['docker', ...facts]) }, []);
const around = { asked: 'migrate mdad' };

test('puts many open questions first, and the command that answers them last', () => {
	const answer = guideAnswer(guided(), around, false);
	expect(answer.files).toBeUndefined();
	expect(answer.sections[0]?.markdown).toMatch(
		/Of the \d+ open questions, these affect the guide the most.*\n☐ `domain=…`/s,
	);
	expect(answer.sections.at(-1)?.markdown).toMatch(
		/^\*\*Now:\*\* .*`!migrate mdad domain=example\.org .*`!migrate mdad all`$/s,
	);
	const { contents, files } = matrixMessages(answer);
	expect([contents.length, files.length]).toEqual([1, 0]);
	expect(answer.sections.filter(({ fold }) => fold)).toHaveLength(3);
});

test('shows examples that the bot accepts', () => {
	const answer = guideAnswer(guided({ domain: 'example.org' }), around, false);
	expect(answer.sections.at(-1)?.markdown).toContain('folder=/srv/synapse');
});

test('shows the whole guide if asked to, or if few questions are open', () => {
	expect(guideAnswer(guided(), around, true).sections.length).toBeGreaterThan(16);
	const stated = { domain: 'example.org', synapse: '1.163.2', proxy: 'none', 'federation-port': '443' };
	const facts = guided(stated).ask.map(name => (name === 'database' ? 'postgres' : `no-${name}`));
	const closed = guided(stated, facts);
	expect(closed.refused).toEqual([]);
	expect(closed.ask.length).toBeLessThanOrEqual(3);
	expect(guideAnswer(closed, around, false).sections.length).toBeGreaterThan(12);
});

test('shows one message without files and without the stages at the start of a session', () => {
	const begun = { asked: 'x', begun: true };
	for (const [id, stated, facts] of [
		['postgres-major', { from: '15', to: '17' }, ['docker']],
		['backup', { to: '15', layout: 'compose' }, ['docker']],
		['mdad', { domain: 'example.org' }, ['docker']],
	] as const) {
		const guide = knowledge.guides.find(other => other.id === id) ?? expect.fail(id);
		const asked = { stated: new Map(Object.entries(stated)), profile: profileFrom([...facts]) };
		const of = guideFor(guide, asked, knowledge.tried);
		const answer = guideAnswer(of, begun, true);
		const { contents, files } = matrixMessages(answer);
		expect([id, contents.length, files.length]).toEqual([id, 1, 0]);
		const titles = answer.sections.map(({ title }) => title);
		expect(titles).toContain(`The ${of.stages.length + of.cleanUp.length} stages`);
		expect(titles.filter(title => /^(\d+\.|Rollback)/.test(title))).toEqual([]);
		// The whole guide is still available as a file.
		expect(matrixMessages(guideAnswer(of, { ...begun, file: true }, true)).files[0]?.text).toContain('## 1. ');
	}
});

test('asks first for the value that most commands and conditions use', () => {
	const open = guided();
	expect(questionsOf(open)[0]).toBe('domain');
	expect([...questionsOf(open)].sort()).toEqual([...open.ask].sort());
});

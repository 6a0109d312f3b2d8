// What servers in the wild call themselves, and what is said about each: parsed once, and worded the same everywhere.
import { describe, expect, test } from 'vitest';
import { readBuild } from '../../../src/advice/watch/build.ts';
import { runningOf, sawOf, withLook } from '../../../src/advice/watch/history.ts';
import { type Attempt, type Observation, observationOf } from '../../../src/advice/watch/observation.ts';
import { cardWords } from '../../../src/messages/status-card.ts';
import { advisory, known, note, releases } from '../../known.ts';
import { bodies, oddServers, servers } from './version-strings.ts';

const knowledge = known({
	releases: releases(
		...['0.6.1c', '0.9.0-r5', '0.33.3.1', '0.99.5.2'],
		{ version: '1.49.1', withdrawn: true },
		...['1.57.1', '1.98.0rc1', '1.98.0', '1.150.0rc1', '1.150.0', '1.163.2', '1.164.0rc3'],
	),
	advisories: [advisory('CVE-2026-0001', ['<1.150.0'], { severity: 'high' })],
	notes: [
		note('1.150.0/gone', { deadline: { subject: 'old things', at: { date: '2027-01-01' }, promised: 'They go.' } }),
	],
});

/** A server that responds with this when asked for its version, and is otherwise a homeserver. */
function observed(body: string, server = 'a.test'): Observation {
	const reply = (status: number, text: string): Attempt => ({ reply: { status, body: text, headers: {} } });
	return observationOf({
		server,
		at: '2026-11-29T12:00:00.000Z',
		federation: reply(200, body),
		admin: reply(404, '{"errcode":"M_UNRECOGNIZED"}'),
		signs: [reply(200, '{"versions":["v1.1"]}')],
	});
}

/** The first lines of the status card. */
function card(body: string): string {
	const saw = sawOf(observed(body));
	if (!saw) throw new Error('the check found nothing');
	const history = withLook([], saw, '2026-11-29T12:00:00.000Z');
	const running = runningOf(history, undefined, new Date());
	const now = new Date('2026-11-29T12:00:00Z');
	const facing = {
		server: 'a.test',
		running,
		history,
		told: false,
		profile: new Map(),
		seen: [],
		contradicted: [],
		derived: [],
		outdated: [],
		knowledge,
		now,
		today: '2026-11-29',
	};
	const { lead } = cardWords({ facing, zone: 'UTC' });
	return lead.replaceAll('\n\n', ' ');
}

const answers = [...[...servers, ...oddServers].map(server => JSON.stringify({ server })), ...bodies];

test('has more than a hundred distinct answers', () => {
	expect(new Set(answers).size).toBe(answers.length);
	expect(answers.length).toBeGreaterThan(100);
});

test('documents what Glia says about each of them', async () => {
	const row = (answer: string) => {
		const short = answer.length > 120 ? `${answer.slice(0, 100)}… (${answer.length} characters)` : answer;
		const shown = short.replace(/[^\x20-\x7e]/gu, sign => `\\u{${sign.codePointAt(0)?.toString(16)}}`);
		return `| ${code(shown)} | ${card(answer).replaceAll('|', '\\|')} |`;
	};
	const page = `# Versions that servers report, and what Glia says about them

Each row has a response to \`/_matrix/federation/v1/version\` and the beginning of the status card that \`!watch a.test\` then gives.
In this test the newest release is 1.163.2 and the newest candidate is 1.164.0rc3. 1.49.1 was withdrawn, and a high-severity
advisory affects everything before 1.150.0. \`test/advice/watch/build.test.ts\` generates this page from
\`test/advice/watch/version-strings.ts\`.

| the server responds | Glia says |
|---|---|
${answers.map(row).join('\n')}
`;
	await expect(page).toMatchFileSnapshot('../../../docs/version-strings.md');
});

/** The text as Markdown code, even if it contains backticks. */
function code(text: string): string {
	const fence = text.includes('`') ? '``' : '`';
	return `${fence}${text === '' ? ' ' : text.replaceAll('|', '\\|')}${fence}`;
}

const names = new Map(knowledge.releases.map(({ version }) => [version, true]));

describe.each(answers.map(answer => [answer.slice(0, 60), answer] as const))('%s', (_, answer) => {
	test('claims nothing that is not known', () => {
		const observation = observed(answer);
		const said = card(answer);
		const version = observation.kind === 'running' ? observation.version : undefined;
		if (version === undefined || !names.has(version)) {
			expect(said).not.toMatch(/newest release[,.*]|no known vulnerabilit|vulnerable to|behind|can go back/);
		}
		if (version !== undefined && !names.has(version)) expect(said).toContain('a release I do not know');
		if (version !== undefined && names.has(version)) expect(said).toMatch(/known vulnerabilit/);
		// What was observed is shown.
		expect(said).not.toContain('do not know yet');
		expect(said).not.toContain('blocks `/_matrix/federation/v1/version`');
		expect(said.length).toBeLessThan(1200);
	});
});

test('takes linear time on hostile text', () => {
	const start = process.cpuUsage();
	for (const sign of ['1', '1.', '.', '-', '(', 'b=', '+', '~', ' ', ',', 'rc', '0', 'a', '1.98.0 (b=', '1.98.0-'])
		for (const prefix of ['', '1.98.0', '1.98.0 (']) readBuild(prefix + sign.repeat(300).slice(0, 290));
	const { user } = process.cpuUsage(start);
	expect(user).toBeLessThan(200_000);
});

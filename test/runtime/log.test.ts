// The log: JSON with level names, or lines of text that no input can break.
import { expect, test } from 'vitest';
import { type Format, openLog } from '../../src/runtime/log.ts';

function logged(format: Format, isTerminal: boolean) {
	const lines: string[] = [];
	const log = openLog('info', format, { write: line => lines.push(line), isTerminal });
	return { lines, log };
}

test('writes levels by name in JSON', () => {
	for (const [format, isTerminal] of [
		['json', true],
		['auto', false],
	] as const) {
		const { lines, log } = logged(format, isTerminal);
		log.warn({ tries: 2 }, 'the homeserver does not answer');
		expect(lines.map(line => JSON.parse(line))).toEqual([
			{ level: 'warn', time: expect.any(Number), tries: 2, msg: 'the homeserver does not answer' },
		]);
	}
});

test('writes one line of text per event on a terminal', () => {
	for (const [format, isTerminal] of [
		['text', false],
		['auto', true],
	] as const) {
		const { lines, log } = logged(format, isTerminal);
		log.info({ command: 'upgrade', ms: 12 }, 'a command');
		log.info({}, 'in sync');
		expect(lines.map(line => line.slice(20))).toEqual([
			'INFO  a command (command: upgrade, ms: 12)\n',
			'INFO  in sync\n',
		]);
		expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /);
	}
});

test('prevents outside text from starting a line or moving the cursor', () => {
	const { lines, log } = logged('text', true);
	log.info({ why: 'no\n2026-01-01 00:00:00 FATAL forged \u001b[2J', room: '!a:\u202eb' }, 'refused');
	expect(lines).toHaveLength(1);
	expect(lines[0]?.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
	expect(lines[0]).toContain('no\\u000a2026-01-01');
});

test("keeps an error's stack, line by line", () => {
	const { lines, log } = logged('text', true);
	log.error({ err: new Error('broken\u001b[2J') }, 'a command failed');
	expect(lines[0]).toMatch(/ERROR a command failed\nError: broken\\u001b\[2J\n +at /);
});

test('redacts secrets, in text too', () => {
	const { lines, log } = logged('text', true);
	log.warn({ config: { password: 'hunter2' }, token: 'syt_x' }, 'refused');
	expect(lines[0]).not.toMatch(/hunter2|syt_x/);
});

test('can change its level while running', () => {
	const { lines, log } = logged('json', false);
	log.debug({}, 'one');
	log.setLevel('debug');
	log.debug({}, 'two');
	expect(lines.map(line => JSON.parse(line).msg)).toEqual(['two']);
});

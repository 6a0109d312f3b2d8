// Glia as the process that a test starts, with the real commands and some for tests. Its knowledge is small or, if the
// second argument is `all`, the real one.
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands } from '../../commands/index.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import type { Answer } from '../../src/answer.ts';
import type { Command, Ports } from '../../src/command.ts';
import { readConfig } from '../../src/config.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { known, knownCode, knownDistributions } from '../known.ts';
import { outside } from '../outside.ts';

function answer(lead: string): Answer {
	return { value: { format: 1 }, lead, sections: [], kind: 'answer' };
}

/** The smallest GIF. */
const DOT = 'R0lGODlhAQABAAAAACwAAAAAAQABAAA=';

const base = { changes: false, examples: [] };

const ours: Command[] = [
	{ ...base, name: 'echo', usage: 'echo <words>', summary: 'say it again', run: ({ text }) => answer(`echo ${text}`) },
	{
		...base,
		name: 'slow',
		usage: 'slow <milliseconds>',
		summary: 'answer late',
		async run({ words }) {
			await sleep(Number(words[0]));
			return answer(`slow ${words[0]}`);
		},
	},
	{
		...base,
		name: 'long',
		usage: 'long <kilobytes> [open]',
		summary: 'a long answer',
		run({ words }) {
			const kilobytes = Number(words[0]);
			const sections = Array.from({ length: kilobytes }, (_, i) => ({
				title: `Part ${i + 1}`,
				markdown: `${'All that `synapse` says. '.repeat(20)}\n\n\`\`\`sh\necho ${i + 1}\n\`\`\`\n\n${'More of it. '.repeat(40)}`,
				fold: words[1] !== 'open',
			}));
			return { ...answer(`long ${kilobytes}`), title: 'A long answer', sections };
		},
	},
	{
		...base,
		name: 'picture',
		usage: 'picture',
		summary: 'a picture and a file',
		run: () => ({
			...answer('a picture'),
			files: [
				{ name: 'dot.gif', type: 'image/gif', text: DOT, encoding: 'base64' },
				{ name: 'notes.txt', type: 'text/plain', text: 'füle' },
			],
		}),
	},
	{
		...base,
		name: 'panic',
		usage: 'panic',
		summary: 'break the encryption library',
		async run() {
			const { answer: guarded, wasm } = await import('../../crypto/wasm.ts');
			const raw = await wasm.OlmMachine.initialize(new wasm.UserId('@raw:example.org'), new wasm.DeviceId('RAW'));
			await guarded(() => raw.encryptRoomEvent(new wasm.RoomId('!never:shared'), 'm.room.message', '{}'));
			return answer('still here');
		},
	},
	{
		...base,
		name: 'fill',
		usage: 'fill',
		summary: 'make the disk refuse the keys',
		run() {
			const { exec } = DatabaseSync.prototype;
			DatabaseSync.prototype.exec = function (sql) {
				// Only the keys' transactions begin like this.
				if (sql === 'BEGIN IMMEDIATE') throw new Error('database or disk is full');
				exec.call(this, sql);
			};
			return answer('full');
		},
	},
	{ ...base, name: 'set', usage: 'set', summary: 'change something', changes: true, run: () => answer('it is set') },
];

const all = [...commands.filter(({ name }) => !ours.some(own => own.name === name)), ...ours];
const ports: Ports = {
	knowledge: process.argv[3] === 'all' ? await openKnowledge(new URL('../../knowledge/', import.meta.url)) : known(),
	commands: all,
	now: () => new Date(),
	health: { version: '0.0.0-test', startedAt: new Date(), lastSync: () => undefined },
	store: openLater(),
	web: outside(() => new Date()),
	code: knownCode(),
	distributions: knownDistributions(),
	limits: usualLimits,
};

try {
	const config = readConfig(process.argv[2] ?? '', process.env);
	// As in src/main.ts, for the same reason.
	process.noDeprecation = true;
	const { runMatrix } = await import('../../src/app/run-bot.ts');
	process.exitCode = await runMatrix(config, {
		commands: all,
		ports,
		reread: () => readConfig(process.argv[2] ?? '', process.env),
	});
} catch (error) {
	process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
	process.exitCode = 1;
}

// Whatever strangers write costs little processor time. Everything that reads people's text reads 64 KB of each
// character and each pair of printable ASCII, and of some other characters.

import { beforeAll, expect, test } from 'vitest';
import { commands } from '../commands/index.ts';
import { fateOf, variableWord } from '../src/advice/distribution/playbook-variables.ts';
import { guideFor } from '../src/advice/guide/guide.ts';
import { type GuideSession, isOutput, step, wordOf } from '../src/advice/guide/session.ts';
import { observationOf } from '../src/advice/watch/observation.ts';
import { diagnose } from '../src/advice/why/diagnose.ts';
import { isLog } from '../src/advice/why/log-lines.ts';
import type { Answer } from '../src/answer.ts';
import { Refusal } from '../src/answer.ts';
import { readNumbers, readSnooze } from '../src/arguments/alerts.ts';
import { takeParameters, takeStart } from '../src/arguments/guide.ts';
import { nearest } from '../src/arguments/nearest.ts';
import * as args from '../src/arguments/versions.ts';
import { readWhy } from '../src/arguments/why.ts';
import { sortWords } from '../src/arguments/words.ts';
import type { Respondent } from '../src/bot/calls.ts';
import { callsIn, plainly } from '../src/bot/calls.ts';
import { refusal, respond } from '../src/bot/respond.ts';
import { refusalToChange } from '../src/bot/rights.ts';
import { parseTerm } from '../src/deployment/facts.ts';
import { parseServerName } from '../src/deployment/server-name.ts';
import { isRange, isVersion } from '../src/deployment/version.ts';
import { batchOf } from '../src/edges/matrix/events.ts';
import { parameterKinds, readValue } from '../src/knowledge/schema/parameter.ts';
import type { Knowledge } from '../src/knowledge/schema/synapse.ts';
import { joined } from '../src/render/combine.ts';
import { wholeName } from '../src/render/markdown-file.ts';
import { matrixMessages } from '../src/render/matrix.ts';
import { terminalText } from '../src/render/terminal.ts';
import { code, escapeMarkdown, quoted } from '../src/text/markdown.ts';
import { wholePorts } from './respondent.ts';

const size = 64 * 1024;
/** Milliseconds of processor time. */
const most = 50;
const now = new Date('2026-11-21T12:00:00Z');
const room = '!room:example.org';

const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
const unusual = [
	'\n',
	'\r',
	'\t',
	'\0',
	'\u00a0',
	'\u200b',
	'\u202e',
	'\u2028',
	'\u2014',
	'\u201c',
	'\ufe0f',
	'\ud800',
];
const others = [
	...unusual,
	'\u00fc',
	'\u0130',
	'\u00df',
	'\u2192',
	'\u2705',
	'\u4e2d',
	'\u0301',
	'\u{1f4a4}',
	'\u{e0041}',
];

const repeated = (unit: string, length = size) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length);

/** What starts a match, and what makes it fail at the end after everything else has matched. */
const around: [string, string][] = [
	['', ''],
	['', 'x'],
	['1.1', '%'],
	['x', '\u2026x'],
	['v1.1', '-1'],
	['a=', '!'],
	['[', ']!'],
	['\n', '\n!'],
];

let knowledge: Knowledge;
let to: Respondent;
type Readers = Record<string, (text: string) => unknown>;
/** Reads a stranger's whole message, which may be as long as an event. */
let readers: Readers;
/** Reads a part of a message, at most as long as a command; tested with longer texts. */
let parts: Readers;
/** Puts other people's words into an answer. */
let renderers: Readers;

/** A refusal is a valid outcome of reading. */
function refusing(read: () => unknown): unknown {
	try {
		return read();
	} catch (error) {
		if (error instanceof Refusal || error instanceof TypeError) return error;
		throw error;
	}
}

function event(type: string, content: Record<string, unknown>) {
	return { type, sender: '@mallory:example.org', event_id: '$e', origin_server_ts: 1, content };
}

function synced(...events: ReturnType<typeof event>[]) {
	const raw = { next_batch: 's', rooms: { join: { [room]: { timeline: { events } } } } };
	return batchOf(raw, '@glia:example.org', now);
}

function answerWith(words: string): Answer {
	return {
		value: {},
		kind: 'answer',
		lead: 'A lead.',
		sections: [{ title: 'A title', fold: false, markdown: `A (${words}) B` }],
	};
}

beforeAll(async () => {
	const ports = await wholePorts(commands, now);
	knowledge = ports.knowledge;
	to = {
		commands,
		ports,
		names: ['glia', '@glia:example.org', 'Glia the bot'],
		bare: true,
		mayChange: () => undefined,
		log: {
			error(fields) {
				throw fields.err;
			},
		},
	};
	const calls = (body: string, mentioned = false) => callsIn({ body, mentioned }, to);
	const words = (text: string) => plainly(text).split(/\s+/);
	const guide = knowledge.guides.find(({ id }) => id === 'postgres') ?? knowledge.guides[0];
	if (!guide) throw new Error('there is no guide');
	const guided = guideFor(guide, { stated: new Map(), profile: new Map() }, knowledge.tried);
	const session: GuideSession = {
		...{ guide: guide.id, stated: {}, facts: [], asked: '', id: 'w', room, is: 'open', passed: [], since: '' },
		...{ place: { stage: guided.stages[0]?.id ?? '', gate: false }, refused: [] },
	};
	const power = (level: string) => ({ power: { users: { '@mallory:example.org': level } } });
	readers = {
		talk: text => calls(text),
		'a message that mentions the bot': text => calls(text, true),
		"what follows the bot's name": text => [calls(`glia${text}`), calls(`@glia:example.org: ${text}`)],
		"a link with the bot's name": text => [
			calls(`[a](https://matrix.to/#/${text}`),
			calls(`[${text}`),
			calls(`[a](https://matrix.to/#/@glia:example.org?${text}`),
		],
		'the lines of a message': text => calls(`!upgrade\n${text}`),
		'a message without marks of phones': text => plainly(text),
		'an error pasted into a guide': text => [
			step(session, { by: 'a', at: '', now: '', text: plainly(text) }, guided),
			isOutput(text),
			isOutput(`error:${text}`),
		],
		'a text to be explained': text => [
			diagnose({ text, versions: [], profile: new Map() }, knowledge, ports.code),
			isLog(text),
			readWhy(text),
		],
		'an event': text => [
			synced(event('m.room.message', { msgtype: 'm.text', body: text, formatted_body: text })),
			synced(
				event('m.room.message', {
					msgtype: 'm.text',
					body: `> ${text}\n> ${text}`,
					'm.relates_to': { 'm.in_reply_to': { event_id: text } },
				}),
			),
		],
		'a reaction': text => synced(event('m.reaction', { 'm.relates_to': { event_id: '$a', key: text } })),
	};
	parts = {
		'the words of a command': text => refusing(() => sortWords(words(text), 'x')),
		'one word of a command': text => refusing(() => sortWords([text], 'x')),
		'a version': text => [
			refusing(() => args.readVersion(text, 'target', knowledge)),
			refusing(() => args.linesOf(text, knowledge)),
			refusing(() => args.takeVersion([`version=${text}`], knowledge)),
			refusing(() => args.takeVersion(words(`version=${text.replaceAll(' ', ' version=')}`), knowledge)),
			isVersion(text),
			isRange(text),
		],
		"a server's name": text => [refusing(() => args.readServer(text)), parseServerName(text)],
		'a fact': text => [parseTerm(text), parseTerm(`postgres=${text}`), parseTerm(`no-${text}`)],
		'the nearest word': text => nearest(text, ['upgrade']),
		'a number or a span': text => [
			refusing(() => readNumbers(words(text))),
			refusing(() => readSnooze([text], now, 'UTC', [])),
			refusing(() => readSnooze(['until', text], now, 'UTC', [])),
		],
		'the parameters of a guide': text => [
			refusing(() => takeParameters(words(text), guide)),
			refusing(() => takeParameters([`dbname=${text}`], guide)),
			takeStart(words(text)),
			...Object.keys(parameterKinds).map(kind =>
				readValue({ kind: kind as keyof typeof parameterKinds, values: undefined }, text),
			),
		],
		'names of variables': text => [variableWord.test(text), fateOf(text, knowledge.renamed)],
		"a word in a guide's thread": text => wordOf(text),
		'the power of a person': text => [
			refusalToChange('@mallory:example.org', 'state_default', power(text)),
			refusalToChange('@mallory:example.org', 50, { create: { sender: 'a', content: { room_version: text } } }),
		],
		'what a server says of itself': text => {
			const reply = (body: string) => ({ reply: { status: 200, headers: { server: text }, body } });
			return observationOf({
				server: 'example.org',
				at: '',
				federation: reply(JSON.stringify({ server: { name: 'Synapse', version: text } })),
				admin: reply(text),
			});
		},
		'the quotation of what somebody wrote': text => [quoted(text), code(text), escapeMarkdown(text)],
		'a refusal': text => refusal(`I do not know ${quoted(text)}.`),
	};
	renderers = {
		'an answer with what somebody wrote': text => matrixMessages(answerWith(escapeMarkdown(text))),
		'the same as code': text => matrixMessages(answerWith(code(text))),
		'the same on a terminal': text => terminalText(answerWith(escapeMarkdown(text)), { width: 80, color: true }),
		'several answers in one': text => joined([answerWith(escapeMarkdown(text)), answerWith(code(text))]),
		'the name of a file': text => [
			wholeName({ ...answerWith(''), title: escapeMarkdown(text) }),
			joined([
				{ ...answerWith(''), files: [{ name: text, type: '', text: 'a' }] },
				{ ...answerWith(''), files: [{ name: text, type: '', text: 'b' }] },
			]),
		],
	};
});

async function cost(read: () => unknown): Promise<number> {
	const before = process.cpuUsage();
	await read();
	const { user, system } = process.cpuUsage(before);
	return (user + system) / 1000;
}

/** The readers that take too long. The minimum of several tries excludes other programs and garbage collection. */
async function slowFor(text: string, named: [string, (text: string) => unknown][]): Promise<string[]> {
	const slow: string[] = [];
	const all = await cost(async () => {
		for (const [, read] of named) await read(text);
	});
	if (all < most) return [];
	for (const [name, read] of named) {
		let least = Number.POSITIVE_INFINITY;
		for (let tries = 0; tries < 4 && least >= most; tries++) least = Math.min(least, await cost(() => read(text)));
		if (least >= most) slow.push(`${name} (${Math.round(least)} ms)`);
	}
	return slow;
}

async function slowest(texts: Iterable<[string, string]>, named: Readers): Promise<string[]> {
	const found: string[] = [];
	for (const [name, text] of texts) {
		for (const slow of await slowFor(text, Object.entries(named))) found.push(`${name}: ${slow}`);
		if (found.length > 30) break;
	}
	return found;
}

function* singles(contexts: [string, string][]): Generator<[string, string]> {
	for (const unit of [...printable, ...others])
		for (const [before, after] of contexts)
			yield [JSON.stringify(`${before}${unit}\u2026${after}`), `${before}${repeated(unit)}${after}`];
}

/** `abab\u2026` and `baba\u2026` differ only in where they begin. */
function* pairs(characters: readonly string[], length = size): Generator<[string, string]> {
	for (const [i, one] of characters.entries())
		for (const two of characters.slice(i + 1))
			yield [JSON.stringify(`${one}${two}\u2026`), repeated(one + two, length)];
}

const punctuation = printable.filter(sign => /[^A-Za-z2-9]/.test(sign));

test('reads each character between the start and the end of a pattern', async () => {
	expect(await slowest(singles(around), { ...readers, ...parts })).toEqual([]);
});

test('reads each pair of printable characters', async () => {
	expect(await slowest(pairs(printable), readers)).toEqual([]);
});

test('reads each pair in a part of a command of at most 4,096 characters', async () => {
	expect(await slowest(pairs(printable, 4096), parts)).toEqual([]);
});

test('renders each character in an answer, and each pair that is special in Markdown', async () => {
	expect(await slowest(singles([['', '']]), renderers)).toEqual([]);
	expect(await slowest(pairs(punctuation, 8192), renderers)).toEqual([]);
});

test('answers each command with the maximum number of words', async () => {
	const each = commands.map(({ name, usage }): [string, (text: string) => unknown] => {
		const begins = usage.includes('mdad') ? `${name} mdad` : name;
		return [name, text => respond({ body: `!${begins} ${text}`, room, sender: '@a:b', at: now, mentioned: false }, to)];
	});
	const short = singles(around).map(([name, text]): [string, string] => [name, text.slice(0, 4000) + text.slice(-8)]);
	expect(await slowest(short, Object.fromEntries(each))).toEqual([]);
});

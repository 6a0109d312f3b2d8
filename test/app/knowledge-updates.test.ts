// Published knowledge is loaded if it is newer, signed and valid. Otherwise the current knowledge stays.
import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openUpdates, type Updates } from '../../src/app/knowledge-updates.ts';
import { openBundles } from '../../src/edges/store/bundles.ts';
import { type Bundle, bundleShape, maxBundle, readBundle } from '../../src/knowledge/bundle.ts';
import { checkEdition } from '../../src/knowledge/check-edition.ts';
import { tableFile } from '../../src/knowledge/code-tables.ts';
import type { Edition } from '../../src/knowledge/edition.ts';
import { bundleTroubleWords } from '../../src/messages/published.ts';
import type { Web } from '../../src/ports/web.ts';
import { silence } from '../../src/runtime/log.ts';
import { banned, openWorld, ours, type World } from '../edges/web/world.ts';
import { noteText } from '../knowledge/folder.ts';
import { editionWith, filesOf, folderWith, openPublisher, sha256, temporary } from '../published.ts';

const publisher = openPublisher();
const stranger = openPublisher();
const now = new Date('2022-09-10T12:00:00Z');
const later = { made: '2022-09-08T10:00:00Z' };

let world: World;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
beforeAll(async () => {
	world = await openWorld();
	await world.https({ port: 443 }, (request, response) => answer(request, response));
});
afterAll(() => world.close());

type Bot = { web: Web; updates: Updates; path: string; own: Edition };

async function openBot(more: { path?: string; keys?: string[]; own?: Edition; glia?: string } = {}): Promise<Bot> {
	const { path = temporary(), keys = [publisher.key], own = await editionWith(filesOf('own')), glia = '1.0.0' } = more;
	const updates = await openUpdates({ keys, own, glia, path, now: () => now, log: silence, check: checkEdition });
	const bundle = { address: `https://${ours}/knowledge.json`, hours: 1, ...updates };
	return { web: await world.web({ bundle }, () => now), updates, path, own };
}

function markOf({ updates }: Bot): string {
	const { knowledge, code } = updates.edition();
	const marks = new Set([
		...knowledge.notes.map(({ title }) => title.split(' ').at(-1) ?? ''),
		...code.options().byPath.keys(),
	]);
	return [...marks].join(' and ');
}

/** Serves a bundle and its signature. */
function serve(text: string | Buffer, signature: string | Buffer): void {
	answer = (request, response) => response.end(request.url?.endsWith('.sig') ? signature : text);
}

const serveSigned = (text: string) => serve(text, publisher.sign(text));

/** Checks once; returns in words why nothing was loaded. */
async function look(bot: Bot): Promise<string> {
	await bot.web.readBundle();
	const trouble = bot.web.bundleLook()?.trouble;
	return trouble ? bundleTroubleWords(trouble) : 'taken';
}

/** A bot that uses the bundle `first`. */
async function informed(): Promise<Bot> {
	const bot = await openBot();
	serveSigned(publisher.bundle('first'));
	expect(await look(bot)).toBe('taken');
	expect(markOf(bot)).toBe('first');
	return { ...bot, web: (await openBot({ path: bot.path, own: bot.own })).web };
}

/** Another check by the same process, an hour later. */
async function lookAgain(bot: Bot): Promise<string> {
	const bundle = { address: `https://${ours}/knowledge.json`, hours: 1, ...bot.updates };
	return look({ ...bot, web: await world.web({ bundle }, () => now) });
}

test('checks again soon after the clock is turned back', async () => {
	const bot = await openBot();
	let asked = 0;
	serveSigned(publisher.bundle('first'));
	const served = answer;
	answer = (request, response) => {
		asked++;
		served(request, response);
	};
	let clock = now.getTime();
	const bundle = { address: `https://${ours}/knowledge.json`, hours: 1, ...bot.updates };
	const web = await world.web({ bundle }, () => new Date(clock));
	await web.readBundle();
	const before = asked;
	await web.readBundle();
	expect(asked).toBe(before);
	clock -= 365 * 24 * 3600_000;
	await web.readBundle();
	expect(asked).toBeGreaterThan(before);
});

const good = publisher.bundle('second', later);
const signature = publisher.sign(good);
const bytes = Buffer.from(signature, 'base64');

function flipped(text: string, at: number): string {
	const buffer = Buffer.from(text);
	buffer.writeUInt8((buffer[at] ?? 0) ^ 1, at);
	return buffer.toString();
}

/** The same signature with a number that is not reduced: s + the order of the group. */
function unreduced(signed: Buffer): Buffer {
	const order = 2n ** 252n + 27742317777372353535851937790883648493n;
	const half = Buffer.from(signed.subarray(32)).reverse().toString('hex');
	const grown = (BigInt(`0x${half}`) + order).toString(16).padStart(64, '0');
	return Buffer.concat([signed.subarray(0, 32), Buffer.from(grown, 'hex').reverse()]);
}

const base64 = (signed: Buffer) => `${signed.toString('base64')}\n`;
const tampered = 'knowledge.updates.key';
const none = 'it has no valid signature';

describe('refuses a bundle that was changed in transit', () => {
	const cases: [name: string, text: string | Buffer, signature: string | Buffer, why: string][] = [
		['its first byte', flipped(good, 0), signature, tampered],
		['a byte in the middle', flipped(good, good.length >> 1), signature, tampered],
		['its last byte', flipped(good, good.length - 1), signature, tampered],
		['its second half missing', good.slice(0, good.length >> 1), signature, tampered],
		['its last line feed missing', good.trimEnd(), signature, tampered],
		['one more line feed', `${good}\n`, signature, tampered],
		['Windows line endings', good.replaceAll('\n', '\r\n'), signature, tampered],
		['the same value, written differently', JSON.stringify(JSON.parse(good)), signature, tampered],
		['the bundle twice in one file', good + good, signature, tampered],
		['words after it', `${good}// more`, signature, tampered],
		['a byte order mark before it', `\uFEFF${good}`, signature, tampered],
		['bytes that are not UTF-8', Buffer.concat([Buffer.from(good), Buffer.from([0xff])]), signature, tampered],
		['nothing', '', signature, tampered],
		['another bundle of the same publisher', publisher.bundle('third', later), signature, tampered],
		['a word of a note', good.replace('pigeons second', 'pigeons thirds'), signature, tampered],
		["a stranger's signature", good, stranger.sign(good), tampered],
		["a stranger's bundle", stranger.bundle('evil', later), stranger.sign(stranger.bundle('evil', later)), tampered],
		[
			'a bit of its signature',
			good,
			base64(Buffer.from(bytes.map((byte, i) => (i === 5 ? byte ^ 4 : byte)))),
			tampered,
		],
		[
			"a bit of the signature's other half",
			good,
			base64(Buffer.from(bytes.map((b, i) => (i === 40 ? b ^ 1 : b)))),
			tampered,
		],
		['the signature as another number of the same residue class', good, base64(unreduced(bytes)), tampered],
		['a signature of zeros', good, base64(Buffer.alloc(64)), tampered],
		['the signature of its hash', good, publisher.sign(sha256(good)), tampered],
		['the signature of an older bundle', good, publisher.sign(publisher.bundle('zeroth')), tampered],
		['a signature that is too short', good, base64(bytes.subarray(0, 63)), none],
		['a signature that is too long', good, base64(Buffer.concat([bytes, Buffer.alloc(1)])), none],
		['an empty signature', good, '', none],
		['a signature in raw bytes', good, bytes, none],
		['a signature in hexadecimal', good, bytes.toString('hex'), none],
		['a signature in base64url', good, bytes.toString('base64url'), none],
		['a signature with spaces', good, ` ${signature}`, none],
		[
			'a signature with unused bits set',
			good,
			signature.replace(/.==\n$/, found => (found[0] === 'B' ? 'C==' : 'B==')),
			none,
		],
		['a web page instead of the signature', good, '<!doctype html><p>Not found</p>', none],
	];
	test.each(cases)('%s', async (_, text, signed, why) => {
		const bot = await informed();
		serve(text, signed);
		expect(await lookAgain(bot)).toContain(why);
		expect(markOf(bot)).toBe('first');
	});
});

/** Changes a bundle in a way that must not be accepted, although its publisher signs it. */
const change = (edit: (value: Record<string, unknown>) => void): string => {
	const value = JSON.parse(good) as Record<string, unknown>;
	edit(value);
	return JSON.stringify(value);
};
const withFiles = (edit: (files: Map<string, string>) => void, more: Partial<Bundle> = {}): string => {
	const files = filesOf('second');
	edit(files);
	return publisher.bundle('second', { ...later, files, ...more });
};
const withFile = (name: string, text: string, more: Partial<Bundle> = {}) =>
	withFiles(files => void files.set(name, text), more);
const note = 'synapse/notes/1.66.0.yaml';
/** Files that are read only when an answer needs them. */
const lazy = [
	tableFile('values'),
	'distributions/mdad/upstream.json',
	'distributions/mdad/commits.json',
	'distributions/mdad/variables.json',
	'distributions/ess/upstream.json',
	'distributions/archives.json',
];

describe('refuses a signed bundle that is not acceptable', () => {
	const shape = 'it is signed, but cannot be read';
	const rules = 'it does not pass the checks';
	const cases: [name: string, text: string, why: string][] = [
		['invalid JSON', 'knowledge', shape],
		['a list', `[${good}]`, shape],
		['null', 'null', shape],
		['something else', '{"format": "recipes", "shape": 1, "glia": "1.0.0"}', shape],
		[
			'an unknown shape',
			change(v => Object.assign(v, { shape: bundleShape + 1, glia: '7.2.0' })),
			'it needs Glia 7.2.0',
		],
		['a shape that is not a number', change(v => Object.assign(v, { shape: '1' })), shape],
		['a shape below the first', change(v => Object.assign(v, { shape: 0 })), shape],
		['no version of Glia', change(v => Object.assign(v, { glia: 'newest' })), shape],
		['no author', change(v => delete v.author), shape],
		['an author with two lines', change(v => Object.assign(v, { author: 'a\nb' })), shape],
		['an author with a change of direction', change(v => Object.assign(v, { author: 'a\u202Eb' })), shape],
		['an endless author', change(v => Object.assign(v, { author: 'a'.repeat(101) })), shape],
		['a moment that never existed', change(v => Object.assign(v, { made: '2022-02-30T10:00:00Z' })), shape],
		['a moment in another time zone', change(v => Object.assign(v, { made: '2022-09-08T10:00:00+02:00' })), shape],
		[
			'a horizon that is not a release',
			change(v => Object.assign(v, { horizon: { release: '1.66', read: '2022-09-06' } })),
			shape,
		],
		['an extra field', change(v => Object.assign(v, { script: 'run' })), shape],
		['files as a list', change(v => Object.assign(v, { files: ['a'] })), shape],
		['a file that is not text', change(v => Object.assign(v.files as object, { [note]: 1 })), shape],
		['a file above the folder', withFile('../evil.yaml', 'a'), shape],
		['a file outside through a subfolder', withFile('synapse/../../evil.yaml', 'a'), shape],
		['a file at the root', withFile('/etc/evil.yaml', 'a'), shape],
		['a file with a Windows path', withFile('synapse\\evil.yaml', 'a'), shape],
		['an executable file', withFile('synapse/evil.js', 'a'), shape],
		['a file that would bypass the rules', withFile('compiled.json', '{}'), shape],
		['such a file in capitals', withFile('distributions/mdad/Compiled.json', '{}'), shape],
		['a folder with the name of a file', withFile(`${note}/more.yaml`, 'a'), shape],
		['such a file in a subfolder', withFile('distributions/mdad/compiled.json', '{}'), shape],
		[
			'older than the current one',
			publisher.bundle('second', { made: '2022-09-07T09:59:59Z' }),
			'it is older than what I know',
		],
		['from the same moment', publisher.bundle('second'), 'made at the same moment'],
		['from the future', publisher.bundle('second', { made: '2022-09-12T10:00:00Z' }), 'in the future'],
		[
			'read in the future',
			publisher.bundle('second', {
				...later,
				horizon: { release: '1.66.0', read: '2026-09-06' },
				files: filesOf('second', '2026-09-06'),
			}),
			'it claims to be from 2026-09-06, which is in the future',
		],
		[
			'read on a day that does not exist',
			publisher.bundle('second', {
				...later,
				horizon: { release: '1.66.0', read: '2022-09-31' },
				files: filesOf('second', '2022-09-31'),
			}),
			shape,
		],
		[
			'with an earlier reading date',
			publisher.bundle('second', { ...later, horizon: { release: '1.66.0', read: '2022-09-05' } }),
			'it is older than what I know',
		],
		[
			'of an older release',
			publisher.bundle('second', { ...later, horizon: { release: '1.65.0', read: '2022-09-06' } }),
			'it is older than what I know',
		],
		[
			'of an older Glia that knew as much',
			publisher.bundle('second', { ...later, glia: '0.9.0' }),
			'it is older than what I know',
		],
		[
			'claiming more than its files',
			publisher.bundle('second', { ...later, horizon: { release: '1.67.0', read: '2022-09-06' } }),
			'its files go up to a different release',
		],
		['a note that breaks a rule', withFile(note, noteText({ possible: '1.67.0' })), rules],
		['a note with the wrong shape', withFile(note, noteText({ must: 'perhaps' })), rules],
		['a note with HTML', withFile(note, noteText({ text: 'See <script>alert(1)</script>.' })), rules],
		['a note of a missing release', withFile('synapse/notes/1.99.0.yaml', noteText()), rules],
		['a note that is not YAML', withFile(note, 'notes: ['), rules],
		[
			'a word that a newer Glia knows',
			withFile(note, noteText({ colour: 'red' }), { glia: '1.1.0' }),
			'it needs Glia 1.1.0',
		],
		['no releases', withFiles(files => files.delete('synapse/releases.json')), rules],
		['no passages', withFiles(files => files.delete('synapse/upstream.json')), rules],
		['a table that is missing', withFiles(files => files.delete(tableFile('options'))), rules],
		['a table that is not JSON', withFile(tableFile('routes'), '{'), rules],
		[
			'a table of another kind',
			withFile(tableFile('options'), filesOf('second').get(tableFile('routes')) ?? ''),
			rules,
		],
		[
			'a table whose releases are none',
			withFile(tableFile('admin'), JSON.stringify({ read: ['1.0.0', 'newest'], entries: [] })),
			rules,
		],
		[
			'a table whose changes go backwards',
			withFile(
				tableFile('admin'),
				JSON.stringify({
					read: ['1.0.0'],
					entries: [
						{
							key: 'a',
							changes: [
								['1.2.0', 'any'],
								['1.1.0', null],
							],
						},
					],
				}),
			),
			rules,
		],
		[
			'a deadline on a day that does not exist',
			withFile(note, noteText({ deadline: '{ subject: Pigeons, at: { date: "2027-02-30" }, promised: They go. }' })),
			rules,
		],
		[
			'a release from a day that does not exist',
			withFiles(files => {
				const name = 'synapse/releases.json';
				files.set(name, (files.get(name) ?? '').replace(/"date":"\d{4}-\d\d-\d\d"/, '"date":"2022-99-99"'));
			}),
			rules,
		],
		...lazy.flatMap((name): [string, string, string][] => [
			[`no ${name}`, withFiles(files => files.delete(name)), rules],
			[`a list as ${name}`, withFile(name, '[]'), rules],
			[`a deep list as ${name}`, withFile(name, `${'['.repeat(3000)}${']'.repeat(3000)}`), rules],
		]),
		['some of the notes', withFiles(files => files.delete(note)), 'it has only 3 notes, but I know 5'],
	];
	test.each(cases)('%s', async (_, text, why) => {
		const bot = await informed();
		serveSigned(text);
		expect(await lookAgain(bot)).toContain(why);
		expect(markOf(bot)).toBe('first');
		// Nothing of the bundle is left behind, and a valid one is accepted afterwards.
		expect(readdirSync(join(bot.path, 'knowledge'))).toHaveLength(1);
		serveSigned(good);
		expect(await lookAgain(bot)).toBe('taken');
		expect(markOf(bot)).toBe('second');
	});

	test.each([
		['1.0.0', 'it lacks `lifecycles/python.yaml`, which I need'],
		['1.1.0', 'it needs Glia 1.1.0'],
	])('without a file that commands refer to by name, made by Glia %s', async (glia, why) => {
		const python =
			'releases: [{ version: "3.9", released: 2020-10-05, ends: 2025-10-31 }]\nlink: https://example.org/\n';
		const file = ['lifecycles/python.yaml', python] as const;
		const bot = await openBot({ own: await editionWith(new Map([...filesOf('own'), file])) });
		serveSigned(withFiles(files => void files.set('lifecycles/snake.yaml', python), { glia }));
		expect(await look(bot)).toBe(why);
		expect(markOf(bot)).toBe('own');
		serveSigned(withFile(...file, { glia }));
		expect(await lookAgain(bot)).toBe('taken');
	});

	test('a bundle above the size limit', async () => {
		const bot = await informed();
		serveSigned(`${good}${' '.repeat(maxBundle)}`);
		expect(await lookAgain(bot)).not.toBe('taken');
		expect(markOf(bot)).toBe('first');
	});
});

describe('trouble on the network', () => {
	const cases: [name: string, how: (request: IncomingMessage, response: ServerResponse) => void][] = [
		['neither bundle nor signature', (_, response) => void response.writeHead(404).end()],
		[
			'no signature',
			(request, response) => void (request.url?.endsWith('.sig') ? response.writeHead(404).end() : response.end(good)),
		],
		[
			'no bundle',
			(request, response) =>
				void (request.url?.endsWith('.sig') ? response.end(signature) : response.writeHead(404).end()),
		],
		['a server error', (_, response) => void response.writeHead(500).end('{}')],
		['a rate limit', (_, response) => void response.writeHead(429, { 'retry-after': '60' }).end()],
		[
			'a redirect to a forbidden address',
			(request, response) => void response.writeHead(302, { location: `https://${banned}${request.url}` }).end(),
		],
		[
			'a redirect without TLS',
			(request, response) => void response.writeHead(302, { location: `http://${ours}${request.url}` }).end(),
		],
		['a redirect loop', (request, response) => void response.writeHead(302, { location: request.url }).end()],
		[
			'a response that breaks off',
			(_, response) => {
				response.writeHead(200, { 'content-length': '5000' });
				response.write(good.slice(0, 100), () => response.destroy());
			},
		],
		[
			'a response that is too large',
			(request, response) => void response.end(request.url?.endsWith('.sig') ? signature : 'a'.repeat(maxBundle + 1)),
		],
		['an endless signature', (_, response) => void response.end('a'.repeat(5000))],
		[
			'a compressed response that is too large',
			(request, response) =>
				void response
					.writeHead(200, { 'content-encoding': 'gzip' })
					.end(request.url?.endsWith('.sig') ? gzipSync(signature) : gzipSync('a'.repeat(maxBundle + 1))),
		],
	];
	test.each(cases)('%s', async (_, how) => {
		const bot = await informed();
		answer = how;
		expect(await lookAgain(bot)).not.toBe('taken');
		expect(markOf(bot)).toBe('first');
		expect(world.trespasses).toBe(0);
	});

	test('follows redirects and reads compressed responses', async () => {
		const bot = await informed();
		answer = (request, response) => {
			if (!request.url?.startsWith('/new/'))
				return void response.writeHead(301, { location: `/new${request.url}` }).end();
			response.writeHead(200, { 'content-encoding': 'gzip' });
			response.end(gzipSync(request.url.endsWith('.sig') ? signature : good));
		};
		expect(await lookAgain(bot)).toBe('taken');
		expect(markOf(bot)).toBe('second');
	});

	test('does not fetch a bundle again that it has loaded or rejected', async () => {
		const bot = await informed();
		const asked: (string | undefined)[] = [];
		const paths = (text: string) => (request: IncomingMessage, response: ServerResponse) => {
			asked.push(request.url);
			response.end(request.url?.endsWith('.sig') ? publisher.sign(text) : text);
		};
		answer = paths(publisher.bundle('first'));
		expect(await lookAgain(bot)).toBe('taken');
		expect(asked).toEqual(['/knowledge.json.sig']);
		let at = now.getTime();
		const bundle = { address: `https://${ours}/knowledge.json`, hours: 1, ...bot.updates };
		const web = await world.web({ bundle }, () => new Date(at));
		answer = paths(withFile(note, noteText({ must: 'perhaps' })));
		for (let hour = 0; hour < 3; hour++, at += 2 * 3600_000) await web.readBundle();
		expect(asked.slice(1)).toEqual([
			'/knowledge.json.sig',
			'/knowledge.json',
			'/knowledge.json.sig',
			'/knowledge.json.sig',
		]);
		expect(web.bundleLook()?.trouble).toMatchObject({ refusal: { is: 'mistakes' } });
	});
});

/** Checks once an hour, with the same process and `check` for the bundle's files; returns what was asked for. */
async function hourly(check: typeof checkEdition, looks: number): Promise<{ asked: string[]; words: string[] }> {
	const setup = { keys: [publisher.key], glia: '1.0.0', path: temporary(), now: () => now, log: silence, check };
	const updates = await openUpdates({ ...setup, own: await editionWith(filesOf('own')) });
	let at = now.getTime();
	const bundle = { address: `https://${ours}/knowledge.json`, hours: 1, ...updates };
	const web = await world.web({ bundle }, () => new Date(at));
	const asked: string[] = [];
	const words: string[] = [];
	const served = answer;
	answer = (request, response) => {
		asked.push(String(request.url));
		served(request, response);
	};
	for (; words.length < looks; at += 2 * 3600_000) {
		await web.readBundle();
		const trouble = web.bundleLook()?.trouble;
		words.push(trouble ? bundleTroubleWords(trouble) : 'taken');
	}
	return { asked, words };
}

describe('a check that fails for a reason that may pass', () => {
	const full = Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' });
	test.each([
		['a full disk', full, 'I cannot save it in the folder of my store: `ENOSPC`'],
		['a thread without memory', Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }), 'ERR_WORKER'],
		['an internal error', new Error('oops'), 'I could not finish checking it: `an internal error`'],
	])('is repeated at the next look: %s', async (_, error, why) => {
		serveSigned(good);
		let fails = 2;
		const { words } = await hourly(folder => (fails-- > 0 ? Promise.reject(error) : checkEdition(folder)), 3);
		expect(words).toEqual([expect.stringContaining(why), expect.stringContaining(why), 'taken']);
	});

	test('is not mistaken for mistakes in the bundle', async () => {
		const folder = folderWith(filesOf('second'));
		// Nothing can be written where the compiled file belongs.
		mkdirSync(new URL('compiled.json', folder));
		await expect(checkEdition(folder)).rejects.toMatchObject({ syscall: 'rename' });
	});
});

test('fetches a bundle that was only signed again once', async () => {
	serveSigned(good);
	let signatures = 0;
	const served = answer;
	// From the second look on, the same signature without its line feed, as OpenSSL writes it.
	answer = (request, response) => {
		if (request.url?.endsWith('.sig') && signatures++ > 0) return void response.end(publisher.sign(good).trim());
		served(request, response);
	};
	const { asked, words } = await hourly(checkEdition, 4);
	expect(words).toEqual(['taken', 'taken', 'taken', 'taken']);
	expect(asked.filter(path => !path.endsWith('.sig'))).toHaveLength(2);
});

test('loads a new publication at the next check, an hour after the last one', async () => {
	const bot = await openBot();
	let at = now.getTime();
	const bundle = { address: `https://${ours}/knowledge.json`, hours: 1, ...bot.updates };
	const web = await world.web({ bundle }, () => new Date(at));
	serveSigned(publisher.bundle('first'));
	await web.readBundle();
	expect(markOf(bot)).toBe('first');
	serveSigned(good);
	at += 56 * 60_000;
	await web.readBundle();
	expect(markOf(bot)).toBe('first');
	at += 8 * 60_000;
	await web.readBundle();
	expect(markOf(bot)).toBe('second');
});

describe('after a restart', () => {
	test('starts with the last good bundle, without a request', async () => {
		const { path, own } = await informed();
		answer = (_, response) => void response.writeHead(500).end();
		const bot = await openBot({ path, own });
		expect(markOf(bot)).toBe('first');
		expect(bot.updates.edition().publication).toEqual({ author: 'The pigeon fanciers', made: '2022-09-07T10:00:00Z' });
	});

	test('still rejects older bundles', async () => {
		const { path, own } = await informed();
		const bot = await openBot({ path, own });
		serveSigned(publisher.bundle('second', { made: '2022-09-07T09:00:00Z' }));
		expect(await look(bot)).toContain('it is older than what I know');
		expect(markOf(bot)).toBe('first');
	});

	test("starts with the program's own knowledge if the key has changed", async () => {
		const { path, own } = await informed();
		const bot = await openBot({ path, own, keys: [stranger.key] });
		expect(markOf(bot)).toBe('own');
		const theirs = stranger.bundle('theirs', { made: '2022-09-01T10:00:00Z' });
		serve(theirs, stranger.sign(theirs));
		expect(await look(bot)).toBe('taken');
		expect(markOf(bot)).toBe('theirs');
	});

	test('accepts either of two keys', async () => {
		const { path, own } = await informed();
		const bot = await openBot({ path, own, keys: [stranger.key, publisher.key] });
		expect(markOf(bot)).toBe('first');
		const theirs = stranger.bundle('theirs', later);
		serve(theirs, stranger.sign(theirs));
		expect(await look(bot)).toBe('taken');
		expect(markOf(bot)).toBe('theirs');
	});

	test('starts with the knowledge of a newer program that knows more', async () => {
		const { path } = await informed();
		const own = await editionWith(filesOf('newer', '2022-09-07'));
		const bot = await openBot({ path, own, glia: '1.1.0' });
		expect(markOf(bot)).toBe('newer');
		serveSigned(publisher.bundle('first'));
		expect(await look(bot)).toBe('taken');
		expect(markOf(bot)).toBe('newer');
		serveSigned(good);
		expect(await look({ ...bot, web: (await openBot({ path, own, glia: '1.1.0' })).web })).toContain('it is older');
	});

	test('checks the stored bundle again if the program has changed', async () => {
		const { path, own } = await informed();
		const checks: string[] = [];
		const bot = await openUpdates({
			keys: [publisher.key],
			own,
			glia: '0.9.9',
			path,
			now: () => now,
			log: silence,
			check: async folder => {
				checks.push(folder.href);
				return { mistakes: ['synapse/notes/1.64.0.yaml:1:1 not so'] };
			},
		});
		expect(checks).toHaveLength(1);
		expect(bot.edition()).toBe(own);
		expect(bot.signature()).toBeUndefined();
	});

	test.each([
		['the bundle is truncated', (folder: string) => truncateSync(join(folder, 'bundle.json'), 100)],
		['the signature is gone', (folder: string) => rmSync(join(folder, 'bundle.json.sig'))],
		['the record of the check is gone', (folder: string) => rmSync(join(folder, 'checked.json'))],
	])('fetches the bundle again if %s', async (_, damage) => {
		const { path, own } = await informed();
		const [name = ''] = readdirSync(join(path, 'knowledge'));
		damage(join(path, 'knowledge', name));
		const bot = await openBot({ path, own });
		expect(markOf(bot)).toBe('own');
		serveSigned(publisher.bundle('first'));
		expect(await look(bot)).toBe('taken');
		expect(markOf(bot)).toBe('first');
	});

	test.each([
		['is truncated', (file: URL) => truncateSync(file, 10)],
		['is empty, as after a power cut', (file: URL) => truncateSync(file, 0)],
		['is missing', (file: URL) => rmSync(file)],
	])('unpacks the bundle again if one of its files %s', async (_, damage) => {
		const { path, own } = await informed();
		const [name = ''] = readdirSync(join(path, 'knowledge'));
		// Only read when an answer needs it.
		damage(pathToFileURL(join(path, 'knowledge', name, 'files', tableFile('options'))));
		answer = (_, response) => void response.writeHead(500).end();
		const bot = await openBot({ path, own });
		expect(markOf(bot)).toBe('first');
		expect(readdirSync(join(path, 'knowledge'))).toEqual([name]);
	});

	test('keeps the current knowledge if nothing can be stored', async () => {
		const path = temporary();
		writeFileSync(join(path, 'knowledge'), 'no folder');
		const bot = await openBot({ path });
		serveSigned(good);
		expect(await look(bot)).toBe('I cannot save it in the folder of my store: `ENOTDIR`');
		expect(markOf(bot)).toBe('own');
		rmSync(join(path, 'knowledge'));
		expect(await lookAgain(bot)).toBe('taken');
		expect(markOf(bot)).toBe('second');
	});

	test('accepts the same bundle with the signature of another key', async () => {
		const { path, own } = await informed();
		const bot = await openBot({ path, own, keys: [publisher.key, stranger.key] });
		const text = publisher.bundle('first');
		serve(text, stranger.sign(text));
		expect(await look(bot)).toBe('taken');
		expect(markOf(bot)).toBe('first');
	});

	test('deletes leftovers of a killed process, and old bundles once no process can be using them', async () => {
		const { path, own } = await informed();
		const folder = join(path, 'knowledge');
		const old = (name: string) => utimesSync(join(folder, name), 0, new Date(Date.now() - 8 * 24 * 3600_000));
		writeFileSync(join(folder, '20220909T100000Z-0123456789ab.77'), 'half');
		for (const name of readdirSync(folder)) old(name);
		const bot = await openBot({ path, own });
		expect(markOf(bot)).toBe('first');
		serveSigned(good);
		expect(await look(bot)).toBe('taken');
		// The previous bundle is still there, because answers in progress, and other processes, read from it.
		expect(readdirSync(folder)).toHaveLength(2);
		await openBot({ path, own });
		expect(readdirSync(folder)).toHaveLength(2);
		for (const name of readdirSync(folder)) old(name);
		await openBot({ path, own });
		expect(readdirSync(folder)).toHaveLength(1);
	});
});

describe('processes that share a folder', () => {
	test('leave alone what another process is reading or unpacking', async () => {
		const slow = await informed();
		const { path, own } = slow;
		const quick = await openBot({ path, own });
		const read = readBundle(good);
		if ('refusal' in read) throw new Error('the bundle cannot be read');
		const unpacked = openBundles(path).unpack(read.bundle, { text: good, signature });
		for (const [mark, made] of [
			['second', '2022-09-08T10:00:00Z'],
			['third', '2022-09-09T10:00:00Z'],
		] as const) {
			serveSigned(publisher.bundle(mark, { made }));
			expect(await lookAgain(quick)).toBe('taken');
		}
		await openBot({ path, own });
		// Only read now, from the files of the first bundle.
		await expect(slow.updates.edition().distributions.commits()).resolves.toEqual({ '2022-09-06': '000000000' });
		expect(existsSync(unpacked.files)).toBe(true);
		unpacked.drop();
	});

	test('leave alone what another process has been reading for weeks', async () => {
		const slow = await informed();
		const { path, own } = slow;
		const folder = join(path, 'knowledge');
		for (const name of readdirSync(folder))
			utimesSync(join(folder, name), 0, new Date(Date.now() - 15 * 24 * 3600_000));
		const quick = await openBot({ path, own });
		serveSigned(good);
		expect(await look(quick)).toBe('taken');
		await openBot({ path, own });
		// Only read now, from the files of the first bundle.
		await expect(slow.updates.edition().distributions.commits()).resolves.toEqual({ '2022-09-06': '000000000' });
	});

	test('can load the same bundle at the same time', async () => {
		const path = temporary();
		const own = await editionWith(filesOf('own'));
		const bots = await Promise.all([openBot({ path, own }), openBot({ path, own })]);
		serveSigned(good);
		expect(await Promise.all(bots.map(look))).toEqual(['taken', 'taken']);
		expect(bots.map(markOf)).toEqual(['second', 'second']);
		expect(readdirSync(join(path, 'knowledge'))).toHaveLength(1);
	});
});

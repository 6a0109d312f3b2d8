// The command line: read, and what it asks for built. Knows everyone; only the entry knows it.

import { accessSync, constants } from 'node:fs';
import { commands } from '../../commands/index.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { usualLimits } from '../advice/watch/subscription.ts';
import { Refusal } from '../answer.ts';
import type { Ports } from '../command.ts';
import { parseTerm } from '../deployment/facts.ts';
import { openLater } from '../edges/store/lazy.ts';
import { openCode } from '../knowledge/code-tables.ts';
import { openKnowledge } from '../knowledge/compiled.ts';
import type { Web } from '../ports/web.ts';
import { jsonLine } from '../render/json.ts';
import { converse, say } from './console.ts';

const usage = `Glia ${packageJson.version} advises the people who run Synapse homeservers.

  npm start                                a conversation on the terminal
  npm start -- --config config.yaml        join Matrix
  npm start -s -- say '!upgrade 1.56 1.69' answer once
  npm start -s -- say -                    answer each line of standard input
  npm start -s -- check homeserver.yaml    what a release does to a configuration
  npm start -s -- seeds --config config.yaml   print the bot's identity, to be kept elsewhere like a password

  say options   --json         one line of JSON an answer
                --file PATH    a file that the command speaks of (repeatable)
                --config PATH  the configuration
  check FILE…   files, folders, or - for standard input; also facts, --json,
                --from 1.98    the release that runs
                --to 1.163     the target; without it the newest
  --version, --help

Exit status: 0 answered, 1 refused, 2 the target would refuse to start, 3 our fault.`;

type Line = {
	mode: 'converse' | 'say' | 'seeds' | 'matrix' | 'version' | 'usage';
	json: boolean;
	config?: string;
	files: string[];
	said: string[];
};

/** The command line, read; a Refusal says what is wrong with it. */
function readLine(words: readonly string[]): Line {
	const line: Line = { mode: 'converse', json: false, files: [], said: [] };
	const rest = [...words];
	if (rest[0] === 'check') return readCheckLine(rest.slice(1), line);
	if (rest[0] === 'say' || rest[0] === 'seeds') {
		line.mode = rest[0];
		rest.shift();
	}
	for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
		const [flag = '', inline] = /^--(config|file)=/.test(word) ? word.split(/=(.*)/s) : [word];
		if (word === '--version') return { ...line, mode: 'version' };
		if (word === '--help' || word === '-h') return { ...line, mode: 'usage' };
		if (word === '--json' && line.mode === 'say') line.json = true;
		else if (flag === '--config' || (flag === '--file' && line.mode === 'say')) {
			const path = inline ?? rest.shift();
			if (path === undefined || path === '')
				throw new Refusal(`${flag} needs a path: ${flag} ${flag === '--file' ? 'homeserver.yaml' : 'config.yaml'}`);
			if (flag === '--file') line.files.push(path);
			else line.config = path;
		} else if (line.mode === 'say' && (word === '-' || !word.startsWith('-'))) line.said.push(word);
		else throw new Refusal(`I do not know the option ${word}.\n\n${usage}`);
	}
	if (line.mode === 'say' && line.said.join('').trim() === '')
		throw new Refusal(`Say what? For example: npm start -s -- say '!upgrade 1.56 1.69'`);
	if (line.mode === 'seeds' && line.config === undefined)
		throw new Refusal('Whose seeds? For example: npm start -s -- seeds --config config.yaml');
	if (line.mode === 'converse' && line.config !== undefined) line.mode = 'matrix';
	return line;
}

/** `check FILE… [--from 1.98] [--to 1.163] [facts…]`, as a command with files. */
function readCheckLine(words: readonly string[], line: Line): Line {
	const versions: { from?: string; to?: string } = {};
	const facts: string[] = [];
	const rest = [...words];
	for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
		const [flag = '', inline] = /^--(from|to|file)=/.test(word) ? word.split(/=(.*)/s) : [word];
		if (word === '--help' || word === '-h') return { ...line, mode: 'usage' };
		if (word === '--json') line.json = true;
		else if (flag === '--from' || flag === '--to' || flag === '--file') {
			const value = inline ?? rest.shift();
			if (!value) throw new Refusal(`${flag} needs a ${flag === '--file' ? 'path' : 'release'}.`);
			if (flag === '--file') line.files.push(value);
			else versions[flag === '--from' ? 'from' : 'to'] = value;
		} else if (word.startsWith('-') && word !== '-') throw new Refusal(`I do not know the option ${word}.\n\n${usage}`);
		else if (parseTerm(word.toLowerCase())) facts.push(word);
		else line.files.push(word);
	}
	if (line.files.length === 0)
		throw new Refusal('Check which file? For example: npm start -s -- check homeserver.yaml --from 1.98');
	const range = [
		...(versions.from === undefined ? [] : ['from', versions.from]),
		...(versions.to ? [versions.to] : []),
	];
	return { ...line, mode: 'say', said: [`!check ${[...range, ...facts].join(' ')}`] };
}

/** A path that was mistyped is a mistake even where the command can do without the file. */
function needsFile(path: string): void {
	try {
		accessSync(path, constants.R_OK);
	} catch {
		throw new Refusal(`${path}: cannot be read.`);
	}
}

/** Does what the command line says; resolves to the exit status. */
export async function run(): Promise<number> {
	try {
		return await serve();
	} catch (error) {
		return fail(error);
	}
}

async function serve(): Promise<number> {
	const line = readLine(process.argv.slice(2));
	if (line.mode === 'version') {
		process.stdout.write(`${packageJson.version}\n`);
		return 0;
	}
	if (line.mode === 'usage') {
		process.stdout.write(`${usage}\n`);
		return 0;
	}
	if (line.mode === 'seeds' && line.config !== undefined) {
		const { readConfig } = await import('../config.ts');
		const { printSeeds } = await import('./print-seeds.ts');
		return printSeeds(readConfig(line.config, process.env));
	}
	const folder = new URL('../../knowledge/', import.meta.url);
	const knowledge = await openKnowledge(folder);
	const startedAt = new Date();
	const ports: Ports = {
		knowledge,
		code: openCode(folder),
		commands,
		now: () => new Date(),
		health: { version: packageJson.version, startedAt, lastSync: () => undefined },
		store: openLater(),
		web: webLater(),
		limits: usualLimits,
	};
	if (line.mode === 'matrix' && line.config !== undefined) {
		// Loaded only here: the console needs none of it, and starts in half the time.
		const { readConfig } = await import('../config.ts');
		const config = readConfig(line.config, process.env);
		// The SDK's old HTTP library, which we replace, announces its age at each start: nothing that anybody here can mend.
		process.noDeprecation = true;
		const { runMatrix } = await import('./run-bot.ts');
		return runMatrix(config, { commands, ports });
	}
	if (line.mode === 'say' && line.config) needsFile(line.config);
	if (line.mode === 'say') {
		const { readGiven } = await import('./given-files.ts');
		const files = readGiven(line.files);
		return say(line.said.join(' '), { json: line.json, commands, ports, ...(files.length && { files }) });
	}
	return converse({ commands, ports });
}

/** Servers, looked at by the default configuration, once somebody first asks for one. */
function webLater(): Pick<Web, 'observe'> {
	let opened: Promise<Web> | undefined;
	return {
		async observe(server, person) {
			opened ??= import('./live-knowledge.ts').then(({ openPlainWeb }) => openPlainWeb(packageJson.version));
			return (await opened).observe(server, person);
		},
	};
}

/** The end of a run that could not answer: a sentence for a person, or one line of JSON for a script that asked for it. */
function fail(error: unknown): number {
	const ours = !(error instanceof Refusal);
	const text = error instanceof Error ? error.message : String(error);
	if (process.argv.includes('--json'))
		process.stdout.write(`${jsonLine({ format: 1, [ours ? 'error' : 'refused']: text })}\n`);
	else process.stderr.write(`${ours && error instanceof Error ? error.stack : text}\n`);
	return ours ? 3 : 1;
}

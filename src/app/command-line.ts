// Parses the command line into a task and its arguments, without doing anything.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { Refusal } from '../answer.ts';
import { parseTerm } from '../deployment/facts.ts';

export type Invocation =
	| { is: 'converse' }
	| { is: 'matrix'; config: string }
	| { is: 'seeds'; config: string }
	| { is: 'check-config'; config: string }
	| { is: 'backup'; to: string; config: string }
	/** A location that is absent comes from the configuration. */
	| { is: 'move-store'; from?: string; to?: string; config?: string }
	/**
	 * `said` is `-` to read lines from standard input. `maxBytes`: how much of a file to read, if it is not a
	 * configuration.
	 */
	| { is: 'say'; said: string; json: boolean; all?: true; files: string[]; maxBytes?: number; config?: string }
	| { is: 'version' }
	| { is: 'usage' };

/** The help text. The version is printed above it. */
export const usage = `
  npm start                                chat in the terminal
  npm start -- --config config.yaml        connect to Matrix
  npm start -s -- say '!upgrade 1.56 1.69' answer once
  npm start -s -- say -                    answer each line of standard input
  npm start -s -- check homeserver.yaml    what a release means for a configuration
  npm start -s -- why synapse.log          what an error or log message means
  npm start -s -- check-config --config config.yaml   check the bot's configuration
  npm start -s -- backup PATH --config config.yaml   back up the store and the keys (the bot may be running)
  npm start -s -- move-store --from ./data --to postgres://glia@db.example.org/glia   move the store (the bot must be stopped)
  npm start -s -- seeds --config config.yaml   print the bot's identity; protect it like a password

  say options   --json         one line of JSON for each answer
                --all          everything that the first screen leaves out
                --file PATH    a file for the command (repeatable)
                --config PATH  the configuration
  check FILE…   files, folders, or - for standard input; also facts, --json,
                --from 1.98    the current release
                --to 1.163     the target (default: the newest)
  why [FILE]    reads standard input if FILE is - or omitted; also accepts releases, facts, --json
  --version, --help

Exit status: 0 answered, 1 refused, 2 the target would refuse to start, 3 an internal error.`;

const config = { type: 'string' } as const;
const json = { type: 'boolean' } as const;
const all = { type: 'boolean' } as const;
const file = { type: 'string', multiple: true } as const;

/** What an option requires, for the message about a missing value. */
const needs: Readonly<Record<string, string>> = {
	config: 'a path: --config config.yaml',
	file: 'a path: --file homeserver.yaml',
	from: 'a release: --from 1.98',
	to: 'a release: --to 1.163',
};

/** The parsed words of a subcommand: the values of each option, and the other words. */
type SubcommandWords = { values: ReadonlyMap<string, readonly string[]>; rest: readonly string[] };

type Subcommand = {
	options: ParseArgsOptionsConfig;
	/** Whether it accepts words other than options. */
	takesWords: boolean;
	read: (words: SubcommandWords) => Invocation;
};

/** By name; the default has an empty one. A new one needs an entry here, in the usage text, and in cli.ts. */
const subcommands: Readonly<Record<string, Subcommand>> = {
	'': {
		options: { config },
		takesWords: false,
		read({ values }) {
			const path = values.get('config')?.at(-1);
			return path === undefined ? { is: 'converse' } : { is: 'matrix', config: path };
		},
	},
	say: { options: { json, all, file, config }, takesWords: true, read: readSay },
	check: {
		options: { json, file, from: { type: 'string' }, to: { type: 'string' } },
		takesWords: true,
		read: readCheck,
	},
	why: { options: { json, file }, takesWords: true, read: readWhy },
	seeds: {
		options: { config },
		takesWords: false,
		read({ values }) {
			const path = values.get('config')?.at(-1);
			if (path === undefined) throw new Refusal('Whose seeds? For example: npm start -s -- seeds --config config.yaml');
			return { is: 'seeds', config: path };
		},
	},
	backup: {
		options: { config },
		takesWords: true,
		read({ values, rest: [to, ...more] }) {
			const path = values.get('config')?.at(-1);
			if (to === undefined || path === undefined || more.length > 0)
				throw new Refusal('Back up to where? For example: npm start -s -- backup ./backup --config config.yaml');
			return { is: 'backup', to, config: path };
		},
	},
	'move-store': {
		options: { config, from: { type: 'string' }, to: { type: 'string' } },
		takesWords: false,
		read({ values }) {
			const [from, to, path] = ['from', 'to', 'config'].map(name => values.get(name)?.at(-1));
			if ((from === undefined || to === undefined) && (path === undefined || from === to)) {
				const example = 'npm start -s -- move-store --from ./data --to postgres://glia@db.example.org/glia';
				throw new Refusal(`Move which store where? For example: ${example}`);
			}
			return {
				is: 'move-store',
				...(from !== undefined && { from }),
				...(to !== undefined && { to }),
				...(path !== undefined && { config: path }),
			};
		},
	},
	'check-config': {
		options: { config },
		takesWords: false,
		read({ values }) {
			const path = values.get('config')?.at(-1);
			if (path === undefined)
				throw new Refusal('Check which configuration? For example: npm start -s -- check-config --config config.yaml');
			return { is: 'check-config', config: path };
		},
	},
};

/** Parses the words after the program's name. Throws a Refusal that says what is wrong with them. */
export function readCommandLine(words: readonly string[]): Invocation {
	const [first = ''] = words;
	const name = Object.hasOwn(subcommands, first) ? first : '';
	const { options, takesWords, read } = subcommands[name] as Subcommand;
	const { tokens } = parseArgs({
		args: words.slice(name === '' ? 0 : 1),
		options: { ...options, version: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
		allowPositionals: true,
		// Its own error messages are not written for our users.
		strict: false,
		tokens: true,
	});
	const values = new Map<string, string[]>();
	const rest: string[] = [];
	for (const token of tokens) {
		if (token.kind === 'option-terminator') continue;
		if (token.kind === 'positional') {
			if (!takesWords) throw unknown(token.value, name === '' ? 'command' : 'option');
			rest.push(token.value);
			continue;
		}
		if (token.name === 'version' || token.name === 'help') return { is: token.name === 'help' ? 'usage' : 'version' };
		const type = Object.hasOwn(options, token.name) ? options[token.name]?.type : undefined;
		if (type === undefined) throw unknown(token.rawName);
		if (type === 'string' && (!token.value || isOption(token))) {
			const place = name === 'move-store' && token.name !== 'config';
			const what = place ? `a folder or an address: ${token.rawName} ./data` : needs[token.name];
			throw new Refusal(`${token.rawName} needs ${what}`);
		}
		if (type === 'boolean' && token.value !== undefined) throw new Refusal(`${token.rawName} takes no value.`);
		values.set(token.name, [...(values.get(token.name) ?? []), token.value ?? '']);
	}
	return read({ values, rest });
}

/** Whether the value of an option is the next option: its own was forgotten. A file may be called `-a`. */
function isOption({ value, inlineValue }: { value?: string | undefined; inlineValue?: boolean | undefined }): boolean {
	return inlineValue === false && value !== undefined && value.startsWith('--');
}

function readSay({ values, rest }: SubcommandWords): Invocation {
	const said = rest.join(' ');
	if (said.trim() === '') throw new Refusal(`Say what? For example: npm start -s -- say '!upgrade 1.56 1.69'`);
	const path = values.get('config')?.at(-1);
	const files = [...(values.get('file') ?? [])];
	const all = values.has('all') && { all: true as const };
	return { is: 'say', said, json: values.has('json'), files, ...all, ...(path !== undefined && { config: path }) };
}

/** `check` is short for `say` with files: every word that is not a fact is a file. */
function readCheck({ values, rest }: SubcommandWords): Invocation {
	const isFact = (word: string) => parseTerm(word.toLowerCase()) !== undefined;
	const files = [...(values.get('file') ?? []), ...rest.filter(word => !isFact(word))];
	if (files.length === 0)
		throw new Refusal('Check which file? For example: npm start -s -- check homeserver.yaml --from 1.98');
	const from = values.get('from')?.at(-1);
	const to = values.get('to')?.at(-1);
	const range = [...(from === undefined ? [] : ['from', from]), ...(to === undefined ? [] : [to])];
	return { is: 'say', said: `!check ${[...range, ...rest.filter(isFact)].join(' ')}`, json: values.has('json'), files };
}

/** The maximum size of a log in bytes. One byte more is read, so that a longer log is refused rather than cut off. */
const maxLog = 10_000_000;

/** So is `why`: every word that is neither a fact nor a release is a file. Without a file, it reads standard input. */
function readWhy({ values, rest }: SubcommandWords): Invocation {
	const isContext = (word: string) =>
		parseTerm(word.toLowerCase()) !== undefined || /^v?1\.\d{1,3}(\.\d{1,3})?(rc\d{1,3})?$/.test(word);
	const named = [...(values.get('file') ?? []), ...rest.filter(word => !isContext(word))];
	const files = named.length ? named : ['-'];
	return {
		is: 'say',
		said: `!why ${rest.filter(isContext).join(' ')}`,
		json: values.has('json'),
		files,
		maxBytes: maxLog,
	};
}

function unknown(word: string, what: 'option' | 'command' = 'option'): Refusal {
	return new Refusal(`I do not recognise the ${what} ${word}.\n${usage}`);
}

// What Synapse wants where it refuses to start, in our words: what it is about, and what to do.
import type { Want } from '../advice/why/refusals.ts';
import { capital, enumerate } from '../text/format.ts';
import { code } from '../text/markdown.ts';

type RefusalWords = { title: string; cause: string; fix: string };

const types = {
	text: ['text', 'put the value in quotes'],
	list: ['a list', 'write each entry on a line of its own, with a dash before it'],
	mapping: ['a mapping', 'write `name: value` lines below it, indented; an empty one is left out'],
	number: ['a number in its range', 'write it without quotes and units'],
	boolean: ['true or false', 'write one of them, without quotes'],
	duration: ['a duration', 'write milliseconds as a number, or a number with a unit: `30s`, `10m`, `2h`, `7d`'],
	size: ['a size', 'write bytes as a number, or a number with a unit: `50M`'],
	url: ['an address that Synapse can read', 'write it whole, with `https://` in front'],
} as const satisfies Record<Extract<Want, { is: 'type' }>['type'], readonly [string, string]>;

/** `options`: those that the message is about, none where nobody knows. `place`: the file of the code. */
export function refusalWords(want: Want, options: readonly string[], place: string): RefusalWords {
	const names = enumerate(options.map(code));
	const it = names || 'an option';
	const refuses = names ? `Synapse refuses ${names}` : 'Synapse refuses its configuration';
	const many = options.length > 1;
	switch (want.is) {
		case 'type': {
			const [what, how] = types[want.type];
			return {
				title: refuses,
				cause: `The value of ${it} must be ${what}.`,
				fix: `Correct ${it}: ${how}.`,
			};
		}
		case 'library':
			return {
				title: 'A library that the configuration needs is missing',
				cause: `${names ? `${names} needs` : 'Something in the configuration needs'} the Python library ${code(want.name)}, and Synapse’s environment does not have it.`,
				fix: `Install ${code(want.name)} in the environment that starts Synapse, or take the feature out of the configuration.`,
			};
		case 'floor':
			return {
				title: `This Synapse requires ${want.of} ${want.least} or newer`,
				cause: `Synapse looked at the version of ${want.of} and stopped.`,
				fix: `Start the old release again, upgrade ${want.of}${/postgres/i.test(want.of) ? ' (`!postgres`)' : ''}, then Synapse.`,
			};
		default: {
			const [title, cause, fix] = sentences[want.is]({ it, names, refuses, many, where: code(place) });
			return { title, cause: capital(cause), fix };
		}
	}
}

/** What the sentences are about. `it`, `names`: the options, `names` empty where nobody knows them. */
type RefusalParts = { it: string; names: string; refuses: string; many: boolean; where: string };

type Sentences = [title: string, cause: string, fix: string];

const sentences: Record<Exclude<Want['is'], 'type' | 'library' | 'floor'>, (words: RefusalParts) => Sentences> = {
	insecure: ({ names }) => [
		'Synapse refuses a setting that is insecure',
		`This is allowed only if you insist on it explicitly${names ? ` (${names})` : ''}.`,
		'Undo the setting, or insist on it with the option that the message names.',
	],
	exclusive: ({ it, names, refuses, many }) => [
		many ? `${names} exclude each other` : refuses,
		many ? `${names} must not be set together.` : `${it} contradicts another option that is set.`,
		many ? 'Keep one of them and delete the rest.' : `Delete ${it} or the option that the message names with it.`,
	],
	'inline-secret': ({ names }) => [
		`${names || 'A secret'} is in the file, and Synapse was started with --no-secrets-in-config`,
		`With ${code('--no-secrets-in-config')} no secret may be in the configuration itself${names ? `, and ${names} is` : ''}.`,
		`Move the secret into a file and name that with the option that ends in ${code('_path')}, or start without ${code('--no-secrets-in-config')}.`,
	],
	'mas-excludes': ({ it, names }) => [
		`${names || 'An option'} does not go together with Matrix Authentication Service`,
		`Matrix Authentication Service does the logins, so Synapse refuses ${it}.`,
		`Delete ${it} (or set it to false) and set up the same in Matrix Authentication Service.`,
	],
	removed: ({ it, names }) => [
		`${names || 'An option'} is gone`,
		`This release no longer knows ${it}, and refuses to start while it is set.`,
		`Delete ${it}; the message says what takes its place, if anything does.`,
	],
	file: ({ names }) => [
		names ? `A file that ${names} names cannot be read` : 'Synapse cannot read a file that its configuration names',
		`The file or folder${names ? ` that ${names} names` : ''} is missing, not readable for Synapse’s user, or has the wrong content.`,
		'Correct the path, or the owner and the rights of the file; in a container it is the path inside that counts.',
	],
	needs: ({ it, names, many }) => [
		names ? `Something is missing beside ${names}` : 'Something is missing in the configuration',
		many
			? `${names} belong together, and one is missing or says something else.`
			: `${it} is missing, or needs another option beside it.`,
		`Write the missing option, or take out the one that needs it.`,
	],
	'one-of': ({ it, refuses }) => [
		refuses,
		`${it} has a value that this release does not know.`,
		`Write one of the values that the message or the manual lists for ${it}.`,
	],
	order: ({ it, refuses }) => [
		refuses,
		`Of two values that belong together (${it}) the lower limit is above the upper one.`,
		'Correct one of the two.',
	],
	instance: ({ names }) => [
		'The workers in the configuration do not fit together',
		`A process, or a stream that a worker writes, is not set up the way this release requires${names ? ` (${names})` : ''}.`,
		`Compare ${code('instance_map')}, ${code('stream_writers')} and the worker’s file: each name must be in ${code('instance_map')}, and each stream have as many writers as it may.`,
	],
	'unix-socket': () => [
		'This listener cannot use a UNIX socket',
		`A listener for metrics or manhole has a ${code('path')}.`,
		`Give that listener a ${code('port')}.`,
	],
	listener: ({ names }) => [
		'A listener is not set up the way Synapse requires',
		`One of ${code('listeners')} names a resource that does not exist, or lacks its port, path or mapping.`,
		`Correct ${names || code('listeners')} as the message says.`,
	],
	database: () => [
		'Synapse refuses the database as it is set up',
		`The block ${code('database')} or the database itself (encoding, collation) is not what Synapse wants.`,
		`Correct ${code('database')}; a new database for Synapse is created with ${code("ENCODING 'UTF8' LC_COLLATE='C' LC_CTYPE='C' TEMPLATE template0")}.`,
	],
	schema: () => [
		'The database and this release do not fit together',
		'Synapse compared the schema of the database with its own, and stopped.',
		`Start the main process of the newest release that ran on this database; ${code('!rollback')} says which older ones may.`,
	],
	duplicate: ({ names, refuses }) => [
		refuses,
		`A name or a token occurs twice${names ? ` (${names})` : ''}.`,
		'Change one of the two.',
	],
	module: () => [
		'A module does not have what Synapse calls',
		'The Python class that the configuration names lacks methods, or is too old or too new for this release.',
		'Upgrade that module, or take it out of the configuration until it fits.',
	],
	value: ({ it, refuses }) => [
		refuses,
		`The value of ${it} cannot be read by this release.`,
		`Correct ${it} as the message says.`,
	],
	bug: ({ where }) => [
		'Synapse hit a case that should not happen',
		`It says so in ${where}: the fault is in its code or its installation, not in your configuration.`,
		'Reinstall the release; if the error remains, report it to Synapse with the whole traceback.',
	],
	place: ({ names, refuses, where }) => [
		refuses,
		`Synapse refuses to start in ${where}${names ? `, about ${names}` : ''}.`,
		`Read the message: it is about ${names || `what ${where} reads`}.`,
	],
};

// Why Synapse refuses to start, in our words: the subject, the cause, and what to do.
import type { Want } from '../advice/why/refusals.ts';
import { capital, enumerate } from '../text/format.ts';
import { code } from '../text/markdown.ts';

type RefusalWords = { title: string; cause: string; fix: string };

const types = {
	text: ['text', 'put the value in quotes'],
	list: ['a list', 'write each entry on its own line, after a dash'],
	mapping: ['a mapping', 'write indented `name: value` lines under it; if it is empty, remove it'],
	number: ['a number within the allowed range', 'write it without quotes or units'],
	boolean: ['true or false', 'write one of them, without quotes'],
	duration: ['a duration', 'write milliseconds as a number, or a number with a unit: `30s`, `10m`, `2h`, `7d`'],
	size: ['a size', 'write bytes as a number, or a number with a unit: `50M`'],
	url: ['a valid URL', 'write it in full, with `https://` in front'],
} as const satisfies Record<Extract<Want, { is: 'type' }>['type'], readonly [string, string]>;

/** `options`: those that the message is about, empty if unknown. `place`: the source file. */
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
				cause: `${names ? `${names} needs` : 'Something in the configuration needs'} the Python library ${code(want.name)}, which is missing from Synapse's environment.`,
				fix: `Install ${code(want.name)} in the environment that starts Synapse, or remove the feature from the configuration.`,
			};
		case 'floor':
			return {
				title: `This Synapse requires ${want.of} ${want.least} or newer`,
				cause: `Synapse checked the version of ${want.of} and stopped.`,
				fix: `Start the old release again, upgrade ${want.of}${/postgres/i.test(want.of) ? ' (`!postgres`)' : ''}, then Synapse.`,
			};
		default: {
			const [title, cause, fix] = sentences[want.is]({ it, names, refuses, many, where: code(place) });
			return { title, cause: capital(cause), fix };
		}
	}
}

/** The subject of the sentences. `it`, `names`: the options; `names` is empty if they are unknown. */
type RefusalParts = { it: string; names: string; refuses: string; many: boolean; where: string };

type Sentences = [title: string, cause: string, fix: string];

const sentences: Record<Exclude<Want['is'], 'type' | 'library' | 'floor'>, (words: RefusalParts) => Sentences> = {
	insecure: ({ names }) => [
		'Synapse refuses an insecure setting',
		`Synapse allows this only if you confirm it explicitly${names ? ` (${names})` : ''}.`,
		'Undo the setting, or confirm it with the option named in the message.',
	],
	exclusive: ({ it, names, refuses, many }) => [
		many ? `${names} cannot be used together` : refuses,
		many ? `You can set only one of ${names}.` : `${it} conflicts with another option.`,
		many ? 'Keep one of them and delete the others.' : `Delete ${it} or the other option named in the message.`,
	],
	'inline-secret': ({ names }) => [
		`${names || 'A secret'} is in the file, and Synapse was started with --no-secrets-in-config`,
		`With ${code('--no-secrets-in-config')}, the configuration itself must not contain secrets${names ? `, but it has ${names}` : ''}.`,
		`Move the secret into a file and name the file in the option that ends in ${code('_path')}, or start without ${code('--no-secrets-in-config')}.`,
	],
	'mas-excludes': ({ it, names }) => [
		`${names || 'An option'} cannot be used with Matrix Authentication Service`,
		`Matrix Authentication Service handles logins, so Synapse refuses ${it}.`,
		`Delete ${it} (or set it to false) and set up the equivalent in Matrix Authentication Service.`,
	],
	removed: ({ it, names }) => [
		`${names || 'An option'} was removed`,
		`This release no longer supports ${it}, and refuses to start while it is set.`,
		`Delete ${it}; the message names the replacement, if there is one.`,
	],
	file: ({ names }) => [
		names ? `The file set in ${names} cannot be read` : 'Synapse cannot read a file named in its configuration',
		`The file or folder${names ? ` set in ${names}` : ''} is missing, not readable by Synapse's user, or has the wrong content.`,
		'Correct the path, or the owner and permissions of the file; in a container, use the path inside the container.',
	],
	needs: ({ it, names, many }) => [
		names ? `${names} depends on an option that is missing` : 'An option is missing in the configuration',
		many
			? `${names} belong together, but one is missing or different.`
			: `${it} is not set, or an option that it needs is missing.`,
		`Add the missing option, or remove the one that needs it.`,
	],
	'one-of': ({ it, refuses }) => [
		refuses,
		`${it} has a value that this release does not accept.`,
		`Use one of the values that the message or the manual lists for ${it}.`,
	],
	order: ({ it, refuses }) => [
		refuses,
		`The lower limit is higher than the upper one (${it}).`,
		'Correct one of the two.',
	],
	instance: ({ names }) => [
		'The worker configuration is inconsistent',
		`A process, or a stream that a worker writes, is not set up as this release requires${names ? ` (${names})` : ''}.`,
		`Compare ${code('instance_map')}, ${code('stream_writers')} and the worker's file: each name must be in ${code('instance_map')}, and no stream may have more writers than it supports.`,
	],
	'unix-socket': () => [
		'This listener cannot use a Unix socket',
		`A listener for metrics or manhole has a ${code('path')}.`,
		`Give that listener a ${code('port')}.`,
	],
	listener: ({ names }) => [
		'A listener is not set up as Synapse requires',
		`One of ${code('listeners')} names a resource that does not exist, or is missing its port, path or mapping.`,
		`Correct ${names || code('listeners')} as the message says.`,
	],
	database: () => [
		'Synapse refuses the database configuration',
		`The ${code('database')} block or the database itself (encoding, collation) is not what Synapse requires.`,
		`Correct ${code('database')}; create a new database for Synapse with ${code("ENCODING 'UTF8' LC_COLLATE='C' LC_CTYPE='C' TEMPLATE template0")}.`,
	],
	schema: () => [
		'The database does not match this release',
		'Synapse compared the database schema with its own, and stopped.',
		`Start the main process of the newest release that ran on this database; ${code('!rollback')} says which older ones can run on it.`,
	],
	duplicate: ({ names, refuses }) => [
		refuses,
		`A name or token occurs twice${names ? ` (${names})` : ''}.`,
		'Change one of the two.',
	],
	module: () => [
		'A module is incompatible with this release',
		'The configured Python class lacks methods that Synapse calls, or is too old or too new for this release.',
		'Upgrade the module, or remove it from the configuration until it is compatible.',
	],
	value: ({ it, refuses }) => [
		refuses,
		`This release cannot read the value of ${it}.`,
		`Correct ${it} as the message says.`,
	],
	bug: ({ where }) => [
		'Synapse hit an internal error',
		`The message comes from ${where}: the bug is in Synapse or its installation, not in your configuration.`,
		'Reinstall the release. If the error remains, report it to Synapse with the full traceback.',
	],
	place: ({ names, refuses, where }) => [
		refuses,
		`Synapse refuses to start in ${where}${names ? `, because of ${names}` : ''}.`,
		`Read the message: it is about ${names || `what ${where} reads`}.`,
	],
};

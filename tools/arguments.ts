// The arguments of the tools: `--help`, and a refusal of what a tool does not know.
import { type ParseArgsConfig, parseArgs } from 'node:util';

type Given<Options extends NonNullable<ParseArgsConfig['options']>> = ReturnType<
	typeof parseArgs<{ options: Options; allowPositionals: true }>
>;

/**
 * The options and words that a tool was started with. Ends the process with status 0 after `--help`, and with status 1
 * after an option that does not exist. `most`: how many words the tool takes; absent: any number.
 */
export function readArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
	usage: string,
	options: Options,
	most?: number,
): Given<Options> {
	const help = { type: 'boolean', short: 'h' } as const;
	try {
		const { values, positionals } = parseArgs({ options: { ...options, help }, allowPositionals: true });
		const { help: isHelp, ...others } = values as Given<Options>['values'] & { help?: boolean };
		if (isHelp) {
			console.log(usage);
			process.exit(0);
		}
		const [extra] = most === undefined ? [] : positionals.slice(most);
		if (extra !== undefined) refuse(`Unexpected argument: ${extra}.`, usage);
		return { values: others, positionals } as Given<Options>;
	} catch (error) {
		// Node.js adds a sentence about arguments that begin with a hyphen.
		return refuse(`${(error as Error).message.split('. ')[0]}.`, usage);
	}
}

/** Ends the process with status 1 after a sentence and, if given, the usage. */
export function refuse(sentence: string, usage?: string): never {
	console.error(usage === undefined ? sentence : `${sentence}\n${usage}`);
	process.exit(1);
}

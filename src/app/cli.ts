// Runs what the command line asks for, with everything it needs. May import anything; only the entry point imports it.

import { accessSync, constants } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import { usualLimits } from '../advice/watch/subscription.ts';
import { Refusal } from '../answer.ts';
import type { Ports } from '../command.ts';
import { openLater } from '../edges/store/lazy.ts';
import type { Edition } from '../knowledge/edition.ts';
import type { Web } from '../ports/web.ts';
import { jsonLine } from '../render/json.ts';
import { commandsFor } from './called-commands.ts';
import { type Invocation, readCommandLine, usage } from './command-line.ts';
import { endWithReader, say } from './console.ts';
import { openOwnEdition } from './own-edition.ts';

/** A mistyped path is a mistake even if the command works without the file. */
function needsFile(path: string): void {
	try {
		accessSync(path, constants.R_OK);
	} catch {
		throw new Refusal(`${path}: cannot be read.`);
	}
}

/** Runs what the command line asks for; resolves to the exit status. */
export async function run(): Promise<number> {
	process.stdout.on('error', endWithReader);
	try {
		return await serve();
	} catch (error) {
		return fail(error);
	}
}

async function serve(): Promise<number> {
	const task = readCommandLine(process.argv.slice(2));
	if (task.is === 'version') {
		process.stdout.write(`${packageJson.version}\n`);
		return 0;
	}
	if (task.is === 'usage') {
		process.stdout.write(`Glia ${packageJson.version} advises administrators of Synapse homeservers.\n${usage}\n`);
		return 0;
	}
	if (task.is === 'seeds') {
		const { readConfig } = await import('../config.ts');
		const { printSeeds } = await import('./print-seeds.ts');
		return printSeeds(readConfig(task.config, process.env));
	}
	if (task.is === 'backup') {
		const { readStore } = await import('../config.ts');
		const { runBackup } = await import('./backup.ts');
		return runBackup(task.to, readStore(task.config, process.env));
	}
	if (task.is === 'move-store') {
		const { placesOf } = await import('./store-places.ts');
		const { moveStore } = await import('./move-store.ts');
		const { from, to } = placesOf(task, process.env);
		return moveStore(from, to);
	}
	if (task.is === 'check-config') {
		const { checkConfig } = await import('./check-config.ts');
		return checkConfig(task.config, process.env, packageJson.version);
	}
	const { knowledge, code, distributions } = await editionFor(task);
	const commands = await commandsFor(task.is === 'say' ? task.said : undefined);
	const startedAt = new Date();
	const ports: Ports = {
		knowledge,
		code,
		distributions,
		commands,
		now: () => new Date(),
		health: { version: packageJson.version, startedAt, lastSync: () => undefined },
		store: openLater(),
		web: webLater(),
		limits: usualLimits,
	};
	if (task.is === 'matrix') {
		// Loaded only here: the console needs none of it, and starts in half the time.
		const { readConfig } = await import('../config.ts');
		const settings = readConfig(task.config, process.env);
		// The SDK's old HTTP library, which we replace, causes a deprecation warning at each start, which we cannot fix.
		process.noDeprecation = true;
		const { runMatrix } = await import('./run-bot.ts');
		return runMatrix(settings, { commands, ports, reread: () => readConfig(task.config, process.env) });
	}
	if (task.is === 'converse') {
		const { converse } = await import('./conversation.ts');
		return converse({ commands, ports });
	}
	const files = task.files.length > 0 ? (await import('./given-files.ts')).readGiven(task.files, task.maxBytes) : [];
	return say(task.said, { json: task.json, all: task.all === true, commands, ports, ...(files.length && { files }) });
}

/** A script that names the bot's configuration gets answers from the knowledge that the bot is using. */
async function editionFor(task: Invocation): Promise<Edition> {
	const own = await openOwnEdition();
	if (task.is !== 'say' || task.config === undefined) return own;
	needsFile(task.config);
	const { readUpdates } = await import('../config.ts');
	const { path, keys } = readUpdates(task.config, process.env);
	if (keys.length === 0) return own;
	const { keptEdition } = await import('./knowledge-updates.ts');
	return keptEdition({ own, keys, path, glia: packageJson.version });
}

/** Polls servers with the default configuration; opened at the first poll. */
function webLater(): Pick<Web, 'observe'> {
	let opened: Promise<Web> | undefined;
	return {
		async observe(server, person) {
			opened ??= import('./live-knowledge.ts').then(({ openPlainWeb }) => openPlainWeb(packageJson.version));
			return (await opened).observe(server, person);
		},
	};
}

/** Ends a failed run with a sentence for people, or one line of JSON for a script that asked for it. */
function fail(error: unknown): number {
	const ours = !(error instanceof Refusal);
	const text = error instanceof Error ? error.message : String(error);
	if (process.argv.includes('--json'))
		process.stdout.write(`${jsonLine({ format: 1, [ours ? 'error' : 'refused']: text })}\n`);
	else process.stderr.write(`${ours && error instanceof Error ? error.stack : text}\n`);
	return ours ? 3 : 1;
}

// Glia in its own process, for tests with a real homeserver: it can be started, stopped, killed and restarted.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseState, folderState, newDatabase } from './bot-state.ts';
import type { Homeserver } from './synapse.ts';

const script = join(import.meta.dirname, 'bot-process.ts');

export type BotOptions = {
	/** Who may invite; by default everyone. */
	allow?: string[];
	/** More options for the configuration's `matrix` section. */
	matrix?: Record<string, unknown>;
	/** An address to use instead of the homeserver's, such as a proxy's. */
	url?: string;
	/** A script to run instead of bot-process.ts, and its arguments after the configuration. */
	script?: [string, ...string[]];
	/** The program itself instead of a script. */
	program?: string;
	/** Where its store is if it is not in its folder. */
	store?: Record<string, unknown>;
	/** Uses the token from the registration instead of the password. */
	byToken?: boolean;
	/** Uses the account of this other bot, with a separate store. */
	as?: { userId: string; password: string };
};

export type Bot = Awaited<ReturnType<typeof makeBot>>;

/** Creates an account and a configuration for a bot. `start` starts it, `remove` deletes its folder. */
export async function makeBot(home: Homeserver, options: BotOptions = {}) {
	const dir = mkdtempSync(join(tmpdir(), 'glia-bot-'));
	const password = options.as?.password ?? randomUUID();
	const account = options.as
		? { userId: options.as.userId, accessToken: '' }
		: await home.registerUser(`bot-${randomUUID().slice(0, 8)}`, password);
	const configPath = join(dir, 'config.yaml');
	const url = options.store === undefined ? await newDatabase() : undefined;
	const store: Record<string, unknown> = { path: './data', ...(options.store ?? (url && { postgres: url })) };
	const config = {
		matrix: {
			homeserver: options.url ?? home.url,
			user: account.userId,
			...(options.byToken ? { accessToken: account.accessToken } : { password }),
			allow: options.allow ?? ['*'],
			...options.matrix,
		},
		store,
		live: { enabled: false },
		log: { level: process.env.GLIA_TEST_LOG ?? 'info' },
	};
	writeFileSync(configPath, JSON.stringify(config));
	let child: ChildProcess | undefined;
	const children: ChildProcess[] = [];
	let output = '';
	const bot = {
		userId: account.userId,
		password,
		dir,
		configPath,
		/** Everything that it stores. */
		state: typeof store.postgres === 'string' ? await databaseState(store.postgres) : folderState(dir, configPath),
		/** Everything that it has written to standard error. */
		output: () => output,
		pid: () => child?.pid,
		/** Starts the process. Resolves once it is in sync, and rejects if it ends before. */
		async start(): Promise<void> {
			const from = output.length;
			const started = bot.spawn();
			while (!output.slice(from).includes('in sync with the homeserver')) {
				if (started.exitCode !== null || started.signalCode !== null) {
					throw new Error(`the bot ended (${started.exitCode ?? started.signalCode}):\n${output.slice(from)}`);
				}
				await new Promise(resolve => setTimeout(resolve, 20));
			}
		},
		/** Starts the process without waiting. */
		spawn(): ChildProcess {
			const [of, ...more] = options.script ?? [script];
			const words = options.program ? [options.program, '--config', configPath] : [of, configPath, ...more];
			child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
			children.push(child);
			child.stderr?.on('data', chunk => {
				output += chunk;
			});
			return child;
		},
		/** Resolves with the exit status or the signal. */
		async ended(): Promise<number | string | null> {
			if (!child) return null;
			if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
			return child.exitCode ?? child.signalCode;
		},
		async stop(): Promise<number | string | null> {
			child?.kill('SIGTERM');
			return bot.ended();
		},
		async kill(): Promise<void> {
			child?.kill('SIGKILL');
			await bot.ended();
		},
		/** Ends every process that was started, even a second one on the same store. */
		async remove(): Promise<void> {
			for (const started of children) {
				started.kill('SIGKILL');
				if (started.exitCode === null && started.signalCode === null) await once(started, 'exit');
			}
			rmSync(dir, { recursive: true, force: true });
		},
	};
	return bot;
}

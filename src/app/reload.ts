// Re-reads part of the configuration on SIGHUP: the log level, who may invite, and the watch's limits. Other
// changes need a restart, and the log says so.
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config.ts';
import type { Level, Log } from '../runtime/log.ts';

type ReloadLog = Log & { setLevel: (level: Level) => void };
type Reloading = { log: ReloadLog; reread: () => Config };

/** Options that can change while the bot runs. */
export const reloadable = ['log.level', 'matrix.allow', 'watch.perRoom', 'watch.perPerson'] as const;

const levels: readonly Level[] = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'];

/** What SIGHUP does instead of ending the bot. Undefined on a terminal, which sends SIGHUP when it is closed. */
export function onHangUp(
	config: Config,
	{ log, reread }: { log: ReloadLog; reread: Reloading['reread'] | undefined },
): (() => void) | undefined {
	if (!reread || process.stdin.isTTY || process.stderr.isTTY) return undefined;
	return () => reload(config, { log, reread });
}

/** Applies reloadable changes to `config`. A configuration with mistakes changes nothing. */
export function reload(config: Config, { log, reread }: Reloading): void {
	let fresh: Config;
	try {
		fresh = reread();
	} catch (error) {
		log.error(
			{ why: error instanceof Error ? error.message : String(error) },
			'the configuration has mistakes: nothing was reloaded',
		);
		return;
	}
	const changed = changes(config, fresh);
	const taken = changed.filter(isReloadable);
	config.matrix.allow = fresh.matrix.allow;
	config.watch.perRoom = fresh.watch.perRoom;
	config.watch.perPerson = fresh.watch.perPerson;
	// Log at the more verbose of the two levels, so that the message appears whichever way it changed.
	const isLouder = levels.indexOf(fresh.log.level) > levels.indexOf(config.log.level);
	config.log.level = fresh.log.level;
	if (isLouder) log.setLevel(fresh.log.level);
	log.info({ changed: taken }, 'the configuration was reloaded');
	log.setLevel(fresh.log.level);
	const left = changed.filter(option => !isReloadable(option));
	if (left.length > 0) log.warn({ options: left }, 'these options need a restart');
}

function isReloadable(option: string): boolean {
	return reloadable.some(name => name === option);
}

/** The names of the options that differ; never their values, since some are secret. */
function changes(before: unknown, after: unknown, path: readonly string[] = []): string[] {
	if (isDeepStrictEqual(before, after)) return [];
	if (!isSection(before) || !isSection(after)) return [path.join('.')];
	const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...keys].flatMap(key => changes(before[key], after[key], [...path, key]));
}

function isSection(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

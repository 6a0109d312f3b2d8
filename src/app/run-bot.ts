// Runs the bot as the only process on its store, until a signal.
import type { Config } from '../config.ts';
import { keysIn } from '../edges/matrix/keys.ts';
import { writeTrouble } from '../edges/store/disk.ts';
import { openStore } from '../edges/store/store.ts';
import { openLog } from '../runtime/log.ts';
import { type BotSetup, noteEnd, openBot, supervise, vitalsOf } from './bot.ts';
import { lastSteps, openEnding, statusOf } from './ending.ts';
import { reload } from './reload.ts';
import type { Supervision } from './supervision.ts';

/**
 * Runs in Matrix until a signal; resolves to the exit status. Throws a Refusal if the start fails or the
 * homeserver later locks us out; prints other faults to standard error in one sentence.
 */
export async function runMatrix(config: Config, setup: BotSetup): Promise<number> {
	const log = openLog(config.log.level, config.log.format);
	if (config.store.postgres) {
		const { runReplica } = await import('./run-replica.ts');
		return runReplica(config, setup, config.store.postgres);
	}
	const store = await openStore(config.store.path);
	const { reread } = setup;
	// Closing a terminal also sends SIGHUP: then it means the end.
	const mayReload = reread && !process.stdin.isTTY && !process.stderr.isTTY;
	const ending = openEnding(log, mayReload ? () => reload(config, { log, reread }) : undefined);
	const vitals = vitalsOf(setup);
	let supervision: Supervision | undefined;
	try {
		supervision = await supervise(config, setup, { log, store, vitals });
		const folder = config.store.path;
		const base = { log, store, keys: keysIn(folder), folder, ending, vitals, supervision };
		const bot = await openBot(config, setup, base);
		if (!bot) return 0;
		await ending.asked;
		supervision?.stopping();
		const { sentence, fault } = ending.reason();
		await bot.stop(fault === undefined && sentence === undefined ? 'deliver' : 'abandon');
		await noteEnd(config, store, fault === undefined ? sentence : fault.error);
	} catch (error) {
		await noteEnd(config, store, error).catch(() => undefined);
		throw error;
	} finally {
		ending.release();
		supervision?.close();
		await store.close();
		// A command that does not finish may not hold up the end; its message is decided at the next start.
		setTimeout(() => process.exit(), lastSteps).unref();
	}
	return statusOf(ending, log, (error, why) => faultSentence(error, why, config.store.path));
}

/** Only the database's own errors are about the disk: blaming it for others would mislead the operator. */
function faultSentence(fault: unknown, why: string, path: string): string {
	// Errors of the key store are complete sentences already.
	if (fault instanceof Error && fault.name === 'CryptoError') return why;
	const code = fault instanceof Error && 'code' in fault ? String(fault.code) : '';
	const isDisk = /^(ERR_SQLITE|ENOSPC|EIO|EROFS|EDQUOT|EACCES)/.test(code);
	const trouble = writeTrouble(path);
	if (isDisk || trouble !== undefined)
		return `Incoming or outgoing messages cannot be stored in ${path}: ${why}${trouble === undefined ? '' : `: ${trouble}`}`;
	return `Glia is stopping because of an internal error; see the log for details: ${why}`;
}

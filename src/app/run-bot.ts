// Runs the bot as the only process on its store, until a signal.
import type { Config } from '../config.ts';
import { keysIn } from '../edges/matrix/keys.ts';
import { writeTrouble } from '../edges/store/disk.ts';
import { openStore } from '../edges/store/store.ts';
import { openLog } from '../runtime/log.ts';
import { type BotSetup, noteEnd, openBot, supervise, vitalsOf } from './bot.ts';
import { faultSentence, lastSteps, openEnding, statusOf } from './ending.ts';
import { onHangUp } from './reload.ts';
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
	const ending = openEnding(log, onHangUp(config, { log, reread: setup.reread }));
	const vitals = vitalsOf(setup);
	let supervision: Supervision | undefined;
	try {
		supervision = await supervise(config, setup, { log, store, vitals });
		const folder = config.store.path;
		const base = { log, store, keys: keysIn(folder), folder, ending, vitals, supervision };
		const bot = await openBot(config, setup, base);
		// Without a bot the end has been requested already, perhaps for a reason.
		await ending.asked;
		supervision?.stopping();
		const { sentence, fault } = ending.reason();
		await bot?.stop(fault === undefined && sentence === undefined ? 'deliver' : 'abandon');
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
	return statusOf(ending, log, (error, why) => wordsOf(error, why, config.store.path));
}

/** Only the database's own errors are about the disk: blaming it for others would mislead the operator. */
function wordsOf(fault: unknown, why: string, path: string): string {
	const code = fault instanceof Error && 'code' in fault ? String(fault.code) : '';
	const isDisk = /^(ERR_SQLITE|ENOSPC|EIO|EROFS|EDQUOT|EACCES)/.test(code);
	const trouble = writeTrouble(path);
	const unstored = { place: path, ...(trouble !== undefined && { trouble }) };
	return faultSentence(fault, why, isDisk || trouble !== undefined ? unstored : undefined);
}

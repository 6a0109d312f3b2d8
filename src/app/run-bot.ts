// The bot in Matrix: the edges built, everything started and, at the end, stopped in order.
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../answer.ts';
import type { Respondent } from '../bot/calls.ts';
import { refusalToVerify } from '../bot/rights.ts';
import type { Ports } from '../command.ts';
import type { Config } from '../config.ts';
import { fillGaps } from '../delivery/backfill.ts';
import { openInbox } from '../delivery/inbox.ts';
import { answerInvitations } from '../delivery/invitations.ts';
import { noticeLoss } from '../delivery/lost-store.ts';
import { meantForUs } from '../delivery/meant.ts';
import { announce, explain } from '../delivery/notices.ts';
import { openOutbox } from '../delivery/outbox.ts';
import { sweep } from '../delivery/retention.ts';
import { followMoves } from '../delivery/room-upgrades.ts';
import { takeIn } from '../delivery/sync.ts';
import { connect } from '../edges/matrix/homeserver.ts';
import { hasKeys } from '../edges/matrix/keys.ts';
import { writeTrouble } from '../edges/store/disk.ts';
import { openStore } from '../edges/store/store.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import type { Incoming } from '../ports/homeserver.ts';
import type { Web } from '../ports/web.ts';
import { openLog } from '../runtime/log.ts';
import { openWorker } from '../runtime/worker.ts';
import { tick } from '../watch/poll.ts';
import { tellOfUpstream } from '../watch/upstream-outage.ts';
import { openOutside } from './live-knowledge.ts';

/** What is in hand at the end may take so long (ms); with closing, the process is gone within ten seconds. */
const lastDeliveries = 7000;
const lastSteps = 1000;
const hour = 3600_000;
/** A homeserver that has not answered for so long (ms) is away: what is decided meanwhile would come as a backlog. */
const deafAfter = 3 * 60_000;
/** How often at least it is asked whether rooms have to hear that upstream is silent, or back (ms). */
const upstreamPause = hour / 2;

type BotSetup = {
	commands: Respondent['commands'];
	ports: Ports;
	/** Between two looks at a server (ms), instead of what the configuration says. */
	every?: number;
	/** The servers and what is known of upstream, as a test plays them. */
	played?: { web: Pick<Web, 'observe'>; knowledge: () => Knowledge; sources?: Web['sources'] };
};

/**
 * Joins Matrix until a signal; resolves to the exit status. Throws a Refusal when the start, or later the homeserver,
 * does not let it go on; other faults are on standard error in one sentence.
 */
export async function runMatrix(config: Config, { commands, ports: given, every, played }: BotSetup): Promise<number> {
	const log = openLog(config.log.level);
	const { now } = given;
	const random = Math.random;
	const store = await openStore(config.store.path);
	let sentence: string | undefined;
	let fault: unknown;
	const ending = Promise.withResolvers<void>();
	const shutdown = new AbortController();
	const end = (why?: string) => {
		sentence ??= why;
		shutdown.abort();
		ending.resolve();
	};
	// By the signal, not in a race with the end: each race would leave something behind until then.
	const pause = (ms: number) => sleep(ms, undefined, { ref: false, signal: shutdown.signal }).catch(() => undefined);
	const fatal = (error: unknown) => {
		fault ??= error;
		end();
	};
	// A terminal that is closed sends SIGHUP: Node would die of it with everything in hand.
	const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
	const onSignal = (signal: string) => {
		log.info({ signal }, 'stopping');
		end();
	};
	for (const signal of signals) process.on(signal, onSignal);
	try {
		const version = given.health.version;
		const mayVerify = async (person: string, room: string | undefined) =>
			refusalToVerify(person, room === undefined ? undefined : ((await store.room(room))?.state ?? {}), config.matrix);
		const edges = { store, folder: config.store.path, log, version, now };
		const keysAlone = hasKeys(config.store.path) && (await store.owner()) === undefined;
		const homeserver = await connect(config, { ...edges, mayVerify, ending: shutdown.signal, locked: end, fatal });
		if (!homeserver) return 0;
		const account = await store.account();
		const stopping = () => shutdown.signal.aborted;
		const storeLost = await noticeLoss({ store, homeserver, keysAlone, now, random, log, stopping, pause });
		const outside = await openOutside(config, { knowledge: given.knowledge, kept: store.kept, version, now, log });
		const { hours, perRoom, perPerson } = config.watch;
		const sources = played?.sources ?? outside.web.sources;
		const limits = { every: every ?? hours * hour, perRoom, perPerson, keepDays: config.matrix.forgetAfterDays };
		const ports: Ports = {
			...given,
			get knowledge() {
				return played ? played.knowledge() : outside.knowledge();
			},
			store,
			web: played ? played.web : outside.web,
			limits,
			health: {
				...given.health,
				...(storeLost && { storeLost }),
				lastSync: homeserver.lastSync,
				device: homeserver.device,
				sources,
			},
		};
		// Not by the clock of the day, which may jump.
		let heardAt = Number.NEGATIVE_INFINITY;
		const listening = () => performance.now() - heardAt < deafAfter;
		const common = { store, homeserver, now, random, log, locked: end, stopping, pause };
		const name = homeserver.names()[0] ?? 'Glia';

		// Before the first sync of a start, and after one that failed, a room may have become encrypted.
		let ready = false;
		const since = () => account?.since ?? new Date(0);
		const outbox = openOutbox({ ...common, fatal, ready: () => ready, loginSince: since });
		const inbox = openInbox({
			store,
			homeserver,
			respondent: { commands, ports, log },
			rights: config.matrix,
			decided: outbox.wake,
			fatal,
		});
		const meant = (messages: readonly Incoming[]) => meantForUs(messages, { store, homeserver, commands });
		const refusals = new Map<string, number>();
		const gaps = openWorker(() => fillGaps({ ...common, meant, filled: inbox.wake, refusals }), fatal);
		const invitations = openWorker(() => answerInvitations({ ...common, allow: config.matrix.allow }), fatal);
		const reads = homeserver.device() !== undefined;
		const explanations = openWorker(() => explain({ store, now, said: outbox.wake }), fatal);
		const notices = openWorker(() => announce({ store, now, name, reads, log, said: outbox.wake }), fatal);
		const moves = openWorker(
			() =>
				followMoves({
					...common,
					allow: config.matrix.allow,
					changes: config.matrix.changes,
					knowledge: () => ports.knowledge,
					moved: outbox.wake,
					dropped: () => invitations.wake(),
				}),
			fatal,
		);
		const sweeping = { ...common, graceDays: config.matrix.forgetAfterDays };
		const tidier = openWorker(() => store.tidy().then(() => undefined), fatal);
		const sweeper = openWorker(() => sweep(sweeping).then(() => undefined), fatal, hour);
		const watching = {
			...common,
			web: ports.web,
			knowledge: () => ports.knowledge,
			said: outbox.wake,
			every: limits.every,
			listening,
		};
		const watch = openWorker(() => tick(watching), fatal);
		const silence = { ...common, sources, listening, knowledge: watching.knowledge, said: outbox.wake };
		const upstream = openWorker(() => tellOfUpstream(silence), fatal, Math.min(upstreamPause, limits.every));
		const reader = openWorker(() => outside.web.readNews().then(() => undefined), fatal);
		const workers = [gaps, invitations, notices, explanations, moves];
		const hurry = () => {
			for (const worker of [gaps, invitations, moves]) worker.wake();
		};
		for (const worker of [...workers, inbox, outbox, sweeper, tidier, reader, watch, upstream]) worker.wake();

		const intake = takeIn({
			...common,
			meant,
			unreachable: why => end(`The homeserver ${config.matrix.homeserver} cannot be reached: ${why}.`),
			taken(batch, back) {
				if (!ready) {
					ready = true;
					outbox.wake();
				}
				const silent = !listening();
				heardAt = performance.now();
				if (silent) for (const worker of [watch, upstream]) worker.wake();
				// Only those that have something to do: what each of them asks the store, the answer to a command waits for.
				const changed = batch.joined.some(({ state }) => Object.keys(state).length > 0);
				if (batch.joined.some(({ messages }) => messages.length > 0)) inbox.wake();
				if (changed || batch.joined.some(({ gap }) => gap !== undefined)) gaps.wake();
				if (changed) notices.wake();
				if (batch.joined.some(({ unreadable = [] }) => unreadable.length > 0)) explanations.wake();
				if (batch.invited.length > 0) invitations.wake();
				if (changed || batch.invited.length > 0) moves.wake();
				if (back) outbox.back().then(hurry, fatal);
			},
			missed() {
				ready = false;
			},
		}).catch(fatal);

		await ending.promise;
		if (fault === undefined && sentence === undefined) {
			const begun = Date.now();
			await Promise.race([inbox.stop(), sleep(lastDeliveries, undefined, { ref: false })]);
			await outbox.stop(lastDeliveries - (Date.now() - begun));
		} else await homeserver.abandon();
		await homeserver.close();
		outside.web.close();
		const working = [...workers, inbox, sweeper, tidier, reader, watch, upstream];
		const ends = [intake, outbox.stop(0), inbox.looked(), ...working.map(worker => worker.stop())];
		await Promise.race([Promise.all(ends), sleep(lastSteps, undefined, { ref: false })]);
	} finally {
		for (const signal of signals) process.off(signal, onSignal);
		await store.close();
		// A command that does not end keeps the process no longer; its message is decided at the next start.
		setTimeout(() => process.exit(), lastSteps).unref();
	}
	if (fault !== undefined) {
		log.error({ err: fault }, 'stopping for a fault of ours');
		const why = fault instanceof Error ? fault.message : String(fault);
		process.stderr.write(`${faultSentence(fault, why, config.store.path)}.\n`);
		return 3;
	}
	if (sentence !== undefined) throw new Refusal(sentence);
	return 0;
}

/** Only the database's own faults are about the disk: sending the operator there for any other would mislead. */
function faultSentence(fault: unknown, why: string, path: string): string {
	// Those of the keys are whole sentences already.
	if (fault instanceof Error && fault.name === 'CryptoError') return why;
	const code = fault instanceof Error && 'code' in fault ? String(fault.code) : '';
	const isDisk = /^(ERR_SQLITE|ENOSPC|EIO|EROFS|EDQUOT|EACCES)/.test(code);
	const trouble = writeTrouble(path);
	if (isDisk || trouble !== undefined)
		return `What came in or goes out cannot be kept in ${path}: ${why}${trouble === undefined ? '' : `: ${trouble}`}`;
	return `Glia stops for a fault of its own, which the log describes: ${why}`;
}

// Replicas on one PostgreSQL, and what can happen to them: they are killed, stopped, cut off or held up, or their
// database or homeserver is restarted.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bot, type BotOptions, makeBot } from './bot.ts';
import { supervise } from './lives.ts';
import { startPostgres } from './postgres.ts';
import type { Homeserver, Synapse } from './synapse.ts';

type Member = { bot: Bot; line: Line; supervised?: ReturnType<typeof supervise> };

export type Replicas = Awaited<ReturnType<typeof openReplicas>>;

/** Starts replicas of one bot, each with its own connection to the database. Resolves once the first is in sync. */
export async function openReplicas(
	synapse: Homeserver & Partial<Pick<Synapse, 'restart'>>,
	count: number,
	options: Pick<BotOptions, 'script'> = {},
) {
	const database = await startPostgres(17);
	const url = new URL(await database.database());
	const members: Member[] = [];
	/** Milliseconds from each fault of a leader until another replica led. */
	const takeovers: number[] = [];
	const done = new Map<string, number>();
	const account = { userId: '', password: '' };
	for (let i = 0; i < count; i++) {
		const line = await openLine(database.port);
		const address = new URL(url);
		address.port = String(line.port);
		const as = i === 0 ? {} : { as: { ...account } };
		const bot = await makeBot(synapse, { ...options, ...as, store: { postgres: address.href } });
		if (i === 0) Object.assign(account, { userId: bot.userId, password: bot.password });
		const member: Member = { bot, line };
		members.push(member);
		if (i === 0) await bot.start();
		else bot.spawn();
		// A supervisor restarts the bot whenever it ends, for whatever reason.
		member.supervised = supervise(bot);
	}
	const [first] = members;
	if (!first) throw new TypeError('no replicas');

	/** Who holds the lease according to the database. */
	async function leader(): Promise<Lead | undefined> {
		const [row] = await database
			.query(
				`SELECT fence::int AS fence, until > clock_timestamp() AS held, holder FROM glia.lease`,
				url.pathname.slice(1),
			)
			.catch(() => []);
		return row as Lead | undefined;
	}

	/**
	 * The leader and its process. On a busy machine, a new leader holds the lease for some time before it logs that, and
	 * after a restart the database does not respond at first. A fault before that would hit nobody.
	 */
	async function known(): Promise<{ before: Lead; leads: Member }> {
		for (const begun = Date.now(); ; await sleep(100)) {
			const before = await leader();
			const { holder } = before ?? {};
			const leads = holder ? members.find(({ bot }) => bot.output().includes(holder)) : undefined;
			if (before?.held && leads) return { before, leads };
			if (Date.now() - begun > takeoverTimeout) throw new Error(`no replica leads: ${JSON.stringify(before)}`);
		}
	}

	return {
		/** Any of the replicas: they share one account. */
		bot: first.bot,
		members,
		/** The rows of a query on the store. */
		rows: (sql: string) => database.query(`SET search_path TO glia; ${sql}`, url.pathname.slice(1)),
		/** Kills all replicas, which their supervisors restart. Resolves once one leads. */
		async restart(): Promise<void> {
			for (const { bot } of members) await bot.kill();
			const before = await leader();
			for (;;) {
				const now = await leader();
				if (now?.held && now.fence !== before?.fence) return;
				await sleep(200);
			}
		},
		/** Causes a fault. If it hits the leader, resolves with that replica once another one leads. */
		async fault(i: number, kinds: readonly Fault[] = everyFault): Promise<Bot | undefined> {
			const { before, leads } = await known();
			const kind = kinds[i % kinds.length] ?? 'kill';
			done.set(kind, (done.get(kind) ?? 0) + 1);
			const at = Date.now();
			const hit = kind === 'follower' ? members.find(member => member !== leads) : leads;
			if (kind === 'database') await database.restart();
			else if (kind === 'homeserver') await synapse.restart?.();
			else if (hit) await hurt(kind, hit);
			if (kind === 'follower' || kind === 'database' || kind === 'homeserver') return undefined;
			while (Date.now() - at < takeoverTimeout) {
				const now = await leader();
				if (now?.held && now.fence !== before.fence) {
					takeovers.push(Date.now() - at);
					return hit?.bot;
				}
				await sleep(100);
			}
			console.log(`nobody took over from a fault: ${kind}; before ${JSON.stringify(before)}`);
			for (const { bot } of members) console.log(bot.output().split('\n').slice(-12).join('\n'));
			return undefined;
		},
		/** The faults, and how quickly other replicas took over. */
		summary(): string[] {
			const sorted = takeovers.toSorted((a, b) => a - b);
			const p95 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? 0;
			return [
				[...done].map(([name, times]) => `${name} ${times}`).join(', '),
				`${takeovers.length} take-overs, p95 ${(p95 / 1000).toFixed(1)} s`,
			];
		},
		async remove(): Promise<void> {
			for (const { supervised } of members) supervised?.end();
			for (const { bot, line } of members) {
				await bot.remove();
				line.close();
			}
			await database.stop();
		},
	};
}

type Fault = (typeof everyFault)[number];

const everyFault = [
	'kill',
	'stop',
	'cut',
	'stall',
	'kill',
	'stop',
	'kill',
	'database',
	'follower',
	'homeserver',
] as const;

/** The longest wait for another leader, in milliseconds. */
const takeoverTimeout = 120_000;

/** A stopped leader wakes up after this many milliseconds, long after another has taken over. */
export const stopFor = 14_000;

type Lead = { fence: number; held: boolean; holder: string | null };

async function hurt(kind: Fault, { bot, line }: Member): Promise<void> {
	const pid = bot.pid();
	if (kind === 'kill' || kind === 'follower') await bot.kill();
	else if (kind === 'stop' && pid !== undefined) {
		process.kill(pid, 'SIGSTOP');
		// It continues in the middle of whatever it was doing.
		setTimeout(() => process.kill(pid, 'SIGCONT'), stopFor);
	} else if (kind === 'cut') line.cut(12_000);
	else if (kind === 'stall') line.stall(14_000);
}

type Line = { port: number; cut: (ms: number) => void; stall: (ms: number) => void; close: () => void };

/** A connection to the database that can be cut or silently held up. */
async function openLine(to: number): Promise<Line> {
	const pairs = new Set<[Socket, Socket]>();
	let closed = false;
	const server: Server = createServer(near => {
		if (closed) return void near.destroy();
		const far = connect(to, '127.0.0.1');
		const pair: [Socket, Socket] = [near, far];
		pairs.add(pair);
		for (const [one, other] of [pair, [far, near] as const]) {
			one.pipe(other);
			one.on('error', () => other.destroy());
			one.on('close', () => {
				other.destroy();
				pairs.delete(pair);
			});
		}
	});
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	const place = server.address();
	return {
		port: typeof place === 'object' && place ? place.port : 0,
		cut(ms) {
			closed = true;
			for (const pair of pairs) for (const end of pair) end.destroy();
			setTimeout(() => (closed = false), ms);
		},
		stall(ms) {
			const held = [...pairs];
			for (const pair of held) for (const end of pair) end.pause();
			setTimeout(() => {
				for (const pair of held) for (const end of pair) end.resume();
			}, ms);
		},
		close: () => server.close(),
	};
}

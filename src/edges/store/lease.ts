// Elects the process that connects to Matrix, using one row and the database's clock. A fencing number increases
// with each change of leader and is checked in every write transaction, so that a leader that wakes up late writes
// nothing.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Refusal } from '../../answer.ts';
import type { Log } from '../../runtime/log.ts';
import type { PostgresAddress } from '../../settings/postgres.ts';
import { connectPostgres, type Fence, refusalOf } from './postgres.ts';

export type { Fence } from './postgres.ts';

/** How long the lease lasts, and how often its holder renews it (ms). The others check it twice as often. */
const lease = 8000;
const renewal = 2000;
/**
 * The database ends a transaction that is idle for this long (ms). A process suspended in the middle of one holds
 * its locks, and nobody could take over until they are gone. Shorter than the lease.
 */
export const idleTransaction = 3000;
/** A replica whose heartbeat is older than this (ms) is gone. The same limit applies to reaching the homeserver. */
const alive = 6000;

/** This process may no longer write as the leader: another one has taken over, or will. */
export class Fenced extends Error {
	override name = 'Fenced';
	constructor(why = 'another replica holds the lease') {
		super(why);
	}
}

export type Leadership = {
	fence: Fence;
	/** Whether the last leader did not return the lease: it crashed, hung, or lost the database or the homeserver. */
	tookOver: boolean;
	/** Aborted when the lease is lost; `reason` is a `Fenced`. */
	lost: AbortSignal;
	/** Call if the database no longer responds to this process: the lease then counts as lost. */
	lose: (why: string) => void;
	/** Returns the lease, so that another process need not wait for it to expire. */
	release: () => Promise<void>;
};

export type Replica = {
	/** This process's id among the replicas. */
	id: string;
	/** Waits until this process leads; undefined once `signal` is aborted. */
	lead: (signal: AbortSignal) => Promise<Leadership | undefined>;
	/** Whether another process led at the last check. */
	isLed: () => boolean;
	/** Tells the leader that something was put into the outbox. */
	tell: () => void;
	close: () => Promise<void>;
};

export type ReplicaSetup = {
	address: PostgresAddress;
	/** Resolves if the homeserver responds to this process. Called every second or two, one call at a time. */
	reach: () => Promise<unknown>;
	/** Called in the leader when another replica put something into the outbox. */
	said: () => void;
	log: Log;
};

/** The notification channel. Channels span the database, so a bot in another schema may wake up for nothing. */
const channel = 'glia_outbox';

/** Tables that only replicas need. If two processes create them at the same time, one may fail once. */
const tables = `
	CREATE TABLE IF NOT EXISTS lease (id int PRIMARY KEY, holder text, fence bigint NOT NULL, until timestamptz NOT NULL);
	INSERT INTO lease VALUES (1, NULL, 0, '-infinity') ON CONFLICT DO NOTHING;
	CREATE TABLE IF NOT EXISTS turn (id int PRIMARY KEY);
	INSERT INTO turn VALUES (1) ON CONFLICT DO NOTHING;
	CREATE TABLE IF NOT EXISTS replicas (id text PRIMARY KEY, seen timestamptz NOT NULL, reached timestamptz);
	CREATE TABLE IF NOT EXISTS claims (server text PRIMARY KEY, replica text NOT NULL, until timestamptz NOT NULL);
`;

/** How every transaction begins, in any process: one at a time, as if over a single connection. */
export const inTurn: Fence = { begin: 'SELECT 1 FROM turn FOR UPDATE', check: () => undefined };

/** Joins the replicas of this database. Throws a Refusal. */
export async function joinReplicas(setup: ReplicaSetup): Promise<Replica> {
	const member = new Member(setup);
	await member.join();
	return member;
}

type LeaseState = { held: boolean; mine: boolean; better: boolean };

class Member implements Replica {
	readonly id = randomUUID();
	readonly #setup: ReplicaSetup;
	/** The connection of the lease; reopened after a failure. */
	#client: pg.Client | undefined;
	#seen: LeaseState = { held: false, mine: false, better: false };
	#closed = false;
	/** When the homeserver last responded, by the monotonic clock (ms). */
	#reachedAt = Number.NEGATIVE_INFINITY;
	#probing = false;

	constructor(setup: ReplicaSetup) {
		this.#setup = setup;
	}

	async join(): Promise<void> {
		this.#client = await this.#connect();
	}

	isLed(): boolean {
		return this.#seen.held && !this.#seen.mine;
	}

	tell(): void {
		const { log } = this.#setup;
		this.#ask(`NOTIFY ${channel}`).catch((error: unknown) => log.debug({ err: error }, 'could not notify the leader'));
	}

	async lead(signal: AbortSignal): Promise<Leadership | undefined> {
		const { address, log } = this.#setup;
		let failures = 0;
		while (!signal.aborted && !this.#closed) {
			try {
				const { held, better } = await this.#beat();
				const asked = performance.now();
				const taken = held || (!this.#reaches() && better) ? undefined : await this.#take();
				failures = 0;
				if (taken !== undefined) {
					this.#seen = { ...this.#seen, held: true, mine: true };
					return this.#hold(taken, asked);
				}
			} catch (error) {
				this.#seen = { ...this.#seen, held: false };
				const known = refusalOf(error, address);
				if (failures++ === 0) log.error({ err: known ?? error }, "the replicas' database does not respond");
			}
			await sleep(renewal / 2, undefined, { signal }).catch(() => undefined);
		}
		return undefined;
	}

	async close(): Promise<void> {
		this.#closed = true;
		await this.#client?.query('DELETE FROM replicas WHERE id = $1', [this.id]).catch(() => undefined);
		await this.#client?.end().catch(() => undefined);
	}

	async #connect(): Promise<pg.Client> {
		const client = await connect(this.#setup.address);
		client.on('notification', this.#setup.said);
		return client;
	}

	async #ask<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
		this.#client ??= await this.#connect();
		const client = this.#client;
		try {
			return (await client.query<Row>(text, values)).rows;
		} catch (error) {
			if (this.#client === client) this.#client = undefined;
			client.end().catch(() => undefined);
			throw error;
		}
	}

	#reaches(): boolean {
		return performance.now() - this.#reachedAt < alive;
	}

	/** Checks whether the homeserver can be reached, without waiting for the result. */
	#probe(): void {
		if (this.#probing) return;
		this.#probing = true;
		const reached = () => {
			this.#reachedAt = performance.now();
		};
		this.#setup
			.reach()
			.then(reached, () => undefined)
			.finally(() => {
				this.#probing = false;
			});
	}

	/** Records a heartbeat and returns the state of the lease. */
	async #beat(): Promise<LeaseState> {
		this.#probe();
		const [row] = await this.#ask<{ holder: string | null; held: boolean; better: boolean }>(
			`WITH me AS (
				INSERT INTO replicas VALUES ($1, clock_timestamp(), CASE WHEN $2 THEN clock_timestamp() END)
				ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, reached = coalesce(excluded.reached, replicas.reached)
			)
			SELECT holder, until > clock_timestamp() AS held, EXISTS (
				SELECT 1 FROM replicas WHERE id <> $1
				AND seen > clock_timestamp() - $3 * interval '1 ms' AND reached > clock_timestamp() - $3 * interval '1 ms'
			) AS better FROM lease`,
			[this.id, this.#reaches(), alive],
		);
		this.#seen = { held: row?.held === true, mine: row?.holder === this.id, better: row?.better === true };
		return this.#seen;
	}

	async #take(): Promise<TakenLease | undefined> {
		const [row] = await this.#ask<TakenLease>(
			`WITH free AS (SELECT id, holder FROM lease WHERE until <= clock_timestamp() FOR UPDATE)
			UPDATE lease SET holder = $1, fence = fence + 1, until = clock_timestamp() + $2 * interval '1 ms'
			FROM free WHERE lease.id = free.id RETURNING fence, free.holder IS NOT NULL AS "tookOver"`,
			[this.id, lease],
		);
		return row;
	}

	async #renew(fence: number): Promise<boolean> {
		const rows = await this.#ask(
			`UPDATE lease SET until = clock_timestamp() + $3 * interval '1 ms'
			WHERE holder = $1 AND fence = $2 AND until > clock_timestamp() RETURNING fence`,
			[this.id, fence, lease],
		);
		return rows.length > 0;
	}

	/** `lost`: the next leader is told that it takes over from one that could not continue. */
	async #giveBack(fence: number, lost: boolean): Promise<void> {
		const { log } = this.#setup;
		try {
			await this.#ask(
				`UPDATE lease SET until = '-infinity', holder = CASE WHEN $3 THEN holder END WHERE holder = $1 AND fence = $2`,
				[this.id, fence, lost],
			);
		} catch (error) {
			log.warn({ err: error }, 'could not return the lease; it will expire');
		}
	}

	/** Renews the lease until it is lost or returned. `taken`: when it was requested, by the monotonic clock (ms). */
	#hold({ fence, tookOver }: TakenLease, taken: number): Leadership {
		const lost = new AbortController();
		const term = { until: taken + lease, released: false };
		const lose = (why: string) => {
			if (!lost.signal.aborted) lost.abort(new Fenced(why));
		};
		const late = setInterval(() => {
			if (performance.now() > term.until) lose('the lease was not renewed in time');
		}, 250);
		late.unref();
		const over = () => term.released || lost.signal.aborted || this.#closed;
		void this.#keep({ fence, taken, term, over, lose }).finally(() => clearInterval(late));
		const begin = `${inTurn.begin}; SELECT until > clock_timestamp() AS valid FROM lease
			WHERE fence = ${fence} AND holder = '${this.id}' FOR KEY SHARE`;
		return {
			tookOver,
			fence: {
				begin,
				check(rows) {
					const [row] = rows as { valid: boolean }[];
					if (row?.valid && !lost.signal.aborted) return;
					const why = new Fenced();
					lose(why.message);
					throw why;
				},
			},
			lost: lost.signal,
			lose,
			release: async () => {
				term.released = true;
				await this.#giveBack(fence, lost.signal.aborted);
			},
		};
	}

	async #keep({ fence, taken, term, over, lose }: Keeping): Promise<void> {
		while (!over()) {
			const asked = performance.now();
			try {
				if (!(await this.#renew(fence))) return lose('another replica holds the lease');
				term.until = asked + lease;
				// Only hand over to a replica that would do better: if none reaches the homeserver, nothing is gained.
				const { better } = await this.#beat();
				const settled = performance.now() - taken > lease;
				if (better && settled && !this.#reaches()) return lose('only another replica can reach the homeserver');
			} catch (error) {
				this.#setup.log.warn({ err: error }, 'the lease could not be renewed');
			}
			await sleep(renewal, undefined, { ref: false });
		}
	}
}

type TakenLease = { fence: number; tookOver: boolean };

type Keeping = {
	fence: number;
	taken: number;
	term: { until: number };
	over: () => boolean;
	lose: (why: string) => void;
};

async function connect(address: PostgresAddress): Promise<pg.Client> {
	const client = await connectPostgres(address, idleTransaction);
	for (let tries = 0; ; tries++) {
		try {
			await client.query(tables);
			await client.query(`LISTEN ${channel}`);
			return client;
		} catch (error) {
			// Another process is creating them right now.
			if (
				tries < 3 &&
				error instanceof Error &&
				/duplicate key|already exists|tuple concurrently/.test(error.message)
			) {
				await sleep(100 * (tries + 1));
				continue;
			}
			await client.end().catch(() => undefined);
			throw refusalOf(error, address) ?? new Refusal(`The store's PostgreSQL cannot be used: ${String(error)}.`);
		}
	}
}

// Reserves the store's database for this process, by leading the replicas without doing a leader's work.
import { Refusal } from '../answer.ts';
import { type Fence, joinReplicas } from '../edges/store/lease.ts';
import { placeOf } from '../edges/store/postgres.ts';
import { usersOf } from '../edges/store/postgres-users.ts';
import { silence } from '../runtime/log.ts';
import type { PostgresAddress } from '../settings/postgres.ts';
import { momentIn } from '../text/local-time.ts';

/** Longer than the lease of a killed holder lasts (ms). */
const leaseWait = 10_000;

/** Reserves the database until `release`. Throws a Refusal if a bot is using it. */
export async function takeDatabase(address: PostgresAddress): Promise<{ fence: Fence; release: () => Promise<void> }> {
	const replica = await joinReplicas({ address, reach: async () => undefined, said: () => undefined, log: silence });
	const leadership = await replica.lead(AbortSignal.timeout(leaseWait));
	if (leadership === undefined) {
		await replica.close();
		const users = (await usersOf(address)).map(({ from, since }) => `from ${from} since ${momentIn(since, 'UTC')}`);
		const who = users.length > 0 ? `, connected ${users.join(' and ')}` : '';
		throw new Refusal(
			`Another process is using the store in ${placeOf(address)}${who}; stop it first, and every other replica.`,
		);
	}
	return {
		fence: leadership.fence,
		async release() {
			await leadership.release();
			await replica.close();
		},
	};
}

// Takes the store's database for this process alone, by leading the replicas without doing a leader's work.
import { Refusal } from '../answer.ts';
import { type Fence, joinReplicas } from '../edges/store/lease.ts';
import { placeOf } from '../edges/store/postgres.ts';
import { silence } from '../runtime/log.ts';
import type { PostgresAddress } from '../settings/postgres.ts';

/** Longer than the lease of a killed holder lasts (ms). */
const leaseWait = 10_000;

/** Takes the database until `release`. Throws a Refusal if a bot is using it. */
export async function takeDatabase(address: PostgresAddress): Promise<{ fence: Fence; release: () => Promise<void> }> {
	const replica = await joinReplicas({ address, reach: async () => undefined, said: () => undefined, log: silence });
	const leadership = await replica.lead(AbortSignal.timeout(leaseWait));
	if (leadership === undefined) {
		await replica.close();
		throw new Refusal(`A bot uses the store in ${placeOf(address)}; stop every replica of it first.`);
	}
	return {
		fence: leadership.fence,
		async release() {
			await leadership.release();
			await replica.close();
		},
	};
}

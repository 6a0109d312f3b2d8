// Whether this process can reach the homeserver: a replica that cannot must not lead.
import { openInquiry } from '../edges/matrix/inquiry.ts';
import type { ProxyOf } from '../runtime/proxy.ts';

/** The timeout for a response (ms). */
const reachTimeout = 4000;

export type Reach = {
	/** Rejects with an Error if the homeserver does not respond. Any response counts, even a rate limit. */
	reach: () => Promise<void>;
	close: () => Promise<void>;
};

export function openReach(
	homeserver: string,
	{ userAgent, proxyOf, timeout = reachTimeout }: { userAgent: string; proxyOf: ProxyOf | undefined; timeout?: number },
): Reach {
	const inquiry = openInquiry(userAgent, proxyOf, timeout);
	return {
		async reach() {
			const found = await inquiry.versions(homeserver);
			if ('failure' in found && found.failure.kind === 'away') throw new Error(found.failure.why);
		},
		close: inquiry.close,
	};
}

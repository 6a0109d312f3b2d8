// Checks for a newer version of Glia, if the configuration says where. Failures are not reported.
import { isNewerEdition, newestEdition } from '../../deployment/edition.ts';
import { hasCome } from '../../runtime/clock.ts';
import type { Gate } from './client.ts';
import { fetchDocuments } from './documents.ts';

export type EditionSettings = { address: string; hours: number };

type EditionSetup = {
	settings: EditionSettings;
	/** Our own version. */
	version: string;
	gate: Gate;
	now: () => Date;
	random: () => number;
};

export type EditionLook = {
	/** The newest version, if it is newer than ours. */
	newer: () => string | undefined;
	/** Looks for a newer version, if a check is due. Never rejects. */
	read: () => Promise<void>;
};

const hour = 3600_000;
const limits = { totalMs: 30_000, connectMs: 15_000, headerBytes: 32 * 1024, bodyBytes: 2 * 1024 * 1024 };

export function openEditionLook({ settings, version, gate, now, random }: EditionSetup): EditionLook {
	const { address, hours } = settings;
	let next = now();
	let newer: string | undefined;

	return {
		newer: () => newer,
		async read() {
			if (gate.closed() || !hasCome(next, now(), 2 * hours * hour)) return;
			// Spread out the requests of many bots. The next check is as far off after a failure as after a success.
			next = new Date(now().getTime() + hours * hour * (0.95 + 0.1 * random()));
			const fetched = await fetchDocuments([{ key: address, address }], {
				gate,
				limits,
				before: new Map(),
				after: () => undefined,
			});
			const text = fetched?.copies.get(address)?.text;
			const newest = text === undefined ? undefined : newestEdition(text);
			if (newest !== undefined) newer = isNewerEdition(newest, version) ? newest : undefined;
		},
	};
}

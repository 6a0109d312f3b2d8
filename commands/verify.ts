// !verify: what to compare to verify the bot's device, and what that achieves.

import type { Command, Ports } from '../src/command.ts';
import { verifyWords } from '../src/messages/verify.ts';
export const verify = {
	name: 'verify',
	usage: 'verify',
	summary: 'my keys, and how to compare them',
	examples: ['verify'],
	changes: false,
	run(_asked, { health }: Pick<Ports, 'health'>) {
		const device = health.device?.();
		if (!device) return verifyWords({ format: 1 });
		const { fingerprint, master, signed } = device;
		return verifyWords({
			format: 1,
			fingerprint,
			...(master !== undefined && { master }),
			...(signed !== undefined && { signed }),
		});
	},
} satisfies Command;

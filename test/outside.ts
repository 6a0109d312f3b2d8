// A simulated outside world: which release each server runs, or what is wrong with it.
import type { Observation } from '../src/advice/watch/observation.ts';
import type { Web } from '../src/ports/web.ts';

export type Outside = Pick<Web, 'observe'> & {
	/** Sets what a server shows: a release, silence, or anything else that a check can see. */
	plays: (server: string, what: string | 'silent' | Partial<Observation>) => void;
	/** Servers in the order in which they were checked. */
	looks: string[];
};

export function outside(now: () => Date): Outside {
	const played = new Map<string, string | Partial<Observation>>();
	const looks: string[] = [];
	return {
		looks,
		plays(server, what) {
			played.set(server, what);
		},
		async observe(server) {
			looks.push(server);
			const what = played.get(server) ?? 'silent';
			const about = { server, at: now().toISOString() };
			if (typeof what !== 'string') return { ...about, ...what } as Observation;
			if (what === 'silent') return { ...about, kind: 'unreached', trouble: { is: 'no-such-name', name: server } };
			return { ...about, kind: 'running', version: what, written: what, through: 'federation' };
		},
	};
}

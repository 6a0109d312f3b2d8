// Counts what there is to do in an upgrade, consistently for plans, status cards and alerts.

import type { Version } from '../../deployment/version.ts';
import type { Plan } from './plan.ts';
import type { Step } from './step.ts';
import { surely } from './step.ts';

export type Tally = {
	/** Things to do that certainly apply to the deployment, and those that may. */
	sure: number;
	perhaps: number;
	/** How many steps can stop the start. */
	refusing: number;
	/** Stops that everyone on this path must make. */
	halts: readonly Version[];
	/** Steps that are only good to know. */
	informing: number;
	/**
	 * How many upstream passages no curator has read yet, and a sentence in one of them that sounds like a refusal to
	 * start.
	 */
	unread: number;
	warning?: string;
	/** There is neither a note nor an unread passage in between, only the switch itself. */
	empty: boolean;
};

export function tally({ steps, stops, unread }: Pick<Plan, 'steps' | 'stops' | 'unread'>): Tally {
	// The switch is implied, and waits are counted as stops.
	const acts = steps.filter(
		({ must, generated, check, id }) => check || (must && (!generated || id.endsWith('/start-limit'))),
	);
	const sure = acts.filter(surely).length;
	const warning = unread.find(({ warning }) => warning !== undefined)?.warning;
	return {
		sure,
		perhaps: acts.length - sure,
		refusing: steps.filter(({ refuses }: Step) => refuses).length,
		halts: stops.filter(({ required }) => required).map(({ best }) => best),
		informing: steps.filter(({ must, check, generated }) => !must && !check && !generated).length,
		unread: unread.length,
		...(warning !== undefined && { warning }),
		empty: steps.every(({ generated }) => generated) && acts.length === 0 && unread.length === 0,
	};
}

// What there is to do on a way, counted: the same in a plan, on a status card and in an alert.

import type { Version } from '../../deployment/version.ts';
import type { Plan } from './plan.ts';
import type { Step } from './step.ts';
import { surely } from './step.ts';

export type Tally = {
	/** Things to do that surely concern the deployment, and those that may. */
	sure: number;
	perhaps: number;
	/** How many steps can stop the start. */
	refusing: number;
	/** Where everybody on the way has to halt. */
	halts: readonly Version[];
	/** Good to know, and no more. */
	informing: number;
	/** Passages of upstream's that nobody has read yet, and what one of them says that sounds like a refusal to start. */
	unread: number;
	warning?: string;
	/** Neither a note nor an unread passage lies between: only the switch itself. */
	empty: boolean;
};

export function tally({ steps, stops, unread }: Pick<Plan, 'steps' | 'stops' | 'unread'>): Tally {
	// The switch goes without saying, and waits are counted as halts.
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

// A step of a plan: what to do or know, when, and how certain it is that it applies to the deployment.

import type { Applies } from '../../deployment/condition.ts';
import type { Version } from '../../deployment/version.ts';
import type { Source } from '../../knowledge/schema/synapse.ts';
import type { StepTask } from './step-task.ts';
import type { Trial } from './trials.ts';

export type Step = {
	id: string;
	release: Version;
	when: 'before' | 'switch' | 'after';
	must: boolean;
	refuses: boolean;
	concerned: true | 'unknown';
	title: string;
	text: string;
	applies?: Applies;
	/** A condition on the deployment that no fact covers. */
	onlyIf?: string;
	/** A look at the configuration decides `onlyIf`. */
	look?: true;
	/** A query on the database decides `onlyIf`. */
	query?: true;
	/** Facts that would decide whether it applies to the deployment. */
	ask?: string[];
	options: readonly string[];
	endpoints: readonly string[];
	metrics: readonly string[];
	story?: string;
	/** Notes in the range that this step replaces: earlier ones of its story, or what a wait covers. */
	tells: string[];
	oneWay?: string;
	/** It is about a first start that takes a long time. */
	longStart?: true;
	/** What users notice, in one line. */
	people?: string;
	sources: Source[];
	/** The results of running releases to test it. */
	tried?: Trial[];
	/** The leg of an upgrade with intermediate stops, counted from 0. */
	leg: number;
	/** Created by the planner, not from a note: a switch, or a wait at a stop. */
	generated?: true;
	/** A check that delays nothing: only its result says whether there is anything to do. */
	check?: true;
	/** The input for wording a generated step, in messages/switch.ts; until then its title and text are empty. */
	task?: StepTask;
	/** It only mentions options that the running release does not have, so it affects hardly anyone. */
	young?: true;
	/** For a generated step, once worded: what skipping it can do, as a clause: “can corrupt the database”. */
	otherwise?: string;
};

/** Whether a step certainly applies to this deployment. */
export function surely({ concerned, onlyIf, task }: Pick<Step, 'concerned' | 'onlyIf' | 'task'>): boolean {
	const isPerhaps = task?.kind === 'outside' || (task?.kind === 'start-limit' && task.limit.unit === 'perhaps');
	return concerned === true && onlyIf === undefined && !isPerhaps;
}

// A step of a plan: what there is to do or to know, when, and how sure it is that it concerns the deployment.

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
	/** What else those who are concerned find at home. */
	onlyIf?: string;
	/** A look at the configuration decides `onlyIf`. */
	look?: true;
	/** A query on the database decides `onlyIf`. */
	query?: true;
	/** Facts that would decide whether the deployment is concerned. */
	ask?: string[];
	options: readonly string[];
	endpoints: readonly string[];
	metrics: readonly string[];
	story?: string;
	/** Notes of the range that this step stands for: earlier ones of its story, or what a wait answers. */
	tells: string[];
	oneWay?: string;
	/** What users notice of it, in one line. */
	people?: string;
	sources: Source[];
	/** What came of running releases to see it. */
	tried?: Trial[];
	/** The leg of a way with halts, counted from 0. */
	leg: number;
	/** Made by the planner, not from a note: the switch itself, the wait at a halt. */
	generated?: true;
	/** Something to check, which holds nothing up: only then is it known whether there is anything to do. */
	check?: true;
	/** What the words of a generated step are made of, in messages/switch.ts; until then its title and text are empty. */
	task?: StepTask;
	/** It speaks only of options that the release at the start does not have: hardly anybody is concerned. */
	young?: true;
	/** Of a generated step in words: what going on without it can do, as a clause: “can corrupt the database”. */
	otherwise?: string;
};

/** Whether a step concerns this deployment without a doubt, and without a look at home. */
export function surely({ concerned, onlyIf, task }: Pick<Step, 'concerned' | 'onlyIf' | 'task'>): boolean {
	const isPerhaps = task?.kind === 'outside' || (task?.kind === 'start-limit' && task.limit.unit === 'perhaps');
	return concerned === true && onlyIf === undefined && !isPerhaps;
}

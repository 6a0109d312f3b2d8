// Steps that stand for several notes: what nobody finds in the configuration, and packages by system.

import { type Profile, postgresOf } from '../../deployment/facts.ts';
import { compare, type Version } from '../../deployment/version.ts';
import type { Lifecycle, Note } from '../../knowledge/schema/synapse.ts';
import { distinctSources } from './note-steps.ts';
import { isBuilt, systemsOf } from './packages.ts';
import type { Step } from './step.ts';
import type { OutsideCheck } from './step-task.ts';

type Ends = { from: Version; to: Version; profile: Profile };

/**
 * One step in place of every “only if” that no configuration decides: scripts, the proxy, the host. It may concern nobody,
 * so it is not certain. A refusal to start, what one query decides, and what may not even concern this deployment, stay
 * steps of their own.
 */
export function outsideFirst(steps: readonly Step[], { to }: Ends, notes: readonly Note[]): Step[] {
	const placeOf = new Map(notes.flatMap(({ id, foundIn }) => (foundIn ? [[id, foundIn] as const] : [])));
	const isOutside = (step: Step) => isPerhaps(step) && placeOf.has(step.id);
	// What one query decides is something to check: whether anything has to be done is known only then.
	const asked = steps.map(step =>
		step.query && isPerhaps(step) ? { ...step, must: false, check: true as const } : step,
	);
	const members = asked.filter(isOutside);
	if (!members.length) return asked;
	const checks = members.map(
		({ id, release, when, title, text, onlyIf = '' }): OutsideCheck => ({ id, release, when, title, text, onlyIf }),
	);
	const places = [...new Set(members.flatMap(({ id }) => placeOf.get(id) ?? []))];
	const step: Step = {
		...standingFor(members),
		id: `${to}/outside`,
		must: false,
		release: to,
		concerned: true,
		task: { kind: 'outside', places, checks },
	};
	return [...asked.filter(other => !isOutside(other)), step];
}

/** Something to do for this deployment, but only if it finds at home what no fact tells. */
function isPerhaps({ must, refuses, onlyIf, concerned, oneWay }: Step): boolean {
	return must && !refuses && onlyIf !== undefined && concerned === true && !oneWay;
}

/** One step in place of a note for each system whose packages ended, where nobody has said which system it is. */
export function systemOpen(
	steps: readonly Step[],
	{ from, to, profile }: Ends,
	lifecycles: Readonly<Record<string, Lifecycle>>,
): Step[] {
	if (profile.has('os')) return [...steps];
	const isOfSystem = ({ must, applies }: Step) =>
		must && applies !== undefined && 'all' in applies && applies.all.some(term => term.startsWith('os='));
	const members = steps.filter(isOfSystem);
	if (!members.length) return [...steps];
	const systems = systemsOf(lifecycles);
	const ended = systems.flatMap(system =>
		'last' in system.packages && isBuilt(system, from) && !isBuilt(system, to)
			? [{ os: system.os, name: system.name, last: system.packages.last }]
			: [],
	);
	const postgres = String(profile.get('postgres')?.value);
	// The one that had packages for longest is the one most people stay on.
	const [likely] = ended.filter(({ os }) => postgresOf(os) === postgres).sort((a, b) => compare(b.last, a.last));
	const step: Step = {
		...standingFor(members),
		id: `${to}/which-system`,
		release: to,
		applies: { all: ['install=debian'] },
		ask: [...new Set(members.flatMap(({ ask = [] }) => ask))],
		concerned: profile.get('install')?.value === 'debian' ? true : 'unknown',
		task: {
			kind: 'which-system',
			to,
			built: systems.filter(system => isBuilt(system, to)).map(({ name }) => name),
			ended: ended.map(({ name, last }) => ({ name, last })),
			...(likely && { likely: { ...likely, postgres } }),
		},
	};
	return [...steps.filter(other => !isOfSystem(other)), step];
}

function standingFor(members: readonly Step[]): Omit<Step, 'id' | 'release' | 'concerned'> {
	const all = (of: (step: Step) => readonly string[]) => [...new Set(members.flatMap(of))];
	return {
		when: 'before',
		must: true,
		refuses: false,
		title: '',
		text: '',
		options: all(({ options }) => options),
		endpoints: all(({ endpoints }) => endpoints),
		metrics: all(({ metrics }) => metrics),
		tells: all(({ id, tells }) => [id, ...tells]),
		sources: distinctSources(members.flatMap(({ sources }) => sources)),
		leg: 0,
		generated: true,
		check: true,
	};
}

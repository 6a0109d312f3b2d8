// Steps that combine several notes: what the configuration cannot show, and packages by system.

import { type Profile, postgresOf } from '../../deployment/facts.ts';
import { compare, type Version } from '../../deployment/version.ts';
import type { Lifecycle, Note } from '../../knowledge/schema/synapse.ts';
import { distinctSources } from './note-steps.ts';
import { isBuilt, systemsOf } from './packages.ts';
import type { Step } from './step.ts';
import type { OutsideCheck } from './step-task.ts';

type Ends = { from: Version; to: Version; profile: Profile };

/**
 * Combines every “only if” that no configuration decides (scripts, the proxy, the host) into one step. It is possible
 * that none of them applies, so that step is not certain. A refusal to start, what a single query decides, and what
 * may not apply at all remain separate steps.
 */
export function outsideFirst(steps: readonly Step[], { to }: Ends, notes: readonly Note[]): Step[] {
	const placeOf = new Map(notes.flatMap(({ id, foundIn }) => (foundIn ? [[id, foundIn] as const] : [])));
	const isOutside = (step: Step) => isPerhaps(step) && placeOf.has(step.id);
	// A query is something to check: only its result says whether there is anything to do.
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

/** Something this deployment must do, but only under a condition that no fact covers. */
function isPerhaps({ must, refuses, onlyIf, concerned, oneWay }: Step): boolean {
	return must && !refuses && onlyIf !== undefined && concerned === true && !oneWay;
}

/** Combines the notes about systems whose packages have ended into one step, unless the system was stated. */
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
	// Most people stay on the system whose packages lasted longest.
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

// The command that asks for a plan, and the facts that would shorten it most.

import type { Plan } from '../advice/upgrade/plan.ts';
import type { Step } from '../advice/upgrade/step.ts';
import { type Applies, concern } from '../deployment/condition.ts';
import { isContradiction, parseTerm, profileOf, pythonOf, sqliteOf } from '../deployment/facts.ts';
import { code } from '../text/markdown.ts';
import { examples, factWord } from './sections.ts';

/** Which facts would shorten the plan, with the most common and most useful answers. */
export function asking(plan: Plan): string {
	const shorter = shorterCommand(plan);
	if (shorter === undefined) return '';
	const why = asksForSystem(plan)
		? 'Say which operating system the server runs on (packages are not built for all of them), and more if you can'
		: 'Say more about the server to shorten this';
	return `${why}, for example ${code(shorter)}; negate a fact with a ${code('no-')} prefix.`;
}

export function asksForSystem({ steps }: Plan): boolean {
	return steps.some(({ generated, concerned, ask }) => generated && concerned === true && ask?.includes('os'));
}

/** The same command with the facts that would hide most; undefined if none would. */
export function shorterCommand(plan: Plan): string | undefined {
	const most = [...(asksForSystem(plan) ? ['os'] : []), ...mostHiding(plan.steps, plan.profile)].slice(0, 3);
	return most.length
		? planCommand(
				plan,
				most.map(fact => likely[fact] ?? fact),
			)
		: undefined;
}

/** The command that asks for this plan, with its facts and more words. */
export function planCommand({ from, to, profile }: Plan, more: readonly string[] = []): string {
	const stated = Object.entries(profile).filter(([fact]) => !isImplied(fact, profile));
	return ['!upgrade', from, to, ...stated.map(factWord), ...more].join(' ');
}

/** Whether a fact follows from another known one, so that nobody has to type it. */
function isImplied(fact: string, profile: Plan['profile']): boolean {
	const os = String(profile.os);
	const isSystems = profile.sqlite !== undefined && profile.sqlite === sqliteOf(os);
	if (fact === 'database') return Boolean(profile.postgres || (profile.sqlite && !isSystems));
	if (fact === 'sqlite') return isSystems;
	return fact === 'python' && profile.python === pythonOf(os);
}

/** The likely answer for each fact: most servers do not use most features. */
const likely: Record<string, string> = {
	...examples,
	...Object.fromEntries(
		(
			[
				'workers',
				'appservices',
				'modules',
				'phone',
				'sso',
				'saml',
				'cas',
				'oidc',
				'mas',
				'metrics',
				'admin-api',
			] as const
		).map(fact => [fact, `no-${fact}`]),
	),
	...{ turn: 'no-turn', registration: 'no-registration', retention: 'no-retention', 'url-previews': 'no-url-previews' },
};

/** The open facts whose likely answers hide most of the steps, each given the previous ones. */
function mostHiding(steps: readonly Step[], stated: Plan['profile']): string[] {
	const terms = Object.entries(stated).flatMap(entry => parseTerm(factWord(entry)) ?? []);
	const chosen: string[] = [];
	let open = conditionsOf(steps);
	while (chosen.length < 3 && open.length) {
		const asked = new Set(open.flatMap(({ ask }) => ask).filter(fact => !chosen.includes(fact)));
		const before = chosen.flatMap(fact => parseTerm(likely[fact] ?? fact) ?? []);
		const results = [...asked].flatMap(fact => {
			const profile = profileOf([...terms, ...before, ...[parseTerm(likely[fact] ?? fact) ?? []].flat()]);
			if (isContradiction(profile)) return [];
			const left = open.filter(({ applies }) => concern(applies, profile).is !== false);
			return [{ fact, left, steps: stepsIn(left) }];
		});
		const best = results.sort((a, b) => a.steps - b.steps)[0];
		if (!best || best.left.length === open.length) break;
		chosen.push(best.fact);
		open = best.left;
	}
	return chosen;
}

type OpenCondition = { applies: Applies; ask: readonly string[]; steps: number };

/** The open conditions of steps, each once: many steps of a long plan share one, and each is evaluated per fact. */
function conditionsOf(steps: readonly Step[]): OpenCondition[] {
	const conditions = new Map<string, OpenCondition>();
	for (const { ask, applies, generated } of steps) {
		if (!ask || !applies || generated) continue;
		const text = 'all' in applies ? `all ${applies.all.join(' ')}` : `any ${applies.any.join(' ')}`;
		const known = conditions.get(text);
		if (known) known.steps++;
		else conditions.set(text, { applies, ask, steps: 1 });
	}
	return [...conditions.values()];
}

function stepsIn(conditions: readonly OpenCondition[]): number {
	return conditions.reduce((sum, { steps }) => sum + steps, 0);
}

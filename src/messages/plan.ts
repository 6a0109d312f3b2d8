// The whole plan in words, as with `!upgrade … all`; its first screen is first-screen.ts.

import type { Halt } from '../advice/upgrade/halts.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Step } from '../advice/upgrade/step.ts';
import { tally } from '../advice/upgrade/tally.ts';
import type { Answer, Section } from '../answer.ts';
import { enumerate, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { dangers } from './dangers.ts';
import { deadlineSection, deadlineValue } from './deadlines.ts';
import { faultSection, soundnessLine } from './faults.ts';
import { newOptionsSection } from './options.ts';
import { asking } from './plan-command.ts';
import { rollbackValue } from './rollback.ts';
import { routesSection } from './routes.ts';
import {
	dangerLine,
	hiddenSection,
	horizonLine,
	openLine,
	severities,
	stepSection,
	stepText,
	unreadSection,
} from './sections.ts';
import { worded } from './switch.ts';
import { tallyWords } from './tally.ts';
import { typedFact } from './whose.ts';

/** The result in one line; a notification shows the beginning. */
function planLead(plan: Plan): string {
	const counted = tally(plan);
	if (counted.empty) {
		return `**${plan.from} → ${plan.to}: nothing to do but the upgrade itself.** Upstream asks nothing of ${Object.keys(plan.profile).length ? 'this deployment' : 'anybody'} in between.`;
	}
	const rest = counted.informing ? `, ${counted.informing} good to know` : '';
	return `**${plan.from} → ${plan.to}: ${tallyWords(counted)}${rest}.**`;
}

const whenTitles = { before: 'Before', switch: 'During the upgrade', after: 'After' } as const;

function overview(numbered: readonly Step[]): string {
	return (['before', 'switch', 'after'] as const)
		.flatMap(when => {
			const numbers = numbered.flatMap((step, i) => (step.when === when ? [i + 1] : []));
			return numbers.length
				? [
						`**${whenTitles[when]}:** ${numbers.length > 1 ? `steps ${numbers[0]}–${numbers.at(-1)}` : `step ${numbers[0]}`}`,
					]
				: [];
		})
		.join(' · ');
}

/** Informational steps share one fold; those to act on have one each. */
export function planWords(decided: Plan, taken: readonly string[]): Answer {
	const plan = worded(decided);
	const numbered = plan.steps.filter(({ must, refuses, check, generated }) => must || refuses || check || generated);
	const informing = plan.steps.filter(
		({ must, refuses, check, generated }) => !must && !refuses && !check && !generated,
	);
	const sections: Section[] = [
		{ title: 'Risks', markdown: list(dangers(plan, numbered).map(dangerLine)), fold: false },
		...numbered.map((step, i) => stepSection(step, i + 1)),
		...(informing.length ? [informingSection(informing)] : []),
		...choices(plan.stops),
		...faultSection(plan.faults),
		...advisorySection(plan),
		...deadlineSection(plan.deadlines, plan.to),
		...routesSection(plan),
		...newOptionsSection(plan),
		...hiddenSection(plan),
		...unreadSection(plan),
	];
	const lead = [
		planLead(plan),
		overview(numbered),
		...taken,
		asking(plan),
		plan.soundness ? soundnessLine(plan.soundness) : '',
		horizonLine(plan),
	]
		.filter(Boolean)
		.join('\n\n');
	return { value: planValue(plan), lead, title: `Plan: ${plan.from} → ${plan.to}`, sections, kind: 'answer' };
}

/** For programs, with sentences instead of the values they are derived from. */
export function planValue(plan: Plan): Record<string, unknown> {
	return {
		...plan,
		stops: plan.stops.map(stop => ({
			...stop,
			waitFor: stop.waitFor ?? 'a few days of use',
			why: stop.why ?? wayBackWhy(stop),
		})),
		rollback: rollbackValue(plan.rollback),
		deadlines: plan.deadlines.map(deadlineValue),
	};
}

function wayBackWhy({ best }: Halt): string {
	return `It is the last release from which you can go back to the one before this stop; beyond ${best} you need a backup.`;
}

function informingSection(steps: readonly Step[]): Section {
	const texts = steps.map(step => `**${step.release}: ${step.title}**\n\n${stepText(step)}`);
	return { title: `Good to know (${steps.length})`, markdown: texts.join('\n\n'), fold: true };
}

function choices(stops: readonly Halt[]): Section[] {
	const free = stops.filter(({ required, onlyIf }) => !required && onlyIf === undefined);
	if (!free.length) return [];
	return [
		{
			title: `Stops that let you roll back (${free.length})`,
			markdown: `To be able to go back without a backup at any time, stop at ${enumerate(free.map(({ best }) => best))} for a few days, until the background updates are done. From each stop you can go back to the one before it (or to where you started). These stops are optional.`,
			fold: true,
		},
	];
}

function advisorySection({ advisories, from, to }: Plan): Section[] {
	const { fixed, passedThrough, open, hidden } = advisories;
	const worstFirst = [...open].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
	const lines = [
		...(open.length > 3 ? worstFirst.map(advisory => openLine(to, advisory)) : []),
		...(fixed.length ? [`${to} fixes: ${fixed.map(code).join(', ')}`] : []),
		...(passedThrough.length
			? [
					`Only releases between ${from} and ${to} are vulnerable to ${passedThrough.map(code).join(', ')}: do not stay on any of them.`,
				]
			: []),
		...hidden.map(({ id, because }) => `${code(id)} does not apply to you (${because.map(typedFact).join(', ')}).`),
	];
	const title = `Security (${fixed.length} closed${open.length ? `, ${open.length} open` : ''})`;
	return lines.length ? [{ title, markdown: list(lines), fold: true }] : [];
}

// An upgrade's risks, worst first and never folded.

import type { Plan } from '../advice/upgrade/plan.ts';
import type { Rollback } from '../advice/upgrade/rollback.ts';
import type { Step } from '../advice/upgrade/step.ts';
import { compare } from '../deployment/version.ts';
import { capital, count } from '../text/format.ts';
import { escapeMarkdown } from '../text/markdown.ts';
import { faultLines } from './faults.ts';
import { floorWords } from './rollback.ts';
import {
	type Danger,
	dangerLine,
	fine,
	floorNames,
	link,
	openDanger,
	severe,
	severities,
	unreadName,
	warning,
	whoseStep,
} from './sections.ts';
import { consequenceWords } from './switch.ts';
import { allOf, appliesClause } from './whose.ts';

/**
 * The risks, which nobody should have to unfold. If the steps themselves are not shown (`unnumbered`), their
 * numbers would mean nothing.
 */
export function dangers(plan: Plan, numbered: readonly Step[], showing: StepNaming = 'numbered'): Danger[] {
	const named = (i: number) => (showing === 'numbered' ? `step ${i + 1}` : 'a step');
	const refusing = numbered.flatMap((step, i) => {
		if (!step.refuses) return [];
		const whose = whoseStep(step);
		// The clause only narrows down who may be affected; not all of them run into the refusal.
		const start = step.onlyIf ? 'Synapse might not start' : 'Synapse does not start';
		const without = showing === 'numbered' ? ` without ${named(i)}` : step.onlyIf ? '' : ' until this is done';
		const what = `${start}${without}`;
		return [severe(`${what}${whose && ` if ${whose}`}${step.tried ? ' (tested)' : ''}: ${step.title}`)];
	});
	const oneWay = numbered.flatMap((step, i) =>
		step.oneWay ? [warning(`${capital(named(i))} cannot be undone: ${step.title}`)] : [],
	);
	const unread = plan.unread.length
		? [
				...warnings(plan.unread),
				warning(`${count(plan.unread.length, 'upstream passage')} not reviewed yet: see the end.`),
			]
		: [];
	const waits = numbered.flatMap((step, i) => {
		const whose = step.concerned === 'unknown' && step.applies ? appliesClause(step.applies) : step.onlyIf;
		const condition = whose === undefined ? '' : `, if ${whose}`;
		if (step.id.endsWith('/no-package')) return [severe(`${step.title}: ${named(i)} says what to do.`)];
		return step.generated && !step.check && step.when === 'before'
			? [
					severe(
						`${showing === 'numbered' ? `Finish ${named(i)} before you continue` : 'First'}${condition}: ${step.title}. Continuing too early ${step.otherwise ?? 'fails'}.`,
					),
				]
			: [];
	});
	return [
		// Unread passages may be worse than all the rest.
		...unread,
		// Then stops, since a corrupted database is the worst known outcome.
		...stopLines(plan, numbered, showing),
		...waits,
		// Choosing another release avoids all the rest.
		...faultLines(plan.faults),
		// Below a minimum version nothing else helps.
		...floorLines(plan.floors.filter(({ met }) => met === false)),
		...refusing,
		...floorLines(plan.floors.filter(({ met }) => met !== false)),
		...oneWay,
		rollbackLine(plan.rollback),
		...advisoryLines(plan),
	];
}

function floorLines(floors: Plan['floors']): Danger[] {
	return floors.map(({ of, at, min, met }) => {
		const rule =
			of === 'rust'
				? `To build ${at} and newer, you need Rust ${min} or newer`
				: `${at} and newer need ${floorNames[of]} ${min} or newer`;
		if (met === false) return severe(`${rule}, but yours is older. Upgrade it first.`);
		return met === true ? fine(`${rule}; yours is new enough.`) : warning(`${rule}.`);
	});
}

/** A few vulnerabilities one by one, many as a total: nobody reads thirty lines before the first step. */
function advisoryLines({ advisories: { open }, to }: Pick<Plan, 'advisories' | 'to'>): Danger[] {
	if (open.length <= 3) return open.map(advisory => openDanger(to, advisory));
	const sums = severities.map(
		severity => [open.filter(advisory => advisory.severity === severity).length, severity] as const,
	);
	const parts = sums.filter(([number]) => number).map(([number, severity]) => `${number} ${severity}`);
	const fixes = open.flatMap(({ fixedIn }) => fixedIn ?? []).sort(compare);
	const free = fixes.length === open.length ? ` ${fixes.at(-1)} fixes all of them.` : '';
	const danger = open.some(({ severity }) => severity === 'critical' || severity === 'high') ? severe : warning;
	return [danger(`${to} has ${open.length} known vulnerabilities (${parts.join(', ')}): see Security below.${free}`)];
}

type StepNaming = 'numbered' | 'unnumbered';

/** Stops that are or may be required: why, and which step says how to tell that the wait is over. */
function stopLines({ stops, profile }: Plan, numbered: readonly Step[], showing: StepNaming): Danger[] {
	return stops
		.filter(({ required, onlyIf }) => required || onlyIf !== undefined)
		.map(stop => {
			const { best, from, to, onlyIf, waitFor, applies, tried } = stop;
			const wait = numbered.findIndex(({ id }) => id === `${best}/wait`);
			const range = from === to ? '' : ` (any release from ${from} to ${to} will do)`;
			const asksEngine = profile.database !== 'postgres' && !profile.postgres;
			const whose = allOf([asksEngine && applies ? appliesClause(applies) : undefined, onlyIf]);
			const condition = whose ? `If ${whose}: stop` : 'Stop';
			const how = wait < 0 || showing === 'unnumbered' ? '' : `; step ${wait + 1} shows how to tell that they are done`;
			return severe(
				`**${condition} at ${best}**${range} and wait for ${waitFor} to finish${how}. A direct jump ${consequenceWords(stop)}${tried ? ' (tested)' : ''}.`,
			);
		});
}

function rollbackLine(rollback: Rollback): Danger {
	const { release, floor, to, canReturn, by } = rollback;
	const floorWhy = floorWords(rollback);
	if (canReturn === 'unknown')
		return warning(`It is not known whether ${to} still starts after ${release}. ${floorWhy}`);
	if (canReturn && by)
		return warning(
			`Judging by the schema of ${by}, you could go back to ${to}; the schema of ${release} itself is not known yet.`,
		);
	if (canReturn) return fine(`The schema lets you go back to ${to}.`);
	return warning(
		`${floor === release ? `No older release starts after ${release}` : `After ${release}, you can go back only as far as ${floor}`}${to ? `; going back to ${to} needs a backup` : ''}. ${floorWhy}`,
	);
}

/** Unread passages that mention a refusal, in upstream's own words: a few, then how many more. */
export function warningLines(unread: Plan['unread']): string[] {
	return warnings(unread).map(dangerLine);
}

function warnings(unread: Plan['unread']): Danger[] {
	const speaking = unread.filter(passage => passage.warning !== undefined);
	const lines = speaking
		.slice(0, maxWarnings)
		.map(passage =>
			warning(
				`Unread, in ${passage.release}: “${escapeMarkdown(passage.warning ?? '')}” (${link(unreadName(passage), passage.url)})`,
			),
		);
	const more = speaking.length - lines.length;
	return more > 0
		? [
				...lines,
				warning(
					`${count(more, 'more unread passage')} ${more === 1 ? 'mentions' : 'mention'} a refusal to start: see the end.`,
				),
			]
		: lines;
}

const maxWarnings = 3;

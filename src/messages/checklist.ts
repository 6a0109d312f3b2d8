// The boxes on a first screen: before, during and after the upgrade, the rollback, and what users will notice.
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Step } from '../advice/upgrade/step.ts';
import { compare } from '../deployment/version.ts';
import { count, small } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { type Density, isTight } from './screen-density.ts';
import type { Sorted } from './sorted-steps.ts';

export function boxes(title: string, lines: readonly string[]): string {
	if (lines.length === 1) return `**${title}:** ${lines[0]}`;
	return lines.length ? [`**${title}**`, ...lines].join('\\\n') : '';
}

function titles(steps: readonly Step[]): string[] {
	return steps.map(({ title, refuses }) => `☐ ${refuses ? '🔴 ' : ''}${title}`);
}

function atMostLines(lines: readonly string[], atMost: number): string[] {
	// A line that says “1 more” would take as much room as the line it omits.
	const shown = lines.slice(0, lines.length === atMost + 1 ? lines.length : atMost);
	const more = lines.length - shown.length;
	const what = shown.length ? `${more} more` : count(more, 'thing');
	return more > 0 ? [...shown, `☐ ${what}, in “The steps”`] : shown;
}

/** What is certain, then what everyone must check. A wait comes first, because it could delay the switch. */
export function beforeLines(
	plan: Plan,
	{ sure, checks, updates, measures }: Sorted,
	{ before, first }: Density,
): string[] {
	const perhaps = checks.map(({ title, generated }) => `☐ ${generated ? title : `May apply to you: ${small(title)}`}`);
	const lines = atMostLines([...titles(sure.before), ...perhaps], before);
	const space = measures ? [spaceLine] : [];
	const all = [...waitLines(plan, updates), ...lines, ...space];
	return isTight({ first }) && all.length ? [inOneLine(all)] : all;
}

/** Joins lines, with a non-breaking space after each box so that it stays with its first word. */
function inOneLine(lines: readonly string[]): string {
	return lines.map(line => line.replace(/^☐ /, '☐\u00a0')).join(' ');
}

export function afterLines({ trying, sure }: Sorted, { after, first }: Density): string {
	const lines = [...titles(trying), ...atMostLines(titles(sure.after), after)];
	return boxes('Afterwards', isTight({ first }) ? [inOneLine(lines)] : lines);
}

/** Titles of the part with the backup and the switch, by which other screens find it. */
export const switchTitles = { once: 'During the upgrade', each: 'During each upgrade' };

export function switchList(plan: Plan, { sure, updates, fetches }: Sorted, { before: atMost, first }: Density): string {
	const { stops, from, to, profile } = plan;
	const what = doesStopWorkers(plan) ? 'main and all workers' : 'Synapse';
	const redFirst = [...sure.switch].sort((a, b) => Number(b.refuses) - Number(a.refuses));
	const fetched = profile.install === 'docker' ? 'Pull the new image' : 'Download the package';
	const halts = stops.filter(({ required }) => required).map(({ best }) => `**${best}** (wait)`);
	const order = [from, ...halts, to].join(' → ');
	const waits = updates.length > 0;
	const chain =
		isTight({ first }) && waits
			? [`☐ Finish background updates, then ${order}`]
			: [`☐ In this order: ${order}`, ...(waits ? [updatesLine] : [])];
	return boxes(halts.length ? switchTitles.each : switchTitles.once, [
		...(halts.length ? chain : []),
		`☐ ${fetches ? `${fetched}, then stop ${what}, and` : `Stop ${what}${doesStopWorkers(plan) ? ', then' : ' and'}`} back up`,
		...atMostLines(titles(redFirst), Math.max(atMost, redFirst[0]?.refuses ? 1 : 0)),
		`☐ ${switchWords(plan)}`,
	]);
}

/** How far you can roll back without a backup, and the command that says more. */
export function rollbackLine({ rollback, from, to }: Plan): string {
	const { floor, canReturn } = rollback;
	const how =
		canReturn === true
			? `${from} still opens the database`
			: canReturn === 'unknown' || floor === to
				? 'only a backup is certain'
				: `below ${floor}, only from a backup`;
	return `**Rollback:** ${how} (${code(`!rollback ${to} ${from}`)})`;
}

const spaceLine = `☐ Space for a backup? (${code('df -h')})`;

/** The wait can take days, so it comes first; if the plan has required stops, each of them has its own. */
function waitLines({ stops }: Plan, updates: Sorted['updates']): string[] {
	return updates.length && !stops.some(({ required }) => required) ? [updatesLine] : [];
}

const updatesLine = '☐ Wait until no background updates are left';

/** Whether workers are stopped and started by hand: the playbook, the chart and NixOS do it themselves. */
function doesStopWorkers({ profile }: Plan): boolean {
	return profile.workers === true && !(String(profile.install) in leads);
}

const leads: Record<string, (what: string) => string> = {
	mdad: what => `Let the playbook install ${what}`,
	ess: what => `${code('helm upgrade')} to the chart that has ${what}`,
	nix: what => `${code('nixos-rebuild switch')} to ${what}`,
};

const ready = '`Synapse now listening on`';

/** The switch itself in one line. */
function switchWords(plan: Plan): string {
	const { to, profile, stops } = plan;
	const what = stops.some(({ required }) => required) ? 'the next release' : to;
	const led = leads[String(profile.install)]?.(what);
	if (doesStopWorkers(plan)) return `Install ${what}, start main; start the workers once main is up`;
	const docker = code('up -d synapse');
	const alone = profile.install === 'docker' ? docker : `Install ${what}`;
	return `${led ?? alone}, then wait for ${ready}`;
}

/** What users will complain about: what they must do or cannot undo first, then the newest. */
export function peopleList({ steps }: Plan, atMost: number): string {
	const telling = steps.filter(({ people }) => people !== undefined);
	if (!atMost) return '';
	const weight = ({ must, oneWay }: Step) => (oneWay ? 0 : must ? 1 : 2);
	const sorted = [...telling].sort((a, b) => weight(a) - weight(b) || compare(b.release, a.release));
	const shown = sorted.slice(0, atMost).map(({ people, oneWay }) => `· ${oneWay ? '⚠️ ' : ''}${people}`);
	const more = sorted.length - shown.length;
	const rest = more > 0 ? [`· ${more} more below`] : [];
	return boxes('Changes for your users, unless you configure otherwise', [...shown, ...rest]);
}

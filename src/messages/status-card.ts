// A watched server's state at a glance.

import { isBelieved } from '../advice/check/record.ts';
import type { Deadline } from '../advice/upgrade/deadlines.ts';
import type { Rollback } from '../advice/upgrade/rollback.ts';
import { tally } from '../advice/upgrade/tally.ts';
import type { Facing } from '../advice/watch/alert-condition.ts';
import { recentBreaks } from '../advice/watch/carrier.ts';
import { lastObserved, type Running } from '../advice/watch/history.ts';
import { type Overview, overviewOf } from '../advice/watch/overview.ts';
import type { Answer, Section } from '../answer.ts';
import { parseStored, profileJson, writeTerm } from '../deployment/facts.ts';
import { capital, count, list } from '../text/format.ts';
import { momentIn } from '../text/local-time.ts';
import { code, quoted } from '../text/markdown.ts';
import { warningLines } from './dangers.ts';
import { deadlineLine } from './deadlines.ts';
import { observationWords, wholeWords } from './observation.ts';
import { factExample } from './sections.ts';
import { seenWords } from './server-facts.ts';
import { tallyWords } from './tally.ts';
import { behindWords, caveatWords, unknownWords, versionWords } from './version.ts';
import { factsClause } from './whose.ts';

export type Card = {
	facing: Facing;
	zone: string;
	looked?: Date;
	next?: Date;
	/** A sentence after the state, such as `I am now watching it.` */
	opening?: string;
};

/** What upstream announced would stop working but still works: one line, however many there are. */
function lateWords(late: readonly Deadline[], server: string): string[] {
	const [first] = late;
	if (!first) return [];
	const what =
		late.length === 1
			? `Should have stopped working by now, but still works: ${first.subject}. It`
			: `${late.length} things that should have stopped working still work. They`;
	return [
		`${what} may stop working in any release; I will tell you when a release candidate removes ${late.length === 1 ? 'it' : 'one'}. ${code(`!deadlines ${server}`)}`,
	];
}

function waversWords({ mixture, lately }: Running): string | undefined {
	if (mixture)
		return `⚠️ It alternates between ${mixture.lowest} and ${mixture.highest}: are there several servers behind this name that were not upgraded together? I am going by the older version.`;
	return lately && `⚠️ The last check saw ${lately}. If this continues for a few hours, I will treat it as a downgrade.`;
}

/** The facts by origin: what people stated, what the server reported, what its files say, and contradictions. */
function knownFacts(facing: Facing): string {
	return [saidFacts(facing), ...checkLines(facing)].join(' ');
}

function checkLines({ server, today, checks = [], derived, outdated }: Facing): string[] {
	const facts = (dated: Facing['derived']) => factsClause(dated.map(({ fact }) => fact));
	return [
		...(derived.length ? [`According to its configuration from ${derived[0]?.day}, ${facts(derived)}.`] : []),
		...(outdated.length
			? [
					`⚠️ According to its configuration from ${outdated[0]?.day}, ${facts(outdated)}; I go by what you said, or by what the server shows.`,
				]
			: []),
		...checks.map(record => {
			const { day, by, conditions } = record;
			const what = by === 'look' ? 'Looked at' : 'Checked';
			return isBelieved(record, today)
				? `${what} on ${day}: ${count(Object.keys(conditions).length, 'condition')} checked. ${code(`!profile ${server} forget configuration`)} deletes them.`
				: `${what} on ${day}, too long ago to use. Check it again: ${code(`!check ${server}`)}.`;
		}),
	];
}

function saidFacts({ profile, seen, contradicted, derived }: Facing): string {
	const facts = Object.entries(profileJson(profile)).map(([fact, is]) =>
		is === true ? fact : is === false ? `no-${fact}` : `${fact}=${is}`,
	);
	if (!facts.length) return 'I know nothing about the deployment yet.';
	const told = new Set([...seen, ...derived.flatMap(({ fact }) => parseStored(fact) ?? []).map(writeTerm)]);
	const said = facts.filter(fact => !told.has(fact));
	const stated = said.length ? `${capital(factsClause(said))}.` : '';
	return [stated, seenWords({ seen, contradicted })].filter(Boolean).join(' ');
}

/** How far a rollback can go. `whose`: whose database it is. */
export function backWords({ release, floor, unsure }: Rollback, whose: string): string {
	if (floor !== release) return `You can go back ${unsure ? `to ${floor}, perhaps further` : `as far as ${floor}`}.`;
	return unsure ? 'It is not known yet how far back you can go.' : `No older release starts on ${whose} database.`;
}

export function cardWords({ facing, zone, looked, next, opening }: Card): Answer {
	const { server, profile, seen, contradicted } = facing;
	const times = [
		...(looked ? [`last check ${momentIn(looked, zone)}`] : []),
		...(next ? [`next check ${momentIn(next, zone)}`] : []),
	];
	const frame = {
		opening,
		foot: times.length ? `${capital(times.join(', '))}.` : '',
		value: {
			format: 1,
			server,
			profile: profileJson(profile),
			...(seen.length && { seen }),
			...(contradicted.length && { contradicted }),
			...(facing.checks && { checked: facing.checks.map(({ day, by }) => ({ day, by })) }),
			...(facing.derived.length && { derived: facing.derived }),
			...(looked && { looked: looked.toISOString() }),
		},
	};
	const overview = overviewOf(facing);
	if (overview) return overviewWords(overview, facing, frame);
	return facing.running ? unjudgedWords(facing.running, facing, frame) : unseenWords(facing, frame);
}

/** What every card has: its first words, the times of polls, and its value for programs. */
type Frame = { opening: string | undefined; foot: string; value: Record<string, unknown> };

/** For a server of unknown software. */
function unseenWords({ server, history }: Facing, { opening, foot, value }: Frame): Answer {
	const observed = lastObserved(history);
	const observation = observed && observationWords({ server, ...observed });
	const is = history.at(-1)?.is;
	const isNamed = is === 'other' || is === 'unreadable';
	const says = (isNamed && observation?.result) || `I cannot say what ${quoted(server)} runs`;
	const more = isNamed ? observation?.advice : observation && wholeWords(observation);
	// The observation already asks for the version, or makes asking pointless.
	const isAsked = isNamed || observed?.kind === 'hidden';
	const help = isAsked
		? ''
		: `If it cannot be polled, tell me what it runs: ${code(`!profile ${server} version=1.150`)}`;
	return {
		value: { ...value, running: null },
		lead: [`**${says}.**`, more, opening, help, foot].filter(Boolean).join('\n\n'),
		sections: [],
		kind: 'answer',
	};
}

/** The first words of a card about a running server. */
function nameWords(running: Running, { server, knowledge }: Facing): string {
	const by = running.by === 'person' ? ' (as you told me)' : '';
	return `${quoted(server)} runs Synapse ${versionWords(running, knowledge)}${by}`;
}

/** Why the last poll failed, if it did: a silent server is assumed to run what it ran. */
function failureWords({ server, history }: Facing): string | undefined {
	const observed = lastObserved(history);
	return observed && wholeWords(observationWords({ server, ...observed }));
}

/** For a release that we do not know. */
function unjudgedWords(running: Running, facing: Facing, { opening, foot, value }: Frame): Answer {
	const why = failureWords(facing);
	const named = nameWords(running, facing);
	const lead = [
		`**${named}.** ${unknownWords(facing.knowledge)}`,
		why && `⚠️ ${why}`,
		waversWords(running),
		opening,
		foot,
	];
	return {
		value: { ...value, running: running.version, known: false, gaps: ['advisories', 'deadlines', 'rollback'] },
		lead: lead.filter(Boolean).join('\n\n'),
		sections: [{ title: 'Deployment', markdown: knownFacts(facing), fold: false }],
		kind: 'answer',
	};
}

const colours: Record<Overview['state'], string> = { risk: '🔴', late: '🟡', fine: '🟢' };

function overviewWords(overview: Overview, facing: Facing, { opening, foot, value }: Frame): Answer {
	const { running, newest, open, deadlines } = overview;
	const { version, build } = running;
	const why = failureWords(facing);
	const named = nameWords(running, facing);
	const colour = colours[overview.state];
	const state = [
		behindWords(version, overview.behind, newest),
		open.length ? count(open.length, 'known vulnerability', 'known vulnerabilities') : 'no known vulnerabilities',
	].join(', ');
	const lead = [
		build ? `${colour} **${named}.** Treated as ${version}: ${state}.` : `${colour} **${named}: ${state}.**`,
		build && `⚠️ ${caveatWords(running)}`,
		why && `⚠️ ${why}`,
		waversWords(running),
		opening,
		foot,
	];
	return {
		value: {
			...value,
			running: version,
			...(build && { build }),
			newest,
			behind: overview.behind,
			advisories: open.map(({ id }) => id),
			deadlines: deadlines.map(({ id }) => id),
			rollback: overview.rollback.floor,
		},
		lead: lead.filter(Boolean).join('\n\n'),
		sections: overviewSections(overview, facing),
		kind: 'answer',
	};
}

/** Recent breaking changes of its distribution: one line, and the command that shows all of them. */
function distributionLines(facing: Facing): string[] {
	const found = recentBreaks(facing);
	if (!found?.changes.length) return [];
	const { of, since, changes } = found;
	const where = of === 'mdad' ? 'the playbook' : 'the charts';
	return [
		`${count(changes.length, 'recent change')} in ${where} may break something: ${code(`!upgrade ${of} ${since}`)}`,
	];
}

/** A room opens at the end of a message, so everything except the state is folded. */
function overviewSections(overview: Overview, facing: Facing): Section[] {
	const { server } = facing;
	const { open, severe, way, newest, deadlines, overdue, rollback, ask } = overview;
	const lines = [
		...(open.length
			? [
					`${severe ? '🔴' : '⚠️'} ${count(open.length, 'known vulnerability', 'known vulnerabilities')}${severe ? `, ${severe} severe` : ''}`,
				]
			: []),
		...(way && newest
			? [`Upgrade to ${newest}: ${tallyWords(tally(way))}; ${code(`!upgrade ${server}`)}`, ...warningLines(way.unread)]
			: []),
		backWords(rollback, 'its'),
		...distributionLines(facing),
	];
	const say = ask.length
		? ` To tell me more: ${code(`!profile ${server} ${ask.map(factExample).join(' ')}`)}; negate a fact with a ${code('no-')} prefix.`
		: '';
	return [
		{ title: 'State', markdown: list(lines), fold: false },
		...(deadlines.length || overdue.length
			? [
					{
						title: `Next deadlines (${deadlines.length + overdue.length})`,
						markdown: list([...deadlines.map(deadlineLine), ...lateWords(overdue, server)]),
						fold: true,
					},
				]
			: []),
		{
			title: ask.length ? 'Deployment, and what I would like to know' : 'Deployment',
			markdown: `${knownFacts(facing)}${say}`,
			fold: true,
		},
	];
}

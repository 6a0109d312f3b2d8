// Replays a server's past: what today's code would have told a room about it each day.
import type { Alert, Watch } from '../../src/advice/watch/alerts.ts';
import { alerts } from '../../src/advice/watch/alerts.ts';
import type { LookRun } from '../../src/advice/watch/history.ts';
import { withLook } from '../../src/advice/watch/history.ts';
import type { SaidAlert } from '../../src/advice/watch/said-alert.ts';
import { profileFrom } from '../../src/advice/watch/subscription.ts';
import { concern } from '../../src/deployment/condition.ts';
import type { Knowledge, Note } from '../../src/knowledge/schema/synapse.ts';
import { knownOn, type Policy } from './history.ts';

export type Life = { from: string; to: string; policy: Policy; facts: readonly string[] };

/** A message: all alerts of one day. */
export type Heard = { day: string; alerts: Alert[] };

const ms = 24 * 3600_000;

/** All days from the first to the last, including both. */
export function daysFrom(from: string, to: string): string[] {
	const days: string[] = [];
	for (let at = Date.parse(from); at <= Date.parse(to); at += ms) days.push(new Date(at).toISOString().slice(0, 10));
	return days;
}

/** One tick a day, at noon. */
export function replay({ from, to, policy, facts }: Life, knowledge: Knowledge): Heard[] {
	let watch: Watch = {
		id: 'replay',
		server: 'example.org',
		profile: profileFrom(facts),
		changed: `${from}T00:00:00.000Z`,
		zone: 'UTC',
		smallest: 'info',
	};
	const said: SaidAlert[] = [];
	const heard: Heard[] = [];
	let history: LookRun[] = [];
	let changes = '';
	let known = knownOn(from, knowledge);
	for (const day of daysFrom(from, to)) {
		const version = policy(day);
		if (version === undefined) continue;
		const now = new Date(`${day}T12:00:00Z`);
		history = withLook(history, { is: 'synapse', version }, now.toISOString());
		const today = String([
			knowledge.releases.filter(({ date }) => date <= day).length,
			knowledge.advisories.filter(({ published }) => published <= day).length,
		]);
		if (today !== changes) known = knownOn(day, knowledge);
		changes = today;
		const found = alerts({ knowledge: known, history, watch, said, now });
		for (const alert of found) {
			if (alert.heard !== undefined) watch = { ...watch, heard: alert.heard };
			if (alert.rule !== 'first' && alert.rule !== 'change')
				remember(said, alert as Alert & { rule: SaidAlert['rule'] }, now);
		}
		const loud = found.filter(({ unsaid }) => !unsaid);
		if (loud.length) heard.push({ day, alerts: loud });
	}
	return heard;
}

function remember(
	said: SaidAlert[],
	{ rule, subject, episode, stage, severity, about, kind, unsaid }: Alert & { rule: SaidAlert['rule'] },
	now: Date,
): void {
	const at = now.toISOString();
	const open = said.find(one => one.rule === rule && one.subject === subject && one.episode === episode);
	if (!open) said.push({ rule, subject, episode, stage, at, reminders: 0, severity, about, ...(unsaid && { unsaid }) });
	else if (kind === 'solved') open.solved = at;
	else if (kind === 'reminder') Object.assign(open, { at, reminders: open.reminders + 1 });
	else Object.assign(open, { stage, at, severity, about, reminders: 0 });
}

/** The history of one promise that came true. */
export type Kept = {
	id: string;
	subject: string;
	announced: string;
	landed: { release: string; day: string };
	/** The first day on which the room was told. */
	heard?: string;
	/** Days from being told until it landed, and from upstream's announcement until it landed. */
	ahead?: number;
	possible: number;
	verdict: 'in time' | 'late' | 'never' | 'too short' | 'before';
};

/** In days: being told this far ahead leaves time to act. */
const enough = 14;

/**
 * Every promise that certainly affects the server and came true during its life. `too short`: upstream itself announced
 * it less than 14 days ahead, and the room was told by the next day. `before`: the room subscribed later than the
 * announcement, and the status card showed it.
 */
export function promises(life: Life, heard: readonly Heard[], knowledge: Knowledge): Kept[] {
	const profile = profileFrom(life.facts);
	const dateOf = (version: string) => knowledge.releases.find(release => release.version === version)?.date;
	return knowledge.notes.flatMap((note): Kept[] => {
		const { deadline } = note;
		if (deadline?.landed === undefined || deadline.withdrawn !== undefined) return [];
		const [announced, landed] = [dateOf(note.release), dateOf(deadline.landed)];
		if (announced === undefined || landed === undefined || landed <= life.from || landed > life.to) return [];
		if (concern(note.applies, profile).is !== true || announced >= landed) return [];
		const first = heard.find(({ alerts }) => alerts.some(alert => tells(alert, note)))?.day;
		const days = (a: string, b: string) => Math.round((Date.parse(b) - Date.parse(a)) / ms);
		const possible = days(announced, landed);
		const ahead = first === undefined ? undefined : days(first, landed);
		const kept = {
			id: note.id,
			subject: deadline.subject,
			announced,
			landed: { release: deadline.landed, day: landed },
			...(first !== undefined && { heard: first, ahead: days(first, landed) }),
			possible,
		};
		const verdict =
			announced <= life.from
				? 'before'
				: ahead === undefined
					? 'never'
					: ahead >= enough
						? 'in time'
						: possible < enough && first !== undefined && days(announced, first) <= 1
							? 'too short'
							: 'late';
		return [{ ...kept, verdict }];
	});
}

/** Whether an alert reports the note's deadline: its own alert, or the one about the release that announced it. */
function tells({ rule, subject, details }: Alert, note: Note): boolean {
	if (rule === 'deadline') return subject === (note.story ?? note.id);
	const announced = note.deadline?.subject;
	return details?.is === 'release' && details.announces.some(deadline => deadline.subject === announced);
}

// Words for the operator's room: what is wrong with the bot, and the answers of `!operator`.
import type { OperatorFault } from '../advice/operator/faults.ts';
import type { Limits } from '../advice/watch/subscription.ts';
import type { Answer } from '../answer.ts';
import type { GivenUp, OperatedRoom, WaitingDelivery } from '../ports/operator.ts';
import { count, duration, enumerate, list } from '../text/format.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';
import { uncountedWords } from './status.ts';
import { sourceTroubleWords } from './upstream-outage.ts';

/** Lists of at most this many lines are shown in full. */
const maxShown = 20;

/** One-off events and lasting faults. Past episodes are not included. */
export type OperatorNews = {
	faults: readonly OperatorFault[];
	givenUp: readonly GivenUp[];
	lost: readonly { room: string }[];
	/** How long the event loop was blocked (ms). */
	frozen?: number;
	/** Why the process ended before this start, and when. */
	ended?: { at: Date; why: string };
	/** When a replica took over from one that could not go on. */
	takenOver?: Date;
};

export function operatorNewsWords(news: OperatorNews, now: Date): Answer {
	const lines = [
		...(news.ended
			? [`I stopped ${ago(news.ended.at, now)}: ${escapeMarkdown(news.ended.why)} I am running again.`]
			: []),
		...(news.takenOver
			? [
					`A replica took over ${ago(news.takenOver, now)}: the previous one died, hung, or lost its connection to the database or the homeserver. See its log`,
				]
			: []),
		...(news.frozen === undefined
			? []
			: [
					`My event loop was blocked for ${duration(Math.round(news.frozen / 1000))}: the machine is short of CPU or memory`,
				]),
		...news.faults.map(fault => faultWords(fault, now)),
		...shortened(
			news.givenUp,
			one => `A message to ${code(one.room)} was refused for good: ${escapeMarkdown(one.why)}`,
		),
		...shortened(news.lost, ({ room }) => `I am no longer in ${code(room)}: its data is kept for a few days`),
	];
	const [only] = lines;
	const lead =
		lines.length === 1 && only !== undefined ? `⚠️ ${only}` : `⚠️ ${count(lines.length, 'problem')}\n\n${list(lines)}`;
	return { value: { format: 1 }, lead, sections: [], kind: 'answer' };
}

function faultWords(fault: OperatorFault, now: Date): string {
	switch (fault.is) {
		case 'unsigned':
			return `My session is not signed, so some clients will not accept my messages. ${escapeMarkdown(fault.needs)}`;
		case 'mute':
			return `I cannot speak in encrypted rooms: ${uncountedWords(fault.by)} (${escapeMarkdown(fault.why)})`;
		case 'second':
			return `Another Glia is answering on my account, as session ${code(fault.device)}: stop one of us`;
		case 'lingering':
			return `Old sessions of mine are still logged in: ${enumerate(fault.devices.map(code))}. Log them out`;
		case 'store-lost':
			return `My store was lost or emptied ${ago(fault.at, now)}: watches and settings are gone, and each room was told. Restore a backup if you have one`;
		case 'old-backup':
			return `The last backup was made ${ago(fault.at, now)}. ${code('systemctl status glia-backup')}, or whatever starts it, shows the reason`;
		case 'newer-version':
			return `A newer Glia is out: ${escapeMarkdown(fault.version)}`;
		case 'stale-source': {
			const since = fault.read ? `was last read ${ago(fault.read, now)}` : 'has not been read since I started';
			const why = fault.trouble === undefined ? '' : `: ${sourceTroubleWords(fault.trouble)}`;
			return `Upstream's source “${escapeMarkdown(fault.name)}” ${since}${why}. New releases or advisories may go unnoticed`;
		}
	}
}

function ago(at: Date, now: Date): string {
	return `${duration(Math.max(0, Math.round((now.getTime() - at.getTime()) / 1000)))} ago`;
}

function shortened<Item>(items: readonly Item[], words: (item: Item) => string): string[] {
	const lines = items.slice(0, maxShown).map(words);
	const more = items.length - lines.length;
	return more > 0 ? [...lines, `and ${more} more like this`] : lines;
}

export function operatorHelp(room: string): Answer {
	const lines = [
		`${code('!operator rooms')} my rooms, and who invited me`,
		`${code('!operator waiting')} messages not yet processed or delivered`,
		`${code('!operator limits')} limits from the configuration`,
		`${code('!operator leave !room:example.org')} leave a room`,
		`${code('!operator announce We move on Sunday.')} say something in all rooms`,
	];
	return {
		value: { format: 1, operator: room },
		lead: `This is the operator's room. Here I report problems that I otherwise only log, once each.\n\n${list(lines)}`,
		sections: [],
		kind: 'answer',
	};
}

export function roomsWords(rooms: readonly OperatedRoom[]): Answer {
	const lines = rooms.map(
		({ room, inviter, since, encrypted, watches, replacedBy }) =>
			`${code(room)} since ${since.toISOString().slice(0, 10)}${inviter === undefined ? '' : `, invited by ${code(inviter)}`}; ${count(watches, 'watch', 'watches')}${encrypted ? '; encrypted' : ''}${replacedBy === undefined ? '' : `; replaced by ${code(replacedBy)}`}`,
	);
	const value = rooms.map(({ since, ...room }) => ({ ...room, since: since.toISOString() }));
	return {
		value: { format: 1, rooms: value },
		lead: `I am in ${count(rooms.length, 'room')}.`,
		sections: lines.length
			? [{ title: `Rooms (${rooms.length})`, markdown: list(lines), fold: lines.length > maxShown }]
			: [],
		kind: 'answer',
	};
}

export function waitingWords(
	{ inbox, outbox, oldest }: { inbox: number; outbox: number; oldest: readonly WaitingDelivery[] },
	now: Date,
): Answer {
	const lines = oldest.map(
		({ room, since, tries, next }) =>
			`${code(room)}: processed ${ago(since, now)}, ${count(tries, 'attempt')}${next > now ? `, next in ${duration(Math.round((next.getTime() - now.getTime()) / 1000))}` : ''}`,
	);
	const rest = outbox - lines.length;
	return {
		value: {
			format: 1,
			inbox,
			outbox,
			oldest: oldest.map(one => ({ ...one, since: one.since.toISOString(), next: one.next.toISOString() })),
		},
		lead:
			inbox + outbox === 0
				? 'Nothing is waiting.'
				: `${count(inbox, 'message')} to process, ${outbox} to deliver.${lines.length ? `\n\n${list(rest > 0 ? [...lines, `and ${rest} more`] : lines)}` : ''}`,
		sections: [],
		kind: 'answer',
	};
}

export function limitsWords(limits: Limits, allow: readonly string[]): Answer {
	const { every, perRoom, perPerson, keepDays } = limits;
	const lines = [
		`These may invite me: ${enumerate(allow.map(entry => code(entry)))} (${code('matrix.allow')})`,
		`A room may watch at most ${count(perRoom, 'server')} (${code('watch.perRoom')})`,
		`A person may start at most ${count(perPerson, 'watch', 'watches')} (${code('watch.perPerson')})`,
		`A server is checked every ${duration(Math.round(every / 1000))} (${code('watch.hours')})`,
		`A room that I left is remembered for ${count(keepDays, 'day')} (${code('matrix.forgetAfterDays')})`,
	];
	return {
		value: { format: 1, perRoom, perPerson, everySeconds: every / 1000, keepDays, allow: [...allow] },
		lead: `Limits from the configuration:\n\n${list(lines)}`,
		sections: [],
		kind: 'answer',
	};
}

export function leftWords(room: string): Answer {
	return {
		value: { format: 1, left: room },
		lead: `I am leaving ${code(room)}. Its data is kept for a few days; an invitation brings it back.`,
		sections: [],
		kind: 'answer',
	};
}

/** A person's text with its lines and paragraphs, but without markup. */
function linesOf(text: string): string {
	return text
		.split(/\r\n|\r|\n/)
		.map(escapeMarkdown)
		.join('  \n')
		.replace(/(?: {2}\n){2,}/g, '\n\n');
}

/** The text as other rooms see it. It mentions nobody. */
export function announcementWords(text: string): Answer {
	return {
		value: { format: 1 },
		lead: `From my operator: ${linesOf(text)}`,
		sections: [],
		kind: 'progress',
	};
}

export function announcementQuestion(text: string, rooms: number): Answer {
	return {
		value: { format: 1, announced: false, rooms },
		lead: `Should I say this in ${count(rooms, 'other room')}? React with ✅ to this message, or repeat the command with ${code('yes')} before the text.\n\n> ${linesOf(text).replaceAll('\n', '\n> ')}`,
		sections: [],
		kind: 'progress',
		confirms: `!operator announce yes ${text}`,
	};
}

export function announcedWords(rooms: number): Answer {
	return {
		value: { format: 1, announced: true, rooms },
		lead: `On its way to ${count(rooms, 'room')}.`,
		sections: [],
		kind: 'answer',
	};
}

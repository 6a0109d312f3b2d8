// Words for !status.
import type { CheckRecord } from '../advice/check/record.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Answer, Section } from '../answer.ts';
import { count, duration, list } from '../text/format.ts';
import { momentIn } from '../text/local-time.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';
import { type UpdatesStatus, updatesLine } from './published.ts';

type Status = {
	format: 1;
	version: string;
	/** A newer version of Glia, if one is known. */
	newer?: string;
	upSeconds: number;
	lastSync?: string;
	/**
	 * `unsignedSince`: ISO 8601. `devices`: of the account. `second`, `lingering`: other sessions of Glia. `mute`:
	 * why nothing can be sent to encrypted rooms; `muteBy`: which side is failing.
	 */
	device?: {
		fingerprint: string;
		signed?: boolean;
		unsignedSince?: string;
		devices?: number;
		second?: string;
		lingering?: readonly string[];
		mute?: string;
		muteBy?: 'homeserver' | 'store';
	};
	horizon: Plan['horizon'];
	notes: number;
	unread: number;
	advisories: number;
	/**
	 * When any server was last polled, and when the next poll is due. For the room's own servers: when each was
	 * last seen running Synapse, last polled, and is polled next. ISO 8601, UTC.
	 */
	watch: {
		last?: string;
		next?: string;
		servers: readonly {
			server: string;
			runs?: string;
			seen?: string;
			looked?: string;
			next: string;
			/** The days on which its configuration was checked. */
			checked?: readonly Pick<CheckRecord, 'day' | 'by'>[];
		}[];
	};
	/** When all previous watches and settings were lost. */
	storeLost?: string;
	/** Rooms whose replacement needs an invitation: this room's, and the number of others. */
	awaitsInvitation?: { here?: string; elsewhere: number };
	/** Published knowledge; absent if none is configured. */
	updates?: UpdatesStatus;
	/** The upstream sources; `ago` in seconds. Absent if there are none, empty if they are switched off. */
	sources?: { name: string; address: string; read?: string; ago?: number; trouble?: string }[];
};

/** A time (ISO 8601, UTC) in readable form. */
function moment(at: string): string {
	return `${at.slice(0, 19).replace('T', ' ')} UTC`;
}

/** `zone`: the room's time zone. */
export function statusWords(status: Status, zone: string): Answer {
	const { version, upSeconds, lastSync, device, horizon, notes, unread, advisories, watch, sources, awaitsInvitation } =
		status;
	const looks = [
		...(watch.last === undefined ? [] : [`last check ${momentIn(new Date(watch.last), zone)}`]),
		...(watch.next === undefined ? [] : [`next check ${momentIn(new Date(watch.next), zone)}`]),
	];
	const lines = [
		...(status.newer === undefined ? [] : [`A newer Glia is out: ${status.newer}. Please tell my operator`]),
		`Knowledge: Synapse up to ${horizon.release}, as of ${horizon.read}; ${count(notes, 'note')}, ${count(advisories, 'advisory', 'advisories')}, ${unread ? `${count(unread, 'upstream passage')} not reviewed yet` : 'no unreviewed upstream passages'}`,
		...(status.updates ? [updatesLine(status.updates)] : []),
		`Watching: ${watch.servers.length ? `${count(watch.servers.length, 'server')} for this room` : 'no servers for this room'}${looks.length ? `. For all my rooms: ${looks.join(', ')}` : ''}`,
		...(lastSync ? [`Last response from the homeserver: ${moment(lastSync)}`] : []),
		...(device ? [deviceLine(device), ...sessionLines(device)] : []),
		...(status.storeLost
			? [`⚠️ My store was lost or emptied ${moment(status.storeLost)}: earlier watches and settings are gone`]
			: []),
		...(awaitsInvitation ? invitationLines(awaitsInvitation) : []),
	];
	return {
		value: status,
		lead: `**${isWell(status) ? 'All is well' : 'There are problems'}:** Glia ${version}, up for ${duration(upSeconds)}.\n\n${list(lines)}`,
		sections: [
			...(watch.servers.length ? [looksSection(watch.servers, zone)] : []),
			...(sources ? [sourcesSection(sources)] : []),
		],
		kind: 'answer',
	};
}

/** Whether nothing below is marked as a fault. */
function isWell({ device, storeLost, awaitsInvitation, updates, sources = [] }: Status): boolean {
	const { signed, second, lingering = [], mute } = device ?? {};
	return (
		signed !== false &&
		second === undefined &&
		lingering.length === 0 &&
		mute === undefined &&
		storeLost === undefined &&
		awaitsInvitation?.here === undefined &&
		updates?.trouble === undefined &&
		updates?.refused === undefined &&
		sources.every(({ trouble }) => trouble === undefined)
	);
}

function looksSection(servers: Status['watch']['servers'], zone: string): Section {
	const at = (iso: string) => momentIn(new Date(iso), zone);
	const told = (what: string, iso: string | undefined) =>
		iso === undefined ? `never ${what}` : `last ${what} ${at(iso)}`;
	const lines = servers.map(
		({ server, runs, seen, looked, next, checked = [] }) =>
			`${quoted(server)}${runs === undefined ? '' : ` runs Synapse ${runs}`}: ${told('seen', seen)}, ${told('checked', looked)}, next check ${at(next)}${checked.map(({ day, by }) => `, ${by === 'look' ? 'a look at its configuration' : 'configuration checked'} ${day}`).join('')}`,
	);
	return { title: `Watched servers (${servers.length})`, markdown: list(lines), fold: servers.length > 3 };
}

/** Why this start could not be counted: the homeserver's fault, or the store's. */
export function uncountedWords(by: NonNullable<Status['device']>['muteBy']): string {
	return by === 'store' ? 'my store cannot record this start' : 'the homeserver does not store my account data';
}

function sessionLines({ devices, second, lingering = [], mute, muteBy }: NonNullable<Status['device']>): string[] {
	const names = (ids: readonly string[]) => ids.map(code).join(', ');
	return [
		...(mute === undefined
			? []
			: [`⚠️ I cannot speak in encrypted rooms for now: ${uncountedWords(muteBy)} (${escapeMarkdown(mute)})`]),
		...(devices === undefined ? [] : [`My account: ${count(devices, 'device')}, including this one`]),
		...(second === undefined
			? []
			: [`⚠️ Another Glia is answering on my account, as session ${code(second)}: my operator must stop one of us`]),
		...(lingering.length > 0
			? [`⚠️ Old sessions of mine are still logged in: ${names(lingering)}. My operator must log them out`]
			: []),
	];
}

function deviceLine({ fingerprint, signed, unsignedSince }: NonNullable<Status['device']>): string {
	if (signed === undefined)
		return `My device: ${code(fingerprint)}; I do not know yet whether my account has signed it`;
	const standing = signed
		? 'signed by my account'
		: `⚠️ not signed by my account${unsignedSince === undefined ? '' : ` since ${moment(unsignedSince)}`}: some clients will not accept my messages, and my log says what my operator must do`;
	return `My device: ${code(fingerprint)}, ${standing}`;
}

function invitationLines({ here, elsewhere }: NonNullable<Status['awaitsInvitation']>): string[] {
	return [
		...(here === undefined
			? []
			: [`⚠️ This room was upgraded to ${code(here)}, which I cannot join yet: I am waiting for an invitation`]),
		...(elsewhere === 0
			? []
			: [
					`${count(elsewhere, 'other room')} of mine moved to rooms that I cannot join yet: I am waiting for an invitation`,
				]),
	];
}

function sourcesSection(sources: NonNullable<Status['sources']>): Section {
	const bad = sources.filter(({ trouble }) => trouble !== undefined);
	const lines = sources.map(({ name, ago, trouble }) => {
		const read = ago === undefined ? 'not read yet' : `read ${duration(ago)} ago`;
		return `**${escapeMarkdown(name)}:** ${read}${trouble === undefined ? '' : `, but ⚠️ ${trouble}`}`;
	});
	return {
		title: `Upstream sources (${sources.length})`,
		...(bad.length > 0 && { mark: '⚠️' }),
		markdown: sources.length
			? `${bad.length ? 'I am still using the last response from each source; there may be newer data.\n\n' : ''}${list(lines)}`
			: `They are turned off (${code('live.enabled')}): I only know what came with this version.`,
		fold: bad.length === 0,
	};
}

// Whether upstream can still be heard, and what a room is told when it cannot, and when it can again.
import type { Answer } from '../command.ts';
import { momentIn } from './hours.ts';
import { code, escapeMarkdown } from './markdown.ts';
import { list } from './words.ts';

/** How a source of upstream's stands: when it was last read, how often in a row it failed since, and why. */
export type SourceStanding = { name: string; read?: Date; failures: number; trouble?: string };

export type UpstreamSilence = {
	/** Since when the first of them was not read. */
	since: Date;
	sources: readonly SourceStanding[];
};

/** What a room would miss; what else is stale stands in `!status`. */
const telling = ['releases', 'upgrade notes', 'advisories'];
/** A source is silent when it was not read for two days, and failed so often: once may be our own network that wakes. */
const patience = { ms: 48 * 3600_000, failures: 3 };

/** The sources that have not answered for long, or undefined. `known`: the day on which the edition was compiled. */
export function silenceOf(sources: readonly SourceStanding[], known: string, now: Date): UpstreamSilence | undefined {
	const silent = sources
		.filter(({ name, failures }) => telling.includes(name) && failures >= patience.failures)
		.map(source => ({ ...source, since: source.read ?? new Date(known) }))
		.filter(({ since }) => now.getTime() - since.getTime() >= patience.ms);
	const [first] = silent.map(({ since }) => since).sort((a, b) => a.getTime() - b.getTime());
	return first && { since: first, sources: silent };
}

/** Whether all that a room would miss has been read again, lately: a start begins without failures. */
export function isHeardAgain(sources: readonly SourceStanding[], now: Date): boolean {
	const told = sources.filter(({ name }) => telling.includes(name));
	return (
		told.length > 0 &&
		told.every(({ failures, read }) => failures === 0 && read && now.getTime() - read.getTime() < patience.ms)
	);
}

export function silenceWords({ since, sources }: UpstreamSilence, zone: string, mention: string | undefined): Answer {
	const lines = sources.map(
		({ name, trouble }) => `${escapeMarkdown(name)}${trouble === undefined ? '' : `: ${trouble}`}`,
	);
	return {
		value: { format: 1, silent: { since: since.toISOString(), sources: sources.map(({ name }) => name) } },
		lead: [
			`**⚠️ I have not read all of upstream’s news since ${momentIn(since, zone)}.**`,
			`I ask again and again, and cannot read:\n\n${list(lines)}`,
			`Until I can, I may miss a new release or an advisory; what I know still counts. I say here when it is over; ${code('!status')} shows each source.`,
		].join('\n\n'),
		sections: [],
		kind: 'answer',
		...(mention !== undefined && { mention: [mention] }),
	};
}

export function heardAgainWords(): Answer {
	return {
		value: { format: 1, silent: null },
		lead: '**✅ I read upstream’s news again.** What I missed I know now, and say what concerns this room.',
		sections: [],
		kind: 'answer',
	};
}

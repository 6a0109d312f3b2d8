// Reads upstream's documents periodically and within limits. Keeps the last good response, and skips what cannot be read.

import { LRUCache } from 'lru-cache';
import type { SourceTrouble } from '../../advice/watch/upstream-outage.ts';
import { type KnownUpstream, type News, newsOf, type Sources } from '../../knowledge/live.ts';
import type { Kept, SourceState } from '../../ports/web.ts';
import { hasCome } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Gate } from './client.ts';
import { type Copy, type Document, fetchDocuments, maxWait } from './documents.ts';
import { type SourcesSettings, sourcesOf, type Taken, type UpstreamSource } from './source.ts';

export type { SourcesSettings } from './source.ts';

type State = {
	source: UpstreamSource;
	copies: Map<string, Copy>;
	read?: Date;
	tried?: Date;
	next: Date;
	failures: number;
	trouble?: SourceTrouble;
	/** Since when its content has looked truncated. */
	doubted?: Date;
};

export type SourcesGiven = {
	settings: SourcesSettings;
	gate: Gate;
	kept: Kept;
	known: KnownUpstream;
	now: () => Date;
	random: () => number;
	log: Log;
};

export type OpenSources = {
	/** The same object until something changes. */
	news: () => News;
	states: () => SourceState[];
	/** Reads what is due. Source failures never reject; only a failure to store the result does. */
	read: () => Promise<void>;
};

const minute = 60_000;
const hour = 60 * minute;
/** A source that has shrunk, and stays so, is believed after this (ms). */
const doubtFor = 72 * hour;
/** 8 MB for one document: the largest, a hundred releases with their logs, is about 1 MB. */
const bodyBytes = 8 * 1024 * 1024;
const headerBytes = 32 * 1024;
/** At most this many skipped items are named. */
const maxNamed = 3;

export async function openSources(given: SourcesGiven): Promise<OpenSources> {
	const { settings, gate, known } = given;
	const values: Sources = {};
	const sources = sourcesOf(settings, values, known, given.now);
	const reading: SourcesReading = {
		given,
		values,
		states: [],
		say: openSay(given.log),
		news: newsOf({}, known),
		of: known.releases,
	};
	const { states } = reading;
	for (const source of sources) states.push(await restored(reading, source));
	const before = joined(reading);
	if (before) reading.news = before;
	else {
		// Something stored cannot be used, so read everything again.
		restore(values, {});
		states.splice(0, states.length, ...sources.map(source => fresh(source, given.now())));
	}
	let underway: Promise<void> | undefined;

	async function readAll(): Promise<void> {
		for (const state of states) if (!gate.closed() && isDue(state, given.now())) await round(reading, state);
	}

	return {
		news() {
			if (reading.of === known.releases) return reading.news;
			// Another edition has been loaded, so other things are news now.
			reading.news = joined(reading) ?? newsOf({}, known);
			reading.of = known.releases;
			return reading.news;
		},
		states: () =>
			states
				.filter(({ source }) => source.documents().length > 0)
				.map(({ source, read, tried, next, trouble, failures }) => ({
					name: source.name,
					address: source.documents()[0]?.address ?? '',
					...(read && { read }),
					...(tried && { tried }),
					next,
					failures,
					...(trouble !== undefined && { trouble }),
				})),
		read() {
			underway ??= readAll().finally(() => {
				underway = undefined;
			});
			return underway;
		},
	};
}

/** Everything being read: the state of each source, the values extracted from it, and the resulting news. */
type SourcesReading = {
	given: SourcesGiven;
	values: Sources;
	states: State[];
	say: Say;
	news: News;
	of: KnownUpstream['releases'];
};

/** Everything that was read; undefined if it cannot be merged with the knowledge. */
function joined({ given, values, states, say }: SourcesReading): News | undefined {
	const dayOf = (name: string) =>
		states
			.find(({ source }) => source.name === name)
			?.read?.toISOString()
			.slice(0, 10);
	const [read, chartsRead, playbookRead] = [dayOf('releases'), dayOf('charts'), dayOf('playbook')];
	const days = {
		...(read !== undefined && { read }),
		...(chartsRead !== undefined && { chartsRead }),
		...(playbookRead !== undefined && { playbookRead }),
	};
	return guarded(say, 'upstream', () => newsOf({ ...values, ...days }, given.known));
}

/** Contains errors: whatever a source sends, the worst outcome is that it counts as unread. */
function guarded<Value>(say: Say, name: string, work: () => Value): Value | undefined {
	try {
		return work();
	} catch (error) {
		say(name, `an internal error while reading: ${error instanceof Error ? error.message : error}`, { err: error });
		return undefined;
	}
}

/** Reads what a source sent into the values. If that fails, everything stays as it was. */
function taken(
	reading: SourcesReading,
	{ source, doubted }: State,
	copies: ReadonlyMap<string, Copy>,
): { result: Taken; news?: News } {
	const { values, say } = reading;
	const now = reading.given.now().getTime();
	const believed = doubted !== undefined && now - doubted.getTime() >= doubtFor;
	const before = { ...values };
	const result = guarded(say, source.name, () => source.take(copies, believed)) ?? { reason: 'I cannot read it' };
	if ('reason' in result) {
		restore(values, before);
		return { result };
	}
	const all = joined(reading);
	if (all) return { result, news: all };
	restore(values, before);
	return { result: { reason: 'I cannot merge it with what I know' } };
}

function restore(values: Sources, before: Sources): void {
	for (const key of Object.keys(values) as (keyof Sources)[]) if (!(key in before)) delete values[key];
	Object.assign(values, before);
}

function fresh(source: UpstreamSource, next: Date): State {
	return { source, copies: new Map(), next, failures: 0 };
}

/** The state with the time since when the source has looked truncated, which outlives restarts. */
async function doubtfully(state: State, kept: Kept): Promise<State> {
	const since = new Date((await kept.get(doubtKeyOf(state.source))) ?? '');
	return Number.isNaN(since.getTime()) ? state : { ...state, doubted: since };
}

async function doubt({ given: { kept, now } }: SourcesReading, state: State): Promise<void> {
	// A time that is still to come was written before the clock was turned back.
	if (state.doubted && state.doubted <= now()) return;
	state.doubted = now();
	await kept.put(doubtKeyOf(state.source), state.doubted.toISOString());
}

async function trust({ given: { kept } }: SourcesReading, state: State): Promise<void> {
	if (!state.doubted) return;
	delete state.doubted;
	await kept.put(doubtKeyOf(state.source), '');
}

async function restored({ given, values, say }: SourcesReading, source: UpstreamSource): Promise<State> {
	const { kept, now, random } = given;
	const state = await doubtfully(fresh(source, now()), kept);
	const text = await kept.get(keyOf(source));
	const record = text === undefined ? undefined : recordIn(text);
	if (!record) return state;
	const copies = new Map(record.copies);
	const others = { ...values };
	const result = guarded(say, source.name, () => {
		source.recall?.(record.memory);
		return source.take(copies, source.recall === undefined);
	});
	// This edition may not understand what another one stored. In that case the source is read again.
	if (!result || 'reason' in result) {
		restore(values, others);
		return state;
	}
	const trouble = troubleOf(result);
	const stored = new Date(record.read);
	const read = notAhead(stored, now());
	// Stored at once: otherwise it would count as new after each restart until the clock has caught up.
	if (read < stored) await kept.put(keyOf(source), JSON.stringify({ ...record, read: read.toISOString() }));
	const next = read < stored ? read : later(read, source.hours * hour, random);
	return { ...state, copies, read, next, ...(trouble !== undefined && { trouble }) };
}

/** What was stored while the clock was ahead counts as now, so that it does not look fresh until then. */
function notAhead(time: Date, now: Date): Date {
	return time > now ? now : time;
}

/** A time about this long (ms) after another; `random` (0 to 1) spreads out the requests of many bots. */
function later(from: Date, ms: number, random: () => number): Date {
	return new Date(from.getTime() + ms * (0.95 + 0.1 * random()));
}

function isDue(state: State, now: Date): boolean {
	if (hasCome(state.next, now, 2 * Math.max(state.source.hours * hour, maxWait))) return true;
	const isElsewhere = ({ key, address }: Document) => state.copies.get(key)?.asked !== address;
	return state.failures === 0 && state.source.documents().some(isElsewhere);
}

async function round(reading: SourcesReading, state: State): Promise<void> {
	const { settings, gate, kept, now, random } = reading.given;
	const { source } = state;
	const documents = source.documents();
	if (!documents.length) {
		state.next = later(now(), source.hours * hour, random);
		return;
	}
	state.tried = now();
	if (state.read) state.read = notAhead(state.read, state.tried);
	const { token } = settings;
	const after = (document: Document, copy: Copy, page: number) => source.after?.(document, copy, page);
	const totalMs = settings.seconds * 1000;
	const limits = { totalMs, connectMs: totalMs / 2, headerBytes, bodyBytes };
	const fetched = await fetchDocuments(documents, { gate, limits, token, before: state.copies, after });
	// A read that we aborted says nothing about the source.
	if (!fetched) return;
	const { copies, trouble, waitMs, more } = fetched;
	if (trouble !== undefined && [...copies].every(([key, copy]) => state.copies.get(key) === copy)) {
		return fail(reading, state, trouble, waitMs);
	}
	const { result, news: all } = taken(reading, state, copies);
	// The new copies, and with them their ETags, are dropped, so the next check fetches the whole documents again.
	if ('reason' in result || !all) {
		const reason = 'reason' in result ? result.reason : '';
		if ('reason' in result && result.doubt) await doubt(reading, state);
		else await trust(reading, state);
		return fail(reading, state, { is: 'changed', reason });
	}
	reading.news = all;
	state.copies = copies;
	await trust(reading, state);
	state.read = now();
	if (trouble === undefined) succeed(reading, state, result, more === true);
	else fail(reading, state, trouble, waitMs);
	const record = { read: state.read.toISOString(), copies: [...copies], memory: source.memory?.() };
	// The day a list was last read is part of the news.
	if (/^(releases|charts|playbook)$/.test(source.name)) reading.news = joined(reading) ?? reading.news;
	await kept.put(keyOf(source), JSON.stringify(record));
}

function succeed({ given, say }: SourcesReading, state: State, result: Taken, more: boolean): void {
	const { source } = state;
	state.failures = 0;
	delete state.trouble;
	const trouble = troubleOf(result);
	if (trouble !== undefined) {
		state.trouble = trouble;
		say(source.name, trouble);
	}
	state.next = later(given.now(), more ? 5 * minute : source.hours * hour, given.random);
}

function fail({ given, say }: SourcesReading, state: State, trouble: SourceTrouble, waitMs = 0): void {
	const { source } = state;
	state.failures++;
	state.trouble = trouble;
	say(source.name, trouble);
	const pause = Math.min(source.hours * hour, 5 * minute * 2 ** (state.failures - 1));
	state.next = later(given.now(), Math.max(pause, Math.min(waitMs, maxWait)), given.random);
}

type Say = (source: string, trouble: SourceTrouble | string, more?: Record<string, unknown>) => void;

/** Logs recurring messages once. */
function openSay(log: Log): Say {
	const logged = new LRUCache<string, true>({ max: 1000 });
	return (source, trouble, more = {}) => {
		const key = `${source}: ${JSON.stringify(trouble)}`;
		if (logged.has(key)) return;
		logged.set(key, true);
		log.warn({ source, trouble, ...more }, 'cannot read an upstream source, or part of it');
	};
}

function keyOf({ name }: UpstreamSource): string {
	return `source/${name}`;
}

function doubtKeyOf({ name }: UpstreamSource): string {
	return `doubt/${name}`;
}

/** What was skipped, and what else is wrong. */
function troubleOf(result: Taken): SourceTrouble | undefined {
	if ('reason' in result) return undefined;
	const { left = [], lacks } = result;
	if (!left.length && lacks === undefined) return undefined;
	const named = left.slice(0, maxNamed).map(({ item, why }) => ({ item, why }));
	return { is: 'incomplete', left: named, more: left.length - named.length, ...(lacks !== undefined && { lacks }) };
}

type Record_ = { read: string; copies: [string, Copy][]; memory?: unknown };

function recordIn(text: string): Record_ | undefined {
	try {
		const record = JSON.parse(text) as Record_;
		const isCopy = ([key, copy]: [string, Copy]) => typeof key === 'string' && typeof copy.text === 'string';
		return Number.isFinite(Date.parse(record.read)) && record.copies.every(isCopy) ? record : undefined;
	} catch {
		return undefined;
	}
}

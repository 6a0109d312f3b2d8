// Upstream's own documents, read again and again: conditionally, within limits, the last good answer kept.

import { quoted } from '../../advice/markdown.ts';
import { type Attempt, troubleWords } from '../../advice/observation.ts';
import { isCandidate, type Version } from '../../advice/version.ts';
import {
	factPaths,
	feedGoesBack,
	type Known,
	type News,
	newsOf,
	readAdvisories,
	readFeed,
	readLifecycle,
	readUpgradeNotes,
	type Sources,
	shrinks,
} from '../../knowledge/news.ts';
import type { Lifecycle } from '../../knowledge/shape.ts';
import { playbookEntries, playbookSynapse } from '../../knowledge/upstream/playbook.ts';
import type { Kept, SourceState } from '../../ports.ts';
import type { Gate } from './gate.ts';

export type SourcesSettings = {
	/** For one document. */
	seconds: number;
	/** GitHub's list of releases, newest first. */
	releases: { address: string; hours: number };
	/** `{tag}` is the newest release's. */
	upgradeNotes: { address: string; hours: number };
	/** The files of a release that say what its code enforces: `{tag}` and `{path}`. */
	files: { address: string; hours: number };
	/** GitHub's advisories of the repository, or OSV's answer; `post` is sent where a query needs a body. */
	advisories: { address: string; hours: number; post?: string | undefined };
	/** endoflife.date's page of each `{product}`. */
	lifecycles: { address: string; hours: number };
	/** The playbook's change log, and the defaults of its role for Synapse. */
	playbook: { changes: string; defaults: string; hours: number };
};

type Document = {
	key: string;
	address: string;
	post?: string;
	/** A release's file, which never changes, and may not be there. */
	fixed?: boolean;
};

type Source = {
	name: string;
	hours: number;
	/** What it consists of at the moment; none: nothing to read. */
	documents: () => Document[];
	/** Takes the texts over, or says why not. */
	take: (text: (key: string) => string) => string | undefined;
	/** What is nevertheless amiss with what was taken. */
	lacks?: () => string | undefined;
};

type Copy = { address: string; text: string; etag?: string; modified?: string };

type State = {
	source: Source;
	copies: Map<string, Copy>;
	read?: Date;
	tried?: Date;
	next: Date;
	failures: number;
	trouble?: string;
};

export type SourcesGiven = {
	settings: SourcesSettings;
	gate: Gate;
	kept: Kept;
	known: Known;
	now: () => Date;
	random: () => number;
};

export type OpenSources = {
	news: () => News;
	states: () => SourceState[];
	/** Reads what is due. Never rejects for what a source does; only if what was read cannot be kept. */
	read: () => Promise<void>;
};

const minute = 60_000;
const hour = 60 * minute;
const longestWait = 24 * hour;
/** Eight megabytes for one document: the largest, a hundred releases with their logs, has about one. */
const bodyBytes = 8 * 1024 * 1024;
const headerBytes = 32 * 1024;
/** More new releases than this, and the facts of the oldest are left to a new edition. */
const mostFacts = 5;

const products = { postgresql: 'PostgreSQL', python: 'Python', debian: 'Debian', ubuntu: 'Ubuntu' };

export async function openSources({ settings, gate, kept, known, now, random }: SourcesGiven): Promise<OpenSources> {
	const values: Sources & { lifecycles: Record<string, Lifecycle> } = { lifecycles: {} };
	const states: State[] = [];
	for (const source of sourcesOf(settings, values, known)) states.push(await restored(source));
	let news = newsNow();
	let underway: Promise<void> | undefined;
	const totalMs = settings.seconds * 1000;
	const limits = { totalMs, connectMs: totalMs / 2, headerBytes, bodyBytes };

	function newsNow(): News {
		const read = states[0]?.read?.toISOString().slice(0, 10);
		return newsOf({ ...values, ...(read !== undefined && { read }) }, known);
	}

	async function restored(source: Source): Promise<State> {
		const state: State = { source, copies: new Map(), next: now(), failures: 0 };
		const text = await kept.get(keyOf(source));
		const record = text === undefined ? undefined : recordIn(text);
		if (!record) return state;
		const copies = new Map(record.copies);
		// What an earlier version of this program understood may be nothing to this one: then it is read anew.
		if (source.take(key => copies.get(key)?.text ?? '') !== undefined) return state;
		return { ...state, copies, read: new Date(record.read), next: later(new Date(record.read), source.hours * hour) };
	}

	function later(from: Date, ms: number): Date {
		return new Date(from.getTime() + ms * (0.95 + 0.1 * random()));
	}

	function isDue(state: State): boolean {
		if (now() >= state.next) return true;
		const isElsewhere = ({ key, address }: Document) => state.copies.get(key)?.address !== address;
		return state.failures === 0 && state.source.documents().some(isElsewhere);
	}

	async function round(state: State): Promise<void> {
		const { source } = state;
		const documents = source.documents();
		if (!documents.length) {
			state.next = later(now(), source.hours * hour);
			return;
		}
		state.tried = now();
		const copies = new Map<string, Copy>();
		for (const document of documents) {
			const before = state.copies.get(document.key);
			const own = before?.address === document.address ? before : undefined;
			if (own && document.fixed) {
				copies.set(document.key, own);
				continue;
			}
			const attempt = await gate.page(document.address, {
				budget: { leftMs: limits.totalMs },
				limits,
				headers: {
					accept: '*/*',
					...(own?.etag !== undefined && { 'if-none-match': own.etag }),
					...(own?.modified !== undefined && { 'if-modified-since': own.modified }),
					...(document.post !== undefined && { 'content-type': 'application/json' }),
				},
				...(document.post !== undefined && { post: document.post }),
			});
			// What was cut off by our own end says nothing about the source.
			if (gate.closed()) return;
			const copy = copyOf(attempt, document, own);
			if ('trouble' in copy) return fail(state, copy.trouble, copy.waitMs);
			copies.set(document.key, copy.copy);
		}
		const reason = source.take(key => copies.get(key)?.text ?? '');
		// Without its ETag, so that the next look gets the whole document again.
		if (reason !== undefined) return fail(state, `it does not look as it did: ${quoted(reason, 200)}`);
		state.copies = copies;
		state.read = now();
		state.failures = 0;
		delete state.trouble;
		const lacks = source.lacks?.();
		if (lacks !== undefined) state.trouble = lacks;
		state.next = later(now(), source.hours * hour);
		await kept.put(keyOf(source), JSON.stringify({ read: state.read.toISOString(), copies: [...copies] }));
	}

	function fail(state: State, trouble: string, waitMs = 0): void {
		state.failures++;
		state.trouble = trouble;
		const pause = Math.min(state.source.hours * hour, 5 * minute * 2 ** (state.failures - 1));
		state.next = later(now(), Math.max(pause, Math.min(waitMs, longestWait)));
	}

	async function readAll(): Promise<void> {
		for (const state of states) if (!gate.closed() && isDue(state)) await round(state);
		news = newsNow();
	}

	return {
		news: () => news,
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

function keyOf({ name }: Source): string {
	return `source/${name}`;
}

function recordIn(text: string): { read: string; copies: [string, Copy][] } | undefined {
	try {
		const record = JSON.parse(text) as { read: string; copies: [string, Copy][] };
		return Number.isFinite(Date.parse(record.read)) && Array.isArray(record.copies) ? record : undefined;
	} catch {
		return undefined;
	}
}

type Copied = { copy: Copy } | { trouble: string; waitMs?: number };

function copyOf(attempt: Attempt, { address, fixed }: Document, own: Copy | undefined): Copied {
	if ('trouble' in attempt) return { trouble: troubleWords(attempt.trouble).result };
	const { status, body, headers } = attempt.reply;
	if (status === 304 && own) return { copy: own };
	if (status === 404 && fixed) return { copy: { address, text: '' } };
	if (status !== 200) {
		const waitMs = waitIn(headers);
		const asks = waitMs === undefined ? '' : ', and asks me to wait';
		return { trouble: `it answers with status ${status}${asks}`, ...(waitMs !== undefined && { waitMs }) };
	}
	const { etag, 'last-modified': modified } = headers;
	return {
		copy: {
			address,
			text: body,
			...(isHeader(etag) && { etag }),
			...(isHeader(modified) && { modified }),
		},
	};
}

/** What goes back to the server in a header is short and printable. */
function isHeader(text: string | undefined): text is string {
	return text !== undefined && /^[\x20-\x7E]{1,300}$/.test(text);
}

/** `Retry-After` in seconds, or GitHub's moment from which it answers again; by the server's own clock. */
function waitIn(headers: Readonly<Record<string, string>>): number | undefined {
	const { 'retry-after': after, 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset, date } = headers;
	if (after !== undefined && /^\d{1,9}$/.test(after)) return Number(after) * 1000;
	if (remaining !== '0' || reset === undefined || !/^\d{1,12}$/.test(reset)) return undefined;
	const wait = Number(reset) * 1000 - Date.parse(date ?? '');
	return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

function filled(address: string, parts: Record<string, string>): string {
	return address.replace(/\{(\w+)\}/g, (whole, name: string) => parts[name] ?? whole);
}

/** The sources in the order to read them: the feed says of which release the others are to be asked. */
function sourcesOf(
	settings: SourcesSettings,
	values: Sources & { lifecycles: Record<string, Lifecycle> },
	known: Known,
): Source[] {
	const newestKnown = known.releases.at(-1)?.version;
	const freshWithFacts = () => {
		const before = new Set(known.releases.map(({ version }) => version));
		const fresh = (values.feed ?? []).filter(({ version }) => !before.has(version) && !isCandidate(version));
		return fresh.slice(-mostFacts);
	};
	return [
		{
			name: 'releases',
			hours: settings.releases.hours,
			documents: () => [{ key: 'feed', address: settings.releases.address }],
			take(text) {
				const reading = readFeed(text('feed'));
				if ('reason' in reading) return reading.reason;
				const back = feedGoesBack(values.feed ?? [], reading.value);
				if (back === undefined) values.feed = reading.value;
				return back;
			},
			lacks() {
				const isComplete = values.feed?.some(({ version }) =>
					known.releases.some(release => release.version === version),
				);
				if (isComplete || newestKnown === undefined) return undefined;
				return `it does not reach back to ${newestKnown}: releases in between are unknown, take a newer Glia`;
			},
		},
		{
			name: 'upgrade notes',
			hours: settings.upgradeNotes.hours,
			documents() {
				const newest = values.feed?.at(-1);
				return newest ? [{ key: 'notes', address: filled(settings.upgradeNotes.address, { tag: newest.tag }) }] : [];
			},
			take(text) {
				const reading = readUpgradeNotes(text('notes'));
				if ('reason' in reading) return reading.reason;
				const less = shrinks(values.upgradeNotes?.length ?? 0, reading.value.length, 'passages');
				if (less === undefined) values.upgradeNotes = reading.value;
				return less;
			},
		},
		{
			name: 'facts of releases',
			hours: settings.files.hours,
			documents: () =>
				freshWithFacts().flatMap(({ version, tag }) =>
					factPaths.map(path => ({
						key: `${version} ${path}`,
						address: filled(settings.files.address, { tag, path }),
						fixed: true,
					})),
				),
			take(text) {
				const files = new Map<Version, Map<string, string>>();
				for (const { version } of freshWithFacts()) {
					const texts = new Map(factPaths.map(path => [path as string, text(`${version} ${path}`)]));
					if ([...texts.values()].some(one => /SCHEMA_VERSION = \d/.test(one))) files.set(version, texts);
					else return `${version} has no schema version`;
				}
				values.files = files;
				return undefined;
			},
		},
		{
			name: 'advisories',
			hours: settings.advisories.hours,
			documents: () => [
				{
					key: 'advisories',
					address: settings.advisories.address,
					...(settings.advisories.post !== undefined && { post: settings.advisories.post }),
				},
			],
			take(text) {
				const reading = readAdvisories(text('advisories'));
				if ('reason' in reading) return reading.reason;
				const count = values.advisories?.advisories.length ?? 0;
				const less = shrinks(count, reading.value.advisories.length, 'advisories');
				if (less === undefined) values.advisories = reading.value;
				return less;
			},
			lacks() {
				const ids = known.advisories.flatMap(({ id, aliases }) => [id, ...aliases]);
				const unclear = values.advisories?.unclear.filter(id => !ids.includes(id)) ?? [];
				return unclear.length
					? `nobody can make out which releases these concern: ${unclear
							.slice(0, 5)
							.map(id => quoted(id))
							.join(', ')}`
					: undefined;
			},
		},
		...Object.entries(products).map(
			([product, name]): Source => ({
				name: `support of ${name}`,
				hours: settings.lifecycles.hours,
				documents: () => [{ key: product, address: filled(settings.lifecycles.address, { product }) }],
				take(text) {
					const reading = readLifecycle(text(product), product);
					if ('reason' in reading) return reading.reason;
					const count = values.lifecycles[product]?.releases.length ?? 0;
					const less = shrinks(count, reading.value.releases.length, 'releases');
					if (less === undefined) values.lifecycles[product] = reading.value;
					return less;
				},
			}),
		),
		{
			name: 'playbook',
			hours: settings.playbook.hours,
			documents: () => [
				{ key: 'changes', address: settings.playbook.changes },
				{ key: 'defaults', address: settings.playbook.defaults },
			],
			take(text) {
				const changes = playbookEntries(text('changes'));
				if ('reason' in changes) return changes.reason;
				const defaults = playbookSynapse(text('defaults'));
				if ('reason' in defaults) return defaults.reason;
				const less = shrinks(values.playbook?.entries.length ?? 0, changes.entries.length, 'entries');
				if (less === undefined) values.playbook = { ...changes, ...defaults };
				return less;
			},
		},
	];
}

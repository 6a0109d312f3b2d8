// Distributions ship releases later than upstream: which Synapse each one installs now, and its breaking changes.
import type { Profile } from '../../deployment/facts.ts';
import { compare, isAbove, isVersion, type Version } from '../../deployment/version.ts';
import type { Chart, ChartKnowledge, PlaybookKnowledge } from '../../knowledge/schema/distribution.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { daysBetween } from '../../text/local-time.ts';
import { type ChartEntryShown, chartComponent, chartPlan, withLiveCharts } from '../distribution/charts.ts';
import { namesOf } from '../distribution/components.ts';
import { type PlaybookEntryShown, type PlaybookSpan, playbookPlan, upstreamKey } from '../distribution/playbook.ts';

/** Knowledge about distributions, for watching servers. */
export type Carriers = { mdad?: PlaybookKnowledge; ess?: ChartKnowledge };

/** A breaking change of the distribution's own. `told`: uncurated, in upstream's words. */
export type CarrierBreak = { when: string; title: string; sure: boolean; told?: true };

/** The same with everything needed to report it on its day. */
export type DistributionBreak = CarrierBreak & {
	/** The same whether upstream or a curator describes it. */
	key: string;
	/** The key of the passage, if several entries describe it. */
	shared?: string;
	/** The curator's entry. */
	id?: string;
	/** The affected components, by short name. */
	components: readonly string[];
	onlyIf?: string | undefined;
	/** What changed; if uncurated, upstream's words, sanitised. */
	text: string;
	do?: string | undefined;
	first?: string | undefined;
	refuses?: string | undefined;
	waits?: boolean | undefined;
	url?: string | undefined;
};

export type CarriedRelease = {
	of: 'mdad' | 'ess';
	/** The Synapse release that it installs now. */
	newest: Version;
	/** The chart, or the day up to which the playbook is known. */
	as: string;
	/** Where its own changes start: the day or chart that installed the running release. */
	since: string;
	breaks: CarrierBreak[];
};

/** A server's distribution, if our knowledge of it is too old to judge by. */
export type UnknownCarrier = { of: 'mdad' | 'ess'; read: string };

type CarrierRequest = {
	profile: Profile;
	running: Version;
	today: string;
	knowledge: Knowledge;
	carriers?: Carriers | undefined;
};

/** After this many days without reading it, the distribution may have a newer release. */
const maxAge = 45;

/** Undefined: this server gets its releases directly from upstream. */
export function carrierOf({
	profile,
	running,
	today,
	knowledge,
	carriers,
}: CarrierRequest): CarriedRelease | UnknownCarrier | undefined {
	const install = profile.get('install')?.value;
	if (install === 'mdad') {
		const read = readOf(carriers?.mdad, knowledge);
		if (!carriers?.mdad || read === undefined || daysBetween(read, today) > maxAge)
			return { of: 'mdad', read: read ?? '' };
		return byPlaybook(carriers.mdad, { profile, running, today, knowledge });
	}
	if (install === 'ess') {
		const ess = carriers?.ess && withLiveCharts(carriers.ess, knowledge.charts);
		if (!ess || daysBetween(ess.read, today) > maxAge) return { of: 'ess', read: ess?.read ?? '' };
		return byCharts(ess, { profile, running, today, knowledge });
	}
	return undefined;
}

/** The day up to which the playbook is known. */
function readOf(playbook: PlaybookKnowledge | undefined, { playbook: live }: Knowledge): string | undefined {
	return [playbook?.read ?? [], live?.read ?? []].flat().sort().at(-1);
}

function byPlaybook(
	playbook: PlaybookKnowledge,
	{ profile, running, today, knowledge }: CarrierRequest,
): CarriedRelease {
	const { playbook: live } = knowledge;
	const curated = playbook.synapse.at(-1)?.synapse ?? '0.0.0';
	const newest = live && isVersion(live.synapse) && isAbove(live.synapse, curated) ? live.synapse : curated;
	// The first day on which it installed the running release or a newer one: no checkout that installed it is older.
	const had = playbook.synapse.find(({ synapse }) => compare(synapse, running) >= 0)?.date;
	const from = had ?? knowledge.releases.find(({ version }) => version === running)?.date ?? playbook.read;
	const changes = playbookBreaks(playbook, { from, fromIsIn: false, to: today }, { profile, knowledge });
	return {
		of: 'mdad',
		newest,
		as: readOf(playbook, knowledge) ?? playbook.read,
		since: from,
		breaks: changes.map(briefly),
	};
}

function briefly({ when, title, sure, told }: DistributionBreak): CarrierBreak {
	return { when, title, sure, ...(told && { told }) };
}

const factVariables = {
	workers: 'matrix_synapse_workers_enabled',
	mas: 'matrix_authentication_service_enabled',
	turn: 'coturn_enabled',
} as const;

function playbookBreaks(
	playbook: PlaybookKnowledge,
	span: PlaybookSpan,
	{ profile, knowledge: { playbook: live, renamed } }: Pick<CarrierRequest, 'profile' | 'knowledge'>,
): DistributionBreak[] {
	const names = namesOf(playbook.entries, playbook.enabled, renamed);
	const stated = new Map(
		Object.entries(factVariables).flatMap(([fact, variable]): [string, boolean][] => {
			const value = profile.get(fact as keyof typeof factVariables)?.value;
			return typeof value === 'boolean' ? [[variable, value]] : [];
		}),
	);
	const { entries, unread } = playbookPlan(span, { stated }, names, { playbook, renamed, live });
	return [
		...entries.filter(({ breaking }) => breaking).map(entry => breakOf(entry, entry.date)),
		...unread
			.filter(({ breaking }) => breaking)
			.map(({ date, heading, url, text = '' }) => {
				return unreadBreak({ when: date, title: heading, url, text, key: upstreamKey([date, heading]) });
			}),
	];
}

function breakOf(
	entry: (PlaybookEntryShown | ChartEntryShown) & { components: readonly string[] },
	when: string,
): DistributionBreak {
	const { id, title, concerned, components, onlyIf, text, do: what, first, refuses, waits, sources } = entry;
	const source = sources.find(({ document }) => document === 'CHANGELOG.md');
	const { section = id, heading = '', bullet } = source ?? {};
	return {
		when,
		title,
		sure: concerned === true,
		id,
		key: upstreamKey([section, heading, ...(bullet === undefined ? [] : [bullet])]),
		components,
		onlyIf,
		text,
		do: what,
		first,
		refuses,
		waits,
		url: source?.url,
	};
}

function unreadBreak(found: Pick<DistributionBreak, 'when' | 'title' | 'key' | 'text' | 'url'>): DistributionBreak {
	return { ...found, sure: false, told: true, components: [] };
}

function byCharts(charts: ChartKnowledge, { running, profile }: CarrierRequest): CarriedRelease | UnknownCarrier {
	const last = charts.charts.at(-1);
	if (!last) return { of: 'ess', read: charts.read };
	const first = charts.charts.findLast(({ synapse }) => compare(synapse, running) <= 0) ?? charts.charts[0] ?? last;
	return {
		of: 'ess',
		newest: last.synapse,
		as: last.chart,
		since: first.chart,
		breaks: chartBreaks(charts, first, last, profile).map(briefly),
	};
}

function chartBreaks(known: ChartKnowledge, from: Chart, to: Chart, profile: Profile): DistributionBreak[] {
	const mas = profile.get('mas')?.value;
	const stated = new Map(typeof mas === 'boolean' ? [['matrixauthenticationservice', mas] as const] : []);
	const { entries, unread } = chartPlan(from, to, stated, known);
	return [
		...entries
			.filter(({ breaking }) => breaking)
			.map(entry => breakOf({ ...entry, components: [...new Set(entry.components.map(chartComponent))] }, entry.chart)),
		...unread
			.filter(({ breaking }) => breaking)
			.map(({ chart, part, bullet, url, text = '' }) => {
				return unreadBreak({
					when: chart,
					title: `${part}, ${bullet}`,
					url,
					text,
					key: upstreamKey([chart, part, bullet]),
				});
			}),
	];
}

/** Days for which a breaking change is news. After that, updates are announced with the release they bring. */
const newsDays = 30;

/** Recent breaking changes of a server's distribution. */
export function recentBreaks({ profile, today, knowledge, carriers }: Omit<CarrierRequest, 'running'>):
	| {
			of: 'mdad' | 'ess';
			/** The day or chart after which they came. */
			since: string;
			changes: DistributionBreak[];
	  }
	| undefined {
	const install = profile.get('install')?.value;
	const since = new Date(Date.parse(today) - newsDays * 24 * 3600_000).toISOString().slice(0, 10);
	if (install === 'mdad' && carriers?.mdad) {
		const span = { from: since, fromIsIn: true, to: today };
		return { of: 'mdad', since, changes: keyed(playbookBreaks(carriers.mdad, span, { profile, knowledge })) };
	}
	if (install === 'ess' && carriers?.ess) {
		const known = withLiveCharts(carriers.ess, knowledge.charts);
		const fresh = new Set(known.charts.filter(({ date }) => date >= since).map(({ chart }) => chart));
		const at = known.charts.findIndex(({ chart }) => fresh.has(chart));
		const [from, to] = [known.charts[at - 1], known.charts.at(-1)];
		if (!from || !to) return undefined;
		// An older line may get a chart after a newer one.
		const changes = chartBreaks(known, from, to, profile).filter(({ when }) => fresh.has(when));
		return { of: 'ess', since: from.chart, changes: keyed(changes) };
	}
	return undefined;
}

/**
 * One change per key, which identifies its alert. Upstream's words under one key are one change (two bullets may name
 * the same pull request). If several of a curator's entries describe them, each gets a key of its own, which names the
 * entry and not its position, since another one may be added before it.
 */
function keyed(changes: readonly DistributionBreak[]): DistributionBreak[] {
	return [...Map.groupBy(changes, ({ key }) => key)].flatMap(([key, own]) => {
		const [first] = own;
		if (first?.told) return [{ ...first, text: own.map(({ text }) => text).join('\n\n') }];
		return own.length === 1
			? own
			: own.map((change, at) => ({ ...change, key: `${key} ${change.id ?? at + 1}`, shared: key }));
	});
}

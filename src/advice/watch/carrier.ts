// Who lives by a distribution gets a release when that has it: which Synapse it installs now, and what it broke meanwhile.
import type { Profile } from '../../deployment/facts.ts';
import { compare, isAbove, isVersion, type Version } from '../../deployment/version.ts';
import type { ChartKnowledge, PlaybookKnowledge } from '../../knowledge/schema/distribution.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { daysBetween } from '../../text/local-time.ts';
import { chartPlan } from '../distribution/charts.ts';
import { namesOf } from '../distribution/components.ts';
import { playbookPlan } from '../distribution/playbook.ts';

/** What is known of distributions while servers are watched. */
export type Carriers = { mdad?: PlaybookKnowledge; ess?: ChartKnowledge };

/** A change of the distribution's own that breaks something. `told`: nobody has curated it; the words are upstream's. */
export type CarrierBreak = { when: string; title: string; sure: boolean; told?: true };

export type CarriedRelease = {
	of: 'mdad' | 'ess';
	/** The Synapse that it installs now. */
	newest: Version;
	/** The chart, or the day up to which the playbook is known. */
	as: string;
	/** Behind which its own changes lie: the day or the chart that installed what runs. */
	since: string;
	breaks: CarrierBreak[];
};

/** The distribution of a server, where what is known of it is too old to judge by. */
export type UnknownCarrier = { of: 'mdad' | 'ess'; read: string };

type CarrierRequest = {
	profile: Profile;
	running: Version;
	today: string;
	knowledge: Knowledge;
	carriers?: Carriers | undefined;
};

/** So many days without a look, and nobody can say that the distribution has no newer release. */
const maxAge = 45;

/** Undefined: this server gets its releases from upstream itself. */
export function carrierOf({
	profile,
	running,
	today,
	knowledge,
	carriers,
}: CarrierRequest): CarriedRelease | UnknownCarrier | undefined {
	const install = profile.get('install')?.value;
	if (install === 'mdad') {
		const { playbook: live } = knowledge;
		const read = live ? today : carriers?.mdad?.read;
		if (!carriers?.mdad || read === undefined || daysBetween(read, today) > maxAge)
			return { of: 'mdad', read: read ?? '' };
		return byPlaybook(carriers.mdad, { profile, running, today, knowledge });
	}
	if (install === 'ess') {
		const { ess } = carriers ?? {};
		if (!ess || daysBetween(ess.read, today) > maxAge) return { of: 'ess', read: ess?.read ?? '' };
		return byCharts(ess, { profile, running, today, knowledge });
	}
	return undefined;
}

function byPlaybook(
	playbook: PlaybookKnowledge,
	{ profile, running, today, knowledge }: CarrierRequest,
): CarriedRelease {
	const { playbook: live, renamed } = knowledge;
	const curated = playbook.synapse.at(-1)?.synapse ?? '0.0.0';
	const newest = live && isVersion(live.synapse) && isAbove(live.synapse, curated) ? live.synapse : curated;
	// The last day before which it did not have what runs: a checkout that installed it is no older.
	const had = playbook.synapse.find(({ synapse }) => compare(synapse, running) >= 0)?.date;
	const from = had ?? knowledge.releases.find(({ version }) => version === running)?.date ?? playbook.read;
	const names = namesOf(playbook.entries, playbook.enabled, renamed);
	const stated = new Map(
		[
			['workers', 'matrix_synapse_workers_enabled'],
			['mas', 'matrix_authentication_service_enabled'],
			['turn', 'coturn_enabled'],
		].flatMap(([fact = '', variable = '']): [string, boolean][] => {
			const value = profile.get(fact as 'workers')?.value;
			return typeof value === 'boolean' ? [[variable, value]] : [];
		}),
	);
	const span = { from, fromIsIn: false, to: today };
	const { entries, unread } = playbookPlan(span, { stated }, names, { playbook, renamed, live });
	return {
		of: 'mdad',
		newest,
		as: live ? today : playbook.read,
		since: from,
		breaks: [
			...entries
				.filter(({ breaking }) => breaking)
				.map(({ date, title, concerned }) => ({ when: date, title, sure: concerned === true })),
			...unread
				.filter(({ breaking }) => breaking)
				.map(({ date, heading }) => ({ when: date, title: heading, sure: false, told: true as const })),
		],
	};
}

function byCharts(charts: ChartKnowledge, { running, profile }: CarrierRequest): CarriedRelease | UnknownCarrier {
	const last = charts.charts.at(-1);
	if (!last) return { of: 'ess', read: charts.read };
	const first = charts.charts.findLast(({ synapse }) => compare(synapse, running) <= 0) ?? charts.charts[0] ?? last;
	const mas = profile.get('mas')?.value;
	const stated = new Map(typeof mas === 'boolean' ? [['matrixauthenticationservice', mas] as const] : []);
	const { entries } = chartPlan(first, last, stated, charts);
	return {
		of: 'ess',
		newest: last.synapse,
		as: last.chart,
		since: first.chart,
		breaks: entries
			.filter(({ breaking }) => breaking)
			.map(({ chart, title, concerned }) => ({ when: chart, title, sure: concerned === true })),
	};
}
